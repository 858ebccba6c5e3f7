// FloatMath: products of fp32 for vector attention, whatever the elements are stored as. Included
// after attention_blocks.h; the file defines PackFloats<Element, kPanel>(source, panel) before.
#pragma once

namespace tessera::cpu::dense {
namespace {

template <class T>
struct FloatMath {
  using Element = T;
  using Unit = UnitF32;
  using Weight = float;
  static constexpr int32_t kUnit = 1;

  template <int kPanel>
  static void Pack(const StripSource& source, void* panel) {
    PackFloats<T, kPanel>(source, panel);
  }
  static void StoreWeights(Vec weights, float* out) { StoreV(weights, out); }
  // Weights read with rows and columns exchanged: as they are.
  static const float* Across(const float* weights, int64_t, float*) { return weights; }
};

}  // namespace
}  // namespace tessera::cpu::dense
