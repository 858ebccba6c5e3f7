// Method: the training steps of the sample models, compiled with their optimizers. At full size
// only planned: the memory of saved values and of frames stays within 5 % of what is alive at one
// time. Made small and run: a step after the first allocates nothing (the global operator new of
// this program counts), and after several steps parameters have the same bits for 1, 2 and 3
// threads and for every recompute policy.
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/exec/function_plan.h"
#include "cpp/nn/tracer.h"
#include "cpp/optim/optimizer.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_run.h"
#include "tests/support/allocations.h"
#include "tests/support/processor_time.h"

namespace tessera {
namespace {

constexpr RecomputePolicy kPolicies[] = {RecomputePolicy::kNone, RecomputePolicy::kSelective,
                                         RecomputePolicy::kFull};

struct TrainingModel {
  Config config;
  FunctionRef main;
  std::unique_ptr<Optimizer> optimizer;
};

using Change = std::pair<const char*, const char*>;

absl::StatusOr<TrainingModel> LoadSample(const std::string& file, DType dtype,
                                         const std::vector<Change>& changes) {
  ASSIGN_OR_RETURN(Config text, Config::Load(SchemaRegistry::Builtin(),
                                             absl::StrCat(TESSERA_SOURCE_DIR, "/samples/", file)));
  for (const auto& [path, value] : changes) RETURN_IF_ERROR(text.Set(path, value));
  ASSIGN_OR_RETURN(Config config, text.Resolve());
  TrainingModel model = {std::move(config), nullptr, nullptr};
  const ModuleTable modules;
  ASSIGN_OR_RETURN(model.main, TraceModel(*model.config.Section("model"), modules,
                                          {dtype, Mode::kTrain}));
  ASSIGN_OR_RETURN(model.optimizer, NewOptimizer(*model.config.Section("optimizer")));
  return model;
}

CompileOptions TrainingOptions(const TrainingModel& model, RecomputePolicy policy) {
  CompileOptions options;
  options.gradients = true;
  options.update = model.optimizer.get();
  options.recompute = policy;
  options.results = false;
  return options;
}

double PercentOver(int64_t bytes, int64_t lower_bound) {
  return lower_bound == 0 ? 0 : 100.0 * static_cast<double>(bytes - lower_bound) /
                                    static_cast<double>(lower_bound);
}

struct FrameBytes {
  int64_t planned = 0, lower_bound = 0;
};

// Of the functions with the largest of each.
absl::StatusOr<FrameBytes> LargestFrame(const Program& program, const SymbolSizes& sizes) {
  FrameBytes largest;
  for (const ProgramCall& call : program.calls) {
    ASSIGN_OR_RETURN(const CallBinding binding, CallBinding::Of(call));
    ASSIGN_OR_RETURN(const auto plan,
                     FunctionPlan::Make(program.functions[call.function], binding, sizes,
                                        CpuKernels(), cpu::DetectIsa()));
    largest.planned = std::max(largest.planned, plan->frame_bytes());
    largest.lower_bound = std::max(largest.lower_bound, plan->frame_lower_bound_bytes());
  }
  return largest;
}

class SamplePlanTest : public testing::TestWithParam<const char*> {};

TEST_P(SamplePlanTest, MemoryIsWithinFivePercentOfTheLowerBound) {
  constexpr double kMostPercent = 5, kMostPercentOfFrame = 10;
  const auto model = LoadSample(GetParam(), DType::kBF16, {});
  ASSERT_TRUE(model.ok()) << model.status();
  SymbolSizes sizes;
  for (const auto& [symbol, path] : {std::pair("B", "trainer.batch_size"),
                                     std::pair("T", "trainer.sequence_length")}) {
    sizes[symbol] = std::atoll(model->config.Get(path).value_or("0").c_str());
  }
  for (RecomputePolicy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    const auto program =
        Compile(*model->main, OpTable::Builtin(), TrainingOptions(*model, policy));
    ASSERT_TRUE(program.ok()) << program.status();
    const auto memory = Executor::PlanOnly(*program, CpuKernels(),
                                           {.sizes = sizes, .isa = cpu::DetectIsa()});
    ASSERT_TRUE(memory.ok()) << memory.status();
    const auto frame = LargestFrame(**program, sizes);
    ASSERT_TRUE(frame.ok()) << frame.status();
    const double over = PercentOver(memory->activation_bytes + memory->frame_bytes,
                                    memory->lower_bound_bytes + frame->lower_bound);
    const double frame_over = PercentOver(memory->frame_bytes, frame->lower_bound);
    std::printf("  %s, policy %d: activations %.1f MB, frame %.1f MB (%.2f %% over), together "
                "%.2f %% over\n",
                GetParam(), static_cast<int>(policy),
                static_cast<double>(memory->activation_bytes) / 1e6,
                static_cast<double>(memory->frame_bytes) / 1e6, frame_over, over);
    EXPECT_LE(over, kMostPercent);
    EXPECT_LE(frame_over, kMostPercentOfFrame);
  }
}

std::string SampleName(const testing::TestParamInfo<const char*>& info) {
  const std::string file = info.param;
  return file.substr(file.find('/') + 1, file.find('.') - file.find('/') - 1);
}

INSTANTIATE_TEST_SUITE_P(Samples, SamplePlanTest,
                         testing::Values("bench/dense.json", "text/gpt.json"), SampleName);

// The cost of a description does not grow with the weights, and hardly with depth.
TEST(LargePlanTest, AHundredLayersAreDescribedWithoutTheirWeights) {
  const double start = ProcessorSeconds();
  const auto model = LoadSample("bench/dense.json", DType::kBF16,
                                {{"model.model_dim", "1024"},
                                 {"model.decoder.num_layers", "100"},
                                 {"model.decoder.layer.feed_forward.hidden_dim", "2048"}});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto program = Compile(*model->main, OpTable::Builtin(),
                               TrainingOptions(*model, RecomputePolicy::kSelective));
  ASSERT_TRUE(program.ok()) << program.status();
  const auto memory = Executor::PlanOnly(*program, CpuKernels(),
                                         {.sizes = {{"B", 8}, {"T", 512}}});
  ASSERT_TRUE(memory.ok()) << memory.status();
  const double taken = ProcessorSeconds() - start;
  int64_t count = 0;
  for (const ProgramParam& param : (*program)->params) {
    count += Product(param.dims).value();
  }
  std::printf("  %.2f billion parameters described in %.2f s, %zu functions\n",
              static_cast<double>(count) / 1e9, taken, (*program)->functions.size());
  EXPECT_GT(count, int64_t{1000} * 1000 * 1000);
  EXPECT_LT((*program)->functions.size(), 100u) << "layers share functions";
  if (!IsSanitized()) {
    EXPECT_LT(taken, 10) << "it takes a fraction of a second";
  }
}

// Attention keeps no scores: eight times the tokens take eight times the memory.
TEST(LargePlanTest, MemoryIsLinearInTheLengthOfTheSequence) {
  constexpr int64_t kShort = 512, kTimes = 8;
  const auto model = LoadSample("bench/dense.json", DType::kBF16, {});
  ASSERT_TRUE(model.ok()) << model.status();
  for (RecomputePolicy policy : kPolicies) {
    const auto program =
        Compile(*model->main, OpTable::Builtin(), TrainingOptions(*model, policy));
    ASSERT_TRUE(program.ok()) << program.status();
    int64_t bytes[2] = {};
    for (int k : {0, 1}) {
      const auto memory = Executor::PlanOnly(
          *program, CpuKernels(),
          {.sizes = {{"B", 2}, {"T", k == 0 ? kShort : kShort * kTimes}},
           .isa = cpu::DetectIsa()});
      ASSERT_TRUE(memory.ok()) << memory.status();
      bytes[k] = memory->activation_bytes + memory->frame_bytes + memory->workspace_bytes;
    }
    EXPECT_LE(bytes[1], bytes[0] * kTimes * 101 / 100) << "policy " << static_cast<int>(policy);
  }
}

const std::vector<Change> kSmall = {{"model.model_dim", "32"},
                                    {"model.decoder.num_layers", "3"},
                                    {"model.decoder.layer.feed_forward.hidden_dim", "72"},
                                    {"model.decoder.dropout", "{\"type\": \"Dropout\"}"}};

// A step as a trainer drives it.
class SmallTraining {
 public:
  static absl::StatusOr<std::unique_ptr<SmallTraining>> Make(DType dtype, RecomputePolicy policy,
                                                             int threads) {
    auto training = std::make_unique<SmallTraining>();
    ASSIGN_OR_RETURN(TrainingModel model, LoadSample("text/gpt.json", dtype, kSmall));
    training->model_ = std::make_unique<TrainingModel>(std::move(model));
    RunOptions options;
    options.sizes = {{"B", 2}, {"T", 40}};
    options.threads = threads;
    options.compile = TrainingOptions(*training->model_, policy);
    options.compile.micro_batches = 2;
    ASSIGN_OR_RETURN(training->run_, ModelRun::OfFunction(*training->model_->main, options));
    training->run_->FillParams(1, 0.1);
    for (int m = 0; m < 2; ++m) {
      const std::vector<double> tokens = SomeIds(80, 256, 10 + m);
      RETURN_IF_ERROR(training->run_->SetBatch(m, tokens, tokens));
    }
    RETURN_IF_ERROR(training->SetScalar(kLearningRateSlot, 1e-2));
    RETURN_IF_ERROR(training->SetScalar(kClipSlot, 1));
    return training;
  }

