#include "cpp/comm/control_channel.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/comm/signals.h"

namespace tessera::comm {
namespace {

constexpr int64_t kFarewellMs = 500;

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0) return "unknown";
  return name;
}

absl::Status CheckOptions(const ControlOptions& options) {
  if (options.world < 1 || options.rank < 0 || options.rank >= options.world) {
    return absl::InvalidArgumentError(absl::StrCat("rank: expected 0 to world size - 1, got rank ",
                                                   options.rank, " of ", options.world));
  }
  if (options.port < 0 || options.port > 65535 || (options.port == 0 && options.rank != 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("port: expected 1 to 65535, got ", options.port));
  }
  if (options.join_timeout_ms < 1 || options.heartbeat_timeout_ms < 1 ||
      options.collective_timeout_ms < 1) {
    return absl::InvalidArgumentError("timeouts of the control channel: expected at least 1 ms");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlChannel>> ControlChannel::Join(
    const ControlOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  std::unique_ptr<ControlChannel> channel(new ControlChannel(options));
  RETURN_IF_ERROR(channel->Start());
  RETURN_IF_ERROR(channel->AwaitWelcome());
  return channel;
}

absl::Status ControlChannel::Start() {
  port_ = options_.port;
  if (options_.rank == 0) {
    ServerOptions server;
    server.world = options_.world;
    server.address = options_.address;
    server.port = options_.port;
    server.generation = options_.generation;
    server.join_timeout_ms = options_.join_timeout_ms;
    server.heartbeat_timeout_ms = options_.heartbeat_timeout_ms;
    server.collective_timeout_ms = options_.collective_timeout_ms;
    ASSIGN_OR_RETURN(server_, ControlServer::Start(server));
    port_ = server_->port();
  }
  {
    absl::MutexLock lock(&mutex_);
    server_name_ = absl::StrCat("rank 0 (", options_.address, ":", port_, ")");
  }
  const absl::Time deadline = absl::Now() + absl::Milliseconds(options_.join_timeout_ms);
  absl::StatusOr<Descriptor> socket = Connect(options_.address, port_, deadline);
  if (!socket.ok()) {
    return absl::UnavailableError(
        absl::StrCat("rank 0 cannot be reached: ", socket.status().message()));
  }
  ASSIGN_OR_RETURN(local_address_, LocalAddress(*socket));
  ASSIGN_OR_RETURN(bell_, NewBell());
  connection_ = std::make_unique<Connection>(*std::move(socket));
  Packer hello;
  hello.Text(kGreeting).Number(options_.rank).Number(options_.world).Number(options_.generation);
  hello.Text(HostName()).Number(::getpid());
  connection_->Queue(kHello, hello.Take());
  SignalsBlocked blocked;
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::exception& e) {
    return absl::ResourceExhaustedError(absl::StrCat("control channel: no thread: ", e.what()));
  }
  return absl::OkStatus();
}

absl::Status ControlChannel::AwaitWelcome() {
  // The server watches the join timeout; the rest is for its answer to arrive.
  const int64_t end_ms = SteadyMs() + options_.join_timeout_ms + options_.heartbeat_timeout_ms;
  absl::MutexLock lock(&mutex_);
  while (!is_welcome_ && failure_.ok() && !is_server_gone_) {
    const int64_t left_ms = end_ms - SteadyMs();
    if (left_ms <= 0) {
      return absl::UnavailableError(absl::StrCat(ServerText(), " does not answer"));
    }
    changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(left_ms));
  }
  if (!failure_.ok()) return failure_;
  if (is_server_gone_) {
    return absl::UnavailableError(absl::StrCat(ServerText(), " has left the group"));
  }
  return absl::OkStatus();
}

ControlChannel::~ControlChannel() {
  {
    absl::MutexLock lock(&mutex_);
    is_stopping_ = true;
    outbox_.emplace_back(kBye, "");
    changed_.SignalAll();
  }
  if (bell_.is_open()) Ring(bell_);
  if (thread_.joinable()) thread_.join();
}

void ControlChannel::Run() {
  try {
    Loop();
  } catch (const std::exception& e) {
    Fail(absl::InternalError(absl::StrCat("control channel: ", e.what())));
  }
}

void ControlChannel::Loop() {
  const int64_t beat_ms = std::max<int64_t>(options_.heartbeat_timeout_ms / 5, 1);
  int64_t heard_ms = SteadyMs();
  int64_t round_ms = heard_ms;
  int64_t sent_beat_ms = 0;
  for (;;) {
    bool is_stopping;
    {
      absl::MutexLock lock(&mutex_);
      is_stopping = is_stopping_;
      if (!is_stopping && (is_server_gone_ || !failure_.ok())) {
        // Nothing more to hear or to say; wait for the end.
        while (!is_stopping_) changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(beat_ms));
        is_stopping = true;
      }
    }
    QueueOutbox();
    if (SteadyMs() - sent_beat_ms >= beat_ms) {
      sent_beat_ms = SteadyMs();
      Beat();
    }
    absl::Status status = connection_->Flush();
    if (is_stopping) break;
    pollfd waited[2] = {{connection_->fd(), POLLIN, 0}, {bell_.get(), POLLIN, 0}};
    if (connection_->has_output()) waited[0].events |= POLLOUT;
    ::poll(waited, 2, static_cast<int>(beat_ms));
    if (waited[1].revents != 0) ClearBell(bell_);

    std::vector<Frame> frames;
    if (status.ok()) status = connection_->Receive(frames);
    const int64_t now_ms = SteadyMs();
    // If this process itself was stopped for a while, the silence says nothing about rank 0.
    if (!frames.empty() || now_ms - round_ms > options_.heartbeat_timeout_ms / 2) heard_ms = now_ms;
    round_ms = now_ms;
    for (const Frame& frame : frames) Handle(frame);
    if (!status.ok()) {
      LoseServer(status);
    } else if (now_ms - heard_ms > options_.heartbeat_timeout_ms) {
      LoseServer(absl::DeadlineExceededError(""));
    }
  }
  const int64_t end_ms = SteadyMs() + kFarewellMs;
  while (connection_->has_output() && SteadyMs() < end_ms) {
    if (!connection_->Flush().ok()) return;
    pollfd waited = {connection_->fd(), POLLOUT, 0};
    if (connection_->has_output()) ::poll(&waited, 1, 10);
  }
}

