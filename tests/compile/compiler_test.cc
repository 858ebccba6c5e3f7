// The compiler on small functions made by hand: what main may look like, what is refused with which
// words, several losses, gradients of arguments, updates, and parameters that reach a function by
// unusual ways.
#include "cpp/compile/compiler.h"

#include <cmath>

#include "cpp/config/config.h"
#include "cpp/ir/printer.h"
#include "cpp/nn/tracer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Builder {
  explicit Builder(const std::string& name = "main")
      : function(std::make_shared<Function>(name)), graph(OpTable::Builtin(), *function) {}
  ValueId Argument(const std::string& name, const Dims& dims, DType dtype = DType::kF64) {
    return function->AddInput(name, InputKind::kArgument, {dtype, dims});
  }
  ValueId Param(const std::string& name, const Dims& dims, DType dtype = DType::kF64) {
    return function->AddInput(name, InputKind::kParam, {dtype, dims});
  }
  void Loss(const std::string& name, ValueId numerator, double weight = 1) {
    function->AddOutput(name, numerator, OutputKind::kLossNumerator, weight);
    function->AddOutput(name, graph.Constant(1, DType::kF32), OutputKind::kLossDenominator);
  }
  ValueId Total(ValueId x) {
    std::vector<int64_t> dims;
    for (size_t d = 0; d < graph.dims(x).size(); ++d) dims.push_back(static_cast<int64_t>(d));
    return graph.Sum(x, dims);
  }

  std::shared_ptr<Function> function;
  Graph graph;
};

RunOptions Options(int micro_batches = 1) {
  RunOptions options;
  options.sizes = {{"B", 2}};
  options.compile.gradients = true;
  options.compile.micro_batches = micro_batches;
  return options;
}

std::vector<double> Numbers(const absl::StatusOr<Tensor>& tensor) {
  std::vector<double> numbers;
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  for (int64_t i = 0; tensor.ok() && i < tensor->count(); ++i) numbers.push_back(tensor->At(i));
  return numbers;
}

void SetParam(const ModelRun& run, const std::string& path, const std::vector<double>& values) {
  Tensor tensor = run.Param(path);
  ASSERT_TRUE(tensor.defined()) << path;
  for (size_t i = 0; i < values.size(); ++i) tensor.Put(static_cast<int64_t>(i), values[i]);
}

absl::Status CompileStatus(const Builder& main, const CompileOptions& options) {
  EXPECT_TRUE(main.graph.ok()) << main.graph.status();
  return Compile(*main.function, OpTable::Builtin(), options).status();
}

TEST(CompilerTest, BadOptionsAndFunctionsAreRefusedWithWords) {
  Builder main;
  const ValueId x = main.Argument("x", {Dim::Symbol("B")});
  const ValueId unused = main.Argument("unused", {Dim::Symbol("B")});
  const ValueId w = main.Param("w", {1});
  main.Loss("loss", main.Total(main.graph.Mul(x, w)));
  main.function->AddOutput("unused", unused);
  CompileOptions options = Options().compile;
  options.micro_batches = 0;
  EXPECT_EQ(CompileStatus(main, options).message(), "micro_batches: expected at least 1, got 0");
  options.micro_batches = 1;
  options.argument_gradients = {"y"};
  EXPECT_EQ(CompileStatus(main, options).message(), "gradient of 'y': no such argument");
  options.argument_gradients = {"unused"};
  EXPECT_EQ(CompileStatus(main, options).message(), "gradient of 'unused': no loss depends on it");
}

TEST(CompilerTest, ADenominatorThatDependsOnAParameterIsRefused) {
  Builder main;
  const ValueId w = main.Param("w", {2});
  main.function->AddOutput("loss", main.Total(w), OutputKind::kLossNumerator);
  main.function->AddOutput("loss", main.Total(w), OutputKind::kLossDenominator);
  EXPECT_EQ(CompileStatus(main, Options().compile).message(),
            "loss denominator depends on 'w'; it may depend on inputs, constants and random values "
            "only");
}

