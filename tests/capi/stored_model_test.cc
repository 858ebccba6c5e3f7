// Models of checkpoints: the stored functions are used where they fit, and the code of the modules
// where they do not.
#include "capi/src/internal/stored_model.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "capi/src/internal/handle.h"

namespace tessera::capi {
namespace {

class StoredModelTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / "tessera_stored_XXXXXX").string();
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    const std::string corpus = folder_ + "/corpus.txt";
    std::ofstream out(corpus);
    for (int i = 0; i < 200; ++i) out << "the quick brown fox jumps over the lazy dog\n";
    out.close();
    const std::string options = R"({"checked": true, "threads": 1})";
    ASSERT_EQ(tsr_runtime_new(options.data(), options.size(), &runtime_), nullptr);
    const std::string json = R"({"model": {"vocab_size": 256, "model_dim": 16, "decoder": {
        "num_layers": 1, "layer": {"attention": {"num_heads": 2},
        "feed_forward": {"hidden_dim": 32}}}}, "data": {"train": ")" + corpus + R"("},
        "trainer": {"steps": 2, "batch_size": 2, "sequence_length": 8},
        "runtime": {"dtype": "bf16"}})";
    ASSERT_EQ(tsr_config_parse(runtime_, json.data(), json.size(), nullptr, 0, &config_), nullptr);
    tsr_trainer* trainer = nullptr;
    ASSERT_EQ(tsr_trainer_new(config_, nullptr, 0, nullptr, 0, &trainer), nullptr);
    checkpoint_ = folder_ + "/saved";
    EXPECT_EQ(tsr_trainer_save(trainer, checkpoint_.data(), checkpoint_.size()), nullptr);
    tsr_trainer_free(trainer);
  }
  void TearDown() override {
    tsr_config_free(config_);
    tsr_runtime_free(runtime_);
    std::filesystem::remove_all(folder_);
  }
  absl::StatusOr<StoredModel> Open(const std::string& path, const ModelOptions& options) {
    auto object = ObjectOf(runtime_, "runtime");
    if (!object.ok()) return std::move(object).status();
    return OpenStoredModel(**object, path, options);
  }

  std::string folder_, checkpoint_;
  tsr_runtime* runtime_ = nullptr;
  tsr_config* config_ = nullptr;
};

TEST_F(StoredModelTest, UsesTheStoredFunctions) {
  for (Mode mode : {Mode::kTrain, Mode::kEvaluate, Mode::kDecode}) {
    const auto model = Open(checkpoint_, {.mode = mode, .dtype = ""});
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_TRUE(model->is_stored);
    ASSERT_NE(model->main, nullptr);
    ASSERT_NE(model->tokenizer, nullptr);
    EXPECT_EQ(model->tokenizer->name(), "ByteTokenizer");
  }
}

TEST_F(StoredModelTest, TracesAgainForAnotherDType) {
  const auto model = Open(checkpoint_, {.mode = Mode::kEvaluate, .dtype = "fp32"});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_FALSE(model->is_stored);
  EXPECT_NE(model->main, nullptr);
  const auto same = Open(checkpoint_, {.mode = Mode::kEvaluate, .dtype = "bf16"});
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_TRUE(same->is_stored);
}

TEST_F(StoredModelTest, FindsTheCheckpointOfAFolderAndRefusesOthers) {
  std::filesystem::create_directories(folder_ + "/out/checkpoints");
  EXPECT_TRUE(absl::IsNotFound(Open(folder_ + "/out", {}).status()));
  std::filesystem::rename(checkpoint_, folder_ + "/out/checkpoints/step_0");
  const auto model = Open(folder_ + "/out", {});
  EXPECT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(absl::IsNotFound(Open(folder_ + "/nowhere", {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Open(folder_ + "/out", {.mode = Mode::kEvaluate, .dtype = "fp7"}).status()));
  std::ofstream(folder_ + "/out/checkpoints/step_0/manifest.tsm") << "rubbish";
  EXPECT_TRUE(absl::IsDataLoss(Open(folder_ + "/out/checkpoints/step_0", {}).status()));
}

}  // namespace
}  // namespace tessera::capi
