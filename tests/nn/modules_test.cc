// Method: every module stands in a small language model that is traced, compiled and run in fp64:
// its parameters must have the stated paths, dims and roles, and all gradients must be those of
// finite differences of the whole model's loss. Models without positions, gates or biases are rows
// of one table, so that each option of each module is in at least one of them.
#include <cmath>
#include <cstdlib>
#include <set>

#include "absl/strings/str_join.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/finite_difference.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

struct ModelCase {
  std::string name;
  ModelParts parts;
};

class Cases {
 public:
  template <class Change>
  void operator()(std::string name, Change change) {
    ModelParts parts;
    change(parts);
    all_.push_back({std::move(name), std::move(parts)});
  }
  std::vector<ModelCase> Take() { return std::move(all_); }

 private:
  std::vector<ModelCase> all_;
};

void AddParts(Cases& add) {
  add("llama", [](ModelParts&) {});
  add("multi_query", [](ModelParts& p) { p.attention = R"("num_heads": 4, "num_kv_heads": 1)"; });
  add("grouped_query", [](ModelParts& p) { p.attention = R"("num_heads": 4, "num_kv_heads": 2)"; });
  add("attention_bias", [](ModelParts& p) { p.attention = R"("num_heads": 2, "bias": true)"; });
  add("qkv_bias", [](ModelParts& p) { p.attention = R"("num_heads": 2, "qkv_bias": true)"; });
  add("not_causal", [](ModelParts& p) { p.attention = R"("num_heads": 2, "causal": false)"; });
  add("wide_heads", [](ModelParts& p) {
    p.attention = R"("num_heads": 3, "head_dim": 6, "scale": 0.3)";
  });
  for (const char* activation :
       {"relu", "gelu", "gelu_tanh", "silu", "relu_squared", "quick_gelu", "sigmoid", "tanh",
        "softplus", "mish", "identity"}) {
    for (const char* gated : {"true", "false"}) {
      add(absl::StrCat(activation, gated[0] == 't' ? "_gated" : ""), [&](ModelParts& p) {
        p.feed_forward = absl::StrCat(R"("hidden_dim": 10, "activation": ")", activation,
                                      R"(", "gated": )", gated, R"(, "bias": )",
                                      gated[0] == 't' ? "false" : "true");
      });
    }
  }
  add("bounded_and_shifted", [](ModelParts& p) {
    p.feed_forward = R"("hidden_dim": 10, "activation": "quick_gelu", "clamp": 0.4,
                        "up_offset": 1, "bias": true)";
  });
  add("gated_bias", [](ModelParts& p) { p.feed_forward = R"("hidden_dim": 10, "bias": true)"; });
}

void AddNormsAndPositions(Cases& add) {
  add("post_norm", [](ModelParts& p) { p.layer = R"("norm_placement": "post",)"; });
  add("parallel", [](ModelParts& p) { p.layer = R"("parallel_residual": true,)"; });
  add("layer_norm", [](ModelParts& p) { p.norm = R"({"type": "LayerNorm"})"; });
  add("layer_norm_without_bias", [](ModelParts& p) {
    p.norm = R"({"type": "LayerNorm", "bias": false, "epsilon": 0.01})";
  });
  add("output_norm", [](ModelParts& p) { p.layer = R"("norm_placement": "output",)"; });
  add("sandwich_norm", [](ModelParts& p) { p.layer = R"("norm_placement": "sandwich",)"; });
  add("scaled_by_depth", [](ModelParts& p) {
    p.layer = R"("residual_scaling": "depth", "residual_scale": 0.7,)";
  });
  add("scaled_by_depth_mup_parallel", [](ModelParts& p) {
    p.layer = R"("residual_scaling": "depth_mup", "parallel_residual": true,)";
  });
  add("norm_around_1", [](ModelParts& p) {
    p.norm = R"({"type": "RmsNorm", "weight_offset": 1})";
  });
  add("rms_norm_without_scale", [](ModelParts& p) {
    p.norm = R"({"type": "RmsNorm", "scale": false})";
  });
  add("layer_norm_without_scale", [](ModelParts& p) {
    p.norm = R"({"type": "LayerNorm", "scale": false})";
  });
  add("layer_norm_of_nothing_learned", [](ModelParts& p) {
    p.norm = R"({"type": "LayerNorm", "scale": false, "bias": false})";
  });
  add("no_final_norm", [](ModelParts& p) { p.final_norm = "null"; });
  add("learned_position", [](ModelParts& p) {
    p.position = R"({"type": "LearnedPosition", "max_positions": 6})";
  });
  add("no_position", [](ModelParts& p) { p.position = R"({"type": "NoPosition"})"; });
  add("interleaved", [](ModelParts& p) {
    p.position = R"({"type": "RotaryPosition", "interleaved": true, "theta": 100})";
  });
  add("partly_rotary", [](ModelParts& p) {
    p.position = R"({"type": "RotaryPosition", "rotary_dim": 2})";
  });
}

