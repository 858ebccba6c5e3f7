// RunState: what of a run beside its tensors goes into a checkpoint and comes back from it.
//
// Plain data, and its way into and out of the fields of a CheckpointInfo. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cpp/ckpt/manifest.h"

namespace tessera {

struct RunState {
  int64_t step = 0;           // steps done
  int64_t update_count = 0;   // of them applied: the optimizer's own step number
  int64_t tokens = 0;         // target tokens of all steps
  uint64_t seed = 0;
  int64_t data_position = 0;  // samples consumed
  std::string loader_state;
  std::string packed_tokenizer;       // empty when there is none
  std::string numerics_fingerprint;
  std::string config_bytes;           // resolved
};

// The scalars and the opaque parts. config_json, program and library_version are the caller's to
// add.
CheckpointInfo ToCheckpointInfo(const RunState& state);

// DATA_LOSS when the checkpoint was not written by a trainer or its data state cannot be read.
absl::StatusOr<RunState> RunStateOf(const CheckpointInfo& info);

// The packed tokenizer alone; "" when the checkpoint has none. DATA_LOSS as above.
absl::StatusOr<std::string> PackedTokenizerOf(const CheckpointInfo& info);

// The scalars and texts of a run state on all ranks as on rank 0, as one text and back.
std::string EncodeRunState(const RunState& state);
absl::StatusOr<RunState> DecodeRunState(std::string_view bytes);

}  // namespace tessera
