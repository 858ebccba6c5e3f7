// Collective: the names of the ops that ranks run together, and what their attributes mean.
//
// They are ordinary nodes with signatures, put in by sharding; no kernel has them: whoever executes
// a program hands them to a Communicator (device/communicator.h). `axis` names a mesh axis; `ranks`
// is its size. Every rank of the axis runs the same collectives in the same order. Sums are added
// in rank order.
#pragma once

#include "cpp/ir/op_def.h"

namespace tessera {

// y = x summed (or the maximum) over the ranks of the axis, whole on each.
inline constexpr char kAllReduce[] = "all_reduce";
// y = the x of all ranks one after the other along `dim`, in rank order.
inline constexpr char kAllGather[] = "all_gather";
// y = this rank's part along `dim` of x summed over the ranks.
inline constexpr char kReduceScatter[] = "reduce_scatter";

// True for each of the above.
inline bool IsCollective(const OpDef& op) {
  return op.name() == kAllReduce || op.name() == kAllGather || op.name() == kReduceScatter;
}

}  // namespace tessera