void AddEndsAndStacks(Cases& add) {
  add("tied", [](ModelParts& p) { p.head = R"("tied": true)"; });
  add("tied_with_bias", [](ModelParts& p) { p.head = R"("tied": true, "bias": true)"; });
  add("head_bias", [](ModelParts& p) { p.head = R"("bias": true)"; });
  add("capped_and_scaled_head", [](ModelParts& p) {
    p.head = R"("tied": true, "cap": 0.8, "scale": 1.5)";
  });
  add("scaled_embedding", [](ModelParts& p) {
    p.embedding = R"("sqrt_scale": true, "scale": 0.5)";
  });
  add("embedding_norm", [](ModelParts& p) {
    p.decoder = R"("embedding_norm": {"type": "LayerNorm"},)";
  });
  add("adapters", [](ModelParts& p) {
    p.attention = R"("num_heads": 2, "q_proj": {"type": "LoRA", "rank": 2},
                     "o_proj": {"type": "LowRankAdapter", "rank": 3, "rank_stabilized": true})";
    p.feed_forward = R"("hidden_dim": 10, "bias": true, "down_proj": {"type": "LoRA", "rank": 1,
                        "dropout": {"rate": 0.25}})";
    p.head = R"("tied": true, "projection": {"type": "LoRA", "rank": 2, "alpha": 3})";
  });
  add("alternating_layers", [](ModelParts& p) {
    p.num_layers = 5;
    p.decoder = R"("variants": [{"every": 2, "start": 1,
                                 "layer": {"feed_forward": {"activation": "tanh"}}},
                                {"end": 1, "layer": {"norm_placement": "post"}}],)";
  });
  add("ignored_index", [](ModelParts& p) { p.loss = R"("ignore_index": 3)", p.ignored = 3; });
  add("smoothed", [](ModelParts& p) { p.loss = R"("label_smoothing": 0.2)"; });
  add("z_loss", [](ModelParts& p) { p.loss = R"("z_loss": 0.05, "label_smoothing": 0.1)"; });
  add("dropout", [](ModelParts& p) { p.dropout = R"({"type": "Dropout", "rate": 0.3})"; });
  add("one_layer", [](ModelParts& p) { p.num_layers = 1; });
  add("three_layers", [](ModelParts& p) { p.num_layers = 3; });
}

std::vector<ModelCase> ModelCases() {
  Cases cases;
  AddParts(cases);
  AddNormsAndPositions(cases);
  AddEndsAndStacks(cases);
  return cases.Take();
}

void PrintTo(const ModelCase& entry, std::ostream* out) { *out << entry.name; }

class ModelTest : public testing::TestWithParam<ModelCase> {};

absl::StatusOr<std::unique_ptr<ModelRun>> Prepared(const ModelParts& parts, RunOptions options) {
  options.compile.gradients = true;
  ASSIGN_OR_RETURN(auto run, ModelRun::OfJson(ModelJson(parts), options));
  run->FillParams(3);
  RETURN_IF_ERROR(run->SetKeys(5));
  const int64_t count = options.sizes.at("B") * options.sizes.at("T");
  std::vector<double> targets = SomeIds(count, kVocab, 2);
  targets[1] = parts.ignored;
  RETURN_IF_ERROR(run->SetBatch(0, SomeIds(count, kVocab, 1), targets));
  RETURN_IF_ERROR(run->Step());
  return run;
}

TEST_P(ModelTest, GradientsAreThoseOfFiniteDifferences) {
  auto prepared = Prepared(GetParam().parts, {});
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  ExpectSlopes(**prepared, std::getenv("TESSERA_LONG") != nullptr ? 1000 : 5);
}

