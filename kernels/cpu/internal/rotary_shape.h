// RotaryShape: what a rotary call asks for, the layout of its table, and what fills and uses it.
//
// A call runs in two phases: the first writes cos and sin of every position and pair into the
// workspace, the second turns the rows. A batch whose positions equal those of batch 0 has no
// table of its own. Thread-safe: plain data.
#pragma once

#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {

struct RotaryShape;

// Turns all heads of |rows| positions, of the call's dtype.
using RotaryTurn = void (*)(const void* x, const float* cos, const float* sin, int64_t rows,
                            const RotaryShape& shape, void* y);

struct RotaryShape {
  int64_t batch = 0;
  int64_t positions = 0;
  int64_t heads = 0;
  int64_t depth = 0;
  int64_t half = 0;  // pairs: rotary_dim / 2
  double theta = 10000;
  bool inverse = false;
  bool interleaved = false;
  // Positions among the inputs, -1 where absent.
  int8_t frequencies = -1;
  int8_t amplitude = -1;
  DType dtype = DType::kF32;
  RotaryTurn turn = nullptr;
};

// Positions of one task of either phase.
inline constexpr int64_t kRotaryRows = 64;

// The constants of a running call: frequencies (NULL: powers of theta) and the factor.
struct RotaryConstants {
  const double* frequencies;
  double amplitude;
};

// Fills the table: cos of |rows| positions times |half| pairs, sin after them, from fp64 angles.
using RotaryTable = void (*)(const int32_t* positions, int64_t rows, const RotaryShape& shape,
                             const RotaryConstants& constants, float* cos, float* sin);

// The same loop compiled for each instruction set.
extern const RotaryTable kRotaryBaseline;
extern const RotaryTable kRotaryAvx2;
extern const RotaryTable kRotaryAvx512;

}  // namespace tessera::cpu::dense
