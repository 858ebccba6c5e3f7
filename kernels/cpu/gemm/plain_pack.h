// Packing in plain loops: strips of a matrix into panels of fp32, for any type and any way it lies.
// Included after the target pragma.
#pragma once

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {
namespace {

template <class T, int kPanel>
void PackPlain(const StripSource& source, void* panel) {
  const T* data = static_cast<const T*>(source.data);
  float* out = static_cast<float*>(panel);
  for (int64_t k = 0; k < source.k; ++k) {
    const T* from = data + k * source.k_step;
    for (int64_t i = 0; i < source.width; ++i) out[i] = Load(from[i * source.step]);
    for (int64_t i = source.width; i < kPanel; ++i) out[i] = 0;
    out += kPanel;
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
