// Routing tape: the choices of every mixture of experts in a model, as results and arguments of it.
//
// A traced model is given back with more results (recorded) or more arguments (replayed), one for
// every `plan` of a mixture: "routing/PATH" i32[..., K], PATH that of the mixture, the experts of
// each token before the plan is made of them. Replayed choices stand in place of the gate's own
// wherever it uses them, so that weights that are picked by them follow, and with them gradients;
// with the same parameters and inputs a replay gives the same bits. With a capacity the choices
// are those that found room, and weights stay those of the gate. Pure; thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera {

inline constexpr char kRoutingPrefix[] = "routing/";

// NOT_FOUND: there is no mixture of experts in it.
absl::StatusOr<FunctionRef> WithRoutingRecorded(const FunctionRef& main);
absl::StatusOr<FunctionRef> WithRoutingReplayed(const FunctionRef& main);

}  // namespace tessera
