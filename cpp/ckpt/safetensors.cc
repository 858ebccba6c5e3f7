#include "cpp/ckpt/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/random_suffix.h"

namespace tessera {
namespace {

static_assert(std::endian::native == std::endian::little, "data are stored little-endian");

struct DTypeName {
  DType dtype;
  std::string_view name;
};
constexpr DTypeName kDTypeNames[] = {
    {DType::kF64, "F64"}, {DType::kF32, "F32"}, {DType::kBF16, "BF16"}, {DType::kF16, "F16"},
    {DType::kI64, "I64"}, {DType::kI32, "I32"}, {DType::kI8, "I8"},     {DType::kU32, "U32"},
    {DType::kU16, "U16"}, {DType::kU8, "U8"},   {DType::kBool, "BOOL"}};

}  // namespace

std::string_view SafetensorsDTypeName(DType dtype) {
  for (const DTypeName& entry : kDTypeNames) {
    if (entry.dtype == dtype) return entry.name;
  }
  return "";
}

bool DTypeFromSafetensorsName(std::string_view name, DType* out) {
  for (const DTypeName& entry : kDTypeNames) {
    if (entry.name != name) continue;
    *out = entry.dtype;
    return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<SafetensorsReader>> SafetensorsReader::Open(const std::string& path,
                                                                           FileStore* store) {
  std::unique_ptr<SafetensorsReader> reader(new SafetensorsReader);
  reader->path_ = path;
  ASSIGN_OR_RETURN(reader->file_, StoreOrLocal(store).Open(path));
  const int64_t file_bytes = reader->file_->bytes();
  uint64_t header_bytes = 0;
  if (file_bytes < static_cast<int64_t>(sizeof(header_bytes))) {
    return absl::DataLossError(
        absl::StrCat(path, ": expected at least 8 bytes, got ", file_bytes));
  }
  RETURN_IF_ERROR(reader->file_->ReadAt(0, &header_bytes, sizeof(header_bytes)));
  if (header_bytes > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes)) {
    return absl::DataLossError(absl::StrCat(path, ": expected a header of at most ",
                                            kMaxSafetensorsHeaderBytes, " bytes, got ",
                                            header_bytes));
  }
  const int64_t data_offset = 8 + static_cast<int64_t>(header_bytes);
  if (data_offset > file_bytes) {
    return absl::DataLossError(absl::StrCat(path, ": the header should end at byte ", data_offset,
                                            ", the file ends at ", file_bytes));
  }
  std::string json(header_bytes, '\0');
  RETURN_IF_ERROR(reader->file_->ReadAt(8, json.data(), json.size()));
  ASSIGN_OR_RETURN(reader->header_, ParseSafetensorsHeader(path, json, file_bytes - data_offset));
  for (size_t i = 0; i < reader->header_.entries.size(); ++i) {
    reader->index_.emplace(reader->header_.entries[i].name, i);
  }
  return reader;
}

const SafetensorsEntry* SafetensorsReader::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.entries[found->second];
}

absl::StatusOr<Tensor> SafetensorsReader::Read(std::string_view name) const {
  const SafetensorsEntry* entry = Find(name);
  if (entry == nullptr) {
    std::vector<std::string_view> some;
    for (size_t i = 0; i < std::min<size_t>(entries().size(), 5); ++i) {
      some.push_back(entries()[i].name);
    }
    return absl::NotFoundError(absl::StrCat(path_, ": no tensor named ", name, "; it holds ",
                                            entries().size(), ": ", absl::StrJoin(some, ", "),
                                            entries().size() > some.size() ? ", ..." : ""));
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(entry->dtype, entry->dims));
  RET_CHECK(tensor.bytes() == static_cast<size_t>(entry->bytes));
  if (const absl::Status read = file_->ReadAt(entry->offset, tensor.data(), tensor.bytes());
      !read.ok()) {
    return absl::IsOutOfRange(read) ? absl::DataLossError(read.message()) : read;
  }
  return tensor;
}

absl::Status WriteSafetensors(const std::string& path, absl::Span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata,
                              FileStore* store) {
  std::vector<SafetensorsEntry> entries;
  for (const NamedTensor& named : tensors) {
    if (!named.tensor.defined()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor ", named.name, " is empty"));
    }
    entries.push_back({named.name, named.tensor.dtype, named.tensor.dims});
  }
  size_t index = 0;
  return WriteSafetensorsOneByOne(
      path, std::move(entries), metadata,
      [&](const SafetensorsEntry&) -> absl::StatusOr<Tensor> { return tensors[index++].tensor; },
      store);
}

absl::Status WriteSafetensorsOneByOne(
    const std::string& path, std::vector<SafetensorsEntry> entries,
    const std::map<std::string, std::string>& metadata,
    const std::function<absl::StatusOr<Tensor>(const SafetensorsEntry&)>& next,
    FileStore* store_or_null) {
  FileStore& store = StoreOrLocal(store_or_null);
  SafetensorsHeader header;
  header.metadata = metadata;
  header.entries = std::move(entries);
  ASSIGN_OR_RETURN(const std::string head, EncodeSafetensorsHeader(header));

  const std::string temporary = absl::StrCat(path, ".tmp-", RandomSuffix());
  const absl::Status written = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, store.Create(temporary));
    RETURN_IF_ERROR(file->Append(head));
    for (const SafetensorsEntry& entry : header.entries) {
      ASSIGN_OR_RETURN(const Tensor tensor, next(entry));
      RET_CHECK(tensor.dtype == entry.dtype && tensor.dims == entry.dims)
          << entry.name << ": got " << tensor.TypeText();
      RETURN_IF_ERROR(file->Append({static_cast<const char*>(tensor.data()), tensor.bytes()}));
    }
    RETURN_IF_ERROR(file->Sync());
    RETURN_IF_ERROR(file->Close());
    return store.Rename(temporary, path);
  }();
  if (!written.ok()) {
    store.RemoveAll(temporary).IgnoreError();
    return written;
  }
  const size_t slash = path.rfind('/');
  return store.SyncFolder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
}

}  // namespace tessera
