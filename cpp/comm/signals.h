// Keeps the signals of the host out of the library's threads, and SIGPIPE out of the host.
//
// A library installs no handler; what it may do is change the mask of its own threads, and for
// the length of a call that of the calling thread. Each object belongs to one thread.
#pragma once

#include <signal.h>

namespace tessera::comm {

// While it lives, this thread and the threads it starts receive no signals. The started ones keep
// that for good, the thread itself gets its old mask back.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// While it lives, writing to a closed socket in this thread gives EPIPE and no SIGPIPE; for
// transports that write without MSG_NOSIGNAL. A SIGPIPE that was pending before stays pending.
class NoSigpipe {
 public:
  NoSigpipe();
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t before_;
  bool was_pending_;
};

}  // namespace tessera::comm
