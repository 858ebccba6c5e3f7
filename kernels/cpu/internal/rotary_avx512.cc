#include "kernels/cpu/internal/rotary_shape.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#endif
#define TESSERA_ROTARY_ISA rotary_avx512
#include "kernels/cpu/internal/rotary_loops.h"

namespace tessera::cpu::dense {

const RotaryTable kRotaryAvx512 = rotary_avx512::Table;

}  // namespace tessera::cpu::dense
