// Fuzzing of what checkpoints are read from: safetensors headers and manifests.
//
// Whatever is accepted must come out the same when it is written and read again; what is not must
// give an error with a text. Manifests have a checksum that random changes never pass, so their
// FlatBuffer is changed beneath a checksum that fits, and their fields one by one.
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "cpp/base/crc32c.h"
#include "cpp/ckpt/manifest.h"
#include "cpp/ckpt/safetensors.h"
#include "gtest/gtest.h"
#include "tests/fuzz/fuzz.h"

namespace tessera {
namespace {

std::string CheckError(const absl::Status& status) {
  if (status.message().empty()) return "an error without text";
  const bool expected = absl::IsDataLoss(status) || absl::IsInvalidArgument(status) ||
                        absl::IsUnimplemented(status) || absl::IsFailedPrecondition(status);
  return expected ? "" : absl::StrCat("unexpected error: ", status.ToString());
}

// --- Safetensors ---

std::string CheckHeader(std::string_view json, int64_t data_bytes) {
  auto header = ParseSafetensorsHeader("fuzz", json, data_bytes);
  if (!header.ok()) return CheckError(header.status());
  SafetensorsHeader copy = *header;
  const auto encoded = EncodeSafetensorsHeader(copy);
  if (!encoded.ok()) return absl::StrCat("own header is refused: ", encoded.status().ToString());
  const auto again =
      ParseSafetensorsHeader("again", std::string_view(*encoded).substr(8), data_bytes);
  if (!again.ok()) return absl::StrCat("own JSON is refused: ", again.status().ToString());
  if (again->entries.size() != header->entries.size() || again->metadata != header->metadata) {
    return "entries or metadata change on the way";
  }
  for (size_t i = 0; i < header->entries.size(); ++i) {
    const SafetensorsEntry& a = header->entries[i];
    if (a.offset < header->data_offset || a.bytes < 0 ||
        a.bytes > header->file_bytes - a.offset) {
      return "a tensor lies outside the file";
    }
  }
  return "";
}

SafetensorsHeader RandomHeader(FuzzRandom& random) {
  SafetensorsHeader header;
  const uint64_t count = random.Below(5);
  for (uint64_t i = 0; i < count; ++i) {
    SafetensorsEntry entry;
    entry.name = absl::StrCat("t", random.OneIn(10) ? 0 : i, random.OneIn(6) ? "\xC3\xA4\n" : "");
    entry.dtype = kAllDTypes[random.Below(std::size(kAllDTypes))];
    const uint64_t rank = random.Below(4);
    for (uint64_t d = 0; d < rank; ++d) {
      entry.dims.push_back(random.OneIn(12) ? random.OddNumber()
                                            : static_cast<int64_t>(random.Below(5)));
    }
    header.entries.push_back(std::move(entry));
  }
  if (random.OneIn(3)) header.metadata["format"] = "pt";
  if (random.OneIn(5)) header.metadata["a\"b"] = "\\";
  return header;
}

TEST(CheckpointFuzzTest, SafetensorsHeader) {
  const std::vector<std::string> words = {
      "{", "}", "[", "]", ",", ":", "null", "-1", "0", "1e3", "1.5", "18446744073709551616",
      "\"\"", "\\u0000", "\"dtype\":\"F32\"", "\"BF16\"", "\"shape\":[", "\"data_offsets\":[0,0]",
      "\"__metadata__\":{}", "9223372036854775807", "\"a\":{", "[[[[[[[[[[[[", "\xFF"};
  FuzzRounds([&](FuzzRandom& random) {
    SafetensorsHeader header = RandomHeader(random);
    auto encoded = EncodeSafetensorsHeader(header);
    if (!encoded.ok()) return CheckError(encoded.status());
    const int64_t data_bytes = header.file_bytes - header.data_offset;
    const std::string json = encoded->substr(8);
    const std::string whole = CheckHeader(json, data_bytes);
    if (!whole.empty()) return whole;
    return CheckHeader(Mutated(random, json, words),
                       random.OneIn(8) ? random.OddNumber() & INT64_MAX : data_bytes);
  });
}

// --- Manifests ---

void PutLittle(std::string& bytes, size_t at, uint64_t value, size_t size) {
  std::memcpy(&bytes[at], &value, size);
}

// The head that fits this FlatBuffer (schemas/checkpoint.fbs).
std::string WithHead(std::string_view body) {
  std::string bytes(24, '\0');
  bytes.replace(0, 8, "TSRCKPT1");
  PutLittle(bytes, 8, body.size(), 8);
  PutLittle(bytes, 16, Crc32c(body), 4);
  PutLittle(bytes, 20, Crc32c(std::string_view(bytes).substr(0, 20)), 4);
  bytes.append(body);
  return bytes;
}

Manifest RandomManifest(FuzzRandom& random) {
  Manifest manifest;
  manifest.info.step = static_cast<int64_t>(random.Below(1000));
  manifest.info.optimizer = {{"update_count", int64_t{40}}, {"scale", 0.5}, {"name", "adam"}};
  manifest.info.data = {{"positions", std::vector<int64_t>{1, 2, 3}}, {"done", true}};
  manifest.info.data_state = std::string("\0\1\2", 3);
  manifest.info.config_json = "{}";
  manifest.info.program = "graph";
  manifest.chunk_bytes = 1024;
  const uint64_t count = random.Below(4);
  FileRecord file{"data_0.safetensors", 64, {}};
  for (uint64_t i = 0; i < count; ++i) {
    TensorRecord record;
    record.kind = static_cast<TensorKind>(random.Below(3));
    record.path = absl::StrCat("layer/", i);
    if (record.kind == TensorKind::kSlot) record.slot = "m";
    record.dims = {static_cast<int64_t>(1 + random.Below(4)), 3};
    record.box_offset = {0, 0};
    record.box_size = record.dims;
    record.offset = file.bytes;
    record.bytes = record.dims[0] * 3 * 4;
    file.bytes += record.bytes;
    manifest.tensors.push_back(std::move(record));
  }
  file.chunk_crc32c.resize(static_cast<size_t>((file.bytes + 1023) / 1024), 7);
  manifest.files.push_back(std::move(file));
  return manifest;
}

// One field becomes something else.
void ChangeField(FuzzRandom& random, Manifest& manifest) {
  const int64_t odd = random.OddNumber();
  FileRecord& file = manifest.files[0];
  TensorRecord none;
  TensorRecord& record = manifest.tensors.empty()
                             ? none
                             : manifest.tensors[random.Below(manifest.tensors.size())];
  switch (random.Below(14)) {
    case 0: manifest.info.step = odd; break;
    case 1: manifest.chunk_bytes = odd; break;
    case 2: file.bytes = odd; break;
    case 3: file.name = random.OneIn(2) ? "../x" : std::string("a\0b", 3); break;
    case 4: file.chunk_crc32c.resize(random.Below(5)); break;
    case 5: record.dims.assign(random.Below(40), odd); break;
    case 6: record.box_offset.assign(random.Below(4), odd); break;
    case 7: record.box_size.assign(random.Below(4), odd); break;
    case 8: record.file = static_cast<int32_t>(odd); break;
    case 9: record.offset = odd; break;
    case 10: record.bytes = odd; break;
    case 11: record.dtype = static_cast<DType>(odd & 0xff); break;
    case 12: record.kind = static_cast<TensorKind>(odd & 0xff); break;
    default: manifest.format_version = static_cast<uint32_t>(odd); break;
  }
}

std::string CheckManifestBytes(std::string_view bytes) {
  const auto manifest = DecodeManifest(bytes);
  if (!manifest.ok()) return CheckError(manifest.status());
  const auto encoded = EncodeManifest(*manifest);
  if (!encoded.ok()) return absl::StrCat("own manifest is refused: ", encoded.status().ToString());
  const auto again = DecodeManifest(*encoded);
  if (!again.ok()) return absl::StrCat("own bytes are refused: ", again.status().ToString());
  if (*EncodeManifest(*again) != *encoded) return "bytes change on the way";
  return "";
}

TEST(CheckpointFuzzTest, ManifestBytes) {
  const std::vector<std::string> words = {std::string(4, '\0'), std::string(4, '\xFF'), "TSCK",
                                          "TSRCKPT1", std::string("\x04\0\0\0", 4),
                                          std::string("\x08\0\x0C\0", 4), "data_0.safetensors"};
  FuzzRounds([&](FuzzRandom& random) {
    const auto bytes = EncodeManifest(RandomManifest(random));
    if (!bytes.ok()) return absl::StrCat("refused: ", bytes.status().ToString());
    if (random.OneIn(8)) return CheckManifestBytes(Mutated(random, *bytes, words));
    return CheckManifestBytes(WithHead(Mutated(random, bytes->substr(24), words)));
  });
}

TEST(CheckpointFuzzTest, ManifestFields) {
  FuzzRounds([&](FuzzRandom& random) {
    Manifest manifest = RandomManifest(random);
    ChangeField(random, manifest);
    const auto bytes = EncodeManifest(manifest);
    return bytes.ok() ? CheckManifestBytes(*bytes) : CheckError(bytes.status());
  });
}

}  // namespace
}  // namespace tessera
