// GatedAttention: y = (sigmoid(x G) * attend(x Q, x K, x V)) O, a gate for every feature of every
// head (arXiv 2505.06708, "after the attention, elementwise").
//
// x[B,T,D] -> [B,T,D]. Positions, segments and caches are those of nn/attend.h.

#include <cmath>

#include "cpp/base/status_macros.h"
#include "cpp/nn/attend.h"
#include "cpp/nn/module.h"
#include "gen/config/gated_attention.h"

namespace tessera {
namespace {

class GatedAttention : public Module {
 public:
  explicit GatedAttention(GatedAttentionConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    Graph& graph = scope.graph();
    const ValueId x_BTD = inputs[0];
    const int64_t head_dim = config_.model_dim / config_.num_heads;
    AttendSpec spec;
    spec.scale = 1 / std::sqrt(static_cast<double>(head_dim));
    spec.causal = config_.causal;
    const ValueId q = Rotated(scope, Heads(scope, "q_proj", x_BTD));
    const ValueId k = Rotated(scope, Heads(scope, "k_proj", x_BTD));
    const ValueId read = AttendSelf(scope, spec, q, k, Heads(scope, "v_proj", x_BTD));
    const ValueId gate = graph.Op("sigmoid", {scope.Call1("gate_proj", {x_BTD})});
    if (!graph.ok()) return Values{};
    const ValueId merged = graph.Reshape(read, graph.dims(x_BTD));
    return Values{scope.Call1("o_proj", {graph.Mul(gate, merged)})};
  }

 private:
  // [B,T,D] -> [B,T,heads,head_dim]
  ValueId Heads(Scope& scope, std::string_view projection, ValueId x) const {
    Graph& graph = scope.graph();
    const ValueId y = scope.Call1(projection, {x});
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(x);
    return graph.Reshape(
        y, {dims[0], dims[1], config_.num_heads, config_.model_dim / config_.num_heads});
  }

  GatedAttentionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewGatedAttentionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(GatedAttentionConfig fields, ReadGatedAttentionConfig(config));
  return std::make_unique<GatedAttention>(std::move(fields));
}

}  // namespace tessera
