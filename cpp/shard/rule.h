// The sharding rule: from the placements of an op's operands to those of its results.
//
// It names no op. Everything follows from what the op states (ir/op_def.h): the signature says
// which dims operands share, which are summed away (a shard there gives partial sums) and which
// must be whole (`name!`); the linear operands are those that partial sums may pass. Three more
// conventions: an operand called `offset` counts slices of the leading dim before the rank's
// share; a view shards the major-most factor of a flattened dim; an op that `Repeats` can make a
// share of its fresh dims alone. A rank's share of the lists of a plan (cpp/ops/plan.cc) is the
// plan of its own tokens. Collectives (ops/collective.h) change the placement on their own
// axis only. One mesh axis at a time: axes do not see each other. Pure functions; thread-safe.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/op_def.h"
#include "cpp/shard/placement.h"

namespace tessera {

// One use of an op. `outputs` are the types that go with `inputs`.
struct RuleUse {
  const OpDef& op;
  absl::Span<const ValueType> inputs;
  const Attrs& attrs;
  absl::Span<const ValueType> outputs;
  bool are_parts = false;   // the types are those of a rank's parts, not of whole values
};

// Placements of the results. INVALID_ARGUMENT when the operands do not stand as the op takes them:
// "matmul: operand 'rhs' stands as R on axis 'data', expected S(0), since ...".
absl::StatusOr<std::vector<Placement>> InferPlacements(const RuleUse& use,
                                                       absl::Span<const Placement> inputs,
                                                       const MeshAxis& axis);

// What to do to the operands so that the op takes them: the placements after, and the results.
struct OperandPlan {
  std::vector<Placement> inputs;
  std::vector<Placement> outputs;
};

// The given placements where the op takes them. Otherwise the cheapest change by all_reduce (P to
// R), all_gather (S to R) and reduce_scatter (P to S, where another operand is sharded), fewest and
// smallest first. INVALID_ARGUMENT, with the reason for the given placements, when none helps.
absl::StatusOr<OperandPlan> PlanOperands(const RuleUse& use, absl::Span<const Placement> inputs,
                                         const MeshAxis& axis);

}  // namespace tessera
