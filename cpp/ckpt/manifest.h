// Manifest: what a checkpoint consists of, as plain data, and its bytes on disk.
//
// A checkpoint is a folder with safetensors data files and one manifest, written last. The
// manifest lists every file with its length and a CRC32C per chunk, every tensor by its path and
// its box in the global tensor, and all that is needed to go on training. It is its own commit
// record: magic, length and CRC32C stand at its head, so there is no marker file to lose. On disk
// it is a FlatBuffer (schemas/checkpoint.fbs). Plain data; the functions are pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/tensor/attr.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

inline constexpr uint32_t kCheckpointFormatVersion = 1;
inline constexpr std::string_view kManifestName = "manifest.tsm";
inline constexpr int64_t kDefaultChunkBytes = int64_t{8} << 20;
inline constexpr int64_t kMaxManifestBytes = int64_t{1} << 30;
inline constexpr size_t kMaxTensorRank = 32;

// Parameters and states are named by their path; a slot is what an optimizer keeps for the
// parameter of that path ("m", "v").
enum class TensorKind : uint8_t { kParameter = 0, kSlot = 1, kState = 2 };

// "parameter", "slot", "state".
std::string_view Name(TensorKind kind);

// A tensor, or the part of one that `box` says, where it lies in a file.
struct TensorRecord {
  TensorKind kind = TensorKind::kParameter;
  std::string path;
  std::string slot;  // empty unless kind is kSlot
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;        // of the global tensor
  std::vector<int64_t> box_offset;  // one number per dim
  std::vector<int64_t> box_size;
  int32_t file = 0;                 // index into Manifest::files
  int64_t offset = 0;               // from the beginning of the file
  int64_t bytes = 0;

  // "decoder/layers/0/norm/scale", with " slot m" behind it for a slot.
  std::string Label() const;
};

struct FileRecord {
  std::string name;  // a plain file name in the checkpoint's folder
  int64_t bytes = 0;
  std::vector<uint32_t> chunk_crc32c;  // the last chunk may be shorter
};

// What a checkpoint holds besides tensors. Opaque byte fields belong to those who write them.
struct CheckpointInfo {
  int64_t step = 0;
  Attrs optimizer;         // scalar state of optimizer and schedule: {"update_count": 40, ...}
  std::string data_state;  // the data loader's own bytes
  Attrs data;              // the same to read: {"epoch": 0, "position": 480}
  uint64_t rng_seed = 0;
  int64_t rng_step = 0;
  std::string config;       // resolved config as FlatBuffers bytes
  std::string config_json;  // the same as text
  std::string numerics_fingerprint;
  std::string program;  // stored functions; empty when there are none
  std::string origin;   // of an imported model: JSON, where it is from; else empty
  std::string library_version;
};

struct Manifest {
  uint32_t format_version = kCheckpointFormatVersion;
  int64_t chunk_bytes = kDefaultChunkBytes;
  int64_t saved_unix_ms = 0;
  CheckpointInfo info;
  std::vector<FileRecord> files;
  std::vector<TensorRecord> tensors;
};

// The bytes of the manifest file. INVALID_ARGUMENT when CheckManifest refuses it.
absl::StatusOr<std::string> EncodeManifest(const Manifest& manifest);

// The inverse. DATA_LOSS when the bytes are damaged, incomplete or inconsistent;
// FAILED_PRECONDITION when a newer version of the format wrote them.
absl::StatusOr<Manifest> DecodeManifest(std::string_view bytes);

// Whether all parts agree: plain and unique file names, one CRC per chunk, boxes inside their
// tensors that cover each exactly once, bytes that fit dtype and box, records that lie in their
// file without overlap. DATA_LOSS naming the first thing that does not.
absl::Status CheckManifest(const Manifest& manifest);

}  // namespace tessera
