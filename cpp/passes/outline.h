// Outlines a flattened main into a chain of segments: every node of the result is a call.
//
// Runs of loose nodes between kept calls become functions of their own, so that the schedule knows
// calls only. A loose collective is a segment of its own. Inputs of an outlined function that are
// inputs of main keep their kind and name. In kept calls an input is a parameter exactly where a
// parameter of main is passed, whatever the callee called it; structurally equal callees become
// one.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"

namespace tessera {

absl::StatusOr<std::shared_ptr<Function>> Outline(const Function& main);

// The part of `main` (flat or not) that the named outputs need, as a function with these outputs
// and only the inputs it reads. `outputs` are indices of main.outputs().
absl::StatusOr<std::shared_ptr<Function>> Slice(const Function& main,
                                                const std::vector<int>& outputs,
                                                std::string name);

}  // namespace tessera
