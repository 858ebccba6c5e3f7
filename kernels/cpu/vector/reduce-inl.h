// Sums over the elements of a row, in vectors. Compiled once per instruction set.
//
// Four vectors of partial sums (element i goes to vector i / Lanes mod 4; of bf16 the even and the
// odd elements of two vectors go to one each), added pairwise at the end: the order follows from
// the length, the type and the instruction set alone, and rounding errors grow with the length over
// the number of lanes.
#if defined(TESSERA_VECTOR_REDUCE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifndef TESSERA_VECTOR_REDUCE_INL_H
#define TESSERA_VECTOR_REDUCE_INL_H
#else
#undef TESSERA_VECTOR_REDUCE_INL_H
#endif

#include <type_traits>

#include "hwy/highway.h"
#include "kernels/cpu/vector/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

// Two sums at once over n elements of type T, which is that of every operand: body(i, access,
// &first, &second) adds the terms of one vector. In a tail the lanes beyond the end must add 0,
// which is so when terms are products of what was read; `Kept` is for others. `body` must be marked
// HWY_ATTR.
template <class T, class D, class F>
HWY_INLINE Both<hn::TFromD<D>> SumVectors(D d, int64_t n, const F& body) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto a0 = hn::Zero(d), a1 = hn::Zero(d), a2 = hn::Zero(d), a3 = hn::Zero(d);
  auto b0 = hn::Zero(d), b1 = hn::Zero(d), b2 = hn::Zero(d), b3 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    if constexpr (std::is_same_v<T, BF16>) {
      body(i, EvenAccess(), &a0, &b0);
      body(i, OddAccess(), &a1, &b1);
      body(i + 2 * lanes, EvenAccess(), &a2, &b2);
      body(i + 2 * lanes, OddAccess(), &a3, &b3);
    } else {
      body(i, WholeAccess(), &a0, &b0);
      body(i + lanes, WholeAccess(), &a1, &b1);
      body(i + 2 * lanes, WholeAccess(), &a2, &b2);
      body(i + 3 * lanes, WholeAccess(), &a3, &b3);
    }
  }
  for (; i + lanes <= n; i += lanes) body(i, WholeAccess(), &a0, &b0);
  if (i < n) body(i, TailAccess{static_cast<size_t>(n - i)}, &a1, &b1);
  const auto a = hn::Add(hn::Add(a0, a1), hn::Add(a2, a3));
  const auto b = hn::Add(hn::Add(b0, b1), hn::Add(b2, b3));
  return {hn::ReduceSum(d, a), hn::ReduceSum(d, b)};
}

// `x` with 0 in the lanes beyond the end.
template <class D, class Access>
HWY_INLINE Vec<D> Kept(D, Vec<D> x, Access) {
  return x;
}
template <class D>
HWY_INLINE Vec<D> Kept(D d, Vec<D> x, TailAccess tail) {
  return hn::IfThenElseZero(hn::FirstN(d, tail.count), x);
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include toggle of one instruction set
