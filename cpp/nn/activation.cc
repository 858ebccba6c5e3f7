#include "cpp/nn/activation.h"

#include <string>

namespace tessera {

ValueId Activate(Graph& graph, Activation activation, ValueId x) {
  switch (activation) {
    case Activation::kRelu:
      return graph.Op("relu", {x});
    case Activation::kGelu:
      return graph.Op("gelu", {x}, {{"tanh", false}});
    case Activation::kGeluTanh:
      return graph.Op("gelu", {x}, {{"tanh", true}});
    case Activation::kSilu:
      return graph.Op("silu", {x});
    case Activation::kReluSquared:
      return graph.Op("square", {graph.Op("relu", {x})});
    case Activation::kQuickGelu:
      return graph.Mul(x, graph.Op("sigmoid", {Scaled(graph, x, 1.702)}));
    case Activation::kSigmoid:
      return graph.Op("sigmoid", {x});
    case Activation::kTanh:
      return graph.Op("tanh", {x});
    case Activation::kSoftplus:
      return graph.Op("softplus", {x});
    case Activation::kMish:
      return graph.Mul(x, graph.Op("tanh", {graph.Op("softplus", {x})}));
    case Activation::kIdentity:
      return x;
  }
  return kNoValue;
}

ValueId ActivateGated(Graph& graph, Activation activation, ValueId gate, ValueId up) {
  switch (activation) {
    case Activation::kRelu:
    case Activation::kGelu:
    case Activation::kGeluTanh:
    case Activation::kSilu:
    case Activation::kSigmoid:
      return graph.Op("glu", {gate, up}, {{"activation", std::string(Name(activation))}});
    default:
      return graph.Mul(Activate(graph, activation, gate), up);
  }
}

ValueId Scaled(Graph& graph, ValueId x, double factor) {
  if (factor == 1 || !graph.ok()) return x;
  return graph.Mul(x, graph.Constant(factor, graph.dtype(x)));
}

ValueId SoftCapped(Graph& graph, ValueId x, double cap) {
  if (cap == 0) return x;
  return Scaled(graph, graph.Op("tanh", {Scaled(graph, x, 1 / cap)}), cap);
}

}  // namespace tessera