  absl::Status SetScalar(const char* name, double value) {
    const int slot = run_->program().FindSlot(name, SlotKind::kScalar);
    ASSIGN_OR_RETURN(Tensor tensor, run_->executor().SlotTensor(slot));
    tensor.Put(0, value);
    return absl::OkStatus();
  }

  absl::Status Step(int step) {
    RETURN_IF_ERROR(run_->SetKeys(step));
    RETURN_IF_ERROR(SetScalar(kStepSlot, step));
    RETURN_IF_ERROR(run_->Step());
    return run_->executor().Run({ActionKind::kReduce, ActionKind::kNorm, ActionKind::kCommit});
  }

  ModelRun& run() { return *run_; }

 private:
  std::unique_ptr<TrainingModel> model_;
  std::unique_ptr<ModelRun> run_;
};

TEST(SmallTrainingTest, AStepAfterTheFirstAllocatesNothing) {
  for (int threads : {1, 2}) {
    auto training = SmallTraining::Make(DType::kBF16, RecomputePolicy::kSelective, threads);
    ASSERT_TRUE(training.ok()) << training.status();
    ASSERT_TRUE((*training)->Step(1).ok());
    Executor& executor = (*training)->run().executor();
    const int64_t before = AllocationCount();
    const absl::Status status = executor.Run(
        {ActionKind::kPrologue, ActionKind::kForward, ActionKind::kBackward, ActionKind::kCollect,
         ActionKind::kReduce, ActionKind::kNorm, ActionKind::kCommit});
    const int64_t during = AllocationCount() - before;
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(during, 0) << threads << " threads";
  }
}

TEST(SmallTrainingTest, CountingSeesAllocations) {
  const int64_t before = AllocationCount();
  const std::string text(1000, 'x');
  EXPECT_GT(AllocationCount(), before) << text.size();
}

absl::StatusOr<std::map<std::string, std::string>> ParamsAfterSteps(DType dtype,
                                                                    RecomputePolicy policy,
                                                                    int threads) {
  ASSIGN_OR_RETURN(auto training, SmallTraining::Make(dtype, policy, threads));
  for (int step = 1; step <= 3; ++step) RETURN_IF_ERROR(training->Step(step));
  std::map<std::string, std::string> bytes;
  for (const ProgramParam& param : training->run().program().params) {
    const Tensor tensor = training->run().Param(param.path);
    bytes[param.path] = std::string(tensor.data_as<char>(), tensor.bytes());
  }
  return bytes;
}

TEST(SmallTrainingTest, BitsDoNotDependOnThreadsNorOnRecomputing) {
  for (DType dtype : {DType::kF64, DType::kF32, DType::kBF16}) {
    const auto expected = ParamsAfterSteps(dtype, RecomputePolicy::kNone, 1);
    ASSERT_TRUE(expected.ok()) << expected.status();
    for (int threads : {1, 2, 3}) {
      const RecomputePolicy policy = kPolicies[threads - 1];
      const auto bytes = ParamsAfterSteps(dtype, policy, threads);
      ASSERT_TRUE(bytes.ok()) << bytes.status();
      EXPECT_TRUE(*bytes == *expected) << Name(dtype) << ", " << threads << " threads";
    }
  }
}

TEST(SmallTrainingTest, TheLossFalls) {
  auto training = SmallTraining::Make(DType::kBF16, RecomputePolicy::kSelective, 2);
  ASSERT_TRUE(training.ok()) << training.status();
  double first = 0, last = 0;
  for (int step = 1; step <= 30; ++step) {
    ASSERT_TRUE((*training)->Step(step).ok());
    last = (*training)->run().Loss().value();
    if (step == 1) first = last;
  }
  // Tokens are their own targets: easy.
  EXPECT_LT(last, 0.5 * first);
}

}  // namespace
}  // namespace tessera
