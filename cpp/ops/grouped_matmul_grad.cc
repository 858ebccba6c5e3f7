// dw[e] = sum over the rows r of expert e of x[r] (column) times dy[r] (row): the gradient of
// grouped_matmul by its matrices. Zeros for an expert without rows. Summed over the rows in their
// order in fp32 (fp64 for f64) and rounded once, to `dtype`.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef GroupedMatmulGradOp() {
  return OpDef("grouped_matmul_grad")
      .Doc("dw[e] = the sum of x[r] times dy[r] over the rows of expert e")
      .Signature("x[..., K], dy[..., N], experts[...] -> dw[{num_experts}, K, N]")
      .InputDTypes("x: float, dy: =x, experts: i32")
      .RequiredAttr(AttrSpec::kInt, "num_experts", "how many there are")
      .Attr("dtype", "f32", "of the result")
      .OutputDTypeAttr("dtype")
      .Check(CheckExperts)
      .Linear({0, 1})
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>, const Attrs&) {
        double flops = 2.0 * static_cast<double>(inputs[1].back());
        for (int64_t dim : inputs[0]) flops *= static_cast<double>(dim);
        return flops;
      });
}

}  // namespace tessera
