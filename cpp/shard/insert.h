// InsertCollectives: from a function of whole values and layouts for its inputs to the function
// that every rank runs, with its collectives as ordinary nodes.
//
// The result is typed: every value has a layout, and VerifyLayouts refuses a function whose layouts
// do not follow from the rules of its ops. Gradients are derived before: nothing is assumed about
// their layouts, they follow like all others. Flat functions only. Pure; thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"
#include "cpp/shard/placement.h"

namespace tessera {

struct ShardedFunction {
  std::shared_ptr<Function> function;  // types are those of a rank's parts
  std::vector<Layout> layouts;         // per value of `function`
  // Per node of `function`: the node of the source that it is, or -1 for a collective put in.
  std::vector<int> source_nodes;

  int collectives() const;
};

struct InsertOptions {
  std::vector<Layout> inputs;     // per input of the function
  // Per output: what it has to be in the end. An empty layout takes what comes out.
  std::vector<Layout> outputs;
};

// INVALID_ARGUMENT: layouts that the mesh or the types do not allow, an op that no collective makes
// fit (the text names node, op and operand), an attribute that gives the size of a sharded dim.
absl::StatusOr<ShardedFunction> InsertCollectives(const Function& function, const OpTable& ops,
                                                  const Mesh& mesh, const InsertOptions& options);

// INTERNAL when a layout is not what the rule of its node gives, with the node, both layouts and
// the op. Rules look at whole types, which are those of `source`: a part of size 1 could not be
// told from a dim that is stretched.
absl::Status VerifyLayouts(const Function& source, const ShardedFunction& sharded,
                           const Mesh& mesh);

}  // namespace tessera
