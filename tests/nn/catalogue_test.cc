// Method: options of the built-in modules against their formulas, in fp64 and written out here: a
// layer around parts of the test's own whose results are told by hand, stacks with several kinds of
// layers, activations, scales and caps. Gradients of the same options are in modules_test.cc.
#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

// x -> a x + b as a module of any role: "Attend" 2x + 1, "Feed" 3x, "Half" x / 2 (a norm), and
// "Cross" x + 10 second input.
class Parts {
 public:
  Parts() : registry_(std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin())) {
    Add("Attend", "attention", 2, 1);
    Add("Feed", "feed_forward", 3, 0);
    Add("Half", "norm", 0.5, 0);
    Register("Cross", "attention", [](Scope& scope, const Values& in) -> absl::StatusOr<Values> {
      Graph& graph = scope.graph();
      const ValueId ten = graph.Constant(10, scope.dtype());
      return Values{graph.Add(in[0], graph.Mul(in[1], ten))};
    });
  }

  // The results of a module for x[1,1,2] and, when given, a second input of that shape.
  absl::StatusOr<std::vector<double>> Run(const std::string& json, std::vector<double> x,
                                          std::vector<double> second = {}) const {
    ASSIGN_OR_RETURN(const Config config, Config::FromJson(registry_, json, "part.json"));
    ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
    Tracer tracer(OpTable::Builtin(), table_, {DType::kF64, Mode::kTrain});
    const ValueType type{DType::kF64, {Dim::Symbol("B"), 1, 2}};
    std::vector<NamedType> arguments = {{"x", type}};
    if (!second.empty()) arguments.push_back({"second", type});
    ASSIGN_OR_RETURN(const FunctionRef main,
                     tracer.TraceMain(resolved.root(), arguments, {}));
    RunOptions options;
    options.sizes = {{"B", 1}};
    ASSIGN_OR_RETURN(auto run, ModelRun::OfFunction(*main, options));
    run->FillParams(1, 0);   // scales are 1, all else 0
    RETURN_IF_ERROR(run->SetInput("x", 0, x));
    RETURN_IF_ERROR(run->SetInput("second", 0, second));
    RETURN_IF_ERROR(run->Step());
    ASSIGN_OR_RETURN(const Tensor result, run->Result());
    std::vector<double> numbers;
    for (int64_t i = 0; i < result.count(); ++i) numbers.push_back(result.At(i));
    return numbers;
  }

 private:
  void Add(const std::string& name, std::string_view role, double factor, double offset) {
    Register(name, role,
             [factor, offset](Scope& scope, const Values& in) -> absl::StatusOr<Values> {
               Graph& graph = scope.graph();
               const ValueId y = graph.Mul(in[0], graph.Constant(factor, scope.dtype()));
               return Values{graph.Add(y, graph.Constant(offset, scope.dtype()))};
             });
  }

  void Register(const std::string& name, std::string_view role, LambdaModule::Fn fn) {
    const absl::Status schema = registry_->RegisterText(
        absl::Substitute("namespace test;\n/// A part.\ntable $0 (role: \"$1\") {\n"
                         "  /// Width.\n  model_dim: long (flows: \"model_dim\");\n}\n",
                         name, role),
        name);
    EXPECT_TRUE(schema.ok()) << schema;
    EXPECT_TRUE(table_.Register(name, [fn](const ConfigNode&) {
      return absl::StatusOr<std::unique_ptr<Module>>(std::make_unique<LambdaModule>(fn));
    }).ok());
  }

  std::shared_ptr<SchemaRegistry> registry_;
  ModuleTable table_;
};

double Layer(std::string_view fields, double x, double second = 0, bool crosses = false) {
  const std::string json = absl::Substitute(
      R"({"type": "TransformerLayer", "model_dim": 2, "norm": "Half", "attention": "Attend",
          "feed_forward": "Feed", $0 "dropout": null})", fields);
  const auto result = crosses ? Parts().Run(json, {x, x}, {second, second})
                              : Parts().Run(json, {x, x});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? (*result)[0] : NAN;
}

double Attend(double x) { return 2 * x + 1; }
double Feed(double x) { return 3 * x; }
double Half(double x) { return x / 2; }

