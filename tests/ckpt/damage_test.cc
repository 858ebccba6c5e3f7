// Method: good checkpoints are damaged in every way that a disk can think of; each damage must be
// found, named, and must leave older checkpoints and all other files alone.
#include <gtest/gtest.h>

#include "cpp/ckpt/inspect.h"
#include "tests/ckpt/ckpt_testing.h"

namespace tessera {
namespace {

class DamageTest : public testing::Test {
 protected:
  void SetUp() override {
    SaveOptions options;
    options.chunk_bytes = 1000;
    for (int64_t step : {1, 2}) ASSERT_TRUE(SaveStep(folder_.path(), step, options).ok());
    ASSERT_EQ(files_.size(), 4u);
  }

  std::string PathOf(const std::string& file) const { return folder_ / ("step_2/" + file); }

  // The damage is found by a search, which falls back to step 1, and by reading the tensors.
  void ExpectFound(const std::string& what) {
    std::vector<DamagedCheckpoint> damaged;
    const auto latest = FindLatestComplete(folder_.path(), VerifyDepth::kData, &damaged);
    ASSERT_TRUE(latest.ok()) << what << latest.status();
    EXPECT_EQ(latest->step, 1) << what;
    ASSERT_EQ(damaged.size(), 1u) << what;
    EXPECT_EQ(damaged[0].path, folder_ / "step_2") << what;
  }

  const TestFolder folder_;
  const std::vector<std::string> files_ = PosixFileStore().List(MakeOne()).value();

