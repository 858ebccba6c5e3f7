// CallTimer: runs one prepared kernel on memory of its own and says how long that took.
//
// Operands hold numbers between -0.5 and 0.5 (integers: zeros, so calls whose work depends on them
// are not for it), several sets of them where one would stay in a cache from run to run; tasks run
// on the threads that steps run on. What counts is the processor time of each task: dealt out to
// the threads in order, as the pool does where it is alone, they end when a step's tasks would.
// Other programs that take the processors away thus do not count, nor does waking threads. One
// thread drives it.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/exec/thread_pool.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

class CallTimer {
 public:
  // Borrows both; changes the kernel's knobs and where its operands lie. RESOURCE_EXHAUSTED.
  static absl::StatusOr<std::unique_ptr<CallTimer>> Create(PreparedKernel& kernel,
                                                           ThreadPool& pool);

  // Mean seconds of a run with these knobs (none: the kernel's own), as said above, over as many
  // runs as make some milliseconds. INVALID_ARGUMENT for knobs that the kernel refuses; what a
  // kernel fails with.
  absl::StatusOr<double> Seconds(const std::vector<int64_t>& knobs);

 private:
  CallTimer(PreparedKernel& kernel, ThreadPool& pool) : kernel_(kernel), pool_(pool) {}
  absl::Status MakeOperands();
  absl::StatusOr<double> RunOnce();
  double EndOfTasks(int64_t tasks);

  PreparedKernel& kernel_;
  ThreadPool& pool_;
  std::vector<std::vector<Tensor>> sets_;   // of operands
  std::shared_ptr<Buffer> workspace_;
  std::vector<double> task_s_;              // of the phase at hand
  std::vector<double> busy_s_;              // of each thread
  size_t next_set_ = 0;
  int64_t runs_ = 0;                        // of one measurement; 0: not known yet
};

}  // namespace tessera
