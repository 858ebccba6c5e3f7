#include "kernels/cpu/vector/norm.h"

#include <cmath>

#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/norm.h"
#include "kernels/cpu/internal/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/norm.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

using Float = hn::ScalableTag<float>;

// What is fetched while a row is written, or the row itself at the end: sums over the row `steps`
// further would wait for memory while nothing else moves.
template <class T>
HWY_INLINE const T* RowAhead(const T* x, int64_t steps, int64_t row, const Range& rows,
                             const NormShape& shape) {
  return row + steps < rows.end ? x + steps * shape.cols : x;
}

// write(row, finish(x, begin(x)), ahead) for rows x of a tensor. What a row needs is begun two rows
// before and finished a row before it is written: sums end in a chain of additions, divisions and
// roots, and the other two rows fill the time that takes.
template <class T, class Begin, class Finish, class Write>
HWY_INLINE void ForRowsAhead(const T* tensor, const Range& rows, const NormShape& shape,
                             const Begin& begin, const Finish& finish, const Write& write) {
  if (rows.size() <= 0) return;
  const T* x = tensor + rows.begin * shape.cols;
  auto finished = finish(x, begin(x));
  decltype(begin(x)) begun = {};
  if (rows.size() > 1) begun = begin(x + shape.cols);
  for (int64_t row = rows.begin; row < rows.end; ++row, x += shape.cols) {
    const auto now = finished;
    const auto next = begun;
    if (row + 2 < rows.end) begun = begin(x + 2 * shape.cols);
    if (row + 1 < rows.end) finished = finish(x + shape.cols, next);
    write(row, now, RowAhead(x, 3, row, rows, shape));
  }
}

template <class T>
HWY_INLINE float SquaresOf(const T* x, const NormShape& shape) {
  const Float d;
  const auto sums =
      SumVectors<T>(d, shape.cols, [=](int64_t i, auto access, auto* squares, auto*) HWY_ATTR {
        const auto value = access.In(d, x + i);
        *squares = hn::MulAdd(value, value, *squares);
      });
  return sums.first;
}

HWY_INLINE float RmsScale(float squares, const NormShape& shape) {
  const double mean = static_cast<double>(squares) / static_cast<double>(shape.cols);
  return static_cast<float>(1 / std::sqrt(mean + shape.epsilon));
}

template <class T>
void RunRms(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<NormShape>(plan);
  const Float d;
  const float shift = static_cast<float>(shape.scale_offset);
  const T* scale = In<T>(call, 1);
  const Range rows = RowsOf(task, shape.rows, shape.cols);
  const auto begin = [&](const T* x) HWY_ATTR { return SquaresOf(x, shape); };
  const auto finish = [&](const T*, float squares) HWY_ATTR { return RmsScale(squares, shape); };
  const auto write = [&](int64_t row, float r, const T* ahead) HWY_ATTR {
    const T* x = In<T>(call, 0) + row * shape.cols;
    T* y = Out<T>(call, 0) + row * shape.cols;
    MapVectors(d, shape.cols, y, [=](int64_t i, auto access) HWY_ATTR {
      hwy::Prefetch(ahead + i);
      const auto factor = hn::Add(access.In(d, scale + i), hn::Set(d, shift));
      const auto unit = hn::Mul(access.In(d, x + i), hn::Set(d, r));
      return hn::Mul(unit, factor);
    });
  };
  ForRowsAhead(In<T>(call, 0), rows, shape, begin, finish, write);
}

