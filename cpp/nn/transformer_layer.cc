// TransformerLayer: attention and feed-forward with norms and residual connections.
//
//   pre:      h = x + attention(norm_1(x));          y = h + feed_forward(norm_2(h))   (Llama)
//   post:     h = norm_1(x + attention(x));          y = norm_2(h + feed_forward(h))   (BERT)
//   output:   h = x + norm_1(attention(x));          y = h + norm_2(feed_forward(h))   (OLMo 2)
//   sandwich: h = x + norm_1_after(attention(norm_1(x))), and so on                    (Gemma 2)
//   parallel: n = norm_1(x);  y = x + attention(n) + feed_forward(n)                   (GPT-J)
// With a second sequence [B,S,D] and, if need be, its segments i32[B,S] as inputs, cross attention
// stands between the two, with norm_cross. Dropout, when its
// slot is filled, is applied to what the parts return; then they are scaled and added.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/transformer_layer.h"

namespace tessera {
namespace {

class TransformerLayer : public Module {
 public:
  explicit TransformerLayer(TransformerLayerConfig config) : config_(std::move(config)) {
    const double layers = static_cast<double>(config_.num_layers);
    factor_ = config_.residual_scale;
    if (config_.residual_scaling == ResidualScaling::kDepth) factor_ /= std::sqrt(2 * layers);
    if (config_.residual_scaling == ResidualScaling::kDepthMup) factor_ /= std::sqrt(layers);
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    const bool crosses = scope.HasChild("cross_attention");
    if (crosses && inputs.size() == 3) {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {3, 3, 2}));
    } else if (crosses) {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {3, 3}));
    } else {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    }
    const ValueId x = inputs[0];
    if (config_.parallel_residual) {
      const ValueId normed = scope.Call1("norm", {x}, "norm_1");
      const ValueId attended = Branch(scope, "attention", {normed});
      const ValueId fed = Branch(scope, "feed_forward", {normed});
      return Values{scope.graph().Op("add_n", {x, attended, fed})};
    }
    ValueId h = Part(scope, "attention", "norm_1", {x});
    if (crosses) {
      Values across = inputs;
      across[0] = h;
      h = Part(scope, "cross_attention", "norm_cross", across);
    }
    return Values{Part(scope, "feed_forward", "norm_2", {h})};
  }

 private:
  // One part around its residual connection. `values`: x and what else the part reads.
  ValueId Part(Scope& scope, std::string_view slot, std::string_view norm, Values values) const {
    Graph& graph = scope.graph();
    const ValueId x = values[0];
    switch (config_.norm_placement) {
      case NormPlacement::kPre:
        values[0] = scope.Call1("norm", {x}, norm);
        return graph.Add(x, Branch(scope, slot, values));
      case NormPlacement::kPost:
        return scope.Call1("norm", {graph.Add(x, Branch(scope, slot, values))}, norm);
      case NormPlacement::kOutput:
        return graph.Add(x, Branch(scope, slot, values, norm));
      case NormPlacement::kSandwich:
        values[0] = scope.Call1("norm", {x}, norm);
        return graph.Add(x, Branch(scope, slot, values, absl::StrCat(norm, "_after")));
    }
    return kNoValue;
  }

  ValueId Branch(Scope& scope, std::string_view slot, const Values& values,
                 std::string_view norm_after = "") const {
    ValueId y = scope.Call1(slot, values);
    if (!norm_after.empty()) y = scope.Call1("norm", {y}, norm_after);
    if (scope.HasChild("dropout")) y = scope.Call1("dropout", {y}, absl::StrCat(slot, "_dropout"));
    return Scaled(scope.graph(), y, factor_);
  }

  TransformerLayerConfig config_;
  double factor_ = 1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewTransformerLayerModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(TransformerLayerConfig fields, ReadTransformerLayerConfig(config));
  if (fields.parallel_residual && fields.norm_placement != NormPlacement::kPre) {
    return absl::InvalidArgumentError(
        absl::StrCat("TransformerLayer: parallel_residual reads one norm before its parts: "
                     "expected norm_placement 'pre', got '", Name(fields.norm_placement), "'"));
  }
  if (fields.parallel_residual && config.Child("cross_attention") != nullptr) {
    return absl::InvalidArgumentError(
        "TransformerLayer: parallel_residual has no place for cross_attention");
  }
  if (fields.residual_scaling != ResidualScaling::kNone && fields.num_layers == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "TransformerLayer: residual_scaling '", Name(fields.residual_scaling),
        "' needs num_layers, which the stack around the layer gives; set it"));
  }
  return std::make_unique<TransformerLayer>(std::move(fields));
}

}  // namespace tessera
