// RelativeAttention: attention with relative positions and a memory (Transformer-XL, Dai et al.
// 2019, arXiv 1901.02860).
//
//   z = [memory, x];  q = x W_q,  k = z W_k,  v = z W_v,  r_d = sines(d) W_r
//   score(i, j) = scale ((q_i + u) . k_j + (q_i + w) . r_(i - j)),  j <= i;  u, w learned by head
//   sines(d) = [sin(d f_0), sin(d f_1), ..., cos(d f_0), ...],  f_n = base^(-2n / model_dim)
// The second term is a bias of the attention op. For a whole sequence it is a product with r of all
// distances, shifted by padding and another view of the same elements (the paper, appendix B); from
// a cache, where rows begin at different indices, its elements are gathered.
//
// The memory, the last memory_length inputs of this layer, is a state: no gradient goes into it.
// While it fills, what is not there yet is hidden. With a memory, segments are not looked at, since
// those of the step before are not known; in decode mode the caches are the memory, all of them.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/attend.h"
#include "cpp/nn/module.h"
#include "gen/config/relative_attention.h"

namespace tessera {
namespace {

class RelativeAttention : public Module {
 public:
  explicit RelativeAttention(RelativeAttentionConfig config) : config_(std::move(config)) {
    if (config_.head_dim == 0) config_.head_dim = config_.model_dim / config_.num_heads;
    scale_ = config_.scale > 0 ? config_.scale
                               : 1 / std::sqrt(static_cast<double>(config_.head_dim));
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    Graph& graph = scope.graph();
    const ValueId x_BTD = inputs[0];
    const bool remembers = config_.memory_length > 0 && scope.mode() != Mode::kDecode;
    if (remembers && PositionHas(scope, "rotate")) {
      return absl::InvalidArgumentError(
          "RelativeAttention: keys from its memory have no positions to be turned by; expected a "
          "position that does not turn, such as NoPosition, or memory_length 0");
    }
    const Memory memory = remembers ? Remember(scope, x_BTD) : Memory{x_BTD, kNoValue};
    const ValueId q = Heads(scope, "q_proj", x_BTD);
    const ValueId k = Rotated(scope, Heads(scope, "k_proj", memory.source));
    const ValueId v = Heads(scope, "v_proj", memory.source);
    const ValueId by_content = graph.Add(Rotated(scope, q), Bias(scope, "content_bias"));
    const ValueId by_distance = graph.Add(q, Bias(scope, "distance_bias"));
    AttendSpec spec;
    spec.scale = scale_;
    ValueId y = kNoValue;
    if (scope.mode() == Mode::kDecode) {
      const ValueId keys = Cached(scope, "key_cache", k);
      const ValueId values = Cached(scope, "value_cache", v);
      if (!graph.ok()) return Values{};
      spec.bias = GatheredScores(scope, by_distance, graph.dims(keys)[1]);
      y = AttendCache(scope, spec, by_content, keys, values);
    } else {
      if (!graph.ok()) return Values{};
      spec.bias = ShiftedScores(scope, by_distance, graph.dims(k)[1]);
      y = remembers ? AttendKeys(scope, spec, by_content, k, v, memory.segments)
                    : AttendSelf(scope, spec, by_content, k, v);
    }
    if (!graph.ok()) return Values{};
    const Dims dims = graph.dims(x_BTD);
    const int64_t width = config_.num_heads * config_.head_dim;
    return Values{scope.Call1("o_proj", {graph.Reshape(y, {dims[0], dims[1], Dim(width)})})};
  }

 private:
  // What keys are made of, and the segment of each: 0, or -1 where the memory holds nothing yet.
  struct Memory {
    ValueId source;    // [B,M+T,D]
    ValueId segments;  // i32[B,M+T]
  };

  ValueId Heads(Scope& scope, std::string_view projection, ValueId x) const {
    Graph& graph = scope.graph();
    const ValueId y = scope.Call1(projection, {x});
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(x);
    return graph.Reshape(y, {dims[0], dims[1], Dim(config_.num_heads), Dim(config_.head_dim)});
  }

  ValueId Bias(Scope& scope, std::string_view name) const {
    return scope.Param(name, {config_.num_heads, config_.head_dim},
                       Initializer::Normal(config_.init_std), {"heads", ""}, /*decay=*/false);
  }

  Memory Remember(Scope& scope, ValueId x) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return {kNoValue, kNoValue};
    const Dims dims = graph.dims(x);
    const Dim kept(config_.memory_length);
    const ValueId memory = scope.State("memory", {graph.dtype(x), {dims[0], kept, dims[2]}});
    const ValueId filled = scope.State("memory_filled", {DType::kF32, {dims[0], kept}});
    const ValueId here = graph.Constant(1, DType::kF32, {dims[0], dims[1]});
    const auto joined = [&graph](ValueId a, ValueId b) {
      return graph.Op("concat", {a, b}, {{"dim", int64_t{1}}});
    };
    const ValueId source = joined(memory, x), of_source = joined(filled, here);
    // The last of [memory, x]: from index T on.
    const ValueId length = graph.Op(
        "reduce_sum", {graph.Constant(1, DType::kF32, {dims[1]})}, {{"dims", IntList{0}}});
    const ValueId indices =
        graph.Add(graph.Op("arange", {}, {{"shape", kept.ToText()}}),
                  graph.Cast(length, DType::kI32));
    const auto last = [&](ValueId z) {
      return graph.Op("gather", {z, indices}, {{"dim", int64_t{1}}});
    };
    scope.Update("memory", last(source));
    scope.Update("memory_filled", last(of_source));
    const ValueId one = graph.Constant(1, DType::kF32);
    return {source, graph.Cast(graph.Sub(of_source, one), DType::kI32)};
  }

