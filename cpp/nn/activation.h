// Activate: the function that a config names (schemas/modules/feed_forward.fbs), as nodes.
#pragma once

#include "cpp/ir/graph.h"
#include "gen/config/enums.h"

namespace tessera {

// x[...] -> [...]
ValueId Activate(Graph& graph, Activation activation, ValueId x);
// activation(gate) * up, as one op for the activations that have one.
ValueId ActivateGated(Graph& graph, Activation activation, ValueId gate, ValueId up);
// x * factor; x itself for 1. The factor has the dtype of x.
ValueId Scaled(Graph& graph, ValueId x, double factor);
// cap * tanh(x / cap), which stays between -cap and cap (Gemma 2, arXiv 2408.00118); x itself for a
// cap of 0.
ValueId SoftCapped(Graph& graph, ValueId x, double cap);

}  // namespace tessera
