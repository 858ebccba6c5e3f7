#include "cpp/exec/cost_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tessera {
namespace {

// Of the weights, in units of the spread of a feature: a feature moves the time by some 10 %.
constexpr double kPriorDeviation = 0.1;
// Measurements of one thing differ by 1 % or more.
constexpr double kLeastNoise = 1e-4;

// Factors the symmetric matrix in place: a = L L^T, L in the lower half. It is positive definite,
// as it has a prior on its diagonal.
void Factor(std::vector<double>& a, size_t n) {
  for (size_t j = 0; j < n; ++j) {
    for (size_t k = 0; k < j; ++k) {
      for (size_t i = j; i < n; ++i) a[i * n + j] -= a[i * n + k] * a[j * n + k];
    }
    const double root = std::sqrt(std::max(a[j * n + j], 1e-12));
    for (size_t i = j; i < n; ++i) a[i * n + j] /= root;
  }
}

// x = L^-1 x
void SolveLower(const std::vector<double>& factor, std::vector<double>& x) {
  const size_t n = x.size();
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) x[i] -= factor[i * n + k] * x[k];
    x[i] /= factor[i * n + i];
  }
}

// x = L^-T x
void SolveUpper(const std::vector<double>& factor, std::vector<double>& x) {
  const size_t n = x.size();
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) x[i] -= factor[k * n + i] * x[k];
    x[i] /= factor[i * n + i];
  }
}

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Ranks from 0; equal values share their middle one.
std::vector<double> RanksOf(absl::Span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) {
      ranks[order[i]] = static_cast<double>(begin + end - 1) / 2;
    }
    begin = end;
  }
  return ranks;
}

}  // namespace

std::vector<double> CostModel::Row(absl::Span<const double> features,
                                   absl::Span<const double> own_features) const {
  std::vector<double> row;
  for (size_t i = 0; i < features.size(); ++i) {
    const double x = scales_[i] > 0 ? (features[i] - own_features[i]) / scales_[i] : 0;
    row.push_back(x);
    row.push_back(x * x);
  }
  return row;
}

void CostModel::Fit(absl::Span<const CostSample> samples, absl::Span<const double> scales) {
  scales_.assign(scales.begin(), scales.end());
  const size_t n = 2 * scales_.size();
  std::vector<std::vector<double>> rows;
  for (const CostSample& sample : samples) rows.push_back(Row(sample.features,
                                                              sample.own_features));
  noise_ = kLeastNoise;
  // Twice: what is left over after the first time says how noisy measurements are.
  for (int pass = 0; pass < 2; ++pass) {
    factor_.assign(n * n, 0);
    weights_.assign(n, 0);
    for (size_t i = 0; i < n; ++i) factor_[i * n + i] = 1 / (kPriorDeviation * kPriorDeviation);
    for (size_t s = 0; s < rows.size(); ++s) {
      const double weight = samples[s].weight / noise_;
      for (size_t i = 0; i < n; ++i) {
        weights_[i] += weight * rows[s][i] * samples[s].log_ratio;
        for (size_t j = 0; j <= i; ++j) factor_[i * n + j] += weight * rows[s][i] * rows[s][j];
      }
    }
    Factor(factor_, n);
    SolveLower(factor_, weights_);
    SolveUpper(factor_, weights_);
    double squares = 0, total = 0;
    for (size_t s = 0; s < rows.size(); ++s) {
      const double error = samples[s].log_ratio - Dot(rows[s], weights_);
      squares += samples[s].weight * error * error;
      total += samples[s].weight;
    }
    if (pass == 0 && total > 0) noise_ = std::max(kLeastNoise, squares / total);
  }
}

CostModel::Guess CostModel::Predict(absl::Span<const double> features,
                                    absl::Span<const double> own_features) const {
  std::vector<double> row = Row(features, own_features);
  Guess guess;
  guess.log_ratio = Dot(row, weights_);
  SolveLower(factor_, row);
  guess.deviation = std::sqrt(Dot(row, row));
  return guess;
}

double RankCorrelation(absl::Span<const double> a, absl::Span<const double> b) {
  const std::vector<double> x = RanksOf(a), y = RanksOf(b);
  const double middle = (static_cast<double>(x.size()) - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - middle) * (y[i] - middle);
    xx += (x[i] - middle) * (x[i] - middle);
    yy += (y[i] - middle) * (y[i] - middle);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::nan("");
}

}  // namespace tessera
