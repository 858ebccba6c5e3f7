// Llama3Scaling: slow rotary frequencies are divided by a factor, fast ones are left, those between
// change smoothly (Llama 3.1).
//
//   r = m f_i / 2 pi  (turns over the original length m), t = (r - low) / (high - low)
//   f_i / factor where r < low,  f_i where r > high,  else (1 - t) f_i / factor + t f_i
// Source: "llama3" in Hugging Face's modeling_rope_utils; low and high are low_freq_factor and
// high_freq_factor there.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/llama3_scaling.h"

namespace tessera {
namespace {

class Llama3Scaling : public Module {
 public:
  explicit Llama3Scaling(Llama3ScalingConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {1, 0}));
    const double low = config_.low_freq_factor, high = config_.high_freq_factor;
    if (high <= low) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Llama3Scaling: high_freq_factor must be above low_freq_factor ", low, ", got ", high));
    }
    Graph& graph = scope.graph();
    const auto number = [&graph](double x) { return graph.Constant(x, DType::kF64); };
    const ValueId f = inputs[0];
    const ValueId slow = graph.Div(f, number(config_.factor));
    const double length = static_cast<double>(config_.original_max_positions);
    const ValueId turns = graph.Mul(f, number(length / (2 * M_PI)));
    // Clamped, t says all three cases.
    const ValueId t = graph.Div(graph.Sub(turns, number(low)), number(high - low));
    const ValueId share =
        graph.Op("minimum", {graph.Op("maximum", {t, number(0)}), number(1)});
    const ValueId fast_part = graph.Mul(share, f);
    return Values{graph.Add(graph.Mul(graph.Sub(number(1), share), slow), fast_part)};
  }

 private:
  Llama3ScalingConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLlama3ScalingModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(Llama3ScalingConfig fields, ReadLlama3ScalingConfig(config));
  return std::make_unique<Llama3Scaling>(std::move(fields));
}

}  // namespace tessera
