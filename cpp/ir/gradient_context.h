// GradientContext: what an op's gradient rule sees, and where it puts its results.
//
// A rule emits ordinary nodes into `graph()`: it reads the forward operands and results and the
// cotangents of the results, and sets the gradient of each input that needs one. It never decides
// what is saved: naming a forward value is enough (the recompute pass keeps or recomputes it).
#pragma once

#include <vector>

#include "cpp/ir/graph.h"

namespace tessera {

class GradientContext {
 public:
  GradientContext(Graph& graph, const Node& node, std::vector<ValueId> cotangents,
                  std::vector<bool> needs, std::vector<DType> gradient_dtypes)
      : graph_(graph),
        node_(node),
        cotangents_(std::move(cotangents)),
        needs_(std::move(needs)),
        gradient_dtypes_(std::move(gradient_dtypes)),
        gradients_(node.inputs.size(), kNoValue) {}

  Graph& graph() { return graph_; }
  const Attrs& attrs() const { return node_.attrs; }
  size_t input_count() const { return node_.inputs.size(); }
  size_t output_count() const { return node_.outputs.size(); }
  ValueId input(size_t i) const { return node_.inputs[i]; }
  ValueId output(size_t i = 0) const { return node_.outputs[i]; }
  const ValueType& input_type(size_t i) const { return graph_.type(node_.inputs[i]); }
  const ValueType& output_type(size_t i = 0) const { return graph_.type(node_.outputs[i]); }

  // True when any result has a cotangent; rules run only then.
  bool has_cotangent(size_t i = 0) const { return cotangents_[i] != kNoValue; }
  // Zeros of the result's type when it has none.
  ValueId cotangent(size_t i = 0);
  bool needs(size_t i) const { return needs_[i]; }
  // The dtype in which the gradient of input i is wanted: f32 for bf16 parameters (accumulation),
  // otherwise the input's own. A rule that can produce it directly should; others are cast.
  DType gradient_dtype(size_t i) const { return gradient_dtypes_[i]; }
  void SetGradient(size_t i, ValueId gradient) { gradients_[i] = gradient; }
  const std::vector<ValueId>& gradients() const { return gradients_; }

 private:
  Graph& graph_;
  const Node node_;  // a copy: the function's node list grows while the rule runs
  std::vector<ValueId> cotangents_;
  std::vector<bool> needs_;
  std::vector<DType> gradient_dtypes_;
  std::vector<ValueId> gradients_;
};

}  // namespace tessera
