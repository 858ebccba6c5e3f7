// y[r] = x[t] * w[experts[r]] for every row r of a plan (cpp/ops/plan.cc) and the token t it came
// from: grouped_matmul of what dispatch gives, which is not made. The pass fuse_dispatch writes it;
// the bits are those of the two.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

absl::StatusOr<std::string> GatheredMatmulSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 5));
  return absl::StrCat("x[..., K], w[E!, ", use.attrs.Bool("transpose_rhs") ? "N, K" : "K, N",
                      "], experts[..., R!], slots[..., R!], rows[..., J!] -> y[..., R, N]");
}

absl::Status GatheredMatmulGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const ValueType w_type = context.input_type(1);  // a copy: new nodes move what it would refer to
  const bool transposed = context.attrs().Bool("transpose_rhs");
  const ValueId x = context.input(0), experts = context.input(2);
  const ValueId slots = context.input(3), rows = context.input(4);
  const ValueId dy = graph.Cast(context.cotangent(), w_type.dtype);
  if (context.needs(0)) {
    const ValueId dx =
        graph.Op("grouped_matmul", {dy, context.input(1), experts},
                 {{"transpose_rhs", !transposed},
                  {"dtype", std::string(Name(context.gradient_dtype(0)))}});
    context.SetGradient(0, graph.Op("combine", {dx, slots, rows}));
  }
  if (!context.needs(1)) return absl::OkStatus();
  if (!w_type.dims[0].IsConst()) {
    return absl::UnimplementedError(absl::StrCat(
        "gathered_matmul: the gradient needs a constant number of experts, got ",
        w_type.ToText()));
  }
  const Attrs attrs = {{"num_experts", w_type.dims[0].value()},
                       {"dtype", std::string(Name(context.gradient_dtype(1)))}};
  if (!transposed) {
    context.SetGradient(1, graph.Op("gathered_matmul_grad", {x, dy, experts, slots, rows}, attrs));
    return absl::OkStatus();
  }
  const ValueId sent = graph.Op("dispatch", {x, slots, rows});
  context.SetGradient(1, graph.Op("grouped_matmul_grad", {dy, sent, experts}, attrs));
  return absl::OkStatus();
}

double GatheredMatmulFlops(absl::Span<const std::vector<int64_t>> inputs,
                           absl::Span<const std::vector<int64_t>> outputs, const Attrs&) {
  double flops = 2.0 * static_cast<double>(inputs[0].back());
  for (int64_t dim : outputs[0]) flops *= static_cast<double>(dim);
  return flops;
}

}  // namespace

OpDef GatheredMatmulOp() {
  return OpDef("gathered_matmul")
      .Doc("y[r] = x[t] * w[experts[r]] for every row r of a plan and the token t it came from")
      .SignatureBy(GatheredMatmulSignature)
      .InputDTypes("x: float, w: =x, experts: i32, slots: i32, rows: i32")
      .Attr("transpose_rhs", false, "w is stored as [E, N, K]")
      .Attr("dtype", "", "of the result; empty: that of x")
      .OutputDTypeAttr("dtype")
      .Linear({0, 1})
      .Gradient(GatheredMatmulGradient)
      .Flops(GatheredMatmulFlops);
}

}  // namespace tessera
