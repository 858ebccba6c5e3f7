// The floating-point state in which every task runs: IEEE defaults, no flush to zero.
//
// A host may have set flush-to-zero or another rounding on its own threads; tasks on the caller and
// on workers must give the same bits, so the state is set around them and given back after.
// Thread-safe: the state belongs to the thread.
#pragma once

#include <cstdint>

namespace tessera {

#if defined(__x86_64__)
using FloatState = uint32_t;
// Exceptions masked, round to nearest, denormals kept.
inline constexpr FloatState kDefaultFloatState = 0x1f80;
inline FloatState ReadFloatState() { return __builtin_ia32_stmxcsr(); }
inline void WriteFloatState(FloatState state) { __builtin_ia32_ldmxcsr(state); }
#elif defined(__aarch64__)
using FloatState = uint64_t;
inline constexpr FloatState kDefaultFloatState = 0;
inline FloatState ReadFloatState() {
  uint64_t state;
  asm volatile("mrs %0, fpcr" : "=r"(state));
  return state;
}
inline void WriteFloatState(FloatState state) { asm volatile("msr fpcr, %0" : : "r"(state)); }
#else
using FloatState = uint32_t;
inline constexpr FloatState kDefaultFloatState = 0;
inline FloatState ReadFloatState() { return 0; }
inline void WriteFloatState(FloatState) {}
#endif

inline void SetDefaultFloatState() { WriteFloatState(kDefaultFloatState); }

// Sets the default state and gives the caller's back at the end of the scope.
class ScopedFloatState {
 public:
  ScopedFloatState() : before_(ReadFloatState()) { SetDefaultFloatState(); }
  ~ScopedFloatState() { WriteFloatState(before_); }
  ScopedFloatState(const ScopedFloatState&) = delete;
  ScopedFloatState& operator=(const ScopedFloatState&) = delete;

 private:
  FloatState before_;
};

}  // namespace tessera
