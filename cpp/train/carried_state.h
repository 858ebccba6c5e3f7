// CarriedState: what the rows of a run carry from step to step, as checkpoints have it.
//
// A rank holds its rows in parts, one a micro-batch (TrainStep::carried); a checkpoint has those of
// the whole batch in order, one tensor a state, so that a run goes on as well with other numbers of
// ranks and micro-batches. Rank 0 has the whole. Stateless; all ranks call a collective together.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/device/communicator.h"
#include "cpp/train/train_step.h"

namespace tessera {

struct WholeState {
  std::string path;
  Tensor rows;   // of the batch over all ranks
};
using WholeStates = std::vector<WholeState>;

// Rank 0: every row of every rank; other ranks: nothing. A collective. RESOURCE_EXHAUSTED: memory.
absl::StatusOr<WholeStates> GatherState(const TrainStep& step, Communicator* communicator);

// The other way: each rank's rows from the whole, which rank 0 alone reads. A collective.
absl::Status ScatterState(const WholeStates& whole, Communicator* communicator, TrainStep& step);

// What a checkpoint has of it, for `world` ranks. Unless it has all of it as this run does, all
// begins with zeros, as in a new run: a part alone would mean something else. `note` then says so.
absl::StatusOr<WholeStates> ReadState(const CheckpointReader& reader, const TrainStep& step,
                                      int world, std::string* note);

}  // namespace tessera
