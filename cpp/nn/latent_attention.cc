// LatentAttention: multi-head latent attention (DeepSeek-V2, arXiv 2405.04434; V3, 2412.19437).
//
//   c = norm(x W_q_down), or x;  [q_n, q_r]_h = c W_q;  [l, k_r] = x W_kv_down
//   [k_n, v]_h = norm(l) W_kv_up
//   s_h = scale (q_n . k_n + turn(q_r) . turn(k_r));  y = concat(softmax(s_h) v_h) W_o
// k_r is one for all heads. In decode mode the cache is [B,S,1,kv_lora_rank + qk_rope_head_dim]:
// norm(l) and the turned k_r. If the slot kv_up_proj tells its weight (hook "weight", which Linear
// has without a bias), queries go to the latent space and what is read there comes back,
//   q_n . (l W_k) = (q_n W_k^T) . l,   sum of p (l W_v) = (sum of p l) W_v
// so that a step costs the latent's width for each cached token; otherwise keys and values of the
// whole cache are made again in every step, which is right for any projection, and slow.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/attend.h"
#include "cpp/nn/module.h"
#include "gen/config/latent_attention.h"

namespace tessera {
namespace {

class LatentAttention : public Module {
 public:
  explicit LatentAttention(LatentAttentionConfig config)
      : config_(std::move(config)),
        heads_(config_.num_heads),
        plain_(config_.qk_nope_head_dim),
        turned_(config_.qk_rope_head_dim),
        depth_(config_.v_head_dim),
        rank_(config_.kv_lora_rank) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    Graph& graph = scope.graph();
    const Queries q = MakeQueries(scope, inputs[0]);
    const Latents latents = MakeLatents(scope, inputs[0]);
    if (!graph.ok()) return Values{};
    const Dims dims = graph.dims(inputs[0]);
    ValueId y = kNoValue;
    if (scope.mode() != Mode::kDecode) {
      const KeysAndValues kv = Expand(scope, latents);
      y = AttendSelf(scope, Spec(), Joined(graph, q.plain, q.turned), kv.keys, kv.values);
    } else if (scope.ChildHasHook("kv_up_proj", "weight")) {
      y = AttendLatents(scope, q, Cache(scope, latents));
    } else {
      const KeysAndValues kv = Expand(scope, Parts(graph, Cache(scope, latents)));
      y = AttendCache(scope, Spec(), Joined(graph, q.plain, q.turned), kv.keys, kv.values);
    }
    if (!graph.ok()) return Values{};
    const ValueId merged = graph.Reshape(y, {dims[0], dims[1], Dim(heads_ * depth_)});
    return Values{scope.Call1("o_proj", {merged})};
  }

 private:
  struct Queries {
    ValueId plain;   // [B,T,H,plain]
    ValueId turned;  // [B,T,H,turned]
  };
  struct Latents {
    ValueId latent;  // [B,T,1,rank]
    ValueId turned;  // [B,T,1,turned], of the keys
  };
  struct KeysAndValues {
    ValueId keys;    // [B,S,H,plain + turned]
    ValueId values;  // [B,S,H,depth]
  };

  // Elements [start, start + size) of the last of four dims.
  static ValueId Part(Graph& graph, ValueId x, int64_t start, int64_t size) {
    return graph.Op("slice", {x}, {{"dim", int64_t{3}}, {"start", start}, {"size", size}});
  }
  static ValueId Joined(Graph& graph, ValueId a, ValueId b) {
    return graph.Op("concat", {a, b}, {{"dim", int64_t{3}}});
  }

  AttendSpec Spec() const {
    AttendSpec spec;
    spec.causal = config_.causal;
    spec.scale = config_.scale > 0 ? config_.scale
                                   : 1 / std::sqrt(static_cast<double>(plain_ + turned_));
    return spec;
  }

  Queries MakeQueries(Scope& scope, ValueId x) const {
    Graph& graph = scope.graph();
    ValueId from = x;
    if (config_.q_lora_rank > 0) {
      from = scope.Call1("q_down_proj", {x});
      if (scope.HasChild("q_latent_norm")) from = scope.Call1("q_latent_norm", {from});
    }
    const ValueId flat = scope.Call1("q_proj", {from});
    if (!graph.ok()) return {kNoValue, kNoValue};
    const Dims dims = graph.dims(x);
    const ValueId q = graph.Reshape(flat, {dims[0], dims[1], Dim(heads_), Dim(plain_ + turned_)});
    return {Part(graph, q, 0, plain_), Rotated(scope, Part(graph, q, plain_, turned_))};
  }

