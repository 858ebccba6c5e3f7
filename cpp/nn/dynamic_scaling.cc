// DynamicScaling: a larger base of the rotary angles once a sequence is longer than in training.
//
//   n = max(positions of the batch + 1, m);  b = theta (factor n / m - (factor - 1))^(d / (d - 2))
//   f_i = b^(-2i / d),  m = original_max_positions, d = rotary_dim
// The base follows the longest sequence of the batch so far. In decoding, keys that are in a cache
// keep the angles of the length at which they were written, as in Hugging Face's
// modeling_rope_utils ("dynamic"), which this formula is from; within m tokens decoding and the
// whole sequence agree.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/dynamic_scaling.h"

namespace tessera {
namespace {

class DynamicScaling : public Module {
 public:
  explicit DynamicScaling(DynamicScalingConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {1, 0}));
    Graph& graph = scope.graph();
    const auto number = [&graph](double x) { return graph.Constant(x, DType::kF64); };
    const Dim pairs = graph.dims(inputs[0])[0];
    if (!pairs.IsConst() || pairs.value() < 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          "DynamicScaling: rotary_dim must be at least 4, got ", (pairs * Dim(2)).ToText()));
    }
    const double d = 2.0 * static_cast<double>(pairs.value());
    const double longest = static_cast<double>(config_.original_max_positions);
    const ValueId last = graph.Cast(
        graph.Op("reduce_max", {scope.Ambient("positions")}, {{"dims", IntList{0, 1}}}),
        DType::kF64);
    const ValueId length = graph.Op("maximum", {graph.Add(last, number(1)), number(longest)});
    const ValueId growth = graph.Sub(graph.Mul(length, number(config_.factor / longest)),
                                     number(config_.factor - 1));
    // (theta^(-2i/d)) times growth to the power -2i/d d/(d-2).
    const ValueId powers = graph.Op("arange", {},
                                    {{"shape", pairs.ToText()},
                                     {"step", -2.0 / (d - 2)},
                                     {"dtype", "f64"}});
    return Values{graph.Mul(inputs[0], graph.Op("pow", {growth, powers}))};
  }

 private:
  DynamicScalingConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewDynamicScalingModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(DynamicScalingConfig fields, ReadDynamicScalingConfig(config));
  return std::make_unique<DynamicScaling>(std::move(fields));
}

}  // namespace tessera
