// grouped_matmul, grouped_matmul_grad, gathered_matmul, gathered_matmul_grad: products of rows that
// are sorted by expert, or lie with their tokens still.
//
// Best first, as for matmul: AMX tiles, AVX-512 with bf16 dot products or without, AVX2, then plain
// loops. How the work is cut stands in gemm/grouped.h.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/gemm/grouped.h"
#include "kernels/cpu/gemm/kernels.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {
namespace {

using dense::Decline;
using dense::FewRowsKernel;
using dense::GemmKernel;
using dense::GroupedShape;
using Prepare = int32_t (*)(const tsr_kernel_call*, tsr_kernel_plan*, char*);

bool Takes(const GroupedShape& shape, DType dtype, char* reason) {
  if (shape.in == dtype && (shape.out == DType::kF32 || shape.out == DType::kBF16)) return true;
  Decline(reason, "grouped_matmul: the kernel is for other dtypes");
  return false;
}

template <const GemmKernel& kKernel, const FewRowsKernel& kFew, DType kDType>
int32_t PrepareProduct(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  GroupedShape shape;
  if (ReadGroupedShape(call, &shape, reason) != 0 || !Takes(shape, kDType, reason)) return 1;
  return PlanGrouped(shape, kKernel, &kFew, plan, reason);
}

template <const GemmKernel& kKernel, DType kDType>
int32_t PrepareGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  GroupedShape shape;
  if (ReadGroupedGradShape(call, &shape, reason) != 0 || !Takes(shape, kDType, reason)) return 1;
  return PlanGroupedGrad(shape, kKernel, plan, reason);
}

void Add(KernelSink& sink, int32_t isa, const char* op, const char* name, Prepare prepare) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = isa,
            .op = op,
            .name = name,
            .prepare = prepare,
            .version = 2,
            .flags = 0});
}

#if defined(__x86_64__) || defined(__aarch64__)
// Names of the kernels of one instruction set and dtype, in the order of the ops above.
using Names = const char* const[4];

template <const GemmKernel& kKernel, const FewRowsKernel& kFew, DType kDType>
void AddAll(KernelSink& sink, int32_t isa, const Names& names) {
  Add(sink, isa, "grouped_matmul", names[0], PrepareProduct<kKernel, kFew, kDType>);
  Add(sink, isa, "grouped_matmul_grad", names[1], PrepareGrad<kKernel, kDType>);
  Add(sink, isa, "gathered_matmul", names[2], PrepareProduct<kKernel, kFew, kDType>);
  Add(sink, isa, "gathered_matmul_grad", names[3], PrepareGrad<kKernel, kDType>);
}

#define TESSERA_NAMES(suffix)                                                        \
  {                                                                                  \
    "grouped_matmul." suffix, "grouped_matmul_grad." suffix, "gathered_matmul." suffix, \
        "gathered_matmul_grad." suffix                                               \
  }
#endif

}  // namespace

void RegisterGroupedMatmulKernels(KernelSink& sink) {
#if defined(__x86_64__)
  using namespace dense;  // NOLINT: the kernel tables below are all from there
  AddAll<kGemmAmx, kFewRowsAvx512, DType::kBF16>(sink, TSR_ISA_AMX, TESSERA_NAMES("bf16.amx"));
  const auto add_dots = [&] {
    AddAll<kGemmAvx512Dot, kFewRowsAvx512, DType::kBF16>(sink, TSR_ISA_AVX512_BF16,
                                                         TESSERA_NAMES("bf16.avx512_bf16"));
  };
  if (HasFastDots()) add_dots();
  AddAll<kGemmAvx512BF16, kFewRowsAvx512, DType::kBF16>(sink, TSR_ISA_AVX512,
                                                        TESSERA_NAMES("bf16.avx512"));
  if (!HasFastDots()) add_dots();
  AddAll<kGemmAvx512F32, kFewRowsAvx512, DType::kF32>(sink, TSR_ISA_AVX512,
                                                      TESSERA_NAMES("f32.avx512"));
  AddAll<kGemmAvx2BF16, kFewRowsAvx2, DType::kBF16>(sink, TSR_ISA_AVX2,
                                                    TESSERA_NAMES("bf16.avx2"));
  AddAll<kGemmAvx2F32, kFewRowsAvx2, DType::kF32>(sink, TSR_ISA_AVX2, TESSERA_NAMES("f32.avx2"));
#elif defined(__aarch64__)
  using namespace dense;  // NOLINT: as above
  AddAll<kGemmNeonBF16, kFewRowsNeon, DType::kBF16>(sink, TSR_ISA_BASELINE,
                                                    TESSERA_NAMES("bf16.neon"));
  AddAll<kGemmNeonF32, kFewRowsNeon, DType::kF32>(sink, TSR_ISA_BASELINE,
                                                  TESSERA_NAMES("f32.neon"));
#endif
  Add(sink, TSR_ISA_REFERENCE, "grouped_matmul", "grouped_matmul.reference",
      dense::PrepareReferenceGrouped);
  Add(sink, TSR_ISA_REFERENCE, "grouped_matmul_grad", "grouped_matmul_grad.reference",
      dense::PrepareReferenceGroupedGrad);
  Add(sink, TSR_ISA_REFERENCE, "gathered_matmul", "gathered_matmul.reference",
      dense::PrepareReferenceGrouped);
  Add(sink, TSR_ISA_REFERENCE, "gathered_matmul_grad", "gathered_matmul_grad.reference",
      dense::PrepareReferenceGroupedGrad);
}

}  // namespace tessera::cpu