template <class T>
void RunRmsGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                int64_t task) {
  const auto shape = Params<NormShape>(plan);
  if (phase == 1) return AddNormParts<float>(call, shape, task);
  const Float d;
  const float shift = static_cast<float>(shape.scale_offset);
  const T* scale = In<T>(call, 1);
  float* dscale = shape.Part<float>(call->workspace, task, 0);
  std::fill_n(dscale, shape.cols, 0.0f);
  const Range rows = shape.RowsOfChunk(task);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * shape.cols;
    const T* dy = In<T>(call, 2) + row * shape.cols;
    T* dx = Out<T>(call, 0) + row * shape.cols;
    // Squares of x and products g x in one pass.
    const auto sums = SumVectors<T>(
        d, shape.cols, [=](int64_t i, auto access, auto* squares, auto* dot) HWY_ATTR {
          const auto value = access.In(d, x + i);
          const auto factor = hn::Add(access.In(d, scale + i), hn::Set(d, shift));
          *squares = hn::MulAdd(value, value, *squares);
          *dot = hn::MulAdd(hn::Mul(access.In(d, dy + i), factor), value, *dot);
        });
    const double cols = static_cast<double>(shape.cols);
    const float r = RmsScale(sums.first, shape);
    const float back = static_cast<float>(static_cast<double>(sums.second) / cols) * r * r;
    const T* ahead = RowAhead(x, 1, row, rows, shape);
    const T* ahead_dy = RowAhead(dy, 1, row, rows, shape);
    ForVectors(d, shape.cols, [=](int64_t i, auto access) HWY_ATTR {
      hwy::Prefetch(ahead + i);
      hwy::Prefetch(ahead_dy + i);
      const auto slope = access.In(d, dy + i), value = access.In(d, x + i);
      const auto factor = hn::Add(access.In(d, scale + i), hn::Set(d, shift));
      const auto by_r = hn::Set(d, r);
      const auto part = access.In(d, dscale + i);
      access.Out(d, hn::MulAdd(hn::Mul(slope, value), by_r, part), dscale + i);
      const auto straight = hn::NegMulAdd(value, hn::Set(d, back), hn::Mul(slope, factor));
      access.Out(d, hn::Mul(by_r, straight), dx + i);
    });
  }
}

struct RowMoments {
  float mean;
  float r;
};

template <class T>
HWY_INLINE float MeanOf(const T* x, const NormShape& shape) {
  const Float d;
  const auto sums =
      SumVectors<T>(d, shape.cols, [=](int64_t i, auto access, auto* sum, auto*) HWY_ATTR {
        *sum = hn::Add(*sum, access.In(d, x + i));
      });
  return static_cast<float>(static_cast<double>(sums.first) / static_cast<double>(shape.cols));
}

// The squares of what the mean leaves: the difference of mean squares would cancel.
template <class T>
HWY_INLINE RowMoments MomentsAbout(const T* x, float mean, const NormShape& shape) {
  const Float d;
  const auto apart = SumVectors<T>(
      d, shape.cols, [=](int64_t i, auto access, auto* squares, auto* rest) HWY_ATTR {
        const auto off = Kept(d, hn::Sub(access.In(d, x + i), hn::Set(d, mean)), access);
        *squares = hn::MulAdd(off, off, *squares);
        *rest = hn::Add(*rest, off);
      });
  // What rounding left in the mean is taken out of the mean of squares.
  const double cols = static_cast<double>(shape.cols);
  const double left = static_cast<double>(apart.second) / cols;
  const double variance =
      std::max(0.0, static_cast<double>(apart.first) / cols - left * left);
  const bool is_number = apart.first == apart.first;
  return {mean, static_cast<float>(1 / std::sqrt((is_number ? variance : apart.first) +
                                                 shape.epsilon))};
}

template <class T, bool kBias>
void RunLayer(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto shape = Params<NormShape>(plan);
  const Float d;
  const T* scale = In<T>(call, 1);
  const T* bias = kBias ? In<T>(call, 2) : nullptr;
  const Range rows = RowsOf(task, shape.rows, shape.cols);
  const auto begin = [&](const T* x) HWY_ATTR { return MeanOf(x, shape); };
  const auto finish = [&](const T* x, float mean) HWY_ATTR { return MomentsAbout(x, mean, shape); };
  const auto write = [&](int64_t row, RowMoments moments, const T* ahead) HWY_ATTR {
    const T* x = In<T>(call, 0) + row * shape.cols;
    T* y = Out<T>(call, 0) + row * shape.cols;
    MapVectors(d, shape.cols, y, [=](int64_t i, auto access) HWY_ATTR {
      hwy::Prefetch(ahead + i);
      const auto off = hn::Sub(access.In(d, x + i), hn::Set(d, moments.mean));
      const auto h = hn::Mul(off, hn::Set(d, moments.r));
      const auto factor = access.In(d, scale + i);
      if constexpr (kBias) {
        return hn::MulAdd(h, factor, access.In(d, bias + i));
      } else {
        return hn::Mul(h, factor);
      }
    });
  };
  ForRowsAhead(In<T>(call, 0), rows, shape, begin, finish, write);
}

