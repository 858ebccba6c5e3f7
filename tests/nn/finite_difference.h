// ExpectSlopes: gradients of a whole model's loss against finite differences in fp64.
//
// Every parameter of a ModelRun that has taken one step is moved, some of its elements if it is
// large, and the slope of the loss, with the error of second order taken off, must be its gradient.
// `prepare` is called before every further step: it puts back what the step before has moved.
// Header only; not thread-safe.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/nn/model_run.h"

namespace tessera {

inline constexpr double kSlopeStep = 2e-5;
inline constexpr double kSlopeTolerance = 1e-8;

inline absl::StatusOr<double> SlopeOfLoss(ModelRun& run, Tensor& param, int64_t i, double step,
                                          const std::function<void()>& prepare = {}) {
  const double x = param.At(i);
  double losses[2];
  for (int side : {0, 1}) {
    param.Put(i, side == 0 ? x + step : x - step);
    if (prepare) prepare();
    const absl::Status status = run.Step();
    param.Put(i, x);
    RETURN_IF_ERROR(status);
    ASSIGN_OR_RETURN(losses[side], run.Loss());
  }
  return (losses[0] - losses[1]) / (2 * step);
}

inline void ExpectSlopes(ModelRun& run, size_t most_of_each = 5,
                         const std::function<void()>& prepare = {}) {
  std::map<std::string, std::vector<double>> gradients;
  for (const ProgramParam& param : run.program().params) {
    const auto gradient = run.Gradient(param.path);
    ASSERT_TRUE(gradient.ok()) << gradient.status();
    auto& values = gradients[param.path];
    for (int64_t i = 0; i < gradient->count(); ++i) values.push_back(gradient->At(i));
  }
  for (const auto& [path, expected] : gradients) {
    Tensor param = run.Param(path);
    const size_t stride = std::max<size_t>(1, expected.size() / most_of_each);
    for (size_t i = 0; i < expected.size(); i += stride) {
      const int64_t at = static_cast<int64_t>(i);
      const auto near = SlopeOfLoss(run, param, at, kSlopeStep, prepare);
      const auto far = SlopeOfLoss(run, param, at, 2 * kSlopeStep, prepare);
      ASSERT_TRUE(near.ok() && far.ok()) << near.status() << far.status();
      EXPECT_NEAR((4 * *near - *far) / 3, expected[i], kSlopeTolerance) << path << " " << i;
    }
  }
}

}  // namespace tessera
