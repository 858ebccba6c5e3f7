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
  int64_t row_bytes;                 // of x or y
  const vector::RoutedRows* routed;  // NULL in scalar code

  bool HasSlot(int64_t slot) const { return slot >= 0 && slot < tokens * k; }
  bool HasRow(int64_t row) const { return row >= 0 && row < rows; }
  // Elements that a token's task reads.
  int64_t width() const { return columns * std::max<int64_t>(1, k); }
};

// Of the vector kernels: rows of a token that are known at a time.
constexpr int64_t kMostRows = 64;

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
  sizes->row_bytes = sizes->columns * static_cast<int64_t>(SizeOf(TypeOf(like)));
  sizes->routed = nullptr;
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

template <class T>
void RunWeighted(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                 int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  using S = Compute<T>;
  const int32_t* slots = In<int32_t>(call, 1);
  const Range range = RowsOf(task, sizes.rows, sizes.columns);
  for (int64_t r = range.begin; r < range.end; ++r) {
    T* y = Out<T>(call, 0) + r * sizes.columns;
    const int64_t slot = slots[r];
    if (!sizes.HasSlot(slot)) {
      std::fill_n(y, sizes.columns, T{});
      continue;
    }
    const S weight = WeightAt<S>(call->inputs[3], slot);
    const T* x = In<T>(call, 0) + slot / sizes.k * sizes.columns;
    for (int64_t c = 0; c < sizes.columns; ++c) Put<T>(weight * Get(x[c]), &y[c]);
  }
}

const char* RowAt(const tsr_operand& operand, const Sizes& sizes, int64_t row) {
  return static_cast<const char*>(operand.data) + row * sizes.row_bytes;
}

void RunScaled(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  const int32_t* slots = In<int32_t>(call, 1);
  const Range range = RowsOf(task, sizes.rows, sizes.columns);
  for (int64_t r = range.begin; r < range.end; ++r) {
    char* const y = Out<char>(call, 0) + r * sizes.row_bytes;
    const int64_t slot = slots[r];
    if (sizes.HasSlot(slot)) {
      sizes.routed->scale(RowAt(call->inputs[0], sizes, slot / sizes.k),
                          WeightAt<float>(call->inputs[3], slot), sizes.columns, y);
    } else {
      std::memset(y, 0, static_cast<size_t>(sizes.row_bytes));
    }
  }
}

// True when the call is one for vectors of rows.
bool TakesRows(const tsr_kernel_call* call, Sizes* sizes, char* reason) {
  sizes->routed = vector::PickRoutedRows(call, TypeOf(call->inputs[0]));
  if (sizes->routed != nullptr) return true;
  Decline(reason, "takes f32 and bf16");
  return false;
}

int32_t PrepareScaled(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (call->input_count != 4) return Decline(reason, "rows are copied as they are");
  if (!ReadWeighted(call, &sizes, reason) || !TakesRows(call, &sizes, reason)) return 1;
  SetParams(plan, sizes);
  return Ready(plan, RunScaled, RowTasks(sizes.rows, sizes.columns), reason);
}

int32_t PrepareDispatch(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const bool weighted = call->input_count == 4;
  Sizes sizes;
  if (!ReadWeighted(call, &sizes, reason)) return 1;
  SetParams(plan, sizes);
  const DType dtype = TypeOf(call->inputs[0]);
  const tsr_kernel_run run =
      weighted ? PickFloat(dtype, []<class T>() -> tsr_kernel_run { return RunWeighted<T>; })
               : PickBytes(dtype, []<class T>() -> tsr_kernel_run { return RunDispatch<T>; });
  return Ready(plan, run, RowTasks(sizes.rows, sizes.columns), reason);
}

// One token: the rows of its slots in their order, a block of columns at a time.
template <class T>
void CombineToken(const tsr_kernel_call* call, const Sizes& sizes, int64_t token) {
  using S = Compute<T>;
  const bool weighted = call->input_count == 4;
  const int32_t* rows = In<int32_t>(call, 2) + token * sizes.k;
  T* out = Out<T>(call, 0) + token * sizes.columns;
  for (int64_t left = 0; left < sizes.columns; left += kColumns) {
    const int64_t width = std::min(kColumns, sizes.columns - left);
    S sums[kColumns] = {};
    for (int64_t j = 0; j < sizes.k; ++j) {
      const int64_t row = rows[j];
      if (!sizes.HasRow(row)) continue;
      const T* y = In<T>(call, 0) + row * sizes.columns + left;
      const S weight = weighted ? WeightAt<S>(call->inputs[3], token * sizes.k + j) : S{1};
      for (int64_t c = 0; c < width; ++c) sums[c] += weight * Get(y[c]);
    }
    for (int64_t c = 0; c < width; ++c) Put<T>(sums[c], &out[left + c]);
  }
}

template <class T>
void RunCombine(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  const Range range = RowsOf(task, sizes.tokens, sizes.width());
  for (int64_t t = range.begin; t < range.end; ++t) CombineToken<T>(call, sizes, t);
}

// Asks for the rows of a token that will be read next; they lie anywhere.
void FetchRows(const tsr_kernel_call* call, const Sizes& sizes, int64_t operand,
               const int32_t* rows) {
  constexpr int64_t kLine = 64;
  for (int64_t j = 0; j < sizes.k; ++j) {
    if (!sizes.HasRow(rows[j])) continue;
    const char* const row = RowAt(call->inputs[operand], sizes, rows[j]);
    for (int64_t at = 0; at < sizes.row_bytes; at += kLine) __builtin_prefetch(row + at);
  }
}

