// Method: files written by WriteSafetensors are read back bit for bit; files made by hand, right
// and wrong, show what the strict reader takes and refuses.
#include "cpp/ckpt/safetensors.h"

#include <gtest/gtest.h>

#include "tests/ckpt/ckpt_testing.h"

namespace tessera {
namespace {

Tensor FilledTensor(DType dtype, std::vector<int64_t> dims, uint64_t seed) {
  Tensor tensor = *Tensor::Zeros(dtype, std::move(dims));
  TestRandom random(seed);
  for (size_t i = 0; i < tensor.bytes(); ++i) {
    tensor.data_as<uint8_t>()[i] = static_cast<uint8_t>(random.Next());
  }
  return tensor;
}

void ExpectSame(const Tensor& got, const Tensor& expected) {
  EXPECT_EQ(got.dtype, expected.dtype);
  EXPECT_EQ(got.dims, expected.dims);
  ASSERT_EQ(got.bytes(), expected.bytes());
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.bytes()), 0);
}

std::string FileOf(std::string_view json, std::string_view data) {
  const uint64_t length = json.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  return absl::StrCat(bytes, json, data);
}

// The error of opening a file with this content, or of nothing.
absl::Status OpenError(std::string_view content) {
  const TestFolder folder;
  WriteFileForTest(folder / "x.safetensors", content);
  return SafetensorsReader::Open(folder / "x.safetensors").status();
}

absl::Status HeaderError(std::string_view json, int64_t data_bytes) {
  return ParseSafetensorsHeader("x", json, data_bytes).status();
}

TEST(SafetensorsTest, EveryDTypeComesBackBitForBit) {
  const TestFolder folder;
  std::vector<NamedTensor> tensors;
  for (DType dtype : kAllDTypes) {
    tensors.push_back({absl::StrCat("t_", Name(dtype)), FilledTensor(dtype, {3, 5}, 7)});
  }
  ASSERT_OK(WriteSafetensors(folder / "a.safetensors", tensors, {{"note", "h\u00e9"}}));
  const auto reader = SafetensorsReader::Open(folder / "a.safetensors");
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->entries().size(), tensors.size());
  EXPECT_EQ((*reader)->metadata().at("note"), "h\u00e9");
  for (const NamedTensor& named : tensors) {
    const auto got = (*reader)->Read(named.name);
    ASSERT_TRUE(got.ok()) << got.status();
    ExpectSame(*got, named.tensor);
  }
}

TEST(SafetensorsTest, ScalarsEmptyTensorsAndOddNamesComeBack) {
  const TestFolder folder;
  const std::vector<NamedTensor> tensors = {
      {"scalar", FilledTensor(DType::kF64, {}, 1)},
      {"empty", FilledTensor(DType::kF32, {4, 0, 3}, 2)},
      {"", FilledTensor(DType::kU8, {7}, 3)},
      {"a \"quoted\"\\ / \n\t{}[] \u65e5\u672c \U0001f600", FilledTensor(DType::kU16, {3}, 4)},
      {"also empty", FilledTensor(DType::kBool, {0}, 5)}};
  ASSERT_OK(WriteSafetensors(folder / "a.safetensors", tensors));
  const auto reader = SafetensorsReader::Open(folder / "a.safetensors");
  ASSERT_TRUE(reader.ok()) << reader.status();
  for (const NamedTensor& named : tensors) {
    const auto got = (*reader)->Read(named.name);
    ASSERT_TRUE(got.ok()) << got.status();
    ExpectSame(*got, named.tensor);
  }
}

TEST(SafetensorsTest, AFileWithoutTensorsIsFine) {
  const TestFolder folder;
  ASSERT_OK(WriteSafetensors(folder / "a.safetensors", {}));
  const auto reader = SafetensorsReader::Open(folder / "a.safetensors");
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_TRUE((*reader)->entries().empty());
}

TEST(SafetensorsTest, ReadsTheHeadersOfOtherWriters) {
  // Entries in another order than the data, spaces around, escaped names, no padding.
  const std::string json =
      R"( {"b\u0041":{"shape":[2],"data_offsets":[4,6],"dtype":"U8"} , )"
      R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"format":"pt"}} )";
  const auto header = ParseSafetensorsHeader("x", json.substr(1), 6);
  ASSERT_TRUE(header.ok()) << header.status();
  ASSERT_EQ(header->entries.size(), 2u);
  EXPECT_EQ(header->entries[0].name, "a");
  EXPECT_EQ(header->entries[1].name, "bA");
  EXPECT_EQ(header->entries[1].offset - header->data_offset, 4);
  EXPECT_EQ(header->metadata.at("format"), "pt");
}

TEST(SafetensorsTest, DataBeginAligned) {
  SafetensorsHeader header;
  for (int i = 0; i < 70; ++i) {
    header.entries.push_back({std::string(static_cast<size_t>(i), 'n'), DType::kF32, {1}});
    const auto bytes = EncodeSafetensorsHeader(header);
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ(header.data_offset % 64, 0);
    EXPECT_EQ(static_cast<int64_t>(bytes->size()), header.data_offset);
  }
}

TEST(SafetensorsTest, NeverReplacesAFile) {
  const TestFolder folder;
  const std::vector<NamedTensor> one = {{"x", FilledTensor(DType::kF32, {2}, 1)}};
  ASSERT_OK(WriteSafetensors(folder / "a.safetensors", one));
  const std::string before = ReadFileForTest(folder / "a.safetensors");
  EXPECT_TRUE(absl::IsAlreadyExists(WriteSafetensors(folder / "a.safetensors", {})));
  EXPECT_EQ(ReadFileForTest(folder / "a.safetensors"), before);
  EXPECT_EQ(PosixFileStore().List(folder.path())->size(), 1u) << "temporary file left behind";
}

