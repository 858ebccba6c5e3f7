#include "kernels/cpu/gemm/shape.h"

namespace tessera::cpu::dense {
namespace {

struct Matrix {
  int64_t rows;
  int64_t columns;
};

// The last two dims of an operand, exchanged when it is read transposed.
Matrix LastTwo(const tsr_operand& operand, bool transposed) {
  const int64_t a = operand.dims[operand.rank - 2];
  const int64_t b = operand.dims[operand.rank - 1];
  return transposed ? Matrix{b, a} : Matrix{a, b};
}

int32_t CheckOutput(const tsr_kernel_call* call, const MatmulShape& shape, char* reason) {
  int64_t size = 1;
  for (int32_t i = 0; i < call->outputs[0].rank; ++i) size *= call->outputs[0].dims[i];
  if (size != shape.batch * shape.m * shape.n) {
    return Decline(reason, "matmul: the output's size is not batch * m * n");
  }
  return 0;
}

}  // namespace

int32_t ReadMatmulShape(const tsr_kernel_call* call, MatmulShape* shape, char* reason) {
  if (call->input_count != 2 || call->output_count != 1) {
    return Decline(reason, "matmul: takes two operands and gives one result");
  }
  const tsr_operand& lhs = call->inputs[0];
  const tsr_operand& rhs = call->inputs[1];
  if (lhs.rank < 2 || rhs.rank < 2) {
    return Decline(reason, "matmul: operands of rank 2 or more only");
  }
  const bool transpose_lhs = BoolAttr(call, "transpose_lhs");
  const bool transpose_rhs = BoolAttr(call, "transpose_rhs");
  const Matrix a = LastTwo(lhs, transpose_lhs);
  const Matrix b = LastTwo(rhs, transpose_rhs);
  if (a.columns != b.rows) return Decline(reason, "matmul: inner dims differ");
  shape->m = a.rows;
  shape->n = b.columns;
  shape->k = a.columns;
  shape->lhs = TypeOf(lhs);
  shape->rhs = TypeOf(rhs);
  shape->out = TypeOf(call->outputs[0]);
  shape->lhs_row = transpose_lhs ? 1 : a.columns;
  shape->lhs_k = transpose_lhs ? a.rows : 1;
  shape->rhs_k = transpose_rhs ? 1 : b.columns;
  shape->rhs_column = transpose_rhs ? b.rows : 1;
  if (rhs.rank == 2) {
    if (transpose_lhs && lhs.rank != 2) {
      return Decline(reason, "matmul: transpose_lhs with a rank 2 right side needs rank 2");
    }
    for (int32_t i = 0; i + 2 < lhs.rank; ++i) shape->m *= lhs.dims[i];
    return CheckOutput(call, *shape, reason);
  }
  if (lhs.rank != rhs.rank) return Decline(reason, "matmul: batch ranks differ");
  for (int32_t i = 0; i + 2 < lhs.rank; ++i) {
    if (lhs.dims[i] != rhs.dims[i]) return Decline(reason, "matmul: batch dims differ");
    shape->batch *= lhs.dims[i];
  }
  shape->lhs_step = a.rows * a.columns;
  shape->rhs_step = b.rows * b.columns;
  return CheckOutput(call, *shape, reason);
}

}  // namespace tessera::cpu::dense