TEST(TransformerLayerTest, NormsStandWhereTheirPlacementSays) {
  constexpr double x = 0.75;
  double h = x + Attend(Half(x));
  EXPECT_EQ(Layer("", x), h + Feed(Half(h)));
  h = Half(x + Attend(x));
  EXPECT_EQ(Layer(R"("norm_placement": "post",)", x), Half(h + Feed(h)));
  h = x + Half(Attend(x));
  EXPECT_EQ(Layer(R"("norm_placement": "output",)", x), h + Half(Feed(h)));
  h = x + Half(Attend(Half(x)));
  EXPECT_EQ(Layer(R"("norm_placement": "sandwich",)", x), h + Half(Feed(Half(h))));
  EXPECT_EQ(Layer(R"("parallel_residual": true,)", x), x + Attend(Half(x)) + Feed(Half(x)));
}

TEST(TransformerLayerTest, BranchesAreScaledBeforeTheyAreAdded) {
  constexpr double x = 0.75;
  const auto scaled = [](double factor) {
    const double h = x + factor * Attend(Half(x));
    return h + factor * Feed(Half(h));
  };
  EXPECT_DOUBLE_EQ(Layer(R"("residual_scale": 0.22,)", x), scaled(0.22));
  EXPECT_DOUBLE_EQ(Layer(R"("residual_scaling": "depth", "num_layers": 8,)", x), scaled(0.25));
  EXPECT_DOUBLE_EQ(
      Layer(R"("residual_scaling": "depth_mup", "num_layers": 16, "residual_scale": 1.5,)", x),
      scaled(0.375));
}

TEST(TransformerLayerTest, CrossAttentionStandsBetweenTheTwo) {
  constexpr double x = 0.75, second = 0.25;
  double h = x + Attend(Half(x));
  h += Half(h) + 10 * second;
  EXPECT_EQ(Layer(R"("cross_attention": "Cross",)", x, second, true), h + Feed(Half(h)));
  h = Half(x + Attend(x));
  h = Half(h + h + 10 * second);
  EXPECT_EQ(Layer(R"("cross_attention": "Cross", "norm_placement": "post",)", x, second, true),
            Half(h + Feed(h)));
}

TEST(TransformerLayerTest, WhatDoesNotGoTogetherIsRefused) {
  const auto error = [](std::string_view fields) {
    ModelParts parts;
    parts.layer = std::string(fields);
    return std::string(ModelRun::OfJson(ModelJson(parts), {}).status().message());
  };
  EXPECT_THAT(error(R"("parallel_residual": true, "norm_placement": "post",)"),
              HasSubstr("expected norm_placement 'pre', got 'post'"));
  EXPECT_THAT(error(R"("residual_scaling": "depth", "num_layers": 0,)"),
              HasSubstr("residual_scaling 'depth' needs num_layers"));
  EXPECT_THAT(error(R"("cross_attention": {"num_heads": 2},)"),
              HasSubstr("inputs: expected 2, got 1"));
}

TEST(NormTest, AScaleMayBeKeptAsItsDistanceFromOneOrNotAtAll) {
  const Parts parts;
  const std::vector<double> x = {3, 4};   // root mean square: sqrt(12.5)
  const double root = std::sqrt(12.5);
  // FillParams makes the stored scale 1.
  const auto offset =
      parts.Run(R"({"type": "RmsNorm", "model_dim": 2, "epsilon": 0, "weight_offset": 1})", x);
  const auto bare =
      parts.Run(R"({"type": "RmsNorm", "model_dim": 2, "epsilon": 0, "scale": false})", x);
  const auto layer = parts.Run(
      R"({"type": "LayerNorm", "model_dim": 2, "epsilon": 0, "scale": false, "bias": false})", x);
  ASSERT_TRUE(offset.ok() && bare.ok() && layer.ok()) << offset.status() << bare.status();
  EXPECT_NEAR((*offset)[0], 2 * 3 / root, 1e-15);
  EXPECT_NEAR((*bare)[1], 4 / root, 1e-15);
  EXPECT_THAT(*layer, ElementsAre(-1, 1));
}

