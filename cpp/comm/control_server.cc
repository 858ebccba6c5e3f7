#include "cpp/comm/control_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/comm/signals.h"

namespace tessera::comm {
namespace {

constexpr int64_t kFarewellMs = 500;  // at most, for sending what is queued at the end

// One connection, of a rank once it has said hello.
struct Peer {
  explicit Peer(Descriptor socket) : connection(std::move(socket)) {}
  Connection connection;
  int rank = -1;
  bool is_closed = false;
  bool is_refused = false;  // stays until it has read why and closes
  std::vector<std::string> wanted_keys;
};

struct Member {
  bool has_joined = false;
  bool has_left = false;
  std::string host;
  int64_t pid = 0;
  int64_t seen_ms = 0;
  int64_t entered = 0;
  bool is_waiting = false;
  int64_t waiting_since_ms = 0;
};

}  // namespace

int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string RankText(int64_t rank, std::string_view host, int64_t pid) {
  return absl::StrCat("rank ", rank, " (host ", host, ", pid ", pid, ")");
}

// Everything the thread works on. Other threads touch `stopping` and `bell` only.
class ControlServer::State {
 public:
  State(const ServerOptions& options, Descriptor listener, Descriptor bell_to_use)
      : bell(std::move(bell_to_use)),
        options_(options),
        listener_(std::move(listener)),
        members_(static_cast<size_t>(options.world)),
        start_ms_(SteadyMs()) {}

  void Run() {
    while (!stopping) {
      Poll(BeatMs());
      const int64_t now_ms = SteadyMs();
      // After a pause of the whole process nobody else is to blame for the silence.
      if (now_ms - last_round_ms_ > options_.heartbeat_timeout_ms / 2 && last_round_ms_ > 0) {
        for (Member& member : members_) member.seen_ms = now_ms;
      }
      last_round_ms_ = now_ms;
      if (!has_failed_) Check(now_ms);
      if (now_ms - last_beat_ms_ >= BeatMs()) {
        last_beat_ms_ = now_ms;
        for (auto& peer : peers_) peer->connection.Queue(kBeat, "");
      }
      FlushAll();
    }
    SayFarewell();
  }

  std::atomic<bool> stopping = false;
  Descriptor bell;

 private:
  int64_t BeatMs() const { return std::max<int64_t>(options_.heartbeat_timeout_ms / 5, 1); }

  std::string Text(size_t rank) const {
    return RankText(static_cast<int64_t>(rank), members_[rank].host, members_[rank].pid);
  }

  // Waits at most `wait_ms`, then takes what has come.
  void Poll(int64_t wait_ms) {
    std::vector<pollfd> waited = {{listener_.get(), POLLIN, 0}, {bell.get(), POLLIN, 0}};
    for (const auto& peer : peers_) {
      const short events = peer->connection.has_output() ? POLLIN | POLLOUT : POLLIN;
      waited.push_back({peer->connection.fd(), events, 0});
    }
    if (::poll(waited.data(), waited.size(), static_cast<int>(wait_ms)) <= 0) return;
    if (waited[1].revents != 0) ClearBell(bell);
    for (size_t i = 0; i < peers_.size(); ++i) {
      if (waited[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) Receive(*peers_[i]);
    }
    if (waited[0].revents != 0) Accept();
    std::erase_if(peers_, [](const auto& peer) { return peer->is_closed; });
  }

  void Accept() {
    for (;;) {
      Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket.is_open()) return;
      peers_.push_back(std::make_unique<Peer>(std::move(socket)));
    }
  }

  void Receive(Peer& peer) {
    std::vector<Frame> frames;
    const absl::Status status = peer.connection.Receive(frames);
    for (const Frame& frame : frames) {
      if (peer.is_closed) return;
      Handle(peer, frame);
    }
    if (status.ok() || peer.is_closed) return;
    peer.is_closed = true;
    if (peer.rank < 0) return;  // somebody who never belonged to the group
    const auto rank = static_cast<size_t>(peer.rank);
    if (members_[rank].has_left) return;
    Fail(absl::StatusCode::kUnavailable,
         absl::StrCat(Text(rank), " died: ", status.message(), " without a farewell"));
  }

