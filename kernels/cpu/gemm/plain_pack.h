// Packing into panels of fp32, for any type and any way a matrix lies. Included after a vec_*.h.
#pragma once

#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {
namespace {

// Panels stored [k][strip].
template <class T, int kPanel>
void PackPlain(const StripSource& source, void* panel) {
  const T* data = static_cast<const T*>(source.data);
  float* out = static_cast<float*>(panel);
  int64_t k = 0;
  if (source.step == 1 && source.width == kPanel) {
    // A panel that is no whole number of vectors: the last one reaches into the next row, of which
    // there is none at the end, and is written over there.
    const int64_t vectors = kPanel % Vec::kLanes == 0 ? source.k : source.k - 1;
    for (; k < vectors; ++k, out += kPanel) {
      const T* from = data + k * source.k_step;
      for (int64_t i = 0; i < kPanel; i += Vec::kLanes) StoreV(LoadV(from + i), out + i);
    }
  }
  for (; k < source.k; ++k, out += kPanel) {
    const T* from = data + k * source.k_step;
    for (int64_t i = 0; i < source.width; ++i) out[i] = Load(from[i * source.step]);
    for (int64_t i = source.width; i < kPanel; ++i) out[i] = 0;
  }
}

// [row][k], rows source.panel_row bytes apart; k is contiguous.
template <class T, int kRows>
void PackPlainRows(const StripSource& source, void* panel) {
  const T* data = static_cast<const T*>(source.data);
  char* out = static_cast<char*>(panel);
  for (int64_t r = 0; r < kRows; ++r, out += source.panel_row) {
    float* row = reinterpret_cast<float*>(out);
    for (int64_t k = 0; k < source.k; k += Vec::kLanes) {
      const int64_t left = source.k - k;
      const T* from = data + r * source.step + k;
      StoreV(r >= source.width       ? Zero()
             : left < Vec::kLanes ? LoadPart(from, left)
                                  : LoadV(from),
             row + k);
    }
  }
}

}  // namespace
}  // namespace tessera::cpu::dense