TEST(SafetensorsTest, WriterRefusesWhatCannotBeReadBack) {
  const TestFolder folder;
  const Tensor tensor = FilledTensor(DType::kF32, {2}, 1);
  const std::string path = folder / "a.safetensors";
  EXPECT_TRUE(absl::IsInvalidArgument(WriteSafetensors(path, {{{"x", tensor}, {"x", tensor}}})));
  EXPECT_TRUE(absl::IsInvalidArgument(WriteSafetensors(path, {{{"__metadata__", tensor}}})));
  EXPECT_TRUE(absl::IsInvalidArgument(WriteSafetensors(path, {{{"bad \xff", tensor}}})));
  EXPECT_TRUE(absl::IsInvalidArgument(WriteSafetensors(path, {{{"none", Tensor()}}})));
  EXPECT_TRUE(PosixFileStore().List(folder.path())->empty());
}

TEST(SafetensorsTest, EveryTruncationIsNoticed) {
  const TestFolder folder;
  const std::string path = folder / "a.safetensors";
  ASSERT_OK(WriteSafetensors(path, {{{"x", FilledTensor(DType::kF32, {5, 3}, 1)},
                                     {"y", FilledTensor(DType::kI8, {9}, 2)}}}));
  const std::string whole = ReadFileForTest(path);
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_TRUE(absl::IsDataLoss(OpenError(whole.substr(0, length)))) << length;
  }
  EXPECT_TRUE(absl::IsDataLoss(OpenError(whole + "x"))) << "a byte too many";
}

TEST(SafetensorsTest, RefusesHeadersThatAreTooLong) {
  std::string file = FileOf("{}", "");
  const uint64_t too_long = kMaxSafetensorsHeaderBytes + 1;
  std::memcpy(file.data(), &too_long, 8);
  EXPECT_TRUE(absl::IsDataLoss(OpenError(file)));
  const uint64_t huge = ~uint64_t{0};
  std::memcpy(file.data(), &huge, 8);
  EXPECT_TRUE(absl::IsDataLoss(OpenError(file)));
}

TEST(SafetensorsTest, RefusesWrongHeadersWithAReason) {
  struct Case {
    const char* json;
    int64_t data_bytes;
    const char* reason;
  };
  const Case cases[] = {
      {"", 0, "should begin with '{'"},
      {"[]", 0, "should begin with '{'"},
      {"\xef\xbb\xbf{}", 0, "should begin with '{'"},
      {"{", 0, "Missing a name"},
      {"{}{}", 0, "must not be followed"},
      {R"({"a":1})", 0, "tensor a"},
      {R"({"a":{}})", 0, "has no dtype"},
      {R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "has no shape"},
      {R"({"a":{"dtype":"U8","shape":[1]}})", 1, "expected 2 data_offsets, got 0"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1, "got 3"},
      {R"({"a":{"dtype":"U8","dtype":"U8"}})", 1, "dtype stands twice"},
      {R"({"a":{"kind":"U8"}})", 1, "expected dtype, shape or data_offsets, got kind"},
      {R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "from 0 on, got -1"},
      {R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", 1, "a fraction"},
      {R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", 1, "an array"},
      {R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", 1,
       "below 2^63"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1, "should take 2 bytes, got 1"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "lies at [1, 0)"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 1, "lies at [1, 2)"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, "nothing owns the bytes"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2, "end at byte 1 of 2"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "it overlaps another"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "tensor a stands twice"},
      {R"({"__metadata__":{"k":1}})", 0, "expected a string"},
      {R"({"__metadata__":{"k":"1","k":"2"}})", 0, "metadata k stands twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "stands twice"},
      {"{\"a\xff\":{}}", 0, "encoding"},
      // Products beyond 2^64 that would come out as 4 when they wrapped.
      {R"({"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,4]}})", 4,
       "more than 2^63"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
       "more than 2^63"},
  };
  for (const Case& item : cases) {
    const absl::Status status = HeaderError(item.json, item.data_bytes);
    EXPECT_TRUE(absl::IsDataLoss(status)) << item.json << " -> " << status;
    EXPECT_NE(status.message().find(item.reason), std::string_view::npos)
        << item.json << " -> " << status;
  }
  const std::string with_nul("{}\0{}", 5);
  EXPECT_TRUE(absl::IsDataLoss(HeaderError(with_nul, 0)));
}

TEST(SafetensorsTest, NamesTheDTypeItDoesNotKnow) {
  const absl::Status status =
      HeaderError(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1);
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_NE(status.message().find("tensor a has dtype F8_E4M3, expected one of F64"),
            std::string_view::npos);
}

TEST(SafetensorsTest, DeepNestingCostsNoStack) {
  const std::string brackets = "{\"a\":" + std::string(10'000'000, '[');
  EXPECT_TRUE(absl::IsDataLoss(HeaderError(brackets, 0)));
}

TEST(SafetensorsTest, AMissingTensorAndAMissingFileAreNotFound) {
  const TestFolder folder;
  ASSERT_OK(WriteSafetensors(folder / "a.safetensors",
                             {{{"there", FilledTensor(DType::kF32, {2}, 1)}}}));
  const auto reader = SafetensorsReader::Open(folder / "a.safetensors");
  ASSERT_TRUE(reader.ok());
  const absl::Status status = (*reader)->Read("gone").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_NE(status.message().find("there"), std::string_view::npos) << status;
  EXPECT_TRUE(absl::IsNotFound(SafetensorsReader::Open(folder / "none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SafetensorsReader::Open(folder.path()).status()));
}

}  // namespace
}  // namespace tessera
