#include "cpp/ckpt/manifest.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/box.h"

namespace tessera {
namespace {

constexpr int64_t kMinChunkBytes = 64;
constexpr int64_t kMaxChunkBytes = int64_t{1} << 30;
// Of one tensor. Boxes are compared pair by pair, so there is a limit to what a damaged or hostile
// manifest may ask for.
constexpr size_t kMaxBoxes = 4096;

absl::Status Damaged(std::string text) {
  return absl::DataLossError(absl::StrCat("manifest: ", text));
}

bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos &&
         name != kManifestName;
}

absl::Status CheckFiles(const Manifest& manifest) {
  std::set<std::string_view> names;
  for (const FileRecord& file : manifest.files) {
    if (!IsPlainFileName(file.name)) {
      return Damaged(absl::StrCat("expected a plain file name, got \"", file.name, "\""));
    }
    if (!names.insert(file.name).second) {
      return Damaged(absl::StrCat("file ", file.name, " stands twice"));
    }
    if (file.bytes < 0) return Damaged(absl::StrCat("file ", file.name, " is too large"));
    const int64_t chunks =
        file.bytes / manifest.chunk_bytes + (file.bytes % manifest.chunk_bytes != 0 ? 1 : 0);
    if (static_cast<uint64_t>(chunks) != file.chunk_crc32c.size()) {
      return Damaged(absl::StrCat("file ", file.name, " of ", file.bytes, " bytes: expected ",
                                  chunks, " checksums, got ", file.chunk_crc32c.size()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRecord(const Manifest& manifest, const TensorRecord& record) {
  const std::string label = record.Label();
  if (record.path.empty()) return Damaged("a tensor has no path");
  if ((record.kind == TensorKind::kSlot) == record.slot.empty()) {
    return Damaged(absl::StrCat("tensor ", label, ": a slot, and only a slot, has a slot name"));
  }
  if (SizeOf(record.dtype) == 0) {
    return Damaged(absl::StrCat("tensor ", label, ": unknown dtype ",
                                static_cast<int>(record.dtype)));
  }
  const size_t rank = record.dims.size();
  if (rank > kMaxTensorRank || record.box_offset.size() != rank ||
      record.box_size.size() != rank) {
    return Damaged(absl::StrCat("tensor ", label, ": ", rank, " dims, box of ",
                                record.box_offset.size(), " and ", record.box_size.size()));
  }
  if (!BoxBytes(record.dtype, record.dims).has_value()) {
    return Damaged(absl::StrCat("tensor ", label, ": dims [", absl::StrJoin(record.dims, ","),
                                "] are too large"));
  }
  if (!BoxLiesIn(record.dims, record.box_offset, record.box_size)) {
    return Damaged(absl::StrCat("tensor ", label, ": box ",
                                BoxText(record.box_offset, record.box_size),
                                " does not lie in dims [", absl::StrJoin(record.dims, ","), "]"));
  }
  const std::optional<int64_t> bytes = BoxBytes(record.dtype, record.box_size);
  if (!bytes.has_value() || *bytes != record.bytes) {
    return Damaged(absl::StrCat("tensor ", label, ": expected ", bytes.value_or(-1),
                                " bytes, got ", record.bytes));
  }
  if (record.file < 0 || static_cast<size_t>(record.file) >= manifest.files.size()) {
    return Damaged(absl::StrCat("tensor ", label, ": file ", record.file, " of ",
                                manifest.files.size()));
  }
  const FileRecord& file = manifest.files[static_cast<size_t>(record.file)];
  if (record.offset < 0 || record.offset > file.bytes ||
      record.bytes > file.bytes - record.offset) {
    return Damaged(absl::StrCat("tensor ", label, ": ", record.bytes, " bytes at ", record.offset,
                                " do not lie in ", file.name, " of ", file.bytes, " bytes"));
  }
  return absl::OkStatus();
}

// Boxes of one tensor: same type, no overlap, together all of it.
absl::Status CheckCover(const std::vector<const TensorRecord*>& boxes) {
  const TensorRecord& first = *boxes.front();
  const std::string label = first.Label();
  if (boxes.size() > kMaxBoxes) {
    return Damaged(absl::StrCat("tensor ", label, ": expected at most ", kMaxBoxes,
                                " boxes, got ", boxes.size()));
  }
  int64_t covered = 0;  // cannot overflow: checked against the whole with every step
  const int64_t whole = *BoxBytes(first.dtype, first.dims);
  for (const TensorRecord* box : boxes) {
    if (box->dtype != first.dtype || box->dims != first.dims) {
      return Damaged(absl::StrCat("tensor ", label, ": its boxes differ in dtype or dims"));
    }
    if (box->bytes > whole - covered) {
      return Damaged(absl::StrCat("tensor ", label, ": its boxes overlap"));
    }
    covered += box->bytes;
  }
  if (covered != whole || (whole == 0 && boxes.size() > 1)) {
    return Damaged(absl::StrCat("tensor ", label, ": its ", boxes.size(), " boxes cover ", covered,
                                " of ", whole, " bytes"));
  }
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (size_t j = i + 1; j < boxes.size(); ++j) {
      if (BoxesOverlap(boxes[i]->box_offset, boxes[i]->box_size, boxes[j]->box_offset,
                       boxes[j]->box_size)) {
        return Damaged(absl::StrCat("tensor ", label, ": its boxes overlap"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNoSharedBytes(const Manifest& manifest) {
  std::vector<const TensorRecord*> records;
  for (const TensorRecord& record : manifest.tensors) {
    if (record.bytes > 0) records.push_back(&record);
  }
  std::sort(records.begin(), records.end(), [](const TensorRecord* a, const TensorRecord* b) {
    return std::tie(a->file, a->offset) < std::tie(b->file, b->offset);
  });
  for (size_t i = 1; i < records.size(); ++i) {
    const TensorRecord& before = *records[i - 1];
    const TensorRecord& record = *records[i];
    if (before.file == record.file && record.offset < before.offset + before.bytes) {
      return Damaged(absl::StrCat("tensors ", before.Label(), " and ", record.Label(),
                                  " share bytes of ",
                                  manifest.files[static_cast<size_t>(record.file)].name));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view Name(TensorKind kind) {
  switch (kind) {
    case TensorKind::kParameter:
      return "parameter";
    case TensorKind::kSlot:
      return "slot";
    case TensorKind::kState:
      return "state";
  }
  return "unknown";
}

std::string TensorRecord::Label() const {
  return slot.empty() ? path : absl::StrCat(path, " slot ", slot);
}

absl::Status CheckManifest(const Manifest& manifest) {
  if (manifest.info.step < 0) {
    return Damaged(absl::StrCat("expected a step from 0 on, got ", manifest.info.step));
  }
  if (manifest.chunk_bytes < kMinChunkBytes || manifest.chunk_bytes > kMaxChunkBytes) {
    return Damaged(absl::StrCat("expected chunks of ", kMinChunkBytes, " to ", kMaxChunkBytes,
                                " bytes, got ", manifest.chunk_bytes));
  }
  RETURN_IF_ERROR(CheckFiles(manifest));
  using Key = std::tuple<TensorKind, std::string_view, std::string_view>;
  std::map<Key, std::vector<const TensorRecord*>> tensors;
  for (const TensorRecord& record : manifest.tensors) {
    RETURN_IF_ERROR(CheckRecord(manifest, record));
    tensors[{record.kind, record.path, record.slot}].push_back(&record);
  }
  for (const auto& [key, boxes] : tensors) RETURN_IF_ERROR(CheckCover(boxes));
  return CheckNoSharedBytes(manifest);
}

}  // namespace tessera