 private:
  std::string MakeOne() {
    EXPECT_TRUE(SaveStep(folder_ / "names", 1).ok());
    return folder_ / "names/step_1";
  }
};

TEST_F(DamageTest, TruncationAtEvery97thByte) {
  for (const std::string& file : files_) {
    const std::string whole = ReadFileForTest(PathOf(file));
    for (size_t length = 0; length < whole.size(); length += 97) {
      WriteFileForTest(PathOf(file), whole.substr(0, length));
      ExpectFound(absl::StrCat(file, " cut to ", length));
    }
    WriteFileForTest(PathOf(file), whole + '\0');
    ExpectFound(file + " with a byte too many");
    WriteFileForTest(PathOf(file), whole);
  }
  EXPECT_EQ(FindLatestComplete(folder_.path())->step, 2);
}

TEST_F(DamageTest, RandomBitFlips) {
  TestRandom random(17);
  for (const std::string& file : files_) {
    const std::string whole = ReadFileForTest(PathOf(file));
    for (int trial = 0; trial < 60; ++trial) {
      std::string flipped = whole;
      const size_t bit = random.Below(whole.size() * 8);
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      WriteFileForTest(PathOf(file), flipped);
      ExpectFound(absl::StrCat(file, " bit ", bit));
    }
    WriteFileForTest(PathOf(file), whole);
  }
}

TEST_F(DamageTest, MissingAndStrangeFiles) {
  for (const std::string& file : files_) {
    const std::string whole = ReadFileForTest(PathOf(file));
    ASSERT_OK(PosixFileStore().RemoveAll(PathOf(file)));
    ExpectFound(file + " missing");
    ASSERT_OK(PosixFileStore().CreateFolder(PathOf(file)));
    ExpectFound(file + " is a folder");
    ASSERT_OK(PosixFileStore().RemoveAll(PathOf(file)));
    WriteFileForTest(PathOf(file), std::string(whole.size(), '\0'));
    ExpectFound(file + " all zero");
    WriteFileForTest(PathOf(file), whole);
  }
}

TEST_F(DamageTest, AFileOfAnotherStepIsNoticed) {
  const std::string whole = ReadFileForTest(PathOf("parameters.safetensors"));
  const std::string other = ReadFileForTest(folder_ / "step_1/parameters.safetensors");
  ASSERT_EQ(whole.size(), other.size());
  WriteFileForTest(PathOf("parameters.safetensors"), other);
  ExpectFound("file of step 1 in step 2");
}

TEST_F(DamageTest, ReadingNamesFileChunkOffsetAndBothChecksums) {
  const std::string path = PathOf("parameters.safetensors");
  const auto good = CheckpointReader::Open(folder_ / "step_2");
  ASSERT_TRUE(good.ok());
  const TensorRecord* record =
      (*good)->Find(TensorKind::kParameter, "decoder/layers/0/ffn/up/weight");
  ASSERT_NE(record, nullptr);
  const int64_t at = record->offset + record->bytes / 2;
  FlipBitForTest(path, static_cast<size_t>(at), 3);
  const auto reader = CheckpointReader::Open(folder_ / "step_2");
  ASSERT_TRUE(reader.ok()) << reader.status();
  const absl::Status status = (*reader)->Read(TensorKind::kParameter, record->path).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  const std::string expected = absl::StrCat(path, ": chunk ", at / 1000, ", 1000 bytes at offset ",
                                            at / 1000 * 1000, ": expected crc32c ");
  EXPECT_NE(status.message().find(expected), std::string_view::npos) << status;
  EXPECT_NE(status.message().find("up/weight"), std::string_view::npos) << status;
  // Chunks that are not touched are not the reader's concern.
  std::vector<char> first(33 * 4);
  EXPECT_OK((*reader)->ReadBox(TensorKind::kParameter, record->path, "", std::vector<int64_t>{0, 0},
                               std::vector<int64_t>{1, 33}, first.data(), first.size()));
  EXPECT_OK((*reader)->Read(TensorKind::kSlot, record->path, "m").status());
}

// One region is read and the flip found whether the read goes through the chunk cache or not.
TEST_F(DamageTest, NoReadGetsPastAFlippedBit) {
  TestRandom random(23);
  const std::string file = "optimizer.safetensors";
  const std::string whole = ReadFileForTest(PathOf(file));
  const std::vector<OwnedTensor> tensors = TensorsOfStep(2);
  for (int trial = 0; trial < 50; ++trial) {
    std::string flipped = whole;
    const size_t byte = random.Below(whole.size());
    flipped[byte] = static_cast<char>(flipped[byte] ^ 0x10);
    WriteFileForTest(PathOf(file), flipped);
    const auto reader = CheckpointReader::Open(folder_ / "step_2");
    ASSERT_TRUE(reader.ok());
    for (const OwnedTensor& tensor : tensors) {
      const auto got = (*reader)->Read(tensor.kind, tensor.path, tensor.slot);
      if (got.ok()) {
        EXPECT_EQ(std::string(got->data_as<char>(), got->bytes()), tensor.bytes) << byte;
      }
    }
  }
}

TEST_F(DamageTest, InspectionShowsWhatIsWrongAndWhatIsGood) {
  auto inspection = InspectCheckpoint(folder_ / "step_2");
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  EXPECT_TRUE(inspection->is_complete);
  EXPECT_TRUE(inspection->is_verified);
  EXPECT_EQ(inspection->parameter_tensors, 2);
  EXPECT_EQ(inspection->parameter_elements, 40 * 33 + 33);
  const std::string json = InspectionJson(*inspection);
  EXPECT_NE(json.find("\"verified\": true"), std::string::npos) << json;
  EXPECT_NE(json.find("\"path\": \"decoder/layers/0/norm/scale\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"trainer\""), std::string::npos) << "config is not embedded: " << json;

  FlipBitForTest(PathOf("state.safetensors"), 10, 1);
  inspection = InspectCheckpoint(folder_ / "step_2");
  ASSERT_TRUE(inspection.ok());
  EXPECT_FALSE(inspection->is_complete);
  ASSERT_EQ(inspection->files.size(), 3u);
  EXPECT_TRUE(inspection->files[0].is_good);
  EXPECT_FALSE(inspection->files[2].is_good);
  EXPECT_NE(inspection->problem.find("state.safetensors: chunk 0"), std::string::npos);
  inspection = InspectCheckpoint(folder_ / "step_2", /*verify_data=*/false);
  EXPECT_TRUE(inspection->is_complete);
  EXPECT_FALSE(inspection->is_verified);

  ASSERT_OK(PosixFileStore().RemoveAll(PathOf("state.safetensors")));
  inspection = InspectCheckpoint(folder_ / "step_2");
  ASSERT_TRUE(inspection.ok());
  EXPECT_FALSE(inspection->files[2].is_good);
  EXPECT_TRUE(inspection->files[0].is_good);

  FlipBitForTest(PathOf("manifest.tsm"), 40, 1);
  inspection = InspectCheckpoint(folder_ / "step_2");
  ASSERT_TRUE(inspection.ok());
  EXPECT_FALSE(inspection->is_complete);
  EXPECT_NE(inspection->problem.find("expected crc32c"), std::string::npos) << inspection->problem;
  EXPECT_NE(InspectionJson(*inspection).find("\"complete\": false"), std::string::npos);
}

}  // namespace
}  // namespace tessera
