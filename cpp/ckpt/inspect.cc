#include "cpp/ckpt/inspect.h"

#include <cmath>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/box.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "rapidjson/memorystream.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/reader.h"
#include "rapidjson/stringbuffer.h"

namespace tessera {
namespace {

// Looks at each file by itself, so that one that is missing does not hide the others.
void InspectFiles(FileStore& store, const CheckpointReader* reader,
                  CheckpointInspection& inspection) {
  for (size_t i = 0; i < inspection.manifest.files.size(); ++i) {
    const FileRecord& record = inspection.manifest.files[i];
    InspectedFile file;
    file.name = record.name;
    file.bytes = record.bytes;
    file.chunks = static_cast<int64_t>(record.chunk_crc32c.size());
    absl::Status status;
    if (reader != nullptr) {
      status = reader->VerifyFile(i);
    } else {
      const auto opened = store.Open(JoinPath(inspection.path, record.name));
      status = opened.status();
      if (status.ok() && (*opened)->bytes() != record.bytes) {
        status = absl::DataLossError(absl::StrCat(JoinPath(inspection.path, record.name),
                                                  ": expected ", record.bytes, " bytes, got ",
                                                  (*opened)->bytes()));
      }
    }
    file.is_good = status.ok();
    file.problem = std::string(status.message());
    if (inspection.problem.empty()) inspection.problem = file.problem;
    inspection.file_bytes += file.bytes;
    inspection.files.push_back(std::move(file));
  }
}

void CountTensors(CheckpointInspection& inspection) {
  std::map<std::tuple<TensorKind, std::string_view, std::string_view>, bool> seen;
  for (const TensorRecord& record : inspection.manifest.tensors) {
    inspection.tensor_bytes += record.bytes;
    if (!seen.try_emplace({record.kind, record.path, record.slot}, true).second) continue;
    if (record.kind != TensorKind::kParameter) continue;
    ++inspection.parameter_tensors;
    inspection.parameter_elements += BoxBytes(record.dtype, record.dims).value_or(0) /
                                     static_cast<int64_t>(SizeOf(record.dtype));
  }
}

using Json = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void Text(Json& json, std::string_view text) {
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void Field(Json& json, std::string_view name, std::string_view text) {
  Text(json, name);
  Text(json, text);
}

void Field(Json& json, std::string_view name, int64_t value) {
  Text(json, name);
  json.Int64(value);
}

void BoolField(Json& json, std::string_view name, bool value) {
  Text(json, name);
  json.Bool(value);
}

void IntsField(Json& json, std::string_view name, const std::vector<int64_t>& values) {
  Text(json, name);
  json.StartArray();
  for (int64_t value : values) json.Int64(value);
  json.EndArray();
}

void AttrsField(Json& json, std::string_view name, const Attrs& attrs) {
  Text(json, name);
  json.StartObject();
  for (const auto& [key, value] : attrs.entries()) {
    if (const auto* ints = std::get_if<IntList>(&value)) {
      IntsField(json, key, *ints);
      continue;
    }
    Text(json, key);
    if (const auto* held = std::get_if<bool>(&value)) {
      json.Bool(*held);
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      json.Int64(*integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      // JSON has no infinity and no NaN.
      if (std::isfinite(*number)) {
        json.Double(*number);
      } else {
        Text(json, ToText(value));
      }
    } else {
      Text(json, std::get<std::string>(value));
    }
  }
  json.EndObject();
}

bool IsJson(const std::string& text) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::BaseReaderHandler<> ignore;
  rapidjson::Reader reader;
  return reader.Parse<rapidjson::kParseIterativeFlag>(stream, ignore) &&
         text.find('\0') == std::string::npos;
}

void InfoFields(Json& json, const Manifest& manifest) {
  const CheckpointInfo& info = manifest.info;
  Field(json, "step", info.step);
  Field(json, "format_version", manifest.format_version);
  Field(json, "library_version", info.library_version);
  Field(json, "saved_at", absl::FormatTime(absl::RFC3339_sec,
                                           absl::FromUnixMillis(manifest.saved_unix_ms),
                                           absl::UTCTimeZone()));
  Field(json, "numerics_fingerprint", info.numerics_fingerprint);
  Text(json, "random");
  json.StartObject();
  Text(json, "seed");
  json.Uint64(info.rng_seed);
  Field(json, "step", info.rng_step);
  json.EndObject();
  AttrsField(json, "optimizer", info.optimizer);
  AttrsField(json, "data", info.data);
  Field(json, "data_state_bytes", static_cast<int64_t>(info.data_state.size()));
  Field(json, "program_bytes", static_cast<int64_t>(info.program.size()));
  if (!info.origin.empty()) {
    Text(json, "origin");
    if (IsJson(info.origin)) {
      json.RawValue(info.origin.data(), info.origin.size(), rapidjson::kObjectType);
    } else {
      json.Null();
    }
  }
  Text(json, "config");
  if (IsJson(info.config_json)) {
    json.RawValue(info.config_json.data(), info.config_json.size(), rapidjson::kObjectType);
  } else {
    json.Null();
  }
}

void FileFields(Json& json, const CheckpointInspection& inspection) {
  Text(json, "files");
  json.StartArray();
  for (const InspectedFile& file : inspection.files) {
    json.StartObject();
    Field(json, "name", file.name);
    Field(json, "bytes", file.bytes);
    Field(json, "chunks", file.chunks);
    BoolField(json, "good", file.is_good);
    Field(json, "problem", file.problem);
    json.EndObject();
  }
  json.EndArray();
}

void TensorFields(Json& json, const Manifest& manifest) {
  Text(json, "tensors");
  json.StartArray();
  for (const TensorRecord& record : manifest.tensors) {
    json.StartObject();
    Field(json, "path", record.path);
    Field(json, "kind", Name(record.kind));
    if (!record.slot.empty()) Field(json, "slot", record.slot);
    Field(json, "dtype", Name(record.dtype));
    IntsField(json, "dims", record.dims);
    if (!IsWholeBox(record.dims, record.box_offset, record.box_size)) {
      IntsField(json, "box_offset", record.box_offset);
      IntsField(json, "box_size", record.box_size);
    }
    Field(json, "file", manifest.files[static_cast<size_t>(record.file)].name);
    Field(json, "offset", record.offset);
    Field(json, "bytes", record.bytes);
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

absl::StatusOr<CheckpointInspection> InspectCheckpoint(const std::string& path, bool verify_data,
                                                       FileStore* store_or_null) {
  FileStore& store = StoreOrLocal(store_or_null);
  CheckpointInspection inspection;
  ASSIGN_OR_RETURN(inspection.path, ResolveCheckpoint(path, &store));
  const auto reader = CheckpointReader::Open(inspection.path, &store);
  if (reader.ok()) {
    inspection.manifest = (*reader)->manifest();
  } else {
    inspection.problem = std::string(reader.status().message());
    const auto bytes =
        ReadWholeFile(store, JoinPath(inspection.path, kManifestName), kMaxManifestBytes);
    auto manifest = bytes.ok() ? DecodeManifest(*bytes) : absl::StatusOr<Manifest>(bytes.status());
    if (manifest.ok()) inspection.manifest = *std::move(manifest);
  }
  InspectFiles(store, verify_data && reader.ok() ? reader->get() : nullptr, inspection);
  CountTensors(inspection);
  inspection.is_complete = inspection.problem.empty();
  inspection.is_verified = inspection.is_complete && verify_data;
  return inspection;
}

std::string InspectionJson(const CheckpointInspection& inspection) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.SetIndent(' ', 2);
  json.SetFormatOptions(rapidjson::kFormatSingleLineArray);
  json.StartObject();
  Field(json, "path", inspection.path);
  BoolField(json, "complete", inspection.is_complete);
  BoolField(json, "verified", inspection.is_verified);
  Field(json, "problem", inspection.problem);
  Field(json, "parameter_tensors", inspection.parameter_tensors);
  Field(json, "parameters", inspection.parameter_elements);
  Field(json, "tensor_bytes", inspection.tensor_bytes);
  Field(json, "file_bytes", inspection.file_bytes);
  InfoFields(json, inspection.manifest);
  FileFields(json, inspection);
  TensorFields(json, inspection.manifest);
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace tessera
