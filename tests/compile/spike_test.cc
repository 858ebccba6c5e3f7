// Method: the spike (spike.h) compiled in every form. Its text forms are golden files
// (tests/compile/golden; TESSERA_UPDATE_GOLDEN=1 writes them anew). All recompute policies, input
// and weight gradients in one call or apart, and schedules in other orders (all forwards first, one
// forward one backward over two stages, weight gradients last) must give the same bits; gradients
// are those of finite differences in fp64; three micro-batches are the whole batch.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>

#include "cpp/base/file.h"
#include "cpp/compile/compiler.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "cpp/nn/tracer.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/compile/spike.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

constexpr int kMicroBatches = 3;
constexpr int64_t kRows = 2, kLength = 5;
constexpr RecomputePolicy kPolicies[] = {RecomputePolicy::kNone, RecomputePolicy::kSelective,
                                         RecomputePolicy::kFull};

RunOptions SpikeOptions(DType dtype) {
  RunOptions options;
  options.dtype = dtype;
  options.sizes = {{"B", kRows}, {"T", kLength}};
  options.compile.gradients = true;
  options.compile.micro_batches = kMicroBatches;
  options.compile.trainable = [](const std::string& path) { return path != kSpikeFrozen; };
  return options;
}

std::shared_ptr<const Program> CompileSpike(const RunOptions& options) {
  const auto main = SpikeMain(options.dtype);
  EXPECT_TRUE(main.ok()) << main.status();
  if (!main.ok()) return nullptr;
  auto program = Compile(**main, OpTable::Builtin(), options.compile);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *program : nullptr;
}

// Different targets count in each micro-batch: none of them in a corner of the second.
absl::Status SetData(ModelRun& run, int64_t rows) {
  const std::vector<double> tokens = SomeIds(kMicroBatches * kRows * kLength, kSpikeVocab, 1);
  std::vector<double> targets = SomeIds(kMicroBatches * kRows * kLength, kSpikeVocab, 2);
  for (int i : {0, 11, 12, 13, 14, 15, 29}) targets[i] = -100;
  const int64_t count = rows * kLength;
  for (int m = 0; m < run.program().micro_batches; ++m) {
    RETURN_IF_ERROR(run.SetBatch(m, {tokens.begin() + m * count, tokens.begin() + (m + 1) * count},
                                 {targets.begin() + m * count, targets.begin() + (m + 1) * count}));
  }
  return absl::OkStatus();
}

using GradientsByPath = std::map<std::string, std::string>;

absl::StatusOr<GradientsByPath> BytesOf(std::shared_ptr<const Program> program,
                                        const RunOptions& options) {
  ASSIGN_OR_RETURN(auto run, ModelRun::OfProgram(std::move(program), options));
  run->FillParams(7);
  RETURN_IF_ERROR(SetData(*run, kRows));
  RETURN_IF_ERROR(run->Step());
  return run->GradientBytes();
}

void CheckGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(TESSERA_SOURCE_DIR) + "/tests/compile/golden/" + name;
  if (std::getenv("TESSERA_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFile(path, text).ok());
  }
  const auto expected = ReadFile(path);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(text == *expected) << path << " differs from:\n" << text;
}

TEST(SpikeTextTest, FormsAreTheGoldenFiles) {
  RunOptions options = SpikeOptions(DType::kBF16);
  options.compile.passes = false;  // what they make of functions has golden files of its own
  const auto main = SpikeMain(DType::kBF16);
  ASSERT_TRUE(main.ok()) << main.status();
  CheckGolden("spike_main.txt", ToTextWithCallees(**main));
  CheckGolden("spike_selective.txt", ToText(*CompileSpike(options)));
  options.compile.recompute = RecomputePolicy::kFull;
  options.compile.separate_weight_gradient = true;
  CheckGolden("spike_full_apart.txt", ToText(*CompileSpike(options)));
}

TEST(SpikeTextTest, CompilingTwiceGivesTheSameText) {
  const RunOptions options = SpikeOptions(DType::kF32);
  EXPECT_EQ(ToText(*CompileSpike(options)), ToText(*CompileSpike(options)));
}

// The calls of a place: forward first, then backward; those of the accumulating form after it.
std::vector<int> FunctionsAt(const Program& program, const std::string& at) {
  std::vector<int> functions;
  for (const ProgramCall& call : program.calls) {
    if (call.at == at || call.at == at + "/backward") functions.push_back(call.function);
  }
  return functions;
}

