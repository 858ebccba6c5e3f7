// The kernels of the GEMM drivers that tests try one by one, and numbers for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/tensor/dtype.h"
#include "kernels/cpu/gemm/kernels.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu::dense {

// A GEMM kernel that this machine has.
struct GemmCase {
  const GemmKernel* kernel;
  bool bf16;   // its operands
  int32_t isa;
  std::string name;
};

inline std::vector<GemmCase> GemmCases() {
  std::vector<GemmCase> cases;
#if defined(__x86_64__)
  cases = {{&kGemmAvx2F32, false, TSR_ISA_AVX2, "f32.avx2"},
           {&kGemmAvx2BF16, true, TSR_ISA_AVX2, "bf16.avx2"},
           {&kGemmAvx512F32, false, TSR_ISA_AVX512, "f32.avx512"},
           {&kGemmAvx512BF16, true, TSR_ISA_AVX512, "bf16.avx512"},
           {&kGemmAvx512Dot, true, TSR_ISA_AVX512_BF16, "bf16.avx512_bf16"}};
#elif defined(__aarch64__)
  cases = {{&kGemmNeonF32, false, TSR_ISA_BASELINE, "f32.neon"},
           {&kGemmNeonBF16, true, TSR_ISA_BASELINE, "bf16.neon"}};
#endif
  std::erase_if(cases, [](const GemmCase& c) { return c.isa > DetectIsa(); });
  return cases;
}

// Between -0.5 and 0.5.
template <class T>
std::vector<T> Numbers(int64_t count) {
  std::vector<T> numbers(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    Store(static_cast<float>((i * 7919) % 1021) / 1021.0f - 0.5f, &numbers[static_cast<size_t>(i)]);
  }
  return numbers;
}

}  // namespace tessera::cpu::dense
