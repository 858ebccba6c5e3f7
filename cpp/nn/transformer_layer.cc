// TransformerLayer: attention and feed-forward with norms and residual connections.
//
//   pre:      h = x + attention(norm_1(x));   y = h + feed_forward(norm_2(h))      (GPT-2, Llama)
//   post:     h = norm_1(x + attention(x));   y = norm_2(h + feed_forward(h))      (the original)
//   parallel: n = norm_1(x);                  y = x + attention(n) + feed_forward(n)   (GPT-J)
// Dropout, when its slot is filled, is applied to what attention and feed-forward return.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/transformer_layer.h"

namespace tessera {
namespace {

class TransformerLayer : public Module {
 public:
  explicit TransformerLayer(TransformerLayerConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const ValueId x = inputs[0];
    if (config_.parallel_residual) {
      const ValueId normed = scope.Call1("norm", {x}, "norm_1");
      const ValueId attended = Branch(scope, "attention", normed);
      const ValueId fed = Branch(scope, "feed_forward", normed);
      return Values{graph.Op("add_n", {x, attended, fed})};
    }
    if (config_.norm_placement == NormPlacement::kPost) {
      const ValueId h =
          scope.Call1("norm", {graph.Add(x, Branch(scope, "attention", x))}, "norm_1");
      return Values{
          scope.Call1("norm", {graph.Add(h, Branch(scope, "feed_forward", h))}, "norm_2")};
    }
    const ValueId h =
        graph.Add(x, Branch(scope, "attention", scope.Call1("norm", {x}, "norm_1")));
    return Values{
        graph.Add(h, Branch(scope, "feed_forward", scope.Call1("norm", {h}, "norm_2")))};
  }

 private:
  static ValueId Branch(Scope& scope, std::string_view slot, ValueId x) {
    const ValueId y = scope.Call1(slot, {x});
    if (!scope.HasChild("dropout")) return y;
    return scope.Call1("dropout", {y}, std::string(slot) + "_dropout");
  }

  TransformerLayerConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewTransformerLayerModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(TransformerLayerConfig fields, ReadTransformerLayerConfig(config));
  return std::make_unique<TransformerLayer>(std::move(fields));
}

}  // namespace tessera
