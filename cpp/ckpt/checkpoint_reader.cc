#include "cpp/ckpt/checkpoint_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/crc/crc32c.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/box.h"
#include "cpp/ckpt/checkpoint_folder.h"
#include "cpp/ckpt/layout.h"
#include "cpp/ckpt/safetensors.h"

namespace tessera {
namespace {

// Paths and slots may hold any character but NUL is not one a path is made of in practice; were it
// so, two tensors would still differ in kind, path length or slot.
std::string Key(TensorKind kind, std::string_view path, std::string_view slot) {
  return absl::StrCat(static_cast<int>(kind), " ", path.size(), " ", path, " ", slot);
}

absl::Status DataLossIfTooShort(absl::Status status) {
  return absl::IsOutOfRange(status) ? absl::DataLossError(status.message()) : status;
}

// The manifest of the folder. A folder without one is damaged: it was there first or last.
absl::StatusOr<Manifest> ReadManifest(FileStore& store, const std::string& path) {
  ASSIGN_OR_RETURN(const bool is_folder, store.IsFolder(path));
  if (!is_folder) return absl::NotFoundError(absl::StrCat(path, ": no such folder"));
  const std::string manifest_path = JoinPath(path, kManifestName);
  auto bytes = ReadWholeFile(store, manifest_path, kMaxManifestBytes);
  if (absl::IsNotFound(bytes.status())) {
    return absl::DataLossError(absl::StrCat(path, ": has no ", kManifestName));
  }
  if (absl::IsResourceExhausted(bytes.status()) || absl::IsInvalidArgument(bytes.status())) {
    return absl::DataLossError(bytes.status().message());
  }
  RETURN_IF_ERROR(DataLossIfTooShort(bytes.status()));
  auto manifest = DecodeManifest(*bytes);
  if (!manifest.ok()) return WithContext(manifest.status(), path);
  return manifest;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CheckpointReader>> CheckpointReader::Open(const std::string& path,
                                                                         FileStore* store_or_null) {
  FileStore& store = StoreOrLocal(store_or_null);
  std::unique_ptr<CheckpointReader> reader(new CheckpointReader);
  reader->path_ = path;
  ASSIGN_OR_RETURN(reader->manifest_, ReadManifest(store, path));
  const Manifest& manifest = reader->manifest_;
  for (const FileRecord& record : manifest.files) {
    const std::string file_path = JoinPath(path, record.name);
    auto file = store.Open(file_path);
    if (absl::IsNotFound(file.status()) || absl::IsInvalidArgument(file.status())) {
      return absl::DataLossError(file.status().message());
    }
    RETURN_IF_ERROR(file.status());
    if ((*file)->bytes() != record.bytes) {
      return absl::DataLossError(absl::StrCat(file_path, ": expected ", record.bytes,
                                              " bytes, got ", (*file)->bytes()));
    }
    reader->files_.push_back(*std::move(file));
  }
  for (size_t i = 0; i < manifest.tensors.size(); ++i) {
    const TensorRecord& record = manifest.tensors[i];
    reader->index_[Key(record.kind, record.path, record.slot)].push_back(i);
  }
  return reader;
}

const TensorRecord* CheckpointReader::Find(TensorKind kind, std::string_view path,
                                           std::string_view slot) const {
  const auto found = index_.find(Key(kind, path, slot));
  return found == index_.end() ? nullptr : &manifest_.tensors[found->second.front()];
}

absl::StatusOr<Tensor> CheckpointReader::Read(TensorKind kind, std::string_view path,
                                              std::string_view slot) const {
  const TensorRecord* record = Find(kind, path, slot);
  if (record == nullptr) {
    return absl::NotFoundError(absl::StrCat(path_, ": no ", Name(kind), " ", path,
                                            slot.empty() ? "" : " slot ", slot));
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(record->dtype, record->dims));
  const std::vector<int64_t> origin(record->dims.size(), 0);
  RETURN_IF_ERROR(
      ReadBox(kind, path, slot, origin, record->dims, tensor.data(), tensor.bytes()));
  return tensor;
}

absl::Status CheckpointReader::ReadBox(TensorKind kind, std::string_view path,
                                       std::string_view slot, absl::Span<const int64_t> offset,
                                       absl::Span<const int64_t> size, void* out,
                                       size_t bytes) const {
  const auto found = index_.find(Key(kind, path, slot));
  if (found == index_.end()) {
    return absl::NotFoundError(absl::StrCat(path_, ": no ", Name(kind), " ", path,
                                            slot.empty() ? "" : " slot ", slot));
  }
  const TensorRecord& first = manifest_.tensors[found->second.front()];
  if (offset.size() != first.dims.size() || size.size() != first.dims.size() ||
      !BoxLiesIn(first.dims, offset, size)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": ", first.Label(), " has dims [", absl::StrJoin(first.dims, ","),
                     "], the box asked for does not lie in them"));
  }
  const auto expected = BoxBytes(first.dtype, size);
  RET_CHECK(expected.has_value());
  if (static_cast<size_t>(*expected) != bytes) {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": ", first.Label(), " box ",
                                                   BoxText(offset, size), " takes ", *expected,
                                                   " bytes, got room for ", bytes));
  }
  // The boxes of a tensor are disjoint and cover it (CheckManifest), so every wanted element is in
  // exactly one of them.
  for (size_t i : found->second) {
    RETURN_IF_ERROR(
        CopyIntersection(manifest_.tensors[i], offset, size, static_cast<char*>(out)));
  }
  return absl::OkStatus();
}

