// Kit: a few ops with kernels of their own, programs built by hand, and a plain interpreter.
//
// The executor is tested apart from the ops and kernels of the product. All kit kernels are f32 and
// split into many small tasks, so that threads and phases are really used.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cpp/exec/executor.h"
#include "cpp/exec/function_plan.h"
#include "cpp/ir/graph.h"

namespace tessera {

// add, mul, neg, fma3 (x*y+z); plain_add (its kernel cannot work in place); matmul, transpose,
// reshape (a view), row_sum (two phases, workspace); append (must alias); update (three in-place
// results); throws; refused (kernels that all decline); unknown (no kernel).
const OpTable& KitOps();
const KernelTable& KitKernels();

// Counts of tasks run by kit kernels since the last call of ResetKitTasks.
void ResetKitTasks();
int64_t KitTasks();

// A function under construction. REQUIRES at the end: ok().
struct FunctionKit {
  explicit FunctionKit(const std::string& name)
      : function(std::make_shared<Function>(name)), graph(KitOps(), *function) {}
  ValueId In(const std::string& name, const Dims& dims, DType dtype = DType::kF32) {
    return function->AddInput(name, InputKind::kArgument, {dtype, dims});
  }
  void Out(const std::string& name, ValueId value) { function->AddOutput(name, value); }

  std::shared_ptr<Function> function;
  Graph graph;
};

struct ProgramKit {
  int AddSlot(const std::string& name, SlotKind kind, const Dims& dims,
              bool per_micro_batch = false);
  int AddCall(const FunctionRef& function, const std::string& at, std::vector<int> inputs,
              std::vector<int> outputs);
  void Act(ActionKind kind, int call, int micro_batch = 0) {
    program->schedule.push_back({kind, call, micro_batch, -1});
  }
  // A program that runs one function once: inputs in kInput slots, outputs in kResult slots.
  static ProgramKit Single(const FunctionRef& function);

  std::shared_ptr<Program> program = std::make_shared<Program>();
};

// Makes an executor, failing the test when that is refused.
std::unique_ptr<Executor> MakeExecutor(const ProgramKit& kit, const SymbolSizes& sizes = {},
                                       ThreadPool* pool = nullptr);

void Fill(const Tensor& tensor, uint64_t seed);          // uniform in [-1, 1)
std::vector<uint8_t> Bytes(const Tensor& tensor);
std::vector<float> Floats(const Tensor& tensor);

// Runs the function node by node, each value in memory of its own. `inputs` as f32 tensors.
absl::StatusOr<std::vector<Tensor>> Interpret(const Function& function,
                                              const std::vector<Tensor>& inputs,
                                              const SymbolSizes& sizes,
                                              const KernelTable& kernels);

}  // namespace tessera
