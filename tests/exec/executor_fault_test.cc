// What goes wrong inside a step comes back as a status, on whatever thread it happens: exceptions,
// memory that is not there, kernels that report failure or prepare nonsense, broken invariants of
// the core, and numbers that are none. The executor and its threads work on afterwards.
#include <atomic>
#include <chrono>
#include <cmath>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "cpp/exec/executor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exec/kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

enum class Fault {
  kNone,
  kException,
  kNoMemory,
  kOddException,  // none of the standard library's
  kReported,      // through the call's own means, by every task
  kNan,
};

// The kernel's state; reached through `user`.
struct FaultState {
  std::atomic<Fault> fault{Fault::kNone};
  std::atomic<bool> on_worker{false};   // the fault waits for a thread that is not the caller's
  std::thread::id caller;
  std::atomic<bool> thrown{false};
};

constexpr int64_t kElements = 64;

[[noreturn]] void Throw(Fault fault) {
  if (fault == Fault::kException) throw std::runtime_error("disk on fire");
  if (fault == Fault::kNoMemory) throw std::bad_alloc();
  throw 42;
}

void RunFault(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  auto* state = static_cast<FaultState*>(const_cast<void*>(call->user));
  const Fault fault = state->fault.load();
  static_cast<float*>(call->outputs[0].data)[task] =
      -static_cast<const float*>(call->inputs[0].data)[task];
  if (fault == Fault::kNan && task == 17) {
    static_cast<float*>(call->outputs[0].data)[task] = std::nanf("");
  } else if (fault == Fault::kReported) {
    call->fail(call->failure, static_cast<int32_t>(absl::StatusCode::kDataLoss), "bad sector", 10);
  } else if (fault != Fault::kNone && fault != Fault::kNan) {
    if (state->on_worker && std::this_thread::get_id() == state->caller) {
      // The caller's own tasks wait, so that a worker is the one that throws.
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (!state->thrown && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      return;
    }
    state->thrown = true;
    Throw(fault);
  }
}

int32_t PrepareFault(const tsr_kernel_call*, tsr_kernel_plan* plan, char*) {
  plan->tasks[0] = kElements;
  plan->run = RunFault;
  return 0;
}
int32_t PrepareThrows(const tsr_kernel_call*, tsr_kernel_plan*, char*) {
  throw std::runtime_error("no table");
}
int32_t PrepareWithoutRun(const tsr_kernel_call*, tsr_kernel_plan* plan, char*) {
  plan->tasks[0] = 1;
  return 0;
}
int32_t PrepareNegative(const tsr_kernel_call*, tsr_kernel_plan* plan, char*) {
  plan->tasks[0] = -1;
  plan->run = RunFault;
  return 0;
}
int32_t PreparePhases(const tsr_kernel_call*, tsr_kernel_plan* plan, char*) {
  plan->phase_count = TSR_KERNEL_MAX_PHASES + 1;
  plan->run = RunFault;
  return 0;
}

const OpTable& FaultOps() {
  static const OpTable* ops = [] {
    auto* table = new OpTable();
    EXPECT_TRUE(table->Register(OpDef("fault").Signature("x[...] -> y[...]")).ok());
    // Claims to be a view and gives another size: a broken rule of an op's own making.
    EXPECT_TRUE(table->Register(OpDef("half").Signature("x[N] -> y[{32}]").View()).ok());
    return table;
  }();
  return *ops;
}

tsr_kernel_def KernelOf(decltype(tsr_kernel_def::prepare) prepare, FaultState* state) {
  return {sizeof(tsr_kernel_def), TSR_ISA_REFERENCE, "fault", "fault.kit", prepare, 1, 0, state};
}

std::shared_ptr<Function> Chain(std::initializer_list<const char*> ops) {
  auto function = std::make_shared<Function>("f");
  Graph graph(FaultOps(), *function);
  ValueId value = function->AddInput("x", InputKind::kArgument, {DType::kF32, {Dim(kElements)}});
  for (const char* op : ops) value = graph.Op(op, {value});
  EXPECT_TRUE(graph.ok()) << graph.status();
  function->AddOutput("y", value);
  return function;
}

class FaultRun {
 public:
  explicit FaultRun(int threads) : pool_({.threads = threads}) {
    const KernelTable kernels({KernelOf(&PrepareFault, &state)});
    auto executor =
        Executor::Create(kit_.program, kernels, &pool_, nullptr, ExecutorOptions{});
    EXPECT_TRUE(executor.ok()) << executor.status();
    if (executor.ok()) executor_ = *std::move(executor);
    state.caller = std::this_thread::get_id();
  }

  absl::Status Run(Fault fault) {
    state.fault = fault;
    state.thrown = false;
    Fill(*executor_->SlotTensor(0), 1);
    return executor_->Run({ActionKind::kForward});
  }

  // The same executor, without a fault: twice negated, the input comes out.
  void ExpectSound() {
    const absl::Status status = Run(Fault::kNone);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Floats(*executor_->SlotTensor(1)), Floats(*executor_->SlotTensor(0)));
  }

  Executor& executor() { return *executor_; }
  FaultState state;

 private:
  ProgramKit kit_ = ProgramKit::Single(Chain({"fault", "fault"}));
  ThreadPool pool_;
  std::unique_ptr<Executor> executor_;
};

