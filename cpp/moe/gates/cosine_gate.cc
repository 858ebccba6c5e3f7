// CosineGate: l_e = min(exp(s), max_scale) * cos(x P, m_e); the k largest, softmax over these.
//
// P [D, proj_dim], m the columns of M [proj_dim, E], s a learned logarithm that starts from
// log(1 / temperature). Norms are at least 1e-12. Source: Chi et al., arXiv 2204.09179; Tutel's
// cosine_top gate.

#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/cosine_gate.h"

#include <cmath>

namespace tessera {
namespace {

class CosineGate : public Module {
 public:
  explicit CosineGate(CosineGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    const DType dtype = RouterDType(scope);
    const ValueId projected =
        RouterLogits(scope, inputs[0], "proj/weight", config_.proj_dim, config_.init_std);
    const ValueId centres =
        graph.Cast(scope.Param("weight", {Dim(config_.proj_dim), Dim(config_.num_experts)},
                               Initializer::Normal(config_.init_std), {"", "router"}),
                   dtype);
    const ValueId scale = graph.Cast(
        scope.Param("log_scale", {Dim(1)}, Initializer::Constant(-std::log(config_.temperature)),
                    {}, /*decay=*/false),
        dtype);
    RETURN_IF_ERROR(graph.status());
    const auto last = static_cast<int64_t>(graph.dims(projected).size()) - 1;
    // exp(s) at most max_scale, limited before exp so that nothing overflows.
    const ValueId limited = Limited(graph, scale, std::log(config_.max_scale), "less");
    Routing routing;
    routing.logits =
        graph.Mul(graph.MatMul(OfLengthOne(graph, projected, last), OfLengthOne(graph, centres, 0)),
                  graph.Op("exp", {limited}));
    routing.scores = SoftmaxLast(graph, routing.logits);
    routing.ids = ChooseLargest(graph, routing.logits, config_.top_k);
    routing.weights = SoftmaxLast(graph, Pick(graph, routing.logits, routing.ids));
    return routing.ToValues();
  }

 private:
  static ValueId OfLengthOne(Graph& graph, ValueId x, int64_t dim) {
    const ValueId squares = graph.Sum(graph.Mul(x, x), {dim}, /*keep_dims=*/true);
    return graph.Mul(x, graph.Op("rsqrt", {Limited(graph, squares, 1e-24, "greater")}));
  }

  // x where it is less (greater) than the limit, otherwise the limit. As a sum of products: where
  // the gradient of x is a rank's term, which no choice between it and zero keeps.
  static ValueId Limited(Graph& graph, ValueId x, double limit, std::string_view is_fine) {
    if (!graph.ok()) return kNoValue;
    const DType dtype = graph.dtype(x);
    const ValueId bound = graph.Constant(limit, dtype);
    const ValueId fine = graph.Cast(graph.Op(is_fine, {x, bound}), dtype);
    const ValueId other = graph.Sub(graph.Constant(1, dtype), fine);
    return graph.Add(graph.Mul(x, fine), graph.Mul(bound, other));
  }

  CosineGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewCosineGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(CosineGateConfig fields, ReadCosineGateConfig(config));
  return std::make_unique<CosineGate>(std::move(fields));
}

}  // namespace tessera
