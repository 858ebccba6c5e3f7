// Attention: what attention and its gradients share: attributes, operands, checks, flops.
// Not an op itself. Thread-safe: pure functions.
#pragma once

#include <string_view>

#include "cpp/ir/op_def.h"

namespace tessera {

// The attributes of all of them, added to `def`.
OpDef WithAttentionAttrs(OpDef def);
// `operands` (text of the required ones), then those that the attributes has_... add, in the order
// q_segments, k_segments, start, sinks, slopes, bias. The bias has dims [H, T, S] or [B, H, T, S].
std::string AttentionSignatureText(const OpUse& use, std::string_view operands,
                                   std::string_view results);
// The dtypes of the optional operands, for InputDTypes.
inline constexpr std::string_view kAttentionOptionalDTypes =
    "q_segments: i32, k_segments: i32, start: i32, sinks: float, slopes: float, bias: float";
// Head counts, window, softcap, dtypes of sinks, slopes and bias.
absl::Status CheckAttention(const OpUse& use);
// Flops of the two products of the forward pass, every key counted.
double AttentionFlopsOf(absl::Span<const std::vector<int64_t>> input_dims);

}  // namespace tessera
