#include "cpp/ckpt/layout.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/box.h"
#include "cpp/ckpt/safetensors.h"

namespace tessera {
namespace {

struct Piece {
  const TensorToSave* tensor;
  TensorRecord record;
};

absl::StatusOr<Piece> MakePiece(const TensorToSave& tensor) {
  TensorRecord record;
  record.kind = tensor.kind;
  record.path = tensor.path;
  record.slot = tensor.slot;
  record.dtype = tensor.dtype;
  record.dims = tensor.dims;
  record.box_offset = tensor.box_offset;
  record.box_size = tensor.box_size;
  if (record.box_offset.empty() && record.box_size.empty()) {
    record.box_offset.assign(record.dims.size(), 0);
    record.box_size = record.dims;
  }
  const std::string label = record.Label();
  if (record.slot.find(':') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("checkpoint: tensor ", label, ": a slot name must not contain ':'"));
  }
  if (record.box_offset.size() != record.dims.size() ||
      record.box_size.size() != record.dims.size() ||
      !BoxLiesIn(record.dims, record.box_offset, record.box_size)) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoint: tensor ", label,
                                                   ": its box does not lie in dims [",
                                                   absl::StrJoin(record.dims, ","), "]"));
  }
  const auto bytes = BoxBytes(record.dtype, record.box_size);
  if (!bytes.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoint: tensor ", label, ": bad dims [",
                                                   absl::StrJoin(record.dims, ","), "]"));
  }
  record.bytes = *bytes;
  if (tensor.data == nullptr && tensor.read == nullptr && record.bytes > 0) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoint: tensor ", label, " has no data"));
  }
  return Piece{&tensor, std::move(record)};
}

// Multiples of 64 bytes come first and wider elements before narrower ones, so that without any
// gaps, which the format forbids, nearly all tensors stay aligned for whoever maps the file.
bool IsBefore(const Piece& a, const Piece& b) {
  const auto place = [](const TensorRecord& record) {
    return std::tuple(record.kind, record.bytes % 64 != 0,
                      -static_cast<int64_t>(SizeOf(record.dtype)));
  };
  if (place(a.record) != place(b.record)) return place(a.record) < place(b.record);
  return std::tie(a.record.path, a.record.slot, a.record.box_offset) <
         std::tie(b.record.path, b.record.slot, b.record.box_offset);
}

std::string FileName(TensorKind kind, int number) {
  const std::string_view stem = kind == TensorKind::kParameter ? "parameters"
                                : kind == TensorKind::kSlot    ? "optimizer"
                                                               : "state";
  if (number == 0) return absl::StrCat(stem, ".safetensors");
  return absl::StrCat(stem, "-", absl::Dec(number, absl::kZeroPad5), ".safetensors");
}

// Makes the file of pieces [begin, end) and their records.
absl::Status AddFile(std::vector<Piece>& pieces, size_t begin, size_t end, std::string name,
                     Layout& layout) {
  SafetensorsHeader header;
  header.metadata["format"] = "tessera";
  header.metadata["step"] = absl::StrCat(layout.manifest.info.step);
  for (size_t i = begin; i < end; ++i) {
    const TensorRecord& record = pieces[i].record;
    header.entries.push_back({NameInFile(record), record.dtype, record.box_size});
  }
  PlannedFile file;
  file.name = std::move(name);
  ASSIGN_OR_RETURN(file.head, EncodeSafetensorsHeader(header));
  file.bytes = header.file_bytes;
  for (size_t i = begin; i < end; ++i) {
    TensorRecord& record = pieces[i].record;
    record.file = static_cast<int32_t>(layout.files.size());
    record.offset = header.entries[i - begin].offset;
    file.tensors.push_back(pieces[i].tensor);
    layout.manifest.tensors.push_back(std::move(record));
  }
  FileRecord planned;
  planned.name = file.name;
  planned.bytes = file.bytes;
  const int64_t chunk_bytes = layout.manifest.chunk_bytes;
  planned.chunk_crc32c.assign(static_cast<size_t>((file.bytes + chunk_bytes - 1) / chunk_bytes),
                              0);
  layout.manifest.files.push_back(std::move(planned));
  layout.files.push_back(std::move(file));
  return absl::OkStatus();
}

}  // namespace

std::string NameInFile(const TensorRecord& record) {
  std::string name = record.path;
  if (!record.slot.empty()) absl::StrAppend(&name, ":", record.slot);
  if (!IsWholeBox(record.dims, record.box_offset, record.box_size)) {
    absl::StrAppend(&name, "@", BoxText(record.box_offset, record.box_size));
  }
  return name;
}

absl::StatusOr<Layout> PlanLayout(const SaveRequest& request, const SaveOptions& options) {
  if (options.chunk_bytes <= 0 || options.max_file_bytes <= 0) {
    return absl::InvalidArgumentError("checkpoint: chunk_bytes and max_file_bytes must be above 0");
  }
  std::vector<Piece> pieces;
  pieces.reserve(request.tensors.size());
  for (const TensorToSave& tensor : request.tensors) {
    ASSIGN_OR_RETURN(Piece piece, MakePiece(tensor));
    pieces.push_back(std::move(piece));
  }
  std::sort(pieces.begin(), pieces.end(), IsBefore);

  Layout layout;
  layout.manifest.info = request.info;
  layout.manifest.chunk_bytes = options.chunk_bytes;
  layout.manifest.saved_unix_ms = absl::ToUnixMillis(absl::Now());
  int number = 0;
  for (size_t begin = 0; begin < pieces.size();) {
    const TensorKind kind = pieces[begin].record.kind;
    if (begin > 0 && pieces[begin - 1].tensor->kind != kind) number = 0;
    int64_t bytes = pieces[begin].record.bytes;
    size_t end = begin + 1;
    while (end < pieces.size() && pieces[end].record.kind == kind &&
           pieces[end].record.bytes <= options.max_file_bytes - bytes) {
      bytes += pieces[end].record.bytes;
      ++end;
    }
    RETURN_IF_ERROR(AddFile(pieces, begin, end, FileName(kind, number), layout));
    ++number;
    begin = end;
  }
  if (const absl::Status checked = CheckManifest(layout.manifest); !checked.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoint: ", checked.message()));
  }
  return layout;
}

}  // namespace tessera