TEST(SpikeProgramTest, EqualLayersShareFunctions) {
  RunOptions options = SpikeOptions(DType::kF32);
  options.compile.trainable = nullptr;
  const auto program = CompileSpike(options);
  ASSERT_NE(program, nullptr);
  EXPECT_EQ(FunctionsAt(*program, "layers/0").size(), 3u);
  EXPECT_EQ(FunctionsAt(*program, "layers/0"), FunctionsAt(*program, "layers/2"));
}

TEST(SpikeProgramTest, AFrozenPathHasNoGradientAndCostsNone) {
  const auto program = CompileSpike(SpikeOptions(DType::kF32));
  ASSERT_NE(program, nullptr);
  for (const ProgramParam& param : program->params) {
    EXPECT_EQ(param.trainable, param.path != kSpikeFrozen) << param.path;
    EXPECT_EQ(param.gradient_slot >= 0, param.path != kSpikeFrozen) << param.path;
  }
  const auto frozen = FunctionsAt(*program, "layers/2"), free = FunctionsAt(*program, "layers/0");
  ASSERT_EQ(frozen.size(), 3u);
  const Function& with = *program->functions[free[1]];
  const Function& without = *program->functions[frozen[1]];
  EXPECT_GE(with.FindOutput("gradient/up/weight"), 0);
  EXPECT_EQ(without.FindOutput("gradient/up/weight"), -1);
  EXPECT_GE(without.FindOutput("gradient/up/bias"), 0);
  EXPECT_LT(without.nodes().size(), with.nodes().size());
}

class SpikeFormsTest : public testing::TestWithParam<DType> {};

TEST_P(SpikeFormsTest, AllFormsGiveTheSameBits) {
  RunOptions options = SpikeOptions(GetParam());
  options.compile.recompute = RecomputePolicy::kNone;
  const auto expected = BytesOf(CompileSpike(options), options);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (RecomputePolicy policy : kPolicies) {
    for (bool apart : {false, true}) {
      for (int threads : {1, 2, 3}) {
        options.compile.passes = threads != 2;
        options.compile.recompute = policy;
        options.compile.separate_weight_gradient = apart;
        options.threads = threads;
        const auto bytes = BytesOf(CompileSpike(options), options);
        ASSERT_TRUE(bytes.ok()) << bytes.status();
        EXPECT_TRUE(*bytes == *expected)
            << "policy " << static_cast<int>(policy) << " apart " << apart << ", " << threads
            << " threads";
      }
    }
  }
}

bool IsStepAction(ActionKind kind) {
  return kind == ActionKind::kForward || kind == ActionKind::kBackward ||
         kind == ActionKind::kInputGradient || kind == ActionKind::kWeightGradient;
}

// A copy whose forward and backward actions stand in the order of `key`, other actions in place.
std::shared_ptr<const Program> Reordered(const Program& program,
                                         const std::function<int(const Action&)>& key) {
  auto copy = std::make_shared<Program>(program);
  std::vector<Action> moved;
  for (const Action& action : program.schedule) {
    if (IsStepAction(action.kind)) moved.push_back(action);
  }
  std::stable_sort(moved.begin(), moved.end(),
                   [&key](const Action& a, const Action& b) { return key(a) < key(b); });
  size_t next = 0;
  for (Action& action : copy->schedule) {
    if (IsStepAction(action.kind)) action = moved[next++];
  }
  return copy;
}

TEST_P(SpikeFormsTest, SchedulesInOtherOrdersGiveTheSameBits) {
  RunOptions options = SpikeOptions(GetParam());
  options.compile.separate_weight_gradient = true;
  const auto program = CompileSpike(options);
  ASSERT_NE(program, nullptr);
  const auto expected = BytesOf(program, options);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const auto is_forward = [](const Action& a) { return a.kind == ActionKind::kForward; };
  const auto all_forwards_first = [&](const Action& a) { return is_forward(a) ? 0 : 1; };
  const auto weights_last = [&](const Action& a) {
    return a.kind == ActionKind::kWeightGradient ? kMicroBatches : a.micro_batch;
  };
  // 1F1B of a pipeline's first stage: one forward ahead, then one backward and one forward in turn.
  const auto one_forward_ahead = [&](const Action& a) {
    return is_forward(a) ? 2 * a.micro_batch : 2 * a.micro_batch + 3;
  };
  int index = 0;
  for (const std::function<int(const Action&)>& key :
       std::vector<std::function<int(const Action&)>>{all_forwards_first, weights_last,
                                                      one_forward_ahead}) {
    const auto reordered = Reordered(*program, key);
    EXPECT_TRUE(Verify(*reordered).ok()) << Verify(*reordered);
    const auto bytes = BytesOf(reordered, options);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_TRUE(*bytes == *expected) << "order " << index;
    ++index;
  }
}

