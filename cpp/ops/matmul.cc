// y = lhs * rhs: y[m, n] = sum over k of lhs[m, k] * rhs[k, n], each operand transposed on request.
//
// A rhs of rank 2 is shared by all rows: lhs is [..., M, K] and its leading dims are rows too.
// Otherwise both have the same leading (batch) dims. Products are summed in fp32 for bf16 and f32
// (fp64 for f64) and rounded once, to `dtype`.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

bool HasSharedRhs(const ValueType& lhs, const ValueType& rhs, bool transpose_lhs) {
  return rhs.dims.size() == 2 && !transpose_lhs && lhs.dims.size() != 2;
}

absl::StatusOr<std::string> MatmulSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 2));
  const size_t lhs_rank = use.inputs[0].dims.size(), rhs_rank = use.inputs[1].dims.size();
  const bool transpose_lhs = use.attrs.Bool("transpose_lhs");
  if (lhs_rank < 2 || rhs_rank < 2 || (lhs_rank != rhs_rank && (rhs_rank != 2 || transpose_lhs))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected lhs[..., M, K] with rhs[K, N], or equal batch dims; got ",
        use.inputs[0].ToText(), " and ", use.inputs[1].ToText(),
        transpose_lhs ? " with transpose_lhs" : ""));
  }
  const std::string_view rhs = use.attrs.Bool("transpose_rhs") ? "N, K" : "K, N";
  if (rhs_rank == 2 && !transpose_lhs) {
    return absl::StrCat("lhs[..., K], rhs[", rhs, "] -> y[..., N]");
  }
  return absl::StrCat("lhs[..., ", transpose_lhs ? "K, M" : "M, K", "], rhs[..., ", rhs,
                      "] -> y[..., M, N]");
}

// A product whose result has the dtype that the gradient of operand i should have.
ValueId MatmulFor(GradientContext& context, size_t i, ValueId lhs, ValueId rhs, bool transpose_lhs,
                  bool transpose_rhs) {
  return context.graph().Op("matmul", {lhs, rhs},
                            {{"transpose_lhs", transpose_lhs},
                             {"transpose_rhs", transpose_rhs},
                             {"dtype", std::string(Name(context.gradient_dtype(i)))}});
}

absl::Status MatmulGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const ValueType lhs_type = context.input_type(0), rhs_type = context.input_type(1);
  const ValueId lhs = context.input(0), rhs = context.input(1);
  const bool tl = context.attrs().Bool("transpose_lhs");
  const bool tr = context.attrs().Bool("transpose_rhs");
  // The result may be wider than the operands; products take one dtype.
  const ValueId dy = graph.Cast(context.cotangent(), lhs_type.dtype);
  if (HasSharedRhs(lhs_type, rhs_type, tl)) {
    if (context.needs(0)) context.SetGradient(0, MatmulFor(context, 0, dy, rhs, false, !tr));
    if (!context.needs(1) || !graph.ok()) return absl::OkStatus();
    const auto rows = [&graph](ValueId x) {
      const Dims dims = graph.dims(x);
      return graph.Reshape(x, {Product(Dims(dims.begin(), dims.end() - 1)), dims.back()});
    };
    const ValueId x = rows(lhs);
    const ValueId dy_rows = rows(dy);
    context.SetGradient(1, tr ? MatmulFor(context, 1, dy_rows, x, true, false)
                              : MatmulFor(context, 1, x, dy_rows, true, false));
    return absl::OkStatus();
  }
  if (context.needs(0)) {
    context.SetGradient(0, tl ? MatmulFor(context, 0, rhs, dy, tr, true)
                              : MatmulFor(context, 0, dy, rhs, false, !tr));
  }
  if (context.needs(1)) {
    context.SetGradient(1, tr ? MatmulFor(context, 1, dy, lhs, true, tl)
                              : MatmulFor(context, 1, lhs, dy, !tl, false));
  }
  return absl::OkStatus();
}

double MatmulFlops(absl::Span<const std::vector<int64_t>> inputs,
                   absl::Span<const std::vector<int64_t>> outputs, const Attrs& attrs) {
  const std::vector<int64_t>& lhs = inputs[0];
  double flops = 2.0 * static_cast<double>(lhs[lhs.size() - (attrs.Bool("transpose_lhs") ? 2 : 1)]);
  for (int64_t dim : outputs[0]) flops *= static_cast<double>(dim);
  return flops;
}

}  // namespace

OpDef MatmulOp() {
  return OpDef("matmul")
      .Doc("y[m, n] = sum over k of lhs[m, k] * rhs[k, n]")
      .SignatureBy(MatmulSignature)
      .InputDTypes("lhs: float, rhs: =lhs")
      .Attr("transpose_lhs", false, "lhs is stored as [..., K, M]")
      .Attr("transpose_rhs", false, "rhs is stored as [..., N, K]")
      .Attr("dtype", "", "of the result; empty: that of lhs")
      .OutputDTypeAttr("dtype")
      .Linear({0, 1})
      .Gradient(MatmulGradient)
      .Flops(MatmulFlops)
      .Grouped("grouped_matmul");
}

}  // namespace tessera
