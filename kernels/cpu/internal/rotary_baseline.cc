#include "kernels/cpu/internal/rotary_shape.h"

#define TESSERA_ROTARY_ISA rotary_baseline
#include "kernels/cpu/internal/rotary_loops.h"

namespace tessera::cpu::dense {

const RotaryLoops kRotaryBaseline = {rotary_baseline::Table, rotary_baseline::Turn<float>,
                               rotary_baseline::Turn<BF16>};

}  // namespace tessera::cpu::dense
