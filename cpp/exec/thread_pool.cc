#include "cpp/exec/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "cpp/device/backend.h"
#include "cpp/exec/float_state.h"

namespace tessera {
namespace {

// A claim word holds the job's number in its upper half and the tasks left in its lower half, so
// that a worker that comes late can never take a task of a job whose fields it has not seen.
constexpr int kRemainingBits = 32;
constexpr uint64_t kRemainingMask = (uint64_t{1} << kRemainingBits) - 1;
constexpr int64_t kMaxTasksPerJob = int64_t{1} << 30;
constexpr int64_t kCallerSpinUs = 20;  // the last task of others is usually nearly done
constexpr int kPausesPerClockRead = 32;
constexpr size_t kErrorBytes = 512;

// Left as the system maps it, so that only what tasks write takes memory.
struct alignas(64) ThreadRoomBytes {
  char bytes[TSR_THREAD_ROOM_BYTES];
};

// The pool whose task this thread is running, if any, and the thread's room in it.
struct Running {
  const void* pool = nullptr;
  ThreadRoomBytes* room = nullptr;
};
thread_local Running running;

// Marks this thread as running a task of the pool.
class ScopedRunning {
 public:
  explicit ScopedRunning(const Running& now) : before_(std::exchange(running, now)) {}
  ~ScopedRunning() { running = before_; }
  ScopedRunning(const ScopedRunning&) = delete;
  ScopedRunning& operator=(const ScopedRunning&) = delete;

