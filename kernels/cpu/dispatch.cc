// dispatch, combine and combine_dot: rows of tokens to the rows of a plan and back.
//
// Every result row belongs to one task: a row of the plan reads its token, a token reads the rows
// of its slots in their order. So sums have one order whatever the threads, and nothing is added to
// memory that another task writes. Sums are kept in fp32 (fp64 for f64) and rounded once. An index
// outside counts as none: plans may be anybody's. Rows of f32 and bf16 that are scaled or summed
// are worked on in vectors (vector/routed_rows.h), with the same bits.
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/convert.h"
#include "kernels/cpu/vector/routed_rows.h"

namespace tessera::cpu {
namespace {

// Columns summed side by side.
constexpr int64_t kColumns = 512;

struct Sizes {
  int64_t tokens, rows, k, columns;
  int64_t element;  // bytes of one of x or y

  bool HasSlot(int64_t slot) const { return slot >= 0 && slot < tokens * k; }
  bool HasRow(int64_t row) const { return row >= 0 && row < rows; }
  int64_t row_bytes() const { return columns * element; }
  // Elements that a token's task reads.
  int64_t width() const { return columns * std::max<int64_t>(1, k); }
};

// S: the type of sums.
template <class S>
struct Work {
  Sizes sizes;
  const vector::RoutedRows<S>* routed;
};

bool ReadSizes(const tsr_operand& rows, const tsr_operand& slots, const tsr_operand& like,
               Sizes* sizes, char* reason) {
  if (rows.rank < 1 || slots.rank < 1 || like.rank < 1 || TypeOf(rows) != DType::kI32 ||
      TypeOf(slots) != DType::kI32) {
    Decline(reason, "expected i32 slots and rows");
    return false;
  }
  sizes->k = LastDim(rows);
  sizes->tokens = Rows(rows);
  sizes->rows = Count(slots);
  sizes->columns = LastDim(like);
  sizes->element = static_cast<int64_t>(SizeOf(TypeOf(like)));
  return true;
}

// Of dispatch and combine, with weights or without.
bool ReadWeighted(const tsr_kernel_call* call, Sizes* sizes, char* reason) {
  const bool weighted = call->input_count == 4;
  if (!HasOperands(call, weighted ? 4 : 3, 1, reason) ||
      !ReadSizes(call->inputs[2], call->inputs[1], call->inputs[0], sizes, reason)) {
    return false;
  }
  if (!weighted || IsFloat(TypeOf(call->inputs[3]))) return true;
  Decline(reason, "expected weights of floats");
  return false;
}

// A weight in the type of sums, from storage of any float.
template <class S>
S WeightAt(const tsr_operand& weights, int64_t i) {
  switch (TypeOf(weights)) {
    case DType::kF64:
      return static_cast<S>(static_cast<const double*>(weights.data)[i]);
    case DType::kF32:
      return static_cast<S>(static_cast<const float*>(weights.data)[i]);
    case DType::kBF16:
      return static_cast<S>(Get(static_cast<const BF16*>(weights.data)[i]));
    default:
      return static_cast<S>(Get(static_cast<const F16*>(weights.data)[i]));
  }
}

const char* RowAt(const tsr_operand& operand, const Sizes& sizes, int64_t row) {
  return static_cast<const char*>(operand.data) + row * sizes.row_bytes();
}

// Asks for the rows of a token that will be read next; they lie anywhere.
void FetchRows(const tsr_operand& operand, const Sizes& sizes, const int32_t* rows) {
  constexpr int64_t kLine = 64;
  for (int64_t j = 0; j < sizes.k; ++j) {
    if (!sizes.HasRow(rows[j])) continue;
    const char* const row = RowAt(operand, sizes, rows[j]);
    for (int64_t at = 0; at < sizes.row_bytes(); at += kLine) __builtin_prefetch(row + at);
  }
}

// --- Rows in scalar code -------------------------------------------------------------------------

template <class T>
void ScaleRow(const void* from, Compute<T> weight, int64_t n, void* to) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  for (int64_t i = 0; i < n; ++i) Put<T>(weight * Get(x[i]), &y[i]);
}

template <class T>
void AddRow(const void* from, Compute<T> weight, int64_t n, Compute<T>* sums) {
  const T* x = static_cast<const T*>(from);
  for (int64_t i = 0; i < n; ++i) sums[i] += weight * Get(x[i]);
}

template <class T>
void StoreRow(const Compute<T>* sums, int64_t n, void* to) {
  for (int64_t i = 0; i < n; ++i) Put<T>(sums[i], &static_cast<T*>(to)[i]);
}

template <class T>
Compute<T> DotRows(const void* left, const void* right, int64_t n) {
  using S = Compute<T>;
  const T* x = static_cast<const T*>(left);
  const T* y = static_cast<const T*>(right);
  S parts[vector::kDotLanes] = {};
  int64_t i = 0;
  for (; i + vector::kDotLanes <= n; i += vector::kDotLanes) {
    for (int64_t part = 0; part < vector::kDotLanes; ++part) {
      parts[part] += S{Get(x[i + part])} * S{Get(y[i + part])};
    }
  }
  for (int64_t part = 0; i < n; ++part, ++i) parts[part] += S{Get(x[i])} * S{Get(y[i])};
  return vector::AddParts(parts);
}

template <class T>
constexpr vector::RoutedRows<Compute<T>> kScalarRows = {ScaleRow<T>, AddRow<T>, StoreRow<T>,
                                                        DotRows<T>};

// Run gives the tasks for a type of sums: run.operator()<S>().
template <bool kVectors, class Run>
int32_t ReadyRows(const tsr_kernel_call* call, tsr_kernel_plan* plan, const Sizes& sizes,
                  int64_t tasks, const Run& run, char* reason) {
  const DType dtype = TypeOf(call->inputs[0]);
  if constexpr (kVectors) {
    const vector::RoutedRows<float>* routed = vector::PickRoutedRows(call, dtype);
    if (routed == nullptr) return Decline(reason, "takes f32 and bf16");
    SetParams(plan, Work<float>{sizes, routed});
    return Ready(plan, run.template operator()<float>(), tasks, reason);
  }
  const tsr_kernel_run scalar = PickFloat(dtype, [&]<class T>() -> tsr_kernel_run {
    SetParams(plan, Work<Compute<T>>{sizes, &kScalarRows<T>});
    return run.template operator()<Compute<T>>();
  });
  return Ready(plan, scalar, tasks, reason);
}

// --- The ops -------------------------------------------------------------------------------------

template <class T>
void RunDispatch(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  const int32_t* slots = In<int32_t>(call, 1);
  const Range range = RowsOf(task, sizes.rows, sizes.columns);
  for (int64_t r = range.begin; r < range.end; ++r) {
    T* y = Out<T>(call, 0) + r * sizes.columns;
    const int64_t slot = slots[r];
    if (!sizes.HasSlot(slot)) {
      std::fill_n(y, sizes.columns, T{});
      continue;
    }
    std::copy_n(In<T>(call, 0) + slot / sizes.k * sizes.columns, sizes.columns, y);
  }
}

template <class S>
void RunWeighted(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                 int64_t task) {
  const auto [sizes, routed] = Params<Work<S>>(plan);
  const int32_t* slots = In<int32_t>(call, 1);
  const Range range = RowsOf(task, sizes.rows, sizes.columns);
  for (int64_t r = range.begin; r < range.end; ++r) {
    char* const y = Out<char>(call, 0) + r * sizes.row_bytes();
    const int64_t slot = slots[r];
    if (sizes.HasSlot(slot)) {
      routed->scale(RowAt(call->inputs[0], sizes, slot / sizes.k),
                    WeightAt<S>(call->inputs[3], slot), sizes.columns, y);
    } else {
      std::memset(y, 0, static_cast<size_t>(sizes.row_bytes()));
    }
  }
}

template <bool kVectors>
int32_t PrepareDispatch(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!ReadWeighted(call, &sizes, reason)) return 1;
  const int64_t tasks = RowTasks(sizes.rows, sizes.columns);
  if (call->input_count == 4) {
    return ReadyRows<kVectors>(
        call, plan, sizes, tasks,
        []<class S>() -> tsr_kernel_run { return RunWeighted<S>; }, reason);
  }
  if (kVectors) return Decline(reason, "rows are copied as they are");
  SetParams(plan, sizes);
  const DType dtype = TypeOf(call->inputs[0]);
  const tsr_kernel_run run =
      PickBytes(dtype, []<class T>() -> tsr_kernel_run { return RunDispatch<T>; });
  return Ready(plan, run, tasks, reason);
}

