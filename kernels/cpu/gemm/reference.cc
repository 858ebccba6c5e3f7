#include "kernels/cpu/gemm/reference.h"

#include <algorithm>

#include "kernels/cpu/gemm/shape.h"

namespace tessera::cpu::dense {
namespace {

constexpr int64_t kRows = 16;     // of one task
constexpr int64_t kColumns = 64;  // summed side by side

struct ReferenceParams {
  MatmulShape shape;
  int64_t row_blocks;
};

// One row block. Each element is one sum over k in rising order, so blocks change nothing.
template <class A, class B, class C>
void RunReference(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                  int64_t task) {
  const auto params = Params<ReferenceParams>(plan);
  const MatmulShape& s = params.shape;
  using S = decltype(Load(A{}) * Load(B{}));
  const int64_t batch = task / params.row_blocks;
  const int64_t row_begin = task % params.row_blocks * kRows;
  const int64_t row_end = std::min(s.m, row_begin + kRows);
  const A* lhs = static_cast<const A*>(call->inputs[0].data) + batch * s.lhs_step;
  const B* rhs = static_cast<const B*>(call->inputs[1].data) + batch * s.rhs_step;
  C* out = static_cast<C*>(call->outputs[0].data) + batch * s.m * s.n;
  for (int64_t row = row_begin; row < row_end; ++row) {
    for (int64_t column = 0; column < s.n; column += kColumns) {
      const int64_t width = std::min(kColumns, s.n - column);
      S sums[kColumns] = {};
      for (int64_t k = 0; k < s.k; ++k) {
        const S a = Load(lhs[row * s.lhs_row + k * s.lhs_k]);
        const B* b = rhs + k * s.rhs_k + column * s.rhs_column;
        for (int64_t j = 0; j < width; ++j) sums[j] += a * S{Load(b[j * s.rhs_column])};
      }
      for (int64_t j = 0; j < width; ++j) Store(sums[j], &out[row * s.n + column + j]);
    }
  }
}

template <class A, class B>
tsr_kernel_run PickOutput(DType out) {
  switch (out) {
    case DType::kF64:
      return RunReference<A, B, double>;
    case DType::kF32:
      return RunReference<A, B, float>;
    case DType::kBF16:
      return RunReference<A, B, BF16>;
    case DType::kF16:
      return RunReference<A, B, F16>;
    default:
      return nullptr;
  }
}

template <class A>
tsr_kernel_run PickRhs(DType rhs, DType out) {
  switch (rhs) {
    case DType::kF32:
      return PickOutput<A, float>(out);
    case DType::kBF16:
      return PickOutput<A, BF16>(out);
    default:
      return nullptr;
  }
}

tsr_kernel_run Pick(DType lhs, DType rhs, DType out) {
  if (lhs == DType::kF64 && rhs == DType::kF64) return PickOutput<double, double>(out);
  if (lhs == DType::kF16 && rhs == DType::kF16) return PickOutput<F16, F16>(out);
  if (lhs == DType::kF32) return PickRhs<float>(rhs, out);
  if (lhs == DType::kBF16) return PickRhs<BF16>(rhs, out);
  return nullptr;
}

}  // namespace

int32_t PrepareReferenceMatmul(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  ReferenceParams params;
  if (ReadMatmulShape(call, &params.shape, reason) != 0) return 1;
  const MatmulShape& s = params.shape;
  plan->run = Pick(s.lhs, s.rhs, s.out);
  if (plan->run == nullptr) return Decline(reason, "matmul: no kernel for these dtypes");
  params.row_blocks = CeilDiv(s.m, kRows);
  plan->phase_count = 1;
  plan->tasks[0] = s.n == 0 ? 0 : s.batch * params.row_blocks;
  plan->workspace_bytes = 0;
  SetParams(plan, params);
  return 0;
}

}  // namespace tessera::cpu::dense
