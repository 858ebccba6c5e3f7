// TaskTrace: when which thread worked on which kernel, for a picture of a step.
//
// A span is what one thread did of one use of a kernel, from the start of its first task to the end
// of its last. Threads are numbered as they appear, the one that made the trace first. Thread-safe;
// it locks for every task, so a traced step is a little slower and its numbers are unchanged.
#pragma once

#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace tessera {

struct TaskSpan {
  int call = -1;    // of the program
  int kernel = -1;  // of the function that is called; -1: the action itself, such as a reduction
  int action = 0;   // of the schedule
  int thread = 0;
  int64_t begin_ns = 0, end_ns = 0;  // since the trace was made
};

class TaskTrace {
 public:
  TaskTrace();

  int64_t Now() const;
  // What AddTask calls mean from here on. Between tasks only.
  void BeginUse(int action, int call, int kernel);
  // The calling thread worked from `begin_ns` until now.
  void AddTask(int64_t begin_ns);
  std::vector<TaskSpan> Take();

 private:
  int ThreadNumber();  // under the lock

  const int64_t start_ns_;
  std::mutex mutex_;
  TaskSpan use_;
  size_t first_of_use_ = 0;  // in spans_
  std::vector<std::thread::id> threads_;
  std::vector<TaskSpan> spans_;
};

}  // namespace tessera
