// y[r] = x[r] * w[experts[r]]: a product for rows that are sorted by expert (cpp/ops/plan.cc).
//
// `experts` never falls along the rows, all dims of it in row-major order, except that -1 marks the
// rows at the end that are nobody's: their results are zero. Products are summed in fp32 (fp64 for
// f64) and rounded once, to `dtype`; for one expert the bits are those of matmul.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> GroupedMatmulSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 3));
  return absl::StrCat("x[..., K], w[E!, ", use.attrs.Bool("transpose_rhs") ? "N, K" : "K, N",
                      "], experts[...] -> y[..., N]");
}

absl::Status GroupedMatmulGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const ValueType w_type = context.input_type(1);  // a copy: new nodes move what it would refer to
  const bool transposed = context.attrs().Bool("transpose_rhs");
  const ValueId x = context.input(0), experts = context.input(2);
  // The result may be wider than the operands; products take one dtype.
  const ValueId dy = graph.Cast(context.cotangent(), w_type.dtype);
  if (context.needs(0)) {
    context.SetGradient(
        0, graph.Op("grouped_matmul", {dy, context.input(1), experts},
                    {{"transpose_rhs", !transposed},
                     {"dtype", std::string(Name(context.gradient_dtype(0)))}}));
  }
  if (!context.needs(1)) return absl::OkStatus();
  if (!w_type.dims[0].IsConst()) {
    return absl::UnimplementedError(absl::StrCat(
        "grouped_matmul: the gradient needs a constant number of experts, got ", w_type.ToText()));
  }
  context.SetGradient(
      1, graph.Op("grouped_matmul_grad", {transposed ? dy : x, transposed ? x : dy, experts},
                  {{"num_experts", w_type.dims[0].value()},
                   {"dtype", std::string(Name(context.gradient_dtype(1)))}}));
  return absl::OkStatus();
}

double GroupedMatmulFlops(absl::Span<const std::vector<int64_t>> inputs,
                          absl::Span<const std::vector<int64_t>> outputs, const Attrs&) {
  double flops = 2.0 * static_cast<double>(inputs[0].back());
  for (int64_t dim : outputs[0]) flops *= static_cast<double>(dim);
  return flops;
}

}  // namespace

OpDef GroupedMatmulOp() {
  return OpDef("grouped_matmul")
      .Doc("y[r] = x[r] * w[experts[r]] for rows sorted by expert")
      .SignatureBy(GroupedMatmulSignature)
      .InputDTypes("x: float, w: =x, experts: i32")
      .Attr("transpose_rhs", false, "w is stored as [E, N, K]")
      .Attr("dtype", "", "of the result; empty: that of x")
      .OutputDTypeAttr("dtype")
      .Linear({0, 1})
      .Gradient(GroupedMatmulGradient)
      .Flops(GroupedMatmulFlops);
}

}  // namespace tessera
