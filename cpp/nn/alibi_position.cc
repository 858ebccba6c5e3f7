// AlibiPosition: scores fall linearly with distance, at a rate of each head's own.
//
//   score -= slope_h |i - j|;  with n the largest power of 2 that is at most the number of heads:
//   slope_h = 2^(-max_bias (h + 1) / n) for h < n, then 2^(-max_bias (2 (h - n) + 1) / 2n)
// Source: Press et al. 2022, "Train short, test long", arXiv 2108.12409, whose slopes for other
// numbers of heads take every second one of twice as many. Attention calls the hook
// "score_slopes": from queries [B,T,H,D] to slopes [H]; no table of distances is made.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/alibi_position.h"

namespace tessera {
namespace {

class AlibiPosition : public Module {
 public:
  explicit AlibiPosition(AlibiPositionConfig config) : config_(std::move(config)) {}

  bool HasHook(std::string_view hook) const override { return hook == "score_slopes"; }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return BuildHook("score_slopes", scope, inputs);
  }

  absl::StatusOr<Values> BuildHook(std::string_view hook, Scope& scope,
                                   const Values& inputs) const override {
    if (hook != "score_slopes") return Module::BuildHook(hook, scope, inputs);
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {4}));
    Graph& graph = scope.graph();
    const Dim dim = graph.dims(inputs[0])[2];
    if (!dim.IsConst()) {
      return absl::InvalidArgumentError(
          absl::StrCat("AlibiPosition: expected a constant number of heads, got ", dim.ToText()));
    }
    const int64_t heads = dim.value();
    int64_t n = 1;
    while (2 * n <= heads) n *= 2;
    const double step = -config_.max_bias / static_cast<double>(n);
    const ValueId slopes = Powers(scope, n, step, step);
    if (n == heads) return Values{slopes};
    const ValueId between = Powers(scope, heads - n, step / 2, step);
    return Values{graph.Op("concat", {slopes, between}, {{"dim", int64_t{0}}})};
  }

 private:
  // 2^(first + i step)
  static ValueId Powers(Scope& scope, int64_t count, double first, double step) {
    Graph& graph = scope.graph();
    const DType dtype = scope.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
    const ValueId exponents = graph.Op("arange", {},
                                       {{"shape", absl::StrCat(count)},
                                        {"start", first},
                                        {"step", step},
                                        {"dtype", std::string(Name(dtype))}});
    return graph.Op("pow", {graph.Constant(2, dtype), exponents});
  }

  AlibiPositionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewAlibiPositionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(AlibiPositionConfig fields, ReadAlibiPositionConfig(config));
  return std::make_unique<AlibiPosition>(std::move(fields));
}

}  // namespace tessera