template <class T>
void RunLayerGrad(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
                  int64_t task) {
  const auto shape = Params<NormShape>(plan);
  if (phase == 1) return AddNormParts<float>(call, shape, task);
  const Float d;
  const T* scale = In<T>(call, 1);
  float* dscale = shape.Part<float>(call->workspace, task, 0);
  float* dbias = shape.Part<float>(call->workspace, task, 1);
  std::fill_n(dscale, shape.cols, 0.0f);
  std::fill_n(dbias, shape.cols, 0.0f);
  const Range rows = shape.RowsOfChunk(task);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = In<T>(call, 0) + row * shape.cols;
    const T* dy = In<T>(call, 2) + row * shape.cols;
    T* dx = Out<T>(call, 0) + row * shape.cols;
    const RowMoments moments = MomentsAbout(x, MeanOf(x, shape), shape);
    const auto sums = SumVectors<T>(
        d, shape.cols, [=](int64_t i, auto access, auto* sum, auto* dot) HWY_ATTR {
          const auto off = hn::Sub(access.In(d, x + i), hn::Set(d, moments.mean));
          const auto g = hn::Mul(access.In(d, dy + i), access.In(d, scale + i));
          *sum = hn::Add(*sum, g);
          *dot = hn::MulAdd(g, hn::Mul(off, hn::Set(d, moments.r)), *dot);
        });
    const double cols = static_cast<double>(shape.cols);
    const float mean_g = static_cast<float>(static_cast<double>(sums.first) / cols);
    const float mean_gh = static_cast<float>(static_cast<double>(sums.second) / cols);
    ForVectors(d, shape.cols, [=](int64_t i, auto access) HWY_ATTR {
      const auto r = hn::Set(d, moments.r);
      const auto slope = access.In(d, dy + i);
      const auto h = hn::Mul(hn::Sub(access.In(d, x + i), hn::Set(d, moments.mean)), r);
      access.Out(d, hn::MulAdd(slope, h, access.In(d, dscale + i)), dscale + i);
      access.Out(d, hn::Add(slope, access.In(d, dbias + i)), dbias + i);
      const auto g = hn::MulSub(slope, access.In(d, scale + i), hn::Set(d, mean_g));
      access.Out(d, hn::Mul(r, hn::NegMulAdd(h, hn::Set(d, mean_gh), g)), dx + i);
    });
  }
}

tsr_kernel_run PickNorm(NormKind kind, DType dtype) {
  const auto pick = [kind]<class T>() -> tsr_kernel_run {
    switch (kind) {
      case NormKind::kRms:
        return RunRms<T>;
      case NormKind::kRmsGrad:
        return RunRmsGrad<T>;
      case NormKind::kLayer:
        return RunLayer<T, false>;
      case NormKind::kLayerBias:
        return RunLayer<T, true>;
      case NormKind::kLayerGrad:
        return RunLayerGrad<T>;
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

HWY_EXPORT(PickNorm);

tsr_kernel_run NormFor(const tsr_kernel_call* call, NormKind kind) {
  return TESSERA_FOR_CALL(PickNorm, call)(kind, TypeOf(call->inputs[0]));
}

}  // namespace

int32_t PrepareRmsNorm(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 2, 1, reason) || !NormFits(call, reason)) return 1;
  const NormShape shape = ReadNorm(call, 1e-6);
  SetParams(plan, shape);
  return Ready(plan, NormFor(call, NormKind::kRms), RowTasks(shape.rows, shape.cols), reason);
}

int32_t PrepareRmsNormGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 2, reason) || !NormFits(call, reason)) return 1;
  return ReadyNormGrad(call, plan, ReadNorm(call, 1e-6), NormFor(call, NormKind::kRmsGrad),
                       reason);
}

int32_t PrepareLayerNorm(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const bool bias = call->input_count == 3;
  if (!HasOperands(call, bias ? 3 : 2, 1, reason) || !NormFits(call, reason)) return 1;
  const NormShape shape = ReadNorm(call, 1e-5);
  SetParams(plan, shape);
  return Ready(plan, NormFor(call, bias ? NormKind::kLayerBias : NormKind::kLayer),
               RowTasks(shape.rows, shape.cols), reason);
}

int32_t PrepareLayerNormGrad(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 3, reason) || !NormFits(call, reason)) return 1;
  NormShape shape = ReadNorm(call, 1e-5);
  shape.sums = 2;
  return ReadyNormGrad(call, plan, shape, NormFor(call, NormKind::kLayerGrad), reason);
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
