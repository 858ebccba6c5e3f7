// RelativePosition: a learned number for every head and range of distances, added to scores.
//
//   score += weight[bucket(key - query), head]
// Of the n buckets for one direction (num_buckets, or half of them when bidirectional, keys after
// the query in the upper half), the first e = n / 2 are one distance each; from there
//   bucket(x) = min(e + floor(ln(x / e) / ln(max_distance / e) (n - e)), n - 1)
// Source: Raffel et al. 2020 (T5), arXiv 1910.10683. Attention calls the hook "score_bias": from
// queries [B,T,H,D] and the keys it reads [B,S,G,D] to a bias [H,T,S], or [B,H,T,S] where rows of
// a cache stand at different lengths. One weight serves all layers below, which must have the same
// number of heads.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/relative_position.h"

namespace tessera {
namespace {

// So that a distance at which a bucket begins is in it, however the logarithm is rounded.
constexpr double kRounding = 1e-9;

class RelativePosition : public Module {
 public:
  explicit RelativePosition(RelativePositionConfig config) : config_(std::move(config)) {}

  bool HasHook(std::string_view hook) const override { return hook == "score_bias"; }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return BuildHook("score_bias", scope, inputs);
  }

  absl::StatusOr<Values> BuildHook(std::string_view hook, Scope& scope,
                                   const Values& inputs) const override {
    if (hook != "score_bias") return Module::BuildHook(hook, scope, inputs);
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {4, 4}));
    Graph& graph = scope.graph();
    const Dims q = graph.dims(inputs[0]), k = graph.dims(inputs[1]);
    if (config_.num_heads > 0 && q[2] != Dim(config_.num_heads)) {
      return absl::InvalidArgumentError(
          absl::StrCat("RelativePosition: num_heads is ", config_.num_heads,
                       ", but the attention has ", q[2].ToText(), " heads; set it to that or 0"));
    }
    const ValueId weight =
        scope.Param("weight", {Dim(config_.num_buckets), q[2]},
                    Initializer::Normal(config_.init_std), {"position", "heads"});
    const ValueId rows = graph.Op("embedding", {Buckets(scope, q[1], k[1]), weight});
    if (!graph.ok()) return Values{};
    const bool by_row = graph.dims(rows).size() == 4;
    return Values{graph.Transpose(rows, by_row ? std::vector<int64_t>{0, 3, 1, 2}
                                               : std::vector<int64_t>{2, 0, 1})};
  }

 private:
  static ValueId Range(Graph& graph, const Dim& count, const Dims& as) {
    return graph.Reshape(graph.Op("arange", {}, {{"shape", count.ToText()}}), as);
  }

  // Key minus query: i32[T,S], or [B,T,S] where queries begin at different indices.
  static ValueId Distances(Scope& scope, const Dim& queries, const Dim& keys) {
    Graph& graph = scope.graph();
    ValueId from = Range(graph, queries, {queries, Dim(1)});
    if (scope.mode() == Mode::kDecode) {
      const ValueId start = scope.Ambient("start");
      if (!graph.ok()) return kNoValue;
      from = graph.Add(graph.Reshape(start, {graph.dims(start)[0], Dim(1), Dim(1)}), from);
    }
    return graph.Sub(Range(graph, keys, {Dim(1), keys}), from);
  }

  ValueId Buckets(Scope& scope, const Dim& queries, const Dim& keys) const {
    Graph& graph = scope.graph();
    const auto number = [&graph](double x) { return graph.Constant(x, DType::kI32); };
    const ValueId distance = Distances(scope, queries, keys);
    const ValueId back = graph.Op("neg", {distance});
    const int64_t count =
        config_.bidirectional ? config_.num_buckets / 2 : config_.num_buckets;
    const ValueId x = config_.bidirectional ? graph.Op("maximum", {distance, back})
                                            : graph.Op("maximum", {back, number(0)});
    const ValueId bucket = BucketOf(graph, x, count);
    if (!config_.bidirectional) return bucket;
    const ValueId after = graph.Op("greater", {distance, number(0)});
    const double half = static_cast<double>(count);
    return graph.Add(bucket, graph.Op("where", {after, number(half), number(0)}));
  }

  // Of distances x >= 0, among `count` buckets.
  ValueId BucketOf(Graph& graph, ValueId x, int64_t count) const {
    const double exact = static_cast<double>(std::max<int64_t>(count / 2, 1));
    const double rest = static_cast<double>(count) - exact;
    const auto number = [&graph](double v) { return graph.Constant(v, DType::kF64); };
    const double factor = rest / std::log(static_cast<double>(config_.max_distance) / exact);
    const ValueId wide = graph.Op("maximum", {graph.Cast(x, DType::kF64), number(exact)});
    const ValueId log = graph.Op("log", {graph.Mul(wide, number(1 / exact))});
    const ValueId far = graph.Op(
        "floor", {graph.Add(graph.Mul(log, number(factor)), number(exact + kRounding))});
    const ValueId last = number(static_cast<double>(count - 1));
    const ValueId large = graph.Cast(graph.Op("minimum", {far, last}), DType::kI32);
    const ValueId is_near = graph.Op("less", {x, graph.Constant(exact, DType::kI32)});
    return graph.Op("where", {is_near, x, large});
  }

  RelativePositionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewRelativePositionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(RelativePositionConfig fields, ReadRelativePositionConfig(config));
  const int64_t ways = fields.bidirectional ? 2 : 1;
  const int64_t exact = std::max<int64_t>(fields.num_buckets / ways / 2, 1);
  if (fields.num_buckets % ways != 0 || fields.max_distance <= exact) {
    return absl::InvalidArgumentError(absl::StrCat(
        "RelativePosition: expected num_buckets to be even when bidirectional and max_distance "
        "above ", exact, ", got ", fields.num_buckets, " and ", fields.max_distance));
  }
  return std::make_unique<RelativePosition>(std::move(fields));
}

}  // namespace tessera
