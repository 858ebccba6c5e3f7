// How the rows of an embedding table are shared out when its gradient is summed: at most 64 tasks
// of equal numbers of rows. Thread-safe: pure functions.
#pragma once

#include <cstdint>

#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

struct EmbeddingGradRows {
  int64_t vocab;
  int64_t step;

  explicit EmbeddingGradRows(const tsr_operand& table)
      : vocab(table.dims[0]), step(CeilDiv(table.dims[0], 64)) {}
  int64_t tasks() const { return vocab == 0 ? 0 : CeilDiv(vocab, step); }
  Range OwnedBy(int64_t task) const { return {task * step, std::min(vocab, (task + 1) * step)}; }
};

inline bool EmbeddingGradFits(const tsr_kernel_call* call, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return false;
  const tsr_operand& out = call->outputs[0];
  if (IsIndex(call->inputs[0]) && out.rank == 2 && IsFloat(TypeOf(out))) return true;
  Decline(reason, "needs i32 or i64 ids and gives floats[V, D]");
  return false;
}

}  // namespace tessera::cpu
