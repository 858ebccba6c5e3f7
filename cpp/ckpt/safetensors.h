// Reading and writing of safetensors files: named dense tensors that many tools can read.
//
// The format: a little-endian 64-bit header length, a JSON header {name: {dtype, shape,
// data_offsets}}, then the data. Reading is strict: a file is refused unless every byte of its data
// belongs to exactly one tensor and every size agrees. The format itself has no checksum; those of
// checkpoints lie in their manifest (manifest.h). Big-endian machines are not supported. A reader
// may be used by several threads at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ckpt/file_store.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// The limit that other readers keep too.
inline constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;
  // Where the tensor lies, from the beginning of the file; `bytes` follows from dtype and dims.
  int64_t offset = 0;
  int64_t bytes = 0;
};

struct SafetensorsHeader {
  int64_t data_offset = 0;                // where the data begin: 8 + header length
  int64_t file_bytes = 0;                 // how long the whole file is
  std::vector<SafetensorsEntry> entries;  // by offset
  std::map<std::string, std::string> metadata;
};

// Parses the JSON of a header (without the length in front) of a file with `data_bytes` of data
// after it. DATA_LOSS when it is not a valid description of exactly that many bytes; UNIMPLEMENTED
// when a tensor has a dtype that Tessera does not store. `what` begins the error texts.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view what,
                                                         std::string_view json,
                                                         int64_t data_bytes);

// The length, the JSON and the padding that begin a file holding the entries in the order given;
// fills in their offset and bytes, and header.data_offset and header.file_bytes. INVALID_ARGUMENT
// on names that are repeated, reserved or not UTF-8, and on bad dims. Data begin on a multiple of
// 64 bytes.
absl::StatusOr<std::string> EncodeSafetensorsHeader(SafetensorsHeader& header);

// The name of a dtype in the format ("BF16"), and back; false when it has no counterpart here.
std::string_view SafetensorsDTypeName(DType dtype);
bool DTypeFromSafetensorsName(std::string_view name, DType* out);

// An open file.
class SafetensorsReader {
 public:
  // Reads and checks the header. NOT_FOUND; otherwise as ParseSafetensorsHeader. A null store is
  // the local file system; another one must outlive the reader.
  static absl::StatusOr<std::unique_ptr<SafetensorsReader>> Open(const std::string& path,
                                                                 FileStore* store = nullptr);

  const std::string& path() const { return path_; }
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  const SafetensorsHeader& header() const { return header_; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  // Null when there is no such tensor. Valid as long as the reader.
  const SafetensorsEntry* Find(std::string_view name) const;

  // A tensor of its own memory. NOT_FOUND with the nearest names; DATA_LOSS when the file became
  // shorter; RESOURCE_EXHAUSTED without memory.
  absl::StatusOr<Tensor> Read(std::string_view name) const;

 private:
  SafetensorsReader() = default;
  std::string path_;
  std::unique_ptr<ReadableFile> file_;
  SafetensorsHeader header_;
  std::map<std::string, size_t, std::less<>> index_;
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// Writes a new file, durably and all or nothing: under a temporary name in the same folder, then
// renamed. ALREADY_EXISTS when there is one; otherwise as EncodeSafetensorsHeader and FileStore.
absl::Status WriteSafetensors(const std::string& path, absl::Span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata = {},
                              FileStore* store = nullptr);

// The same for tensors that are made one at a time: `next` is called once for every entry, in their
// order, and its tensor is gone before the next call. An entry's offset and bytes need not be set.
absl::Status WriteSafetensorsOneByOne(
    const std::string& path, std::vector<SafetensorsEntry> entries,
    const std::map<std::string, std::string>& metadata,
    const std::function<absl::StatusOr<Tensor>(const SafetensorsEntry& entry)>& next,
    FileStore* store = nullptr);

}  // namespace tessera
