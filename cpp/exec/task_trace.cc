#include "cpp/exec/task_trace.h"

#include <algorithm>
#include <utility>

#include "cpp/base/clock.h"

namespace tessera {

TaskTrace::TaskTrace() : start_ns_(MonotonicNs()) {
  threads_.push_back(std::this_thread::get_id());
}

int64_t TaskTrace::Now() const { return MonotonicNs() - start_ns_; }

void TaskTrace::BeginUse(int action, int call, int kernel) {
  const std::lock_guard lock(mutex_);
  use_ = {.call = call, .kernel = kernel, .action = action};
  first_of_use_ = spans_.size();
}

void TaskTrace::AddTask(int64_t begin_ns) {
  const int64_t end_ns = Now();
  const std::lock_guard lock(mutex_);
  const int thread = ThreadNumber();
  for (size_t i = first_of_use_; i < spans_.size(); ++i) {
    if (spans_[i].thread != thread) continue;
    spans_[i].end_ns = end_ns;
    return;
  }
  TaskSpan span = use_;
  span.thread = thread;
  span.begin_ns = begin_ns;
  span.end_ns = end_ns;
  spans_.push_back(span);
}

std::vector<TaskSpan> TaskTrace::Take() {
  const std::lock_guard lock(mutex_);
  return std::move(spans_);
}

int TaskTrace::ThreadNumber() {
  const auto found = std::find(threads_.begin(), threads_.end(), std::this_thread::get_id());
  const auto number = static_cast<int>(found - threads_.begin());
  if (found == threads_.end()) threads_.push_back(std::this_thread::get_id());
  return number;
}

}  // namespace tessera
