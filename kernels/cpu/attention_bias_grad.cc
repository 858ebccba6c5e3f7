// attention_bias_grad(q, k, v, y, lse, dy, ..., bias) -> dbias.
//
//   dbias = p (dy . v - dy . y), p = exp(s - lse), at the keys that a query sees, else 0
// summed over the batch, in rising order, for a bias without one. Plain loops only.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/internal/attention_reference.h"

namespace tessera::cpu {

void RegisterAttentionBiasGradKernels(KernelSink& sink) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = TSR_ISA_REFERENCE,
            .op = "attention_bias_grad",
            .name = "attention_bias_grad.reference",
            .prepare = dense::PrepareReferenceAttentionBiasGrad,
            .version = 1,
            .flags = 0});
}

}  // namespace tessera::cpu
