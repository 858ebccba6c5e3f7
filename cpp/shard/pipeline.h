// Pipelines: one program split into stages, each a program of its own with its own schedule table.
//
// A stage runs the segments given to it, for every micro-batch; values that another stage needs
// are sent as soon as they are written and received just before they are first read (kSend,
// kReceive; peers are ranks of the executor's communicator, rank = stage). A parameter lives on
// every stage that reads it: its uses are exchanged before they are collected, so that all of its
// stages commit the same update, while its norm is taken by the first of them alone. Functions are
// those of the whole program and run in micro-batch order, so gradients have the same bits. The
// table orders are those of Huang et al., "GPipe", 2019, and Narayanan et al., "PipeDream", 2019.
// Reductions over a data axis are left out: a mesh with both axes is not built. Pure; thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/program.h"

namespace tessera {

enum class PipelineOrder {
  kAllForwardsFirst,       // GPipe: simple, keeps what every micro-batch saves
  kOneForwardOneBackward,  // 1F1B: stage s of S keeps what S - s micro-batches save
};

struct PipelineOptions {
  // Stage of every segment of main, in order: from 0, never falling, no stage without a segment.
  std::vector<int> stage_of_segment;
  PipelineOrder order = PipelineOrder::kOneForwardOneBackward;
};

using StagePrograms = std::vector<std::shared_ptr<const Program>>;

// INVALID_ARGUMENT: stages that do not fit the program. UNIMPLEMENTED: a metric whose two parts
// are computed on different stages; sums over ranks in the middle of a step.
absl::StatusOr<StagePrograms> SplitIntoStages(const Program& program,
                                              const PipelineOptions& options);

// Runs the tables against each other without computing: every receive must be met by one send of
// the same value, in an order in which nobody waits for ever, and nothing may be left over. Sends
// do not wait. FAILED_PRECONDITION with the stage and action that waits, or what nobody receives.
absl::Status CheckStages(absl::Span<const std::shared_ptr<const Program>> stages);

}  // namespace tessera