 private:
  const Running before_;
};

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until `ready` or the time is up. True when ready.
template <typename Ready>
bool SpinUntil(int64_t spin_us, Ready ready) {
  if (ready()) return true;
  if (spin_us <= 0) return false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(spin_us);
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      Pause();
      if (ready()) return true;
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

struct ThreadPool::Shared {
  int64_t spin_us = 0;
  std::vector<std::unique_ptr<ThreadRoomBytes>> rooms;   // the caller's, then each worker's
  std::vector<std::thread> workers;
  std::mutex caller_mutex;  // one job at a time

  // The job. Written before `claim` is published, read only by holders of a task of it.
  void (*run)(void*, int64_t) = nullptr;
  void* context = nullptr;
  int64_t first_task = 0;
  int64_t task_count = 0;

  alignas(64) std::atomic<uint64_t> claim{0};
  alignas(64) std::atomic<int64_t> finished{0};
  std::atomic<bool> failed{false};
  std::atomic<bool> error_taken{false};
  std::atomic<bool> error_is_memory{false};
  char error[kErrorBytes] = {};

  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<bool> caller_parked{false};
  std::atomic<bool> stop{false};
  std::mutex park_mutex;
  std::condition_variable work_ready;
  std::condition_variable job_done;

  bool HasWork() const { return (claim.load() & kRemainingMask) != 0; }
  void TakeTasks(ThreadRoomBytes* room);
  void RunTask(int64_t task, ThreadRoomBytes* room);
  void TakeError(const char* text, bool is_memory);
  // Runs `body`; false when it threw, and then its error is taken.
  template <typename Body>
  bool Catch(const Body& body);
  bool RunNested(int64_t tasks, void (*nested)(void*, int64_t), void* data);
  void WorkerLoop(ThreadRoomBytes* room);
  bool RunJob(int64_t first, int64_t count);
};

template <typename Body>
bool ThreadPool::Shared::Catch(const Body& body) {
  try {
    body();
    return true;
  } catch (const std::bad_alloc& exception) {
    TakeError(exception.what(), true);
  } catch (const std::exception& exception) {
    TakeError(exception.what(), false);
  } catch (...) {
    TakeError("unknown exception", false);
  }
  return false;
}

// The job that another one waits for: a task of a host runs a program of the same runtime.
bool ThreadPool::Shared::RunNested(int64_t tasks, void (*nested)(void*, int64_t), void* data) {
  return Catch([&] {
    for (int64_t task = 0; task < tasks; ++task) nested(data, task);
  });
}

void ThreadPool::Shared::TakeError(const char* text, bool is_memory) {
  if (error_taken.exchange(true)) return;
  std::snprintf(error, sizeof(error), "%s", text);
  error_is_memory.store(is_memory);
}

void ThreadPool::Shared::RunTask(int64_t task, ThreadRoomBytes* room) {
  if (failed.load(std::memory_order_relaxed)) return;
  const ScopedRunning scope({this, room});
  if (!Catch([&] { run(context, task); })) failed.store(true);
}

// Claims and runs tasks until none is left.
void ThreadPool::Shared::TakeTasks(ThreadRoomBytes* room) {
  int64_t done = 0;
  int64_t total = 0;
  uint64_t word = claim.load(std::memory_order_acquire);
  while ((word & kRemainingMask) != 0) {
    if (!claim.compare_exchange_weak(word, word - 1, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
      continue;
    }
    // Holding a task of this job keeps its fields as they are until `finished` counts it.
    total = task_count;
    RunTask(first_task + total - static_cast<int64_t>(word & kRemainingMask), room);
    ++done;
    word = claim.load(std::memory_order_acquire);
    if ((word & kRemainingMask) == 0) break;
  }
  if (done == 0) return;
  if (finished.fetch_add(done) + done == total && caller_parked.load()) {
    std::lock_guard<std::mutex> lock(park_mutex);
    job_done.notify_one();
  }
}

void ThreadPool::Shared::WorkerLoop(ThreadRoomBytes* room) {
  const ScopedFloatState float_state;
  while (true) {
    SpinUntil(spin_us, [this] { return HasWork() || stop.load(); });
    if (!HasWork() && !stop.load()) {
      std::unique_lock<std::mutex> lock(park_mutex);
      sleepers.fetch_add(1);
      work_ready.wait(lock, [this] { return HasWork() || stop.load(); });
      sleepers.fetch_sub(1);
    }
    if (stop.load()) return;
    SetDefaultFloatState();  // a task of a host may have changed it
    TakeTasks(room);
  }
}

bool ThreadPool::Shared::RunJob(int64_t first, int64_t count) {
  first_task = first;
  task_count = count;
  finished.store(0);
  const uint64_t job = (claim.load() >> kRemainingBits) + 1;
  claim.store((job << kRemainingBits) | static_cast<uint64_t>(count));
  if (sleepers.load() > 0) {
    // Taking the lock means that a worker is either asleep, and is woken, or sees the new work.
    std::lock_guard<std::mutex> lock(park_mutex);
    if (count > 2) {
      work_ready.notify_all();
    } else {
      work_ready.notify_one();
    }
  }
  TakeTasks(rooms[0].get());
  const auto done = [this, count] { return finished.load() == count; };
  if (!SpinUntil(spin_us > kCallerSpinUs ? spin_us : kCallerSpinUs, done)) {
    std::unique_lock<std::mutex> lock(park_mutex);
    caller_parked.store(true);
    job_done.wait(lock, done);
    caller_parked.store(false);
  }
  return !failed.load();
}

ThreadPool::ThreadPool(const ThreadPoolOptions& options) : shared_(std::make_unique<Shared>()) {
  shared_->spin_us = options.spin_us;
  for (int i = 0; i < std::max(1, options.threads); ++i) {
    shared_->rooms.emplace_back(new ThreadRoomBytes);
  }
  try {
    for (int i = 1; i < options.threads; ++i) {
      shared_->workers.emplace_back([shared = shared_.get(), room = shared_->rooms[i].get()] {
        shared->WorkerLoop(room);
      });
    }
  } catch (const std::system_error&) {
    // The system grants no more threads: the pool works with those it has.
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(shared_->park_mutex);
    shared_->stop.store(true);
    shared_->work_ready.notify_all();
  }
  for (std::thread& worker : shared_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(shared_->workers.size()) + 1; }

bool ThreadPool::Run(int64_t tasks, void (*run)(void* context, int64_t task), void* context) {
  if (tasks <= 0) return true;
  Shared& shared = *shared_;
  if (running.pool == &shared) return shared.RunNested(tasks, run, context);
  std::lock_guard<std::mutex> lock(shared.caller_mutex);
  const ScopedFloatState float_state;
  shared.run = run;
  shared.context = context;
  shared.failed.store(false, std::memory_order_relaxed);
  shared.error_taken.store(false, std::memory_order_relaxed);
  if (tasks == 1 || shared.workers.empty()) {
    for (int64_t task = 0; task < tasks; ++task) shared.RunTask(task, shared.rooms[0].get());
    return !shared.failed.load(std::memory_order_relaxed);
  }
  bool ok = true;
  for (int64_t first = 0; first < tasks && ok; first += kMaxTasksPerJob) {
    const int64_t left = tasks - first;
    ok = shared.RunJob(first, left < kMaxTasksPerJob ? left : kMaxTasksPerJob);
  }
  return ok;
}

void* ThreadPool::ThreadRoom() { return running.room; }

const char* ThreadPool::last_error() const { return shared_->error; }
bool ThreadPool::last_error_is_memory() const { return shared_->error_is_memory.load(); }

}  // namespace tessera
