// attention_bias_grad(q, k, v, y, lse, dy, ..., bias) -> dbias.
//
//   dbias = p (dy . v - dy . y), p = exp(s - lse), at the keys that a query sees, else 0
// summed over the batch, in rising order, for a bias without one. Scores are made again block by
// block, as in attention_grad.cc. Best first, plain loops last.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/internal/attention_reference.h"
#include "kernels/cpu/internal/attention_vector.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {
namespace {

template <const dense::AttentionLoops& kLoops, DType kDType>
int32_t PrepareVector(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return dense::PlanAttentionBiasGrad(call, kLoops, kDType, plan, reason);
}

void Add(KernelSink& sink, int32_t isa, const char* name,
         int32_t (*prepare)(const tsr_kernel_call*, tsr_kernel_plan*, char*)) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = isa,
            .op = "attention_bias_grad",
            .name = name,
            .prepare = prepare,
            .version = 2,
            .flags = 0});
}

}  // namespace

void RegisterAttentionBiasGradKernels(KernelSink& sink) {
#if defined(__x86_64__)
  using namespace dense;  // NOLINT: the loops below are all from there
  const auto add_dots = [&] {
    Add(sink, TSR_ISA_AVX512_BF16, "attention_bias_grad.bf16.avx512_bf16",
        PrepareVector<kAttentionAvx512Dot, DType::kBF16>);
  };
  if (HasFastDots()) add_dots();
  Add(sink, TSR_ISA_AVX512, "attention_bias_grad.bf16.avx512",
      PrepareVector<kAttentionAvx512BF16, DType::kBF16>);
  if (!HasFastDots()) add_dots();
  Add(sink, TSR_ISA_AVX512, "attention_bias_grad.f32.avx512",
      PrepareVector<kAttentionAvx512F32, DType::kF32>);
  Add(sink, TSR_ISA_AVX2, "attention_bias_grad.bf16.avx2",
      PrepareVector<kAttentionAvx2BF16, DType::kBF16>);
  Add(sink, TSR_ISA_AVX2, "attention_bias_grad.f32.avx2",
      PrepareVector<kAttentionAvx2F32, DType::kF32>);
#elif defined(__aarch64__)
  using namespace dense;  // NOLINT: as above
  Add(sink, TSR_ISA_BASELINE, "attention_bias_grad.bf16.neon",
      PrepareVector<kAttentionNeonBF16, DType::kBF16>);
  Add(sink, TSR_ISA_BASELINE, "attention_bias_grad.f32.neon",
      PrepareVector<kAttentionNeonF32, DType::kF32>);
#endif
  Add(sink, TSR_ISA_REFERENCE, "attention_bias_grad.reference",
      dense::PrepareReferenceAttentionBiasGrad);
}

}  // namespace tessera::cpu
