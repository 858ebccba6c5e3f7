// Which instruction sets the vector kernels are compiled for, and which of them a call uses.
//
// Include before hwy/foreach_target.h. On x86-64: the baseline (SSE2), AVX2 with FMA, AVX-512 (F,
// BW, DQ, VL), and AVX-512 with bf16, which rounds to it in one instruction instead of nine; each
// further set costs compile time and wins little for work bound by memory. Which one runs is
// decided per call, from the call's cap, and never by Highway's process-wide choice: two runtimes
// of one process may have different caps. Thread-safe: pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

// Names of sets that this compiler or architecture lacks count as 0 here.
#define HWY_DISABLED_TARGETS                                                              \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_AVX3_SPR | HWY_NEON_BF16 | HWY_SVE | HWY_SVE2 | \
   HWY_SVE_256 | HWY_SVE2_128)

// Whether what is being compiled is for AVX-512, with bf16 or without.
#define TESSERA_IS_AVX512 (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_ZEN4)

#include "cpp/device/backend.h"
#include "hwy/targets.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {

// Where a call's function stands in a table made by HWY_EXPORT.
inline size_t TargetIndex(const tsr_kernel_call* call) {
#if defined(__x86_64__)
  const int32_t isa = std::min<int32_t>(call->isa, DetectIsa());
  int64_t allowed = HWY_SSE2;
  if (isa >= TSR_ISA_AVX2) allowed |= HWY_AVX2;
  if (isa >= TSR_ISA_AVX512) allowed |= HWY_AVX3;
  // Highway's set with bf16 has all of AVX3_DL's extensions too, and its own choice is AMD's alone.
  // Highway asks the processor every time, which a virtual machine answers slowly.
  static const bool has_extensions = (hwy::SupportedTargets() & HWY_AVX3_DL) != 0;
  if (isa >= TSR_ISA_AVX512_BF16 && has_extensions) allowed |= HWY_AVX3_ZEN4;
#else
  static const int64_t allowed = hwy::SupportedTargets();
#endif
  hwy::ChosenTarget chosen;
  chosen.Update(allowed);
  return chosen.GetIndex();
}

}  // namespace tessera::cpu

// The call's version of FUNCTION, which was exported in the same file.
#define TESSERA_FOR_CALL(FUNCTION, CALL) \
  (HWY_DISPATCH_TABLE(FUNCTION)[tessera::cpu::TargetIndex(CALL)])
