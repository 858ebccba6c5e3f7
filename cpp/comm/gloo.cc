#include "cpp/comm/gloo.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <functional>
#include <list>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cpp/base/status_macros.h"
#include "cpp/comm/peer.h"
#include "cpp/comm/reduce.h"
#include "cpp/comm/signals.h"
#include "gloo/rendezvous/context.h"
#include "gloo/rendezvous/store.h"
#include "gloo/transport/tcp/device.h"
#include "gloo/transport/unbound_buffer.h"

namespace tessera {
namespace {

using comm::ControlChannel;
using comm::NoSigpipe;
using comm::SignalsBlocked;

// What a failed channel says, on its way through Gloo.
class ChannelError : public std::exception {
 public:
  explicit ChannelError(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// Gloo finds the addresses of the ranks through the control channel. Its interface reports errors
// by exceptions; they end in ConnectAll below.
class ChannelStore : public gloo::rendezvous::Store {
 public:
  explicit ChannelStore(ControlChannel& channel) : channel_(channel) {}

  void set(const std::string& key, const std::vector<char>& data) override {
    const absl::Status status =
        channel_.Set(absl::StrCat("gloo/", key), std::string_view(data.data(), data.size()));
    if (!status.ok()) throw ChannelError(status.ToString());
  }

  std::vector<char> get(const std::string& key) override {
    const absl::StatusOr<std::string> value = channel_.Get(absl::StrCat("gloo/", key));
    if (!value.ok()) throw ChannelError(value.status().ToString());
    return {value->begin(), value->end()};
  }

  void wait(const std::vector<std::string>& keys) override {
    for (const std::string& key : keys) get(key);
  }
  void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds&) override {
    wait(keys);
  }

 private:
  ControlChannel& channel_;
};

// What every rank must be calling alike.
struct CallInfo {
  char name[16] = {};
  int64_t size = 0;
  int64_t detail = 0;

  CallInfo(std::string_view call, int64_t call_size, int64_t call_detail)
      : size(call_size), detail(call_detail) {
    std::memcpy(name, call.data(), std::min(call.size(), sizeof(name) - 1));
  }
  std::string Text() const { return absl::StrCat(name, " of size ", size); }
};

// Slots of Gloo from here on are messages between two ranks, two for each tag; those of the
// collectives count from 1.
constexpr uint64_t kFirstMessageSlot = uint64_t{1} << 48;
uint64_t SlotOf(int tag) { return kFirstMessageSlot + 2 * static_cast<uint64_t>(tag); }
// A rank that is further ahead than this waits.
constexpr size_t kMostSends = 256;

class GlooCommunicator : public Communicator {
 public:
  GlooCommunicator(const GlooOptions& options, std::unique_ptr<ControlChannel> channel)
      : options_(options), channel_(std::move(channel)) {}

  ~GlooCommunicator() override;

  absl::Status ConnectAll();

  int rank() const override { return options_.control.rank; }
  int size() const override { return options_.control.world; }
  absl::Status AllReduce(void* data, int64_t count, DType dtype, ReduceOp op) override;
  absl::Status Broadcast(void* data, int64_t bytes, int root) override;
  absl::Status AllGather(const void* input, int64_t bytes, void* output) override;
  absl::Status Barrier() override;
  absl::Status Send(const void* data, int64_t bytes, int to, int tag) override;
  absl::Status Receive(void* data, int64_t bytes, int from, int tag) override;
  void Abort(std::string_view reason) override;

 private:
  class Exchange;
  // Its size goes ahead of its bytes.
  struct SentMessage;

  // Runs `body`, which moves bytes and may throw what Gloo throws.
  absl::Status Collective(const CallInfo& call, const std::function<void()>& body);
  absl::Status CompareCalls(const CallInfo& call);
  // Sends `share(r)` of the own rank to all and receives the others': the second half of
  // all-reduce and broadcast.
  void GatherShares(char* data, int64_t count, int64_t element_bytes);
  absl::Status Failure();
  // Runs `body`, which may throw; what it throws is explained and ends the group.
  absl::Status Guarded(std::string_view name, const std::function<void()>& body);
  // Waits until at most `left` messages are on their way; throws as Exchange::Wait.
  void FinishSends(size_t left);

  // The rank `step` places on; all start with another peer, so none is stormed.
  int Peer(int step) const { return (rank() + step) % size(); }

  const GlooOptions options_;
  const std::unique_ptr<ControlChannel> channel_;
  std::shared_ptr<gloo::rendezvous::Context> context_;
  uint64_t next_slot_ = 1;
  std::vector<char> scratch_;
  std::list<SentMessage> sent_;   // that Gloo may still read