// One number through a feed-forward whose weights are the identity.
double Activated(std::string_view activation, bool gated, double x, std::string_view more = "") {
  const std::string json = absl::Substitute(
      R"({"type": "FeedForward", "model_dim": 2, "hidden_dim": 2, "activation": "$0",
          $2 "gated": $1})", activation, gated ? "true" : "false", more);
  const auto config = ResolvedConfig(json);
  EXPECT_TRUE(config.ok()) << config.status();
  const ModuleTable modules;
  Tracer tracer(OpTable::Builtin(), modules, {DType::kF64, Mode::kTrain});
  const auto main =
      tracer.TraceMain(config->root(), {{"x", {DType::kF64, {Dim::Symbol("B"), 2}}}}, {});
  EXPECT_TRUE(main.ok()) << main.status();
  RunOptions options;
  options.sizes = {{"B", 1}};
  auto run = ModelRun::OfFunction(**main, options);
  EXPECT_TRUE(run.ok()) << run.status();
  for (const ProgramParam& param : (*run)->program().params) {
    Tensor weight = (*run)->Param(param.path);
    for (int64_t i : {0, 3}) weight.Put(i, 1);
    for (int64_t i : {1, 2}) weight.Put(i, 0);
  }
  EXPECT_TRUE((*run)->SetInput("x", 0, {x, 0}).ok());
  EXPECT_TRUE((*run)->Step().ok());
  return (*run)->Result()->At(0);
}

TEST(FeedForwardTest, ActivationsAreThoseOfTheirFormulas) {
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  const std::pair<const char*, std::function<double(double)>> activations[] = {
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"gelu", [](double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }},
      {"gelu_tanh",
       [](double x) {
         return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       }},
      {"silu", [&](double x) { return x * logistic(x); }},
      {"relu_squared", [](double x) { return x > 0 ? x * x : 0; }},
      {"quick_gelu", [&](double x) { return x * logistic(1.702 * x); }},
      {"sigmoid", logistic},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"softplus", [](double x) { return std::log1p(std::exp(x)); }},
      {"mish", [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"identity", [](double x) { return x; }},
  };
  std::set<std::string> known;
  const TypeInfo* type = SchemaRegistry::Builtin()->Find("FeedForward");
  for (const EnumMember& member : type->Find("activation")->members) known.insert(member.name);
  for (const auto& [name, formula] : activations) {
    EXPECT_EQ(known.erase(name), 1u) << name;
    for (const double x : {-3.0, -0.4, 0.0, 0.7, 2.5}) {
      EXPECT_NEAR(Activated(name, false, x), formula(x), 1e-13) << name << " " << x;
      EXPECT_NEAR(Activated(name, true, x), formula(x) * x, 1e-13) << name << " " << x;
    }
  }
  EXPECT_TRUE(known.empty()) << *known.begin() << " is not tested";
}

TEST(FeedForwardTest, GatesMayBeBoundedAndShifted) {
  const auto formula = [](double x) {
    const double gate = std::min(x, 2.0), up = std::clamp(x, -2.0, 2.0);
    return gate / (1 + std::exp(-1.702 * gate)) * (up + 1);
  };
  for (const double x : {-5.0, -1.5, 0.5, 3.0}) {
    EXPECT_NEAR(Activated("quick_gelu", true, x, R"("clamp": 2, "up_offset": 1,)"), formula(x),
                1e-14) << x;
  }
  ModelParts parts;
  parts.feed_forward = R"("hidden_dim": 4, "gated": false, "clamp": 1)";
  EXPECT_THAT(std::string(ModelRun::OfJson(ModelJson(parts), {}).status().message()),
              HasSubstr("clamp and up_offset are for gated ones"));
}

// The logits of a model in evaluation, all of whose parameters are fixed numbers.
std::vector<double> Logits(const ModelParts& parts) {
  RunOptions options;
  options.mode = Mode::kEvaluate;
  auto run = ModelRun::OfJson(ModelJson(parts), options);
  EXPECT_TRUE(run.ok()) << run.status();
  if (!run.ok()) return {};
  (*run)->FillParams(3);
  EXPECT_TRUE((*run)->SetBatch(0, SomeIds(8, kVocab, 1), SomeIds(8, kVocab, 2)).ok());
  EXPECT_TRUE((*run)->Step().ok());
  const auto result = (*run)->Result();
  std::vector<double> numbers;
  for (int64_t i = 0; result.ok() && i < result->count(); ++i) numbers.push_back(result->At(i));
  return numbers;
}