absl::Status CheckpointReader::CopyIntersection(const TensorRecord& record,
                                                absl::Span<const int64_t> offset,
                                                absl::Span<const int64_t> size, char* out) const {
  const size_t rank = record.dims.size();
  std::vector<int64_t> begin(rank);
  std::vector<int64_t> count(rank);
  for (size_t i = 0; i < rank; ++i) {
    begin[i] = std::max(record.box_offset[i], offset[i]);
    count[i] = std::min(record.box_offset[i] + record.box_size[i], offset[i] + size[i]) - begin[i];
    if (count[i] <= 0) return absl::OkStatus();
  }
  // From the last dim on, as long as both sides hold whole rows, elements lie side by side.
  size_t outer = rank;  // dims before this one are walked
  int64_t run = static_cast<int64_t>(SizeOf(record.dtype));
  while (outer > 0) {
    --outer;
    run *= count[outer];
    if (count[outer] != record.box_size[outer] || count[outer] != size[outer]) break;
  }
  std::vector<int64_t> at(outer, 0);
  while (true) {
    int64_t from = 0;  // element index in the record's box, then in the wanted one
    int64_t to = 0;
    for (size_t i = 0; i < rank; ++i) {
      const int64_t position = begin[i] + (i < outer ? at[i] : 0);
      from = from * record.box_size[i] + (position - record.box_offset[i]);
      to = to * size[i] + (position - offset[i]);
    }
    const int64_t width = static_cast<int64_t>(SizeOf(record.dtype));
    if (const absl::Status read =
            ReadRange(static_cast<size_t>(record.file), record.offset + from * width,
                      static_cast<size_t>(run), out + to * width);
        !read.ok()) {
      return WithContext(read, record.Label());
    }
    size_t dim = outer;
    while (dim > 0 && ++at[dim - 1] == count[dim - 1]) at[--dim] = 0;
    if (dim == 0) return absl::OkStatus();
  }
}

int64_t CheckpointReader::ChunkBytes(size_t file, int64_t chunk) const {
  return std::min(manifest_.chunk_bytes,
                  manifest_.files[file].bytes - chunk * manifest_.chunk_bytes);
}

absl::Status CheckpointReader::ReadChunk(size_t file, int64_t chunk, char* out) const {
  const int64_t offset = chunk * manifest_.chunk_bytes;
  const size_t bytes = static_cast<size_t>(ChunkBytes(file, chunk));
  RETURN_IF_ERROR(DataLossIfTooShort(files_[file]->ReadAt(offset, out, bytes)));
  const uint32_t expected = manifest_.files[file].chunk_crc32c[static_cast<size_t>(chunk)];
  const uint32_t got = static_cast<uint32_t>(absl::ComputeCrc32c({out, bytes}));
  if (got == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(JoinPath(path_, manifest_.files[file].name), ": chunk ", chunk, ", ", bytes,
                   " bytes at offset ", offset, ": expected crc32c ",
                   absl::Hex(expected, absl::kZeroPad8), ", got ",
                   absl::Hex(got, absl::kZeroPad8)));
}

