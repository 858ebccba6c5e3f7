#include "cpp/comm/reduce.h"

#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tessera {
namespace {

// How elements of a dtype are read, added up and written: `Sum` is the type of the accumulator.
template <typename T, typename S>
struct Plain {
  using Element = T;
  using Sum = S;
  static S Read(T value) { return static_cast<S>(value); }
  static T Write(S value) { return static_cast<T>(value); }
};

struct BF16 {
  using Element = uint16_t;
  using Sum = float;
  static float Read(uint16_t value) { return FloatFromBF16(value); }
  static uint16_t Write(float value) { return BF16FromFloat(value); }
};

template <typename S>
S Larger(S a, S b) {
  if constexpr (std::is_floating_point_v<S>) {
    if (std::isnan(b)) return b;
  }
  return b > a ? b : a;  // false when a is NaN, which then stays
}

template <typename Type>
void Reduce(absl::Span<const void* const> inputs, absl::Span<void* const> outputs, int64_t count,
            ReduceOp op) {
  using Element = typename Type::Element;
  using Sum = typename Type::Sum;
  for (int64_t i = 0; i < count; ++i) {
    Sum sum = Type::Read(static_cast<const Element*>(inputs[0])[i]);
    for (size_t rank = 1; rank < inputs.size(); ++rank) {
      const Sum value = Type::Read(static_cast<const Element*>(inputs[rank])[i]);
      sum = op == ReduceOp::kSum ? static_cast<Sum>(sum + value) : Larger(sum, value);
    }
    const Element result = Type::Write(sum);
    for (void* output : outputs) static_cast<Element*>(output)[i] = result;
  }
}

}  // namespace

absl::Status CheckReducible(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kF32:
    case DType::kBF16:
    case DType::kI64:
    case DType::kI32:
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("all-reduce: expected f64, f32, bf16, i64 or i32, got ", Name(dtype)));
  }
}

void ReduceInOrder(absl::Span<const void* const> inputs, absl::Span<void* const> outputs,
                   int64_t count, DType dtype, ReduceOp op) {
  switch (dtype) {
    case DType::kF64:
      return Reduce<Plain<double, double>>(inputs, outputs, count, op);
    case DType::kF32:
      return Reduce<Plain<float, float>>(inputs, outputs, count, op);
    case DType::kBF16:
      return Reduce<BF16>(inputs, outputs, count, op);
    // Unsigned inside: a sum that overflows wraps instead of being undefined.
    case DType::kI64:
      return op == ReduceOp::kSum ? Reduce<Plain<uint64_t, uint64_t>>(inputs, outputs, count, op)
                                  : Reduce<Plain<int64_t, int64_t>>(inputs, outputs, count, op);
    case DType::kI32:
      return op == ReduceOp::kSum ? Reduce<Plain<uint32_t, uint32_t>>(inputs, outputs, count, op)
                                  : Reduce<Plain<int32_t, int32_t>>(inputs, outputs, count, op);
    default:
      return;
  }
}

}  // namespace tessera