void RunCombinedRows(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                     int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  const bool weighted = call->input_count == 4;
  const Range range = RowsOf(task, sizes.tokens, sizes.width());
  for (int64_t token = range.begin; token < range.end; ++token) {
    const int32_t* const rows = In<int32_t>(call, 2) + token * sizes.k;
    if (token + 1 < range.end) FetchRows(call, sizes, 0, rows + sizes.k);
    const void* known[kMostRows];
    float weights[kMostRows];
    int64_t count = 0;
    for (int64_t j = 0; j < sizes.k; ++j) {
      if (!sizes.HasRow(rows[j])) continue;
      known[count] = RowAt(call->inputs[0], sizes, rows[j]);
      weights[count++] =
          weighted ? WeightAt<float>(call->inputs[3], token * sizes.k + j) : 1.0f;
    }
    sizes.routed->combine(known, weights, count, sizes.columns,
                          Out<char>(call, 0) + token * sizes.row_bytes);
  }
}

int32_t PrepareCombinedRows(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!ReadWeighted(call, &sizes, reason) || !TakesRows(call, &sizes, reason)) return 1;
  if (sizes.k > kMostRows) return Decline(reason, "takes up to 64 rows of a token");
  SetParams(plan, sizes);
  return Ready(plan, RunCombinedRows, RowTasks(sizes.tokens, sizes.width()), reason);
}

int32_t PrepareCombine(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!ReadWeighted(call, &sizes, reason)) return 1;
  SetParams(plan, sizes);
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run {
    return RunCombine<T>;
  });
  return Ready(plan, run, RowTasks(sizes.tokens, sizes.width()), reason);
}

// Sums of kLanes interleaved parts, added in a fixed tree, so that the loop is several chains.
template <class T>
Compute<T> Dot(const T* x, const T* y, int64_t count) {
  using S = Compute<T>;
  constexpr int64_t kLanes = vector::kDotLanes;
  S lanes[kLanes] = {};
  int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes) {
    for (int64_t i = 0; i < kLanes; ++i) lanes[i] += S{Get(x[c + i])} * S{Get(y[c + i])};
  }
  for (int64_t i = 0; c < count; ++i, ++c) lanes[i] += S{Get(x[c])} * S{Get(y[c])};
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

template <class T>
void RunDot(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  const int32_t* rows = In<int32_t>(call, 3);
  const tsr_operand& out = call->outputs[0];
  const Range range = RowsOf(task, sizes.tokens, sizes.width());
  for (int64_t i = range.begin * sizes.k; i < range.end * sizes.k; ++i) {
    const int64_t row = rows[i];
    Compute<T> dot = 0;
    if (sizes.HasRow(row)) {
      dot = Dot(In<T>(call, 0) + i / sizes.k * sizes.columns,
                In<T>(call, 1) + row * sizes.columns, sizes.columns);
    }
    ConvertTo(dot, TypeOf(out), out.data, i);
  }
}

void RunDotRows(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                int64_t task) {
  const auto sizes = Params<Sizes>(plan);
  const tsr_operand& out = call->outputs[0];
  const Range range = RowsOf(task, sizes.tokens, sizes.width());
  for (int64_t token = range.begin; token < range.end; ++token) {
    const int32_t* const rows = In<int32_t>(call, 3) + token * sizes.k;
    if (token + 1 < range.end) FetchRows(call, sizes, 1, rows + sizes.k);
    const char* const x = RowAt(call->inputs[0], sizes, token);
    for (int64_t j = 0; j < sizes.k; ++j) {
      const float dot = sizes.HasRow(rows[j])
                            ? sizes.routed->dot(x, RowAt(call->inputs[1], sizes, rows[j]),
                                                sizes.columns)
                            : 0.0f;
      ConvertTo(dot, TypeOf(out), out.data, token * sizes.k + j);
    }
  }
}

bool ReadDot(const tsr_kernel_call* call, Sizes* sizes, char* reason) {
  return HasOperands(call, 4, 1, reason) &&
         ReadSizes(call->inputs[3], call->inputs[2], call->inputs[0], sizes, reason);
}

int32_t PrepareDotRows(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!ReadDot(call, &sizes, reason) || !TakesRows(call, &sizes, reason)) return 1;
  SetParams(plan, sizes);
  return Ready(plan, RunDotRows, RowTasks(sizes.tokens, sizes.width()), reason);
}

int32_t PrepareDot(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  Sizes sizes;
  if (!ReadDot(call, &sizes, reason)) return 1;
  SetParams(plan, sizes);
  const tsr_kernel_run run = PickFloat(TypeOf(call->inputs[0]), []<class T>() -> tsr_kernel_run {
    return RunDot<T>;
  });
  return Ready(plan, run, RowTasks(sizes.tokens, sizes.width()), reason);
}

}  // namespace

void RegisterDispatchKernels(KernelSink& sink) {
  AddVector<"dispatch">(sink, PrepareScaled);
  AddReference<"dispatch">(sink, PrepareDispatch);
  AddVector<"combine">(sink, PrepareCombinedRows);
  AddReference<"combine">(sink, PrepareCombine);
  AddVector<"combine_dot">(sink, PrepareDotRows);
  AddReference<"combine_dot">(sink, PrepareDot);
}

}  // namespace tessera::cpu
