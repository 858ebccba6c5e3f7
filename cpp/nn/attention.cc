// Attention: multi-head, multi-query or grouped-query scaled dot-product attention.
//
// x[B,T,D] -> [B,T,D]. Query head h reads key head h / (num_heads / num_kv_heads). Positions come
// from the position module that a surrounding decoder provides (hook "rotate"). In decode mode keys
// and values are appended to caches [B,S,G,head_dim] and queries read the cache.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/attention.h"

#include <cmath>

namespace tessera {
namespace {

class Attention : public Module {
 public:
  explicit Attention(AttentionConfig config) : config_(std::move(config)) {
    if (config_.num_kv_heads == 0) config_.num_kv_heads = config_.num_heads;
    if (config_.head_dim == 0) config_.head_dim = config_.model_dim / config_.num_heads;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    Graph& graph = scope.graph();
    const ValueId x_BTD = inputs[0];
    const Dims dims = graph.dims(x_BTD);
    ValueId q = Heads(scope, "q_proj", config_.num_heads, x_BTD);
    ValueId k = Heads(scope, "k_proj", config_.num_kv_heads, x_BTD);
    const ValueId v = Heads(scope, "v_proj", config_.num_kv_heads, x_BTD);
    if (scope.HasProvided("position", "rotate")) {
      q = First(scope.CallProvided("position", "rotate", {q}));
      k = First(scope.CallProvided("position", "rotate", {k}));
    }
    const ValueId y = scope.mode() == Mode::kDecode ? AttendCached(scope, q, k, v)
                                                    : Attend(scope, q, k, v);
    const int64_t width = config_.num_heads * config_.head_dim;
    if (!graph.ok()) return Values{};
    const ValueId merged = graph.Reshape(y, {dims[0], dims[1], width});
    return Values{scope.Call1("o_proj", {merged})};
  }

 private:
  static ValueId First(const Values& values) { return values.empty() ? kNoValue : values[0]; }

  // [B,T,D] -> [B,T,heads,head_dim]
  ValueId Heads(Scope& scope, std::string_view slot, int64_t heads, ValueId x) const {
    const ValueId y = scope.Call1(slot, {x});
    Graph& graph = scope.graph();
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(x);
    return graph.Reshape(y, {dims[0], dims[1], heads, config_.head_dim});
  }

  Attrs Options() const {
    const double scale =
        config_.scale > 0 ? config_.scale : 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
    return {{"causal", config_.causal}, {"scale", scale}};
  }

  ValueId Attend(Scope& scope, ValueId q, ValueId k, ValueId v) const {
    Attrs attrs = Options();
    Values operands = {q, k, v};
    if (scope.HasAmbient("segments")) {
      attrs.Set("has_segments", true);
      const ValueId segments = scope.Ambient("segments");
      operands.insert(operands.end(), {segments, segments});
    }
    return First(scope.graph().Ops("attention", operands, attrs, 2));
  }

  ValueId AttendCached(Scope& scope, ValueId q, ValueId k, ValueId v) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return kNoValue;
    ValueType type = graph.type(k);
    type.dims[1] = Dim::Symbol("S");
    const ValueId start = scope.Ambient("start");
    const ValueId keys = graph.Op("cache_append", {scope.State("key_cache", type), k, start});
    const ValueId values = graph.Op("cache_append", {scope.State("value_cache", type), v, start});
    scope.Update("key_cache", keys);
    scope.Update("value_cache", values);
    Attrs attrs = Options();
    attrs.Set("has_start", true);
    return First(graph.Ops("attention", {q, keys, values, start}, attrs, 2));
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
