// Executor: a Program specialised to sizes, with a static memory plan, ready to run step by step.
//
// Making one chooses a kernel for every node (best first, a declined candidate says why), plans a
// frame for each function (lifetimes, reuse, in-place, views) and a place for each slot, and
// allocates everything. Running allocates nothing. Results do not depend on the number of threads.
// Persistent slots (parameters, weights, state, optimizer slots) live in a SlotStore that several
// executors of one model may share (training and evaluation, other sizes).
// One thread drives an Executor at a time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "cpp/device/backend.h"
#include "cpp/device/communicator.h"
#include "cpp/exec/thread_pool.h"
#include "cpp/exec/tuning_table.h"
#include "cpp/ir/program.h"
#include "cpp/tensor/tensor.h"
#include "cpp/tensor/tensor_pages.h"

namespace tessera {

// Kernels of the backends in use: best first per op, reference last. Only grows: the candidates of
// an op never change, so programs that are planned already are not disturbed. Thread-safe.
class KernelTable {
 public:
  // The backend's structs are copied; strings in them must live on.
  explicit KernelTable(std::vector<tsr_kernel_def> defs);
  // The kernels of `base`, which outlives it, with what was tuned of them. Takes no more kernels:
  // those that `base` takes are here too.
  KernelTable(const KernelTable& base, std::shared_ptr<const TuningTable> tuning);
  KernelTable(const KernelTable&) = delete;
  KernelTable& operator=(const KernelTable&) = delete;
  // Kernels of an op that has none yet; `owner` keeps alive what they point to. ALREADY_EXISTS.
  absl::Status Register(std::vector<tsr_kernel_def> defs, std::shared_ptr<const void> owner);
  absl::Span<const tsr_kernel_def* const> Candidates(std::string_view op) const;
  // A copy of all of them.
  std::vector<tsr_kernel_def> defs() const;
  // nullptr: nothing was tuned.
  const TuningTable* tuning() const { return tuning_.get(); }

 private:
  const KernelTable* const base_ = nullptr;   // nullptr: its own are all there are
  const std::shared_ptr<const TuningTable> tuning_;
  mutable absl::Mutex mutex_;
  std::deque<tsr_kernel_def> defs_ ABSL_GUARDED_BY(mutex_);  // a deque: its elements stay in place
  std::map<std::string, std::vector<const tsr_kernel_def*>, std::less<>> by_op_
      ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const void>> owners_ ABSL_GUARDED_BY(mutex_);
};

// Memory of persistent slots by name and kind. Shared between executors of the same parameters.
class SlotStore {
 public:
  // The tensor of that kind and name, zeroed when new. FAILED_PRECONDITION when it exists with
  // another type.
  absl::StatusOr<Tensor> GetOrCreate(SlotKind kind, const std::string& name, DType dtype,
                                     const std::vector<int64_t>& dims);
  // Shares the memory of `tensor` under that name. ALREADY_EXISTS when there is one.
  absl::Status Put(SlotKind kind, const std::string& name, Tensor tensor);
  // An undefined tensor when there is none.
  Tensor Find(SlotKind kind, std::string_view name) const;
  std::vector<std::pair<SlotKind, std::string>> List() const;

 private:
  std::map<std::pair<SlotKind, std::string>, Tensor, std::less<>> tensors_;
  TensorPages pages_;   // of those it made
};

struct MemoryReport {
  int64_t persistent_bytes = 0;   // parameters, weights, optimizer, state
  int64_t gradient_bytes = 0;
  int64_t activation_bytes = 0;   // temporaries, saved values and results between calls
  int64_t frame_bytes = 0;        // inside the largest function
  int64_t workspace_bytes = 0;    // kernel scratch, beside the rooms of the pool's threads
  int64_t lower_bound_bytes = 0;  // of activations: the most bytes alive at one time
  std::vector<std::pair<std::string, int64_t>> largest;  // slots at the peak

  int64_t total_bytes() const {
    return persistent_bytes + gradient_bytes + activation_bytes + frame_bytes + workspace_bytes;
  }
};

struct ExecutorOptions {
  SymbolSizes sizes;               // of one micro-batch: {"B": 8, "T": 512}
  int isa = TSR_ISA_AMX;           // cap; the machine's own set is the caller's to apply
  int64_t memory_limit_bytes = 0;  // 0: none. Exceeding it is refused before anything is allocated
  bool profile = false;            // time per node, see Executor::Profile
  Communicator* communicator = nullptr;  // borrowed; kReduce actions need it when size() > 1
};

// What one thread did of one use of a kernel, or of an action that has no kernels.
struct TracedSpan {
  std::string op, kernel, at;
  ActionKind kind = ActionKind::kForward;
  int thread = 0;                  // 0: the one that runs the program
  double begin_s = 0, end_s = 0;   // since StartTrace
  double flops = 0, bytes = 0;     // of the whole use, all threads together
};

struct NodeProfile {
  std::string op, kernel, at;
  ActionKind kind = ActionKind::kForward;
  double seconds = 0;
  double flops = 0, bytes = 0;     // of all uses together
  int64_t uses = 0;
};

class Executor {
 public:
  // INVALID_ARGUMENT (sizes), NOT_FOUND (an op without kernel, with every refusal),
  // RESOURCE_EXHAUSTED (limit, with the tensors that make the peak; or no memory).
  // FAILED_PRECONDITION (several ranks, and gradients that need the whole batch).
  static absl::StatusOr<std::unique_ptr<Executor>> Create(
      std::shared_ptr<const Program> program, const KernelTable& kernels, ThreadPool* pool,
      std::shared_ptr<SlotStore> store, const ExecutorOptions& options);
  // The plan alone, no weights or activations allocated.
  static absl::StatusOr<MemoryReport> PlanOnly(std::shared_ptr<const Program> program,
                                               const KernelTable& kernels,
                                               const ExecutorOptions& options);
  ~Executor();

  // Runs the actions of the schedule whose kind is in `kinds`, in schedule order. ABORTED when
  // `cancelled` (may be null) turns true between actions.
  absl::Status Run(absl::Span<const ActionKind> kinds, const std::function<bool()>& cancelled = {});

  // The memory of a slot, as a tensor that shares it. For slots that are not per_micro_batch,
  // `micro_batch` is 0. Temporaries may be overwritten by later actions.
  absl::StatusOr<Tensor> SlotTensor(int slot, int micro_batch = 0) const;

  // After Run with a non-finite result: the first node (in schedule order, running all forward and
  // backward actions again) whose output holds a NaN or infinity though its inputs do not; "" when
  // none. Slow. Gradients, temporaries and results are overwritten, carried state is put back.
  absl::StatusOr<std::string> FirstNonFinite();

  const MemoryReport& memory() const;
  std::vector<NodeProfile> Profile() const;
  // Records what each thread does, from here on until TakeTrace. One thread at a time, as Run.
  void StartTrace();
  std::vector<TracedSpan> TakeTrace();
  // Kernels of its functions that were planned with tuned knobs.
  int tuned_kernel_count() const;
  // "matmul.bf16.avx512_bf16 v1; rms_norm.f32.avx512 v1; ..." sorted, for the numerics fingerprint.
  std::string Fingerprint() const;
  const Program& program() const;

  struct State;

 private:
  explicit Executor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tessera
