#include "cpp/cli/safetensors.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "cpp/cli/json.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

struct DTypeNames {
  tsr_dtype dtype;
  const char* library;
  const char* format;
  int64_t bytes;
};

constexpr DTypeNames kDTypes[] = {
    {TSR_F64, "f64", "F64", 8},  {TSR_F32, "f32", "F32", 4}, {TSR_BF16, "bf16", "BF16", 2},
    {TSR_F16, "f16", "F16", 2},  {TSR_I64, "i64", "I64", 8}, {TSR_I32, "i32", "I32", 4},
    {TSR_I8, "i8", "I8", 1},     {TSR_U32, "u32", "U32", 4}, {TSR_U16, "u16", "U16", 2},
    {TSR_U8, "u8", "U8", 1},     {TSR_BOOL, "bool", "BOOL", 1}};

constexpr int64_t kMostHeaderBytes = 100'000'000;  // other readers have the same limit

Error SystemError(const std::string& path, int number) {
  const tsr_code code = number == ENOENT                      ? TSR_NOT_FOUND
                        : number == EACCES || number == EPERM ? TSR_PERMISSION_DENIED
                        : number == ENOSPC || number == EDQUOT ? TSR_RESOURCE_EXHAUSTED
                                                               : TSR_UNAVAILABLE;
  return Error(path + ": " + std::strerror(number), code);
}

// The size in bytes of a tensor; -1 when the dims are negative or too large.
int64_t TensorBytes(tsr_dtype dtype, const std::vector<int64_t>& dims) {
  int64_t bytes = ElementBytes(dtype);
  for (const int64_t dim : dims) {
    if (dim < 0) return -1;
    if (dim > 0 && bytes > std::numeric_limits<int64_t>::max() / dim) return -1;
    bytes *= dim;
  }
  return bytes;
}

// One entry of the header; the text of what is wrong with it, or "".
std::string ReadEntry(const Json& json, int64_t data_offset, int64_t file_bytes,
                      SafetensorsEntry* entry) {
  const std::string& format = json["dtype"].AsText();
  bool is_known = false;
  for (const DTypeNames& names : kDTypes) {
    if (format != names.format) continue;
    entry->dtype = names.dtype;
    is_known = true;
  }
  if (!is_known) return "dtype '" + format + "' is not one that Tessera stores";
  for (const Json& dim : json["shape"].items()) entry->dims.push_back(dim.AsInteger(-1));
  if (entry->dims.size() > 8) return "expected at most 8 dims";
  entry->bytes = TensorBytes(entry->dtype, entry->dims);
  const std::vector<Json>& offsets = json["data_offsets"].items();
  if (offsets.size() != 2) return "expected two data_offsets";
  const int64_t begin = offsets[0].AsInteger(-1);
  const int64_t end = offsets[1].AsInteger(-1);
  if (entry->bytes < 0 || begin < 0 || end < begin || end - begin != entry->bytes) {
    return "data_offsets do not agree with dtype and shape";
  }
  if (end > file_bytes - data_offset) return "its data lie beyond the end of the file";
  entry->offset = data_offset + begin;
  return "";
}

}  // namespace

int64_t ElementBytes(tsr_dtype dtype) {
  for (const DTypeNames& names : kDTypes) {
    if (names.dtype == dtype) return names.bytes;
  }
  return 0;
}

bool DTypeFromName(std::string_view name, tsr_dtype* out) {
  for (const DTypeNames& names : kDTypes) {
    if (name != names.library) continue;
    *out = names.dtype;
    return true;
  }
  return false;
}

Error SafetensorsReader::Open(const std::string& path, SafetensorsReader* out) {
  SafetensorsReader reader;
  reader.path_ = path;
  reader.file_.reset(std::fopen(path.c_str(), "rbe"));
  if (reader.file_ == nullptr) return SystemError(path, errno);
  std::FILE* file = reader.file_.get();
  uint64_t length = 0;
  const bool has_end = fseeko(file, 0, SEEK_END) == 0;
  const int64_t file_bytes = has_end ? static_cast<int64_t>(ftello(file)) : -1;
  std::rewind(file);
  if (file_bytes < 8 || std::fread(&length, 8, 1, file) != 1 ||
      length > static_cast<uint64_t>(kMostHeaderBytes) ||
      static_cast<int64_t>(length) > file_bytes - 8) {
    return Error(path + ": expected a safetensors file, got one with no header", TSR_DATA_LOSS);
  }
  std::string header(length, '\0');
  Json json;
  if (std::fread(header.data(), 1, header.size(), file) != header.size() ||
      !Json::Parse(header, &json) || !json.is_object()) {
    return Error(path + ": expected a safetensors file, got a header that is not JSON",
                 TSR_DATA_LOSS);
  }
  for (const auto& [name, value] : json.members()) {
    if (name == "__metadata__") continue;
    SafetensorsEntry entry;
    entry.name = name;
    const std::string wrong =
        ReadEntry(value, 8 + static_cast<int64_t>(length), file_bytes, &entry);
    if (!wrong.empty()) return Error(path + ": tensor '" + name + "': " + wrong, TSR_DATA_LOSS);
    reader.entries_.push_back(std::move(entry));
  }
  *out = std::move(reader);
  return Error();
}

