#include "cpp/exec/call_timer.h"

#include <algorithm>
#include <chrono>

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

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct TaskContext {
  const tsr_kernel_call* call;
  const tsr_kernel_plan* plan;
  int32_t phase;
};

void RunTask(void* context, int64_t task) {
  const auto* c = static_cast<const TaskContext*>(context);
  c->plan->run(c->call, c->plan, c->phase, task);
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

absl::Status CallTimer::RunOnce() {
  const std::vector<Tensor>& set = sets_[next_set_++ % sets_.size()];
  for (size_t i = 0; i < set.size(); ++i) kernel_.operands[i].data = set[i].data();
  kernel_.call.workspace = workspace_ == nullptr ? nullptr : workspace_->data();
  for (int32_t phase = 0; phase < kernel_.plan.phase_count; ++phase) {
    TaskContext context{&kernel_.call, &kernel_.plan, phase};
    if (!pool_.Run(kernel_.plan.tasks[phase], RunTask, &context)) {
      return absl::InternalError(
          absl::StrCat("kernel ", kernel_.def.name, " threw: ", pool_.last_error()));
    }
  }
  return kernel_.failure.failed() ? kernel_.failure.Take() : absl::OkStatus();
}

absl::StatusOr<double> CallTimer::Seconds(const std::vector<int64_t>& knobs) {
  if (runs_ == 0 || knobs != kernel_.knobs) RETURN_IF_ERROR(SetKnobs(kernel_, knobs));
  if (workspace_ == nullptr || workspace_->bytes() < kernel_.plan.workspace_bytes) {
    workspace_.reset();
    const size_t bytes = std::max<size_t>(64, kernel_.plan.workspace_bytes);
    ASSIGN_OR_RETURN(workspace_, Buffer::Allocate(bytes));
    RETURN_IF_ERROR(RunOnce());   // touches its pages
  }
  if (runs_ == 0) {
    for (size_t i = 0; i < sets_.size(); ++i) RETURN_IF_ERROR(RunOnce());
    const double begin = Now();
    RETURN_IF_ERROR(RunOnce());
    const double once = std::max(Now() - begin, 1e-9);
    runs_ = std::clamp(static_cast<int64_t>(kSampleSeconds / once), int64_t{1}, kMostRuns);
  }
  const double begin = Now();
  for (int64_t i = 0; i < runs_; ++i) RETURN_IF_ERROR(RunOnce());
  return (Now() - begin) / static_cast<double>(runs_);
}

}  // namespace tessera
