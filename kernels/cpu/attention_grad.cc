// attention_grad(q, k, v, y, lse, dy, ...) -> dq, dk, dv.
//
//   p = exp(s - lse);  dv = sum over queries of p dy
//   ds = p (dy . v - dy . y) slope, slope = scale (1 - tanh^2) with a cap, else scale
//   dq = sum over keys of ds k;  dk = sum over queries of ds q
// Probabilities are made again from lse, so memory is linear in the sequence. Key heads sum over
// the query heads they serve, in rising order. Best first, plain loops last.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/internal/attention_reference.h"

namespace tessera::cpu {

void RegisterAttentionGradKernels(KernelSink& sink) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = TSR_ISA_REFERENCE,
            .op = "attention_grad",
            .name = "attention_grad.reference",
            .prepare = dense::PrepareReferenceAttentionGrad,
            .version = 1,
            .flags = 0});
}

}  // namespace tessera::cpu
