// Method: the gradients of the stored trajectories, step by step, through the compiled update; the
// parameters after each step against the stored ones. The files stand beside the repository, in
// shared/golden (see the README there); without them the tests are skipped.
#include <cstdio>
#include <filesystem>

#include "cpp/ckpt/safetensors.h"
#include "tests/optim/optim_kit.h"

namespace tessera {
namespace {

// Absolute; the stored values themselves differ from fp64 by up to 1e-6.
constexpr double kTolerance = 1e-5;

struct Trajectory {
  const char* name;
  const char* optimizer;
  double rate;
  double clip_norm;
};

class GoldenTrajectoryTest
    : public testing::TestWithParam<std::tuple<Trajectory, DType>> {};

constexpr char kAdamW[] =
    R"({"type": "AdamW", "learning_rate": 0.01, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8,
        "weight_decay": 0.1})";

TEST_P(GoldenTrajectoryTest, FollowsTheStoredTrajectory) {
  const auto& [trajectory, dtype] = GetParam();
  const std::filesystem::path path = std::filesystem::path(TESSERA_SOURCE_DIR) / ".." / "shared" /
                                     "golden" / "optimizers" /
                                     (std::string(trajectory.name) + ".safetensors");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "there is no " << path;
  auto reader = SafetensorsReader::Open(path.string());
  ASSERT_TRUE(reader.ok()) << reader.status();
  auto optimizer = OptimizerFromJson(trajectory.optimizer);
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  EXPECT_EQ((*optimizer)->learning_rate(), trajectory.rate);
  auto run = OptimRun::Create(**optimizer, dtype, {{"W", {8, 6}, true}, {"b", {6}, true}});
  ASSERT_TRUE(run.ok()) << run.status();

  std::map<std::string, std::vector<double>> gradients, stored;
  for (const char* name : {"W", "b"}) {
    const auto start = (*reader)->Read(std::string("param0.") + name);
    const auto gradient = (*reader)->Read(std::string("grad.") + name);
    const auto after = (*reader)->Read(std::string("param.") + name);
    ASSERT_TRUE(start.ok() && gradient.ok() && after.ok());
    Tensor param = (*run)->Param(name);
    for (int64_t i = 0; i < param.count(); ++i) param.Put(i, start->At(i));
    gradients[name] = Doubles(*gradient);
    stored[name] = Doubles(*after);
  }
  const auto norms = (*reader)->Read("grad_norm");
  bool clipped = false, whole = false;
  for (size_t step = 0; step < 20; ++step) {
    std::map<std::string, std::vector<double>> now;
    for (const auto& [name, values] : gradients) {
      const size_t count = values.size() / 20;
      now[name].assign(values.begin() + step * count, values.begin() + (step + 1) * count);
    }
    const absl::Status status =
        (*run)->Step(now, trajectory.rate, static_cast<int64_t>(step) + 1, trajectory.clip_norm);
    ASSERT_TRUE(status.ok()) << status;
    if (norms.ok()) {
      EXPECT_NEAR((*run)->norm, norms->At(static_cast<int64_t>(step)), kTolerance);
      ((*run)->clip < 1 ? clipped : whole) = true;
    }
    for (const auto& [name, values] : stored) {
      const std::vector<double> got = Doubles((*run)->Param(name));
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], values[step * got.size() + i], kTolerance)
            << name << "[" << i << "] after step " << step + 1;
      }
    }
  }
  // The clipped trajectory is of use only if it has steps of both kinds.
  EXPECT_EQ(clipped && whole, trajectory.clip_norm > 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoldenTrajectoryTest,
    testing::Combine(
        testing::Values(
            Trajectory{"adamw", kAdamW, 0.01, 0}, Trajectory{"adamw_clip", kAdamW, 0.01, 4},
            Trajectory{"sgd_momentum",
                       R"({"type": "Sgd", "learning_rate": 0.01, "momentum": 0.9,
                           "weight_decay": 0.01})",
                       0.01, 0},
            Trajectory{"sgd_nesterov",
                       R"({"type": "SGD", "lr": 0.01, "momentum": 0.9, "nesterov": true,
                           "weight_decay": 0.01})",
                       0.01, 0}),
        testing::Values(DType::kF32, DType::kF64)),
    [](const auto& info) {
      return std::string(std::get<0>(info.param).name) + "_" +
             std::string(Name(std::get<1>(info.param)));
    });

}  // namespace
}  // namespace tessera
