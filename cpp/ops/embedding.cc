// y = table[ids]: one row of the table for each id. An id outside the table gives zeros.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status EmbeddingGradient(GradientContext& context) {
  if (!context.needs(1)) return absl::OkStatus();
  const Dim rows = context.input_type(1).dims[0];
  if (!rows.IsConst()) {
    return absl::UnimplementedError(absl::StrCat(
        "embedding: the gradient needs a table of constant size, got ",
        context.input_type(1).ToText()));
  }
  context.SetGradient(
      1, context.graph().Op("embedding_grad", {context.input(0), context.cotangent()},
                            {{"rows", rows.value()},
                             {"dtype", std::string(Name(context.gradient_dtype(1)))}}));
  return absl::OkStatus();
}

}  // namespace

OpDef EmbeddingOp() {
  return OpDef("embedding")
      .Doc("y = table[ids]; zeros for an id outside the table")
      .Signature("ids[...], table[V!, D] -> y[..., D]")
      .InputDTypes("ids: i32|i64, table: float")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>{use.inputs[1].dtype};
      })
      .Linear({1})
      .Gradient(EmbeddingGradient);
}

}  // namespace tessera
