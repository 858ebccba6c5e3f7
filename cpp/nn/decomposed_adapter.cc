// DecomposedAdapter: y = f * x V with V = W + alpha / rank * A B and, for each output,
// f = (1 + g) |W| / |V| (DoRA, arXiv 2402.09353).
//
// |W| and |V| are lengths of columns, g is learned and starts at 0: the paper's magnitude m is
// (1 + g) |W|, which says the same as long as W is frozen. B starts at 0, so that f is 1 and a
// wrapped model starts as it is. W is read by the hook "weight" of the inner projection.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/decomposed_adapter.h"

namespace tessera {
namespace {

// Added to squared lengths: a column of zeros has a slope, too.
constexpr double kLeastSquare = 1e-20;

class DecomposedAdapter : public Module {
 public:
  explicit DecomposedAdapter(DecomposedAdapterConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    if (!scope.ChildHasHook("inner", "weight")) {
      return absl::InvalidArgumentError(
          "DecomposedAdapter: inner: expected a projection whose weight can be read, such as a "
          "Linear without a bias; set bias to false, or use a LowRankAdapter");
    }
    Graph& graph = scope.graph();
    const ValueId y = scope.Call1("inner", {inputs[0]});
    const Values weights = scope.CallHook("inner", "weight", {});
    if (!graph.ok()) return Values{};
    const double in_dim = static_cast<double>(config_.in_dim);
    const double std = config_.init_std > 0 ? config_.init_std : 1 / std::sqrt(in_dim);
    const ValueId a_IR = scope.Param("dora_a", {config_.in_dim, config_.rank},
                                     Initializer::Normal(std), {config_.in_name, ""});
    const ValueId b_RO = scope.Param("dora_b", {config_.rank, config_.out_dim},
                                     Initializer::Constant(0), {"", config_.out_name});
    const ValueId g_O = scope.Param("dora_g", {config_.out_dim}, Initializer::Constant(0),
                                    {config_.out_name}, /*decay=*/false);
    const double factor = config_.alpha / static_cast<double>(config_.rank);
    const ValueId added_IO = Scaled(graph, graph.MatMul(a_IR, b_RO), factor);
    const ValueId length = Lengths(graph, weights[0]);
    const ValueId changed = Lengths(graph, graph.Add(weights[0], added_IO));
    if (!graph.ok()) return Values{};
    const ValueId ratio = graph.Cast(graph.Div(length, changed), scope.dtype());
    const ValueId f_O = graph.Add(ratio, graph.Mul(ratio, g_O));
    const ValueId low =
        Scaled(graph, graph.MatMul(graph.MatMul(inputs[0], a_IR), b_RO), factor);
    return Values{graph.Mul(graph.Add(y, low), f_O)};
  }

 private:
  // Of the columns, in fp32 or fp64.
  static ValueId Lengths(Graph& graph, ValueId weight_IO) {
    if (!graph.ok()) return kNoValue;
    const DType wide = graph.dtype(weight_IO) == DType::kF64 ? DType::kF64 : DType::kF32;
    const ValueId squares = graph.Op("square", {graph.Cast(weight_IO, wide)});
    return graph.Op("sqrt",
                    {graph.Add(graph.Sum(squares, {0}), graph.Constant(kLeastSquare, wide))});
  }

  DecomposedAdapterConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewDecomposedAdapterModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(DecomposedAdapterConfig fields, ReadDecomposedAdapterConfig(config));
  return std::make_unique<DecomposedAdapter>(std::move(fields));
}

}  // namespace tessera
