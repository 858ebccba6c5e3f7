// Method: a model with adapters beside the same model without: equal to the bit at the start, the
// formula y = x (W + scale A B) afterwards; adapters wrapped around each other; what is refused.
// Gradients are those of modules_test.cc ("adapters").
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kAdapter[] = R"({$0 "type": "LowRankAdapter", "rank": 3, "alpha": 5})";

// A model whose queries, down-projection and tied head are wrapped.
ModelParts Wrapped(std::string_view settings) {
  const std::string adapter = absl::Substitute(kAdapter, settings);
  ModelParts parts;
  parts.attention = absl::StrCat(R"("num_heads": 2, "qkv_bias": true, "q_proj": )", adapter);
  parts.feed_forward = absl::StrCat(R"("hidden_dim": 10, "down_proj": )", adapter);
  parts.head = absl::StrCat(R"("tied": true, "projection": )", adapter);
  return parts;
}

ModelParts Plain() {
  ModelParts parts;
  parts.attention = R"("num_heads": 2, "qkv_bias": true)";
  parts.head = R"("tied": true)";
  return parts;
}

// The same values under the same paths, whichever model it is; second matrices as they start.
absl::StatusOr<std::unique_ptr<ModelRun>> RunOf(const ModelParts& parts, DType dtype) {
  RunOptions options;
  options.dtype = dtype;
  options.mode = Mode::kEvaluate;
  ASSIGN_OR_RETURN(auto run, ModelRun::OfJson(ModelJson(parts), options));
  run->FillParams(3);
  for (const ProgramParam& param : run->program().params) {
    if (!param.path.ends_with("lora_b")) continue;
    Tensor zeros = run->Param(param.path);
    for (int64_t i = 0; i < zeros.count(); ++i) zeros.Put(i, param.spec.init.mean);
  }
  RETURN_IF_ERROR(run->SetBatch(0, SomeIds(8, kVocab, 1), SomeIds(8, kVocab, 2)));
  RETURN_IF_ERROR(run->Step());
  return run;
}

std::string LogitBytes(const ModelRun& run) {
  const auto logits = run.Result();
  EXPECT_TRUE(logits.ok()) << logits.status();
  return logits.ok() ? std::string(logits->data_as<char>(), logits->bytes()) : "";
}

TEST(LowRankAdapterTest, AWrappedModelStartsAsItIsToTheBit) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16}) {
    const auto plain = RunOf(Plain(), dtype);
    const auto wrapped = RunOf(Wrapped(R"("dropout": {"rate": 0.5},)"), dtype);
    ASSERT_TRUE(plain.ok() && wrapped.ok()) << plain.status() << wrapped.status();
    EXPECT_EQ(LogitBytes(**plain), LogitBytes(**wrapped)) << Name(dtype);
  }
}

TEST(LowRankAdapterTest, ParametersStandBesideThoseOfTheProjection) {
  const auto run = RunOf(Wrapped(""), DType::kF64);
  ASSERT_TRUE(run.ok()) << run.status();
  const std::string at = "decoder/layers/1/attention/q_proj/";
  EXPECT_EQ((*run)->Param(at + "weight").dims, (std::vector<int64_t>{8, 8}));
  EXPECT_EQ((*run)->Param(at + "bias").dims, (std::vector<int64_t>{8}));
  EXPECT_EQ((*run)->Param(at + "lora_a").dims, (std::vector<int64_t>{8, 3}));
  EXPECT_EQ((*run)->Param(at + "lora_b").dims, (std::vector<int64_t>{3, 8}));
  EXPECT_EQ((*run)->Param("head/lora_b").dims, (std::vector<int64_t>{3, kVocab}));
  EXPECT_FALSE((*run)->Param("head/weight").defined());   // the embedding's table
  for (const ProgramParam& param : (*run)->program().params) {
    if (param.path == at + "lora_a") {
      EXPECT_EQ(param.spec.init, Initializer::Normal(1 / std::sqrt(8.0)));
      EXPECT_EQ(param.spec.logical_dims, (std::vector<std::string>{"embed", ""}));
    }
    if (param.path == at + "lora_b") {
      EXPECT_EQ(param.spec.init, Initializer::Constant(0));
      EXPECT_EQ(param.spec.logical_dims, (std::vector<std::string>{"", "heads"}));
    }
  }
}

