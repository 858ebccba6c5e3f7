// What tracing promises: equal layers are one function, however many; errors carry the path of the
// module in which they arose; a registered module type is as good as a built-in one; state,
// sharing and provided modules are bound where the design says.
#include "cpp/nn/tracer.h"

#include <set>

#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/config/tree.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void Collect(const Function& function, std::set<const Function*>& seen, size_t& nodes) {
  if (!seen.insert(&function).second) return;
  nodes += function.nodes().size();
  for (const Node& node : function.nodes()) {
    if (node.is_call()) Collect(*node.callee, seen, nodes);
  }
}

struct Size {
  size_t functions = 0;
  size_t nodes = 0;
};

Size SizeOf(int layers) {
  ModelParts parts;
  parts.num_layers = layers;
  const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  EXPECT_TRUE(main.ok()) << main.status();
  if (!main.ok()) return {};
  EXPECT_TRUE(Verify(**main).ok()) << Verify(**main);
  std::set<const Function*> seen;
  size_t nodes = 0;
  Collect(**main, seen, nodes);
  return {seen.size(), nodes};
}

// Far more layers than anybody has cost calls and nothing else.
TEST(TracerTest, EqualLayersAreOneFunctionHoweverMany) {
  const Size one = SizeOf(1), two = SizeOf(2), many = SizeOf(1000);
  EXPECT_EQ(two.functions, one.functions);
  EXPECT_EQ(many.functions, one.functions);
  const size_t calls = two.nodes - one.nodes;
  EXPECT_LE(calls, 2u) << "of a further layer";
  EXPECT_EQ(many.nodes, one.nodes + 999 * calls);
}

TEST(TracerTest, DifferentInputTypesAreTracedApart) {
  // The norm of the layers and the final norm are equal configs: one function for both.
  ModelParts parts;
  const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  ASSERT_TRUE(main.ok()) << main.status();
  const std::string text = ToTextWithCallees(**main);
  EXPECT_THAT(text, Not(HasSubstr("func RmsNorm_2")));
  parts.final_norm = R"({"type": "RmsNorm", "epsilon": 0.5})";
  const auto other = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_THAT(ToTextWithCallees(**other), HasSubstr("func RmsNorm_2"));
}

TEST(TracerTest, TracingTwiceGivesTheSameText) {
  const auto once = TraceJson(ModelJson({}), {DType::kBF16, Mode::kTrain});
  const auto again = TraceJson(ModelJson({}), {DType::kBF16, Mode::kTrain});
  ASSERT_TRUE(once.ok() && again.ok());
  EXPECT_EQ(ToTextWithCallees(**once), ToTextWithCallees(**again));
}

TEST(TracerTest, EvaluationHasNoDropoutAndNoKeys) {
  ModelParts parts;
  parts.dropout = R"({"type": "Dropout", "rate": 0.5})";
  const auto train = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  const auto evaluate = TraceJson(ModelJson(parts), {DType::kF32, Mode::kEvaluate});
  ASSERT_TRUE(train.ok() && evaluate.ok());
  int train_keys = 0;
  for (const FunctionInput& input : (*train)->inputs()) {
    train_keys += input.kind == InputKind::kKey ? 1 : 0;
  }
  // One on the embeddings, two in each of the two layers.
  EXPECT_EQ(train_keys, 5);
  for (const FunctionInput& input : (*evaluate)->inputs()) {
    EXPECT_NE(input.kind, InputKind::kKey) << input.name;
  }
}

TEST(TracerTest, ErrorsCarryThePathOfTheModule) {
  ModelParts parts;
  parts.position = R"({"type": "RotaryPosition", "rotary_dim": 3})";
  const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  EXPECT_THAT(std::string(main.status().message()),
              AllOf(StartsWith("decoder: layers/0: attention: "), HasSubstr("rotary_dim")));
}

// --- Modules of a test's own, registered by name in place of built-in ones. ---

class LambdaModule : public Module {
 public:
  using Fn = std::function<absl::StatusOr<Values>(Scope&, const Values&)>;
  explicit LambdaModule(Fn fn) : fn_(std::move(fn)) {}
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return fn_(scope, inputs);
  }

 private:
  Fn fn_;
};