void ControlChannel::QueueOutbox() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [type, payload] : outbox_) {
    // The state of collectives goes first: the server judges a report by it.
    if (type == kTrouble) {
      connection_->Queue(kBeat, Packer().Number(entered_).Number(is_waiting_).Take());
    }
    connection_->Queue(type, payload);
  }
  outbox_.clear();
}

void ControlChannel::Beat() {
  absl::MutexLock lock(&mutex_);
  connection_->Queue(kBeat, Packer().Number(entered_).Number(is_waiting_ ? 1 : 0).Take());
}

void ControlChannel::Handle(const Frame& frame) {
  Unpacker payload(frame.payload);
  switch (frame.type) {
    case kWelcome:
      return HandleWelcome(frame);
    case kRefuse:
      return Fail(absl::FailedPreconditionError(
          absl::StrCat("the group refuses this rank: ", payload.Text())));
    case kValue: {
      const std::string key = payload.Text();
      absl::MutexLock lock(&mutex_);
      values_[key] = payload.Text();
      changed_.SignalAll();
      return;
    }
    case kFail: {
      const auto code = static_cast<absl::StatusCode>(payload.Number());
      return Fail(absl::Status(code, payload.Text()));
    }
    case kBye: {
      absl::MutexLock lock(&mutex_);
      is_server_gone_ = true;
      changed_.SignalAll();
      return;
    }
    default:
      return;
  }
}

void ControlChannel::HandleWelcome(const Frame& frame) {
  Unpacker payload(frame.payload);
  const std::string host = payload.Text();
  const int64_t pid = payload.Number();
  absl::MutexLock lock(&mutex_);
  server_name_ = RankText(0, host, pid);
  is_welcome_ = true;
  changed_.SignalAll();
}

void ControlChannel::LoseServer(const absl::Status& reason) {
  std::string text;
  {
    absl::MutexLock lock(&mutex_);
    if (is_server_gone_) return;
    text = absl::IsDeadlineExceeded(reason)
               ? absl::StrCat(ServerText(), " hangs: no sign of life for ",
                              options_.heartbeat_timeout_ms, " ms")
               : absl::StrCat(ServerText(), " died: ", reason.message(), " without a farewell");
  }
  Fail(absl::UnavailableError(text));
}

void ControlChannel::Fail(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return;
    failure_ = std::move(status);
    changed_.SignalAll();
  }
  absl::MutexLock lock(&callback_mutex_);
  if (callback_) callback_();
}

std::string ControlChannel::ServerText() const { return server_name_; }

void ControlChannel::Send(uint8_t type, std::string payload) {
  {
    absl::MutexLock lock(&mutex_);
    outbox_.emplace_back(type, std::move(payload));
  }
  Ring(bell_);
}

absl::Status ControlChannel::Set(const std::string& key, std::string_view value) {
  Send(kSet, Packer().Text(key).Text(value).Take());
  return failure();
}

absl::StatusOr<std::string> ControlChannel::Get(const std::string& key) {
  Send(kGet, Packer().Text(key).Take());
  const int64_t end_ms = SteadyMs() + options_.join_timeout_ms;
  absl::MutexLock lock(&mutex_);
  for (;;) {
    const auto found = values_.find(key);
    if (found != values_.end()) return found->second;
    if (!failure_.ok()) return failure_;
    if (is_server_gone_) {
      return absl::UnavailableError(absl::StrCat(ServerText(), " has left the group"));
    }
    const int64_t left_ms = end_ms - SteadyMs();
    if (left_ms <= 0) {
      return absl::UnavailableError(absl::StrCat("key '", key, "': not set within ",
                                                 options_.join_timeout_ms, " ms"));
    }
    changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(left_ms));
  }
}

void ControlChannel::EnterCollective() {
  absl::MutexLock lock(&mutex_);
  ++entered_;
  is_waiting_ = true;
}

void ControlChannel::LeaveCollective() {
  absl::MutexLock lock(&mutex_);
  is_waiting_ = false;
}

absl::Status ControlChannel::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

void ControlChannel::OnFailure(std::function<void()> callback) {
  absl::MutexLock lock(&callback_mutex_);
  callback_ = std::move(callback);
  if (callback_ && !failure().ok()) callback_();
}

absl::Status ControlChannel::Explain(std::string_view text) {
  Send(kTrouble, Packer().Text(text).Take());
  // Twice the heartbeat timeout: the server needs one to be sure, its word another at most.
  const int64_t end_ms = SteadyMs() + 2 * options_.heartbeat_timeout_ms;
  absl::MutexLock lock(&mutex_);
  while (failure_.ok() && !is_server_gone_) {
    const int64_t left_ms = end_ms - SteadyMs();
    if (left_ms <= 0) return absl::UnavailableError(text);
    changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(left_ms));
  }
  if (!failure_.ok()) return failure_;
  return absl::UnavailableError(absl::StrCat(ServerText(), " has left the group: ", text));
}

void ControlChannel::Abort(std::string_view reason) {
  Send(kAbort, Packer().Text(reason).Take());
}

}  // namespace tessera::comm
