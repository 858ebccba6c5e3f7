// dw[e] = sum over the rows r of expert e of x[t] (column) times dy[r] (row), t the token that row
// r of a plan came from: the gradient of gathered_matmul by its matrices, bit for bit what
// grouped_matmul_grad makes of what dispatch gives.
#include "cpp/ops/internal/checks.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef GatheredMatmulGradOp() {
  return OpDef("gathered_matmul_grad")
      .Doc("dw[e] = the sum of x[t] times dy[r] over the rows of expert e, t the token of row r")
      .Signature("x[..., K], dy[..., R!, N], experts[..., R!], slots[..., R!], rows[..., J!] -> "
                 "dw[{num_experts}, K, N]")
      .InputDTypes("x: float, dy: =x, experts: i32, slots: i32, rows: i32")
      .RequiredAttr(AttrSpec::kInt, "num_experts", "how many there are")
      .Attr("dtype", "f32", "of the result")
      .OutputDTypeAttr("dtype")
      .Check(CheckExperts)
      .Linear({0, 1})
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>, const Attrs&) {
        double flops = 2.0 * static_cast<double>(inputs[0].back());
        for (int64_t dim : inputs[1]) flops *= static_cast<double>(dim);
        return flops;
      });
}

}  // namespace tessera
