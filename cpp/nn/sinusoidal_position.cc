// SinusoidalPosition: x + s, with sines and cosines of the position at many wavelengths.
//
//   s[2i] = sin(position f_i), s[2i + 1] = cos(position f_i), f_i = base^(-2i / model_dim)
// or all sines before all cosines. Source: Vaswani et al. 2017, arXiv 1706.03762; the second order
// is that of tensor2tensor and Transformer-XL. Only the hook "embed" does anything. Angles are made
// in fp64: in bf16 far positions would fall together.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/sinusoidal_position.h"

namespace tessera {
namespace {

class SinusoidalPosition : public Module {
 public:
  explicit SinusoidalPosition(SinusoidalPositionConfig config) : config_(std::move(config)) {}

  bool HasHook(std::string_view hook) const override { return hook == "embed"; }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return BuildHook("embed", scope, inputs);
  }

  absl::StatusOr<Values> BuildHook(std::string_view hook, Scope& scope,
                                   const Values& inputs) const override {
    if (hook != "embed") return Module::BuildHook(hook, scope, inputs);
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    Graph& graph = scope.graph();
    const ValueId positions = scope.Ambient("positions");
    if (!graph.ok()) return Values{};
    const Dims dims = graph.dims(positions);
    const int64_t pairs = config_.model_dim / 2;
    const ValueId powers = graph.Op("arange", {},
                                    {{"shape", absl::StrCat(pairs)},
                                     {"step", -1.0 / static_cast<double>(pairs)},
                                     {"dtype", "f64"}});
    const ValueId frequencies =
        graph.Op("pow", {graph.Constant(config_.base, DType::kF64), powers});
    const ValueId position_BT1 =
        graph.Reshape(graph.Cast(positions, DType::kF64), {dims[0], dims[1], Dim(1)});
    const ValueId angles = graph.Mul(position_BT1, frequencies);
    // The pairs of one position: [pairs, 2] when they are neighbours, else [2, pairs].
    const Dims one = config_.interleaved ? Dims{dims[0], dims[1], Dim(pairs), Dim(1)}
                                         : Dims{dims[0], dims[1], Dim(1), Dim(pairs)};
    const ValueId both =
        graph.Op("concat",
                 {graph.Reshape(graph.Op("sin", {angles}), one),
                  graph.Reshape(graph.Op("cos", {angles}), one)},
                 {{"dim", int64_t{config_.interleaved ? 3 : 2}}});
    const ValueId rows = graph.Reshape(both, {dims[0], dims[1], Dim(2 * pairs)});
    return Values{graph.Add(inputs[0], graph.Cast(rows, graph.dtype(inputs[0])))};
  }

 private:
  SinusoidalPositionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewSinusoidalPositionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(SinusoidalPositionConfig fields, ReadSinusoidalPositionConfig(config));
  if (fields.model_dim % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "SinusoidalPosition: model_dim must be even, got ", fields.model_dim));
  }
  return std::make_unique<SinusoidalPosition>(std::move(fields));
}

}  // namespace tessera
