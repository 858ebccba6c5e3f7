// UnitPairs: a unit of two bf16 for tile_loops.h, by vdpbf16ps. Included after the target pragma.
#pragma once

namespace tessera::cpu::dense {
namespace {

struct UnitPairs {
  using Packed = uint32_t;
  static Vec LoadColumns(const uint32_t* p) { return {_mm512_loadu_ps(p)}; }
  static Vec SplatRow(const uint32_t* p) {
    return {_mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(*p)))};
  }
  static Vec Add(Vec row, Vec columns, Vec sum) {
    return {_mm512_dpbf16_ps(sum.v, (__m512bh)row.v, (__m512bh)columns.v)};
  }
};

}  // namespace
}  // namespace tessera::cpu::dense
