// Method: small random Llama, GPT-2 and Mixtral models whose logits, losses and gradients were
// computed with a public implementation in fp32 are built from our config, run through trace,
// compile and executor, and compared: in fp32 with every instruction set of the machine, whole and
// in two micro-batches, with every recompute policy, and once in fp64. The numbers lie beside the
// repository in shared/golden; without them the tests are skipped.
#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "cpp/ckpt/safetensors.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/golden/reference_model.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

// Of the largest magnitude in the tensor. Their rounding alone is up to 1.5e-6 and 3.4e-6.
constexpr double kLogitTolerance = 2e-5;
constexpr double kGradientTolerance = 1e-4;
constexpr double kLossTolerance = 2e-6;
// In fp64 only their rounding is left.
constexpr double kLogitToleranceFp64 = 3e-6;
constexpr double kGradientToleranceFp64 = 6e-6;

std::string GoldenFolder() {
  return (std::filesystem::path(TESSERA_SOURCE_DIR) / ".." / "shared" / "golden").string();
}

double Largest(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.count(); ++i) largest = std::max(largest, std::abs(tensor.At(i)));
  return largest;
}

// Largest difference, as a share of `scale`.
double RelativeDifference(const Tensor& got, const Tensor& want, double scale) {
  if (got.count() != want.count()) return INFINITY;
  double difference = 0;
  for (int64_t i = 0; i < want.count(); ++i) {
    const double d = std::abs(got.At(i) - want.At(i));
    if (std::isnan(d)) return d;
    difference = std::max(difference, d);
  }
  return difference / scale;
}

class GoldenTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string folder = GoldenFolder() + "/" + GetParam();
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no reference numbers at " << folder;
    auto loaded = LoadReferenceModel(folder);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    model_ = *std::move(loaded);
  }

  RunOptions Options() const {
    RunOptions options;
    options.dtype = DType::kF32;
    options.sizes = {{"B", model_.rows}, {"T", model_.length}};
    options.compile.gradients = true;
    return options;
  }

  absl::StatusOr<std::unique_ptr<ModelRun>> Run(const RunOptions& options) const {
    return Run(options, model_.json);
  }

  absl::StatusOr<std::unique_ptr<ModelRun>> Run(const RunOptions& options,
                                                const std::string& json) const {
    ASSIGN_OR_RETURN(std::unique_ptr<ModelRun> run, ModelRun::OfJson(json, options));
    RET_CHECK_EQ(run->program().params.size(), model_.sources.size());
    for (const ParamSource& source : model_.sources) {
      ASSIGN_OR_RETURN(const Tensor ours, TakeParam(source, *model_.weights, ""));
      Tensor param = run->Param(source.path);
      RET_CHECK(param.defined()) << source.path;
      RET_CHECK(param.dims == ours.dims) << source.path << " " << param.TypeText();
      for (int64_t i = 0; i < ours.count(); ++i) param.Put(i, ours.At(i));
    }
    ASSIGN_OR_RETURN(const std::vector<double> tokens, model_.Tokens());
    ASSIGN_OR_RETURN(const std::vector<double> targets, model_.Targets());
    const int64_t count = options.sizes.at("B") * model_.length;
    for (int m = 0; m < run->program().micro_batches; ++m) {
      const auto part = [&](const std::vector<double>& all) {
        return std::vector<double>(all.begin() + m * count, all.begin() + (m + 1) * count);
      };
      RETURN_IF_ERROR(run->SetBatch(m, part(tokens), part(targets)));
    }
    RETURN_IF_ERROR(run->Step());
    return run;
  }

  void CheckLoss(const ModelRun& run, const std::string& name = "loss") const {
    const auto loss = run.Loss();
    ASSERT_TRUE(loss.ok()) << loss.status();
    const auto expected = model_.io->Read(name);
    ASSERT_TRUE(expected.ok()) << expected.status();
    EXPECT_NEAR(*loss, expected->At(0), kLossTolerance * expected->At(0));
  }

  void CheckLogits(const ModelRun& run, double tolerance) const {
    const auto logits = run.Result();
    ASSERT_TRUE(logits.ok()) << logits.status();
    const auto expected = model_.io->Read("logits");
    ASSERT_TRUE(expected.ok()) << expected.status();
    EXPECT_LE(RelativeDifference(*logits, *expected, Largest(*expected)), tolerance);
  }

  void CheckGradients(const ModelRun& run, double tolerance,
                      const std::string& prefix = "grad.") const {
    double worst = 0;
    for (const ParamSource& source : model_.sources) {
      double whole = 0;
      const auto expected = TakeParam(source, *model_.io, prefix, &whole);
      ASSERT_TRUE(expected.ok()) << expected.status();
      const auto gradient = run.Gradient(source.path);
      ASSERT_TRUE(gradient.ok()) << gradient.status();
      // Of their whole tensor: a key's bias (a part of c_attn.bias) changes nothing, so that its
      // gradient is nothing but rounding.
      const double difference = RelativeDifference(*gradient, *expected, whole);
      EXPECT_LE(difference, tolerance) << source.path;
      worst = std::max(worst, difference);
    }
    RecordProperty("worst_gradient", absl::StrCat(worst));
  }

  ReferenceModel model_;
};