  absl::Mutex mutex_;
  absl::Status abort_ ABSL_GUARDED_BY(mutex_);
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<gloo::transport::UnboundBuffer*> waiting_ ABSL_GUARDED_BY(mutex_);
};

// Sends and receives under one slot; Wait ends when all are done, or throws.
class GlooCommunicator::Exchange {
 public:
  explicit Exchange(GlooCommunicator& comm) : Exchange(comm, comm.next_slot_++) {}
  Exchange(GlooCommunicator& comm, uint64_t slot) : comm_(comm), slot_(slot) {}

  ~Exchange() {
    absl::MutexLock lock(&comm_.mutex_);
    comm_.waiting_.clear();
  }

  void Send(int peer, const void* data, int64_t bytes) {
    if (bytes == 0) return;
    // Gloo knows no const buffers; sending does not write.
    Add(const_cast<void*>(data), bytes)->send(peer, slot_);
    operations_.push_back({buffers_.back().get(), peer, /*is_receive=*/false});
  }

  void Receive(int peer, void* data, int64_t bytes) {
    if (bytes == 0) return;
    Add(data, bytes)->recv(peer, slot_);
    operations_.push_back({buffers_.back().get(), peer, /*is_receive=*/true});
  }

  void Wait() {
    {
      absl::MutexLock lock(&comm_.mutex_);
      if (comm_.is_broken_) throw ChannelError("the group has failed");
      for (const Operation& operation : operations_) comm_.waiting_.push_back(operation.buffer);
    }
    // The server ends a wait that takes too long and knows who is to blame; this is for a
    // transport that hangs by itself.
    const auto limit = std::chrono::milliseconds(
        comm_.options_.control.collective_timeout_ms +
        4 * comm_.options_.control.heartbeat_timeout_ms);
    for (const Operation& operation : operations_) {
      bool is_done = false;
      try {
        is_done = operation.is_receive ? operation.buffer->waitRecv(limit)
                                       : operation.buffer->waitSend(limit);
      } catch (const std::exception& e) {
        throw ChannelError(absl::StrCat(operation.is_receive ? "receiving from" : "sending to",
                                        " rank ", operation.peer, ": ", e.what()));
      }
      if (!is_done) throw ChannelError("the group has failed");
    }
  }

 private:
  struct Operation {
    gloo::transport::UnboundBuffer* buffer;
    int peer;
    bool is_receive;
  };

  gloo::transport::UnboundBuffer* Add(void* data, int64_t bytes) {
    buffers_.push_back(comm_.context_->createUnboundBuffer(data, static_cast<size_t>(bytes)));
    return buffers_.back().get();
  }

  GlooCommunicator& comm_;
  const uint64_t slot_;
  std::vector<std::unique_ptr<gloo::transport::UnboundBuffer>> buffers_;
  std::vector<Operation> operations_;
};

struct GlooCommunicator::SentMessage {
  SentMessage(GlooCommunicator& comm, uint64_t slot) : head(comm, slot), body(comm, slot + 1) {}

