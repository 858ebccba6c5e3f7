// ThreadPool: persistent workers that take tasks from a shared counter, then spin briefly and park.
//
// Which worker does which task is left to chance (an atomic counter: a stolen vCPU holds nobody
// up); nothing that is computed may depend on it. The caller takes part. One caller at a time; a
// pool of 1 thread has no workers and runs on the caller alone. A job that is begun inside a task
// of the same pool is done by that task's thread alone. Each thread has a room, memory in which its
// task may write what it likes; a task and a job begun inside it share one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace tessera {

struct ThreadPoolOptions {
  int threads = 1;            // including the caller; at least 1
  int64_t spin_us = 0;        // how long an idle worker spins before it parks; 0 when embedded
};

class ThreadPool {
 public:
  explicit ThreadPool(const ThreadPoolOptions& options);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;
  // Calls run(context, task) for every task in [0, tasks), and returns when all are done. Allocates
  // nothing. `run` must not throw; a thrown exception is caught and reported by the return value.
  // False when a task threw (the first text is in last_error()).
  bool Run(int64_t tasks, void (*run)(void* context, int64_t task), void* context);
  // Inside a task: the room of its thread, TSR_THREAD_ROOM_BYTES (cpp/device/backend.h), 64-byte
  // aligned. Outside of tasks NULL.
  static void* ThreadRoom();
  // Text of the last exception a task threw.
  const char* last_error() const;
  // True when that exception was std::bad_alloc: the host has no memory, nothing is broken.
  bool last_error_is_memory() const;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace tessera