// A token: the rows of its slots in their order, a block of columns at a time.
template <class S>
void RunCombine(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto [sizes, routed] = Params<Work<S>>(plan);
  const bool weighted = call->input_count == 4;
  const Range range = RowsOf(task, sizes.tokens, sizes.width());
  for (int64_t token = range.begin; token < range.end; ++token) {
    const int32_t* const rows = In<int32_t>(call, 2) + token * sizes.k;
    if (token + 1 < range.end) FetchRows(call->inputs[0], sizes, rows + sizes.k);
    char* const out = Out<char>(call, 0) + token * sizes.row_bytes();
    for (int64_t left = 0; left < sizes.columns; left += kColumns) {
      const int64_t width = std::min(kColumns, sizes.columns - left);
      S sums[kColumns] = {};
      for (int64_t j = 0; j < sizes.k; ++j) {
        if (!sizes.HasRow(rows[j])) continue;
        const S weight = weighted ? WeightAt<S>(call->inputs[3], token * sizes.k + j) : S{1};
        routed->add(RowAt(call->inputs[0], sizes, rows[j]) + left * sizes.element, weight, width,
                    sums);
      }
      routed->store(sums, width, out + left * sizes.element);
    }
  }
}

template <bool kVectors>
int32_t PrepareCombine(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!ReadWeighted(call, &sizes, reason)) return 1;
  return ReadyRows<kVectors>(
      call, plan, sizes, RowTasks(sizes.tokens, sizes.width()),
      []<class S>() -> tsr_kernel_run { return RunCombine<S>; }, reason);
}

