// Flattens nested calls, keeping as calls only what repeats.
//
// A traced main is a tree of calls, one per module. After flattening, main is a list of nodes and
// of calls to flat functions; a callee stays a call when it is called at least twice from the same
// function (the layers of a decoder) and is large enough to be worth it. Everything else is
// inlined. Paths of kept calls are joined ("decoder/layers/3").
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"

namespace tessera {

struct FlattenOptions {
  bool keep_repeated = true;     // false: inline everything
  size_t least_nodes = 6;        // a repeated callee with fewer nodes is inlined all the same
};

absl::StatusOr<std::shared_ptr<Function>> Flatten(const Function& main,
                                                  const FlattenOptions& options);

}  // namespace tessera
