// QuantileGate: l = x W; the k largest of l - b, weights from l as TopKGate's. b is a buffer, moved
// once a step to where every expert would have had its share:
//   a_t = the (k+1)-th largest of l_t - b, which a token had to be above
//   q_e = the (floor(n k / E) + 1)-th largest over the n tokens of l_te - a_t
//   b  <- ema b + (1 - ema) mean of q,  then less its own mean
//
// The mean is over the sequences (or micro-batches) of a step that have tokens, on all ranks.
// Source: quantile balancing of Megatron-LM (moe_utils.py, qb_dual_update), where q is of a
// micro-batch. With k = E there is nothing to balance. No loss is needed.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/quantile_gate.h"

#include <limits>

namespace tessera {
namespace {

class QuantileGate : public Module {
 public:
  explicit QuantileGate(QuantileGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    if (config_.per_sequence && graph.dims(inputs[0]).size() < 3) {
      return absl::InvalidArgumentError(absl::StrCat(
          "QuantileGate by sequence: expected x[B, T, D], got ", graph.type(inputs[0]).ToText()));
    }
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    const ValueId bias =
        scope.Buffer("bias", {RouterDType(scope), {Dim(config_.num_experts)}});
    const ValueId worth = graph.Sub(routing.logits, bias);
    routing.ids = ChooseLargest(graph, worth, config_.top_k);
    if (config_.score == RouterScore::kSigmoid) {
      routing.scores = graph.Op("sigmoid", {routing.logits});
      routing.weights = Pick(graph, routing.scores, routing.ids);
    } else {
      routing.scores = SoftmaxLast(graph, routing.logits);
      routing.weights = config_.softmax_after
                            ? SoftmaxLast(graph, Pick(graph, routing.logits, routing.ids))
                            : Pick(graph, routing.scores, routing.ids);
    }
    if (scope.mode() == Mode::kTrain && config_.top_k < config_.num_experts) {
      MoveBias(scope, routing.logits, worth, MaskOf(inputs));
    }
    return routing.ToValues();
  }

 private:
  // l_te - a_t, lowest for tokens that do not count, as groups of tokens [G, n, E].
  ValueId Margins(Graph& graph, ValueId logits, ValueId worth, ValueId mask) const {
    const auto last = static_cast<int64_t>(graph.dims(logits).size()) - 1;
    const ValueId order = ChooseLargest(graph, worth, config_.top_k + 1);
    const ValueId next = graph.Op(
        "slice", {order}, {{"dim", last}, {"start", config_.top_k}, {"size", int64_t{1}}});
    const ValueId margins = graph.Sub(logits, Pick(graph, worth, next));
    return AsThree(graph, OfTokens(graph, margins, mask, kLowest));
  }

  ValueId AsThree(Graph& graph, ValueId x) const {
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(x);
    if (!config_.per_sequence) {
      return graph.Reshape(x, {Dim(1), Product(LeadingDims(graph, x)), dims.back()});
    }
    const Dims groups(dims.begin(), dims.end() - 2);
    return graph.Reshape(x, {Product(groups), dims[dims.size() - 2], dims.back()});
  }

  // [G, 1]: the tokens of each group, in f64, which holds every product with k exactly.
  ValueId Counts(Graph& graph, ValueId logits, ValueId mask) const {
    if (!graph.ok()) return kNoValue;
    Dims column = LeadingDims(graph, logits);
    column.push_back(Dim(1));
    const ValueId ones = graph.Constant(1, DType::kF64, column);
    return graph.Sum(AsThree(graph, OfTokens(graph, ones, mask, 0)), {1});
  }

  void MoveBias(Scope& scope, ValueId logits, ValueId worth, ValueId mask) const {
    Graph& graph = scope.graph();
    const DType dtype = RouterDType(scope);
    const ValueId by_expert =
        graph.Transpose(Margins(graph, logits, worth, mask), {0, 2, 1});
    const ValueId sorted =
        graph.Ops("sort", {by_expert}, {{"descending", true}}, 2)[0];   // [G, E, n]
    const ValueId counts = Counts(graph, logits, mask);
    const double per_expert =
        static_cast<double>(config_.top_k) / static_cast<double>(config_.num_experts);
    // Half a choice more, so that no rounding falls below the whole number.
    const ValueId share = graph.Add(
        graph.Mul(counts, graph.Constant(per_expert, DType::kF64)),
        graph.Constant(0.5 / static_cast<double>(config_.num_experts), DType::kF64));
    const ValueId place = graph.Cast(graph.Op("floor", {share}), DType::kI32);
    if (!graph.ok()) return;
    const Dim groups = graph.dims(counts)[0];
    const ValueId places =
        graph.Op("broadcast_to", {graph.Reshape(place, {groups, Dim(1), Dim(1)})},
                 {{"shape", ShapeText({groups, Dim(config_.num_experts), Dim(1)})}});
    const ValueId quantiles = graph.Reshape(Pick(graph, sorted, places),
                                            {groups, Dim(config_.num_experts)});
    const ValueId has_tokens =
        graph.Op("greater", {counts, graph.Constant(0, DType::kF64)});
    const ValueId counted = graph.Op(
        "where", {has_tokens, quantiles, graph.Constant(0, dtype)});
    const ValueId rows = graph.Op("concat", {counted, graph.Cast(has_tokens, dtype)},
                                  {{"dim", int64_t{1}}});
    const ValueId sums = graph.Sum(rows, {0});
    if (graph.ok()) scope.UpdateBuffer("bias", sums, Next());
  }

  // From the sums of quantiles and, behind them, the number of groups.
  Scope::BufferUpdate Next() const {
    const double ema = config_.ema;
    const int64_t experts = config_.num_experts;
    return [ema, experts](Graph& g, ValueId bias, ValueId total) {
      const DType dtype = g.dtype(bias);
      const auto part = [&](int64_t start, int64_t size) {
        return g.Op("slice", {total}, {{"dim", int64_t{0}}, {"start", start}, {"size", size}});
      };
      const ValueId groups = part(experts, 1), one = g.Constant(1, dtype);
      const ValueId mean = g.Div(part(0, experts), g.Op("maximum", {groups, one}));
      const ValueId moved = g.Add(g.Mul(bias, g.Constant(ema, dtype)),
                                  g.Mul(mean, g.Constant(1 - ema, dtype)));
      const ValueId kept = g.Op(
          "where", {g.Op("greater", {groups, g.Constant(0, dtype)}), moved, bias});
      const double share = 1.0 / static_cast<double>(experts);
      return g.Sub(kept, g.Mul(g.Sum(kept, {0}, true), g.Constant(share, dtype)));
    };
  }

  static constexpr double kLowest = -std::numeric_limits<double>::infinity();
  QuantileGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewQuantileGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(QuantileGateConfig fields, ReadQuantileGateConfig(config));
  return std::make_unique<QuantileGate>(std::move(fields));
}

}  // namespace tessera
