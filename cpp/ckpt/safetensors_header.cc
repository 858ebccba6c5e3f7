// The JSON header of safetensors files: a strict reader and a writer.
//
// The reader is event-driven (RapidJSON's SAX interface, iterative), so a header of brackets costs
// no stack and one with a million tensors no tree.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/safetensors.h"
#include "rapidjson/encodedstream.h"
#include "rapidjson/error/en.h"
#include "rapidjson/memorystream.h"
#include "rapidjson/reader.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace tessera {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kMaxDims = 64;
constexpr int64_t kDataAlign = 64;

// Bytes of a tensor, or nothing when the product does not fit into 63 bits or a dim is negative.
std::optional<int64_t> BytesOf(DType dtype, absl::Span<const int64_t> dims) {
  // A dim of 0 makes the product 0 whatever stands beside it, yet the others must be sane too.
  bool is_empty = false;
  for (int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    is_empty = is_empty || dim == 0;
  }
  if (is_empty) return 0;
  int64_t bytes = static_cast<int64_t>(SizeOf(dtype));
  for (int64_t dim : dims) {
    if (__builtin_mul_overflow(bytes, dim, &bytes)) return std::nullopt;
  }
  return bytes;
}

// One tensor as the JSON says it, before it is checked against the rest.
struct RawEntry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> dims;
  std::vector<int64_t> offsets;
  bool has_dtype = false;
  bool has_dims = false;
  bool has_offsets = false;
};

// Receives the events. Every handler returns false after setting error_, which ends the parse.
class HeaderHandler {
 public:
  bool Null() { return Unexpected("null"); }
  bool Bool(bool) { return Unexpected("a boolean"); }
  bool Double(double) { return Unexpected("a fraction"); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return Unexpected("a number"); }
  bool Int(int value) { return Int64(value); }
  bool Uint(unsigned value) { return Number(value); }
  bool Int64(int64_t value) {
    if (value < 0) return Fail(absl::StrCat("expected a number from 0 on, got ", value));
    return Number(value);
  }
  bool Uint64(uint64_t value) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Fail(absl::StrCat("expected a number below 2^63, got ", value));
    }
    return Number(static_cast<int64_t>(value));
  }

  bool String(const char* text, rapidjson::SizeType length, bool) {
    const std::string_view value(text, length);
    if (place_ == Place::kMetadataValue) {
      metadata_[key_] = std::string(value);
      place_ = Place::kMetadata;
      return true;
    }
    if (place_ == Place::kField && key_ == "dtype") {
      entry_.dtype = std::string(value);
      place_ = Place::kTensor;
      return true;
    }
    return Unexpected("a string");
  }

  bool Key(const char* text, rapidjson::SizeType length, bool) {
    const std::string_view key(text, length);
    if (place_ == Place::kTop) return TopKey(key);
    if (place_ == Place::kMetadata) {
      key_ = std::string(key);
      if (metadata_.contains(key_)) return Fail(absl::StrCat("metadata ", key_, " stands twice"));
      place_ = Place::kMetadataValue;
      return true;
    }
    if (place_ == Place::kTensor) return FieldKey(key);
    return Unexpected("a key");
  }

  bool StartObject() {
    switch (place_) {
      case Place::kStart:
        place_ = Place::kTop;
        return true;
      case Place::kTopValue:
        place_ = is_metadata_ ? Place::kMetadata : Place::kTensor;
        return true;
      default:
        return Unexpected("an object");
    }
  }

  bool EndObject(rapidjson::SizeType) {
    switch (place_) {
      case Place::kTop:
        place_ = Place::kEnd;
        return true;
      case Place::kMetadata:
        place_ = Place::kTop;
        return true;
      case Place::kTensor:
        place_ = Place::kTop;
        if (!entry_.has_dtype) return Fail(absl::StrCat("tensor ", entry_.name, " has no dtype"));
        if (!entry_.has_dims) return Fail(absl::StrCat("tensor ", entry_.name, " has no shape"));
        if (!entry_.has_offsets || entry_.offsets.size() != 2) {
          return Fail(absl::StrCat("tensor ", entry_.name, ": expected 2 data_offsets, got ",
                                   entry_.offsets.size()));
        }
        entries_.push_back(std::move(entry_));
        return true;
      default:
        return Unexpected("an end of object");
    }
  }

  bool StartArray() {
    if (place_ != Place::kField || key_ == "dtype") return Unexpected("an array");
    place_ = Place::kNumbers;
    return true;
  }

  bool EndArray(rapidjson::SizeType) {
    place_ = Place::kTensor;
    return true;
  }

  const std::string& error() const { return error_; }
  std::vector<RawEntry>& entries() { return entries_; }
  std::map<std::string, std::string>& metadata() { return metadata_; }

 private:
  enum class Place {
    kStart,
    kTop,            // between the entries of the header
    kTopValue,       // after the name of an entry
    kMetadata,
    kMetadataValue,
    kTensor,         // between the fields of a tensor
    kField,          // after the name of a field
    kNumbers,        // in the array of shape or data_offsets
    kEnd,
  };

  bool TopKey(std::string_view key) {
    if (!names_.insert(std::string(key)).second) {
      return Fail(absl::StrCat("tensor ", key, " stands twice"));
    }
    is_metadata_ = key == kMetadataKey;
    entry_ = RawEntry();
    entry_.name = std::string(key);
    place_ = Place::kTopValue;
    return true;
  }

  bool FieldKey(std::string_view key) {
    bool* seen = key == "dtype"          ? &entry_.has_dtype
                 : key == "shape"        ? &entry_.has_dims
                 : key == "data_offsets" ? &entry_.has_offsets
                                         : nullptr;
    if (seen == nullptr) {
      return Fail(absl::StrCat("tensor ", entry_.name,
                               ": expected dtype, shape or data_offsets, got ", key));
    }
    if (*seen) return Fail(absl::StrCat("tensor ", entry_.name, ": ", key, " stands twice"));
    *seen = true;
    key_ = std::string(key);
    place_ = Place::kField;
    return true;
  }

  bool Number(int64_t value) {
    if (place_ != Place::kNumbers) return Unexpected("a number");
    std::vector<int64_t>& numbers = key_ == "shape" ? entry_.dims : entry_.offsets;
    if (numbers.size() >= kMaxDims) {
      return Fail(absl::StrCat("tensor ", entry_.name, ": expected at most ", kMaxDims,
                               " numbers in ", key_));
    }
    numbers.push_back(value);
    return true;
  }

  bool Unexpected(std::string_view what) {
    if (place_ == Place::kStart) return Fail(absl::StrCat("expected an object, got ", what));
    if (place_ == Place::kMetadata || place_ == Place::kMetadataValue) {
      return Fail(absl::StrCat("metadata ", key_, ": expected a string, got ", what));
    }
    return Fail(absl::StrCat("tensor ", entry_.name, " ", key_, ": got ", what));
  }

  bool Fail(std::string text) {
    error_ = std::move(text);
    return false;
  }

  Place place_ = Place::kStart;
  bool is_metadata_ = false;
  std::string key_;
  RawEntry entry_;
  std::vector<RawEntry> entries_;
  std::map<std::string, std::string> metadata_;
  std::set<std::string, std::less<>> names_;
  std::string error_;
};