// Adds scale * A B to the plain model's weight; `transposed`: the weight is [out, in].
void Merge(const ModelRun& adapted, ModelRun& plain, const std::string& weight_path,
           const std::string& at, double scale, bool transposed) {
  const Tensor a = adapted.Param(at + "lora_a"), b = adapted.Param(at + "lora_b");
  Tensor weight = plain.Param(weight_path);
  ASSERT_TRUE(a.defined() && b.defined() && weight.defined()) << at;
  const int64_t in = a.dims[0], rank = a.dims[1], out = b.dims[1];
  for (int64_t i = 0; i < in; ++i) {
    for (int64_t o = 0; o < out; ++o) {
      double sum = 0;
      for (int64_t r = 0; r < rank; ++r) sum += a.At(i * rank + r) * b.At(r * out + o);
      const int64_t place = transposed ? o * in + i : i * out + o;
      weight.Put(place, weight.At(place) + scale * sum);
    }
  }
}

TEST(LowRankAdapterTest, IsAProductThatCanBeMergedIntoTheWeight) {
  for (const bool stabilized : {false, true}) {
    ModelParts parts = Wrapped(stabilized ? R"("rank_stabilized": true,)" : "");
    parts.head = R"("tied": false, "projection": {"type": "LoRA", "rank": 3, "alpha": 5)" +
                 std::string(stabilized ? R"(, "rank_stabilized": true})" : "}");
    ModelParts bare = Plain();
    bare.head = R"("tied": false)";
    auto adapted = RunOf(parts, DType::kF64);
    auto plain = RunOf(bare, DType::kF64);
    ASSERT_TRUE(adapted.ok() && plain.ok()) << adapted.status() << plain.status();
    (*adapted)->FillParams(3);   // second matrices, too
    const double scale = stabilized ? 5 / std::sqrt(3.0) : 5.0 / 3;
    for (const std::string layer : {"decoder/layers/0/", "decoder/layers/1/"}) {
      for (const std::string part : {"attention/q_proj/", "feed_forward/down_proj/"}) {
        Merge(**adapted, **plain, layer + part + "weight", layer + part, scale, false);
      }
    }
    Merge(**adapted, **plain, "head/weight", "head/", scale, false);
    ASSERT_TRUE((*adapted)->Step().ok() && (*plain)->Step().ok());
    const auto expected = (*plain)->Result(), got = (*adapted)->Result();
    ASSERT_TRUE(expected.ok() && got.ok());
    for (int64_t i = 0; i < got->count(); ++i) {
      EXPECT_NEAR(got->At(i), expected->At(i), 1e-12 * (1 + std::abs(expected->At(i))));
    }
  }
}

TEST(LowRankAdapterTest, TwoAdaptersNeedTwoNames) {
  const auto model = [](std::string_view inner_name) {
    ModelParts parts;
    parts.attention = absl::StrCat(
        R"("num_heads": 2, "q_proj": {"type": "LoRA", "inner": {"type": "LoRA", "name": ")",
        inner_name, R"("}})");
    return ModelRun::OfJson(ModelJson(parts), {}).status();
  };
  EXPECT_TRUE(model("task").ok()) << model("task");
  EXPECT_THAT(std::string(model("lora").message()), HasSubstr("q_proj: "));
  EXPECT_THAT(std::string(model("lora").message()), HasSubstr("parameter lora_a"));
  EXPECT_THAT(std::string(model("a/b").message()),
              HasSubstr("name: expected letters, digits and _, got 'a/b'"));
}

TEST(LowRankAdapterTest, DimsAreTheOwnersToSay) {
  ModelParts parts;
  parts.attention = R"("num_heads": 2, "q_proj": {"type": "LoRA", "out_dim": 9})";
  EXPECT_THAT(std::string(ModelRun::OfJson(ModelJson(parts), {}).status().message()),
              HasSubstr("q_proj.out_dim: expected 8, which decoder.layer.attention (out_dim = "));
}

}  // namespace
}  // namespace tessera
