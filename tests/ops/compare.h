// Compare: tensors against tensors with stated tolerances. Header only.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// Allowed: |got - want| <= element * |want| + tensor * (largest finite |want|).
struct Tolerance {
  double element = 0;
  double tensor = 0;
};

// Against the op in fp64: one rounding of the result (half an ulp, and a little for the double
// rounding), and sums in fp32 of some hundred terms.
inline Tolerance RoundingTolerance(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return {1e-12, 1e-12};
    case DType::kF32:
      return {4e-6, 4e-6};
    case DType::kBF16:
      return {0x1.1p-8, 4e-6};
    case DType::kF16:
      return {0x1.1p-11, 1e-5};
    default:
      return {0, 0};
  }
}

// Against numbers written with six digits; operands of the run are rounded to its dtype.
inline Tolerance StatedTolerance(DType run_dtype) {
  switch (run_dtype) {
    case DType::kF64:
      return {1e-5, 1e-6};
    case DType::kF32:
      return {1e-5, 1e-5};
    case DType::kBF16:
      return {3e-2, 1e-2};
    case DType::kF16:
      return {4e-3, 2e-3};
    default:
      return {1e-6, 0};
  }
}

// `setting`: "", "0.01" for every dtype, or "bf16:0.02,f32:1e-4".
inline Tolerance WithSetting(Tolerance tolerance, const std::string& setting, DType run_dtype) {
  for (std::string_view part : absl::StrSplit(setting, ',', absl::SkipEmpty())) {
    const size_t colon = part.find(':');
    double value = 0;
    const bool for_all = colon == std::string_view::npos;
    if (!absl::SimpleAtod(for_all ? part : part.substr(colon + 1), &value)) continue;
    if (for_all || part.substr(0, colon) == Name(run_dtype)) tolerance = {value, value};
  }
  return tolerance;
}

// "" when `got` is near `want`; otherwise the first element that is not.
inline std::string Difference(const Tensor& got, const Tensor& want, Tolerance tolerance) {
  if (got.dims != want.dims) {
    return absl::StrCat("dims: expected ", want.TypeText(), ", got ", got.TypeText());
  }
  double largest = 0;
  for (int64_t i = 0; i < want.count(); ++i) {
    if (std::isfinite(want.At(i))) largest = std::max(largest, std::abs(want.At(i)));
  }
  for (int64_t i = 0; i < want.count(); ++i) {
    const double x = got.At(i), y = want.At(i);
    if (std::isnan(x) && std::isnan(y)) continue;
    if (x == y) continue;
    const double allowed = tolerance.element * std::abs(y) + tolerance.tensor * largest;
    if (std::isfinite(x) && std::isfinite(y) && std::abs(x - y) <= allowed) continue;
    return absl::StrCat("element ", i, ": expected ", y, ", got ", x, " (allowed ", allowed, ")");
  }
  return "";
}

}  // namespace tessera
