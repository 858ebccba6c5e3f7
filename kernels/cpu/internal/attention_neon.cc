#include "kernels/cpu/gemm/kernel.h"
#include "kernels/cpu/internal/attention_vector.h"

#if defined(__aarch64__)

#include "kernels/cpu/internal/vec_neon.h"

#include "kernels/cpu/gemm/plain_pack.h"

namespace tessera::cpu::dense {
namespace {

template <class T, int kPanel>
void PackFloats(const StripSource& source, void* panel) {
  PackPlain<T, kPanel>(source, panel);
}

}  // namespace
}  // namespace tessera::cpu::dense

#include "kernels/cpu/internal/attention_blocks.h"

#include "kernels/cpu/internal/attention_backward.h"
#include "kernels/cpu/internal/attention_few.h"
#include "kernels/cpu/internal/attention_forward.h"
#include "kernels/cpu/internal/attention_math.h"

namespace tessera::cpu::dense {

const AttentionLoops kAttentionNeonF32 = {{1, 16},
                                          RunAttentionForward<FloatMath<float>>,
                                          RunAttentionBackward<FloatMath<float>>,
                                          RunAttentionBiasBackward<FloatMath<float>>};
const AttentionLoops kAttentionNeonBF16 = {{1, 16},
                                           RunAttentionForward<FloatMath<BF16>>,
                                           RunAttentionBackward<FloatMath<BF16>>,
                                           RunAttentionBiasBackward<FloatMath<BF16>>};

const FewQueriesLoops kFewQueriesNeon = {RunFewQueries<float>, RunFewQueries<BF16>};

}  // namespace tessera::cpu::dense

#endif  // defined(__aarch64__)