// A type of the test's own, "Probe", fit for the slot of a layer.
constexpr char kProbeSchema[] = R"(
namespace test;
table Probe (role: "layer") {
  /// Width of input and output.
  model_dim: long (flows: "model_dim");
}
)";

absl::StatusOr<FunctionRef> TraceWith(const std::string& json, LambdaModule::Fn fn,
                                      const std::vector<NamedType>& arguments) {
  auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  RETURN_IF_ERROR(registry->RegisterText(kProbeSchema, "Probe"));
  ASSIGN_OR_RETURN(const Config config, Config::FromJson(registry, json, "probe.json"));
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  ModuleTable table;
  RETURN_IF_ERROR(table.Register("Probe", [fn](const ConfigNode&) {
    return absl::StatusOr<std::unique_ptr<Module>>(std::make_unique<LambdaModule>(fn));
  }));
  Tracer tracer(OpTable::Builtin(), table, {DType::kF32, Mode::kTrain});
  return tracer.TraceMain(resolved.root(), arguments, LanguageModelAmbients(Mode::kTrain));
}

absl::StatusOr<FunctionRef> TraceProbe(LambdaModule::Fn fn) {
  return TraceWith(R"({"type": "Probe"})", std::move(fn),
                   {{"x", {DType::kF32, {Dim::Symbol("B"), 4}}}});
}

TEST(ScopeTest, AParameterAskedForTwiceIsOne) {
  const auto main = TraceProbe([](Scope& scope, const Values& in) {
    const ValueId a = scope.Param("weight", {4, 4}, Initializer::Normal(1));
    const ValueId b = scope.Param("weight", {4, 4}, Initializer::Normal(1));
    EXPECT_EQ(a, b);
    return Values{scope.graph().MatMul(in[0], a)};
  });
  ASSERT_TRUE(main.ok()) << main.status();
}

TEST(ScopeTest, AParameterAskedForWithOtherDimsIsAnError) {
  const auto main = TraceProbe([](Scope& scope, const Values& in) {
    scope.Param("weight", {4, 4}, Initializer::Normal(1));
    scope.Param("weight", {4, 5}, Initializer::Normal(1));
    return in;
  });
  EXPECT_EQ(main.status().message(),
            "parameter weight: asked for as f32[4,5], but it is f32[4,4]");
}

TEST(ScopeTest, WhatIsNotThereIsAnError) {
  const auto ambient = TraceProbe([](Scope& scope, const Values&) {
    return Values{scope.Ambient("temperature")};
  });
  EXPECT_EQ(ambient.status().message(),
            "ambient value 'temperature' is not provided in this mode");
  const auto slot = TraceProbe([](Scope& scope, const Values& in) {
    return Values{scope.Call1("norm", in)};
  });
  EXPECT_EQ(slot.status().message(), "slot 'norm' is empty");
  const auto state = TraceProbe([](Scope& scope, const Values& in) {
    scope.Update("memory", in[0]);
    return in;
  });
  EXPECT_EQ(state.status().message(), "state memory: updated, but never declared with State");
  const auto role = TraceProbe([](Scope& scope, const Values& in) {
    EXPECT_FALSE(scope.HasProvided("position", "rotate"));
    return scope.CallProvided("position", "rotate", in);
  });
  EXPECT_EQ(role.status().message(), "nothing provides 'position'");
}

TEST(ScopeTest, AnErrorOfTheGraphEndsTheTrace) {
  const auto main = TraceProbe([](Scope& scope, const Values& in) {
    const ValueId bad = scope.graph().MatMul(in[0], scope.Param("w", {5, 5}, {}));
    return Values{scope.graph().Add(bad, bad)};
  });
  EXPECT_THAT(std::string(main.status().message()), StartsWith("matmul: operand 'rhs'"));
}