absl::StatusOr<SafetensorsEntry> CheckedEntry(std::string_view what, RawEntry raw,
                                              int64_t data_offset, int64_t data_bytes) {
  SafetensorsEntry entry;
  entry.name = std::move(raw.name);
  entry.dims = std::move(raw.dims);
  if (!DTypeFromSafetensorsName(raw.dtype, &entry.dtype)) {
    return absl::UnimplementedError(absl::StrCat(
        what, ": tensor ", entry.name, " has dtype ", raw.dtype,
        ", expected one of F64 F32 BF16 F16 I64 I32 I8 U32 U16 U8 BOOL"));
  }
  const int64_t begin = raw.offsets[0];
  const int64_t end = raw.offsets[1];
  if (begin > end || end > data_bytes) {
    return absl::DataLossError(absl::StrCat(what, ": tensor ", entry.name, " lies at [", begin,
                                            ", ", end, ") of ", data_bytes, " bytes of data"));
  }
  const std::optional<int64_t> bytes = BytesOf(entry.dtype, entry.dims);
  if (!bytes.has_value() || *bytes != end - begin) {
    return absl::DataLossError(absl::StrCat(
        what, ": tensor ", entry.name, " of type ", raw.dtype, "[",
        absl::StrJoin(entry.dims, ","), "] should take ",
        bytes.has_value() ? absl::StrCat(*bytes) : "more than 2^63", " bytes, got ", end - begin));
  }
  entry.offset = data_offset + begin;
  entry.bytes = *bytes;
  return entry;
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view what,
                                                         std::string_view json,
                                                         int64_t data_bytes) {
  // The format asks for '{' first; this also refuses the byte order marks that RapidJSON skips.
  if (json.empty() || json.front() != '{') {
    return absl::DataLossError(absl::StrCat(what, ": the header should begin with '{'"));
  }
  HeaderHandler handler;
  rapidjson::MemoryStream memory(json.data(), json.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(memory);
  rapidjson::Reader reader;
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, handler);
  if (result.IsError()) {
    const std::string reason = handler.error().empty()
                                   ? std::string(rapidjson::GetParseError_En(result.Code()))
                                   : handler.error();
    return absl::DataLossError(
        absl::StrCat(what, ": header, byte ", 8 + result.Offset(), ": ", reason));
  }
  // A NUL byte looks like the end of the text to RapidJSON.
  if (json.find('\0') != std::string_view::npos) {
    return absl::DataLossError(absl::StrCat(what, ": the header contains a NUL byte"));
  }

  SafetensorsHeader header;
  header.data_offset = 8 + static_cast<int64_t>(json.size());
  if (__builtin_add_overflow(header.data_offset, data_bytes, &header.file_bytes)) {
    return absl::DataLossError(absl::StrCat(what, ": ", data_bytes, " bytes of data are too many"));
  }
  header.metadata = std::move(handler.metadata());
  header.entries.reserve(handler.entries().size());
  for (RawEntry& raw : handler.entries()) {
    ASSIGN_OR_RETURN(SafetensorsEntry entry,
                     CheckedEntry(what, std::move(raw), header.data_offset, data_bytes));
    header.entries.push_back(std::move(entry));
  }
  // Tensors without bytes come before the one that begins where they lie.
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
                     return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
                   });
  int64_t expected = header.data_offset;
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.offset != expected) {
      return absl::DataLossError(absl::StrCat(
          what, ": tensor ", entry.name, " begins at byte ", entry.offset - header.data_offset,
          " of the data, expected ", expected - header.data_offset,
          entry.offset > expected ? ": nothing owns the bytes between" : ": it overlaps another"));
    }
    expected += entry.bytes;
  }
  if (expected != header.file_bytes) {
    return absl::DataLossError(absl::StrCat(what, ": the tensors end at byte ",
                                            expected - header.data_offset, " of ", data_bytes,
                                            " bytes of data"));
  }
  return header;
}

