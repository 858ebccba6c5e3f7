// Attention: multi-head, multi-query or grouped-query scaled dot-product attention.
//
// x[B,T,D] -> [B,T,D]. Query head h reads key head h / (num_heads / num_kv_heads). Queries and keys
// pass a norm, when there is one, and then the position (nn/attend.h): its own, or the one that a
// surrounding decoder provides. Masks, sinks and caps are those of the op (ops/attention.cc).
//
// With a second input [B,S,D], keys and values are made of that (cross-attention); a third, segment
// ids i32[B,S], hides tokens of it from queries of other segments. Positions take no part then, and
// in decode mode nothing is cached: whoever decodes gives the second sequence again.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/attend.h"
#include "cpp/nn/module.h"
#include "gen/config/attention.h"

namespace tessera {
namespace {

class Attention : public Module {
 public:
  explicit Attention(AttentionConfig config) : config_(std::move(config)) {
    if (config_.num_kv_heads == 0) config_.num_kv_heads = config_.num_heads;
    if (config_.head_dim == 0) config_.head_dim = config_.model_dim / config_.num_heads;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    const bool across = inputs.size() > 1;
    if (inputs.size() > 2) {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {3, 3, 2}));
    } else if (across) {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {3, 3}));
    } else {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    }
    const ValueId x_BTD = inputs[0];
    const ValueId source_BSD = across ? inputs[1] : x_BTD;
    const ValueId q = Heads(scope, "q_proj", "q_norm", config_.num_heads, x_BTD);
    const ValueId k = Heads(scope, "k_proj", "k_norm", config_.num_kv_heads, source_BSD);
    const ValueId v = Heads(scope, "v_proj", "", config_.num_kv_heads, source_BSD);
    const AttendSpec spec = Spec(scope);
    const ValueId y =
        across ? AttendAcross(scope, spec, q, k, v, inputs.size() > 2 ? inputs[2] : kNoValue)
               : AttendSelf(scope, spec, Rotated(scope, q), Rotated(scope, k), v);
    Graph& graph = scope.graph();
    if (!graph.ok()) return Values{};
    const Dims dims = graph.dims(x_BTD);
    const int64_t width = config_.num_heads * config_.head_dim;
    return Values{scope.Call1("o_proj", {graph.Reshape(y, {dims[0], dims[1], width})})};
  }

 private:
  // [B,T,D] -> [B,T,heads,head_dim]
  ValueId Heads(Scope& scope, std::string_view projection, std::string_view norm, int64_t heads,
                ValueId x) const {
    Graph& graph = scope.graph();
    const bool has_norm = !norm.empty() && scope.HasChild(norm);
    ValueId y = scope.Call1(projection, {x});
    if (has_norm && config_.norm_all) y = scope.Call1(norm, {y});
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(x);
    y = graph.Reshape(y, {dims[0], dims[1], heads, config_.head_dim});
    return has_norm && !config_.norm_all ? scope.Call1(norm, {y}) : y;
  }

  AttendSpec Spec(Scope& scope) const {
    AttendSpec spec;
    spec.scale =
        config_.scale > 0 ? config_.scale : 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
    spec.causal = config_.causal;
    spec.window = config_.window;
    spec.softcap = config_.softcap;
    if (config_.sinks) {
      spec.sinks = scope.Param("sinks", {config_.num_heads}, Initializer::Normal(config_.init_std),
                               {"heads"}, /*decay=*/false);
    }
    return spec;
  }

  AttentionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewAttentionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(AttentionConfig fields, ReadAttentionConfig(config));
  if (fields.num_kv_heads > 0 && fields.num_heads % fields.num_kv_heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Attention: num_heads must be a multiple of num_kv_heads, got ",
                     fields.num_heads, " and ", fields.num_kv_heads));
  }
  return std::make_unique<Attention>(std::move(fields));
}

}  // namespace tessera
