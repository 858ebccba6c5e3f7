#include "cpp/nn/classification.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {

absl::Status CheckClassifierInputs(Scope& scope, const Values& inputs, int rank) {
  if (scope.mode() == Mode::kDecode) {
    return absl::UnimplementedError(
        "a classifier writes no tokens and has no decode mode; evaluate it");
  }
  return inputs.size() > 1 ? scope.CheckInputs(inputs, {rank, 1})
                           : scope.CheckInputs(inputs, {rank});
}

absl::StatusOr<Values> Classified(Scope& scope, ValueId x, const Values& inputs) {
  Graph& graph = scope.graph();
  const ValueId logits_BC = scope.Call1("head", {x});
  if (!graph.ok() || inputs.size() < 2) return Values{logits_BC};
  // For a loss over tokens, every input is a sequence of one.
  const Dims dims = graph.dims(logits_BC);
  if (dims.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("head: expected scores [B,C], got ", graph.type(logits_BC).ToText()));
  }
  scope.Call("loss", {graph.Reshape(logits_BC, {dims[0], 1, dims[1]}),
                      graph.Reshape(inputs[1], {dims[0], 1})});
  return Values{logits_BC};
}

}  // namespace tessera
