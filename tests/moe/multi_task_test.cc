// Method: models of several tasks in fp64: results and losses against a loop over rows and experts,
// gradients against finite differences; gates of each task, one gate, and one expert without any;
// both losses, no rows and one row.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/moe/layer_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr int64_t kFeatures = 5, kWidth = 4, kTower = 3, kTasks = 2;

struct TaskCase {
  std::string name, shared, loss;
  size_t experts, gates;
};

std::vector<double> Numbers(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
  return values;
}

absl::StatusOr<std::unique_ptr<ModelRun>> Model(const TaskCase& form, int64_t rows) {
  const std::string json = absl::StrCat(
      R"({"type": "MultiTaskModel", "model_dim": 5, "tower_dim": 3, "loss": ")", form.loss,
      R"(", "shared": {"expert": {"out_dim": 4}, )", form.shared, "}}");
  RunOptions options;
  options.sizes = {{"B", rows}};
  options.compile.gradients = true;
  ASSIGN_OR_RETURN(auto run, ModelRun::OfJson(json, options));
  run->FillParams(2);
  const auto numbers = [](int64_t count, uint64_t seed) {
    std::vector<double> values;
    for (int64_t i = 0; i < count; ++i) {
      values.push_back(2 * philox::UnitDouble(PhiloxU64(seed, 1, static_cast<uint64_t>(i))) - 1);
    }
    return values;
  };
  RETURN_IF_ERROR(run->SetInput("features", 0, numbers(rows * kFeatures, 3)));
  std::vector<double> labels = numbers(rows * kTasks, 4);
  if (form.loss == "logistic") {
    for (double& label : labels) label = label > 0 ? 1 : 0;
  }
  RETURN_IF_ERROR(run->SetInput("labels", 0, labels));
  return run;
}

using Row = std::vector<double>;

// x W for W [x.size(), columns], from column `first` of experts stacked before.
Row Times(const Row& x, const std::vector<double>& w, size_t columns, size_t stack = 0) {
  Row y(columns, 0.0);
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t c = 0; c < columns; ++c) y[c] += x[i] * w[(stack * x.size() + i) * columns + c];
  }
  return y;
}

class MultiTaskTest : public testing::TestWithParam<TaskCase> {
 protected:
  static Row Result(const ModelRun& run, const Row& x) {
    const TaskCase& form = GetParam();
    const auto param = [&](const std::string& path) { return Numbers(run.Param(path)); };
    Row results;
    for (size_t k = 0; k < kTasks; ++k) {
      Row weights(1, 1.0);
      if (form.experts > 1) {
        const std::string gate = form.gates == 1 ? "gate" : absl::StrCat("gates/", k);
        weights = Times(x, param("shared/" + gate + "/weight"), form.experts);
        double sum = 0;
        for (double& g : weights) sum += g = std::exp(g);
        for (double& g : weights) g /= sum;
      }
      Row z(kWidth, 0.0);
      for (size_t e = 0; e < form.experts; ++e) {
        const Row part = Times(x, param("shared/experts/weight"), kWidth, e);
        const std::vector<double> bias = param("shared/experts/bias");
        for (size_t c = 0; c < z.size(); ++c) {
          z[c] += weights[e] * std::max(0.0, part[c] + bias[e * kWidth + c]);
        }
      }
      const std::string tower = absl::StrCat("towers/", k, "/");
      Row h = Times(z, param(tower + "hidden/weight"), kTower);
      for (size_t i = 0; i < h.size(); ++i) {
        h[i] = std::max(0.0, h[i] + param(tower + "hidden/bias")[i]);
      }
      results.push_back(Times(h, param(tower + "out/weight"), 1)[0] + param(tower + "out/bias")[0]);
    }
    return results;
  }
};

TEST_P(MultiTaskTest, ResultsAndLossAreThoseOfTheLoop) {
  for (const int64_t rows : {1, 9}) {
    auto made = Model(GetParam(), rows);
    ASSERT_TRUE(made.ok()) << made.status();
    ModelRun& run = **made;
    ASSERT_TRUE(run.Step().ok());
    const auto y = run.Result();
    ASSERT_TRUE(y.ok()) << y.status();
    const auto input = [&](std::string_view name) {
      const int slot = run.program().FindSlot(name, SlotKind::kInput);
      return Numbers(*run.executor().SlotTensor(slot));
    };
    const std::vector<double> features = input("features"), labels = input("labels");
    double loss = 0;
    for (size_t t = 0; t < static_cast<size_t>(rows); ++t) {
      const auto begin = features.begin() + static_cast<long>(t * kFeatures);
      const Row expected = Result(run, Row(begin, begin + kFeatures));
      for (size_t k = 0; k < kTasks; ++k) {
        EXPECT_NEAR(y->At(static_cast<int64_t>(t * kTasks + k)), expected[k], 1e-13);
        const double label = labels[t * kTasks + k], off = expected[k] - label;
        loss += GetParam().loss == "squared"
                    ? off * off
                    : std::log1p(std::exp(expected[k])) - label * expected[k];
      }
    }
    const auto got = run.Loss();
    ASSERT_TRUE(got.ok());
    EXPECT_NEAR(*got, loss / static_cast<double>(rows), 1e-12);
  }
}

TEST_P(MultiTaskTest, GradientsAreThoseOfFiniteDifferences) {
  auto made = Model(GetParam(), 9);
  ASSERT_TRUE(made.ok()) << made.status();
  ModelRun& run = **made;
  ASSERT_TRUE(run.Step().ok());
  std::map<std::string, std::vector<double>> gradients;
  for (const ProgramParam& param : run.program().params) {
    const auto gradient = run.Gradient(param.path);
    ASSERT_TRUE(gradient.ok()) << gradient.status();
    gradients[param.path] = Numbers(*gradient);
  }
  for (const auto& [path, gradient] : gradients) {
    Tensor param = run.Param(path);
    for (size_t i = 0; i < gradient.size(); i += std::max<size_t>(1, gradient.size() / 5)) {
      const double before = param.At(static_cast<int64_t>(i));
      double losses[2];
      for (int side : {0, 1}) {
        param.Put(static_cast<int64_t>(i), before + (side == 0 ? 1e-6 : -1e-6));
        ASSERT_TRUE(run.Step().ok());
        losses[side] = *run.Loss();
      }
      param.Put(static_cast<int64_t>(i), before);
      EXPECT_NEAR((losses[0] - losses[1]) / 2e-6, gradient[i], 1e-8) << path << " " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Forms, MultiTaskTest,
    testing::Values(TaskCase{"gates_of_tasks", R"("num_experts": 3)", "logistic", 3, 2},
                    TaskCase{"one_gate", R"("num_experts": 3, "gates": "one")", "squared", 3, 1},
                    TaskCase{"shared_bottom", R"("num_experts": 1)", "logistic", 1, 2}),
    [](const auto& info) { return info.param.name; });

TEST(MultiTaskModelTest, NoRowsAreNoError) {
  auto run = Model({"", R"("num_experts": 3)", "logistic", 3, 2}, 0);
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_TRUE((*run)->Step().ok());
  EXPECT_EQ((*run)->Result()->count(), 0);
}

TEST(MultiTaskModelTest, ItDoesNotDecode) {
  const auto refused = TraceJson(R"({"type": "MultiTaskModel", "model_dim": 5,
                                     "shared": {"expert": {"out_dim": 4}}})",
                                 {DType::kF32, Mode::kDecode});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("rows are no sequences"));
}

}  // namespace
}  // namespace tessera
