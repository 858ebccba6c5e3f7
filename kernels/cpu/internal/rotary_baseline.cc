#include "kernels/cpu/internal/rotary_shape.h"

#define TESSERA_ROTARY_ISA rotary_baseline
#include "kernels/cpu/internal/rotary_loops.h"

namespace tessera::cpu::dense {

const RotaryTable kRotaryBaseline = rotary_baseline::Table;

}  // namespace tessera::cpu::dense
