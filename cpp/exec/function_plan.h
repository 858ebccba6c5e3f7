// FunctionPlan: one flat function at known sizes as a list of prepared kernels with planned memory.
//
// Inputs and outputs lie in slots whose addresses are given for every call; all other values lie in
// a frame, reused by lifetime. Views share their operand's memory, results may take the memory of
// an operand that dies, and copies stand where neither a slot nor the frame can serve directly.
// A call in which one slot is both an input and an output is planned for that: what is still read
// is never overwritten. Planning changes no operand order and no sum, so results have the same bits
// with and without reuse. One thread at a time binds and runs a plan.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/ir/program.h"

namespace tessera {

// Which operands of a call are the same memory. A base is the index of an address that a call
// gives: input i is base i, output j is base (inputs + j), the frame is the last one.
struct CallBinding {
  std::vector<int> inputs;   // base of each input: the first input of the same slot
  std::vector<int> outputs;  // base of each output, an input's when they share a slot; -1: unwanted

  // INVALID_ARGUMENT when two wanted outputs have one slot.
  static absl::StatusOr<CallBinding> Of(const ProgramCall& call);
  // Every operand apart, every output wanted.
  static CallBinding Plain(const Function& function);
  auto operator<=>(const CallBinding&) const = default;
};

// One step of the plan.
struct PlannedKernel {
  std::unique_ptr<PreparedKernel> kernel;
  const Node* node = nullptr;  // nullptr: a copy made by the plan
  int node_index = -1;
  double flops = 0, bytes = 0;

  const char* op() const { return node == nullptr ? "copy" : node->op->name().c_str(); }
};

class FunctionPlan {
 public:
  // Errors name the function, the node and the op; see ChooseKernel for their codes.
  static absl::StatusOr<std::unique_ptr<FunctionPlan>> Make(FunctionRef function,
                                                            const CallBinding& binding,
                                                            const SymbolSizes& sizes,
                                                            const KernelTable& kernels, int isa);

  const Function& function() const { return *function_; }
  std::vector<PlannedKernel>& kernels() { return kernels_; }
  const std::vector<PlannedKernel>& kernels() const { return kernels_; }
  // Inputs, outputs and the frame.
  int base_count() const { return base_count_; }
  int frame_base() const { return base_count_ - 1; }
  int64_t frame_bytes() const { return frame_bytes_; }
  int64_t frame_lower_bound_bytes() const { return frame_lower_bound_bytes_; }
  int64_t workspace_bytes() const { return workspace_bytes_; }
  // Copies that the plan had to add.
  int copy_count() const { return copy_count_; }

  // Points every operand to its place. Allocates nothing.
  void Bind(absl::Span<char* const> bases) const {
    for (const Patch& patch : patches_) patch.operand->data = bases[patch.base] + patch.offset;
  }
  void SetWorkspace(void* workspace) {
    for (PlannedKernel& planned : kernels_) planned.kernel->call.workspace = workspace;
  }

 private:
  friend class FunctionPlanner;
  struct Patch {
    tsr_operand* operand;
    int base;
    int64_t offset;
  };

  FunctionRef function_;
  std::vector<PlannedKernel> kernels_;
  std::vector<Patch> patches_;
  int base_count_ = 0;
  int copy_count_ = 0;
  int64_t frame_bytes_ = 0;
  int64_t frame_lower_bound_bytes_ = 0;
  int64_t workspace_bytes_ = 0;
};

}  // namespace tessera
