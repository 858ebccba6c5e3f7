#include "cpp/nn/projection.h"

#include "absl/strings/str_cat.h"

namespace tessera {

ValueId Project(Scope& scope, const ProjectionSpec& spec, ValueId x) {
  const std::string prefix = spec.name.empty() ? "" : absl::StrCat(spec.name, "/");
  const ValueId weight_IO =
      scope.Param(absl::StrCat(prefix, "weight"), {spec.in, spec.out},
                  Initializer::Normal(spec.init_std), spec.logical_dims);
  const ValueId y = scope.graph().MatMul(x, weight_IO);
  if (!spec.bias) return y;
  std::vector<std::string> bias_dims;
  if (spec.logical_dims.size() == 2) bias_dims = {spec.logical_dims[1]};
  const ValueId bias_O = scope.Param(absl::StrCat(prefix, "bias"), {spec.out},
                                     Initializer::Constant(0), bias_dims, /*decay=*/false);
  return scope.graph().Add(y, bias_O);
}

}  // namespace tessera
