// DeepSeekGate: s = sigmoid(x W); the k largest of s + b within the best groups, weights from s.
//
// Experts are cut into equal groups of neighbours; a group is worth the sum of its `group_best`
// largest s + b, or of all where it has fewer, and the `top_groups` best groups are open.
// weights = scale * s / (sum of the chosen s + 1e-20). b is a buffer: after each step
//   b_e += bias_rate * sign(mean(n) - n_e), n the choices of the step over micro-batches and ranks.
// scores for losses: s / sum of s. Sources: DeepSeek-V3, arXiv 2412.19437, section 2.1.2; the bias,
// arXiv 2408.15664; with sigmoid off, no correction and group_best 1 it is DeepSeek-V2's,
// arXiv 2405.04434.

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/deep_seek_gate.h"

namespace tessera {
namespace {

class DeepSeekGate : public Module {
 public:
  explicit DeepSeekGate(DeepSeekGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    const ValueId s = config_.sigmoid ? graph.Op("sigmoid", {routing.logits})
                                      : SoftmaxLast(graph, routing.logits);
    ValueId worth = s;
    const ValueType bias_type{RouterDType(scope), {Dim(config_.num_experts)}};
    if (config_.correction) worth = graph.Add(worth, scope.Buffer("bias", bias_type));
    if (config_.num_groups > 1) worth = WithinGroups(graph, worth);
    routing.ids = ChooseLargest(graph, worth, config_.top_k);
    routing.weights = Pick(graph, s, routing.ids);
    if (config_.normalize) routing.weights = Normalized(graph, routing.weights, 1e-20);
    if (config_.scale != 1 && graph.ok()) {
      routing.weights = graph.Mul(routing.weights,
                                  graph.Constant(config_.scale, graph.dtype(routing.weights)));
    }
    routing.scores = config_.sigmoid ? Normalized(graph, s, 1e-20) : s;
    if (config_.correction && config_.bias_rate > 0) {
      MoveBias(scope, routing.ids, MaskOf(inputs));
    }
    return routing.ToValues();
  }

 private:
  // -inf for the experts of groups that are not open.
  ValueId WithinGroups(Graph& graph, ValueId worth) const {
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(worth);
    const int64_t groups = config_.num_groups, size = config_.num_experts / groups;
    Dims cut(dims.begin(), dims.end() - 1);
    cut.push_back(Dim(groups));
    cut.push_back(Dim(size));
    const auto last = static_cast<int64_t>(dims.size());
    const ValueId by_group = graph.Reshape(worth, cut);
    const int64_t counted = std::min(config_.group_best, size);
    const ValueId best = Pick(graph, by_group, ChooseLargest(graph, by_group, counted));
    const ValueId open = ChoiceMap(
        graph, ChooseLargest(graph, graph.Sum(best, {last}), config_.top_groups), groups,
        DType::kF32);
    if (!graph.ok()) return kNoValue;
    Dims column(dims.begin(), dims.end() - 1);
    column.push_back(Dim(groups));
    column.push_back(Dim(1));
    const ValueId is_open = graph.Op("greater", {graph.Reshape(open, column),
                                                 graph.Constant(0.5, DType::kF32)});
    const ValueId closed = graph.Constant(-std::numeric_limits<double>::infinity(),
                                          graph.dtype(worth));
    return graph.Reshape(graph.Op("where", {is_open, by_group, closed}), dims);
  }

  void MoveBias(Scope& scope, ValueId ids, ValueId mask) const {
    Graph& graph = scope.graph();
    const ValueId counts = SumOverTokens(
        graph, ChoiceMap(graph, ids, config_.num_experts, RouterDType(scope)), mask);
    if (!graph.ok()) return;
    const double rate = config_.bias_rate;
    const double share = 1.0 / static_cast<double>(config_.num_experts);
    scope.UpdateBuffer("bias", counts, [rate, share](Graph& g, ValueId bias, ValueId total) {
      const DType dtype = g.dtype(bias);
      const ValueId mean = g.Mul(g.Sum(total, {0}), g.Constant(share, dtype));
      const ValueId up = g.Op("sign", {g.Sub(mean, total)});
      return g.Add(bias, g.Mul(up, g.Constant(rate, dtype)));
    });
  }

  DeepSeekGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewDeepSeekGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(DeepSeekGateConfig fields, ReadDeepSeekGateConfig(config));
  const int64_t size = fields.num_experts / fields.num_groups;
  if (fields.num_groups > 1 &&
      (fields.top_groups > fields.num_groups || fields.top_groups * size < fields.top_k)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "DeepSeekGate: expected top_groups of at most ", fields.num_groups, " and at least ",
        fields.top_k, " experts in the open groups, got top_groups ", fields.top_groups,
        " of ", size, " experts each"));
  }
  return std::make_unique<DeepSeekGate>(std::move(fields));
}

}  // namespace tessera
