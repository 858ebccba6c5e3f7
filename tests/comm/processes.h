// Ranks as child processes of a test: each runs a function and sends back a text. Not a test
// itself. The parent must have no other threads when it forks.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace tessera {

// A port that was free a moment ago.
inline int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

struct RankResult {
  pid_t pid = 0;
  std::string text;     // what the function returned
  bool is_done = false;  // false: killed, or still not done at the end of the time
};

// Forks `size` children; child r returns `body(r)`. Waits until all but those in `lost` are done,
// at most `limit_ms`, then kills whoever is left. `meanwhile` runs after the forks, with the pids.
inline std::vector<RankResult> RunProcesses(
    int size, const std::function<std::string(int)>& body, const std::vector<int>& lost = {},
    const std::function<void(const std::vector<RankResult>&)>& meanwhile = nullptr,
    int limit_ms = 30'000) {
  std::vector<RankResult> results(static_cast<size_t>(size));
  std::vector<int> pipes;
  for (int rank = 0; rank < size; ++rank) {
    int ends[2];
    if (::pipe(ends) != 0) return results;
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(ends[0]);
      const std::string text = body(rank) + '\0';  // the last byte says that it is complete
      for (size_t sent = 0; sent < text.size();) {
        const ssize_t written = ::write(ends[1], text.data() + sent, text.size() - sent);
        if (written <= 0) break;
        sent += static_cast<size_t>(written);
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    results[static_cast<size_t>(rank)].pid = pid;
    pipes.push_back(ends[0]);
  }
  if (meanwhile) meanwhile(results);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  for (int rank = 0; rank < size; ++rank) {
    RankResult& result = results[static_cast<size_t>(rank)];
    bool is_lost = false;
    for (int other : lost) is_lost |= other == rank;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      pollfd waited = {pipes[static_cast<size_t>(rank)], POLLIN, 0};
      if (is_lost || left.count() <= 0 ||
          ::poll(&waited, 1, static_cast<int>(left.count())) <= 0) {
        break;
      }
      char buffer[65536];
      const ssize_t got = ::read(waited.fd, buffer, sizeof(buffer));
      if (got <= 0) break;
      result.text.append(buffer, static_cast<size_t>(got));
    }
    result.is_done = !result.text.empty() && result.text.back() == '\0';
    if (result.is_done) result.text.pop_back();
  }
  for (size_t rank = 0; rank < results.size(); ++rank) {
    ::kill(results[rank].pid, SIGKILL);
    ::waitpid(results[rank].pid, nullptr, 0);
    ::close(pipes[rank]);
  }
  return results;
}

}  // namespace tessera
