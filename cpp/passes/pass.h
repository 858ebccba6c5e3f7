// Pass: a rewrite of the functions of a compiled program. One pass = one file of cpp/passes.
//
// File cpp/passes/cse.cc defines `Pass CsePass()`; the directory is the registry. A pass states its
// place in the order and never edits a function: it gives another one (ir/copier.h) or the same.
// Passes run after differentiation and cutting, on every function that a program calls, each of
// which is flat. What they give has the same inputs and outputs, and
// the same results bit for bit: what may change numbers belongs before differentiation, in the
// modules or the compiler. Passes are pure; thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/op_table.h"
#include "cpp/ir/program.h"

namespace tessera {

// Places in the order, with room between them.
inline constexpr int kSimplifyPlace = 100;   // equal nodes, constants, things that cancel out
inline constexpr int kFusePlace = 200;       // several nodes become one
inline constexpr int kOrderPlace = 300;      // the order of nodes
inline constexpr int kCleanPlace = 900;      // whatever the others left behind

struct Pass {
  std::string_view doc;
  int place = kSimplifyPlace;
  // The function itself when there is nothing to do.
  absl::StatusOr<FunctionRef> (*run)(const FunctionRef& function, const OpTable& ops) = nullptr;
  // Ops that the pass does away with where it can: a backward makes their results again, so that
  // there it can, too, instead of getting what the forward would have to keep for it.
  std::vector<std::string_view> remade = {};
};

struct NamedPass {
  std::string_view name;  // of its file
  Pass (*create)();
};

// Written by the build: one for every file of cpp/passes that is a pass, sorted by name.
absl::Span<const NamedPass> BuiltinPasses();

// The passes of `table` in the order in which they run: by place, then by name.
std::vector<NamedPass> InOrder(absl::Span<const NamedPass> table);

// Runs passes in that order on every function of `program`. INTERNAL naming the pass that broke a
// rule: inputs and outputs of a function stay as they are, and Verify holds after every pass.
absl::Status RunPasses(absl::Span<const NamedPass> table, const OpTable& ops, Program& program);

}  // namespace tessera
