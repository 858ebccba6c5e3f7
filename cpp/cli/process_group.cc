#include "cpp/cli/process_group.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cpp/cli/signals.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

using Clock = std::chrono::steady_clock;

// One end of a pipe with what has been read of a line.
struct Stream {
  int descriptor = -1;
  FILE* target = nullptr;
  std::string pending;
};

struct Process {
  pid_t pid = -1;
  bool is_running = false;
  int wait_status = 0;
  Stream streams[2];  // its stdout and stderr
};

double SecondsSince(Clock::time_point time) {
  return std::chrono::duration<double>(Clock::now() - time).count();
}

// A port that nobody listens on now. Another program may take it before rank 0 does; then rank 0
// says so.
Error FreePort(int64_t* out) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool is_bound =
      descriptor >= 0 && bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int problem = errno;
  if (descriptor >= 0) close(descriptor);
  if (!is_bound) {
    return Error(Format("no free port on this machine: %s", std::strerror(problem)),
                 TSR_UNAVAILABLE);
  }
  *out = ntohs(address.sin_port);
  return Error();
}

// In the child, between fork and exec: only what is allowed there, apart from setenv and execvp,
// which are safe because this process has one thread.
[[noreturn]] void BecomeRank(const LaunchPlan& plan, int64_t rank, int64_t port, int out, int error,
                             int report, pid_t parent) {
  setpgid(0, 0);
  // With the launcher gone nobody would end the ranks.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  signal(SIGPIPE, SIG_DFL);
  const int input = open("/dev/null", O_RDONLY);
  dup2(input, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  setenv("RANK", std::to_string(rank).c_str(), 1);
  setenv("LOCAL_RANK", std::to_string(rank).c_str(), 1);
  setenv("WORLD_SIZE", std::to_string(plan.ranks).c_str(), 1);
  setenv("LOCAL_WORLD_SIZE", std::to_string(plan.ranks).c_str(), 1);
  setenv("MASTER_ADDR", "127.0.0.1", 1);
  setenv("MASTER_PORT", std::to_string(port).c_str(), 1);
  std::vector<char*> words;
  for (const std::string& word : plan.command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  const int problem = errno;
  [[maybe_unused]] const ssize_t written = write(report, &problem, sizeof(problem));
  _exit(127);
}

// Starts one rank. UNAVAILABLE when there is no process or no such command.
Error StartRank(const LaunchPlan& plan, int64_t rank, int64_t port, Process* process) {
  int out[2], error[2], report[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(error, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0) {
    return Error(Format("rank %lld: no pipe: %s", static_cast<long long>(rank),
                        std::strerror(errno)), TSR_RESOURCE_EXHAUSTED);
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) BecomeRank(plan, rank, port, out[1], error[1], report[1], parent);
  const int fork_problem = errno;
  close(out[1]);
  close(error[1]);
  close(report[1]);
  int problem = 0;
  ssize_t got = 0;
  if (pid > 0) {
    setpgid(pid, pid);  // also here: a signal may have to be forwarded before the child gets to it
    do {
      got = read(report[0], &problem, sizeof(problem));
    } while (got < 0 && errno == EINTR);
  }
  close(report[0]);
  if (pid < 0 || got > 0) {
    close(out[0]);
    close(error[0]);
    if (pid > 0) waitpid(pid, nullptr, 0);
    return Error(Format("rank %lld: '%s' does not start: %s", static_cast<long long>(rank),
                        plan.command[0].c_str(), std::strerror(pid < 0 ? fork_problem : problem)),
                 TSR_UNAVAILABLE);
  }
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  fcntl(error[0], F_SETFL, O_NONBLOCK);
  process->pid = pid;
  process->is_running = true;
  process->streams[0] = {out[0], stdout, {}};
  process->streams[1] = {error[0], stderr, {}};
  return Error();
}

// "exited with code 1", "was killed by signal 9 (Killed)".
std::string EndText(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return Format("was killed by signal %d (%s)", number, strsignal(number));
  }
  return Format("exited with code %d", WEXITSTATUS(wait_status));
}

class Ranks {
 public:
  explicit Ranks(const LaunchPlan& plan) : plan_(plan) {}
  ~Ranks() {
    SignalAll(SIGKILL);
    for (Process& process : processes_) {
      if (process.is_running) waitpid(process.pid, nullptr, 0);
      for (Stream& stream : process.streams) {
        if (stream.descriptor >= 0) close(stream.descriptor);
      }
    }
  }

  Error Start() {
    int64_t port = plan_.port;
    if (port == 0) CLI_RETURN_IF_ERROR(FreePort(&port));
    for (int64_t rank = 0; rank < plan_.ranks; ++rank) {
      Process process;
      CLI_RETURN_IF_ERROR(StartRank(plan_, rank, port, &process));
      processes_.push_back(std::move(process));
    }
    return Error();
  }

  Error Wait(const StopSignal& signal) {
    while (IsAnyRunning()) {
      PassOutputOn(signal.descriptor(), 0.05);
      Reap();
      if (signal.received() != 0 && !is_forwarded_) {
        is_forwarded_ = true;
        SignalAll(signal.received());
      }
      EndTheRest();
    }
    // What is still in the pipes; a grandchild may hold them open, which is not waited for.
    for (int i = 0; i < 3; ++i) PassOutputOn(-1, 0);
    for (size_t rank = 0; rank < processes_.size(); ++rank) FlushPending(rank);
    if (failed_rank_ < 0) return Error();
    return Error(Format("rank %d %s%s", failed_rank_, EndText(failed_status_).c_str(),
                        ended_by_us_.c_str()),
                 TSR_ABORTED);
  }

 private:
  bool IsAnyRunning() const {
    return std::any_of(processes_.begin(), processes_.end(),
                       [](const Process& process) { return process.is_running; });
  }

  void SignalAll(int number) {
    for (const Process& process : processes_) {
      if (process.is_running) kill(-process.pid, number);
    }
  }

  void Reap() {
    for (size_t rank = 0; rank < processes_.size(); ++rank) {
      Process& process = processes_[rank];
      int status = 0;
      if (!process.is_running || waitpid(process.pid, &status, WNOHANG) != process.pid) continue;
      process.is_running = false;
      process.wait_status = status;
      // The first that fails is the cause; those after it fail because of it. One that was killed
      // says more than one that noticed.
      const bool is_cause = failed_rank_ < 0 || (WIFSIGNALED(status) && !WIFSIGNALED(failed_status_)
                                                 && ended_by_us_.empty());
      if (status != 0 && is_cause) {
        if (failed_rank_ < 0) failed_at_ = Clock::now();
        failed_rank_ = static_cast<int>(rank);
        failed_status_ = status;
      }
    }
  }

  // After a failure: time to end by themselves, then SIGTERM, a little later SIGKILL.
  void EndTheRest() {
    if (failed_rank_ < 0 || !IsAnyRunning()) return;
    const double waited = SecondsSince(failed_at_);
    if (waited >= plan_.timeout_s && ended_by_us_.empty()) {
      for (size_t rank = 0; rank < processes_.size(); ++rank) {
        if (!processes_[rank].is_running) continue;
        ended_by_us_ += Format("%s%zu", ended_by_us_.empty() ? "; ended after the timeout: rank "
                                                             : ", ", rank);
      }
      SignalAll(SIGTERM);
    } else if (waited >= plan_.timeout_s + kGraceSeconds) {
      SignalAll(SIGKILL);
    }
  }

  void PassOutputOn(int extra_descriptor, double seconds) {
    std::vector<struct pollfd> waits;
    for (Process& process : processes_) {
      for (Stream& stream : process.streams) {
        if (stream.descriptor >= 0) waits.push_back({stream.descriptor, POLLIN, 0});
      }
    }
    // Its byte stays in the pipe: once a signal came there is no more waiting for one.
    if (extra_descriptor >= 0 && !is_forwarded_) waits.push_back({extra_descriptor, POLLIN, 0});
    poll(waits.data(), waits.size(), static_cast<int>(seconds * 1000));
    for (size_t rank = 0; rank < processes_.size(); ++rank) {
      for (Stream& stream : processes_[rank].streams) ReadLines(rank, stream);
    }
    std::fflush(stdout);
  }

  void ReadLines(size_t rank, Stream& stream) {
    char buffer[65536];
    while (stream.descriptor >= 0) {
      const ssize_t got = read(stream.descriptor, buffer, sizeof(buffer));
      if (got < 0) {
        if (errno == EINTR) continue;
        return;  // nothing more now
      }
      if (got == 0) {
        close(stream.descriptor);
        stream.descriptor = -1;
        return;
      }
      stream.pending.append(buffer, static_cast<size_t>(got));
      PrintLines(rank, stream, false);
    }
  }

  void PrintLines(size_t rank, Stream& stream, bool also_unfinished) {
    size_t begin = 0;
    for (;;) {
      const size_t end = stream.pending.find('\n', begin);
      if (end == std::string::npos) break;
      PrintLine(rank, stream, begin, end - begin);
      begin = end + 1;
    }
    stream.pending.erase(0, begin);
    // A line without end must not be held in memory for ever.
    if ((also_unfinished && !stream.pending.empty()) || stream.pending.size() > (1 << 20)) {
      PrintLine(rank, stream, 0, stream.pending.size());
      stream.pending.clear();
    }
  }

  void PrintLine(size_t rank, Stream& stream, size_t begin, size_t size) {
    std::fprintf(stream.target, "[%zu] ", rank);
    std::fwrite(stream.pending.data() + begin, 1, size, stream.target);
    std::fputc('\n', stream.target);
  }

  void FlushPending(size_t rank) {
    for (Stream& stream : processes_[rank].streams) PrintLines(rank, stream, true);
  }

  static constexpr double kGraceSeconds = 5;

  const LaunchPlan& plan_;
  std::vector<Process> processes_;
  bool is_forwarded_ = false;
  int failed_rank_ = -1;
  int failed_status_ = 0;
  Clock::time_point failed_at_;
  std::string ended_by_us_;
};

}  // namespace

Error RunRanks(const LaunchPlan& plan) {
  const StopSignal signal;
  Ranks ranks(plan);
  CLI_RETURN_IF_ERROR(ranks.Start());
  return ranks.Wait(signal);
}

}  // namespace tessera::cli