  Latents MakeLatents(Scope& scope, ValueId x) const {
    Graph& graph = scope.graph();
    const ValueId flat = scope.Call1("kv_down_proj", {x});
    if (!graph.ok()) return {kNoValue, kNoValue};
    const Dims dims = graph.dims(x);
    const Latents parts =
        Parts(graph, graph.Reshape(flat, {dims[0], dims[1], Dim(1), Dim(rank_ + turned_)}));
    ValueId latent = parts.latent;
    if (scope.HasChild("kv_latent_norm")) latent = scope.Call1("kv_latent_norm", {latent});
    return {latent, Rotated(scope, parts.turned)};
  }

  Latents Parts(Graph& graph, ValueId joined) const {
    return {Part(graph, joined, 0, rank_), Part(graph, joined, rank_, turned_)};
  }

  static ValueId Cache(Scope& scope, const Latents& latents) {
    return Cached(scope, "latent_cache", Joined(scope.graph(), latents.latent, latents.turned));
  }

  KeysAndValues Expand(Scope& scope, const Latents& latents) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return {kNoValue, kNoValue};
    const Dims dims = graph.dims(latents.latent);
    const ValueId flat = scope.Call1(
        "kv_up_proj", {graph.Reshape(latents.latent, {dims[0], dims[1], Dim(rank_)})});
    const ValueId both =
        graph.Reshape(flat, {dims[0], dims[1], Dim(heads_), Dim(plain_ + depth_)});
    const Dims of_heads = {dims[0], dims[1], Dim(heads_), Dim(turned_)};
    const ValueId turned =
        graph.Op("broadcast_to", {latents.turned}, {{"shape", ShapeText(of_heads)}});
    return {Joined(graph, Part(graph, both, 0, plain_), turned),
            Part(graph, both, plain_, depth_)};
  }

  // The op over the cache as keys and as values of one head that all query heads share.
  ValueId AttendLatents(Scope& scope, const Queries& q, ValueId cache) const {
    Graph& graph = scope.graph();
    const ValueId weight = FirstOf(scope.CallHook("kv_up_proj", "weight", {}));
    const ValueId by_head_HRE = graph.Transpose(
        graph.Reshape(weight, {Dim(rank_), Dim(heads_), Dim(plain_ + depth_)}), {1, 0, 2});
    const auto columns = [&](int64_t start, int64_t size) {
      return graph.Op("slice", {by_head_HRE},
                      {{"dim", int64_t{2}}, {"start", start}, {"size", size}});
    };
    const ValueId to_latent = graph.Transpose(columns(0, plain_), {0, 2, 1});
    const ValueId q_latent = ByHead(graph, q.plain, to_latent, plain_, rank_);
    const ValueId read =
        AttendCache(scope, Spec(), Joined(graph, q_latent, q.turned), cache, cache);
    return ByHead(graph, Part(graph, read, 0, rank_), columns(plain_, depth_), rank_, depth_);
  }

  // x[B,T,H,from] times weights [H,from,to], each head its own.
  ValueId ByHead(Graph& graph, ValueId x, ValueId weights, int64_t from, int64_t to) const {
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(x);
    const ValueId rows = graph.Reshape(graph.Transpose(x, {2, 0, 1, 3}),
                                       {Dim(heads_), dims[0] * dims[1], Dim(from)});
    const ValueId y = graph.Reshape(graph.MatMul(rows, weights),
                                    {Dim(heads_), dims[0], dims[1], Dim(to)});
    return graph.Transpose(y, {1, 2, 0, 3});
  }

  static std::string ShapeText(const Dims& dims) {
    return absl::StrCat(dims[0].ToText(), ",", dims[1].ToText(), ",", dims[2].ToText(), ",",
                        dims[3].ToText());
  }

  const LatentAttentionConfig config_;
  const int64_t heads_, plain_, turned_, depth_, rank_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLatentAttentionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LatentAttentionConfig fields, ReadLatentAttentionConfig(config));
  return std::make_unique<LatentAttention>(std::move(fields));
}

}  // namespace tessera
