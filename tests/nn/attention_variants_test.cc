// Method: every kind of attention and position stands in a small language model. In fp64, all
// gradients must be those of finite differences of the loss, and decoding in pieces of several
// sizes, from caches, must give the logits of the whole; in fp32 and bf16 the logits must be near
// those of fp64. What the numbers are is tested in attention_values_test.cc and positions_test.cc.
#include <cmath>

#include "gtest/gtest.h"
#include "tests/nn/finite_difference.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

constexpr int64_t kLength = 9, kCapacity = 16;

struct Variant {
  std::string name;
  ModelParts parts;
  bool decodes = true;  // to the logits of the whole
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

std::string Rotary(std::string_view scaling) {
  return absl::StrCat(R"({"type": "RotaryPosition", "theta": 50, "scaling": {)", scaling, "}}");
}

void AddAttentions(std::vector<Variant>& all) {
  const std::pair<const char*, const char*> attentions[] = {
      {"windowed", R"("num_heads": 2, "window": 3)"},
      {"softcapped", R"("num_heads": 2, "softcap": 0.7, "scale": 1.5)"},
      {"sinks", R"("num_heads": 4, "num_kv_heads": 2, "sinks": true)"},
      {"windowed_sinks", R"("num_heads": 2, "sinks": true, "window": 2)"},
      {"qk_norm", R"("num_heads": 4, "num_kv_heads": 2, "q_norm": {}, "k_norm": {})"},
      {"norm_all", R"("num_heads": 4, "num_kv_heads": 2, "q_norm": {}, "k_norm": {},
                           "norm_all": true)"},
      {"q_layer_norm", R"("num_heads": 2, "q_norm": {"type": "LayerNorm"})"},
      {"one_bias", R"("num_heads": 2, "q_proj": {"bias": true}, "o_proj": {"bias": true})"},
      {"without_position", R"("num_heads": 2, "position": {"type": "NoPosition"})"},
      {"own_rotary", R"("num_heads": 2, "position": {"type": "RotaryPosition", "theta": 7})"},
      {"own_relative", R"("num_heads": 2, "scale": 1, "position": {"type": "RelativePosition",
                          "num_buckets": 6, "max_distance": 8})"},
      {"own_alibi", R"("num_heads": 2, "position": {"type": "AlibiPosition"})"},
      {"latent", R"("type": "LatentAttention", "num_heads": 2, "q_lora_rank": 6,
                    "kv_lora_rank": 5, "qk_nope_head_dim": 3, "qk_rope_head_dim": 2,
                    "v_head_dim": 4)"},
      {"latent_without_q_latents", R"("type": "LatentAttention", "num_heads": 3,
                    "kv_lora_rank": 4, "qk_nope_head_dim": 2, "qk_rope_head_dim": 4,
                    "v_head_dim": 3, "bias": true, "scale": 0.3, "kv_latent_norm": null)"},
      {"latent_expanded", R"("type": "LatentAttention", "num_heads": 2, "kv_lora_rank": 5,
                    "qk_nope_head_dim": 3, "qk_rope_head_dim": 2, "v_head_dim": 4,
                    "kv_up_proj": {"bias": true})"},
      {"relative_attention", R"("type": "RelativeAttention", "num_heads": 2)"},
      {"relative_attention_alone", R"("type": "RelativeAttention", "num_heads": 3, "head_dim": 4,
                    "bias": true, "scale": 0.4, "position": {"type": "NoPosition"})"},
      {"latent_own_position", R"("type": "LatentAttention", "num_heads": 2, "kv_lora_rank": 5,
                    "qk_nope_head_dim": 3, "qk_rope_head_dim": 2, "v_head_dim": 4,
                    "position": {"type": "RotaryPosition", "interleaved": true})"},
  };
  for (const auto& [name, attention] : attentions) {
    Variant variant = {name, {}};
    variant.parts.attention = attention;
    all.push_back(variant);
  }
}

void AddPositions(std::vector<Variant>& all) {
  const std::pair<const char*, std::string> positions[] = {
      {"alibi", R"({"type": "AlibiPosition"})"},
      {"sinusoidal", R"({"type": "SinusoidalPosition"})"},
      {"sinusoidal_halves", R"({"type": "SinusoidalPosition", "interleaved": false})"},
      {"relative", R"({"type": "RelativePosition", "num_buckets": 5,
                       "max_distance": 7})"},
      {"linear", Rotary(R"("type": "LinearScaling", "factor": 4)")},
      {"llama3", Rotary(R"("type": "Llama3Scaling", "original_max_positions": 20)")},
      {"yarn", Rotary(R"("factor": 8, "original_max_positions": 40)")},
      {"yarn_deep_seek", Rotary(R"("factor": 8, "original_max_positions": 40, "mscale": 1,
                                   "mscale_all_dim": 0.7, "truncate": false)")},
      {"dynamic", Rotary(R"("type": "DynamicScaling", "factor": 2,
                            "original_max_positions": 9)")},
      {"dynamic_beyond", Rotary(R"("type": "DynamicScaling", "factor": 2,
                                   "original_max_positions": 3)")},
  };
  for (const auto& [name, position] : positions) {
    Variant variant = {name, {}, std::string_view(name) != "dynamic_beyond"};
    variant.parts.position = position;
    all.push_back(variant);
  }
}

std::vector<Variant> Variants() {
  std::vector<Variant> all;
  AddAttentions(all);
  AddPositions(all);
  Variant odd = {"alibi_of_three_heads", {}};
  odd.parts.position = R"({"type": "AlibiPosition", "max_bias": 5})";
  odd.parts.attention = R"("num_heads": 3, "head_dim": 4, "num_kv_heads": 1, "sinks": true)";
  all.push_back(odd);
  Variant encoder = {"encoder", {}, false};
  encoder.parts.position = R"({"type": "RelativePosition", "num_buckets": 8,
                               "max_distance": 6, "bidirectional": true})";
  encoder.parts.attention = R"("num_heads": 2, "causal": false)";
  all.push_back(encoder);
  return all;
}

