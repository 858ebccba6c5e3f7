// embedding: y = table[ids], zeros for an id outside. embedding_grad: dtable[v] = sum of dy where
// ids is v, in the order of positions, in fp32 (fp64 for f64), rounded once; others add nothing.
//
// Rows of the table are shared out to at most 64 tasks, each of which looks at every id: sums keep
// their order, and reading the ids costs little beside the rows. Where the result is a short float,
// sums are kept in the workspace.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/internal/embedding_grad.h"
#include "kernels/cpu/vector/sums.h"

namespace tessera::cpu {
namespace {

template <class T>
void RunEmbedding(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const int64_t vocab = call->inputs[1].dims[0], cols = call->inputs[1].dims[1];
  const Range rows = RowsOf(task, Count(call->inputs[0]), cols);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const int64_t id = IndexAt(call->inputs[0], row);
    T* y = Out<T>(call, 0) + row * cols;
    if (id < 0 || id >= vocab) {
      std::fill_n(y, cols, T(0));
    } else {
      std::copy_n(In<T>(call, 1) + id * cols, cols, y);
    }
  }
}

int32_t Prepare(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason)) return 1;
  const tsr_operand& table = call->inputs[1];
  if (!IsIndex(call->inputs[0]) || table.rank != 2) {
    return Decline(reason, "needs i32 or i64 ids and table[V, D]");
  }
  const tsr_kernel_run run =
      PickBytes(TypeOf(table), []<class T>() -> tsr_kernel_run { return RunEmbedding<T>; });
  return Ready(plan, run, RowTasks(Count(call->inputs[0]), table.dims[1]), reason);
}

// T: of dy; S: of the sums.
template <class T, class S>
void RunGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const tsr_operand& out = call->outputs[0];
  const int64_t cols = out.dims[1], count = Count(call->inputs[0]);
  const Range owned = EmbeddingGradRows(out).OwnedBy(task);
  const bool in_result = SizeOf(TypeOf(out)) == sizeof(S);
  S* sums = static_cast<S*>(in_result ? out.data : call->workspace);
  std::fill(sums + owned.begin * cols, sums + owned.end * cols, S(0));
  for (int64_t row = 0; row < count; ++row) {
    const int64_t id = IndexAt(call->inputs[0], row);
    if (id < owned.begin || id >= owned.end) continue;
    const T* dy = In<T>(call, 1) + row * cols;
    S* sum = sums + id * cols;
    for (int64_t c = 0; c < cols; ++c) sum[c] += static_cast<S>(Get(dy[c]));
  }
  if (in_result) return;
  for (int64_t i = owned.begin * cols; i < owned.end * cols; ++i) {
    ConvertTo(sums[i], TypeOf(out), out.data, i);
  }
}

int32_t PrepareGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!EmbeddingGradFits(call, reason)) return 1;
  const tsr_operand& out = call->outputs[0];
  const bool wide = TypeOf(call->inputs[1]) == DType::kF64 || TypeOf(out) == DType::kF64;
  const tsr_kernel_run run =
      PickFloat(TypeOf(call->inputs[1]), [wide]<class T>() -> tsr_kernel_run {
        return wide ? RunGrad<T, double> : RunGrad<T, float>;
      });
  if (Ready(plan, run, EmbeddingGradRows(out).tasks(), reason) != 0) return 1;
  const size_t sum_bytes = wide ? sizeof(double) : sizeof(float);
  if (SizeOf(TypeOf(out)) != sum_bytes) {
    plan->workspace_bytes = static_cast<size_t>(Count(out)) * sum_bytes;
  }
  return 0;
}

}  // namespace

void RegisterEmbeddingKernels(KernelSink& sink) {
  AddVector<"embedding_grad">(sink, vector::PrepareEmbeddingGrad);
  AddReference<"embedding">(sink, Prepare);
  AddReference<"embedding_grad">(sink, PrepareGrad);
}

}  // namespace tessera::cpu
