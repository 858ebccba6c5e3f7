// RotaryPosition: turns pairs of query and key features by angles that grow with the position
// (Su et al. 2021, arXiv 2104.09864); scores then depend on distances only.
//
// It stands on the decoder; attention inherits it through the hook "rotate", which takes one
// x[B,T,H,head_dim] (queries or keys) and gives it back turned. It has no parameters.

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
    return Values{graph.Op("rotary", {inputs[0], scope.Ambient("positions")},
                           {{"theta", config_.theta},
                            {"rotary_dim", rotary_dim},
                            {"interleaved", config_.interleaved}})};
  }

 private:
  RotaryPositionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewRotaryPositionModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(RotaryPositionConfig fields, ReadRotaryPositionConfig(config));
  return std::make_unique<RotaryPosition>(std::move(fields));
}

}  // namespace tessera
