#include "kernels/cpu/gemm/few_rows.h"

#include <algorithm>

namespace tessera::cpu::dense {
namespace {

struct FewRowsParams {
  MatmulShape shape;
  FewRowsRun run;
};

template <class A>
void Widen(const tsr_kernel_call* call, const MatmulShape& s, int64_t row, float* out) {
  const A* lhs = static_cast<const A*>(call->inputs[0].data) + row / s.m * s.lhs_step +
                 row % s.m * s.lhs_row;
  for (int64_t k = 0; k < s.k; ++k) out[k] = Load(lhs[k * s.lhs_k]);
}

void RunFewRows(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                int64_t task) {
  const auto params = Params<FewRowsParams>(plan);
  const MatmulShape& s = params.shape;
  float* widened = static_cast<float*>(call->workspace);
  if (phase == 0) {
    float* out = widened + task * s.k;
    (s.lhs == DType::kF32 ? Widen<float> : Widen<BF16>)(call, s, task, out);
    return;
  }
  const int64_t blocks = CeilDiv(s.n, kFewRowsColumns);
  const int64_t batch = task / blocks;
  const int64_t rhs_bytes = static_cast<int64_t>(SizeOf(s.rhs));
  const int64_t out_bytes = static_cast<int64_t>(SizeOf(s.out));
  FewRows work;
  work.lhs = widened + batch * s.m * s.k;
  work.rhs = static_cast<const char*>(call->inputs[1].data) + batch * s.rhs_step * rhs_bytes;
  work.out = static_cast<char*>(call->outputs[0].data) + batch * s.m * s.n * out_bytes;
  work.rows = s.m;
  work.k = s.k;
  work.k_step = s.rhs_k;
  work.column_step = s.rhs_column;
  work.out_step = s.n;
  work.begin = task % blocks * kFewRowsColumns;
  work.end = std::min(s.n, work.begin + kFewRowsColumns);
  params.run(work);
}

}  // namespace

int32_t PlanFewRows(const MatmulShape& shape, const FewRowsKernel& kernel, tsr_kernel_plan* plan,
                    char* reason) {
  if (shape.m > kFewRows) return Decline(reason, "matmul: too many rows for the row kernel");
  FewRowsParams params;
  params.shape = shape;
  const bool bf16 = shape.out == DType::kBF16;
  if (shape.rhs == DType::kF32) {
    params.run = bf16 ? kernel.f32_bf16 : kernel.f32_f32;
  } else {
    params.run = bf16 ? kernel.bf16_bf16 : kernel.bf16_f32;
  }
  const bool empty = shape.batch * shape.m * shape.n == 0;
  plan->run = RunFewRows;
  plan->phase_count = 2;
  plan->tasks[0] = empty ? 0 : shape.batch * shape.m;
  plan->tasks[1] = empty ? 0 : shape.batch * CeilDiv(shape.n, kFewRowsColumns);
  plan->workspace_bytes = empty ? 0 : static_cast<size_t>(shape.batch * shape.m * shape.k) * 4;
  SetParams(plan, params);
  return 0;
}

}  // namespace tessera::cpu::dense