TEST(SpikeProgramTest, AScheduleThatReadsBeforeItWritesIsRefused) {
  const auto program = CompileSpike(SpikeOptions(DType::kF32));
  ASSERT_NE(program, nullptr);
  const auto backward_first = Reordered(*program, [](const Action& a) {
    return a.kind == ActionKind::kForward ? 1 : 0;
  });
  EXPECT_EQ(Verify(*backward_first).code(), absl::StatusCode::kInternal);
}

INSTANTIATE_TEST_SUITE_P(DTypes, SpikeFormsTest,
                         testing::Values(DType::kF64, DType::kF32, DType::kBF16),
                         [](const auto& info) { return std::string(Name(info.param)); });

TEST(SpikeGradientTest, AgreesWithFiniteDifferences) {
  constexpr double kStep = 1e-5, kTolerance = 1e-8;
  const RunOptions options = SpikeOptions(DType::kF64);
  auto run = ModelRun::OfProgram(CompileSpike(options), options);
  ASSERT_TRUE(run.ok()) << run.status();
  (*run)->FillParams(7);
  ASSERT_TRUE(SetData(**run, kRows).ok());
  ASSERT_TRUE((*run)->Step().ok());
  std::map<std::string, std::vector<double>> gradients;
  for (const ProgramParam& param : (*run)->program().params) {
    if (!param.trainable) continue;
    const auto gradient = (*run)->Gradient(param.path);
    ASSERT_TRUE(gradient.ok()) << gradient.status();
    auto& values = gradients[param.path];
    for (int64_t i = 0; i < gradient->count(); ++i) values.push_back(gradient->At(i));
  }
  const auto loss_at = [&](Tensor& param, int64_t i, double x) {
    param.Put(i, x);
    EXPECT_TRUE((*run)->Step().ok());
    const auto loss = (*run)->Loss();
    EXPECT_TRUE(loss.ok()) << loss.status();
    return loss.ok() ? *loss : NAN;
  };
  for (const auto& [path, expected] : gradients) {
    Tensor param = (*run)->Param(path);
    for (size_t i = 0; i < expected.size(); ++i) {
      const double x = param.At(i);
      const double up = loss_at(param, i, x + kStep), down = loss_at(param, i, x - kStep);
      loss_at(param, i, x);
      EXPECT_NEAR((up - down) / (2 * kStep), expected[i], kTolerance) << path << " " << i;
    }
  }
}

TEST(SpikeGradientTest, MicroBatchesAreTheWholeBatch) {
  constexpr double kTolerance = 1e-13;
  RunOptions options = SpikeOptions(DType::kF64);
  auto parts = ModelRun::OfProgram(CompileSpike(options), options);
  options.compile.micro_batches = 1;
  options.sizes["B"] = kMicroBatches * kRows;
  auto whole = ModelRun::OfProgram(CompileSpike(options), options);
  ASSERT_TRUE(parts.ok() && whole.ok()) << parts.status() << whole.status();
  (*parts)->FillParams(7);
  (*whole)->FillParams(7);
  ASSERT_TRUE(SetData(**parts, kRows).ok() && SetData(**whole, kMicroBatches * kRows).ok());
  ASSERT_TRUE((*parts)->Step().ok() && (*whole)->Step().ok());
  EXPECT_NEAR((*parts)->Loss().value(), (*whole)->Loss().value(), kTolerance);
  for (const ProgramParam& param : (*whole)->program().params) {
    if (!param.trainable) continue;
    const auto a = (*parts)->Gradient(param.path), b = (*whole)->Gradient(param.path);
    ASSERT_TRUE(a.ok() && b.ok());
    for (int64_t i = 0; i < b->count(); ++i) {
      EXPECT_NEAR(a->At(i), b->At(i), kTolerance) << param.path << " " << i;
    }
  }
}

}  // namespace
}  // namespace tessera
