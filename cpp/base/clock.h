// Clocks: a monotonic one to measure with and a wall clock to stamp with. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

namespace tessera {

// Nanoseconds since some fixed moment; never goes back.
inline int64_t MonotonicNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline double MonotonicSeconds() { return static_cast<double>(MonotonicNs()) * 1e-9; }

// Milliseconds since 1970, UTC; may jump when the machine's clock is set.
inline int64_t WallMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Seconds since it was made or restarted.
class Stopwatch {
 public:
  double Seconds() const { return static_cast<double>(MonotonicNs() - start_ns_) * 1e-9; }
  void Restart() { start_ns_ = MonotonicNs(); }

 private:
  int64_t start_ns_ = MonotonicNs();
};

}  // namespace tessera