  int64_t size = 0;
  std::vector<char> bytes;
  Exchange head, body;
};

GlooCommunicator::~GlooCommunicator() {
  if (Failure().ok()) Guarded("send", [this] { FinishSends(0); }).IgnoreError();
  channel_->OnFailure(nullptr);
  sent_.clear();
  // The pairs go before the farewell, so that what was sent is out when others hear of it.
  context_.reset();
}

absl::Status GlooCommunicator::ConnectAll() {
  channel_->OnFailure([this] {
    absl::MutexLock lock(&mutex_);
    is_broken_ = true;
    for (gloo::transport::UnboundBuffer* buffer : waiting_) {
      buffer->abortWaitRecv();
      buffer->abortWaitSend();
    }
  });
  if (size() == 1) return absl::OkStatus();
  // Gloo's thread inherits the mask; no signal of the host may end up there, nor a SIGPIPE.
  SignalsBlocked blocked;
  try {
    gloo::transport::tcp::attr attributes;
    attributes.hostname =
        options_.bind_address.empty() ? channel_->local_address() : options_.bind_address;
    std::shared_ptr<gloo::transport::Device> device =
        gloo::transport::tcp::CreateDevice(attributes);
    auto context = std::make_shared<gloo::rendezvous::Context>(rank(), size());
    context->setTimeout(std::chrono::milliseconds(options_.control.join_timeout_ms));
    ChannelStore store(*channel_);
    context->connectFullMesh(store, device);
    context_ = std::move(context);
  } catch (const std::exception& e) {
    return channel_->Explain(absl::StrCat("connecting the ranks: ", e.what()));
  }
  return absl::OkStatus();
}

absl::Status GlooCommunicator::Failure() {
  absl::MutexLock lock(&mutex_);
  if (!abort_.ok()) return abort_;
  return channel_->failure();
}

absl::Status GlooCommunicator::Collective(const CallInfo& call,
                                          const std::function<void()>& body) {
  RETURN_IF_ERROR(Failure());
  if (size() == 1) return absl::OkStatus();
  NoSigpipe no_sigpipe;
  channel_->EnterCollective();
  absl::Status compared;
  const absl::Status status = Guarded(call.name, [&] {
    if (options_.is_checked) compared = CompareCalls(call);
    if (compared.ok()) body();
  });
  channel_->LeaveCollective();
  return compared.ok() ? status : compared;
}

absl::Status GlooCommunicator::Guarded(std::string_view name, const std::function<void()>& body) {
  try {
    body();
    return absl::OkStatus();
  } catch (const std::exception& e) {
    // The channel knows better than the transport why it broke.
    const absl::Status status = channel_->Explain(absl::StrCat(name, ": ", e.what()));
    absl::MutexLock lock(&mutex_);
    if (abort_.ok()) abort_ = status;
    return status;
  }
}

absl::Status GlooCommunicator::CompareCalls(const CallInfo& call) {
  std::vector<CallInfo> calls(static_cast<size_t>(size()), call);
  Exchange exchange(*this);
  for (int step = 1; step < size(); ++step) {
    exchange.Send(Peer(step), &call, sizeof(call));
    const int from = Peer(size() - step);
    exchange.Receive(from, &calls[static_cast<size_t>(from)], sizeof(call));
  }
  exchange.Wait();
  for (int other = 0; other < size(); ++other) {
    const CallInfo& theirs = calls[static_cast<size_t>(other)];
    if (std::memcmp(&theirs, &call, sizeof(call)) == 0) continue;
    absl::MutexLock lock(&mutex_);
    abort_ = absl::InvalidArgumentError(
        absl::StrCat("rank ", rank(), " calls ", call.Text(), ", rank ", other, " calls ",
                     theirs.Text(), "; all ranks must call the same collectives in one order"));
    return abort_;
  }
  return absl::OkStatus();
}

void GlooCommunicator::GatherShares(char* data, int64_t count, int64_t element_bytes) {
  Exchange exchange(*this);
  const Share own = ShareOf(count, rank(), size());
  for (int step = 1; step < size(); ++step) {
    exchange.Send(Peer(step), data + own.begin * element_bytes,
                  (own.end - own.begin) * element_bytes);
    const int from = Peer(size() - step);
    const Share theirs = ShareOf(count, from, size());
    exchange.Receive(from, data + theirs.begin * element_bytes,
                     (theirs.end - theirs.begin) * element_bytes);
  }
  exchange.Wait();
}

absl::Status GlooCommunicator::AllReduce(void* data, int64_t count, DType dtype, ReduceOp op) {
  RETURN_IF_ERROR(CheckReducible(dtype));
  const CallInfo call("all_reduce", count, static_cast<int>(dtype) * 2 + static_cast<int>(op));
  return Collective(call, [&] {
    const auto element_bytes = static_cast<int64_t>(SizeOf(dtype));
    char* bytes = static_cast<char*>(data);
    const Share own = ShareOf(count, rank(), size());
    const int64_t own_bytes = (own.end - own.begin) * element_bytes;
    scratch_.resize(static_cast<size_t>(own_bytes * size()));
    std::vector<const void*> inputs;
    for (int r = 0; r < size(); ++r) inputs.push_back(scratch_.data() + r * own_bytes);
    inputs[static_cast<size_t>(rank())] = bytes + own.begin * element_bytes;
    {
      Exchange exchange(*this);
      for (int step = 1; step < size(); ++step) {
        const int to = Peer(step);
        const Share theirs = ShareOf(count, to, size());
        exchange.Send(to, bytes + theirs.begin * element_bytes,
                      (theirs.end - theirs.begin) * element_bytes);
        const int from = Peer(size() - step);
        exchange.Receive(from, scratch_.data() + from * own_bytes, own_bytes);
      }
      exchange.Wait();
    }
    void* output = bytes + own.begin * element_bytes;
    ReduceInOrder(inputs, absl::MakeConstSpan(&output, 1), own.end - own.begin, dtype, op);
    GatherShares(bytes, count, element_bytes);
  });
}

absl::Status GlooCommunicator::Broadcast(void* data, int64_t bytes, int root) {
  if (root < 0 || root >= size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("broadcast: root: expected 0 to ", size() - 1, ", got ", root));
  }
  // The root hands out one share to each rank, and the ranks exchange them: the root sends its
  // bytes about twice instead of once for every rank.
  return Collective(CallInfo("broadcast", bytes, root), [&] {
    char* block = static_cast<char*>(data);
    {
      Exchange exchange(*this);
      if (rank() == root) {
        for (int step = 1; step < size(); ++step) {
          const Share theirs = ShareOf(bytes, Peer(step), size());
          exchange.Send(Peer(step), block + theirs.begin, theirs.end - theirs.begin);
        }
      } else {
        const Share own = ShareOf(bytes, rank(), size());
        exchange.Receive(root, block + own.begin, own.end - own.begin);
      }
      exchange.Wait();
    }
    GatherShares(block, bytes, 1);
  });
}

absl::Status GlooCommunicator::AllGather(const void* input, int64_t bytes, void* output) {
  char* blocks = static_cast<char*>(output);
  char* own = blocks + rank() * bytes;
  if (bytes > 0 && own != input) std::memcpy(own, input, static_cast<size_t>(bytes));
  return Collective(CallInfo("all_gather", bytes, 0), [&] {
    Exchange exchange(*this);
    for (int step = 1; step < size(); ++step) {
      exchange.Send(Peer(step), own, bytes);
      const int from = Peer(size() - step);
      exchange.Receive(from, blocks + from * bytes, bytes);
    }
    exchange.Wait();
  });
}

absl::Status GlooCommunicator::Barrier() {
  return Collective(CallInfo("barrier", 0, 0), [&] {
    std::vector<char> marks(static_cast<size_t>(size()));
    Exchange exchange(*this);
    for (int step = 1; step < size(); ++step) {
      exchange.Send(Peer(step), &marks[static_cast<size_t>(rank())], 1);
      const int from = Peer(size() - step);
      exchange.Receive(from, &marks[static_cast<size_t>(from)], 1);
    }
    exchange.Wait();
  });
}

absl::Status GlooCommunicator::Send(const void* data, int64_t bytes, int to, int tag) {
  RETURN_IF_ERROR(CheckPeer("send", to, rank(), size()));
  RETURN_IF_ERROR(Failure());
  NoSigpipe no_sigpipe;
  return Guarded("send", [&] {
    FinishSends(kMostSends - 1);
    SentMessage& message = sent_.emplace_back(*this, SlotOf(tag));
    const auto* begin = static_cast<const char*>(data);
    message.size = bytes;
    message.bytes.assign(begin, begin + bytes);
    message.head.Send(to, &message.size, sizeof(message.size));
    message.body.Send(to, message.bytes.data(), bytes);
  });
}

void GlooCommunicator::FinishSends(size_t left) {
  while (sent_.size() > left) {
    sent_.front().head.Wait();
    sent_.front().body.Wait();
    sent_.pop_front();
  }
}

absl::Status GlooCommunicator::Receive(void* data, int64_t bytes, int from, int tag) {
  RETURN_IF_ERROR(CheckPeer("receive", from, rank(), size()));
  RETURN_IF_ERROR(Failure());
  NoSigpipe no_sigpipe;
  int64_t sent_bytes = 0;
  RETURN_IF_ERROR(Guarded("receive", [&] {
    Exchange head(*this, SlotOf(tag));
    head.Receive(from, &sent_bytes, sizeof(sent_bytes));
    head.Wait();
  }));
  if (sent_bytes != bytes) {
    absl::MutexLock lock(&mutex_);
    abort_ = absl::InvalidArgumentError(absl::StrCat("receive: expected ", bytes,
                                                     " bytes from rank ", from, ", got ",
                                                     sent_bytes));
    return abort_;
  }
  return Guarded("receive", [&] {
    Exchange body(*this, SlotOf(tag) + 1);
    body.Receive(from, data, bytes);
    body.Wait();
  });
}

void GlooCommunicator::Abort(std::string_view reason) {
  {
    absl::MutexLock lock(&mutex_);
    if (abort_.ok()) {
      abort_ = absl::AbortedError(absl::StrCat("rank ", rank(), " aborted: ", reason));
    }
  }
  channel_->Abort(reason);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> NewGlooCommunicator(const GlooOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<ControlChannel> channel, ControlChannel::Join(options.control));
  auto communicator = std::make_unique<GlooCommunicator>(options, std::move(channel));
  RETURN_IF_ERROR(communicator->ConnectAll());
  return std::unique_ptr<Communicator>(std::move(communicator));
}

}  // namespace tessera
