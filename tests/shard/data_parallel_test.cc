// Method: real models in many configurations: the plan must find every gradient, loss and metric to
// be a partial sum; then small programs that need the whole batch, or mix what is partial with
// what is not: the refusal in full. Last, losses that no batch dim enters, run on two ranks (two
// executors, gradients reduced in process) against one with the whole batch.
#include "cpp/shard/data_parallel.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "cpp/comm/in_process.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

void ExpectAllPartial(const Program& program, const std::string& what) {
  EXPECT_EQ(program.not_data_parallel, "") << what;
  const auto plan = PlanDataParallel(program);
  ASSERT_TRUE(plan.ok()) << what << ": " << plan.status();
  for (size_t p = 0; p < program.params.size(); ++p) {
    EXPECT_EQ(plan->reduce_gradient[p], program.params[p].gradient_slot >= 0)
        << what << " " << program.params[p].path;
  }
  for (size_t s = 0; s < program.sums.size(); ++s) {
    EXPECT_TRUE(plan->reduce_numerator[s] && plan->reduce_denominator[s])
        << what << " " << program.sums[s].name;
  }
  for (int slot : program.norm_slots) EXPECT_TRUE(plan->slots[slot].is_replicated()) << what;
}

TEST(DataParallelPlanTest, GradientsOfModelsArePartial) {
  std::vector<ModelParts> models(6);
  models[1].position = R"({"type": "LearnedPosition", "max_positions": 16})";
  models[1].norm = R"({"type": "LayerNorm"})";
  models[1].attention = R"("num_heads": 2, "bias": true)";
  models[1].feed_forward = R"("hidden_dim": 10, "activation": "gelu_tanh", "bias": true)";
  models[2].dropout = R"({"type": "Dropout", "rate": 0.25})";
  models[2].head = R"("tied": true)";
  models[3].loss = R"("label_smoothing": 0.1, "z_loss": 0.01)";
  models[3].attention = R"("num_heads": 4, "num_kv_heads": 1)";
  models[4].layer = R"("parallel_residual": true,)";
  models[4].feed_forward = R"("hidden_dim": 10, "activation": "silu", "gated": true)";
  models[5].layer = R"("norm_placement": "post",)";
  models[5].position = R"({"type": "NoPosition"})";
  int planned = 0;
  for (size_t m = 0; m < models.size(); ++m) {
    for (DType dtype : {DType::kF32, DType::kBF16, DType::kF64}) {
      const auto main = TraceJson(ModelJson(models[m]), {dtype, Mode::kTrain});
      ASSERT_TRUE(main.ok()) << m << ": " << main.status();
      for (int micro_batches : {1, 2}) {
        for (RecomputePolicy policy : {RecomputePolicy::kNone, RecomputePolicy::kFull}) {
          CompileOptions options;
          options.gradients = true;
          options.micro_batches = micro_batches;
          options.recompute = policy;
          options.separate_weight_gradient = policy == RecomputePolicy::kFull;
          const auto program = Compile(**main, OpTable::Builtin(), options);
          ASSERT_TRUE(program.ok()) << program.status();
          ExpectAllPartial(**program, absl::StrCat("model ", m, " ", Name(dtype), " ",
                                                   micro_batches, " micro-batches"));
          ++planned;
        }
      }
    }
  }
  EXPECT_EQ(planned, 72);
}

TEST(DataParallelPlanTest, EvaluationAndDecodingSplitByRows) {
  for (Mode mode : {Mode::kEvaluate, Mode::kDecode}) {
    const auto main = TraceJson(ModelJson({}), {DType::kF32, mode});
    ASSERT_TRUE(main.ok()) << main.status();
    const auto program = Compile(**main, OpTable::Builtin(), {});
    ASSERT_TRUE(program.ok()) << program.status();
    const auto plan = PlanDataParallel(**program);
    ASSERT_TRUE(plan.ok()) << plan.status();
    for (int slot : (*program)->result_slots) {
      EXPECT_EQ(plan->slots[slot], Placement::Sharded(0)) << (*program)->slots[slot].name;
    }
  }
}

// --- Programs by hand: x[B,3], weight w[3]. ---

