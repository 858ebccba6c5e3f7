#include "cpp/exec/call_timer.h"

#include <time.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// So much lies between two uses of an operand, as it does in a step.
constexpr int64_t kApartBytes = 32 << 20;
constexpr int64_t kMostSets = 8;
constexpr double kSampleSeconds = 2e-3;
constexpr int64_t kMostRuns = 256;

// Seconds that the calling thread has had a processor.
double ProcessorSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct TaskContext {
  const tsr_kernel_call* call;
  const tsr_kernel_plan* plan;
  int32_t phase;
  double* task_s;
};

void RunTask(void* context, int64_t task) {
  const auto* c = static_cast<const TaskContext*>(context);
  const double begin = ProcessorSeconds();
  c->plan->run(c->call, c->plan, c->phase, task);
  c->task_s[task] = ProcessorSeconds() - begin;
}

void Fill(Tensor& tensor) {
  // Repeats after a prime number of elements, so that rows differ.
  constexpr int64_t kPeriod = 8191;
  const int64_t count = tensor.count();
  for (int64_t i = 0; i < std::min(count, kPeriod); ++i) {
    tensor.Put(i, static_cast<double>(MixBits(static_cast<uint64_t>(i)) >> 11) * 0x1p-53 - 0.5);
  }
  const auto size = static_cast<int64_t>(SizeOf(tensor.dtype));
  char* bytes = tensor.data_as<char>();
  for (int64_t done = kPeriod; done < count; done += kPeriod) {
    std::copy_n(bytes, std::min(kPeriod, count - done) * size, bytes + done * size);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<CallTimer>> CallTimer::Create(PreparedKernel& kernel,
                                                             ThreadPool& pool) {
  auto timer = std::unique_ptr<CallTimer>(new CallTimer(kernel, pool));
  RETURN_IF_ERROR(timer->MakeOperands());
  return timer;
}

absl::Status CallTimer::MakeOperands() {
  int64_t bytes = 0;
  for (const tsr_operand& operand : kernel_.operands) {
    int64_t size = static_cast<int64_t>(SizeOf(static_cast<DType>(operand.dtype)));
    for (int32_t d = 0; d < operand.rank; ++d) size *= operand.dims[d];
    bytes += size;
  }
  const int64_t sets = std::clamp<int64_t>(kApartBytes / std::max<int64_t>(bytes, 1), 1, kMostSets);
  sets_.resize(static_cast<size_t>(sets));
  for (std::vector<Tensor>& set : sets_) {
    for (size_t i = 0; i < kernel_.operands.size(); ++i) {
      const tsr_operand& operand = kernel_.operands[i];
      ASSIGN_OR_RETURN(Tensor tensor,
                       Tensor::Zeros(static_cast<DType>(operand.dtype),
                                     {operand.dims, operand.dims + operand.rank}));
      const bool is_input = i < static_cast<size_t>(kernel_.call.input_count);
      if (is_input && IsFloat(tensor.dtype)) Fill(tensor);
      set.push_back(std::move(tensor));
    }
  }
  return absl::OkStatus();
}

// When the tasks of a phase end that each thread takes in order, the next as soon as it is free.
double CallTimer::EndOfTasks(int64_t tasks) {
  busy_s_.assign(static_cast<size_t>(pool_.threads()), 0);
  for (int64_t task = 0; task < tasks; ++task) {
    *std::min_element(busy_s_.begin(), busy_s_.end()) += task_s_[static_cast<size_t>(task)];
  }
  return *std::max_element(busy_s_.begin(), busy_s_.end());
}

absl::StatusOr<double> CallTimer::RunOnce() {
  const std::vector<Tensor>& set = sets_[next_set_++ % sets_.size()];
  for (size_t i = 0; i < set.size(); ++i) kernel_.operands[i].data = set[i].data();
  kernel_.call.workspace = workspace_ == nullptr ? nullptr : workspace_->data();
  double seconds = 0;
  for (int32_t phase = 0; phase < kernel_.plan.phase_count; ++phase) {
    const int64_t tasks = kernel_.plan.tasks[phase];
    if (task_s_.size() < static_cast<size_t>(tasks)) task_s_.resize(static_cast<size_t>(tasks));
    TaskContext context{&kernel_.call, &kernel_.plan, phase, task_s_.data()};
    if (!pool_.Run(tasks, RunTask, &context)) {
      return absl::InternalError(
          absl::StrCat("kernel ", kernel_.def.name, " threw: ", pool_.last_error()));
    }
    seconds += EndOfTasks(tasks);
  }
  if (kernel_.failure.failed()) return kernel_.failure.Take();
  return seconds;
}

absl::StatusOr<double> CallTimer::Seconds(const std::vector<int64_t>& knobs) {
  if (runs_ == 0 || knobs != kernel_.knobs) RETURN_IF_ERROR(SetKnobs(kernel_, knobs));
  if (workspace_ == nullptr || workspace_->bytes() < kernel_.plan.workspace_bytes) {
    workspace_.reset();
    const size_t bytes = std::max<size_t>(64, kernel_.plan.workspace_bytes);
    ASSIGN_OR_RETURN(workspace_, Buffer::Allocate(bytes));
    RETURN_IF_ERROR(RunOnce().status());   // touches its pages
  }
  if (runs_ == 0) {
    for (size_t i = 0; i < sets_.size(); ++i) RETURN_IF_ERROR(RunOnce().status());
    ASSIGN_OR_RETURN(const double once, RunOnce());
    runs_ = std::clamp(static_cast<int64_t>(kSampleSeconds / std::max(once, 1e-9)), int64_t{1},
                       kMostRuns);
  }
  double seconds = 0;
  for (int64_t i = 0; i < runs_; ++i) {
    ASSIGN_OR_RETURN(const double once, RunOnce());
    seconds += once;
  }
  return seconds / static_cast<double>(runs_);
}

}  // namespace tessera
