#include "kernels/cpu/vector/sums.h"

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/internal/embedding_grad.h"
#include "kernels/cpu/internal/reduction.h"
#include "kernels/cpu/internal/squares.h"
#include "kernels/cpu/internal/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/sums.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/cpu/vector/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

using Float = hn::ScalableTag<float>;

template <class T>
HWY_INLINE double SumOf(const T* x, int64_t n) {
  const Float d;
  const auto sums = SumVectors<T>(d, n, [=](int64_t i, auto access, auto* sum, auto*) HWY_ATTR {
    *sum = hn::Add(*sum, access.In(d, x + i));
  });
  return static_cast<double>(sums.first);
}

// Long rows are cut into parts of kTaskElements, short ones are a task together. Either way a row
// is the sum in order of its chunks of kReductionChunk.
template <class T>
HWY_INLINE double ChunkedSum(const T* x, int64_t n) {
  double sum = 0;
  for (int64_t first = 0; first < n; first += kReductionChunk) {
    sum += SumOf(x + first, std::min(kReductionChunk, n - first));
  }
  return sum;
}

template <class T>
void RunRows(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<SumShape>(plan);
  const ReductionLoops loops(call);
  const Range rows = RowsOf(task, shape.kept, shape.reduced);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + loops.KeptOffset(row);
    ConvertTo(ChunkedSum(x, shape.reduced) * shape.factor, TypeOf(call->outputs[0]),
              call->outputs[0].data, row);
  }
}

template <class T>
void RunLongRows(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                 int64_t task) {
  const auto shape = Params<SumShape>(plan);
  double* parts = static_cast<double*>(call->workspace);
  const int64_t parts_of_row = ElementTasks(shape.reduced);
  if (phase == 0) {
    const ReductionLoops loops(call);
    const Range range = ElementsOf(task % parts_of_row, shape.reduced);
    const T* x = In<T>(call, 0) + loops.KeptOffset(task / parts_of_row) + range.begin;
    parts[task] = ChunkedSum(x, range.size());
    return;
  }
  double sum = 0;
  for (int64_t part = 0; part < parts_of_row; ++part) sum += parts[task * parts_of_row + part];
  ConvertTo(sum * shape.factor, TypeOf(call->outputs[0]), call->outputs[0].data, task);
}

// Sums over leading dims: x is [R, C]. A task adds a chunk of rows of a block of columns into the
// workspace [chunk, C]; phase 1 adds the chunks in order, in fp64.
template <class T>
void RunColumns(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                int64_t task) {
  const auto shape = Params<SumShape>(plan);
  const Float d;
  float* parts = static_cast<float*>(call->workspace);
  const int64_t chunks = CeilDiv(shape.reduced, SumShape::kChunkRows);
  const int64_t left = (phase == 0 ? task / chunks : task) * SumShape::kColumns;
  const int64_t width = std::min(SumShape::kColumns, shape.kept - left);
  if (phase == 1) {
    for (int64_t c = left; c < left + width; ++c) {
      double sum = 0;
      for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        sum += static_cast<double>(parts[chunk * shape.kept + c]);
      }
      ConvertTo(sum * shape.factor, TypeOf(call->outputs[0]), call->outputs[0].data, c);
    }
    return;
  }
  const int64_t chunk = task % chunks, first = chunk * SumShape::kChunkRows;
  const int64_t last = std::min(shape.reduced, first + SumShape::kChunkRows);
  float* part = parts + chunk * shape.kept + left;
  std::fill_n(part, width, 0.0f);
  for (int64_t row = first; row < last; ++row) {
    const T* x = In<T>(call, 0) + row * shape.kept + left;
    ForVectors(d, width, [=](int64_t i, auto access) HWY_ATTR {
      access.Out(d, hn::Add(access.In(d, part + i), access.In(d, x + i)), part + i);
    });
  }
}

template <class T>
void RunSquares(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t phase,
                int64_t task) {
  if (phase == 1) return AddSquares(call);
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  double* tiles = static_cast<double*>(call->workspace);
  const Range range = ElementsOf(task, Count(call->inputs[0]));
  for (int64_t first = range.begin; first < range.end; first += kSquaresTile) {
    const T* x = In<T>(call, 0) + first;
    const int64_t count = std::min(kSquaresTile, range.end - first);
    const auto sums =
        SumVectors<T>(d, count, [=](int64_t i, auto access, auto* sum, auto*) HWY_ATTR {
          const auto value = hn::PromoteTo(d, access.In(half, x + i));
          *sum = hn::MulAdd(value, value, *sum);
        });
    tiles[first / kSquaresTile] = sums.first;
  }
}

