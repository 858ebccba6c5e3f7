// What a kernel sees of its call: typed operands, dtypes to code, tasks, registration.
//
// Builds on elements.h (storage types, attributes, refusals). Tasks are ranges of elements or rows
// whose size follows from the shapes alone. Holds no state and no shape rules of single ops.
// Thread-safe: pure functions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "cpp/device/backend.h"
#include "cpp/device/kernel_sink.h"
#include "cpp/tensor/dtype.h"
#include "kernels/cpu/internal/elements.h"

namespace tessera::cpu {

using dense::BF16;
using dense::BoolAttr;
using dense::CeilDiv;
using dense::Decline;
using dense::F16;
using dense::FindAttr;
using dense::FloatAttr;
using dense::IntAttr;
using dense::Params;
using dense::SetParams;
using dense::TypeOf;

// A bool as stored: any byte but 0 is true.
struct Bool {
  uint8_t byte;
};

// The type a dtype is computed in: fp32 for the short floats, itself for the rest.
template <class T>
struct ComputeType {
  using type = T;
};
template <>
struct ComputeType<BF16> {
  using type = float;
};
template <>
struct ComputeType<F16> {
  using type = float;
};
template <>
struct ComputeType<Bool> {
  using type = bool;
};
template <class T>
using Compute = typename ComputeType<T>::type;

template <class T>
inline Compute<T> Get(const T& x) {
  return x;
}
inline float Get(const BF16& x) { return FloatFromBF16(x.bits); }
inline float Get(const F16& x) { return FloatFromF16(x.bits); }
inline bool Get(const Bool& x) { return x.byte != 0; }

template <class T>
inline void Put(Compute<T> x, T* out) {
  *out = x;
}
template <>
inline void Put<BF16>(float x, BF16* out) {
  out->bits = BF16FromFloat(x);
}
template <>
inline void Put<F16>(float x, F16* out) {
  out->bits = F16FromFloat(x);
}
template <>
inline void Put<Bool>(bool x, Bool* out) {
  out->byte = x ? 1 : 0;
}

// --- Operands ------------------------------------------------------------------------------------
template <class T>
inline const T* In(const tsr_kernel_call* call, int i) {
  return static_cast<const T*>(call->inputs[i].data);
}
template <class T>
inline T* Out(const tsr_kernel_call* call, int i) {
  return static_cast<T*>(call->outputs[i].data);
}

// Product of the dims [from, to) of an operand.
inline int64_t CountDims(const tsr_operand& operand, int from, int to) {
  int64_t count = 1;
  for (int d = from; d < to; ++d) count *= operand.dims[d];
  return count;
}
inline int64_t Count(const tsr_operand& operand) { return CountDims(operand, 0, operand.rank); }
inline int64_t LastDim(const tsr_operand& operand) {
  return operand.rank == 0 ? 1 : operand.dims[operand.rank - 1];
}
inline int64_t Rows(const tsr_operand& operand) {
  return operand.rank == 0 ? 1 : CountDims(operand, 0, operand.rank - 1);
}
inline bool SameDims(const tsr_operand& a, const tsr_operand& b) {
  return a.rank == b.rank && std::equal(a.dims, a.dims + a.rank, b.dims);
}

// A dim attribute, counted from the end when negative.
inline int DimAttr(const tsr_kernel_call* call, const char* name, int rank) {
  const int64_t dim = IntAttr(call, name, 0);
  return static_cast<int>(dim < 0 ? dim + rank : dim);
}
inline std::string_view TextAttr(const tsr_kernel_call* call, const char* name) {
  const tsr_attr* attr = FindAttr(call, name);
  return attr == nullptr || attr->text == nullptr ? std::string_view() : attr->text;
}

// An index operand, i32 or i64.
inline int64_t IndexAt(const tsr_operand& indices, int64_t i) {
  return TypeOf(indices) == DType::kI64 ? static_cast<const int64_t*>(indices.data)[i]
                                        : static_cast<const int32_t*>(indices.data)[i];
}
inline bool IsIndex(const tsr_operand& operand) {
  return TypeOf(operand) == DType::kI32 || TypeOf(operand) == DType::kI64;
}

// --- Tasks ---------------------------------------------------------------------------------------
// Elements of one task: some 64 KB of fp32, so that handing it out costs little beside it.
inline constexpr int64_t kTaskElements = 16384;

struct Range {
  int64_t begin;
  int64_t end;
  int64_t size() const { return end - begin; }
};

inline int64_t ElementTasks(int64_t count) { return CeilDiv(count, kTaskElements); }
inline Range ElementsOf(int64_t task, int64_t count) {
  return {task * kTaskElements, std::min(count, (task + 1) * kTaskElements)};
}

// Rows of one task for rows of `cols` elements.
inline int64_t RowsPerTask(int64_t cols) {
  return std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, cols));
}
inline int64_t RowTasks(int64_t rows, int64_t cols) { return CeilDiv(rows, RowsPerTask(cols)); }
inline Range RowsOf(int64_t task, int64_t rows, int64_t cols) {
  const int64_t step = RowsPerTask(cols);
  return {task * step, std::min(rows, (task + 1) * step)};
}