TEST_P(ModelTest, LogitsHaveTheirShapeAndFp32IsNear) {
  RunOptions options;
  options.sizes = {{"B", 3}, {"T", 5}};
  const auto wide = Prepared(GetParam().parts, options);
  options.dtype = DType::kF32;
  const auto run = Prepared(GetParam().parts, options);
  ASSERT_TRUE(wide.ok() && run.ok()) << wide.status() << run.status();
  const auto logits = (*run)->Result();
  const auto expected = (*wide)->Result();
  ASSERT_TRUE(logits.ok() && expected.ok());
  EXPECT_EQ(logits->dims, (std::vector<int64_t>{3, 5, kVocab}));
  EXPECT_EQ(logits->dtype, DType::kF32);
  for (int64_t i = 0; i < logits->count(); ++i) {
    EXPECT_NEAR(logits->At(i), expected->At(i), 3e-5 * (1 + std::abs(expected->At(i)))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ModelTest, testing::ValuesIn(ModelCases()),
                         [](const auto& info) { return info.param.name; });

std::vector<std::string> ParamTexts(const ModelParts& parts, std::string_view prefix) {
  const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  EXPECT_TRUE(main.ok()) << main.status();
  std::vector<std::string> texts;
  if (!main.ok()) return texts;
  for (const FunctionInput& input : (*main)->inputs()) {
    if (input.kind != InputKind::kParam || !input.name.starts_with(prefix)) continue;
    texts.push_back(absl::StrCat(input.name, " ", (*main)->type(input.value).ToText(), " ",
                                 absl::StrJoin(input.param.logical_dims, ","), " ",
                                 input.param.decay ? "decay" : "-"));
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

TEST(ParameterTest, PathsDimsAndRolesOfALlamaModel) {
  ModelParts parts;
  parts.attention = R"("num_heads": 4, "num_kv_heads": 2)";
  EXPECT_EQ(ParamTexts(parts, ""),
            (std::vector<std::string>{
                "decoder/final_norm/scale f32[8] embed -",
                "decoder/layers/0/attention/k_proj/weight f32[8,4] embed,heads decay",
                "decoder/layers/0/attention/o_proj/weight f32[8,8] heads,embed decay",
                "decoder/layers/0/attention/q_proj/weight f32[8,8] embed,heads decay",
                "decoder/layers/0/attention/v_proj/weight f32[8,4] embed,heads decay",
                "decoder/layers/0/feed_forward/down_proj/weight f32[10,8] mlp,embed decay",
                "decoder/layers/0/feed_forward/gate_proj/weight f32[8,10] embed,mlp decay",
                "decoder/layers/0/feed_forward/up_proj/weight f32[8,10] embed,mlp decay",
                "decoder/layers/0/norm_1/scale f32[8] embed -",
                "decoder/layers/0/norm_2/scale f32[8] embed -",
                "decoder/layers/1/attention/k_proj/weight f32[8,4] embed,heads decay",
                "decoder/layers/1/attention/o_proj/weight f32[8,8] heads,embed decay",
                "decoder/layers/1/attention/q_proj/weight f32[8,8] embed,heads decay",
                "decoder/layers/1/attention/v_proj/weight f32[8,4] embed,heads decay",
                "decoder/layers/1/feed_forward/down_proj/weight f32[10,8] mlp,embed decay",
                "decoder/layers/1/feed_forward/gate_proj/weight f32[8,10] embed,mlp decay",
                "decoder/layers/1/feed_forward/up_proj/weight f32[8,10] embed,mlp decay",
                "decoder/layers/1/norm_1/scale f32[8] embed -",
                "decoder/layers/1/norm_2/scale f32[8] embed -",
                "embedding/weight f32[13,8] vocab,embed decay",
                "head/weight f32[8,13] embed,vocab decay"}));
}

TEST(ParameterTest, BiasesAndPositionsOfAGptModel) {
  ModelParts parts;
  parts.num_layers = 1;
  parts.position = R"({"type": "LearnedPosition", "max_positions": 6})";
  parts.norm = R"({"type": "LayerNorm"})";
  parts.attention = R"("num_heads": 2, "bias": true)";
  parts.feed_forward = R"("hidden_dim": 10, "gated": false, "bias": true)";
  parts.head = R"("tied": true, "bias": true)";
  const std::vector<std::string> texts = ParamTexts(parts, "");
  EXPECT_THAT(texts, IsSupersetOf({
                         "decoder/position/weight f32[6,8] position,embed decay",
                         "decoder/layers/0/norm_1/bias f32[8] embed -",
                         "decoder/layers/0/attention/q_proj/bias f32[8] heads -",
                         "decoder/layers/0/attention/o_proj/bias f32[8] embed -",
                         "decoder/layers/0/feed_forward/up_proj/bias f32[10] mlp -",
                         "decoder/layers/0/feed_forward/down_proj/bias f32[8] embed -",
                         "head/bias f32[13] vocab -",
                     }));
  for (const std::string& text : texts) EXPECT_THAT(text, Not(HasSubstr("head/weight")));
}

TEST(ParameterTest, InitialisersFollowTheConfig) {
  ModelParts parts;
  parts.num_layers = 1;
  parts.attention = R"("num_heads": 2, "init_std": 0.3, "output_init_std": 0.01)";
  const auto main = TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain});
  ASSERT_TRUE(main.ok()) << main.status();
  const auto init_of = [&](std::string_view path) {
    const int index = (*main)->FindInput(path, InputKind::kParam);
    EXPECT_GE(index, 0) << path;
    return index < 0 ? Initializer() : (*main)->inputs()[index].param.init;
  };
  EXPECT_EQ(init_of("decoder/layers/0/attention/q_proj/weight"), Initializer::Normal(0.3));
  EXPECT_EQ(init_of("decoder/layers/0/attention/o_proj/weight"), Initializer::Normal(0.01));
  EXPECT_EQ(init_of("decoder/layers/0/norm_1/scale"), Initializer::Constant(1));
  EXPECT_EQ(init_of("decoder/layers/0/feed_forward/down_proj/weight"), Initializer::Normal(0.02));
}

}  // namespace
}  // namespace tessera