class AttentionVariantTest : public testing::TestWithParam<Variant> {
 protected:
  static absl::StatusOr<std::unique_ptr<ModelRun>> Run(Mode mode, DType dtype, int64_t length,
                                                       const std::vector<double>& tokens,
                                                       bool gradients) {
    RunOptions options;
    options.mode = mode;
    options.dtype = dtype;
    options.sizes = {{"B", 2}, {"T", length}};
    options.compile.gradients = gradients;
    ASSIGN_OR_RETURN(auto run, ModelRun::OfJson(ModelJson(GetParam().parts), options));
    run->FillParams(3);
    RETURN_IF_ERROR(run->SetBatch(0, tokens, tokens));
    RETURN_IF_ERROR(run->Step());
    return run;
  }

  // Pieces of `piece` tokens until all are read; the last one is padded.
  static void ExpectPieces(const ModelRun& whole, const std::vector<double>& tokens,
                           int64_t piece) {
    auto store = std::make_shared<SlotStore>();
    for (const ProgramParam& param : whole.program().params) {
      ASSERT_TRUE(store->Put(SlotKind::kParam, param.path, whole.Param(param.path)).ok());
    }
    RunOptions options;
    options.mode = Mode::kDecode;
    options.sizes = {{"B", 2}, {"T", piece}, {"S", kCapacity}};
    auto run = ModelRun::OfJson(ModelJson(GetParam().parts), options, store);
    ASSERT_TRUE(run.ok()) << run.status();
    const auto expected = whole.Result();
    ASSERT_TRUE(expected.ok());
    for (int64_t start = 0; start < kLength; start += piece) {
      std::vector<double> ids, positions;
      for (int64_t b = 0; b < 2; ++b) {
        for (int64_t t = start; t < start + piece; ++t) {
          ids.push_back(t < kLength ? tokens[b * kLength + t] : 0);
          positions.push_back(static_cast<double>(std::min(t, kLength - 1)));
        }
      }
      const double at = static_cast<double>(start);
      ASSERT_TRUE((*run)->SetInput("tokens", 0, ids).ok());
      ASSERT_TRUE((*run)->SetInput("positions", 0, positions).ok());
      ASSERT_TRUE((*run)->SetInput("start", 0, {at, at}).ok());
      ASSERT_TRUE((*run)->Step().ok());
      const auto logits = (*run)->Result();
      ASSERT_TRUE(logits.ok());
      for (int64_t i = 0; i < 2 * piece * kVocab; ++i) {
        const int64_t b = i / kVocab / piece, t = start + i / kVocab % piece;
        if (t >= kLength) continue;
        ASSERT_NEAR(logits->At(i), expected->At((b * kLength + t) * kVocab + i % kVocab), 1e-11)
            << "row " << b << " token " << t << " in pieces of " << piece;
      }
    }
  }
};

TEST_P(AttentionVariantTest, GradientsAreThoseOfFiniteDifferences) {
  const auto run = Run(Mode::kTrain, DType::kF64, 5, SomeIds(10, kVocab, 1), true);
  ASSERT_TRUE(run.ok()) << run.status();
  ExpectSlopes(**run, 3);
}

TEST_P(AttentionVariantTest, PiecesFromCachesGiveTheLogitsOfTheWhole) {
  if (!GetParam().decodes) return;
  const std::vector<double> tokens = SomeIds(2 * kLength, kVocab, 1);
  const auto whole = Run(Mode::kEvaluate, DType::kF64, kLength, tokens, false);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (const int64_t piece : {1, 4, 9}) ExpectPieces(**whole, tokens, piece);
}

TEST_P(AttentionVariantTest, NarrowDTypesAreNear) {
  const std::vector<double> tokens = SomeIds(14, kVocab, 1);
  const auto wide = Run(Mode::kTrain, DType::kF64, 7, tokens, true);
  ASSERT_TRUE(wide.ok()) << wide.status();
  const auto expected = (*wide)->Result();
  ASSERT_TRUE(expected.ok());
  for (const auto& [dtype, tolerance] : {std::pair{DType::kF32, 3e-5}, {DType::kBF16, 8e-2}}) {
    const auto run = Run(Mode::kTrain, dtype, 7, tokens, true);
    ASSERT_TRUE(run.ok()) << run.status();
    const auto logits = (*run)->Result();
    ASSERT_TRUE(logits.ok());
    for (int64_t i = 0; i < logits->count(); ++i) {
      ASSERT_NEAR(logits->At(i), expected->At(i), tolerance * (1 + std::abs(expected->At(i))))
          << Name(dtype) << " " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, AttentionVariantTest, testing::ValuesIn(Variants()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tessera
