// The control channel: who is in the group, who is alive, who died, and the word to stop.
//
// Rank 0 hosts a small TCP server (control_server.h); every rank, rank 0 too, holds a channel to
// it. The server notices a rank that dies (its connection closes without a farewell), hangs (no
// heartbeat, or the others wait for it in a collective beyond the limit) or leaves too early, and
// tells everybody; when rank 0 itself is gone the channels notice. It carries no tensors
// (gloo.h does that) but a few keys and values by which a transport finds its peers.
// Thread-safe. A thread of its own beats and listens.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cpp/comm/control_server.h"
#include "cpp/comm/wire.h"

namespace tessera::comm {

struct ControlOptions {
  int rank = 0;
  int world = 1;
  // Where rank 0 listens and the others find it.
  std::string address = "127.0.0.1";
  int port = 0;
  // Number of this start of the job; a rank of another start is refused.
  int64_t generation = 0;
  // All ranks must be there within this time.
  int64_t join_timeout_ms = 60'000;
  // A rank without a sign of life for so long counts as hung. Beats come 5 times as often.
  int64_t heartbeat_timeout_ms = 10'000;
  // How long ranks may wait in a collective for one that does not come though it is alive; longer
  // than anything one rank does alone, such as writing a checkpoint.
  int64_t collective_timeout_ms = 600'000;
};

class ControlChannel {
 public:
  // Joins the group, and hosts it on rank 0; returns when all ranks are there. InvalidArgument on
  // bad options, FailedPrecondition when the group refuses this rank (another generation or world
  // size, a rank twice), Unavailable naming the ranks that are missing after the join timeout.
  static absl::StatusOr<std::unique_ptr<ControlChannel>> Join(const ControlOptions& options);

  // Says farewell, so that the others know this rank did not die.
  ~ControlChannel();
  ControlChannel(const ControlChannel&) = delete;
  ControlChannel& operator=(const ControlChannel&) = delete;

  // Shared by all ranks. Get waits until the key is there: Unavailable after the join timeout or
  // with the failure of the group.
  absl::Status Set(const std::string& key, std::string_view value);
  absl::StatusOr<std::string> Get(const std::string& key);

  // Around every collective: lets the server see who is waiting for whom.
  void EnterCollective();
  void LeaveCollective();

  // Ok as long as the group is whole; then what happened, naming the rank, for ever.
  absl::Status failure() const;

  // Called once, on the channel's thread, when the group fails; at once if it has. Null takes the
  // callback away, and returns only when it is not running.
  void OnFailure(std::function<void()> callback);

  // After the transport failed: reports it and returns what the server finds to be the reason
  // (a rank that died), or `text` itself when no rank is found at fault in time.
  absl::Status Explain(std::string_view text);

  // Tells all ranks to stop; failure() becomes ABORTED with this rank and the reason everywhere.
  void Abort(std::string_view reason);

  // Port of the server; for starting others when the options said 0.
  int port() const { return port_; }

  // Address of this machine on the way to rank 0: where the others can reach this rank.
  const std::string& local_address() const { return local_address_; }

 private:
  explicit ControlChannel(const ControlOptions& options) : options_(options) {}

  absl::Status Start();
  absl::Status AwaitWelcome();
  void Run();
  void Loop();
  void QueueOutbox();
  void Beat();
  void Handle(const Frame& frame);
  void HandleWelcome(const Frame& frame);
  void LoseServer(const absl::Status& reason);
  void Fail(absl::Status status);
  void Send(uint8_t type, std::string payload);
  std::string ServerText() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ControlOptions options_;
  int port_ = 0;
  std::string local_address_;
  std::unique_ptr<ControlServer> server_;  // rank 0
  std::unique_ptr<Connection> connection_;  // of the thread
  Descriptor bell_;
  std::thread thread_;

  mutable absl::Mutex mutex_;
  absl::CondVar changed_;
  std::vector<std::pair<uint8_t, std::string>> outbox_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> values_ ABSL_GUARDED_BY(mutex_);
  std::string server_name_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool is_welcome_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_server_gone_ ABSL_GUARDED_BY(mutex_) = false;  // after its farewell
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t entered_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_waiting_ ABSL_GUARDED_BY(mutex_) = false;

  absl::Mutex callback_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::function<void()> callback_ ABSL_GUARDED_BY(callback_mutex_);
};

}  // namespace tessera::comm