TEST(ScopeTest, AModuleOfItsOwnStandsInADecoder) {
  int built = 0;
  const auto main = TraceWith(R"({"type": "LanguageModel", "vocab_size": 5, "model_dim": 4,
                                  "decoder": {"num_layers": 3, "layer": {"type": "Probe"}}})",
                              [&built](Scope& scope, const Values& in) {
                                ++built;
                                return Values{scope.graph().Mul(
                                    in[0], scope.Param("gain", {4}, Initializer::Constant(1)))};
                              },
                              LanguageModelArguments(Mode::kTrain));
  ASSERT_TRUE(main.ok()) << main.status();
  EXPECT_EQ(built, 1);
  EXPECT_GE((*main)->FindInput("decoder/layers/2/gain", InputKind::kParam), 0);
}

TEST(ScopeTest, ALossInsideALayerIsOneLossPerLayer) {
  const auto main = TraceWith(R"({"type": "LanguageModel", "vocab_size": 5, "model_dim": 4,
                                  "decoder": {"num_layers": 2, "layer": {"type": "Probe"}}})",
                              [](Scope& scope, const Values& in) {
                                Graph& graph = scope.graph();
                                scope.AddLoss("penalty", graph.Sum(in[0], {0, 1, 2}),
                                              graph.Constant(1, DType::kF32), 0.5);
                                scope.AddMetric("mean", graph.Sum(in[0], {0, 1, 2}),
                                                graph.Constant(4, DType::kF32));
                                return in;
                              },
                              LanguageModelArguments(Mode::kTrain));
  ASSERT_TRUE(main.ok()) << main.status();
  std::vector<std::string> losses, metrics;
  for (const FunctionOutput& output : (*main)->outputs()) {
    if (output.kind == OutputKind::kLossNumerator) losses.push_back(output.name);
    if (output.kind == OutputKind::kMetricNumerator) metrics.push_back(output.name);
  }
  EXPECT_EQ(losses, (std::vector<std::string>{"decoder/layers/0/penalty",
                                              "decoder/layers/1/penalty", "loss/cross_entropy"}));
  EXPECT_EQ(metrics.size(), 2u);
}

// A position whose "rotate" wants something of its own, in the function of the attention that calls
// it, once for every layer.
class GreedyPosition : public Module {
 public:
  explicit GreedyPosition(std::function<void(Scope&)> want) : want_(std::move(want)) {}
  absl::StatusOr<Values> Build(Scope&, const Values& inputs) const override { return inputs; }
  bool HasHook(std::string_view hook) const override { return hook == "rotate"; }
  absl::StatusOr<Values> BuildHook(std::string_view, Scope& scope,
                                   const Values& inputs) const override {
    want_(scope);
    return inputs;
  }

 private:
  std::function<void(Scope&)> want_;
};

absl::StatusOr<FunctionRef> TraceGreedy(std::function<void(Scope&)> want) {
  auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  RETURN_IF_ERROR(registry->RegisterText(
      "namespace test; table Greedy (role: \"position\") {\n  /// Size.\n  size: long = 1;\n}",
      "Greedy"));
  ModelParts parts;
  parts.position = R"({"type": "Greedy"})";
  ASSIGN_OR_RETURN(const Config config, Config::FromJson(registry, ModelJson(parts), "greedy"));
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  ModuleTable table;
  RETURN_IF_ERROR(table.Register("Greedy", [want](const ConfigNode&) {
    return absl::StatusOr<std::unique_ptr<Module>>(std::make_unique<GreedyPosition>(want));
  }));
  return TraceModel(resolved.root(), table, {DType::kF32, Mode::kTrain});
}

TEST(ScopeTest, AParameterOfAProvidedHookStandsWhereTheModuleIsProvided) {
  const auto main = TraceGreedy([](Scope& scope) { scope.Param("w", {2}, {}); });
  ASSERT_TRUE(main.ok()) << main.status();
  EXPECT_TRUE(Verify(**main).ok()) << Verify(**main);
  int count = 0;
  for (const FunctionInput& input : (*main)->inputs()) {
    if (!input.name.ends_with("/w")) continue;
    ++count;
    EXPECT_EQ(input.name, "decoder/position/w");
  }
  EXPECT_EQ(count, 1) << "two layers, one parameter";
}