TEST(LanguageModelHeadTest, ScalesAndThenCaps) {
  ModelParts parts;
  const std::vector<double> plain = Logits(parts);
  parts.head = R"("tied": false, "scale": 2.5, "cap": 0.75)";
  const std::vector<double> capped = Logits(parts);
  ASSERT_EQ(plain.size(), capped.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    EXPECT_NEAR(capped[i], 0.75 * std::tanh(2.5 * plain[i] / 0.75), 1e-12);
    EXPECT_LE(std::abs(capped[i]), 0.75);
  }
}

TEST(EmbeddingTest, ScalesByTheRootRoundedAsTheModelIs) {
  constexpr char kJson[] = R"({"type": "Embedding", "vocab_size": 3, "model_dim": 3,
                               "sqrt_scale": true, "scale": 0.5})";
  const auto config = ResolvedConfig(kJson);
  ASSERT_TRUE(config.ok()) << config.status();
  for (const auto& [dtype, factor] : {std::pair(DType::kF64, std::sqrt(3.0) / 2),
                                     {DType::kBF16, 0.8671875}}) {   // 0.8660 in bf16
    const ModuleTable modules;
    Tracer tracer(OpTable::Builtin(), modules, {dtype, Mode::kTrain});
    const auto main =
        tracer.TraceMain(config->root(), {{"x", {DType::kI32, {Dim::Symbol("B")}}}}, {});
    ASSERT_TRUE(main.ok()) << main.status();
    RunOptions options;
    options.sizes = {{"B", 2}};
    auto run = ModelRun::OfFunction(**main, options);
    ASSERT_TRUE(run.ok()) << run.status();
    Tensor weight = (*run)->Param("weight");
    for (int64_t i = 0; i < 9; ++i) weight.Put(i, static_cast<double>(i));
    ASSERT_TRUE((*run)->SetInput("x", 0, {1, 0}).ok());
    ASSERT_TRUE((*run)->Step().ok());
    EXPECT_DOUBLE_EQ((*run)->Result()->At(1), 4 * factor);
    EXPECT_EQ((*run)->Result()->At(3), 0);
  }
}

// --- Stacks of several kinds of layers ---

std::string KindsOf(std::string_view variants, int num_layers = 8) {
  ModelParts parts;
  parts.num_layers = num_layers;
  parts.feed_forward = R"("hidden_dim": 10, "activation": "silu")";
  parts.decoder = absl::StrCat(R"("variants": [)", variants, "],");
  const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  EXPECT_TRUE(main.ok()) << main.status();
  if (!main.ok()) return "";
  // The kind of a layer is told by the width of its feed-forward.
  std::string kinds;
  for (int i = 0; i < num_layers; ++i) {
    const int input = (*main)->FindInput(
        absl::StrCat("decoder/layers/", i, "/feed_forward/up_proj/weight"), InputKind::kParam);
    EXPECT_GE(input, 0) << i;
    const int64_t width = (*main)->type((*main)->inputs()[input].value).dims[1].value();
    absl::StrAppend(&kinds, width == 10 ? "." : absl::StrCat(width));
  }
  return kinds;
}

std::string Variant(std::string_view places, int width) {
  return absl::Substitute(R"({$0 "layer": {"feed_forward": {"hidden_dim": $1}}})", places, width);
}

TEST(LayerVariantTest, StandsWhereItIsPutAndTheFirstThatCoversCounts) {
  EXPECT_EQ(KindsOf(""), "........");
  EXPECT_EQ(KindsOf(Variant(R"("every": 4, "start": 3,)", 4)), "...4...4");
  EXPECT_EQ(KindsOf(Variant(R"("every": 2,)", 4)), "4.4.4.4.");
  EXPECT_EQ(KindsOf(Variant(R"("end": 3,)", 4)), "444.....");
  EXPECT_EQ(KindsOf(Variant(R"("start": 6,)", 4)), "......44");
  EXPECT_EQ(KindsOf(Variant(R"("start": 1, "every": 2, "end": 6,)", 4)), ".4.4.4..");
  EXPECT_EQ(KindsOf(absl::StrCat(Variant(R"("end": 1,)", 5), ", ",
                                 Variant(R"("every": 2,)", 4))),
            "5.4.4.4.");
}