TEST(CompilerTest, ALossWithoutDenominatorIsRefused) {
  Builder main;
  main.function->AddOutput("loss", main.Total(main.Param("w", {2})), OutputKind::kLossNumerator);
  EXPECT_EQ(CompileStatus(main, Options().compile).message(),
            "loss or metric 'loss' has no denominator");
}

TEST(CompilerTest, ParametersHaveConstantDims) {
  Builder main;
  main.Loss("loss", main.Total(main.Param("w", {Dim::Symbol("B")})));
  EXPECT_EQ(CompileStatus(main, Options().compile).message(),
            "parameter w: dims must be constants, got [B]");
}

TEST(CompilerTest, AnOpWithoutGradientIsNamedOnlyWhenAskedFor) {
  Builder main;
  const ValueId w = main.Param("w", {3});
  main.Loss("loss", main.Total(main.graph.Op("cumsum", {w}, {{"dim", int64_t{0}}})));
  const ValueId sorted = main.graph.Ops("sort", {w}, {}, 2)[0];
  main.Loss("other", main.Total(sorted));
  CompileOptions options;
  EXPECT_TRUE(CompileStatus(main, options).ok());
  const absl::Status status = CompileStatus(main, Options().compile);
  EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kUnimplemented) << status;
}

TEST(CompilerTest, ResultsMayBeInputsAndBeNamedTwice) {
  Builder main;
  const ValueId x = main.Argument("x", {2});
  const ValueId w = main.Param("w", {2});
  const ValueId y = main.graph.Mul(x, w);
  main.function->AddOutput("x", x);
  main.function->AddOutput("y", y);
  main.function->AddOutput("y again", y);
  main.function->AddOutput("w", w);
  main.Loss("loss", main.Total(y));
  auto run = ModelRun::OfFunction(*main.function, Options());
  ASSERT_TRUE(run.ok()) << run.status();
  SetParam(**run, "w", {3, 5});
  ASSERT_TRUE((*run)->SetInput("x", 0, {1, 2}).ok());
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_THAT(Numbers((*run)->Result(0)), ElementsAre(1, 2));
  EXPECT_THAT(Numbers((*run)->Result(1)), ElementsAre(3, 10));
  EXPECT_THAT(Numbers((*run)->Result(2)), ElementsAre(3, 10));
  EXPECT_THAT(Numbers((*run)->Result(3)), ElementsAre(3, 5));
  EXPECT_THAT(Numbers((*run)->Gradient("w")), ElementsAre(1, 2));
}

TEST(CompilerTest, ALossMayBeAnInputsOwnValue) {
  Builder main;
  const ValueId w = main.Param("w", {});
  main.Loss("loss", w);
  auto run = ModelRun::OfFunction(*main.function, Options());
  ASSERT_TRUE(run.ok()) << run.status();
  SetParam(**run, "w", {3});
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_EQ((*run)->Loss().value(), 3);
  EXPECT_THAT(Numbers((*run)->Gradient("w")), ElementsAre(1));
}

TEST(CompilerTest, SeveralLossesAddUpByTheirWeights) {
  Builder main;
  const ValueId w = main.Param("w", {2});
  main.Loss("a", main.Total(w), 2);
  main.Loss("b", main.Total(main.graph.Mul(w, w)), 10);
  auto run = ModelRun::OfFunction(*main.function, Options());
  ASSERT_TRUE(run.ok()) << run.status();
  SetParam(**run, "w", {1, -3});
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_EQ((*run)->Loss().value(), 2 * -2 + 10 * 10);
  EXPECT_THAT(Numbers((*run)->Gradient("w")), ElementsAre(22, -58));
}