// --- Code for a dtype ----------------------------------------------------------------------------
// Each calls f.operator()<T>() for the storage type of `dtype`, and gives a null pointer for a
// dtype outside the set.
template <class F>
tsr_kernel_run PickFloat(DType dtype, F f) {
  switch (dtype) {
    case DType::kF64:
      return f.template operator()<double>();
    case DType::kF32:
      return f.template operator()<float>();
    case DType::kBF16:
      return f.template operator()<BF16>();
    case DType::kF16:
      return f.template operator()<F16>();
    default:
      return nullptr;
  }
}
template <class F>
tsr_kernel_run PickInteger(DType dtype, F f) {
  switch (dtype) {
    case DType::kI64:
      return f.template operator()<int64_t>();
    case DType::kI32:
      return f.template operator()<int32_t>();
    case DType::kI8:
      return f.template operator()<int8_t>();
    case DType::kU32:
      return f.template operator()<uint32_t>();
    case DType::kU16:
      return f.template operator()<uint16_t>();
    case DType::kU8:
      return f.template operator()<uint8_t>();
    default:
      return nullptr;
  }
}
template <class F>
tsr_kernel_run PickNumber(DType dtype, F f) {
  return IsFloat(dtype) ? PickFloat(dtype, f) : PickInteger(dtype, f);
}
template <class F>
tsr_kernel_run PickAny(DType dtype, F f) {
  return dtype == DType::kBool ? f.template operator()<Bool>() : PickNumber(dtype, f);
}
// By bytes of an element alone, for kernels that only move.
template <class F>
tsr_kernel_run PickBytes(DType dtype, F f) {
  switch (SizeOf(dtype)) {
    case 8:
      return f.template operator()<uint64_t>();
    case 4:
      return f.template operator()<uint32_t>();
    case 2:
      return f.template operator()<uint16_t>();
    case 1:
      return f.template operator()<uint8_t>();
    default:
      return nullptr;
  }
}

// --- Plans ---------------------------------------------------------------------------------------
// One phase of `tasks` tasks. Declines when no code was picked for the dtype.
inline int32_t Ready(tsr_kernel_plan* plan, tsr_kernel_run run, int64_t tasks, char* reason) {
  if (run == nullptr) return Decline(reason, "no code for this dtype");
  plan->phase_count = 1;
  plan->tasks[0] = tasks;
  plan->workspace_bytes = 0;
  plan->run = run;
  return 0;
}

// Asks for `rows` pieces of workspace. Declines what leaves 64 bits, as attributes of files may.
inline int32_t TakeWorkspace(tsr_kernel_plan* plan, int64_t rows, int64_t row_bytes, char* reason) {
  if (__builtin_mul_overflow(rows, row_bytes, &plan->workspace_bytes)) {
    return Decline(reason, "its workspace leaves 64 bits");
  }
  return 0;
}

inline int32_t ReadyTwoPhases(tsr_kernel_plan* plan, tsr_kernel_run run, int64_t first,
                              int64_t second, size_t workspace_bytes, char* reason) {
  if (Ready(plan, run, first, reason) != 0) return 1;
  plan->phase_count = 2;
  plan->tasks[1] = second;
  plan->workspace_bytes = workspace_bytes;
  return 0;
}

// Declines a call with other numbers of operands than the op has.
inline bool HasOperands(const tsr_kernel_call* call, int inputs, int outputs, char* reason) {
  if (call->input_count == inputs && call->output_count == outputs) return true;
  std::snprintf(reason, TSR_REASON_BYTES, "expected %d operands and %d results, got %d and %d",
                inputs, outputs, call->input_count, call->output_count);
  return false;
}

// --- Registration --------------------------------------------------------------------------------
using PrepareFunction = int32_t (*)(const tsr_kernel_call*, tsr_kernel_plan*, char*);

// An op's name as a template argument, so that names of kernels are made while compiling.
template <size_t N>
struct OpName {
  char text[N];
  constexpr OpName(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT
};

template <OpName Op, OpName Suffix>
struct KernelName {
  static constexpr auto Join() {
    struct Joined {
      char text[sizeof(Op.text) + sizeof(Suffix.text)];
    } joined = {};
    std::copy_n(Op.text, sizeof(Op.text) - 1, joined.text);
    std::copy_n(Suffix.text, sizeof(Suffix.text), joined.text + sizeof(Op.text) - 1);
    return joined;
  }
  static constexpr auto kJoined = Join();
};

template <OpName Op, OpName Suffix>
void AddKernel(KernelSink& sink, int32_t isa, PrepareFunction prepare, uint32_t flags,
               uint32_t version = 1) {
  static constexpr auto kOp = Op;
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = isa,
            .op = kOp.text,
            .name = KernelName<Op, Suffix>::kJoined.text,
            .prepare = prepare,
            .version = version,
            .flags = flags});
}

template <OpName Op>
void AddReference(KernelSink& sink, PrepareFunction prepare, uint32_t flags = 0) {
  AddKernel<Op, ".reference">(sink, TSR_ISA_REFERENCE, prepare, flags);
}

// The same source compiled for several instruction sets (vector/), best first. `prepare` picks by
// the call's cap. `version` is one higher whenever results get other bits.
template <OpName Op>
void AddVector(KernelSink& sink, PrepareFunction prepare, uint32_t flags = 0,
               uint32_t version = 1) {
#if defined(__x86_64__)
  AddKernel<Op, ".avx512_bf16">(sink, TSR_ISA_AVX512_BF16, prepare, flags, version);
  AddKernel<Op, ".avx512">(sink, TSR_ISA_AVX512, prepare, flags, version);
  AddKernel<Op, ".avx2">(sink, TSR_ISA_AVX2, prepare, flags, version);
#endif
  AddKernel<Op, ".baseline">(sink, TSR_ISA_BASELINE, prepare, flags, version);
}

inline constexpr uint32_t kInPlace0 = TSR_KERNEL_IN_PLACE_0;
inline constexpr uint32_t kInPlace01 = TSR_KERNEL_IN_PLACE_0 | TSR_KERNEL_IN_PLACE_1;
inline constexpr uint32_t kInPlace012 = kInPlace01 | TSR_KERNEL_IN_PLACE_2;
inline constexpr uint32_t kRowWise = TSR_KERNEL_ROW_WISE;

}  // namespace tessera::cpu