// T: of dy. Sums in fp32, in the result or, for a bf16 result, in the workspace.
template <class T>
void RunEmbeddingGrad(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t,
                      int64_t task) {
  const tsr_operand& out = call->outputs[0];
  const int64_t cols = out.dims[1], count = Count(call->inputs[0]);
  const Range owned = EmbeddingGradRows(out).OwnedBy(task);
  const bool in_result = TypeOf(out) == DType::kF32;
  float* sums = static_cast<float*>(in_result ? out.data : call->workspace);
  std::fill(sums + owned.begin * cols, sums + owned.end * cols, 0.0f);
  const Float d;
  const hn::ScalableTag<int32_t> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(di));
  const int32_t* ids = In<int32_t>(call, 0);
  const auto begin = hn::Set(di, static_cast<int32_t>(owned.begin));
  const auto end = hn::Set(di, static_cast<int32_t>(owned.end));
  for (int64_t first = 0; first < count; first += lanes) {
    const int64_t some = std::min(lanes, count - first);
    if (some == lanes) {
      const auto id = hn::LoadU(di, ids + first);
      if (hn::AllFalse(di, hn::And(hn::Ge(id, begin), hn::Lt(id, end)))) continue;
    }
    for (int64_t row = first; row < first + some; ++row) {
      if (ids[row] < owned.begin || ids[row] >= owned.end) continue;
      const T* dy = In<T>(call, 1) + row * cols;
      float* sum = sums + ids[row] * cols;
      ForVectors(d, cols, [=](int64_t i, auto access) HWY_ATTR {
        access.Out(d, hn::Add(access.In(d, sum + i), access.In(d, dy + i)), sum + i);
      });
    }
  }
  if (in_result) return;
  const float* from = sums + owned.begin * cols;
  BF16* to = Out<BF16>(call, 0) + owned.begin * cols;
  ForVectors(d, owned.size() * cols, [=](int64_t i, auto access) HWY_ATTR {
    access.Out(d, access.In(d, from + i), to + i);
  });
}

tsr_kernel_run PickSum(SumKind kind, DType dtype) {
  const auto pick = [kind]<class T>() -> tsr_kernel_run {
    switch (kind) {
      case SumKind::kRows:
        return RunRows<T>;
      case SumKind::kLongRows:
        return RunLongRows<T>;
      case SumKind::kColumns:
        return RunColumns<T>;
      case SumKind::kSquares:
        return RunSquares<T>;
      case SumKind::kEmbeddingGrad:
        return RunEmbeddingGrad<T>;
    }
    return nullptr;
  };
  if (dtype == DType::kF32) return pick.operator()<float>();
  if (dtype == DType::kBF16) return pick.operator()<BF16>();
  return nullptr;
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::cpu::vector {
namespace {

HWY_EXPORT(PickSum);

tsr_kernel_run SumFor(const tsr_kernel_call* call, SumKind kind, DType dtype) {
  return TESSERA_FOR_CALL(PickSum, call)(kind, dtype);
}

int32_t PrepareReduce(const tsr_kernel_call* call, tsr_kernel_plan* plan, bool mean,
                      char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  const ReductionLoops loops(call);
  const DType dtype = TypeOf(call->inputs[0]);
  if (!IsFloat(TypeOf(call->outputs[0])) || loops.kept_count != Count(call->outputs[0])) {
    return Decline(reason, "gives floats, one for each kept element");
  }
  SumShape shape;
  shape.kept = loops.kept_count;
  shape.reduced = loops.reduced_count;
  if (mean) shape.factor = 1 / static_cast<double>(shape.reduced);
  SetParams(plan, shape);
  if (shape.kept == 0 || shape.reduced <= 1) return Decline(reason, "there is nothing to sum");
  if (loops.reduced.rank == 1 && loops.reduced.strides[0] == 1) {
    // Few long rows would leave threads without work.
    if (shape.kept >= 16 || shape.reduced <= 4 * kTaskElements) {
      return Ready(plan, SumFor(call, SumKind::kRows, dtype), RowTasks(shape.kept, shape.reduced),
                   reason);
    }
    const int64_t parts = shape.kept * ElementTasks(shape.reduced);
    return ReadyTwoPhases(plan, SumFor(call, SumKind::kLongRows, dtype), parts, shape.kept,
                          static_cast<size_t>(parts) * sizeof(double), reason);
  }
  const bool leading = loops.reduced.rank == 1 && loops.kept.rank == 1 &&
                       loops.kept.strides[0] == 1 && loops.reduced.strides[0] == shape.kept;
  if (!leading) return Decline(reason, "sums over leading or trailing dims only");
  const int64_t blocks = CeilDiv(shape.kept, SumShape::kColumns);
  const int64_t chunks = CeilDiv(shape.reduced, SumShape::kChunkRows);
  return ReadyTwoPhases(plan, SumFor(call, SumKind::kColumns, dtype), blocks * chunks, blocks,
                        static_cast<size_t>(chunks * shape.kept) * sizeof(float), reason);
}

}  // namespace

int32_t PrepareReduceSum(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareReduce(call, plan, false, reason);
}
int32_t PrepareReduceMean(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  return PrepareReduce(call, plan, true, reason);
}

int32_t PrepareSumOfSquares(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 1, 1, reason)) return 1;
  return ReadySquares(call, plan, SumFor(call, SumKind::kSquares, TypeOf(call->inputs[0])),
                      reason);
}

int32_t PrepareEmbeddingGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!EmbeddingGradFits(call, reason)) return 1;
  const tsr_operand& out = call->outputs[0];
  if (TypeOf(call->inputs[0]) != DType::kI32 ||
      (TypeOf(out) != DType::kF32 && TypeOf(out) != DType::kBF16) || out.dims[0] > INT32_MAX) {
    return Decline(reason, "takes i32 ids and gives f32 or bf16");
  }
  const tsr_kernel_run run = SumFor(call, SumKind::kEmbeddingGrad, TypeOf(call->inputs[1]));
  if (Ready(plan, run, EmbeddingGradRows(out).tasks(), reason) != 0) return 1;
  if (TypeOf(out) == DType::kBF16) {
    plan->workspace_bytes = static_cast<size_t>(Count(out)) * sizeof(float);
  }
  return 0;
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
