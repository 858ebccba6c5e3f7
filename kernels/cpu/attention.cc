// attention(q, k, v, ...) -> y, lse: softmax of scaled, masked scores times values, by head.
//
//   s = scale * q . k, capped to cap * tanh(s / cap);  y = sum of exp(s - lse) * v over seen keys
// Which keys a query sees: internal/attention_shape.h. A query that sees none gives y = 0 and
// lse = -infinity. Memory is linear in the sequence. Best first, plain loops last; for a few
// queries (decoding) a kernel that reads keys and values where they lie.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/internal/attention_reference.h"
#include "kernels/cpu/internal/attention_vector.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {
namespace {

template <const dense::AttentionLoops& kLoops, DType kDType>
int32_t PrepareVector(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return dense::PlanAttention(call, kLoops, kDType, plan, reason);
}

template <const dense::FewQueriesLoops& kLoops>
int32_t PrepareFewQueries(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return dense::PlanFewQueries(call, kLoops, plan, reason);
}

void Add(KernelSink& sink, int32_t isa, const char* name,
         int32_t (*prepare)(const tsr_kernel_call*, tsr_kernel_plan*, char*)) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = isa,
            .op = "attention",
            .name = name,
            .prepare = prepare,
            .version = 2,
            .flags = 0});
}

}  // namespace

void RegisterAttentionKernels(KernelSink& sink) {
#if defined(__x86_64__)
  using namespace dense;  // NOLINT: the loops below are all from there
  Add(sink, TSR_ISA_AVX512, "attention.few.avx512", PrepareFewQueries<kFewQueriesAvx512>);
  const auto add_dots = [&] {
    Add(sink, TSR_ISA_AVX512_BF16, "attention.bf16.avx512_bf16",
        PrepareVector<kAttentionAvx512Dot, DType::kBF16>);
  };
  if (HasFastDots()) add_dots();
  Add(sink, TSR_ISA_AVX512, "attention.bf16.avx512",
      PrepareVector<kAttentionAvx512BF16, DType::kBF16>);
  if (!HasFastDots()) add_dots();
  Add(sink, TSR_ISA_AVX512, "attention.f32.avx512",
      PrepareVector<kAttentionAvx512F32, DType::kF32>);
  Add(sink, TSR_ISA_AVX2, "attention.few.avx2", PrepareFewQueries<kFewQueriesAvx2>);
  Add(sink, TSR_ISA_AVX2, "attention.bf16.avx2", PrepareVector<kAttentionAvx2BF16, DType::kBF16>);
  Add(sink, TSR_ISA_AVX2, "attention.f32.avx2", PrepareVector<kAttentionAvx2F32, DType::kF32>);
#elif defined(__aarch64__)
  using namespace dense;  // NOLINT: as above
  Add(sink, TSR_ISA_BASELINE, "attention.few.neon", PrepareFewQueries<kFewQueriesNeon>);
  Add(sink, TSR_ISA_BASELINE, "attention.bf16.neon",
      PrepareVector<kAttentionNeonBF16, DType::kBF16>);
  Add(sink, TSR_ISA_BASELINE, "attention.f32.neon",
      PrepareVector<kAttentionNeonF32, DType::kF32>);
#endif
  Add(sink, TSR_ISA_REFERENCE, "attention.reference", dense::PrepareReferenceAttention);
}

}  // namespace tessera::cpu
