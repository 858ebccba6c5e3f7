// Parameters of a new run that are those of a checkpoint: trainer.init_from, for fine-tuning.
//
// Matched by path; the optimizer, the data and the count of steps begin anew. Stateless; the caller
// orders access to the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/program.h"
#include "gen/config/enums.h"

namespace tessera {

// Fields of the trainer's config.
struct InitialParametersWish {
  std::string may_be_missing;   // a pattern (optim/param_groups.h), empty: none
  ExpertScaling scaling = ExpertScaling::kExact;
  std::vector<int64_t> keep_experts;
};

// Puts the checkpoint's values into the parameters of the store, which have their first values.
// Parameters that match `may_be_missing` keep these where the checkpoint has none. Experts and
// dense feed-forwards are made of each other where the checkpoint has the other kind, and fewer
// experts of more (train/upcycle.h). FAILED_PRECONDITION lists, in one error and before anything is
// changed, all that are missing, of another shape, or not of this model.
absl::Status LoadInitialParameters(const Program& program, const CheckpointReader& reader,
                                   const InitialParametersWish& wish, SlotStore& store);

}  // namespace tessera
