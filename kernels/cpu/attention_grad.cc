// attention_grad(q, k, v, y, lse, dy, ...) -> dq, dk, dv.
//
//   p = exp(s - lse);  dv = sum over queries of p dy
//   ds = p (dy . v - dy . y) slope, slope = scale (1 - tanh^2) with a cap, else scale
//   dq = sum over keys of ds k;  dk = sum over queries of ds q
// Probabilities are made again from lse, so memory is linear in the sequence. Key heads sum over
// the query heads they serve, in rising order. Best first, plain loops last.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/internal/attention_reference.h"
#include "kernels/cpu/internal/attention_vector.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {
namespace {

template <const dense::AttentionLoops& kLoops, DType kDType>
int32_t PrepareVector(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return dense::PlanAttentionGrad(call, kLoops, kDType, plan, reason);
}

void Add(KernelSink& sink, int32_t isa, const char* name,
         int32_t (*prepare)(const tsr_kernel_call*, tsr_kernel_plan*, char*)) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = isa,
            .op = "attention_grad",
            .name = name,
            .prepare = prepare,
            .version = 2,
            .flags = 0});
}

}  // namespace

void RegisterAttentionGradKernels(KernelSink& sink) {
#if defined(__x86_64__)
  using namespace dense;  // NOLINT: the loops below are all from there
  const auto add_dots = [&] {
    Add(sink, TSR_ISA_AVX512_BF16, "attention_grad.bf16.avx512_bf16",
        PrepareVector<kAttentionAvx512Dot, DType::kBF16>);
  };
  if (HasFastDots()) add_dots();
  Add(sink, TSR_ISA_AVX512, "attention_grad.bf16.avx512",
      PrepareVector<kAttentionAvx512BF16, DType::kBF16>);
  if (!HasFastDots()) add_dots();
  Add(sink, TSR_ISA_AVX512, "attention_grad.f32.avx512",
      PrepareVector<kAttentionAvx512F32, DType::kF32>);
  Add(sink, TSR_ISA_AVX2, "attention_grad.bf16.avx2",
      PrepareVector<kAttentionAvx2BF16, DType::kBF16>);
  Add(sink, TSR_ISA_AVX2, "attention_grad.f32.avx2",
      PrepareVector<kAttentionAvx2F32, DType::kF32>);
#elif defined(__aarch64__)
  using namespace dense;  // NOLINT: as above
  Add(sink, TSR_ISA_BASELINE, "attention_grad.bf16.neon",
      PrepareVector<kAttentionNeonBF16, DType::kBF16>);
  Add(sink, TSR_ISA_BASELINE, "attention_grad.f32.neon",
      PrepareVector<kAttentionNeonF32, DType::kF32>);
#endif
  Add(sink, TSR_ISA_REFERENCE, "attention_grad.reference", dense::PrepareReferenceAttentionGrad);
}

}  // namespace tessera::cpu