TEST(CompilerTest, AParameterThatNoLossReachesHasNoGradient) {
  Builder main;
  const ValueId w = main.Param("w", {2}), v = main.Param("v", {2}), i = main.Param("i", {2});
  main.Loss("loss", main.Total(w));
  main.function->AddOutput("v", main.graph.Mul(v, v));
  main.function->AddOutput("i", main.graph.Op("less", {i, w}));
  auto run = ModelRun::OfFunction(*main.function, Options());
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_TRUE((*run)->Gradient("w").ok());
  EXPECT_EQ((*run)->Gradient("v").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ((*run)->Gradient("i").status().code(), absl::StatusCode::kNotFound);
}

TEST(CompilerTest, AProgramWithoutLossesRunsWithGradientsAskedFor) {
  Builder main;
  const ValueId w = main.Param("w", {2});
  main.function->AddOutput("y", main.graph.Mul(w, w));
  auto run = ModelRun::OfFunction(*main.function, Options());
  ASSERT_TRUE(run.ok()) << run.status();
  SetParam(**run, "w", {2, 3});
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_THAT(Numbers((*run)->Result()), ElementsAre(4, 9));
}

TEST(CompilerTest, ResultsThatNobodyWantsAreNotComputed) {
  Builder main;
  const ValueId w = main.Param("w", {2});
  main.function->AddOutput("logits", main.graph.Op("exp", {w}));
  main.Loss("loss", main.Total(w));
  CompileOptions options = Options().compile;
  options.results = false;
  const auto program = Compile(*main.function, OpTable::Builtin(), options);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_TRUE((*program)->result_slots.empty());
  EXPECT_THAT(ToText(**program), Not(HasSubstr("exp(")));
}

TEST(CompilerTest, GradientsOfArgumentsAreResultsOfEachMicroBatch) {
  Builder main;
  const ValueId x = main.Argument("x", {Dim::Symbol("B")});
  const ValueId y = main.Argument("y", {Dim::Symbol("B")});
  const ValueId w = main.Param("w", {1});
  const ValueId xy = main.graph.Mul(main.graph.Mul(x, y), w);
  main.Loss("loss", main.Total(xy));
  main.Loss("square", main.Total(main.graph.Mul(x, x)));
  RunOptions options = Options(2);
  options.compile.argument_gradients = {"y", "x"};
  auto run = ModelRun::OfFunction(*main.function, options);
  ASSERT_TRUE(run.ok()) << run.status();
  SetParam(**run, "w", {3});
  for (int m = 0; m < 2; ++m) {
    ASSERT_TRUE((*run)->SetInput("x", m, {1.0 + m, 2}).ok());
    ASSERT_TRUE((*run)->SetInput("y", m, {5, 7.0 + m}).ok());
  }
  ASSERT_TRUE((*run)->Step().ok());
  // Each loss has one denominator of 1 in each of the two micro-batches.
  EXPECT_THAT(Numbers((*run)->Result(0, 0)), ElementsAre(1.5, 3));
  EXPECT_THAT(Numbers((*run)->Result(0, 1)), ElementsAre(3, 3));
  EXPECT_THAT(Numbers((*run)->Result(1, 0)), ElementsAre(7.5 + 1, 10.5 + 2));
  EXPECT_THAT(Numbers((*run)->Result(1, 1)), ElementsAre(7.5 + 2, 12 + 2));
  EXPECT_THAT(Numbers((*run)->Gradient("w")), ElementsAre((5 + 14 + 10 + 16) / 2.0));
}

// A function of `count` nodes, large enough to stay a call, whose weight is an ordinary argument.
FunctionRef LayerWithWeightAsArgument(DType dtype) {
  Builder layer("layer");
  ValueId x = layer.Argument("x", {Dim::Symbol("B"), 2}, dtype);
  const ValueId w = layer.Argument("w", {2, 2}, dtype);
  for (int i = 0; i < 3; ++i) x = layer.graph.Op("tanh", {layer.graph.MatMul(x, w)});
  layer.function->AddOutput("y", x);
  EXPECT_TRUE(layer.graph.ok()) << layer.graph.status();
  return layer.function;
}

absl::StatusOr<std::map<std::string, std::vector<double>>> GradientsOfSharedWeight(
    DType dtype, bool as_calls, int micro_batches) {
  Builder main;
  ValueId x = main.Argument("x", {Dim::Symbol("B"), 2}, dtype);
  const ValueId w = main.Param("w", {2, 2}, dtype);
  const FunctionRef layer = LayerWithWeightAsArgument(dtype);
  for (int i = 0; i < 2; ++i) {
    if (as_calls) {
      ASSIGN_OR_RETURN(const auto results,
                       main.function->AddCall(layer, absl::StrCat("layers/", i), {x, w}));
      x = results[0];
      continue;
    }
    for (int k = 0; k < 3; ++k) x = main.graph.Op("tanh", {main.graph.MatMul(x, w)});
  }
  main.Loss("loss", main.Total(x));
  RETURN_IF_ERROR(main.graph.status());
  ASSIGN_OR_RETURN(auto run, ModelRun::OfFunction(*main.function, Options(micro_batches)));
  SetParam(*run, "w", {0.5, -0.25, 1, 0.75});
  for (int m = 0; m < micro_batches; ++m) {
    RETURN_IF_ERROR(run->SetInput("x", m, {1.0 + m, 0.5, -2, 0.25 * m}));
  }
  RETURN_IF_ERROR(run->Step());
  return std::map<std::string, std::vector<double>>{{"w", Numbers(run->Gradient("w"))}};
}

TEST(CompilerTest, AParameterMayBePassedToALayerAsAnArgument) {
  for (DType dtype : {DType::kF64, DType::kF32, DType::kBF16}) {
    for (int micro_batches : {1, 3}) {
      SCOPED_TRACE(absl::StrCat(Name(dtype), " ", micro_batches));
      const auto calls = GradientsOfSharedWeight(dtype, true, micro_batches);
      const auto inlined = GradientsOfSharedWeight(dtype, false, micro_batches);
      ASSERT_TRUE(calls.ok() && inlined.ok()) << calls.status() << inlined.status();
      const double tolerance = dtype == DType::kF64 ? 1e-13 : dtype == DType::kF32 ? 1e-5 : 2e-2;
      for (size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(calls->at("w")[i], inlined->at("w")[i], tolerance) << i;
      }
    }
  }
}

// --- State ---

struct StateBuilder : Builder {
  ValueId State(const std::string& name, const Dims& dims, DType dtype = DType::kF64) {
    return function->AddInput(name, InputKind::kState, {dtype, dims});
  }
  void Next(const std::string& name, ValueId value) {
    function->AddOutput(name, value, OutputKind::kState);
  }
};

RunOptions WithoutGradients() {
  RunOptions options = Options();
  options.compile.gradients = false;
  return options;
}

std::vector<double> StateOf(const ModelRun& run, const std::string& name) {
  return Numbers(run.store()->Find(SlotKind::kState, name));
}

TEST(CompilerStateTest, AStateMovesOnWithEveryRun) {
  StateBuilder main;
  const ValueId count = main.State("count", {2});
  main.Next("count", main.graph.Add(count, main.graph.Constant(1, DType::kF64)));
  main.function->AddOutput("before", count);
  auto run = ModelRun::OfFunction(*main.function, WithoutGradients());
  ASSERT_TRUE(run.ok()) << run.status();
  for (double step = 0; step < 3; ++step) {
    ASSERT_TRUE((*run)->Step().ok());
    EXPECT_THAT(StateOf(**run, "count"), ElementsAre(step + 1, step + 1));
    EXPECT_THAT(Numbers((*run)->Result()), ElementsAre(step, step)) << "the value that was read";
  }
}

// A layer that stays a call comes between the new value and a reader of the old one.
TEST(CompilerStateTest, TheOldValueIsThereForLaterReaders) {
  const FunctionRef layer = LayerWithWeightAsArgument(DType::kF64);
  StateBuilder main;
  const ValueId memory = main.State("memory", {2, 2});
  const ValueId x = main.Argument("x", {Dim::Symbol("B"), 2});
  main.Next("memory", main.graph.Add(memory, main.graph.Constant(1, DType::kF64)));
  ValueId y = main.function->AddCall(layer, "layers/0", {x, memory}).value()[0];
  y = main.function->AddCall(layer, "layers/1", {y, memory}).value()[0];
  main.function->AddOutput("y", main.graph.MatMul(y, memory));
  auto run = ModelRun::OfFunction(*main.function, WithoutGradients());
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_TRUE((*run)->SetInput("x", 0, {1, 2, 3, 4}).ok());
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_THAT(Numbers((*run)->Result()), ElementsAre(0, 0, 0, 0)) << "memory was 0";
  EXPECT_THAT(StateOf(**run, "memory"), ElementsAre(1, 1, 1, 1));
}

TEST(CompilerStateTest, StatesMayBeArgumentsAndSwapPlaces) {
  StateBuilder main;
  const ValueId a = main.State("a", {1}), b = main.State("b", {1});
  const ValueId x = main.Argument("x", {1});
  main.State("last", {1});
  main.Next("a", b);
  main.Next("b", a);
  main.Next("last", x);
  auto run = ModelRun::OfFunction(*main.function, WithoutGradients());
  ASSERT_TRUE(run.ok()) << run.status();
  (*run)->store()->Find(SlotKind::kState, "a").data_as<double>()[0] = 1;
  (*run)->store()->Find(SlotKind::kState, "b").data_as<double>()[0] = 2;
  ASSERT_TRUE((*run)->SetInput("x", 0, {7}).ok());
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_THAT(StateOf(**run, "a"), ElementsAre(2));
  EXPECT_THAT(StateOf(**run, "b"), ElementsAre(1));
  EXPECT_THAT(StateOf(**run, "last"), ElementsAre(7));
}

TEST(CompilerStateTest, WhatCannotBeCarriedIsRefused) {
  StateBuilder undeclared;
  undeclared.Next("memory", undeclared.Argument("x", {1}));
  EXPECT_EQ(CompileStatus(undeclared, WithoutGradients().compile).message(),
            "state memory: has a next value, but nothing declares it");
  StateBuilder other_type;
  other_type.State("memory", {2});
  other_type.Next("memory", other_type.Argument("x", {1}));
  EXPECT_EQ(CompileStatus(other_type, WithoutGradients().compile).message(),
            "state memory: declared as f64[2], its next value is f64[1]");
}

// loss = sum((memory + x) w), memory <- x: dloss/dw is what the backward finds in the memory, here
// half of it, since a step's loss is the mean of two micro-batches.
StateBuilder TrainedMemory(DType dtype) {
  StateBuilder main;
  const Dims dims = {Dim::Symbol("B"), 2};
  const ValueId x = main.Argument("x", dims, dtype), memory = main.State("memory", dims, dtype);
  const ValueId read = main.graph.Add(memory, x);
  main.Loss("loss", main.Total(main.graph.Mul(read, main.Param("w", {2}, dtype))));
  main.Next("memory", x);
  return main;
}

TEST(CompilerStateTest, ABackwardReadsTheOldStateOfItsMicroBatch) {
  for (const auto policy : {RecomputePolicy::kNone, RecomputePolicy::kFull}) {
    RunOptions options = Options(2);
    options.compile.recompute = policy;
    auto run = ModelRun::OfFunction(*TrainedMemory(DType::kF64).function, options);
    ASSERT_TRUE(run.ok()) << run.status();
    SetParam(**run, "w", {1, 1});
    for (double step = 0; step < 3; ++step) {
      ASSERT_TRUE((*run)->SetInput("x", 0, {step, 1, step, 1}).ok());
      ASSERT_TRUE((*run)->SetInput("x", 1, {100 * step, 2, 100 * step, 2}).ok());
      ASSERT_TRUE((*run)->Step().ok());
      // Two rows of each micro-batch; their memories hold the x of the step before.
      const double before = std::max(0.0, step - 1), seen = step > 0 ? 1 : 0;
      EXPECT_THAT(Numbers((*run)->Gradient("w")),
                  ElementsAre(101 * (step + before), 3 * (1 + seen)));
      EXPECT_THAT(StateOf(**run, "memory"), ElementsAre(step, 1, step, 1));
      EXPECT_THAT(StateOf(**run, "memory#1"), ElementsAre(100 * step, 2, 100 * step, 2));
    }
  }
}


// A loss inside a layer that is called several times: one loss for each call.
TEST(CompilerTest, LossesInsideOfLayersAddUp) {
  Builder layer("layer");
  const ValueId x = layer.Argument("x", {Dim::Symbol("B"), 2});
  const ValueId w = layer.Param("w", {2, 2});
  ValueId y = layer.graph.MatMul(x, w);
  const ValueId penalty = layer.Total(layer.graph.Mul(y, y));
  for (int i = 0; i < 3; ++i) y = layer.graph.Op("tanh", {y});
  layer.function->AddOutput("y", y);
  layer.Loss("penalty", penalty, 0.5);
  Builder main;
  ValueId h = main.Argument("x", {Dim::Symbol("B"), 2});
  for (int i = 0; i < 2; ++i) {
    const std::string at = absl::StrCat("layers/", i);
    const auto results =
        main.function->AddCall(layer.function, at, {h, main.Param(at + "/w", {2, 2})}).value();
    h = results[0];
    main.function->AddOutput(at, results[1], OutputKind::kLossNumerator, 0.5);
    main.function->AddOutput(at, results[2], OutputKind::kLossDenominator);
  }
  auto run = ModelRun::OfFunction(*main.function, Options());
  ASSERT_TRUE(run.ok()) << run.status();
  SetParam(**run, "layers/0/w", {0.3, -0.5, 0.2, 0.9});
  SetParam(**run, "layers/1/w", {-0.4, 0.1, 0.8, 0.6});
  ASSERT_TRUE((*run)->SetInput("x", 0, {1, -0.5, 0.25, 2}).ok());
  ASSERT_TRUE((*run)->Step().ok());
  for (const char* path : {"layers/0/w", "layers/1/w"}) {
    ASSERT_TRUE((*run)->Step().ok());
    const std::vector<double> gradient = Numbers((*run)->Gradient(path));
    ASSERT_EQ(gradient.size(), 4u);
    Tensor param = (*run)->Param(path);
    for (int64_t i = 0; i < 4; ++i) {
      constexpr double kStep = 1e-6;
      const double before = param.At(i);
      double loss[2];
      for (int k : {0, 1}) {
        param.Put(i, before + (k == 0 ? kStep : -kStep));
        ASSERT_TRUE((*run)->Step().ok());
        loss[k] = (*run)->Loss().value();
      }
      param.Put(i, before);
      EXPECT_NEAR((loss[0] - loss[1]) / (2 * kStep), gradient[i], 1e-8) << path << " " << i;
    }
  }
}

// p - rate * clip * gradient, with a slot that counts the updates.
class PlainUpdate : public UpdateRule {
 public:
  std::vector<std::string> SlotNames(const ProgramParam&) const override { return {"count"}; }
  absl::StatusOr<std::vector<ValueId>> Build(Graph& graph, const ProgramParam&,
                                             const UpdateValues& values) const override {
    const ValueId rate = graph.Mul(values.learning_rate, values.clip);
    const ValueId one = graph.Constant(1, DType::kF32);
    return std::vector<ValueId>{
        graph.Sub(values.param, graph.Mul(values.gradient, rate)),
        graph.Add(values.slots[0], one)};
  }
  std::string Key(const ProgramParam&) const override { return "plain"; }
};

TEST(CompilerTest, CommitMovesParametersWeightsAndSlots) {
  Builder main;
  const ValueId w = main.Param("w", {2}, DType::kBF16);
  const ValueId v = main.Param("v", {2}, DType::kBF16);
  main.Loss("loss", main.Total(main.graph.Cast(main.graph.Mul(w, w), DType::kF32)));
  main.function->AddOutput("y", main.graph.Add(w, v));
  const PlainUpdate update;
  RunOptions options = Options();
  options.compile.update = &update;
  options.compile.trainable = [](const std::string& path) { return path == "w"; };
  auto run = ModelRun::OfFunction(*main.function, options);
  ASSERT_TRUE(run.ok()) << run.status();
  SetParam(**run, "w", {1, 2});
  SetParam(**run, "v", {8, 8});
  const Program& program = (*run)->program();
  ASSERT_EQ(program.norm_slots.size(), 1u);
  const auto scalar = [&](const char* name, double value) {
    auto tensor = (*run)->executor().SlotTensor(program.FindSlot(name, SlotKind::kScalar));
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    tensor->Put(0, value);
  };
  scalar(kLearningRateSlot, 0.25);
  scalar(kStepSlot, 1);
  scalar(kClipSlot, 0.5);
  for (int step = 0; step < 2; ++step) {
    ASSERT_TRUE((*run)->Step().ok());
    ASSERT_TRUE((*run)->executor().Run({ActionKind::kNorm}).ok());
    ASSERT_TRUE((*run)->executor().Run({ActionKind::kCommit}).ok());
  }
  // w <- w - 0.125 * 2 w, twice.
  EXPECT_THAT(Numbers((*run)->Param("w")), ElementsAre(0.5625, 1.125));
  EXPECT_THAT(Numbers((*run)->Param("v")), ElementsAre(8, 8));
  EXPECT_THAT(Numbers((*run)->store()->Find(SlotKind::kWeight, "w")),
              ElementsAre(0.5625, 1.125));
  EXPECT_THAT(Numbers((*run)->store()->Find(SlotKind::kOptimizer, "w/count")), ElementsAre(2, 2));
  EXPECT_FALSE((*run)->store()->Find(SlotKind::kOptimizer, "v/count").defined());
  // Of the second step's gradient, 2 * (0.75, 1.5).
  EXPECT_THAT(Numbers((*run)->executor().SlotTensor(program.norm_slots[0])),
              ElementsAre(1.5 * 1.5 + 3 * 3));
}

TEST(CompilerStateTest, WithAnUpdateAStateMovesAtTheCommit) {
  const PlainUpdate update;
  RunOptions options = Options(2);
  options.compile.update = &update;
  auto run = ModelRun::OfFunction(*TrainedMemory(DType::kF32).function, options);
  ASSERT_TRUE(run.ok()) << run.status();
  for (const int m : {0, 1}) ASSERT_TRUE((*run)->SetInput("x", m, {1, 2, 3, 4.0 + m}).ok());
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE((*run)->Step().ok());
    EXPECT_THAT(StateOf(**run, "memory"), ElementsAre(0, 0, 0, 0)) << attempt;
    EXPECT_THAT(Numbers((*run)->Gradient("w")), ElementsAre(4, 6.5)) << attempt;
  }
  ASSERT_TRUE((*run)->executor().Run({ActionKind::kCommit}).ok());
  EXPECT_THAT(StateOf(**run, "memory"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(StateOf(**run, "memory#1"), ElementsAre(1, 2, 3, 5));
}

TEST(CompilerTest, EqualFunctionsOfDifferentOriginAreOne) {
  // Two layers that are traced apart (other configs) but came out the same.
  Builder main;
  ValueId x = main.Argument("x", {Dim::Symbol("B"), 2});
  const ValueId w = main.Param("w", {2, 2});
  for (int i = 0; i < 4; ++i) {
    static const FunctionRef layers[] = {LayerWithWeightAsArgument(DType::kF64),
                                         LayerWithWeightAsArgument(DType::kF64)};
    x = main.function->AddCall(layers[i % 2], absl::StrCat("layers/", i), {x, w}).value()[0];
  }
  main.Loss("loss", main.Total(x));
  const auto program = Compile(*main.function, OpTable::Builtin(), Options().compile);
  ASSERT_TRUE(program.ok()) << program.status();
  std::set<int> forwards;
  for (const Action& action : (*program)->schedule) {
    const ProgramCall& call = (*program)->calls[std::max(0, action.call)];
    if (action.kind == ActionKind::kForward && call.at.starts_with("layers/")) {
      forwards.insert(call.function);
    }
  }
  EXPECT_EQ(forwards.size(), 1u);
}

}  // namespace
}  // namespace tessera
