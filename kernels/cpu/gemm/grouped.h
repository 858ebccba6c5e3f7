// Products of rows sorted by expert: grouped_matmul and its gradient by the matrices, and both for
// rows that lie with their tokens still (gathered_matmul).
//
// Phase 0 finds where each expert's rows begin; with rows in run-time numbers, tasks are planned
// for the most that there can be and those beyond are empty. A task makes a block of the result for
// rows of one expert (gemm/block_product.h), so a weight is read once for a chunk of rows, nothing
// is packed into memory, and an expert without rows costs nothing. Each sum runs over k as in
// gemm/driver.h: for one expert the bits are those of matmul. An expert with few rows is done by
// gemm/few_rows.h, which reads its matrix in place, one with some more by gemm/turned_product.h
// where the matrix lies transposed. Rows are counted from the expert's first: its results do not
// depend on other experts. Thread-safe: no state.
#pragma once

#include "kernels/cpu/gemm/few_rows.h"
#include "kernels/cpu/gemm/kernel.h"

namespace tessera::cpu::dense {

// What a grouped call asks for. `m` rows in all, each a sum of `k` products for `n` columns; in the
// gradient `m` and `n` are the sides of a matrix and `k` the rows in all.
struct GroupedShape {
  int64_t experts = 0;
  int64_t rows = 0;
  int64_t inner = 0;    // of x
  int64_t columns = 0;  // of y (dy)
  bool transposed = false;  // w[E, N, K]
  DType in = DType::kF32;
  DType out = DType::kF32;
  // Gathered: row r is that of token slots[r] / slots_per_token, zero when there is none such.
  int64_t slots_per_token = 0;  // 0: rows lie as they are
  int64_t tokens = 0;
};
// Fill |shape| and return 0, or write |reason| and return 1.
int32_t ReadGroupedShape(const tsr_kernel_call* call, GroupedShape* shape, char* reason);
int32_t ReadGroupedGradShape(const tsr_kernel_call* call, GroupedShape* shape, char* reason);

// `few` may be NULL. Both must outlive the plan.
int32_t PlanGrouped(const GroupedShape& shape, const GemmKernel& kernel, const FewRowsKernel* few,
                    tsr_kernel_plan* plan, char* reason);
int32_t PlanGroupedGrad(const GroupedShape& shape, const GemmKernel& kernel,
                        tsr_kernel_plan* plan, char* reason);

int32_t PrepareReferenceGrouped(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason);
int32_t PrepareReferenceGroupedGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan,
                                    char* reason);

// The slots of the rows; NULL when they lie as they are.
inline const int32_t* SlotsOf(const tsr_kernel_call* call, const GroupedShape& shape) {
  return shape.slots_per_token == 0 ? nullptr
                                    : static_cast<const int32_t*>(call->inputs[3].data);
}
// The token whose row is that of `slot`, or -1.
inline int64_t TokenOf(const GroupedShape& shape, int32_t slot) {
  const int64_t token = slot < 0 ? -1 : slot / shape.slots_per_token;
  return token < shape.tokens ? token : -1;
}

// Where the rows of every expert begin: begins[experts] is their end. False, with the call failed,
// when `experts` falls or names one that is not there.
bool FindBegins(const tsr_kernel_call* call, const int32_t* owners, int64_t rows, int64_t experts,
                int64_t* begins);

}  // namespace tessera::cpu::dense