absl::Status CheckpointReader::ReadRange(size_t file, int64_t offset, size_t bytes,
                                         char* out) const {
  while (bytes > 0) {
    const int64_t chunk = offset / manifest_.chunk_bytes;
    const size_t skip = static_cast<size_t>(offset % manifest_.chunk_bytes);
    const size_t chunk_bytes = static_cast<size_t>(ChunkBytes(file, chunk));
    const size_t part = std::min(bytes, chunk_bytes - skip);
    if (part == chunk_bytes) {
      RETURN_IF_ERROR(ReadChunk(file, chunk, out));
    } else {
      absl::MutexLock lock(&mutex_);
      if (cached_chunk_ != chunk || cached_file_ != file) {
        cached_chunk_ = -1;
        cached_.resize(std::max(cached_.size(), chunk_bytes));
        RETURN_IF_ERROR(ReadChunk(file, chunk, cached_.data()));
        cached_file_ = file;
        cached_chunk_ = chunk;
      }
      std::memcpy(out, cached_.data() + skip, part);
    }
    out += part;
    offset += static_cast<int64_t>(part);
    bytes -= part;
  }
  return absl::OkStatus();
}

absl::Status CheckpointReader::VerifyFile(size_t file) const {
  RET_CHECK(file < files_.size());
  const FileRecord& record = manifest_.files[file];
  std::vector<char> buffer(static_cast<size_t>(std::min(manifest_.chunk_bytes, record.bytes)));
  for (size_t chunk = 0; chunk < record.chunk_crc32c.size(); ++chunk) {
    RETURN_IF_ERROR(ReadChunk(file, static_cast<int64_t>(chunk), buffer.data()));
  }
  // The bytes are those that were written; do other tools see the same tensors in them?
  const std::string path = JoinPath(path_, record.name);
  uint64_t header_bytes = 0;
  if (record.bytes < 8) return absl::DataLossError(absl::StrCat(path, ": not a safetensors file"));
  RETURN_IF_ERROR(files_[file]->ReadAt(0, &header_bytes, sizeof(header_bytes)));
  if (header_bytes > static_cast<uint64_t>(std::min(kMaxSafetensorsHeaderBytes,
                                                    record.bytes - 8))) {
    return absl::DataLossError(absl::StrCat(path, ": not a safetensors file"));
  }
  std::string json(header_bytes, '\0');
  RETURN_IF_ERROR(files_[file]->ReadAt(8, json.data(), json.size()));
  ASSIGN_OR_RETURN(
      const SafetensorsHeader header,
      ParseSafetensorsHeader(path, json, record.bytes - 8 - static_cast<int64_t>(header_bytes)));
  std::map<std::string_view, const SafetensorsEntry*> entries;
  for (const SafetensorsEntry& entry : header.entries) entries[entry.name] = &entry;
  size_t matched = 0;
  for (const TensorRecord& tensor : manifest_.tensors) {
    if (static_cast<size_t>(tensor.file) != file) continue;
    const auto found = entries.find(NameInFile(tensor));
    if (found == entries.end() || found->second->dtype != tensor.dtype ||
        found->second->dims != tensor.box_size || found->second->bytes != tensor.bytes ||
        (tensor.bytes > 0 && found->second->offset != tensor.offset)) {
      return absl::DataLossError(absl::StrCat(path, ": the header and the manifest differ about ",
                                              tensor.Label()));
    }
    ++matched;
  }
  if (matched != entries.size()) {
    return absl::DataLossError(absl::StrCat(path, ": holds ", entries.size(),
                                            " tensors, the manifest knows ", matched));
  }
  return absl::OkStatus();
}

absl::Status CheckpointReader::VerifyAll() const {
  std::vector<std::string> problems;
  for (size_t file = 0; file < files_.size(); ++file) {
    const absl::Status status = VerifyFile(file);
    if (absl::IsDataLoss(status)) {
      problems.emplace_back(status.message());
    } else {
      RETURN_IF_ERROR(status);
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrJoin(problems, "; "));
}

}  // namespace tessera
