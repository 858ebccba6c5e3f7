// YarnScaling: rotary frequencies between their own and those divided by a factor, by how many
// turns they make, and a temperature of scores (Peng et al. 2023, arXiv 2309.00071).
//
//   i(r) = d ln(m / (2 pi r)) / (2 ln theta): the pair of r turns over the original length m
//   low = max(i(beta_fast), 0),  high = min(i(beta_slow), d - 1), rounded down and up (truncate)
//   t_i = clamp((i - low) / (high - low), 0, 1);  f_i' = t_i f_i / factor + (1 - t_i) f_i
//   queries and keys are multiplied by a(factor, 1), a(s, c) = 0.1 c ln s + 1, or, when both are
//   given, a(factor, mscale) / a(factor, mscale_all_dim), or attention_factor
// Where low = high, high grows by 0.001. As "yarn" in Hugging Face's modeling_rope_utils; DeepSeek
// gives both mscales and a scale of scores besides, gpt-oss does not truncate.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/yarn_scaling.h"

namespace tessera {
namespace {

class YarnScaling : public Module {
 public:
  explicit YarnScaling(YarnScalingConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {1, 0}));
    Graph& graph = scope.graph();
    const Dim pairs = graph.dims(inputs[0])[0];
    if (!pairs.IsConst()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "YarnScaling: expected a constant rotary_dim, got ", pairs.ToText(), " pairs"));
    }
    const auto number = [&graph](double x) { return graph.Constant(x, DType::kF64); };
    const double d = 2.0 * static_cast<double>(pairs.value());
    const ValueId low = graph.Op(
        "maximum", {PairOf(graph, config_.beta_fast, d, inputs[1], "floor"), number(0)});
    const ValueId top = graph.Op(
        "minimum", {PairOf(graph, config_.beta_slow, d, inputs[1], "ceil"), number(d - 1)});
    const ValueId same = graph.Op("equal", {low, top});
    const ValueId high = graph.Op("where", {same, graph.Add(top, number(0.001)), top});
    const ValueId i = graph.Op("arange", {}, {{"shape", pairs.ToText()}, {"dtype", "f64"}});
    const ValueId t = graph.Div(graph.Sub(i, low), graph.Sub(high, low));
    const ValueId share = graph.Op("minimum", {graph.Op("maximum", {t, number(0)}), number(1)});
    const ValueId slow = graph.Div(inputs[0], number(config_.factor));
    return Values{graph.Add(graph.Mul(share, slow),
                            graph.Mul(graph.Sub(number(1), share), inputs[0])),
                  number(Amplitude())};
  }

 private:
  // i(turns), rounded.
  ValueId PairOf(Graph& graph, double turns, double d, ValueId theta,
                 std::string_view rounding) const {
    const double length = static_cast<double>(config_.original_max_positions);
    const double numerator = d * std::log(length / (2 * M_PI * turns)) / 2;
    const ValueId i = graph.Div(graph.Constant(numerator, DType::kF64), graph.Op("log", {theta}));
    return config_.truncate ? graph.Op(rounding, {i}) : i;
  }

  double Amplitude() const {
    if (config_.attention_factor > 0) return config_.attention_factor;
    const auto a = [this](double c) { return 0.1 * c * std::log(config_.factor) + 1; };
    if (config_.mscale > 0 && config_.mscale_all_dim > 0) {
      return a(config_.mscale) / a(config_.mscale_all_dim);
    }
    return a(1);
  }

  YarnScalingConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewYarnScalingModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(YarnScalingConfig fields, ReadYarnScalingConfig(config));
  return std::make_unique<YarnScaling>(std::move(fields));
}

}  // namespace tessera
