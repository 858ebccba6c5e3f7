// What the tests of checkpoints share: a folder that goes away, and saves whose bytes follow from
// their step, so that any checkpoint found later can be compared with what it must hold.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/checkpoint_writer.h"
#include "cpp/ckpt/file_store.h"

namespace tessera {

class TestFolder {
 public:
  enum Where { kDisk, kMemory };
  // kMemory: where syncing costs nothing, if there is such a place, for tests that save hundreds
  // of times and look at the order of operations only.
  explicit TestFolder(Where where = kDisk) {
    const char* chosen = ::getenv("TMPDIR");
    std::string base = chosen != nullptr ? chosen : "/tmp";
    if (where == kMemory && ::access("/dev/shm", W_OK | X_OK) == 0) base = "/dev/shm";
    path_ = absl::StrCat(base, "/tessera_ckpt_XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
    EXPECT_FALSE(path_.empty());
  }
  ~TestFolder() {
    if (!path_.empty()) PosixFileStore().RemoveAll(path_).IgnoreError();
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return JoinPath(path_, name); }

 private:
  std::string path_;
};

// A small, fast, reproducible source of random bits (splitmix64).
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next() { return MixBits(state_++); }
  // From 0 to limit - 1. REQUIRES: limit > 0.
  uint64_t Below(uint64_t limit) { return Next() % limit; }

 private:
  uint64_t state_;
};

struct OwnedTensor {
  TensorKind kind;
  std::string path;
  std::string slot;
  DType dtype;
  std::vector<int64_t> dims;
  std::string bytes;

  TensorToSave ToSave() const {
    TensorToSave saved;
    saved.kind = kind;
    saved.path = path;
    saved.slot = slot;
    saved.dtype = dtype;
    saved.dims = dims;
    saved.data = bytes.data();
    return saved;
  }
};

inline OwnedTensor MakeTensor(TensorKind kind, std::string path, std::string slot, DType dtype,
                              std::vector<int64_t> dims, uint64_t seed) {
  OwnedTensor tensor{kind, std::move(path), std::move(slot), dtype, std::move(dims), ""};
  size_t bytes = SizeOf(dtype);
  for (int64_t dim : tensor.dims) bytes *= static_cast<size_t>(dim);
  TestRandom random(seed ^ HashBytes(tensor.path + "/" + tensor.slot));
  tensor.bytes.resize(bytes);
  for (char& byte : tensor.bytes) byte = static_cast<char>(random.Next());
  return tensor;
}

// The tensors of a small training run at a step. `rows` scales their size.
inline std::vector<OwnedTensor> TensorsOfStep(int64_t step, int64_t rows = 40) {
  const uint64_t seed = static_cast<uint64_t>(step) * 1000003u;
  std::vector<OwnedTensor> tensors;
  for (const char* path : {"decoder/layers/0/norm/scale", "decoder/layers/0/ffn/up/weight"}) {
    const bool is_matrix = std::string_view(path).ends_with("weight");
    const std::vector<int64_t> dims =
        is_matrix ? std::vector<int64_t>{rows, 33} : std::vector<int64_t>{33};
    tensors.push_back(MakeTensor(TensorKind::kParameter, path, "", DType::kF32, dims, seed));
    tensors.push_back(MakeTensor(TensorKind::kSlot, path, "m", DType::kF32, dims, seed));
    tensors.push_back(MakeTensor(TensorKind::kSlot, path, "v", DType::kF32, dims, seed));
  }
  tensors.push_back(MakeTensor(TensorKind::kState, "router/bias", "", DType::kBF16, {5, 3}, seed));
  return tensors;
}

inline CheckpointInfo InfoOfStep(int64_t step) {
  CheckpointInfo info;
  info.step = step;
  info.optimizer = Attrs{{"update_count", step}, {"learning_rate", 1.0 / (1.0 + step)}};
  info.data_state = absl::StrCat("position ", step * 12);
  info.data = Attrs{{"position", step * 12}};
  info.rng_seed = 0xfedcba9876543210u;
  info.rng_step = step;
  info.config = std::string("\0\x01\xff bytes", 9);
  info.config_json = R"({"trainer": {"steps": 100}})";
  info.numerics_fingerprint = "cpu/avx512 gemm=1";
  info.library_version = "0.1.0";
  return info;
}

// Borrows the tensors.
inline SaveRequest RequestOf(int64_t step, const std::vector<OwnedTensor>& tensors) {
  SaveRequest request;
  request.info = InfoOfStep(step);
  for (const OwnedTensor& tensor : tensors) request.tensors.push_back(tensor.ToSave());
  return request;
}

inline absl::StatusOr<SaveResult> SaveStep(const std::string& folder, int64_t step,
                                           const SaveOptions& options = {}, int64_t rows = 40) {
  const std::vector<OwnedTensor> tensors = TensorsOfStep(step, rows);
  return SaveCheckpoint(folder, RequestOf(step, tensors), options);
}

// Empty when the checkpoint holds exactly these tensors with these bytes; otherwise what differs.
inline std::string Difference(const CheckpointReader& reader,
                              const std::vector<OwnedTensor>& tensors) {
  if (reader.manifest().tensors.size() != tensors.size()) {
    return absl::StrCat("tensors: ", reader.manifest().tensors.size());
  }
  for (const OwnedTensor& expected : tensors) {
    const auto got = reader.Read(expected.kind, expected.path, expected.slot);
    if (!got.ok()) return std::string(got.status().message());
    if (got->dtype != expected.dtype || got->dims != expected.dims ||
        got->bytes() != expected.bytes.size() ||
        std::memcmp(got->data(), expected.bytes.data(), expected.bytes.size()) != 0) {
      return absl::StrCat(expected.path, " ", expected.slot, " differs");
    }
  }
  return "";
}

inline std::string DifferenceOfStep(const std::string& path, int64_t step, int64_t rows = 40,
                                    FileStore* store = nullptr) {
  const auto reader = CheckpointReader::Open(path, store);
  if (!reader.ok()) return std::string(reader.status().message());
  if ((*reader)->info().step != step) return absl::StrCat("step ", (*reader)->info().step);
  return Difference(**reader, TensorsOfStep(step, rows));
}

inline std::string ReadFileForTest(const std::string& path) {
  const auto bytes = ReadWholeFile(PosixFileStore(), path, int64_t{1} << 40);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

// Replaces the file's content (by a new file: what is open elsewhere stays as it was).
inline void WriteFileForTest(const std::string& path, std::string_view bytes) {
  FileStore& store = PosixFileStore();
  ASSERT_TRUE(store.RemoveAll(path).ok());
  auto file = store.Create(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append(bytes).ok());
  ASSERT_TRUE((*file)->Close().ok());
}

inline void FlipBitForTest(const std::string& path, size_t byte, int bit) {
  std::string bytes = ReadFileForTest(path);
  ASSERT_LT(byte, bytes.size());
  bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << bit));
  WriteFileForTest(path, bytes);
}

}  // namespace tessera

#define ASSERT_OK(expression)                   \
  do {                                          \
    const absl::Status status_ = (expression);  \
    ASSERT_TRUE(status_.ok()) << status_;       \
  } while (false)
#define EXPECT_OK(expression)                   \
  do {                                          \
    const absl::Status status_ = (expression);  \
    EXPECT_TRUE(status_.ok()) << status_;       \
  } while (false)
