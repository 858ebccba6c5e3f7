// Method: the formulas of the optimizers once more, one number at a time in fp64, written from the
// papers and not from the kernels; compiled updates of random gradients must follow them. Beside
// them literal values worked out by hand.
#include <cstring>
#include <random>

#include "cpp/exec/function_plan.h"
#include "tests/optim/optim_kit.h"

namespace tessera {
namespace {

// What rounding to the parameter's dtype leaves after 12 steps.
double Tolerance(DType dtype) { return dtype == DType::kF64 ? 1e-12 : 3e-6; }

// One parameter element and its state. Scalars reach the program as fp32.
struct Element {
  double p = 0, m = 0, v = 0;

  void AdamW(double g, double rate, double beta1, double beta2, double epsilon, double decay,
             int step) {
    p -= rate * decay * p;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const double mean = m / (1 - std::pow(beta1, step));
    const double square = v / (1 - std::pow(beta2, step));
    p -= rate * mean / (std::sqrt(square) + epsilon);
  }
  void Sgd(double g, double rate, double momentum, double dampening, bool nesterov, double decay,
           int step) {
    g += decay * p;
    if (momentum == 0) {
      p -= rate * g;
      return;
    }
    m = step == 1 ? g : momentum * m + (1 - dampening) * g;
    p -= rate * (nesterov ? g + momentum * m : m);
  }
};

using Move = std::function<void(Element&, double gradient, double rate, double decay, int step)>;

// Twelve steps of "matrix" [37, 5] (decays) and "scale" [5] (does not), clipped to norm 6, the rate
// falling.
void Follow(const std::string& optimizer_json, DType dtype, double decay, const Move& move) {
  auto optimizer = OptimizerFromJson(optimizer_json);
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  auto run =
      OptimRun::Create(**optimizer, dtype, {{"matrix", {37, 5}, true}, {"scale", {5}, false}});
  ASSERT_TRUE(run.ok()) << run.status();
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::map<std::string, std::vector<Element>> elements;
  for (const char* name : {"matrix", "scale"}) {
    Tensor param = (*run)->Param(name);
    elements[name].resize(static_cast<size_t>(param.count()));
    for (int64_t i = 0; i < param.count(); ++i) {
      param.Put(i, normal(random));
      elements[name][static_cast<size_t>(i)].p = param.At(i);
    }
  }
  for (int step = 1; step <= 12; ++step) {
    const double rate = static_cast<float>(0.1 / step);
    std::map<std::string, std::vector<double>> gradients;
    double squares = 0;
    for (const auto& [name, list] : elements) {
      for (size_t i = 0; i < list.size(); ++i) {
        gradients[name].push_back(
            static_cast<float>(i % 7 == 3 ? 0 : normal(random) * (step % 3 ? 1 : 0.1)));
        squares += gradients[name].back() * gradients[name].back();
      }
    }
    const double clip = static_cast<float>(std::min(1.0, 6 / (std::sqrt(squares) + 1e-6)));
    const absl::Status status = (*run)->Step(gradients, rate, step, 6);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_NEAR((*run)->clip, clip, 1e-6);
    for (auto& [name, list] : elements) {
      const std::vector<double> got = Doubles((*run)->Param(name));
      for (size_t i = 0; i < list.size(); ++i) {
        move(list[i], static_cast<float>((*run)->clip) * gradients[name][i], rate,
             name == "matrix" ? decay : 0, step);
        ASSERT_NEAR(got[i], list[i].p, Tolerance(dtype)) << name << "[" << i << "] step " << step;
      }
    }
  }
}

class OracleTest : public testing::TestWithParam<DType> {};

TEST_P(OracleTest, AdamWFollowsItsFormula) {
  Follow(R"({"type": "AdamW", "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6, "weight_decay": 0.3})",
         GetParam(), 0.3, [](Element& e, double g, double rate, double decay, int step) {
           e.AdamW(g, rate, 0.8, 0.9, 1e-6, decay, step);
         });
}

TEST_P(OracleTest, PlainSgdFollowsItsFormula) {
  Follow(R"({"type": "Sgd"})", GetParam(), 0,
         [](Element& e, double g, double rate, double decay, int step) {
           e.Sgd(g, rate, 0, 0, false, decay, step);
         });
  Follow(R"({"type": "Sgd", "weight_decay": 0.2})", GetParam(), 0.2,
         [](Element& e, double g, double rate, double decay, int step) {
           e.Sgd(g, rate, 0, 0, false, decay, step);
         });
}