  // r of the distances `from`, `from` + step, ...: [count, H, head_dim].
  ValueId Distances(Scope& scope, const Dim& count, ValueId distances) const {
    Graph& graph = scope.graph();
    const int64_t waves = config_.model_dim / 2;
    const ValueId powers = graph.Op("arange", {},
                                    {{"shape", absl::StrCat(waves)},
                                     {"step", -1.0 / static_cast<double>(waves)},
                                     {"dtype", "f64"}});
    const ValueId frequencies =
        graph.Op("pow", {graph.Constant(config_.base, DType::kF64), powers});
    const ValueId angles = graph.Mul(graph.Reshape(distances, {count, Dim(1)}), frequencies);
    const ValueId sines =
        graph.Op("concat", {graph.Op("sin", {angles}), graph.Op("cos", {angles})},
                 {{"dim", int64_t{1}}});
    const ValueId r = scope.Call1("r_proj", {graph.Cast(sines, scope.dtype())});
    if (!graph.ok()) return kNoValue;
    return graph.Reshape(r, {count, Dim(config_.num_heads), Dim(config_.head_dim)});
  }

  // q[B,T,H,d] with r[count,H,d]: [B,H,T,count], times scale.
  ValueId Scores(Graph& graph, ValueId q, ValueId r) const {
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(q);
    const Dim heads(config_.num_heads), width(config_.head_dim);
    const ValueId q_HND = graph.Reshape(graph.Transpose(q, {2, 0, 1, 3}),
                                        {heads, dims[0] * dims[1], width});
    const ValueId r_HDC = graph.Transpose(r, {1, 2, 0});
    const ValueId scaled =
        graph.Mul(graph.MatMul(q_HND, r_HDC), graph.Constant(scale_, graph.dtype(q)));
    const Dim count = graph.dims(r)[0];
    return graph.Transpose(graph.Reshape(scaled, {heads, dims[0], dims[1], count}), {1, 0, 2, 3});
  }

  // [B,H,T,S] for T queries that are the last of S tokens. Column c of the product is distance
  // S - 1 - c; a column of zeros before it and rows of T make of element (t, c) the one at
  // (t, c + t + 1 - T), distance (S - T + t) - column. What is beyond is masked.
  ValueId ShiftedScores(Scope& scope, ValueId q, const Dim& keys) const {
    Graph& graph = scope.graph();
    const Dims dims = graph.dims(q);
    const Dim heads(config_.num_heads);
    const ValueId up = graph.Op("arange", {}, {{"shape", keys.ToText()}, {"dtype", "f64"}});
    const ValueId most = graph.Op("reduce_max", {up}, {{"dims", IntList{0}}});
    const ValueId scores = Scores(graph, q, Distances(scope, keys, graph.Sub(most, up)));
    const ValueId padded =
        graph.Op("pad", {scores}, {{"dim", int64_t{3}}, {"low", int64_t{1}}});
    const ValueId turned = graph.Reshape(padded, {dims[0], heads, keys + Dim(1), dims[1]});
    const ValueId rest =
        graph.Op("slice", {turned}, {{"dim", int64_t{2}}, {"start", int64_t{1}}});
    return graph.Reshape(rest, {dims[0], heads, dims[1], keys});
  }

  // The same for queries from index `start` of each row on, over a cache of S rows.
  ValueId GatheredScores(Scope& scope, ValueId q, const Dim& keys) const {
    Graph& graph = scope.graph();
    const Dims dims = graph.dims(q);
    const Dim heads(config_.num_heads);
    const auto range = [&graph](const Dim& count, const Dims& as, const char* dtype) {
      return graph.Reshape(
          graph.Op("arange", {}, {{"shape", count.ToText()}, {"dtype", std::string(dtype)}}), as);
    };
    const ValueId scores = Scores(
        graph, q, Distances(scope, keys, range(keys, {keys}, "f64")));
    const ValueId start =
        graph.Reshape(scope.Ambient("start"), {dims[0], Dim(1), Dim(1), Dim(1)});
    const ValueId query = graph.Add(start, range(dims[1], {dims[1], Dim(1)}, "i32"));
    const ValueId distance = graph.Sub(query, range(keys, {keys}, "i32"));
    const ValueId row = range(dims[0] * heads * dims[1], {dims[0], heads, dims[1], Dim(1)}, "i64");
    // The number of keys, as an i64.
    const ValueId width = graph.Cast(
        graph.Op("reduce_sum", {graph.Constant(1, DType::kF64, {keys})}, {{"dims", IntList{0}}}),
        DType::kI64);
    const ValueId seen = graph.Op("maximum", {distance, graph.Constant(0, DType::kI32)});
    const ValueId at = graph.Add(graph.Mul(row, width), graph.Cast(seen, DType::kI64));
    const ValueId flat =
        graph.Reshape(scores, {dims[0] * heads * dims[1] * keys});
    return graph.Op("gather", {flat, at}, {{"dim", int64_t{0}}});
  }

  RelativeAttentionConfig config_;
  double scale_ = 1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewRelativeAttentionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(RelativeAttentionConfig fields, ReadRelativeAttentionConfig(config));
  if (fields.model_dim % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "RelativeAttention: model_dim must be even, got ", fields.model_dim));
  }
  return std::make_unique<RelativeAttention>(std::move(fields));
}

}  // namespace tessera
