// SinkhornGate: chooses the k largest of d0_t * exp(l_te) * d1_e, l = x W, where the factors come
// from alternate scalings that make columns and rows equally heavy:
//   d1 = 1;  repeat: d0_t = 1 / (T sum_e d1_e c_te),  d1_e = 1 / (E sum_t d0_t c_te),  c = exp(l)
//
// Weights are of the logits themselves: sigmoid(l) for k = 1, softmax over all for more; no
// gradient flows through the choice. Here c is softmax(l), which changes d0 alone; sums have 1e-8
// added. Sources: Clark et al., arXiv 2202.01169, appendix B.2.1; Megatron-LM's sinkhorn router.
// Outside of training it chooses by the logits. The scalings need all tokens: not with several
// ranks.

#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/sinkhorn_gate.h"

namespace tessera {
namespace {

class SinkhornGate : public Module {
 public:
  explicit SinkhornGate(SinkhornGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    Routing routing;
    routing.logits =
        RouterLogits(scope, inputs[0], "weight", config_.num_experts, config_.init_std);
    routing.scores = SoftmaxLast(graph, routing.logits);
    const ValueId by =
        scope.mode() == Mode::kTrain ? Balanced(graph, routing.logits, MaskOf(inputs))
                                     : routing.logits;
    routing.ids = ChooseLargest(graph, by, config_.top_k);
    routing.weights = config_.top_k == 1
                          ? graph.Op("sigmoid", {Pick(graph, routing.logits, routing.ids)})
                          : Pick(graph, routing.scores, routing.ids);
    return routing.ToValues();
  }

 private:
  ValueId Balanced(Graph& graph, ValueId logits, ValueId mask) const {
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(logits);
    const DType dtype = graph.dtype(logits);
    const auto last = static_cast<int64_t>(dims.size()) - 1;
    const ValueId cost = graph.Op("softmax", {logits});   // exp(l) over a factor of its token
    const double experts = static_cast<double>(config_.num_experts);
    const ValueId tokens = TokenCount(graph, logits, dtype, mask);
    const ValueId tiny = graph.Constant(1e-8, dtype);
    ValueId d1 = graph.Constant(1, dtype, {Dim(config_.num_experts)});
    ValueId d0 = kNoValue;
    for (int64_t i = 0; i < config_.iterations; ++i) {
      const ValueId heavy = graph.Sum(graph.Mul(cost, d1), {last}, /*keep_dims=*/true);
      d0 = graph.Op("reciprocal", {graph.Mul(graph.Add(heavy, tiny), tokens)});
      const ValueId column = SumOverTokens(graph, graph.Mul(cost, d0), mask);
      d1 = graph.Op("reciprocal", {graph.Mul(graph.Add(column, tiny),
                                             graph.Constant(experts, dtype))});
    }
    return graph.Mul(cost, d1);   // d0 does not change the order within a token
  }

  SinkhornGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewSinkhornGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SinkhornGateConfig fields, ReadSinkhornGateConfig(config));
  return std::make_unique<SinkhornGate>(std::move(fields));
}

}  // namespace tessera