  void Handle(Peer& peer, const Frame& frame) {
    if (peer.is_refused) return;
    if (peer.rank < 0) {
      if (frame.type == kHello) return Welcome(peer, frame);
      peer.is_closed = true;
      return;
    }
    Member& member = members_[static_cast<size_t>(peer.rank)];
    member.seen_ms = SteadyMs();
    Unpacker payload(frame.payload);
    switch (frame.type) {
      case kBeat: {
        const int64_t entered = payload.Number();
        const bool is_waiting = payload.Number() != 0;
        if (entered != member.entered || is_waiting != member.is_waiting) {
          member.waiting_since_ms = member.seen_ms;
        }
        member.entered = entered;
        member.is_waiting = is_waiting;
        return;
      }
      case kSet: {
        const std::string key = payload.Text();
        values_[key] = payload.Text();
        return AnswerWanted();
      }
      case kGet:
        peer.wanted_keys.push_back(payload.Text());
        return AnswerWanted();
      case kAbort:
        return Fail(absl::StatusCode::kAborted,
                    absl::StrCat(Text(static_cast<size_t>(peer.rank)), " aborted: ",
                                 payload.Text()));
      case kTrouble:
        if (trouble_.empty()) {
          trouble_ms_ = SteadyMs();
          trouble_ = absl::StrCat(Text(static_cast<size_t>(peer.rank)), ": ", payload.Text());
        }
        return;
      case kBye:
        member.has_left = true;
        peer.is_closed = true;
        return;
      default:
        return;
    }
  }

  void Welcome(Peer& peer, const Frame& frame) {
    Unpacker payload(frame.payload);
    const std::string greeting = payload.Text();
    const int64_t rank = payload.Number();
    const int64_t world = payload.Number();
    const int64_t generation = payload.Number();
    const std::string host = payload.Text();
    const int64_t pid = payload.Number();
    std::string refusal;
    if (!payload.ok() || greeting != kGreeting) {
      refusal = absl::StrCat("expected the greeting '", kGreeting, "', got '", greeting, "'");
    } else if (generation != options_.generation) {
      refusal = absl::StrCat("generation: the group is ", options_.generation, ", rank ", rank,
                             " is of ", generation);
    } else if (world != options_.world) {
      refusal = absl::StrCat("world size: the group has ", options_.world, ", rank ", rank,
                             " expects ", world);
    } else if (rank < 0 || rank >= options_.world) {
      refusal = absl::StrCat("rank: expected 0 to ", options_.world - 1, ", got ", rank);
    } else if (members_[static_cast<size_t>(rank)].has_joined) {
      refusal = absl::StrCat(Text(static_cast<size_t>(rank)), " has already joined");
    }
    if (!refusal.empty()) {
      peer.connection.Queue(kRefuse, Packer().Text(refusal).Take());
      peer.is_refused = true;
      return;
    }
    peer.rank = static_cast<int>(rank);
    Member& member = members_[static_cast<size_t>(rank)];
    member.has_joined = true;
    member.host = host;
    member.pid = pid;
    member.seen_ms = SteadyMs();
    ++joined_;
    if (joined_ < options_.world) return;
    for (auto& other : peers_) {
      if (other->rank < 0) continue;
      other->connection.Queue(kWelcome,
                              Packer().Text(members_[0].host).Number(members_[0].pid).Take());
    }
  }

  void AnswerWanted() {
    for (auto& peer : peers_) {
      std::erase_if(peer->wanted_keys, [&](const std::string& key) {
        const auto found = values_.find(key);
        if (found == values_.end()) return false;
        peer->connection.Queue(kValue, Packer().Text(key).Text(found->second).Take());
        return true;
      });
    }
  }

  // Looks for a rank that is missing, hung, or gone while others wait for it.
  void Check(int64_t now_ms) {
    if (joined_ < options_.world && now_ms - start_ms_ > options_.join_timeout_ms) {
      std::string missing;
      for (size_t rank = 0; rank < members_.size(); ++rank) {
        if (members_[rank].has_joined) continue;
        absl::StrAppend(&missing, missing.empty() ? "" : ", ", rank);
      }
      return Fail(absl::StatusCode::kUnavailable,
                  absl::StrCat("rank ", missing, " of ", options_.world, " has not joined within ",
                               options_.join_timeout_ms, " ms"));
    }
    for (size_t rank = 0; rank < members_.size(); ++rank) {
      const Member& member = members_[rank];
      if (!member.has_joined || member.has_left) continue;
      if (now_ms - member.seen_ms > options_.heartbeat_timeout_ms) {
        return Fail(absl::StatusCode::kUnavailable,
                    absl::StrCat(Text(rank), " hangs: no sign of life for ",
                                 now_ms - member.seen_ms, " ms"));
      }
    }
    for (size_t rank = 0; rank < members_.size() && !has_failed_; ++rank) {
      if (members_[rank].is_waiting) CheckWaiting(rank, now_ms);
    }
    if (!has_failed_ && !trouble_.empty() &&
        now_ms - trouble_ms_ > options_.heartbeat_timeout_ms) {
      Fail(absl::StatusCode::kUnavailable, trouble_);
    }
  }

