// The table of rotary, compiled once per instruction set: a file sets the target by pragma, opens
// its own namespace through TESSERA_ROTARY_ISA and includes this text. No include guard, and no
// standard header after the pragma, so that no shared inline function is built for one target.
//
// The angle position * theta^(-2i / rotary_dim) is formed and reduced to [-pi/4, pi/4] in fp64;
// the polynomials of the reduced angle are Taylor series cut where the rest is below 2^-26.

namespace tessera::cpu::dense {
namespace TESSERA_ROTARY_ISA {

static void Table(const int32_t* positions, int64_t rows, const RotaryShape& shape,
                  const RotaryConstants& constants, float* cos, float* sin) {
  constexpr int64_t kPairs = 64;
  constexpr double kTwoOverPi = 0.63661977236758134308;
  constexpr double kHalfPi = 1.57079632679489661923;
  double frequencies[kPairs];
  for (int64_t first = 0; first < shape.half; first += kPairs) {
    const int64_t width = shape.half - first < kPairs ? shape.half - first : kPairs;
    for (int64_t i = 0; i < width; ++i) {
      frequencies[i] = constants.frequencies != nullptr
                           ? constants.frequencies[first + i]
                           : __builtin_pow(shape.theta,
                                           -static_cast<double>(first + i) / shape.half);
    }
    for (int64_t row = 0; row < rows; ++row) {
      const double position = positions[row];
      for (int64_t i = 0; i < width; ++i) {
        const double angle = position * frequencies[i];
        // Adding 1.5 * 2^52 leaves the nearest integer in the low bits.
        const double shifted = angle * kTwoOverPi + 6755399441055744.0;
        const double turns = shifted - 6755399441055744.0;
        const double x = angle - turns * kHalfPi;
        int64_t quadrant;
        __builtin_memcpy(&quadrant, &shifted, sizeof(quadrant));
        const double q = x * x;
        const double s =
            x * (1 + q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q / 362880))));
        const double c =
            1 + q * (-0.5 + q * (1.0 / 24 + q * (-1.0 / 720 + q * (1.0 / 40320 - q / 3628800))));
        const bool swap = (quadrant & 1) != 0;
        const double sine = constants.amplitude * (swap ? c : s);
        const double cosine = constants.amplitude * (swap ? s : c);
        sin[row * shape.half + first + i] =
            static_cast<float>((quadrant & 2) != 0 ? -sine : sine);
        cos[row * shape.half + first + i] =
            static_cast<float>(((quadrant + 1) & 2) != 0 ? -cosine : cosine);
      }
    }
  }
}

}  // namespace TESSERA_ROTARY_ISA
}  // namespace tessera::cpu::dense
