// Every task runs exactly once, whatever the number of threads and the timing; exceptions come back
// as values; the floating-point state of tasks is the same everywhere.
#include "cpp/exec/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cpp/device/backend.h"
#include "cpp/exec/float_state.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

struct Counts {
  explicit Counts(int64_t tasks) : runs(tasks) {}
  std::vector<std::atomic<int>> runs;
};

void CountTask(void* context, int64_t task) { static_cast<Counts*>(context)->runs[task]++; }

class ThreadPoolTest : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(ThreadPoolTest, RunsEveryTaskExactlyOnce) {
  ThreadPool pool({.threads = GetParam().first, .spin_us = GetParam().second});
  EXPECT_EQ(pool.threads(), GetParam().first);
  for (int round = 0; round < 300; ++round) {
    const int64_t tasks = round % 37;
    Counts counts(tasks);
    ASSERT_TRUE(pool.Run(tasks, CountTask, &counts));
    for (const auto& runs : counts.runs) ASSERT_EQ(runs.load(), 1) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest,
                         testing::Values(std::pair(1, 0), std::pair(2, 0), std::pair(2, 50),
                                         std::pair(3, 0), std::pair(8, 20)));

TEST(ThreadPoolTest, WorkersHelpWhenOneTaskIsSlow) {
  // The first task waits for the second, which only another thread can run.
  ThreadPool pool({.threads = 2});
  std::atomic<bool> second_ran{false};
  ASSERT_TRUE(pool.Run(
      2,
      [](void* context, int64_t task) {
        auto* flag = static_cast<std::atomic<bool>*>(context);
        if (task == 1) flag->store(true);
        for (int i = 0; task == 0 && i < 20000 && !flag->load(); ++i) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      },
      &second_ran));
  EXPECT_TRUE(second_ran.load());
}

TEST(ThreadPoolTest, AnExceptionIsReportedAndThePoolLives) {
  ThreadPool pool({.threads = 3});
  for (int round = 0; round < 20; ++round) {
    EXPECT_FALSE(pool.Run(
        16,
        [](void*, int64_t task) {
          if (task == 5) throw std::runtime_error("task five");
        },
        nullptr));
    EXPECT_STREQ(pool.last_error(), "task five");
    Counts counts(16);
    ASSERT_TRUE(pool.Run(16, CountTask, &counts));
    for (const auto& runs : counts.runs) EXPECT_EQ(runs.load(), 1);
  }
  EXPECT_FALSE(pool.Run(1, [](void*, int64_t) { throw 7; }, nullptr));
  EXPECT_STREQ(pool.last_error(), "unknown exception");
}

TEST(ThreadPoolTest, CallersOnTwoThreadsTakeTurns) {
  ThreadPool pool({.threads = 2});
  const auto work = [&pool] {
    for (int round = 0; round < 200; ++round) {
      Counts counts(9);
      ASSERT_TRUE(pool.Run(9, CountTask, &counts));
      for (const auto& runs : counts.runs) ASSERT_EQ(runs.load(), 1);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

#if defined(__x86_64__)
TEST(ThreadPoolTest, TasksKeepDenormalsWhateverTheHostHasSet) {
  constexpr FloatState kFlushToZero = kDefaultFloatState | 0x8040;
  const FloatState before = ReadFloatState();
  WriteFloatState(kFlushToZero);
  ThreadPool pool({.threads = 3});
  std::vector<FloatState> seen(64, 0);
  EXPECT_TRUE(pool.Run(
      64,
      [](void* context, int64_t task) {
        (*static_cast<std::vector<FloatState>*>(context))[task] = ReadFloatState() & ~0x3fu;
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      },
      &seen));
  EXPECT_EQ(ReadFloatState() & ~0x3fu, kFlushToZero) << "the host's own state comes back";
  WriteFloatState(before);
  for (FloatState state : seen) EXPECT_EQ(state, kDefaultFloatState);
}
#endif

// A task that begins a job of the same pool does it alone, whichever thread it runs on.
TEST(ThreadPoolTest, JobsWithinTasksAreDoneByTheTasksThread) {
  ThreadPool pool({.threads = 3});
  struct Context {
    ThreadPool* pool;
    std::atomic<int> done{0};
    std::atomic<int> failed{0};
  } context{&pool};
  static constexpr auto inner = [](void* data, int64_t task) {
    if (task == 3) throw std::bad_alloc();
    static_cast<Context*>(data)->done.fetch_add(1);
  };
  static constexpr auto outer = [](void* data, int64_t) {
    auto* self = static_cast<Context*>(data);
    if (!self->pool->Run(5, inner, data)) self->failed.fetch_add(1);
  };
  EXPECT_TRUE(pool.Run(20, outer, &context));
  EXPECT_EQ(context.done.load(), 60);
  EXPECT_EQ(context.failed.load(), 20);
  EXPECT_TRUE(pool.last_error_is_memory());
}

// Every thread has one room, whatever its task; no two threads of a pool and no two pools share it.
TEST(ThreadPoolTest, TasksWriteInTheRoomOfTheirThread) {
  EXPECT_EQ(ThreadPool::ThreadRoom(), nullptr) << "outside of tasks";
  ThreadPool pool({.threads = 3}), other({.threads = 1});
  struct Context {
    ThreadPool* pool;
    ThreadPool* other;
    std::atomic<int> wrong{0};
  } context{&pool, &other};
  static constexpr auto share = [](void* room, int64_t) {
    if (ThreadPool::ThreadRoom() != room) throw std::runtime_error("another room");
  };
  static constexpr auto avoid = [](void* room, int64_t) {
    if (ThreadPool::ThreadRoom() == room) throw std::runtime_error("the same room");
    std::memset(ThreadPool::ThreadRoom(), 0, TSR_THREAD_ROOM_BYTES);
  };
  static constexpr auto task = [](void* data, int64_t number) {
    auto* self = static_cast<Context*>(data);
    auto* const room = static_cast<unsigned char*>(ThreadPool::ThreadRoom());
    if (reinterpret_cast<uintptr_t>(room) % 64 != 0) self->wrong.fetch_add(1);
    const auto mark = static_cast<unsigned char>(number + 1);
    std::memset(room, mark, TSR_THREAD_ROOM_BYTES);
    if (!self->pool->Run(2, share, room)) self->wrong.fetch_add(1);
    if (!self->other->Run(2, avoid, room)) self->wrong.fetch_add(1);
    if (ThreadPool::ThreadRoom() != room) self->wrong.fetch_add(1);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    const bool kept = std::all_of(room, room + TSR_THREAD_ROOM_BYTES,
                                  [mark](unsigned char byte) { return byte == mark; });
    if (!kept) self->wrong.fetch_add(1);
  };
  EXPECT_TRUE(pool.Run(60, task, &context)) << pool.last_error();
  EXPECT_EQ(context.wrong.load(), 0);
  EXPECT_EQ(ThreadPool::ThreadRoom(), nullptr);
}

}  // namespace
}  // namespace tessera
