// ExpWithin by a series, for widths whose registers hold no table of it. Included by the vec_*.h
// files only, before vec_math.h.
#pragma once

namespace tessera::cpu::dense {
namespace {

// e^x for -87.33 <= x <= 90. x = n ln 2 + f with |f| <= ln 2 / 2; ln 2 in two parts; Taylor terms
// of f to the seventh power.
inline Vec ExpWithin(Vec x) {
  const Vec n = RoundToInt(x * Splat(1.44269504f));
  Vec f = MulAdd(n, Splat(-0.693359375f), x);
  f = MulAdd(n, Splat(2.12194440e-4f), f);
  Vec p = Splat(1.0f / 5040);
  p = MulAdd(p, f, Splat(1.0f / 720));
  p = MulAdd(p, f, Splat(1.0f / 120));
  p = MulAdd(p, f, Splat(1.0f / 24));
  p = MulAdd(p, f, Splat(1.0f / 6));
  p = MulAdd(p, f, Splat(0.5f));
  p = MulAdd(p, f, Splat(1.0f));
  p = MulAdd(p, f, Splat(1.0f));
  return ScaleByPower(p, n);
}

}  // namespace
}  // namespace tessera::cpu::dense
