// CostModel: how long a candidate takes beside the kernel's own choice, learned from measurements.
//
// Ridge regression of the logarithm of the ratio of times on features and their squares, all taken
// relative to those of the kernel's own choice, for which it says 0. Its uncertainty is that of
// Bayesian regression with the same prior: large where nothing like it was measured. Learning from
// some hundred samples takes well under a millisecond. Not thread-safe; constant use is.
#pragma once

#include <vector>

#include "absl/types/span.h"

namespace tessera {

struct CostSample {
  std::vector<double> features;      // of the candidate
  std::vector<double> own_features;  // of the kernel's own choice for the same call
  double log_ratio = 0;              // of the times
  double weight = 1;
};

class CostModel {
 public:
  struct Guess {
    double log_ratio = 0;
    double deviation = 0;
  };

  // `scales`: how far each feature spreads among what will be asked; 0: it does not vary.
  void Fit(absl::Span<const CostSample> samples, absl::Span<const double> scales);
  Guess Predict(absl::Span<const double> features, absl::Span<const double> own_features) const;

 private:
  std::vector<double> Row(absl::Span<const double> features,
                          absl::Span<const double> own_features) const;

  std::vector<double> scales_;
  std::vector<double> weights_;      // of a row
  std::vector<double> factor_;       // lower Cholesky factor of the normal matrix, row by row
  double noise_ = 0;                 // variance of a measurement
};

// Spearman's: 1 where both put everything in the same order. NaN below two pairs, or where one of
// them says the same everywhere. REQUIRES: equal sizes.
double RankCorrelation(absl::Span<const double> a, absl::Span<const double> b);

}  // namespace tessera
