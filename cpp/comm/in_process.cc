#include "cpp/comm/in_process.h"

#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cpp/base/status_macros.h"
#include "cpp/comm/peer.h"
#include "cpp/comm/reduce.h"

namespace tessera {
namespace {

// What a rank is calling: equal on all ranks, or the program is wrong.
struct CallInfo {
  const char* name = "";
  int64_t size = 0;     // elements or bytes
  int detail = 0;       // dtype and op, or the root

  bool operator==(const CallInfo& other) const {
    return std::strcmp(name, other.name) == 0 && size == other.size && detail == other.detail;
  }
  std::string Text() const { return absl::StrCat(name, " of size ", size); }
};

// What the ranks of a group share.
class Group {
 public:
  Group(int size, const InProcessOptions& options)
      : size_(size),
        timeout_(absl::Milliseconds(options.timeout_ms)),
        calls_(static_cast<size_t>(size)),
        in_(static_cast<size_t>(size), nullptr),
        out_(static_cast<size_t>(size), nullptr),
        arrivals_(static_cast<size_t>(size), 0),
        left_(static_cast<size_t>(size), false) {}

  int size() const { return size_; }

  // Publishes this rank's call and memory and waits for all ranks; they must agree. After ok the
  // rank may touch the memory of the others until it calls Exit.
  absl::Status Enter(int rank, const CallInfo& call, const void* in, void* out) {
    absl::MutexLock lock(&mutex_);
    calls_[static_cast<size_t>(rank)] = call;
    in_[static_cast<size_t>(rank)] = in;
    out_[static_cast<size_t>(rank)] = out;
    // Those who are here already wait for this rank, so their calls still stand.
    for (int other = 0; other < size_; ++other) {
      if (arrivals_[static_cast<size_t>(other)] <= arrivals_[static_cast<size_t>(rank)]) continue;
      const CallInfo& theirs = calls_[static_cast<size_t>(other)];
      if (theirs == call) continue;
      return Fail(absl::InvalidArgumentError(
          absl::StrCat("rank ", rank, " calls ", call.Text(), ", rank ", other, " calls ",
                       theirs.Text(), "; all ranks must call the same collectives in one order")));
    }
    RETURN_IF_ERROR(Meet(rank, call.name));
    ++inside_;
    return absl::OkStatus();
  }

  // Waits until no rank touches this one's memory any more, also when it returns an error.
  absl::Status Exit(int rank, const char* name) {
    absl::MutexLock lock(&mutex_);
    --inside_;
    changed_.SignalAll();
    const absl::Status status = Meet(rank, name);
    // Ranks inside compute and do not wait, so this ends.
    while (!status.ok() && inside_ > 0) changed_.Wait(&mutex_);
    return status;
  }

  // Puts a copy of the message where `to` will look for it.
  absl::Status Send(int from, int to, int tag, const void* data, int64_t bytes) {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    std::vector<char> message;
    if (!spare_.empty()) {
      message = std::move(spare_.back());
      spare_.pop_back();
    }
    const auto* begin = static_cast<const char*>(data);
    message.assign(begin, begin + bytes);
    post_[{from, to, tag}].push_back(std::move(message));
    changed_.SignalAll();
    return absl::OkStatus();
  }

  absl::Status Receive(int from, int to, int tag, void* data, int64_t bytes) {
    absl::MutexLock lock(&mutex_);
    std::deque<std::vector<char>>& messages = post_[{from, to, tag}];
    const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout_);
    while (messages.empty()) {
      if (!failure_.ok()) return failure_;
      if (left_[static_cast<size_t>(from)]) {
        return Fail(absl::UnavailableError(
            absl::StrCat("receive: rank ", from, " has left the group")));
      }
      const auto left_time = deadline - std::chrono::steady_clock::now();
      if (left_time <= std::chrono::nanoseconds(0)) {
        return Fail(absl::UnavailableError(absl::StrCat("receive: rank ", from,
                                                        " has sent nothing within ",
                                                        absl::FormatDuration(timeout_))));
      }
      changed_.WaitWithTimeout(&mutex_, absl::FromChrono(left_time));
    }
    if (!failure_.ok()) return failure_;
    std::vector<char> message = std::move(messages.front());
    messages.pop_front();
    if (static_cast<int64_t>(message.size()) != bytes) {
      return Fail(absl::InvalidArgumentError(
          absl::StrCat("receive: expected ", bytes, " bytes from rank ", from, ", got ",
                       message.size())));
    }
    if (bytes > 0) std::memcpy(data, message.data(), message.size());
    spare_.push_back(std::move(message));
    return absl::OkStatus();
  }

  void Abort(int rank, std::string_view reason) {
    absl::MutexLock lock(&mutex_);
    Fail(absl::AbortedError(absl::StrCat("rank ", rank, " aborted: ", reason))).IgnoreError();
  }

  void Leave(int rank) {
    absl::MutexLock lock(&mutex_);
    left_[static_cast<size_t>(rank)] = true;
    changed_.SignalAll();
  }

