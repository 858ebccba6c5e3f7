// Functions on Vec that are the same for every width. Included by the vec_*.h files only.
#pragma once

namespace tessera::cpu::dense {
namespace {

// Where e^x is the smallest normal number.
inline constexpr float kExpLow = -87.33f;

// e^x within 2 units in the last place; 0 below kExpLow, infinity above 88.8, NaN for NaN.
// No result is a denormal number: making one, and each product with it, costs a thousand cycles,
// and masked scores would make them in most vectors (attention took twice as long).
inline Vec Exp(Vec x) {
  const Vec within = ExpWithin(Max(Splat(kExpLow), Min(Splat(90.0f), x)));
  return WhereLess(x, Splat(kExpLow), Zero(), within);
}

// tanh by exp(2x); near zero by its own series, where the quotient would cancel.
inline Vec Tanh(Vec x) {
  const Vec clipped = Max(Splat(-10.0f), Min(Splat(10.0f), x));
  const Vec e = Exp(clipped + clipped);
  const Vec quotient = (e - Splat(1.0f)) / (e + Splat(1.0f));
  const Vec q = x * x;
  Vec s = Splat(62.0f / 2835);
  s = MulAdd(s, q, Splat(-17.0f / 315));
  s = MulAdd(s, q, Splat(2.0f / 15));
  s = MulAdd(s, q, Splat(-1.0f / 3));
  s = MulAdd(s * q, x, x);
  return WhereLess(q, Splat(0.04f), s, quotient);
}

}  // namespace
}  // namespace tessera::cpu::dense
