// KernelChoice: which kernel does one use of an op at known sizes, and what it prepared.
//
// Candidates are asked best first; one that declines says why, and when all do the error holds
// every refusal. Holds the operands and attributes that the kernel's plan points to. Not
// thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cpp/device/backend.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/function.h"

namespace tessera {

// One value at known sizes.
struct SizedType {
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;
  int64_t count = 0;
  int64_t bytes = 0;

  std::string ToText() const;  // "bf16[8,512]"
};

// What the 47 bits of user addresses hold. Dims come from files and may be anything; below this,
// what plans and kernels reckon from a few values stays in 64 bits.
inline constexpr int64_t kMaxValueBytes = int64_t{1} << 47;

// INVALID_ARGUMENT for a missing size, a negative dim or an element count that leaves 64 bits,
// RESOURCE_EXHAUSTED above kMaxValueBytes.
absl::StatusOr<SizedType> SizeType(const ValueType& type, const SymbolSizes& sizes);

// What kernels of registered ops report. The first failure counts; tasks may run on any thread.
class KernelFailure {
 public:
  // The tsr_kernel_call::fail of a call whose `failure` is one of these.
  static void Fail(void* failure, int32_t code, const char* message, size_t message_len);
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  // The failure; there is none afterwards.
  absl::Status Take();

 private:
  absl::Mutex mutex_;
  std::atomic<bool> failed_{false};
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// A kernel with everything its `run` reads. Not movable: the call points into it.
struct PreparedKernel {
  PreparedKernel() = default;
  PreparedKernel(const PreparedKernel&) = delete;
  PreparedKernel& operator=(const PreparedKernel&) = delete;
  virtual ~PreparedKernel() = default;

  // Fills the call for operands of these types. REQUIRES: `attrs` outlives this; at most
  // TSR_MAX_DIMS dims each.
  void SetCall(const Attrs& node_attrs, const std::vector<const SizedType*>& inputs,
               const std::vector<const SizedType*>& outputs, int isa);

  tsr_kernel_def def{};
  tsr_kernel_call call{};
  tsr_kernel_plan plan{};
  std::vector<tsr_operand> operands;  // inputs, then outputs
  std::vector<tsr_attr> attrs;
  std::vector<int64_t> knobs;         // that the plan was made with; empty: the kernel's own
  KernelFailure failure;
  // Pairs (output, input) that may be the same memory, where that follows from the node rather than
  // from its op and the kernel's flags.
  std::optional<std::vector<std::pair<int, int>>> in_place;

  tsr_operand* input(size_t i) { return &operands[i]; }
  tsr_operand* output(size_t i) { return &operands[call.input_count + i]; }
};

// Whether `kernel`, which does `op`, may have output `o` in the memory of input `k`.
bool AllowsInPlace(const OpDef& op, const PreparedKernel& kernel, int o, int k);

// Chooses and prepares; a `fused` node becomes the kernels of its steps (exec/fused_kernel.h).
// NOT_FOUND with every refusal when no kernel takes it; INTERNAL when a kernel's `prepare` throws
// or fills its plan with nonsense; INVALID_ARGUMENT when what the table says was tuned does not
// fit. REQUIRES: the node is no call; it outlives the result.
absl::StatusOr<std::unique_ptr<PreparedKernel>> ChooseKernel(
    const Node& node, const std::vector<const SizedType*>& inputs,
    const std::vector<const SizedType*>& outputs, const KernelTable& kernels, int isa);

// The same for an op by name with all its attributes, which outlive the result.
absl::StatusOr<std::unique_ptr<PreparedKernel>> ChooseKernel(
    std::string_view op, const Attrs& attrs, const std::vector<const SizedType*>& inputs,
    const std::vector<const SizedType*>& outputs, const KernelTable& kernels, int isa);

// Prepares again with these values of the kernel's knobs; none: its own. INVALID_ARGUMENT with the
// kernel's reason for values that are not in its space; the kernel must not be run then.
absl::Status SetKnobs(PreparedKernel& kernel, std::vector<int64_t> knobs);

// What may be tuned of a prepared kernel; `visit` may be null. NOT_FOUND where that is nothing.
absl::StatusOr<tsr_kernel_space> ExploreKernel(const PreparedKernel& kernel,
                                               tsr_kernel_visit visit, void* user);

// The executor's own kernel: copies `bytes` bytes from input 0 to output 0.
std::unique_ptr<PreparedKernel> NewCopyKernel(int64_t bytes);

// Name of an instruction set as in kernel names: "avx512".
const char* IsaName(int isa);

}  // namespace tessera
