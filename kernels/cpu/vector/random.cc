#include "kernels/cpu/vector/random.h"

#include "cpp/base/philox.h"
#include "kernels/cpu/internal/call.h"
#include "kernels/cpu/internal/random.h"
#include "kernels/cpu/internal/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/vector/random.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/cpu/vector/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tessera::cpu::vector::HWY_NAMESPACE {

using Words = hn::ScalableTag<uint32_t>;
using WordVec = hn::VFromD<Words>;

// The upper half of the products of lanes with `by`; the lower half is Mul.
HWY_INLINE WordVec MulHigh(Words d, WordVec x, WordVec by) {
  const auto even = hn::BitCast(d, hn::MulEven(x, by));
  const auto odd = hn::BitCast(d, hn::MulOdd(x, by));
  return hn::InterleaveOdd(d, even, odd);
}

// base/philox.h's ElementBlock for Lanes blocks from `block` on, 4 * Lanes words in element order.
HWY_INLINE void BlockWords(const philox::Words4& key, uint64_t block, uint32_t* words) {
  const Words d;
  const auto start = hn::Set(d, static_cast<uint32_t>(block));
  auto c0 = hn::Add(start, hn::Iota(d, 0));
  // A lane whose lower word has wrapped belongs to the next upper word.
  const auto wrapped = hn::IfThenElseZero(hn::Lt(c0, start), hn::Set(d, 1u));
  auto c1 = hn::Add(hn::Set(d, static_cast<uint32_t>(block >> 32)), wrapped);
  auto c2 = hn::Set(d, key[2]), c3 = hn::Set(d, key[3]);
  auto k0 = hn::Set(d, key[0]), k1 = hn::Set(d, key[1]);
  const auto m0 = hn::Set(d, philox::kMultiplier0), m1 = hn::Set(d, philox::kMultiplier1);
  for (int round = 0; round < philox::kRounds; ++round) {
    const auto high0 = MulHigh(d, c0, m0), low0 = hn::Mul(c0, m0);
    const auto high1 = MulHigh(d, c2, m1), low1 = hn::Mul(c2, m1);
    c0 = hn::Xor3(high1, c1, k0);
    c1 = low1;
    c2 = hn::Xor3(high0, c3, k1);
    c3 = low0;
    k0 = hn::Add(k0, hn::Set(d, philox::kWeyl0));
    k1 = hn::Add(k1, hn::Set(d, philox::kWeyl1));
  }
  hn::StoreInterleaved4(c0, c1, c2, c3, d, words);
}

// Words are made for whole blocks into a buffer; a range may begin within a block.
template <class T>
void RunDropout(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t, int64_t task) {
  const auto rate = Params<double>(plan);
  const TagOf<T> d;
  const Words dw;
  const RandomStream stream(call, 1, call->inputs[0]);
  const Range range = ElementsOf(task, Count(call->outputs[0]));
  const float scale = static_cast<float>(1 / (1 - rate));
  const uint32_t threshold = DropoutThreshold(rate);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(dw));
  HWY_ALIGN uint32_t words[4 * hn::MaxLanes(dw)];
  for (int64_t at = range.begin; at < range.end;) {
    const uint64_t index = stream.origin() + static_cast<uint64_t>(at);
    const int64_t skip = static_cast<int64_t>(index % 4);
    const int64_t count = std::min(range.end - at, 4 * lanes - skip);
    BlockWords(stream.key(), index / 4, words);
    const T* x = In<T>(call, 0) + at;
    T* y = Out<T>(call, 0) + at;
    const uint32_t* first = words + skip;
    ForVectors(d, count, [=](int64_t i, auto access) HWY_ATTR {
      const auto word = hn::BitCast(dw, access.In(d, reinterpret_cast<const float*>(first) + i));
      const auto keep = hn::RebindMask(d, hn::Ge(word, hn::Set(dw, threshold)));
      const auto scaled = hn::Mul(access.In(d, x + i), hn::Set(d, scale));
      access.Out(d, hn::IfThenElseZero(keep, scaled), y + i);
    });
    at += count;
  }
}

tsr_kernel_run PickDropout(DType dtype) {
  if (dtype == DType::kF32) return RunDropout<float>;
  if (dtype == DType::kBF16) return RunDropout<BF16>;
  return nullptr;
}

}  // namespace tessera::cpu::vector::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera::cpu::vector {
namespace {
HWY_EXPORT(PickDropout);
}  // namespace

int32_t PrepareDropout(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  if (!HasOperands(call, 3, 1, reason) || !RandomStream::Fits(call, 1, reason)) return 1;
  SetParams(plan, FloatAttr(call, "rate", 0));
  return Ready(plan, TESSERA_FOR_CALL(PickDropout, call)(TypeOf(call->inputs[0])),
               ElementTasks(Count(call->outputs[0])), reason);
}

}  // namespace tessera::cpu::vector
#endif  // HWY_ONCE
