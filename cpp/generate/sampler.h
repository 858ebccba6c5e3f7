// Sampler: the next token from a row of logits: temperature, top-k, top-p, seed.
//
// The draw for position i of a text depends on (seed, i) only. Ties go to the lower id, NaN counts
// as the lowest logit. Stateless but for its scratch memory; not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace tessera {

struct SamplingOptions {
  double temperature = 1;   // 0: the likeliest token
  int64_t top_k = 0;        // 0: all
  double top_p = 1;         // keep the fewest tokens whose probabilities reach it
  uint64_t seed = 0;
};

// INVALID_ARGUMENT: temperature below 0 or not finite, top_k below 0, top_p outside (0, 1].
absl::Status CheckSamplingOptions(const SamplingOptions& options);

class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options) : options_(options) {}
  // REQUIRES: logits not empty.
  int32_t Sample(absl::Span<const float> logits, int64_t position);

 private:
  SamplingOptions options_;
  std::vector<int32_t> order_;
  std::vector<double> weights_;
};

}  // namespace tessera
