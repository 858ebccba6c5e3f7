#include "kernels/cpu/internal/rotary_shape.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c")
#endif
#define TESSERA_ROTARY_ISA rotary_avx2
#include "kernels/cpu/internal/rotary_loops.h"

namespace tessera::cpu::dense {

const RotaryLoops kRotaryAvx2 = {rotary_avx2::Table, rotary_avx2::Turn<float>,
                               rotary_avx2::Turn<BF16>};

}  // namespace tessera::cpu::dense