  // `waiting` is in a collective: does one of the others keep it from ending?
  void CheckWaiting(size_t waiting, int64_t now_ms) {
    const Member& member = members_[waiting];
    const bool is_late = now_ms - member.waiting_since_ms > options_.collective_timeout_ms;
    for (size_t rank = 0; rank < members_.size(); ++rank) {
      const Member& other = members_[rank];
      if (other.entered >= member.entered) continue;
      if (other.has_left) {
        return Fail(absl::StatusCode::kUnavailable,
                    absl::StrCat(Text(rank), " has left the group, ", Text(waiting),
                                 " waits for it"));
      }
      if (is_late) {
        return Fail(absl::StatusCode::kUnavailable,
                    absl::StrCat(Text(rank), " hangs: ", Text(waiting),
                                 " has waited for it in a collective for ",
                                 now_ms - member.waiting_since_ms, " ms"));
      }
    }
    if (is_late) {
      Fail(absl::StatusCode::kUnavailable,
           absl::StrCat(Text(waiting), ": a collective of all ranks has not ended within ",
                        options_.collective_timeout_ms, " ms"));
    }
  }

  // The first failure counts; everybody hears of it, the one at fault too if it can listen.
  void Fail(absl::StatusCode code, const std::string& text) {
    if (has_failed_) return;
    has_failed_ = true;
    for (auto& peer : peers_) {
      if (peer->rank < 0) continue;
      peer->connection.Queue(kFail, Packer().Number(static_cast<int64_t>(code)).Text(text).Take());
    }
  }

  void FlushAll() {
    // An error shows up as the end of the stream at the next poll.
    for (auto& peer : peers_) peer->connection.Flush().IgnoreError();
  }

  void SayFarewell() {
    for (auto& peer : peers_) peer->connection.Queue(kBye, "");
    const int64_t end_ms = SteadyMs() + kFarewellMs;
    for (;;) {
      FlushAll();
      const bool is_done = std::none_of(peers_.begin(), peers_.end(), [](const auto& peer) {
        return peer->connection.has_output();
      });
      if (is_done || SteadyMs() >= end_ms) return;
      Poll(10);
    }
  }

  const ServerOptions options_;
  Descriptor listener_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Member> members_;
  std::map<std::string, std::string> values_;
  const int64_t start_ms_;
  int joined_ = 0;
  int64_t last_round_ms_ = 0;
  int64_t last_beat_ms_ = 0;
  bool has_failed_ = false;
  std::string trouble_;
  int64_t trouble_ms_ = 0;
};

ControlServer::ControlServer() = default;

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(const ServerOptions& options) {
  ASSIGN_OR_RETURN(Descriptor listener, Listen(options.address, options.port));
  ASSIGN_OR_RETURN(Descriptor bell, NewBell());
  std::unique_ptr<ControlServer> server(new ControlServer());
  ASSIGN_OR_RETURN(server->port_, LocalPort(listener));
  server->state_ = std::make_unique<State>(options, std::move(listener), std::move(bell));
  SignalsBlocked blocked;
  try {
    server->thread_ = std::thread([state = server->state_.get()] {
      try {
        state->Run();
      } catch (const std::exception&) {
        // Out of memory. The connections close with the process, and beats end at once, so the
        // others learn that rank 0 is gone.
      }
    });
  } catch (const std::exception& e) {
    return absl::ResourceExhaustedError(absl::StrCat("control server: no thread: ", e.what()));
  }
  return server;
}

ControlServer::~ControlServer() {
  if (state_ != nullptr) {
    state_->stopping = true;
    Ring(state_->bell);
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace tessera::comm
