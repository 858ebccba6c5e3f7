// Data parallelism: ranks share the batch, parameters are the same on all of them.
//
// One program text serves any number of ranks: the batch symbol is specialised to a rank's rows.
// Which gradients, losses and metrics are partial sums, and so have to be added up over the ranks,
// follows from the rules of the ops (rule.h) along the schedule; a program that computes something
// else than the same program on the whole batch is refused, with the reason. Deciding only: the
// reduction is an action of the schedule (kReduce). Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/ir/program.h"
#include "cpp/shard/placement.h"

namespace tessera {

inline constexpr char kDataAxis[] = "data";

struct DataParallelOptions {
  std::string batch_symbol = "B";
  // Scalar inputs that say where a rank's rows begin.
  std::vector<std::string> offset_inputs = {"batch_offset"};
};

struct DataParallelPlan {
  // Per parameter: its gradient is a partial sum. False also where there is no gradient.
  std::vector<bool> reduce_gradient;
  // Per sum (loss or metric): numerator and denominator are partial sums. What no batch dim enters
  // is the same on every rank and counts once; the seed of a loss with such a numerator is divided
  // by the number of ranks, so that the gradients of all losses are terms of one sum.
  std::vector<bool> reduce_numerator;
  std::vector<bool> reduce_denominator;
  // Per slot: how it stands after the last action that writes it, gradients after the reduction.
  std::vector<Placement> slots;
};

// INVALID_ARGUMENT: the call, node and operand where the program needs the whole batch, or where a
// partial sum would be used as if it were complete.
absl::StatusOr<DataParallelPlan> PlanDataParallel(const Program& program,
                                                  const DataParallelOptions& options = {});

// Plans, and writes the decisions into the program, or why ranks cannot share its batch. Errors are
// those of a program that is not well formed.
absl::Status DecideDataParallel(Program& program, const DataParallelOptions& options = {});

}  // namespace tessera