TEST_P(OracleTest, DampedMomentumFollowsItsFormula) {
  Follow(R"({"type": "Sgd", "momentum": 0.7, "dampening": 0.4, "weight_decay": 0.2})", GetParam(),
         0.2, [](Element& e, double g, double rate, double decay, int step) {
           e.Sgd(g, rate, 0.7, 0.4, false, decay, step);
         });
}

TEST_P(OracleTest, NesterovFollowsItsFormula) {
  Follow(R"({"type": "Sgd", "momentum": 0.7, "nesterov": true})", GetParam(), 0,
         [](Element& e, double g, double rate, double decay, int step) {
           e.Sgd(g, rate, 0.7, 0, true, decay, step);
         });
}

INSTANTIATE_TEST_SUITE_P(DTypes, OracleTest, testing::Values(DType::kF32, DType::kF64),
                         [](const auto& info) { return std::string(Name(info.param)); });

// p = 1, g = 0.5, lr = 0.1, no decay. Step 1: m = 0.05, v = 0.0125, both corrected to 0.5 and 0.25:
// p = 1 - 0.1 * 0.5 / 0.5. Step 2 with g = 0: m = 0.045, v = 0.011875; corrected by 0.19 and
// 0.0975: p = 0.9 - 0.1 * 0.236842105 / sqrt(0.121794872).
TEST(OptimizerTest, AdamWByHand) {
  auto optimizer = OptimizerFromJson(
      R"({"type": "AdamW", "beta1": 0.9, "beta2": 0.95, "epsilon": 0, "weight_decay": 0})");
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  auto run = OptimRun::Create(**optimizer, DType::kF64, {{"p", {1}}});
  ASSERT_TRUE(run.ok()) << run.status();
  (*run)->Param("p").Put(0, 1);
  ASSERT_TRUE((*run)->Step({{"p", {0.5}}}, 0.1, 1).ok());
  EXPECT_NEAR((*run)->Param("p").At(0), 0.9, 1e-8);
  EXPECT_NEAR((*run)->Slot(SlotKind::kOptimizer, "p/m").At(0), 0.05, 1e-12);
  EXPECT_NEAR((*run)->Slot(SlotKind::kOptimizer, "p/v").At(0), 0.0125, 1e-12);
  ASSERT_TRUE((*run)->Step({{"p", {0}}}, 0.1, 2).ok());
  EXPECT_NEAR((*run)->Param("p").At(0), 0.83213522, 1e-7);
}

// Scaling the gradients does not move AdamW's first step when epsilon is 0.
TEST(OptimizerTest, AdamWsFirstStepIsTheSignOfTheGradient) {
  auto optimizer = OptimizerFromJson(R"({"type": "AdamW", "epsilon": 0, "weight_decay": 0})");
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  auto run = OptimRun::Create(**optimizer, DType::kF32, {{"p", {3}}});
  ASSERT_TRUE(run.ok()) << run.status();
  ASSERT_TRUE((*run)->Step({{"p", {1e-12, -3e4, 2}}}, 0.25, 1).ok());
  EXPECT_NEAR((*run)->Param("p").At(0), -0.25, 1e-6);
  EXPECT_NEAR((*run)->Param("p").At(1), 0.25, 1e-6);
  EXPECT_NEAR((*run)->Param("p").At(2), -0.25, 1e-6);
}

TEST(OptimizerTest, AliasesAndEarlierNamesGiveTheSameOptimizer) {
  const auto sgd = OptimizerFromJson(R"({"type": "SGD", "lr": 0.5})");
  ASSERT_TRUE(sgd.ok()) << sgd.status();
  EXPECT_EQ((*sgd)->learning_rate(), 0.5);
  EXPECT_TRUE((*sgd)->SlotNames({}).empty());
  const auto adamw = OptimizerFromJson(R"({"type": "Adamw"})");
  ASSERT_TRUE(adamw.ok()) << adamw.status();
  EXPECT_EQ((*adamw)->SlotNames({}), (std::vector<std::string>{"m", "v"}));
  EXPECT_EQ((*adamw)->learning_rate(), 3e-4);
}

