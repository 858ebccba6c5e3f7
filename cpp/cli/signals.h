// Signals: SIGINT and SIGTERM become a flag that the program looks at.
//
// The handler only sets the flag and writes a byte into a pipe; whoever waits sees the pipe. The
// same signal again ends the process at once, as signals usually do. One object at a time.
#pragma once

namespace tessera::cli {

class StopSignal {
 public:
  StopSignal();   // from here on the signals are caught
  ~StopSignal();  // and from here on no more
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // The signal that came, or 0.
  int received() const;
  // Becomes readable when a signal came; -1 when there is none (then ask received()).
  int descriptor() const;
  // Waits up to so many seconds, or until a signal came; returns received().
  int WaitFor(double seconds) const;
};

void IgnoreBrokenPipes();

}  // namespace tessera::cli
