// Method: manifests are encoded and decoded; every single-bit flip and every truncation must be
// noticed; hand-made inconsistencies must be named.
#include "cpp/ckpt/manifest.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "tests/ckpt/ckpt_testing.h"

namespace tessera {
namespace {

Manifest GoodManifest() {
  Manifest manifest;
  manifest.info = InfoOfStep(12);
  manifest.info.optimizer.Set("flag", true);
  manifest.info.optimizer.Set("text", std::string("\xff\0x", 3));
  manifest.info.optimizer.Set("ints", std::vector<int64_t>{1, -2});
  manifest.info.optimizer.Set("nan", std::numeric_limits<double>::quiet_NaN());
  manifest.info.program = "program bytes";
  manifest.chunk_bytes = 100;
  manifest.saved_unix_ms = 1234567890123;
  manifest.files = {{"a.safetensors", 250, {1, 2, 3}}, {"b.safetensors", 0, {}}};
  manifest.tensors = {
      {TensorKind::kParameter, "w", "", DType::kF32, {4, 2}, {0, 0}, {2, 2}, 0, 8, 16},
      {TensorKind::kParameter, "w", "", DType::kF32, {4, 2}, {2, 0}, {2, 2}, 0, 24, 16},
      {TensorKind::kSlot, "w", "m", DType::kBF16, {}, {}, {}, 0, 40, 2},
      {TensorKind::kState, "w", "", DType::kU8, {0}, {0}, {0}, 1, 0, 0}};
  return manifest;
}

TEST(ManifestTest, EverythingComesBack) {
  const Manifest manifest = GoodManifest();
  const auto bytes = EncodeManifest(manifest);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto got = DecodeManifest(*bytes);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->format_version, manifest.format_version);
  EXPECT_EQ(got->chunk_bytes, 100);
  EXPECT_EQ(got->saved_unix_ms, manifest.saved_unix_ms);
  EXPECT_EQ(got->info.program, "program bytes");
  EXPECT_EQ(*got->info.optimizer.Find("flag"), AttrValue(true));
  EXPECT_EQ(*got->info.optimizer.Find("text"), AttrValue(std::string("\xff\0x", 3)));
  EXPECT_EQ(got->info.optimizer.Ints("ints"), (std::vector<int64_t>{1, -2}));
  EXPECT_NE(got->info.optimizer.Float("nan"), got->info.optimizer.Float("nan"));
  ASSERT_EQ(got->files.size(), 2u);
  EXPECT_EQ(got->files[0].chunk_crc32c, (std::vector<uint32_t>{1, 2, 3}));
  ASSERT_EQ(got->tensors.size(), 4u);
  EXPECT_EQ(got->tensors[1].box_offset, (std::vector<int64_t>{2, 0}));
  EXPECT_EQ(got->tensors[2].slot, "m");
  EXPECT_EQ(got->tensors[2].dtype, DType::kBF16);
}

TEST(ManifestTest, EverySingleBitFlipIsNoticed) {
  const std::string bytes = EncodeManifest(GoodManifest()).value();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    ASSERT_TRUE(absl::IsDataLoss(DecodeManifest(flipped).status())) << "bit " << i;
  }
}

TEST(ManifestTest, EveryTruncationIsNoticed) {
  const std::string bytes = EncodeManifest(GoodManifest()).value();
  for (size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_TRUE(absl::IsDataLoss(DecodeManifest(bytes.substr(0, length)).status())) << length;
  }
  EXPECT_TRUE(absl::IsDataLoss(DecodeManifest(bytes + '\0').status()));
}

TEST(ManifestTest, NamesWhatDoesNotAgree) {
  struct Case {
    std::function<void(Manifest&)> change;
    const char* reason;
  };
  const Case cases[] = {
      {[](Manifest& m) { m.info.step = -1; }, "step from 0 on, got -1"},
      {[](Manifest& m) { m.chunk_bytes = 63; }, "chunks of 64"},
      {[](Manifest& m) { m.chunk_bytes = -5; }, "chunks of 64"},
      {[](Manifest& m) { m.files[0].name = "../x"; }, "expected a plain file name, got \"../x\""},
      {[](Manifest& m) { m.files[0].name = ".."; }, "plain file name"},
      {[](Manifest& m) { m.files[0].name = "manifest.tsm"; }, "plain file name"},
      {[](Manifest& m) { m.files[1].name = m.files[0].name; }, "stands twice"},
      {[](Manifest& m) { m.files[0].bytes = -1; }, "too large"},
      {[](Manifest& m) { m.files[0].chunk_crc32c.pop_back(); }, "expected 3 checksums, got 2"},
      {[](Manifest& m) { m.tensors[0].path = ""; }, "has no path"},
      {[](Manifest& m) { m.tensors[0].slot = "m"; }, "only a slot"},
      {[](Manifest& m) { m.tensors[2].slot = ""; }, "only a slot"},
      {[](Manifest& m) { m.tensors[0].dtype = static_cast<DType>(77); }, "unknown dtype 77"},
      {[](Manifest& m) { m.tensors[0].dims = {4}; }, "1 dims, box of 2"},
      {[](Manifest& m) { m.tensors[0].dims = {INT64_MAX, 9}; }, "too large"},
      {[](Manifest& m) { m.tensors[1].box_offset = {3, 0}; }, "does not lie in dims [4,2]"},
      {[](Manifest& m) { m.tensors[1].box_offset = {INT64_MAX, 0}; }, "does not lie in dims"},
      {[](Manifest& m) { m.tensors[1].box_size = {-1, 2}; }, "does not lie in dims"},
      {[](Manifest& m) { m.tensors[0].bytes = 12; }, "expected 16 bytes, got 12"},
      {[](Manifest& m) { m.tensors[0].file = 2; }, "file 2 of 2"},
      {[](Manifest& m) { m.tensors[0].file = -1; }, "file -1 of 2"},
      {[](Manifest& m) { m.tensors[0].offset = 240; }, "do not lie in a.safetensors"},
      {[](Manifest& m) { m.tensors[0].offset = INT64_MAX; }, "do not lie in"},
      {[](Manifest& m) { m.tensors[0].offset = -8; }, "do not lie in"},
      {[](Manifest& m) { m.tensors[0].offset = 23; }, "share bytes of a.safetensors"},
      {[](Manifest& m) { m.tensors[1].box_offset = {1, 0}; }, "its boxes overlap"},
      {[](Manifest& m) { m.tensors.erase(m.tensors.begin()); }, "cover 16 of 32 bytes"},
      {[](Manifest& m) { m.tensors.push_back(m.tensors[0]); }, "its boxes overlap"},
      {[](Manifest& m) { m.tensors.push_back(m.tensors[3]); }, "its 2 boxes cover 0 of 0"},
      {[](Manifest& m) { m.tensors[1].dtype = DType::kI32; }, "differ in dtype or dims"},
  };
  EXPECT_OK(CheckManifest(GoodManifest()));
  for (const Case& item : cases) {
    Manifest manifest = GoodManifest();
    item.change(manifest);
    const absl::Status status = CheckManifest(manifest);
    EXPECT_TRUE(absl::IsDataLoss(status)) << item.reason << ": " << status;
    EXPECT_NE(status.message().find(item.reason), std::string_view::npos)
        << "expected '" << item.reason << "' in " << status;
    EXPECT_TRUE(absl::IsInvalidArgument(EncodeManifest(manifest).status()));
  }
}

}  // namespace
}  // namespace tessera
