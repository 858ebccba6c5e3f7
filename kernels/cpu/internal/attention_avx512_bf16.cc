#include "kernels/cpu/gemm/kernel.h"
#include "kernels/cpu/internal/attention_vector.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_pack.h"
#include "kernels/cpu/gemm/unit_pairs.h"
#include "kernels/cpu/internal/attention_blocks.h"

#include "kernels/cpu/internal/attention_backward.h"
#include "kernels/cpu/internal/attention_forward.h"

namespace tessera::cpu::dense {
namespace {

// Products of bf16 pairs; weights are rounded to bf16 on the way to their product.
struct PairMath {
  using Element = BF16;
  using Unit = UnitPairs;
  using Weight = BF16;
  static constexpr int32_t kUnit = 2;

  template <int kPanel>
  static void Pack(const StripSource& source, void* panel) {
    PackUnits<FormatPairs, kPanel>(source, panel);
  }
  static void StoreWeights(Vec weights, BF16* out) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), (__m256i)_mm512_cvtneps_pbh(weights.v));
  }
  // Weights read with rows and columns exchanged: two rows become pairs of one unit.
  static const uint32_t* Across(const BF16* weights, int64_t rows, uint32_t* out) {
    for (int64_t r = 0; r < rows; r += 2) {
      const BF16* low = weights + r * kAttentionBlock;
      for (int64_t c = 0; c < kAttentionBlock; c += 16) {
        const __m512i a = LoadHalves(low + c);
        const __m512i b = LoadHalves(low + kAttentionBlock + c);
        _mm512_storeu_si512(out + r / 2 * kAttentionBlock + c,
                            _mm512_or_si512(a, _mm512_slli_epi32(b, 16)));
      }
    }
    return out;
  }

 private:
  static __m512i LoadHalves(const BF16* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
};

}  // namespace

const AttentionLoops kAttentionAvx512Dot = {
    {2, 32}, RunAttentionForward<PairMath>, RunAttentionBackward<PairMath>,
    RunAttentionBiasBackward<PairMath>};

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
