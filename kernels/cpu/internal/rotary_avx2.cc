#include "kernels/cpu/internal/rotary_shape.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c")
#endif
#define TESSERA_ROTARY_ISA rotary_avx2
#include "kernels/cpu/internal/rotary_loops.h"

namespace tessera::cpu::dense {

const RotaryTable kRotaryAvx2 = rotary_avx2::Table;

}  // namespace tessera::cpu::dense