TEST_P(GoldenTest, Fp32AgreesWithEveryInstructionSet) {
  for (int isa = TSR_ISA_REFERENCE; isa <= cpu::DetectIsa(); ++isa) {
    SCOPED_TRACE(IsaName(isa));
    RunOptions options = Options();
    options.isa = isa;
    const auto run = Run(options);
    ASSERT_TRUE(run.ok()) << run.status();
    CheckLoss(**run);
    CheckLogits(**run, kLogitTolerance);
    CheckGradients(**run, kGradientTolerance);
  }
}

TEST_P(GoldenTest, Fp64IsCloser) {
  RunOptions options = Options();
  options.dtype = DType::kF64;
  const auto run = Run(options);
  ASSERT_TRUE(run.ok()) << run.status();
  CheckLoss(**run);
  CheckLogits(**run, kLogitToleranceFp64);
  CheckGradients(**run, kGradientToleranceFp64);
}

// One row each: masked labels then leave unequal counts, which the global denominator must heal.
TEST_P(GoldenTest, TwoMicroBatchesAreTheWholeBatch) {
  for (bool apart : {false, true}) {
    RunOptions options = Options();
    options.sizes["B"] = 1;
    options.compile.micro_batches = static_cast<int>(model_.rows);
    options.compile.separate_weight_gradient = apart;
    const auto run = Run(options);
    ASSERT_TRUE(run.ok()) << run.status();
    CheckLoss(**run);
    CheckGradients(**run, kGradientTolerance);
  }
}

TEST_P(GoldenTest, RecomputingChangesNoBit) {
  RunOptions options = Options();
  options.compile.recompute = RecomputePolicy::kNone;
  const auto plain = Run(options);
  ASSERT_TRUE(plain.ok()) << plain.status();
  const auto expected = (*plain)->GradientBytes();
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (RecomputePolicy policy : {RecomputePolicy::kSelective, RecomputePolicy::kFull}) {
    options.compile.recompute = policy;
    const auto run = Run(options);
    ASSERT_TRUE(run.ok()) << run.status();
    const auto bytes = (*run)->GradientBytes();
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_TRUE(*bytes == *expected) << "policy " << static_cast<int>(policy);
  }
}

// Weights in bf16 with fp32 master values: the same model within what bf16 can hold.
TEST_P(GoldenTest, Bf16StaysNear) {
  constexpr double kLoss = 5e-3, kGradient = 0.15;
  RunOptions options = Options();
  options.dtype = DType::kBF16;
  const auto run = Run(options);
  ASSERT_TRUE(run.ok()) << run.status();
  const auto loss = (*run)->Loss();
  const auto expected = model_.io->Read("loss");
  ASSERT_TRUE(loss.ok() && expected.ok());
  EXPECT_NEAR(*loss, expected->At(0), kLoss * expected->At(0));
  CheckGradients(**run, kGradient);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest,
                         testing::Values("llama_tiny", "llama_tied", "gpt2_tiny", "mixtral_tiny"),
                         [](const auto& info) { return std::string(info.param); });

// The balance loss of a mixture of experts: sums over both layers before the product is taken.
class BalanceTest : public GoldenTest {};

TEST_P(BalanceTest, TotalLossAndItsGradients) {
  ASSERT_FALSE(model_.total_json.empty());
  for (DType dtype : {DType::kF32, DType::kF64}) {
    SCOPED_TRACE(Name(dtype));
    RunOptions options = Options();
    options.dtype = dtype;
    const auto run = Run(options, model_.total_json);
    ASSERT_TRUE(run.ok()) << run.status();
    CheckLoss(**run, "total_loss");
    CheckGradients(**run, dtype == DType::kF64 ? kGradientToleranceFp64 : kGradientTolerance,
                   "grad_total.");
  }
}

TEST_P(BalanceTest, TheBalanceLossAlone) {
  RunOptions options = Options();
  options.dtype = DType::kF64;
  const auto run = Run(options, model_.total_json);
  ASSERT_TRUE(run.ok()) << run.status();
  const auto expected = model_.io->Read("aux_loss");
  ASSERT_TRUE(expected.ok()) << expected.status();
  int found = 0;
  for (const SumSpec& sum : (*run)->program().sums) {
    if (sum.name != "load_balance") continue;
    ++found;
    const auto loss = (*run)->executor().SlotTensor(sum.numerator_slot);
    ASSERT_TRUE(loss.ok()) << loss.status();
    EXPECT_NEAR(loss->At(0), expected->At(0), 1e-6 * expected->At(0));
  }
  EXPECT_EQ(found, 1);
}

INSTANTIATE_TEST_SUITE_P(Models, BalanceTest, testing::Values("mixtral_tiny"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tessera