template <class S>
void RunDot(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto [sizes, routed] = Params<Work<S>>(plan);
  const tsr_operand& out = call->outputs[0];
  const Range range = RowsOf(task, sizes.tokens, sizes.width());
  for (int64_t token = range.begin; token < range.end; ++token) {
    const int32_t* const rows = In<int32_t>(call, 3) + token * sizes.k;
    if (token + 1 < range.end) FetchRows(call->inputs[1], sizes, rows + sizes.k);
    const char* const x = RowAt(call->inputs[0], sizes, token);
    for (int64_t j = 0; j < sizes.k; ++j) {
      const S dot = sizes.HasRow(rows[j])
                        ? routed->dot(x, RowAt(call->inputs[1], sizes, rows[j]), sizes.columns)
                        : S{0};
      ConvertTo(dot, TypeOf(out), out.data, token * sizes.k + j);
    }
  }
}

template <bool kVectors>
int32_t PrepareDot(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!HasOperands(call, 4, 1, reason) ||
      !ReadSizes(call->inputs[3], call->inputs[2], call->inputs[0], &sizes, reason)) {
    return 1;
  }
  return ReadyRows<kVectors>(
      call, plan, sizes, RowTasks(sizes.tokens, sizes.width()),
      []<class S>() -> tsr_kernel_run { return RunDot<S>; }, reason);
}

}  // namespace

void RegisterDispatchKernels(KernelSink& sink) {
  AddVector<"dispatch">(sink, PrepareDispatch<true>);
  AddReference<"dispatch">(sink, PrepareDispatch<false>);
  AddVector<"combine">(sink, PrepareCombine<true>);
  AddReference<"combine">(sink, PrepareCombine<false>);
  AddVector<"combine_dot">(sink, PrepareDot<true>);
  AddReference<"combine_dot">(sink, PrepareDot<false>);
}

}  // namespace tessera::cpu
