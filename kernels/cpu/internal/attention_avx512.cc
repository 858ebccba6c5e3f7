#include "kernels/cpu/gemm/kernel.h"
#include "kernels/cpu/internal/attention_vector.h"

#if defined(__x86_64__)

#include "kernels/cpu/internal/intrinsics.h"

#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")

#include "kernels/cpu/internal/vec_avx512.h"

#include "kernels/cpu/gemm/avx512_pack.h"

namespace tessera::cpu::dense {
namespace {

template <class T, int kPanel>
void PackFloats(const StripSource& source, void* panel) {
  if constexpr (sizeof(T) == sizeof(float)) {
    PackUnits<FormatF32, kPanel>(source, panel);
  } else {
    PackUnits<FormatWidened, kPanel>(source, panel);
  }
}

}  // namespace
}  // namespace tessera::cpu::dense

#include "kernels/cpu/internal/attention_blocks.h"

#include "kernels/cpu/internal/attention_backward.h"
#include "kernels/cpu/internal/attention_few.h"
#include "kernels/cpu/internal/attention_forward.h"
#include "kernels/cpu/internal/attention_math.h"

namespace tessera::cpu::dense {

const AttentionLoops kAttentionAvx512F32 = {{1, 32},
                                            RunAttentionForward<FloatMath<float>>,
                                            RunAttentionBackward<FloatMath<float>>,
                                            RunAttentionBiasBackward<FloatMath<float>>};
const AttentionLoops kAttentionAvx512BF16 = {{1, 32},
                                             RunAttentionForward<FloatMath<BF16>>,
                                             RunAttentionBackward<FloatMath<BF16>>,
                                             RunAttentionBiasBackward<FloatMath<BF16>>};

const FewQueriesLoops kFewQueriesAvx512 = {RunFewQueries<float>, RunFewQueries<BF16>};

}  // namespace tessera::cpu::dense

#endif  // defined(__x86_64__)
