// Method: with gates of 1/2 the module is half of Attention; with all weights at work its gradients
// are those of finite differences; in decode mode it has caches.
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/finite_difference.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

ModelParts Parts(std::string type) {
  ModelParts parts;
  parts.attention = absl::StrCat(R"("type": ")", type, R"(", "num_heads": 2)");
  return parts;
}

std::unique_ptr<ModelRun> Prepared(const ModelParts& parts) {
  RunOptions options;
  options.compile.gradients = true;
  auto run = ModelRun::OfJson(ModelJson(parts), options);
  EXPECT_TRUE(run.ok()) << run.status();
  if (!run.ok()) return nullptr;
  (*run)->FillParams(3);
  EXPECT_TRUE((*run)->SetBatch(0, SomeIds(8, kVocab, 1), SomeIds(8, kVocab, 2)).ok());
  EXPECT_TRUE((*run)->Step().ok());
  return *std::move(run);
}

TEST(GatedAttentionTest, HalfOpenItIsHalfOfAttention) {
  const auto gated = Prepared(Parts("GatedAttention")), plain = Prepared(Parts("Attention"));
  ASSERT_TRUE(gated != nullptr && plain != nullptr);
  for (const ProgramParam& param : gated->program().params) {
    Tensor value = gated->Param(param.path);
    for (int64_t i = 0; i < value.count(); ++i) {
      if (param.path.ends_with("attention/gate_proj/weight")) value.Put(i, 0);
      if (param.path.ends_with("attention/o_proj/weight")) value.Put(i, 2 * value.At(i));
    }
  }
  ASSERT_TRUE(gated->Step().ok());
  EXPECT_NEAR(gated->Loss().value(), plain->Loss().value(), 1e-12);
}

TEST(GatedAttentionTest, GradientsAreThoseOfFiniteDifferences) {
  const auto run = Prepared(Parts("GatedAttention"));
  ASSERT_NE(run, nullptr);
  ExpectSlopes(*run);
}

TEST(GatedAttentionTest, Decodes) {
  const auto main =
      TraceJson(ModelJson(Parts("GatedAttention")), {DType::kF32, Mode::kDecode});
  ASSERT_TRUE(main.ok()) << main.status();
  EXPECT_GE((*main)->FindInput("decoder/layers/0/attention/key_cache", InputKind::kState), 0);
}

}  // namespace
}  // namespace tessera
