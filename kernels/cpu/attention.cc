// attention(q, k, v, ...) -> y, lse: softmax of scaled, masked scores times values, by head.
//
//   s = scale * q . k, capped to cap * tanh(s / cap);  y = sum of exp(s - lse) * v over seen keys
// Which keys a query sees: internal/attention_shape.h. A query that sees none gives y = 0 and
// lse = -infinity. Memory is linear in the sequence. Best first, plain loops last.
#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/internal/attention_reference.h"

namespace tessera::cpu {

void RegisterAttentionKernels(KernelSink& sink) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = TSR_ISA_REFERENCE,
            .op = "attention",
            .name = "attention.reference",
            .prepare = dense::PrepareReferenceAttention,
            .version = 1,
            .flags = 0});
}

}  // namespace tessera::cpu
