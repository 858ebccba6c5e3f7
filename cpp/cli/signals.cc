#include "cpp/cli/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

namespace tessera::cli {
namespace {

// A handler can reach globals only.
std::atomic<int> g_received{0};
std::atomic<int> g_write_end{-1};
int g_read_end = -1;
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void OnStopSignal(int signal) {
  const int saved_errno = errno;
  g_received.store(signal);
  const int descriptor = g_write_end.load();
  if (descriptor >= 0) {
    const char byte = 1;
    // A full pipe is readable already.
    [[maybe_unused]] const ssize_t written = write(descriptor, &byte, 1);
  }
  errno = saved_errno;
}

}  // namespace

StopSignal::StopSignal() {
  g_received.store(0);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
    g_read_end = ends[0];
    g_write_end.store(ends[1]);
  }
  struct sigaction action = {};
  action.sa_handler = OnStopSignal;
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

StopSignal::~StopSignal() {
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  const int write_end = g_write_end.exchange(-1);
  if (write_end >= 0) close(write_end);
  if (g_read_end >= 0) close(g_read_end);
  g_read_end = -1;
}

int StopSignal::received() const { return g_received.load(); }

int StopSignal::descriptor() const { return g_read_end; }

int StopSignal::WaitFor(double seconds) const {
  if (g_read_end < 0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    return received();
  }
  struct pollfd wait = {g_read_end, POLLIN, 0};
  poll(&wait, 1, static_cast<int>(seconds * 1000));
  return received();
}

void IgnoreBrokenPipes() { signal(SIGPIPE, SIG_IGN); }

}  // namespace tessera::cli