struct Main {
  Main() : function(std::make_shared<Function>("main")), graph(OpTable::Builtin(), *function) {
    x = function->AddInput("x", InputKind::kArgument, {DType::kF64, {Dim::Symbol("B"), 3}});
    w = function->AddInput("w", InputKind::kParam, {DType::kF64, {3}});
  }
  void Loss(const char* name, ValueId numerator, ValueId denominator, double weight = 1) {
    function->AddOutput(name, numerator, OutputKind::kLossNumerator, weight);
    function->AddOutput(name, denominator, OutputKind::kLossDenominator);
  }
  // The number of rows, counted over the batch.
  ValueId Rows() {
    return graph.Sum(graph.Constant(1, DType::kF64, {Dim::Symbol("B")}), {0});
  }
  ValueId One() { return graph.Constant(1, DType::kF64); }
  std::shared_ptr<const Program> Compiled() {
    EXPECT_TRUE(graph.ok()) << graph.status();
    CompileOptions options;
    options.gradients = true;
    auto program = Compile(*function, OpTable::Builtin(), options);
    EXPECT_TRUE(program.ok()) << program.status();
    return program.ok() ? *program : nullptr;
  }
  std::string Refusal() {
    const auto program = Compiled();
    return program == nullptr ? "" : program->not_data_parallel;
  }

  std::shared_ptr<Function> function;
  Graph graph;
  ValueId x, w;
};

TEST(DataParallelPlanTest, AMeanOfTheBatchIsRefused) {
  Main main;
  const ValueId mean = main.graph.Op("reduce_mean", {main.x}, {{"dims", std::vector<int64_t>{0}}});
  const ValueId y = main.graph.Mul(main.graph.Sub(main.x, mean), main.w);
  main.Loss("loss", main.graph.Sum(y, {0, 1}), main.Rows());
  const std::string text = main.Refusal();
  EXPECT_NE(text.find("reduce_mean: operand 0 'x' f64[B,3] on axis 'data': expected R, since the "
                      "op needs dim 0 whole, got S(0)"),
            std::string::npos)
      << text;
}

TEST(DataParallelPlanTest, AStatisticOfTheBatchIsRefused) {
  Main main;
  const ValueId sums = main.graph.Sum(main.graph.Mul(main.x, main.w), {0});
  main.Loss("loss", main.graph.Sum(main.graph.Op("exp", {sums}), {0}), main.Rows());
  const std::string text = main.Refusal();
  EXPECT_NE(text.find("exp: operand 0 'x' f64[3] on axis 'data': expected R, since the op is not "
                      "linear in it, got P(sum)"),
            std::string::npos)
      << text;
}

TEST(DataParallelPlanTest, APenaltyInsideASumOverTheBatchIsRefused) {
  Main main;
  const ValueId fit = main.graph.Sum(main.graph.Mul(main.x, main.w), {0, 1});
  const ValueId penalty = main.graph.Op("sum_of_squares", {main.w});
  main.Loss("loss", main.graph.Add(fit, main.graph.Cast(penalty, DType::kF64)), main.Rows());
  const std::string text = main.Refusal();
  EXPECT_NE(text.find("the op adds them, got R"), std::string::npos) << text;
}

TEST(DataParallelPlanTest, DropoutWithoutTheRanksOffsetIsRefused) {
  Main main;
  const ValueId key = main.function->AddInput("mask", InputKind::kKey, {DType::kU32, {4}});
  const ValueId zero = main.graph.Constant(0, DType::kI64);
  const ValueId y = main.graph.Op("dropout", {main.x, key, zero}, {{"rate", 0.5}});
  main.Loss("loss", main.graph.Sum(main.graph.Mul(y, main.w), {0, 1}), main.Rows());
  const std::string text = main.Refusal();
  EXPECT_NE(text.find("expected the rank's offset"), std::string::npos) << text;
}

TEST(DataParallelPlanTest, ExecutorsOfSeveralRanksRefuseSuchAProgram) {
  Main main;
  const ValueId mean = main.graph.Op("reduce_mean", {main.x}, {{"dims", std::vector<int64_t>{0}}});
  main.Loss("loss", main.graph.Sum(main.graph.Mul(main.graph.Sub(main.x, mean), main.w), {0, 1}),
            main.Rows());
  const auto program = main.Compiled();
  ASSERT_NE(program, nullptr);
  ThreadPool pool(ThreadPoolOptions{.threads = 1});
  for (int ranks : {1, 2}) {
    const auto group = NewInProcessGroup(ranks);
    ExecutorOptions options;
    options.sizes = {{"B", 4}};
    options.communicator = group[0].get();
    const auto executor = Executor::Create(program, CpuKernels(), &pool, nullptr, options);
    EXPECT_EQ(executor.status().code(), ranks == 1 ? absl::StatusCode::kOk
                                                   : absl::StatusCode::kFailedPrecondition);
    if (ranks == 2) {
      EXPECT_EQ(executor.status().message().substr(0, 94),
                "program: expected one that 2 ranks can share the batch of, got one that needs the "
                "whole batch:");
    }
  }
}

// --- Losses that no batch dim enters, in numbers. ---

