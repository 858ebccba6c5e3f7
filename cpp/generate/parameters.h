// Parameters in a SlotStore: their first values, and their way to and from checkpoints.
//
// A first value depends on (seed, path, element index) only, so it is the same on every mesh.
// Functions here are stateless; callers order access to the store.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/checkpoint_writer.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/program.h"

namespace tessera {

// Creates and fills every parameter of the program as its initialiser says. `pool` may be null.
absl::Status InitializeParameters(const Program& program, uint64_t seed, ThreadPool* pool,
                                  SlotStore& store);

// Reads one parameter. FAILED_PRECONDITION as LoadParameters.
absl::Status LoadParameter(const ProgramParam& param, const CheckpointReader& reader,
                           SlotStore& store);

// Reads every parameter (and, with `optimizer`, every optimizer slot) of the program.
// FAILED_PRECONDITION names a parameter that the checkpoint lacks or has in another shape.
absl::Status LoadParameters(const Program& program, const CheckpointReader& reader, bool optimizer,
                            SlotStore& store);

// What a checkpoint saves: parameters and optimizer slots that are in the store.
std::vector<TensorToSave> ParametersToSave(const Program& program, const SlotStore& store);

// The random key of a kKey slot for a step: u32[4] from (seed, step, absolute path).
void FillKey(uint64_t seed, int64_t step, std::string_view path, uint32_t key[4]);

}  // namespace tessera
