// Safetensors files, read and written for `eval` and `export`.
//
// The format: a little-endian 64-bit header length, a JSON header {name: {dtype, shape,
// data_offsets}}, the data. Reading is strict: sizes must agree and lie within the file.
// Checkpoints are the library's business, not this file's. Little-endian machines only. One thread
// per object.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/cli/error.h"
#include "cpp/cli/handles.h"

namespace tessera::cli {

struct SafetensorsEntry {
  std::string name;
  tsr_dtype dtype = TSR_F32;
  std::vector<int64_t> dims;
  int64_t offset = 0;  // from the beginning of the file
  int64_t bytes = 0;
};

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

class SafetensorsReader {
 public:
  // NOT_FOUND, or DATA_LOSS when it is not a safetensors file or a damaged one.
  static Error Open(const std::string& path, SafetensorsReader* out);

  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // nullptr when there is no such tensor.
  const SafetensorsEntry* Find(std::string_view name) const;
  Error Read(const SafetensorsEntry& entry, Tensor* out) const;
  // Some bytes of one, from `first` on.
  Error ReadPart(const SafetensorsEntry& entry, int64_t first, int64_t bytes, void* out) const;

 private:
  std::string path_;
  File file_;
  std::vector<SafetensorsEntry> entries_;
};

// Writes tensors one after the other, so that no more than one is in memory. The file appears under
// its name when it is complete.
class SafetensorsWriter {
 public:
  SafetensorsWriter() = default;
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // Names, dtypes and dims of all tensors; offset and bytes are filled in here.
  Error Begin(const std::string& path, std::vector<SafetensorsEntry> entries,
              const std::map<std::string, std::string>& metadata = {});
  // The data of the next one. INVALID_ARGUMENT when it is not of the size announced.
  Error Append(const void* data, size_t bytes);
  // After the last one: durable and under its name.
  Error Finish();

 private:
  Error WriteProblem() const;

  std::string path_, temporary_;
  File file_;
  std::vector<SafetensorsEntry> entries_;
  size_t next_ = 0;
};

// Bytes of one element; 0 for a number that is no dtype.
int64_t ElementBytes(tsr_dtype dtype);
// A dtype by the name that tsr_program_describe gives it ("f32"); false when it has none.
bool DTypeFromName(std::string_view name, tsr_dtype* out);

}  // namespace tessera::cli
