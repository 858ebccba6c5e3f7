// Method: a model in decode mode, fed token by token and in pieces of several sizes (with padding
// behind the last piece, as the generator does), must give the logits of the full forward; rows may
// stand at different positions of their caches.
#include <cmath>

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

constexpr int64_t kLength = 9, kCapacity = 16;
constexpr double kTolerance = 1e-12;

// Parameters of `from` under their names.
std::shared_ptr<SlotStore> SharedParams(const ModelRun& from) {
  auto store = std::make_shared<SlotStore>();
  for (const ProgramParam& param : from.program().params) {
    EXPECT_TRUE(store->Put(SlotKind::kParam, param.path, from.Param(param.path)).ok());
  }
  return store;
}

class DecodeTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    if (name == "learned") parts_.position = R"({"type": "LearnedPosition", "max_positions": 9})";
    if (name == "none") parts_.position = R"({"type": "NoPosition"})";
    if (name == "grouped") parts_.attention = R"("num_heads": 4, "num_kv_heads": 2)";
    if (name == "post_norm") parts_.layer = R"("norm_placement": "post",)";
    if (name == "dropout") parts_.dropout = R"({"type": "Dropout", "rate": 0.9})";
    RunOptions options;
    options.mode = Mode::kEvaluate;
    options.sizes = {{"B", 2}, {"T", kLength}};
    auto full = ModelRun::OfJson(ModelJson(parts_), options);
    ASSERT_TRUE(full.ok()) << full.status();
    full_ = *std::move(full);
    full_->FillParams(3);
    tokens_ = SomeIds(2 * kLength, kVocab, 1);
    ASSERT_TRUE(full_->SetBatch(0, tokens_, tokens_).ok());
    ASSERT_TRUE(full_->Step().ok());
  }

  absl::StatusOr<std::unique_ptr<ModelRun>> Decoder(int64_t piece,
                                                    std::shared_ptr<SlotStore> store) {
    RunOptions options;
    options.mode = Mode::kDecode;
    options.sizes = {{"B", 2}, {"T", piece}, {"S", kCapacity}};
    return ModelRun::OfJson(ModelJson(parts_), options, std::move(store));
  }

  // Feeds tokens [start_b, start_b + piece) of row b and checks the logits of those that exist.
  void Feed(ModelRun& run, const std::vector<int64_t>& start, int64_t piece) {
    std::vector<double> tokens, positions;
    for (int64_t b = 0; b < 2; ++b) {
      for (int64_t t = start[b]; t < start[b] + piece; ++t) {
        tokens.push_back(t < kLength ? tokens_[b * kLength + t] : 0);
        positions.push_back(static_cast<double>(std::min(t, kLength - 1)));
      }
    }
    ASSERT_TRUE(run.SetInput("tokens", 0, tokens).ok());
    ASSERT_TRUE(run.SetInput("positions", 0, positions).ok());
    ASSERT_TRUE(run.SetInput("start", 0, {static_cast<double>(start[0]),
                                          static_cast<double>(start[1])}).ok());
    const absl::Status status = run.Step();
    ASSERT_TRUE(status.ok()) << status;
    const auto logits = run.Result();
    const auto expected = full_->Result();
    ASSERT_TRUE(logits.ok() && expected.ok());
    for (int64_t b = 0; b < 2; ++b) {
      for (int64_t t = 0; t < piece && start[b] + t < kLength; ++t) {
        for (int64_t v = 0; v < kVocab; ++v) {
          ASSERT_NEAR(logits->At((b * piece + t) * kVocab + v),
                      expected->At((b * kLength + start[b] + t) * kVocab + v), kTolerance)
              << "row " << b << " token " << start[b] + t << " piece " << piece;
        }
      }
    }
  }

  ModelParts parts_;
  std::unique_ptr<ModelRun> full_;
  std::vector<double> tokens_;
};

TEST_P(DecodeTest, PiecesGiveTheLogitsOfTheWhole) {
  for (int64_t piece : {1, 2, 4, 9}) {
    auto run = Decoder(piece, SharedParams(*full_));
    ASSERT_TRUE(run.ok()) << run.status();
    for (int64_t start = 0; start < kLength; start += piece) Feed(**run, {start, start}, piece);
  }
}

TEST_P(DecodeTest, ExecutorsOfTwoSizesShareTheCaches) {
  const auto store = SharedParams(*full_);
  auto prompt = Decoder(4, store);
  auto single = Decoder(1, store);
  ASSERT_TRUE(prompt.ok() && single.ok()) << prompt.status() << single.status();
  // The second row is one token behind, and stays so.
  Feed(**single, {0, 0}, 1);
  Feed(**prompt, {1, 0}, 4);
  for (int64_t t = 5; t < kLength; ++t) Feed(**single, {t, t - 1}, 1);
}

TEST_P(DecodeTest, StateIsOneCachePerLayerAndKind) {
  auto run = Decoder(1, nullptr);
  ASSERT_TRUE(run.ok()) << run.status();
  std::vector<std::string> names;
  for (const auto& [kind, name] : (*run)->store()->List()) {
    if (kind == SlotKind::kState) names.push_back(name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{
                       "decoder/layers/0/attention/key_cache",
                       "decoder/layers/0/attention/value_cache",
                       "decoder/layers/1/attention/key_cache",
                       "decoder/layers/1/attention/value_cache"}));
}

INSTANTIATE_TEST_SUITE_P(Models, DecodeTest,
                         testing::Values("llama", "learned", "none", "grouped", "post_norm",
                                         "dropout"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tessera
