// Attention: what attention and attention_grad share: attributes, operands, checks, flops.
// Not an op itself. Thread-safe: pure functions.
#pragma once

#include <string_view>

#include "cpp/ir/op_def.h"

namespace tessera {

// The attributes of both ops, added to `def`.
OpDef WithAttentionAttrs(OpDef def);
// `operands` (text of the required ones), then those that has_segments and has_start add.
std::string AttentionSignatureText(const OpUse& use, std::string_view operands,
                                   std::string_view results);
// Head counts, window, softcap.
absl::Status CheckAttention(const OpUse& use);
// Flops of the two products of the forward pass, every key counted.
double AttentionFlopsOf(absl::Span<const std::vector<int64_t>> input_dims);

}  // namespace tessera
