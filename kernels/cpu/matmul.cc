// matmul(lhs, rhs) {transpose_lhs, transpose_rhs}: C[m, n] = sum over k of A[m, k] B[k, n].
//
// Best first: AMX tiles, AVX-512 with bf16 dot products or without (whichever this processor does
// faster), AVX2, then plain loops; for few rows a kernel that reads the right matrix in place. What
// they share, and the order of every sum, stands in gemm/driver.h and gemm/few_rows.h.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/gemm/driver.h"
#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernels.h"
#include "kernels/cpu/gemm/reference.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {
namespace {

using dense::Decline;
using dense::FewRowsKernel;
using dense::GemmKernel;
using dense::MatmulShape;

bool IsF32OrBF16(DType dtype) { return dtype == DType::kF32 || dtype == DType::kBF16; }

// Calls with operands of |dtype| on either side and an f32 or bf16 result.
int32_t ReadGemmShape(const tsr_kernel_call* call, DType dtype, MatmulShape* shape, char* reason) {
  if (ReadMatmulShape(call, shape, reason) != 0) return 1;
  if (shape->lhs == dtype && shape->rhs == dtype && IsF32OrBF16(shape->out)) return 0;
  return Decline(reason, "matmul: the kernel is for other dtypes");
}

template <const GemmKernel& kKernel, DType kDType>
int32_t PrepareGemm(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  MatmulShape shape;
  if (ReadGemmShape(call, kDType, &shape, reason) != 0) return 1;
  return PlanGemm(shape, kKernel, call->knobs, plan, reason);
}

template <const GemmKernel& kKernel, DType kDType>
int32_t ExploreGemmOf(const tsr_kernel_call* call, tsr_kernel_space* space, tsr_kernel_visit visit,
                      void* visit_user, char* reason) {
  MatmulShape shape;
  if (ReadGemmShape(call, kDType, &shape, reason) != 0) return 1;
  return ExploreGemm(shape, kKernel, space, visit, visit_user, reason);
}

template <const FewRowsKernel& kKernel>
int32_t PrepareFewRows(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  MatmulShape shape;
  if (ReadMatmulShape(call, &shape, reason) != 0) return 1;
  if (!IsF32OrBF16(shape.lhs) || !IsF32OrBF16(shape.rhs) || !IsF32OrBF16(shape.out)) {
    return Decline(reason, "matmul: the row kernel takes f32 and bf16");
  }
  return PlanFewRows(shape, kKernel, plan, reason);
}

void Add(KernelSink& sink, int32_t isa, const char* name,
         decltype(tsr_kernel_def::prepare) prepare,
         decltype(tsr_kernel_def::explore) explore = nullptr) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = isa,
            .op = "matmul",
            .name = name,
            .prepare = prepare,
            .version = 3,
            .flags = 0,
            .user = nullptr,
            .explore = explore});
}

template <const GemmKernel& kKernel, DType kDType>
void AddGemm(KernelSink& sink, int32_t isa, const char* name) {
  Add(sink, isa, name, PrepareGemm<kKernel, kDType>, ExploreGemmOf<kKernel, kDType>);
}

}  // namespace

void RegisterMatmulKernels(KernelSink& sink) {
#if defined(__x86_64__)
  using namespace dense;  // NOLINT: the kernel tables below are all from there
  Add(sink, TSR_ISA_AVX512, "matmul.rows.avx512", PrepareFewRows<kFewRowsAvx512>);
  AddGemm<kGemmAmx, DType::kBF16>(sink, TSR_ISA_AMX, "matmul.bf16.amx");
  const auto add_dots = [&] {
    AddGemm<kGemmAvx512Dot, DType::kBF16>(sink, TSR_ISA_AVX512_BF16, "matmul.bf16.avx512_bf16");
  };
  if (HasFastDots()) add_dots();
  AddGemm<kGemmAvx512BF16, DType::kBF16>(sink, TSR_ISA_AVX512, "matmul.bf16.avx512");
  if (!HasFastDots()) add_dots();
  AddGemm<kGemmAvx512F32, DType::kF32>(sink, TSR_ISA_AVX512, "matmul.f32.avx512");
  Add(sink, TSR_ISA_AVX2, "matmul.rows.avx2", PrepareFewRows<kFewRowsAvx2>);
  AddGemm<kGemmAvx2BF16, DType::kBF16>(sink, TSR_ISA_AVX2, "matmul.bf16.avx2");
  AddGemm<kGemmAvx2F32, DType::kF32>(sink, TSR_ISA_AVX2, "matmul.f32.avx2");
#elif defined(__aarch64__)
  using namespace dense;  // NOLINT: as above
  Add(sink, TSR_ISA_BASELINE, "matmul.rows.neon", PrepareFewRows<kFewRowsNeon>);
  AddGemm<kGemmNeonBF16, DType::kBF16>(sink, TSR_ISA_BASELINE, "matmul.bf16.neon");
  AddGemm<kGemmNeonF32, DType::kF32>(sink, TSR_ISA_BASELINE, "matmul.f32.neon");
#endif
  Add(sink, TSR_ISA_REFERENCE, "matmul.reference", dense::PrepareReferenceMatmul);
}

}  // namespace tessera::cpu
