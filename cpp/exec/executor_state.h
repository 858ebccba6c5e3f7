// What an Executor holds: plans, memory and the addresses of all slots. Used by executor*.cc only.
#pragma once

#include <memory>
#include <vector>

#include "cpp/exec/executor.h"
#include "cpp/exec/function_plan.h"
#include "cpp/exec/slot_plan.h"
#include "cpp/exec/task_trace.h"

namespace tessera {

// Everything that is known before memory is taken.
struct ProgramPlan {
  SlotPlan slots;
  std::vector<std::unique_ptr<FunctionPlan>> functions;  // per (function, binding)
  std::vector<int> call_functions;                       // per call of the program
  MemoryReport memory;

  static absl::StatusOr<ProgramPlan> Make(const Program& program, const KernelTable& kernels,
                                          const ExecutorOptions& options);
};

struct KernelTime {
  double seconds = 0;
  int64_t uses = 0;
};

struct Executor::State {
  std::shared_ptr<const Program> program;
  ExecutorOptions options;
  ThreadPool* pool = nullptr;
  std::unique_ptr<ThreadPool> own_pool;  // when none was given
  std::shared_ptr<SlotStore> store;
  ProgramPlan plan;

  std::vector<std::shared_ptr<Buffer>> gradient_buffers;  // per bucket
  std::shared_ptr<Buffer> owned_buffer;
  std::shared_ptr<Buffer> arena_buffer;  // arena, then frame, then workspace
  std::vector<Tensor> persistent;        // per instance, undefined for others
  std::vector<char*> addresses;          // per instance
  char* frame = nullptr;

  std::vector<char*> bases;  // of the call at hand; sized for the largest function
  std::vector<std::vector<KernelTime>> times;     // per call, per kernel; empty unless profiled
  std::vector<ActionKind> call_kinds;             // per call
  std::unique_ptr<TaskTrace> trace;               // nullptr unless started

  absl::Status Allocate();
  absl::Status RunAction(const Action& action);    // and its place in the trace
  absl::Status RunActionOf(const Action& action);
  absl::Status RunReduce();
  absl::Status RunReduceSlot(const Action& action);
  absl::Status RunTransfer(const Action& action);
  // Points the plan of a call to its slots.
  FunctionPlan& BindCall(const Action& action);
  absl::Status RunKernel(PlannedKernel& planned, const std::string& at);
  absl::StatusOr<Tensor> SlotTensor(int slot, int micro_batch) const;
};

}  // namespace tessera