// Three losses: a mean over rows; a penalty on the weight (nothing of the batch); a sum over rows
// that is divided by a constant.
Main ThreeLosses() {
  Main main;
  const ValueId product = main.graph.Mul(main.x, main.w);
  main.Loss("mean", main.graph.Sum(main.graph.Op("square", {product}), {0, 1}), main.Rows());
  main.Loss("penalty", main.graph.Sum(main.graph.Op("square", {main.w}), {0}), main.One(), 0.5);
  main.Loss("sum", main.graph.Sum(product, {0, 1}), main.One(), 0.25);
  return main;
}

TEST(DataParallelPlanTest, WhatNoBatchDimEntersCountsOnce) {
  const auto program = ThreeLosses().Compiled();
  ASSERT_NE(program, nullptr);
  ASSERT_EQ(program->not_data_parallel, "");
  std::map<std::string, std::string> sums;
  for (const SumSpec& sum : program->sums) {
    sums[sum.name] = absl::StrCat(sum.reduce_numerator ? "P" : "R", "/",
                                  sum.reduce_denominator ? "P" : "R");
  }
  EXPECT_EQ(sums, (std::map<std::string, std::string>{
                      {"mean", "P/P"}, {"penalty", "R/R"}, {"sum", "P/R"}}));
  EXPECT_TRUE(program->params[0].reduce_gradient);
}

struct Outcome {
  double loss = 0;
  std::vector<double> gradient;
};

// One rank's step as a driver does it, with rows [first, first + rows) of six.
Outcome RunRank(const std::shared_ptr<const Program>& program, int64_t rows, int64_t first,
                Communicator* communicator) {
  Outcome outcome;
  ThreadPool pool(ThreadPoolOptions{.threads = 1});
  ExecutorOptions options;
  options.sizes = {{"B", rows}};
  options.communicator = communicator;
  auto executor = Executor::Create(program, CpuKernels(), &pool, nullptr, options);
  EXPECT_TRUE(executor.ok()) << executor.status();
  const auto tensor = [&](int slot) { return *(*executor)->SlotTensor(slot); };
  Tensor x = tensor(program->FindSlot("x", SlotKind::kInput));
  for (int64_t i = 0; i < x.count(); ++i) {
    x.Put(i, std::sin(static_cast<double>(first * 3 + i)));
  }
  Tensor w = tensor(program->params[0].param_slot);
  for (int64_t i = 0; i < 3; ++i) w.Put(i, 0.5 + static_cast<double>(i));
  const double ranks = communicator == nullptr ? 1 : communicator->size();
  const auto total = [&](int slot, bool reduce) {
    double value = tensor(slot).At(0);
    if (reduce && communicator != nullptr) {
      EXPECT_TRUE(communicator->AllReduce(&value, 1, DType::kF64, ReduceOp::kSum).ok());
    }
    return value;
  };
  EXPECT_TRUE((*executor)->Run({ActionKind::kPrologue}).ok());
  std::vector<double> denominators;
  for (const SumSpec& sum : program->sums) {
    denominators.push_back(total(sum.denominator_slot, sum.reduce_denominator));
    Tensor seed = tensor(sum.seed_slot);
    seed.Put(0, sum.weight / denominators.back() / (sum.reduce_numerator ? 1 : ranks));
  }
  EXPECT_TRUE((*executor)
                  ->Run({ActionKind::kForward, ActionKind::kBackward, ActionKind::kCollect,
                         ActionKind::kReduce})
                  .ok());
  for (size_t s = 0; s < program->sums.size(); ++s) {
    const SumSpec& sum = program->sums[s];
    outcome.loss += sum.weight * total(sum.numerator_slot, sum.reduce_numerator) / denominators[s];
  }
  const Tensor gradient = tensor(program->params[0].gradient_slot);
  for (int64_t i = 0; i < 3; ++i) outcome.gradient.push_back(gradient.At(i));
  return outcome;
}

TEST(DataParallelPlanTest, LossesOfEveryKindAreThoseOfTheWholeBatch) {
  const auto program = ThreeLosses().Compiled();
  ASSERT_NE(program, nullptr);
  const Outcome whole = RunRank(program, 6, 0, nullptr);
  for (int ranks : {2, 3}) {
    const auto group = NewInProcessGroup(ranks);
    std::vector<Outcome> outcomes(static_cast<size_t>(ranks));
    std::vector<std::thread> threads;
    for (int r = 0; r < ranks; ++r) {
      threads.emplace_back([&, r] {
        const int64_t rows = 6 / ranks;
        outcomes[r] = RunRank(program, rows, r * rows, group[r].get());
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Outcome& outcome : outcomes) {
      EXPECT_NEAR(outcome.loss, whole.loss, 1e-13 * std::abs(whole.loss));
      for (size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(outcome.gradient[i], whole.gradient[i], 1e-13 * std::abs(whole.gradient[i]));
      }
    }
  }
}

}  // namespace
}  // namespace tessera