class ExecutorFaultTest : public testing::TestWithParam<int> {};

TEST_P(ExecutorFaultTest, AnExceptionIsInternalAndNamesNodeAndKernel) {
  FaultRun run(GetParam());
  run.ExpectSound();
  const absl::Status status = run.Run(Fault::kException);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(), "fault at 'main': kernel fault.kit threw: disk on fire");
  run.ExpectSound();
}

TEST_P(ExecutorFaultTest, AnExceptionOfAnyTypeIsCaught) {
  FaultRun run(GetParam());
  const absl::Status status = run.Run(Fault::kOddException);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("threw: unknown exception"));
  run.ExpectSound();
}

TEST_P(ExecutorFaultTest, MemoryThatIsNotThereIsResourceExhausted) {
  FaultRun run(GetParam());
  for (int i = 0; i < 20; ++i) {
    const absl::Status status = run.Run(Fault::kNoMemory);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  }
  run.ExpectSound();
}

TEST_P(ExecutorFaultTest, AReportedFailureKeepsItsCodeAndTheFirstCounts) {
  FaultRun run(GetParam());
  const absl::Status status = run.Run(Fault::kReported);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "fault at 'main': bad sector");
  run.ExpectSound();
}

TEST_P(ExecutorFaultTest, NumbersThatAreNoneAreFoundAtTheirNode) {
  FaultRun run(GetParam());
  ASSERT_TRUE(run.Run(Fault::kNan).ok());
  const auto first = run.executor().FirstNonFinite();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(*first, HasSubstr("fault at 'main' (node 0, kernel fault.kit, micro-batch 0): "
                                "result 0 f32[64] holds nan at element 17"));
  run.ExpectSound();
  EXPECT_EQ(*run.executor().FirstNonFinite(), "");
}

INSTANTIATE_TEST_SUITE_P(Threads, ExecutorFaultTest, testing::Values(1, 3));

TEST(ExecutorFaultOnWorkerTest, WhatAWorkerThrowsComesBackToTheCaller) {
  for (const Fault fault : {Fault::kException, Fault::kNoMemory, Fault::kOddException}) {
    FaultRun run(2);
    run.state.on_worker = true;
    const absl::Status status = run.Run(fault);
    EXPECT_EQ(status.code(), fault == Fault::kNoMemory ? absl::StatusCode::kResourceExhausted
                                                       : absl::StatusCode::kInternal)
        << status;
    EXPECT_TRUE(run.state.thrown);
    run.ExpectSound();
  }
}

absl::Status Created(const FunctionRef& function, decltype(tsr_kernel_def::prepare) prepare) {
  FaultState state;
  const KernelTable kernels({KernelOf(prepare, &state)});
  return Executor::Create(ProgramKit::Single(function).program, kernels, nullptr, nullptr,
                          ExecutorOptions{})
      .status();
}

TEST(ExecutorFaultOnCreateTest, KernelsThatPrepareNonsenseAreNamed) {
  const FunctionRef function = Chain({"fault"});
  const absl::Status threw = Created(function, &PrepareThrows);
  EXPECT_EQ(threw.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(threw.message(), HasSubstr("kernel fault.kit threw: no table"));
  for (const auto prepare : {&PrepareWithoutRun, &PrepareNegative, &PreparePhases}) {
    const absl::Status status = Created(function, prepare);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(status.message(), HasSubstr("kernel fault.kit prepared an impossible plan"));
  }
}

TEST(ExecutorFaultOnCreateTest, ABrokenInvariantIsAStatus) {
  const absl::Status view = Created(Chain({"fault", "half"}), &PrepareFault);
  EXPECT_EQ(view.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(view.message(), HasSubstr("broken invariant"));
  EXPECT_THAT(view.message(), HasSubstr("a view of f32[64] as f32[32]"));

  // A call that no pass has flattened.
  auto outer = std::make_shared<Function>("outer");
  const ValueId x = outer->AddInput("x", InputKind::kArgument, {DType::kF32, {Dim(kElements)}});
  const auto y = outer->AddCall(Chain({"fault"}), "inner", {x});
  ASSERT_TRUE(y.ok()) << y.status();
  outer->AddOutput("y", (*y)[0]);
  const absl::Status nested = Created(outer, &PrepareFault);
  EXPECT_EQ(nested.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(nested.message(), HasSubstr("the executor takes flat functions"));
}

TEST(ExecutorFaultOnCreateTest, MoreMemoryThanThereIsIsResourceExhausted) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "allocators of sanitizers end the process instead";
#endif
  auto function = std::make_shared<Function>("f");
  Graph graph(FaultOps(), *function);
  // 2^58 bytes: no machine grants them, no arithmetic overflows.
  const ValueId x =
      function->AddInput("x", InputKind::kArgument, {DType::kF32, {Dim(int64_t{1} << 56)}});
  function->AddOutput("y", graph.Op("fault", {x}));
  const absl::Status status = Created(function, &PrepareFault);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

}  // namespace
}  // namespace tessera
