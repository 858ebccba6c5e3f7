#include "cpp/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"
#include "cpp/base/philox.h"

namespace tessera {

absl::Status CheckSamplingOptions(const SamplingOptions& options) {
  if (!(options.temperature >= 0) || std::isinf(options.temperature)) {
    return absl::InvalidArgumentError(
        absl::StrCat("temperature: expected 0 or more, got ", options.temperature));
  }
  if (options.top_k < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("top_k: expected 0 (all) or more, got ", options.top_k));
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("top_p: expected more than 0 and at most 1, got ", options.top_p));
  }
  return absl::OkStatus();
}

int32_t Sampler::Sample(absl::Span<const float> logits, int64_t position) {
  auto value = [&](int32_t id) {
    return std::isnan(logits[id]) ? -std::numeric_limits<double>::infinity()
                                  : static_cast<double>(logits[id]);
  };
  order_.resize(logits.size());
  std::iota(order_.begin(), order_.end(), 0);
  auto likelier = [&](int32_t a, int32_t b) {
    return value(a) != value(b) ? value(a) > value(b) : a < b;
  };
  size_t kept = logits.size();
  if (options_.temperature == 0) kept = 1;
  if (options_.top_k > 0) kept = std::min(kept, static_cast<size_t>(options_.top_k));
  std::partial_sort(order_.begin(), order_.begin() + static_cast<int64_t>(kept), order_.end(),
                    likelier);
  if (kept == 1) return order_[0];
  const double top = value(order_[0]);
  if (std::isinf(top)) return order_[0];  // nothing finite to weigh, or one certain token
  weights_.resize(kept);
  double sum = 0;
  for (size_t i = 0; i < kept; ++i) {
    weights_[i] = std::exp((value(order_[i]) - top) / options_.temperature);
    sum += weights_[i];
  }
  if (options_.top_p < 1) {
    double reached = 0;
    size_t count = 0;
    while (count < kept && reached < options_.top_p * sum) reached += weights_[count++];
    kept = std::max<size_t>(1, count);
    sum = reached;
  }
  const uint64_t key = MixBits(options_.seed);
  const uint64_t word = philox::ElementWord64(
      {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32), 0x67656e65u, 0x72617465u},
      static_cast<uint64_t>(position));
  double target = philox::UnitDouble(word) * sum;
  for (size_t i = 0; i + 1 < kept; ++i) {
    if (target < weights_[i]) return order_[i];
    target -= weights_[i];
  }
  return order_[kept - 1];
}

}  // namespace tessera