  // Memory of the ranks; to be read between Enter and Exit, when nobody writes it.
  const std::vector<const void*>& in() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return in_; }
  const std::vector<void*>& out() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return out_; }

 private:
  // Waits until every rank has come here as often as this one.
  absl::Status Meet(int rank, const char* name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!failure_.ok()) return failure_;
    const int64_t meeting = ++arrivals_[static_cast<size_t>(rank)];
    changed_.SignalAll();
    const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout_);
    for (;;) {
      if (!failure_.ok()) return failure_;
      const std::string missing = Missing(meeting, /*only_left=*/false);
      if (missing.empty()) return absl::OkStatus();
      const std::string left = Missing(meeting, /*only_left=*/true);
      if (!left.empty()) {
        return Fail(
            absl::UnavailableError(absl::StrCat(name, ": rank ", left, " has left the group")));
      }
      const auto left_time = deadline - std::chrono::steady_clock::now();
      if (left_time <= std::chrono::nanoseconds(0)) {
        return Fail(absl::UnavailableError(absl::StrCat(name, ": rank ", missing,
                                                        " has not come within ",
                                                        absl::FormatDuration(timeout_))));
      }
      changed_.WaitWithTimeout(&mutex_, absl::FromChrono(left_time));
    }
  }

  // The first failure stands for all ranks and for ever.
  absl::Status Fail(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (failure_.ok()) failure_ = std::move(status);
    changed_.SignalAll();
    return failure_;
  }

  // "1, 3": the ranks that have not come to `meeting`.
  std::string Missing(int64_t meeting, bool only_left) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::string text;
    for (size_t rank = 0; rank < arrivals_.size(); ++rank) {
      if (arrivals_[rank] >= meeting || (only_left && !left_[rank])) continue;
      absl::StrAppend(&text, text.empty() ? "" : ", ", rank);
    }
    return text;
  }

  const int size_;
  const absl::Duration timeout_;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::vector<CallInfo> calls_ ABSL_GUARDED_BY(mutex_);
  std::vector<const void*> in_ ABSL_GUARDED_BY(mutex_);
  std::vector<void*> out_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> arrivals_ ABSL_GUARDED_BY(mutex_);
  std::vector<bool> left_ ABSL_GUARDED_BY(mutex_);
  // Messages that nobody has received yet, by sender, receiver and tag; and used memory.
  std::map<std::tuple<int, int, int>, std::deque<std::vector<char>>> post_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::vector<char>> spare_ ABSL_GUARDED_BY(mutex_);
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

class InProcessCommunicator : public Communicator {
 public:
  InProcessCommunicator(int rank, std::shared_ptr<Group> group)
      : rank_(rank), group_(std::move(group)) {}
  ~InProcessCommunicator() override { group_->Leave(rank_); }

  int rank() const override { return rank_; }
  int size() const override { return group_->size(); }

  absl::Status AllReduce(void* data, int64_t count, DType dtype, ReduceOp op) override {
    RETURN_IF_ERROR(CheckReducible(dtype));
    const int detail = static_cast<int>(dtype) * 2 + static_cast<int>(op);
    RETURN_IF_ERROR(group_->Enter(rank_, {"all_reduce", count, detail}, data, data));
    // This rank alone touches its share, in the memory of every rank.
    const Share share = ShareOf(count, rank_, size());
    const int64_t offset = share.begin * static_cast<int64_t>(SizeOf(dtype));
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    for (void* memory : group_->out()) {
      outputs.push_back(static_cast<char*>(memory) + offset);
      inputs.push_back(outputs.back());
    }
    ReduceInOrder(inputs, outputs, share.end - share.begin, dtype, op);
    return group_->Exit(rank_, "all_reduce");
  }

  absl::Status Broadcast(void* data, int64_t bytes, int root) override {
    if (root < 0 || root >= size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("broadcast: root: expected 0 to ", size() - 1, ", got ", root));
    }
    RETURN_IF_ERROR(group_->Enter(rank_, {"broadcast", bytes, root}, data, data));
    if (rank_ != root && bytes > 0) {
      std::memcpy(data, group_->in()[static_cast<size_t>(root)], static_cast<size_t>(bytes));
    }
    return group_->Exit(rank_, "broadcast");
  }

  absl::Status AllGather(const void* input, int64_t bytes, void* output) override {
    RETURN_IF_ERROR(group_->Enter(rank_, {"all_gather", bytes, 0}, input, output));
    if (bytes > 0) {
      char* block = static_cast<char*>(output);
      for (const void* memory : group_->in()) {
        // In place is allowed: the own block may already stand where it belongs.
        if (block != memory) std::memcpy(block, memory, static_cast<size_t>(bytes));
        block += bytes;
      }
    }
    return group_->Exit(rank_, "all_gather");
  }

  absl::Status Barrier() override {
    RETURN_IF_ERROR(group_->Enter(rank_, {"barrier", 0, 0}, nullptr, nullptr));
    return group_->Exit(rank_, "barrier");
  }

  absl::Status Send(const void* data, int64_t bytes, int to, int tag) override {
    RETURN_IF_ERROR(CheckPeer("send", to, rank_, size()));
    return group_->Send(rank_, to, tag, data, bytes);
  }

  absl::Status Receive(void* data, int64_t bytes, int from, int tag) override {
    RETURN_IF_ERROR(CheckPeer("receive", from, rank_, size()));
    return group_->Receive(from, rank_, tag, data, bytes);
  }

  void Abort(std::string_view reason) override { group_->Abort(rank_, reason); }

 private:
  const int rank_;
  const std::shared_ptr<Group> group_;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> NewInProcessGroup(int size,
                                                             const InProcessOptions& options) {
  auto group = std::make_shared<Group>(size, options);
  std::vector<std::unique_ptr<Communicator>> ranks;
  for (int rank = 0; rank < size; ++rank) {
    ranks.push_back(std::make_unique<InProcessCommunicator>(rank, group));
  }
  return ranks;
}

}  // namespace tessera
