// FusedKernel: the executor's kernel for `fused`, which runs those of its steps on tiles of rows.
//
// A tile is so small that what one step writes is still in a near cache when the next one reads it;
// values that only steps see exist for one tile at a time, in the room of the thread. The kernels
// of the steps are chosen and prepared once, for whole tiles and for the last one, so the bits are
// those that the same kernels give on whole tensors. Holds no memory between runs; tasks may run
// on any threads.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/exec/kernel_choice.h"

namespace tessera {

// REQUIRES: `node` is of op `fused` and passed its checks. NOT_FOUND when a step has no kernel at
// the sizes of a tile; RESOURCE_EXHAUSTED when a single row does not fit the room of a task.
absl::StatusOr<std::unique_ptr<PreparedKernel>> NewFusedKernel(
    const Node& node, const std::vector<const SizedType*>& inputs,
    const std::vector<const SizedType*>& outputs, const KernelTable& kernels, int isa);

}  // namespace tessera
