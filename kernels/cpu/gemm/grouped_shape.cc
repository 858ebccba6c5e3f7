#include <cstdio>

#include "kernels/cpu/gemm/grouped.h"

namespace tessera::cpu::dense {
namespace {

int64_t RowCount(const tsr_operand& operand) {
  int64_t rows = 1;
  for (int32_t i = 0; i + 1 < operand.rank; ++i) rows *= operand.dims[i];
  return rows;
}

int64_t Count(const tsr_operand& operand) {
  int64_t count = 1;
  for (int32_t i = 0; i < operand.rank; ++i) count *= operand.dims[i];
  return count;
}

// Operands after the experts: slots and rows of a plan, where the rows of x are those of tokens.
bool ReadGather(const tsr_kernel_call* call, GroupedShape* shape) {
  shape->rows = RowCount(call->inputs[0]);
  if (call->input_count == 3) return Count(call->inputs[2]) == shape->rows;
  if (call->input_count != 5) return false;
  const tsr_operand& slots = call->inputs[3];
  const tsr_operand& rows = call->inputs[4];
  shape->tokens = shape->rows;
  shape->rows = Count(call->inputs[2]);
  shape->slots_per_token = rows.rank < 1 ? 0 : rows.dims[rows.rank - 1];
  return TypeOf(slots) == DType::kI32 && TypeOf(rows) == DType::kI32 &&
         Count(slots) == shape->rows && shape->slots_per_token > 0 &&
         RowCount(rows) == shape->tokens;
}

bool IsCall(const tsr_kernel_call* call) {
  return (call->input_count == 3 || call->input_count == 5) && call->output_count == 1 &&
         call->inputs[0].rank >= 1 && TypeOf(call->inputs[2]) == DType::kI32;
}

}  // namespace

int32_t ReadGroupedShape(const tsr_kernel_call* call, GroupedShape* shape, char* reason) {
  if (!IsCall(call) || call->inputs[1].rank != 3) {
    return Decline(reason, "grouped_matmul: expected x, w[E, K, N] and i32 experts");
  }
  const tsr_operand& w = call->inputs[1];
  shape->transposed = BoolAttr(call, "transpose_rhs");
  shape->experts = w.dims[0];
  shape->inner = w.dims[shape->transposed ? 2 : 1];
  shape->columns = w.dims[shape->transposed ? 1 : 2];
  shape->in = TypeOf(call->inputs[0]);
  shape->out = TypeOf(call->outputs[0]);
  if (!ReadGather(call, shape) ||
      call->inputs[0].dims[call->inputs[0].rank - 1] != shape->inner ||
      Count(call->outputs[0]) != shape->rows * shape->columns || TypeOf(w) != shape->in) {
    return Decline(reason, "grouped_matmul: operands do not fit each other");
  }
  return 0;
}

int32_t ReadGroupedGradShape(const tsr_kernel_call* call, GroupedShape* shape, char* reason) {
  if (!IsCall(call) || call->inputs[1].rank < 1 || call->outputs[0].rank != 3) {
    return Decline(reason, "grouped_matmul_grad: expected x, dy and i32 experts");
  }
  const tsr_operand& dw = call->outputs[0];
  shape->experts = dw.dims[0];
  shape->inner = dw.dims[1];
  shape->columns = dw.dims[2];
  shape->in = TypeOf(call->inputs[0]);
  shape->out = TypeOf(dw);
  if (!ReadGather(call, shape) ||
      call->inputs[0].dims[call->inputs[0].rank - 1] != shape->inner ||
      call->inputs[1].dims[call->inputs[1].rank - 1] != shape->columns ||
      RowCount(call->inputs[1]) != shape->rows ||
      TypeOf(call->inputs[1]) != shape->in) {
    return Decline(reason, "grouped_matmul_grad: operands do not fit each other");
  }
  return 0;
}

bool FindBegins(const tsr_kernel_call* call, const int32_t* owners, int64_t rows, int64_t experts,
                int64_t* begins) {
  int64_t next = 0;   // experts whose rows have begun
  int64_t r = 0;
  for (; r < rows && owners[r] != -1; ++r) {
    const int64_t owner = owners[r];
    if (owner < 0 || owner >= experts || owner + 1 < next) break;
    while (next <= owner) begins[next++] = r;
  }
  const int64_t end = r;
  for (; r < rows && owners[r] == -1;) ++r;
  const bool fits = r == rows;
  if (!fits && call->fail != nullptr) {
    char text[160];
    const int length = std::snprintf(
        text, sizeof(text),
        "row %lld: expected experts 0 to %lld that never fall, then -1 to the end, got %d",
        static_cast<long long>(r), static_cast<long long>(experts - 1), owners[r]);
    constexpr int32_t kInvalidArgument = 3;   // absl::StatusCode::kInvalidArgument
    call->fail(call->failure, kInvalidArgument, text, static_cast<size_t>(length));
  }
  while (next <= experts) begins[next++] = fits ? end : 0;
  if (!fits) {
    for (int64_t e = 0; e <= experts; ++e) begins[e] = 0;
  }
  return fits;
}

}  // namespace tessera::cpu::dense