TEST(ScopeTest, AProvidedHookHasNoStateKeysOrLosses) {
  EXPECT_TRUE(TraceGreedy([](Scope& scope) { scope.Ambient("positions"); }).ok());
  const std::pair<const char*, std::function<void(Scope&)>> wants[] = {
      {"state s", [](Scope& scope) { scope.State("s", {DType::kF32, {2}}); }},
      {"key k", [](Scope& scope) { scope.Key("k"); }},
      {"loss l", [](Scope& scope) { scope.AddLoss("l", 0, 0); }},
  };
  for (const auto& [what, want] : wants) {
    const absl::Status status = TraceGreedy(want).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << what;
    EXPECT_THAT(std::string(status.message()),
                StartsWith(absl::StrCat("decoder: layers/0: attention: ", what, ": a hook")));
  }
}

// A use of a built-in module by a module of somebody else, with anything for inputs.
struct WrongUse {
  const char* role;
  const char* child;
  int count;  // of inputs
  int rank;   // of each, 0 or 2
  const char* error;
};

absl::Status TraceWrongUse(const WrongUse& wrong) {
  auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  RETURN_IF_ERROR(registry->RegisterText(absl::StrCat(R"(
      namespace tessera.config;
      table Probe (role: "layer") {
        /// Width.
        model_dim: long = 4 (flows: "model_dim");
        /// The child.
        child: Slot (role: ")", wrong.role, R"(", optional);
      })"), "Probe"));
  ASSIGN_OR_RETURN(
      const Config config,
      Config::FromJson(registry, absl::StrCat(R"({"type": "Probe", "model_dim": 4, "child": )",
                                              wrong.child, "}"), "probe.json"));
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  const auto build = [&wrong](Scope& scope, const Values& in) -> absl::StatusOr<Values> {
    const ValueId x = wrong.rank == 0 ? scope.graph().Sum(in[0], {0, 1}) : in[0];
    return scope.Call("child", Values(static_cast<size_t>(wrong.count), x));
  };
  ModuleTable table;
  RETURN_IF_ERROR(table.Register("Probe", [build](const ConfigNode&) {
    return absl::StatusOr<std::unique_ptr<Module>>(std::make_unique<LambdaModule>(build));
  }));
  Tracer tracer(OpTable::Builtin(), table, {DType::kF32, Mode::kTrain});
  return tracer
      .TraceMain(resolved.root(), {{"x", {DType::kF32, {Dim::Symbol("B"), 4}}}},
                 LanguageModelAmbients(Mode::kTrain))
      .status();
}

TEST(ScopeTest, WrongInputsOfBuiltInModulesAreErrorsWithThePath) {
  const WrongUse cases[] = {
      {"norm", R"({"type": "RmsNorm"})", 0, 2, "child: inputs: expected 1, got 0"},
      {"norm", R"({"type": "RmsNorm"})", 2, 2, "child: inputs: expected 1, got 2"},
      {"norm", R"({"type": "LayerNorm"})", 1, 0,
       "child: input 0: expected 1 or more dims, got f32[]"},
      {"attention", R"({"type": "Attention", "num_heads": 2})", 1, 2,
       "child: input 0: expected 3 dims, got f32[B,4]"},
      {"feed_forward", R"({"type": "FeedForward", "hidden_dim": 2})", 0, 2,
       "child: inputs: expected 1, got 0"},
      {"dropout", R"({"type": "Dropout"})", 3, 2, "child: inputs: expected 1, got 3"},
  };
  for (const WrongUse& wrong : cases) {
    EXPECT_EQ(TraceWrongUse(wrong).message(), wrong.error) << wrong.child;
  }
}

TEST(ModuleTableTest, UnknownTypesAreAnErrorWithTheNearestName) {
  const ModuleTable table;
  EXPECT_EQ(table.Get("RmsNrom").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(table.Get("RmsNrom").status().message()), HasSubstr("RmsNorm"));
  ModuleTable more;
  EXPECT_EQ(more.Register("RmsNorm", nullptr).code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace tessera