// Equal keys share one function, so keys must tell apart what differs in the last digit.
TEST(OptimizerTest, KeysNameEverySetting) {
  const ProgramParam decays, other = [] {
    ProgramParam param;
    param.spec.decay = false;
    return param;
  }();
  const auto key = [](const char* json, const ProgramParam& param) {
    const auto optimizer = OptimizerFromJson(json);
    EXPECT_TRUE(optimizer.ok()) << optimizer.status();
    return (*optimizer)->Key(param);
  };
  const char* plain = R"({"type": "AdamW"})";
  EXPECT_EQ(key(plain, decays), key(plain, decays));
  EXPECT_NE(key(plain, decays), key(plain, other));
  EXPECT_NE(key(plain, decays), key(R"({"type": "AdamW", "beta2": 0.9500000001})", decays));
  EXPECT_NE(key(plain, decays), key(R"({"type": "AdamW", "beta1": 0.9000000001})", decays));
  EXPECT_NE(key(plain, decays), key(R"({"type": "AdamW", "epsilon": 1.00000001e-8})", decays));
  const char* sgd = R"({"type": "Sgd", "momentum": 0.9})";
  EXPECT_NE(key(sgd, decays),
            key(R"({"type": "Sgd", "momentum": 0.9, "nesterov": true})", decays));
  EXPECT_NE(key(sgd, decays),
            key(R"({"type": "Sgd", "momentum": 0.9, "dampening": 0.1})", decays));
  EXPECT_EQ(key(sgd, decays), key(sgd, other));
}

// An update must not copy a parameter or its state, nor take memory of its own.
TEST(OptimizerTest, UpdatesAreInPlace) {
  for (const char* json : {R"({"type": "AdamW"})", R"({"type": "Sgd", "momentum": 0.9})"}) {
    const auto optimizer = OptimizerFromJson(json);
    ASSERT_TRUE(optimizer.ok()) << optimizer.status();
    auto run = OptimRun::Create(**optimizer, DType::kF32, {{"p", {64, 3}}});
    ASSERT_TRUE(run.ok()) << run.status();
    int commits = 0;
    for (const Action& action : (*run)->program().schedule) {
      if (action.kind != ActionKind::kCommit) continue;
      const ProgramCall& call = (*run)->program().calls[action.call];
      const auto binding = CallBinding::Of(call);
      ASSERT_TRUE(binding.ok()) << binding.status();
      const auto plan = FunctionPlan::Make((*run)->program().functions[call.function], *binding,
                                           {}, OptimKernels(), cpu::DetectIsa());
      ASSERT_TRUE(plan.ok()) << plan.status();
      EXPECT_EQ((*plan)->copy_count(), 0) << json;
      EXPECT_EQ((*plan)->frame_bytes(), 0) << json;
      EXPECT_EQ((*plan)->kernels().size(), 1u) << json;
      ++commits;
    }
    EXPECT_EQ(commits, 1);
  }
}

// Half of the steps of a bf16 model are below the spacing of bf16; the master value adds them up.
TEST(OptimizerTest, Bf16WeightsFollowTheirMasterValues) {
  const auto optimizer = OptimizerFromJson(R"({"type": "Sgd"})");
  ASSERT_TRUE(optimizer.ok()) << optimizer.status();
  auto run = OptimRun::Create(**optimizer, DType::kF32, {{"p", {2}}}, DType::kBF16);
  ASSERT_TRUE(run.ok()) << run.status();
  (*run)->Param("p").Put(0, 1);
  (*run)->Param("p").Put(1, 1);
  for (int step = 1; step <= 64; ++step) {
    ASSERT_TRUE((*run)->Step({{"p", {1, -1}}}, 1.0 / 4096, step).ok());
  }
  EXPECT_EQ((*run)->Param("p").At(0), 1 - 64.0 / 4096);
  const Tensor weight = (*run)->Slot(SlotKind::kWeight, "p");
  EXPECT_EQ(weight.dtype, DType::kBF16);
  EXPECT_EQ(weight.At(0), 1 - 64.0 / 4096);
  EXPECT_EQ(weight.At(1), 1 + 64.0 / 4096);
}

}  // namespace
}  // namespace tessera
