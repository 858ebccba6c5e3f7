// RotaryPosition: turns pairs of query and key features by angles that grow with the position
// (Su et al. 2021, arXiv 2104.09864); scores then depend on distances only.
//
// It stands on the decoder, or on one attention in the place of the decoder's; attention calls its
// hook "rotate", which takes one x[B,T,H,head_dim] (queries or keys) and gives it back turned. The
// slot `scaling` holds what changes the frequencies theta^(-2i / rotary_dim): a module from
// (frequencies f64[rotary_dim / 2], theta f64[]) to new frequencies and, if it likes, a factor
// f64[] on what is turned. Without it nothing but the op stands in the graph.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/rotary_position.h"

namespace tessera {
namespace {

class RotaryPosition : public Module {
 public:
  explicit RotaryPosition(RotaryPositionConfig config) : config_(std::move(config)) {}

  bool HasHook(std::string_view hook) const override { return hook == "rotate"; }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return BuildHook("rotate", scope, inputs);
  }

  absl::StatusOr<Values> BuildHook(std::string_view hook, Scope& scope,
                                   const Values& inputs) const override {
    if (hook != "rotate") return Module::BuildHook(hook, scope, inputs);
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {4}));
    Graph& graph = scope.graph();
    const Dim width = graph.dims(inputs[0])[3];
    if (!width.IsConst()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "RotaryPosition: expected a constant head_dim, got ", width.ToText()));
    }
    const int64_t head_dim = width.value();
    const int64_t rotary_dim = config_.rotary_dim > 0 ? config_.rotary_dim : head_dim;
    if (rotary_dim > head_dim || rotary_dim % 2 != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("RotaryPosition: rotary_dim must be even and at most head_dim ", head_dim,
                       ", got ", rotary_dim));
    }
    Values operands = {inputs[0], scope.Ambient("positions")};
    if (scope.HasChild("scaling")) {
      const Values scaled = Scaled(scope, rotary_dim / 2);
      if (!graph.ok()) return Values{};
      if (scaled.empty() || scaled.size() > 2) {
        return absl::InvalidArgumentError(absl::StrCat(
            "RotaryPosition: scaling: expected frequencies and perhaps a factor, got ",
            scaled.size(), " results"));
      }
      operands.insert(operands.end(), scaled.begin(), scaled.end());
    }
    return Values{graph.Op("rotary", std::move(operands),
                           {{"theta", config_.theta},
                            {"rotary_dim", rotary_dim},
                            {"interleaved", config_.interleaved}})};
  }

 private:
  Values Scaled(Scope& scope, int64_t pairs) const {
    Graph& graph = scope.graph();
    const ValueId theta = graph.Constant(config_.theta, DType::kF64);
    const ValueId powers = graph.Op("arange", {},
                                    {{"shape", absl::StrCat(pairs)},
                                     {"step", -1.0 / static_cast<double>(pairs)},
                                     {"dtype", "f64"}});
    return scope.Call("scaling", {graph.Op("pow", {theta, powers}), theta});
  }

  RotaryPositionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewRotaryPositionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(RotaryPositionConfig fields, ReadRotaryPositionConfig(config));
  return std::make_unique<RotaryPosition>(std::move(fields));
}

}  // namespace tessera