const SafetensorsEntry* SafetensorsReader::Find(std::string_view name) const {
  for (const SafetensorsEntry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Error SafetensorsReader::Read(const SafetensorsEntry& entry, Tensor* out) const {
  Tensor tensor;
  CLI_RETURN_IF_ERROR(CallHandle(&tensor, tsr_tensor_new, entry.dtype, entry.dims.data(),
                                 static_cast<int32_t>(entry.dims.size())));
  CLI_RETURN_IF_ERROR(ReadPart(entry, 0, entry.bytes, tsr_tensor_data(tensor.get())));
  *out = std::move(tensor);
  return Error();
}

Error SafetensorsReader::ReadPart(const SafetensorsEntry& entry, int64_t first, int64_t bytes,
                                  void* out) const {
  const auto count = static_cast<size_t>(bytes);
  const bool fits = first >= 0 && bytes >= 0 && bytes <= entry.bytes - first;
  if (!fits || (count > 0 && (fseeko(file_.get(), entry.offset + first, SEEK_SET) != 0 ||
                              std::fread(out, 1, count, file_.get()) != count))) {
    return Error(path_ + ": tensor '" + entry.name + "' could not be read", TSR_DATA_LOSS);
  }
  return Error();
}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_ != nullptr && !temporary_.empty()) unlink(temporary_.c_str());
}

Error SafetensorsWriter::WriteProblem() const { return SystemError(temporary_, errno); }

Error SafetensorsWriter::Begin(const std::string& path, std::vector<SafetensorsEntry> entries,
                               const std::map<std::string, std::string>& metadata) {
  path_ = path;
  temporary_ = path + Format(".tmp-%d", static_cast<int>(getpid()));
  entries_ = std::move(entries);
  Json header = Json::Object();
  if (!metadata.empty()) {
    Json texts = Json::Object();
    for (const auto& [name, value] : metadata) texts.Set(name, Json::Text(value));
    header.Set("__metadata__", std::move(texts));
  }
  int64_t offset = 0;
  for (SafetensorsEntry& entry : entries_) {
    entry.bytes = TensorBytes(entry.dtype, entry.dims);
    if (entry.bytes < 0) return Error("tensor '" + entry.name + "': its dims are not valid");
    Json json = Json::Object();
    for (const DTypeNames& names : kDTypes) {
      if (names.dtype == entry.dtype) json.Set("dtype", Json::Text(names.format));
    }
    Json shape = Json::List();
    for (const int64_t dim : entry.dims) shape.Add(Json::Integer(dim));
    json.Set("shape", std::move(shape));
    Json offsets = Json::List();
    offsets.Add(Json::Integer(offset));
    offsets.Add(Json::Integer(offset + entry.bytes));
    json.Set("data_offsets", std::move(offsets));
    header.Set(entry.name, std::move(json));
    offset += entry.bytes;
  }
  std::string text = header.ToText();
  text.pop_back();
  text.append((8 - (text.size() + 8) % 8) % 8, ' ');  // data begin on a multiple of 8 bytes
  const uint64_t length = text.size();
  file_.reset(std::fopen(temporary_.c_str(), "wbe"));
  if (file_ == nullptr) return WriteProblem();
  if (std::fwrite(&length, 8, 1, file_.get()) != 1 ||
      std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
    return WriteProblem();
  }
  return Error();
}

Error SafetensorsWriter::Append(const void* data, size_t bytes) {
  if (next_ >= entries_.size() || static_cast<int64_t>(bytes) != entries_[next_].bytes) {
    return Error(Format("%s: tensor %zu has %zu bytes, which is not what its header says",
                        path_.c_str(), next_, bytes), TSR_INTERNAL);
  }
  ++next_;
  if (std::fwrite(data, 1, bytes, file_.get()) != bytes) return WriteProblem();
  return Error();
}

Error SafetensorsWriter::Finish() {
  if (next_ != entries_.size()) {
    return Error(path_ + ": not every tensor was written", TSR_INTERNAL);
  }
  if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0 ||
      std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return WriteProblem();
  }
  file_.reset();
  return Error();
}

}  // namespace tessera::cli