TEST(LayerVariantTest, CoveringNoLayerIsAnError) {
  ModelParts parts;
  parts.num_layers = 4;
  parts.decoder = absl::StrCat(R"("variants": [)", Variant(R"("end": 1,)", 4), ", ",
                               Variant(R"("start": 4,)", 4), "],");
  EXPECT_EQ(TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain}).status().message(),
            "decoder: Decoder: variants[1]: expected to cover one of the 4 layers, got none; see "
            "its start and end, or leave it out");
}

TEST(LayerVariantTest, IsLikeTheOtherLayersButForWhatItSays) {
  ModelParts parts;
  parts.num_layers = 2;
  parts.norm = R"({"type": "LayerNorm", "epsilon": 0.125})";
  parts.attention = R"("num_heads": 4, "num_kv_heads": 2, "q_proj": {"bias": true})";
  parts.feed_forward = R"("hidden_dim": 10, "activation": "tanh", "gated": false)";
  parts.decoder = R"("variants": [{"start": 1, "layer": {"attention": {"causal": false},
                                   "feed_forward": {"gated": true}}}],)";
  const auto config = ResolvedConfig(ModelJson(parts));
  ASSERT_TRUE(config.ok()) << config.status();
  const ConfigNode* decoder = config->root().Child("decoder");
  const ConfigNode* layer = decoder->Child("variants")->Child("layer");
  ASSERT_NE(layer, nullptr);
  EXPECT_EQ(layer->Child("norm")->Fingerprint(),
            decoder->Child("layer")->Child("norm")->Fingerprint());
  const ConfigNode* attention = layer->Child("attention");
  EXPECT_EQ(*attention->Value("num_kv_heads")->AsInt(), 2);
  EXPECT_EQ(*attention->Value("causal")->AsBool(), false);
  EXPECT_EQ(*attention->Child("q_proj")->Value("bias")->AsBool(), true);
  EXPECT_EQ(*attention->Child("k_proj")->Value("bias")->AsBool(), false);
  EXPECT_EQ(*layer->Child("feed_forward")->Value("activation")->AsText(), "tanh");
  EXPECT_NE(layer->Child("feed_forward")->Child("gate_proj"), nullptr);
  // What is resolved says everything and resolves to itself.
  const auto again = ResolvedConfig(config->ToJson(/*everything=*/true));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->root().Fingerprint(), config->root().Fingerprint());
}

TEST(LayerVariantTest, AnotherTypeOfPartStartsFromItsOwnDefaults) {
  ModelParts parts;
  parts.norm = R"({"type": "LayerNorm", "epsilon": 0.125})";
  parts.decoder = R"("variants": [{"every": 2, "layer": {"norm": {"type": "RmsNorm"}}}],)";
  const auto config = ResolvedConfig(ModelJson(parts));
  ASSERT_TRUE(config.ok()) << config.status();
  const ConfigNode* norm =
      config->root().Child("decoder")->Child("variants")->Child("layer")->Child("norm");
  EXPECT_EQ(norm->type(), "RmsNorm");
  EXPECT_EQ(*norm->Value("epsilon")->AsFloat(), 1e-5);
}

void CollectFunctions(const Function& function, std::set<const Function*>& seen) {
  if (!seen.insert(&function).second) return;
  for (const Node& node : function.nodes()) {
    if (node.is_call()) CollectFunctions(*node.callee, seen);
  }
}

TEST(LayerVariantTest, EveryKindIsTracedOnceHoweverManyLayers) {
  const auto functions = [](int num_layers) {
    ModelParts parts;
    parts.num_layers = num_layers;
    parts.decoder =
        absl::StrCat(R"("variants": [)", Variant(R"("every": 4, "start": 3,)", 4), "],");
    const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
    EXPECT_TRUE(main.ok()) << main.status();
    std::set<const Function*> seen;
    CollectFunctions(**main, seen);
    return seen.size();
  };
  EXPECT_EQ(functions(4), functions(200));
}

}  // namespace
}  // namespace tessera
