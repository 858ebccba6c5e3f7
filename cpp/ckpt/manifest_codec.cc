// The bytes of a manifest: head (magic, length, checksums) and FlatBuffer.
#include <array>
#include <cstring>
#include <limits>
#include <utility>
#include <variant>

#include "absl/crc/crc32c.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/unaligned.h"
#include "cpp/ckpt/manifest.h"
#include "flatbuffers/flatbuffers.h"
#include "gen/schemas/checkpoint_generated.h"

namespace tessera {
namespace {

constexpr std::string_view kMagic = "TSRCKPT1";
constexpr size_t kHeadBytes = 24;
// The schema nests three deep; a table costs at least 4 bytes.
constexpr int kMaxDepth = 8;
constexpr int kMaxTables = 1 << 24;

uint32_t Crc(std::string_view bytes) {
  return static_cast<uint32_t>(absl::ComputeCrc32c(bytes));
}

using Builder = flatbuffers::FlatBufferBuilder;
using Bytes = flatbuffers::Offset<flatbuffers::Vector<uint8_t>>;
using AttrVector =
    flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<ckpt::fb::Attr>>>;

Bytes PutBytes(Builder& builder, std::string_view bytes) {
  if (bytes.empty()) return 0;
  return builder.CreateVector(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

flatbuffers::Offset<ckpt::fb::Attr> PutAttr(Builder& builder, const Attrs::Entry& entry) {
  const auto name = builder.CreateString(entry.first);
  const AttrValue& value = entry.second;
  Bytes text = 0;
  flatbuffers::Offset<flatbuffers::Vector<int64_t>> ints = 0;
  if (const auto* held = std::get_if<std::string>(&value)) text = PutBytes(builder, *held);
  if (const auto* held = std::get_if<IntList>(&value)) {
    ints = builder.CreateVector(*held);
  }
  ckpt::fb::AttrBuilder attr(builder);
  attr.add_name(name);
  attr.add_text(text);
  attr.add_ints(ints);
  if (const auto* held = std::get_if<bool>(&value)) {
    attr.add_kind(ckpt::fb::AttrKind_Bool);
    attr.add_int_value(*held ? 1 : 0);
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    attr.add_kind(ckpt::fb::AttrKind_Int);
    attr.add_int_value(*integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    attr.add_kind(ckpt::fb::AttrKind_Float);
    attr.add_float_value(*number);
  } else {
    attr.add_kind(std::holds_alternative<std::string>(value) ? ckpt::fb::AttrKind_Text
                                                             : ckpt::fb::AttrKind_Ints);
  }
  return attr.Finish();
}

AttrVector PutAttrs(Builder& builder, const Attrs& attrs) {
  std::vector<flatbuffers::Offset<ckpt::fb::Attr>> entries;
  for (const Attrs::Entry& entry : attrs.entries()) entries.push_back(PutAttr(builder, entry));
  return builder.CreateVector(entries);
}

flatbuffers::Offset<ckpt::fb::Tensor> PutTensor(Builder& builder, const TensorRecord& record) {
  const auto path = builder.CreateString(record.path);
  flatbuffers::Offset<flatbuffers::String> slot = 0;
  if (!record.slot.empty()) slot = builder.CreateString(record.slot);
  const auto dims = builder.CreateVector(record.dims);
  const auto box_offset = builder.CreateVector(record.box_offset);
  const auto box_size = builder.CreateVector(record.box_size);
  ckpt::fb::TensorBuilder tensor(builder);
  tensor.add_kind(static_cast<ckpt::fb::TensorKind>(record.kind));
  tensor.add_path(path);
  tensor.add_slot(slot);
  tensor.add_dtype(static_cast<ckpt::fb::DType>(record.dtype));
  tensor.add_dims(dims);
  tensor.add_box_offset(box_offset);
  tensor.add_box_size(box_size);
  tensor.add_file(static_cast<uint32_t>(record.file));
  tensor.add_offset(static_cast<uint64_t>(record.offset));
  tensor.add_bytes(static_cast<uint64_t>(record.bytes));
  return tensor.Finish();
}

flatbuffers::Offset<ckpt::fb::Manifest> PutManifest(Builder& builder, const Manifest& manifest) {
  const CheckpointInfo& info = manifest.info;
  std::vector<flatbuffers::Offset<ckpt::fb::File>> files;
  for (const FileRecord& file : manifest.files) {
    const auto name = builder.CreateString(file.name);
    const auto crcs = builder.CreateVector(file.chunk_crc32c);
    files.push_back(
        ckpt::fb::CreateFile(builder, name, static_cast<uint64_t>(file.bytes), crcs));
  }
  std::vector<flatbuffers::Offset<ckpt::fb::Tensor>> tensors;
  tensors.reserve(manifest.tensors.size());
  for (const TensorRecord& record : manifest.tensors) tensors.push_back(PutTensor(builder, record));

  const auto file_vector = builder.CreateVector(files);
  const auto tensor_vector = builder.CreateVector(tensors);
  const auto optimizer = PutAttrs(builder, info.optimizer);
  const auto data_state = PutBytes(builder, info.data_state);
  const auto data_fields = PutAttrs(builder, info.data);
  const auto data = ckpt::fb::CreateDataPosition(builder, data_state, data_fields);
  const auto random = ckpt::fb::CreateRandom(builder, info.rng_seed, info.rng_step);
  const auto library_version = builder.CreateString(info.library_version);
  const auto fingerprint = builder.CreateString(info.numerics_fingerprint);
  const auto config = PutBytes(builder, info.config);
  const auto config_json = PutBytes(builder, info.config_json);
  const auto program = PutBytes(builder, info.program);
  const auto origin = PutBytes(builder, info.origin);

  ckpt::fb::ManifestBuilder root(builder);
  root.add_format_version(manifest.format_version);
  root.add_step(info.step);
  root.add_saved_unix_ms(manifest.saved_unix_ms);
  root.add_library_version(library_version);
  root.add_chunk_bytes(static_cast<uint64_t>(manifest.chunk_bytes));
  root.add_files(file_vector);
  root.add_tensors(tensor_vector);
  root.add_optimizer(optimizer);
  root.add_data(data);
  root.add_random(random);
  root.add_config(config);
  root.add_config_json(config_json);
  root.add_numerics_fingerprint(fingerprint);
  root.add_program(program);
  root.add_origin(origin);
  return root.Finish();
}

// More than the FlatBuffer can come to: the builder has no way to refuse what is too large.
size_t SizeBound(const Manifest& manifest) {
  const CheckpointInfo& info = manifest.info;
  size_t bytes = 4096 + info.data_state.size() + info.config.size() + info.config_json.size() +
                 info.program.size() + info.numerics_fingerprint.size() +
                 info.library_version.size() + info.origin.size();
  for (const Attrs* attrs : {&info.optimizer, &info.data}) {
    for (const auto& [name, value] : attrs->entries()) {
      bytes += 128 + name.size();
      if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
      if (const auto* ints = std::get_if<IntList>(&value)) bytes += 8 * ints->size();
    }
  }
  for (const FileRecord& file : manifest.files) bytes += 320 + 4 * file.chunk_crc32c.size();
  for (const TensorRecord& record : manifest.tensors) {
    bytes += 160 + record.path.size() + record.slot.size() + 24 * record.dims.size();
  }
  return bytes;
}

std::string GetBytes(const flatbuffers::Vector<uint8_t>* bytes) {
  if (bytes == nullptr) return "";
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

std::string GetText(const flatbuffers::String* text) { return text == nullptr ? "" : text->str(); }

std::vector<int64_t> GetInts(const flatbuffers::Vector<int64_t>* ints) {
  if (ints == nullptr) return {};
  return CopyUnaligned<int64_t>(ints->Data(), ints->size());
}

absl::StatusOr<Attrs> GetAttrs(
    const flatbuffers::Vector<flatbuffers::Offset<ckpt::fb::Attr>>* entries) {
  Attrs attrs;
  if (entries == nullptr) return attrs;
  for (const ckpt::fb::Attr* entry : *entries) {
    const std::string name = GetText(entry->name());
    switch (entry->kind()) {
      case ckpt::fb::AttrKind_Bool:
        attrs.Set(name, entry->int_value() != 0);
        break;
      case ckpt::fb::AttrKind_Int:
        attrs.Set(name, static_cast<int64_t>(entry->int_value()));
        break;
      case ckpt::fb::AttrKind_Float:
        attrs.Set(name, entry->float_value());
        break;
      case ckpt::fb::AttrKind_Text:
        attrs.Set(name, GetBytes(entry->text()));
        break;
      case ckpt::fb::AttrKind_Ints:
        attrs.Set(name, GetInts(entry->ints()));
        break;
      default:
        return absl::DataLossError(absl::StrCat("manifest: scalar ", name, " has unknown kind ",
                                                static_cast<int>(entry->kind())));
    }
  }
  return attrs;
}

// Lengths beyond 63 bits become -1, which CheckManifest refuses.
int64_t GetLength(uint64_t value) {
  return value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())
             ? -1
             : static_cast<int64_t>(value);
}

absl::StatusOr<TensorRecord> GetTensor(const ckpt::fb::Tensor& from) {
  TensorRecord record;
  if (from.kind() > ckpt::fb::TensorKind_MAX || from.dtype() > ckpt::fb::DType_MAX ||
      from.dtype() == ckpt::fb::DType_None) {
    return absl::DataLossError(absl::StrCat("manifest: tensor ", GetText(from.path()),
                                            " has an unknown kind or dtype"));
  }
  record.kind = static_cast<TensorKind>(from.kind());
  record.path = GetText(from.path());
  record.slot = GetText(from.slot());
  record.dtype = static_cast<DType>(from.dtype());
  record.dims = GetInts(from.dims());
  record.box_offset = GetInts(from.box_offset());
  record.box_size = GetInts(from.box_size());
  if (from.box_offset() == nullptr && from.box_size() == nullptr) {
    record.box_offset.assign(record.dims.size(), 0);
    record.box_size = record.dims;
  }
  record.file = from.file() > static_cast<uint32_t>(std::numeric_limits<int32_t>::max())
                    ? -1
                    : static_cast<int32_t>(from.file());
  record.offset = GetLength(from.offset());
  record.bytes = GetLength(from.bytes());
  return record;
}

absl::StatusOr<Manifest> GetManifest(const ckpt::fb::Manifest& root) {
  Manifest manifest;
  manifest.format_version = root.format_version();
  manifest.chunk_bytes = GetLength(root.chunk_bytes());
  manifest.saved_unix_ms = root.saved_unix_ms();
  CheckpointInfo& info = manifest.info;
  info.step = root.step();
  ASSIGN_OR_RETURN(info.optimizer, GetAttrs(root.optimizer()));
  if (root.data() != nullptr) {
    info.data_state = GetBytes(root.data()->state());
    ASSIGN_OR_RETURN(info.data, GetAttrs(root.data()->fields()));
  }
  if (root.random() != nullptr) {
    info.rng_seed = root.random()->seed();
    info.rng_step = root.random()->step();
  }
  info.config = GetBytes(root.config());
  info.config_json = GetBytes(root.config_json());
  info.numerics_fingerprint = GetText(root.numerics_fingerprint());
  info.program = GetBytes(root.program());
  info.origin = GetBytes(root.origin());
  info.library_version = GetText(root.library_version());
  for (const ckpt::fb::File* from : *root.files()) {
    FileRecord file;
    file.name = GetText(from->name());
    file.bytes = GetLength(from->bytes());
    if (from->chunk_crc32c() != nullptr) {
      file.chunk_crc32c.assign(from->chunk_crc32c()->begin(), from->chunk_crc32c()->end());
    }
    manifest.files.push_back(std::move(file));
  }
  for (const ckpt::fb::Tensor* from : *root.tensors()) {
    ASSIGN_OR_RETURN(TensorRecord record, GetTensor(*from));
    manifest.tensors.push_back(std::move(record));
  }
  return manifest;
}

// Checks the head; returns the FlatBuffer behind it.
absl::StatusOr<std::string_view> CheckedBody(std::string_view bytes) {
  if (bytes.size() < kHeadBytes) {
    return absl::DataLossError(absl::StrCat("manifest: expected at least ", kHeadBytes,
                                            " bytes, got ", bytes.size()));
  }
  uint64_t length;
  uint32_t body_crc;
  uint32_t head_crc;
  std::memcpy(&length, bytes.data() + 8, sizeof(length));
  std::memcpy(&body_crc, bytes.data() + 16, sizeof(body_crc));
  std::memcpy(&head_crc, bytes.data() + 20, sizeof(head_crc));
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::DataLossError("manifest: the magic bytes are wrong");
  }
  if (const uint32_t crc = Crc(bytes.substr(0, 20)); crc != head_crc) {
    return absl::DataLossError(
        absl::StrCat("manifest: head: expected crc32c ", head_crc, ", got ", crc));
  }
  const std::string_view body = bytes.substr(kHeadBytes);
  if (length != body.size()) {
    return absl::DataLossError(absl::StrCat("manifest: expected ", length,
                                            " bytes after the head, got ", body.size()));
  }
  if (const uint32_t crc = Crc(body); crc != body_crc) {
    return absl::DataLossError(
        absl::StrCat("manifest: expected crc32c ", body_crc, ", got ", crc));
  }
  return body;
}

}  // namespace

absl::StatusOr<std::string> EncodeManifest(const Manifest& manifest) {
  if (const absl::Status checked = CheckManifest(manifest); !checked.ok()) {
    return absl::InvalidArgumentError(checked.message());
  }
  if (const size_t bound = SizeBound(manifest); bound > static_cast<size_t>(kMaxManifestBytes)) {
    return absl::InvalidArgumentError(absl::StrCat("manifest: expected at most ",
                                                   kMaxManifestBytes, " bytes, got about ", bound));
  }
  Builder builder;
  ckpt::fb::FinishManifestBuffer(builder, PutManifest(builder, manifest));
  const std::string_view body(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                              builder.GetSize());
  std::string bytes(kMagic);
  const auto put = [&bytes](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  put(static_cast<uint64_t>(body.size()));
  put(Crc(body));
  put(Crc(bytes));
  bytes.append(body);
  return bytes;
}

absl::StatusOr<Manifest> DecodeManifest(std::string_view bytes) {
  if (bytes.size() > static_cast<size_t>(kMaxManifestBytes)) {
    return absl::DataLossError(absl::StrCat("manifest: expected at most ", kMaxManifestBytes,
                                            " bytes, got ", bytes.size()));
  }
  ASSIGN_OR_RETURN(const std::string_view body, CheckedBody(bytes));
  // FlatBuffers wants its bytes aligned, and the caller's may lie anywhere.
  std::vector<uint64_t> aligned((body.size() + 7) / 8);
  if (!body.empty()) std::memcpy(aligned.data(), body.data(), body.size());
  const auto* data = reinterpret_cast<const uint8_t*>(aligned.data());
  flatbuffers::Verifier verifier(data, body.size(), kMaxDepth, kMaxTables);
  if (!ckpt::fb::VerifyManifestBuffer(verifier)) {
    return absl::DataLossError("manifest: not a valid FlatBuffer of checkpoint.fbs");
  }
  const ckpt::fb::Manifest& root = *ckpt::fb::GetManifest(data);
  // Checked before anything else is understood: a newer version may mean other things by it.
  if (root.format_version() > kCheckpointFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("manifest: format version ", root.format_version(),
                     " was written by a newer Tessera (", GetText(root.library_version()),
                     "), this one reads up to ", kCheckpointFormatVersion));
  }
  if (root.format_version() == 0) {
    return absl::DataLossError("manifest: expected a format version from 1 on, got 0");
  }
  ASSIGN_OR_RETURN(Manifest manifest, GetManifest(root));
  RETURN_IF_ERROR(CheckManifest(manifest));
  return manifest;
}

}  // namespace tessera