namespace {

// Fills in where each tensor lies, counted from the beginning of the data.
absl::Status PlaceEntries(SafetensorsHeader& header, int64_t* data_bytes) {
  std::set<std::string_view> names;
  int64_t position = 0;
  for (SafetensorsEntry& entry : header.entries) {
    if (entry.name == kMetadataKey) {
      return absl::InvalidArgumentError(
          absl::StrCat("safetensors: the tensor name ", kMetadataKey, " is reserved"));
    }
    if (!names.insert(entry.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("safetensors: two tensors are named ", entry.name));
    }
    const std::optional<int64_t> bytes = BytesOf(entry.dtype, entry.dims);
    if (!bytes.has_value() || entry.dims.size() > kMaxDims ||
        SafetensorsDTypeName(entry.dtype).empty()) {
      return absl::InvalidArgumentError(absl::StrCat("safetensors: tensor ", entry.name,
                                                     " has bad dims or dtype: [",
                                                     absl::StrJoin(entry.dims, ","), "]"));
    }
    entry.offset = position;
    entry.bytes = *bytes;
    if (__builtin_add_overflow(position, entry.bytes, &position)) {
      return absl::InvalidArgumentError("safetensors: more than 2^63 bytes of data");
    }
  }
  *data_bytes = position;
  return absl::OkStatus();
}

using JsonWriter =
    rapidjson::Writer<rapidjson::StringBuffer, rapidjson::UTF8<>, rapidjson::UTF8<>,
                      rapidjson::CrtAllocator, rapidjson::kWriteValidateEncodingFlag>;

bool PutText(JsonWriter& json, std::string_view text) {
  return json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

absl::Status PutMetadata(JsonWriter& json, const std::map<std::string, std::string>& metadata) {
  if (metadata.empty()) return absl::OkStatus();
  PutText(json, kMetadataKey);
  json.StartObject();
  for (const auto& [key, value] : metadata) {
    if (!PutText(json, key) || !PutText(json, value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("safetensors: metadata ", key, ": expected UTF-8"));
    }
  }
  json.EndObject();
  return absl::OkStatus();
}

absl::Status PutEntry(JsonWriter& json, const SafetensorsEntry& entry) {
  if (!PutText(json, entry.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("safetensors: tensor name ", entry.name, ": expected UTF-8"));
  }
  json.StartObject();
  PutText(json, "dtype");
  PutText(json, SafetensorsDTypeName(entry.dtype));
  PutText(json, "shape");
  json.StartArray();
  for (int64_t dim : entry.dims) json.Int64(dim);
  json.EndArray();
  PutText(json, "data_offsets");
  json.StartArray();
  json.Int64(entry.offset);
  json.Int64(entry.offset + entry.bytes);
  json.EndArray();
  json.EndObject();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> EncodeSafetensorsHeader(SafetensorsHeader& header) {
  int64_t data_bytes = 0;
  RETURN_IF_ERROR(PlaceEntries(header, &data_bytes));
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  RETURN_IF_ERROR(PutMetadata(json, header.metadata));
  for (const SafetensorsEntry& entry : header.entries) RETURN_IF_ERROR(PutEntry(json, entry));
  json.EndObject();

  std::string bytes(8, '\0');
  bytes.append(buffer.GetString(), buffer.GetSize());
  bytes.resize((bytes.size() + kDataAlign - 1) / kDataAlign * kDataAlign, ' ');
  const uint64_t header_bytes = bytes.size() - 8;
  if (header_bytes > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes)) {
    return absl::InvalidArgumentError(absl::StrCat("safetensors: a header of ", header_bytes,
                                                   " bytes, expected at most ",
                                                   kMaxSafetensorsHeaderBytes));
  }
  std::memcpy(bytes.data(), &header_bytes, sizeof(header_bytes));
  header.data_offset = static_cast<int64_t>(bytes.size());
  if (__builtin_add_overflow(header.data_offset, data_bytes, &header.file_bytes)) {
    return absl::InvalidArgumentError("safetensors: more than 2^63 bytes of data");
  }
  for (SafetensorsEntry& entry : header.entries) entry.offset += header.data_offset;
  return bytes;
}

}  // namespace tessera
