// The tuner with a kernel whose knob really matters, the cost model alone, and what a table is for.
//
// Method: the kernel of `neg` computes longer the farther its knob is from a best value, so that
// the answer is known; processor time is what counts, so no neighbour on the machine changes it.
#include "cpp/exec/tuner.h"

#include <cmath>
#include <cstring>
#include <set>

#include "cpp/exec/cost_model.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/exec/tunable_calls.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exec/kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr int64_t kMostShare = 40;    // of a knob; legal are the even ones
constexpr int64_t kOwnShare = 2;
constexpr int64_t kBestShare = 30;

// Which values were prepared; of the one kernel below.
struct Seen {
  std::set<int64_t> values;
};

int32_t PrepareSlow(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  const int64_t share = call->knobs == nullptr ? kOwnShare : call->knobs[0];
  auto* seen = static_cast<Seen*>(const_cast<void*>(call->user));
  seen->values.insert(share);
  if (share % 2 != 0 || share < 2 || share > kMostShare) {
    std::strcpy(reason, "slow: not a legal share");
    return 1;
  }
  plan->tasks[0] = 1;
  std::memcpy(plan->params, &share, sizeof(share));
  plan->run = [](const tsr_kernel_call* c, const tsr_kernel_plan* p, int32_t, int64_t) {
    int64_t value;
    std::memcpy(&value, p->params, sizeof(value));
    double burnt = 0;
    for (int64_t i = 0; i < 200000 + 40000 * std::abs(value - kBestShare); ++i) {
      asm volatile("" : "+m"(burnt));
    }
    const auto* in = static_cast<const float*>(c->inputs[0].data);
    auto* out = static_cast<float*>(c->outputs[0].data);
    for (int64_t i = 0; i < c->inputs[0].dims[0]; ++i) out[i] = -in[i];
  };
  return 0;
}

int32_t ExploreSlow(const tsr_kernel_call*, tsr_kernel_space* space, tsr_kernel_visit visit,
                    void* user, char*) {
  space->knob_count = 1;
  space->trait_count = 1;
  space->knobs[0] = "share";
  space->traits[0] = "distance";
  space->own[0] = kOwnShare;
  space->box_count = kMostShare;
  for (int64_t share = 2; visit != nullptr && share <= kMostShare; share += 2) {
    const double distance = static_cast<double>(share);
    visit(user, &share, &distance);
  }
  return 0;
}

KernelTable SlowKernels(const Seen& seen) {
  return KernelTable({{.struct_size = sizeof(tsr_kernel_def),
                       .isa = TSR_ISA_REFERENCE,
                       .op = "neg",
                       .name = "neg.slow",
                       .prepare = PrepareSlow,
                       .version = 3,
                       .flags = 0,
                       .user = &seen,
                       .explore = ExploreSlow}});
}

// -(-x), twice the same call.
ProgramKit TwoNegations() {
  FunctionKit f("twice");
  const ValueId x = f.In("x", {Dim(5)});
  f.Out("y", f.graph.Op("neg", {f.graph.Op("neg", {x})}));
  return ProgramKit::Single(f.function);
}

absl::StatusOr<TuneReport> Tune(const KernelTable& kernels, const TuneOptions& options) {
  ThreadPool pool(ThreadPoolOptions{.threads = 2});
  return TuneProgram(*TwoNegations().program, kernels, pool, ExecutorOptions{}, options);
}

TEST(TunerTest, FindsTheBestValueAndPreparesLegalOnesOnly) {
  const Seen seen;
  const KernelTable kernels = SlowKernels(seen);
  const auto report = Tune(kernels, {.most_timed = 16, .exhaustive = true});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->call_count, 1);
  ASSERT_EQ(report->results.size(), 1u);
  const TuneResult& result = report->results[0];
  EXPECT_EQ(result.kernel, "neg.slow");
  EXPECT_EQ(result.version, 3u);
  EXPECT_EQ(result.text, "f32[5] -> f32[5]");
  EXPECT_EQ(result.uses, 2);
  EXPECT_EQ(result.box_count, kMostShare);
  EXPECT_EQ(result.valid_count, kMostShare / 2);
  EXPECT_LE(result.timed_count, 16);
  EXPECT_EQ(result.own, (NamedKnobs{{"share", kOwnShare}}));
  EXPECT_TRUE(result.is_kept);
  EXPECT_GT(result.speedup, 1.2);
  // A shared processor may be slower at times; never so much that the own choice is near.
  EXPECT_NEAR(static_cast<double>(result.found[0].second), kBestShare, 12);
  EXPECT_LT(result.regret, 2);
  EXPECT_FALSE(result.best.empty());
  for (const int64_t value : seen.values) EXPECT_EQ(value % 2, 0) << value;
}

TEST(TunerTest, EndsWithWhatItsProgressSays) {
  const Seen seen;
  const KernelTable kernels = SlowKernels(seen);
  int64_t told = 0;
  const auto report = Tune(kernels, {.progress = [&](int64_t done, int64_t total) {
    EXPECT_LE(done, total);
    return ++told == 5 ? absl::AbortedError("enough") : absl::OkStatus();
  }});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(told, 5);
}

TEST(TunerTest, ABudgetThatIsSpentLeavesCallsOut) {
  const Seen seen;
  const KernelTable kernels = SlowKernels(seen);
  const auto report = Tune(kernels, {.budget_s = 1e-9});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->call_count, 1);
  EXPECT_TRUE(report->results.empty());
}

TEST(TuningTableTest, ValuesAreTakenByCallKernelAndVersion) {
  const Seen seen;
  const KernelTable kernels = SlowKernels(seen);
  const auto knobs_with = [&](std::string_view kernel, uint32_t version, std::string_view text) {
    auto tuning = std::make_shared<TuningTable>("a file");
    tuning->Add(kernel, version, text, {{"share", 8}});
    const KernelTable tuned(kernels, tuning);
    const ProgramKit kit = TwoNegations();
    const auto calls = FindTunableCalls(*kit.program, tuned, ExecutorOptions{});
    EXPECT_TRUE(calls.ok()) << calls.status();
    return calls->at(0).kernel->knobs;
  };
  EXPECT_EQ(knobs_with("neg.slow", 3, "f32[5] -> f32[5]"), std::vector<int64_t>{8});
  EXPECT_TRUE(knobs_with("neg.slow", 2, "f32[5] -> f32[5]").empty());
  EXPECT_TRUE(knobs_with("neg.fast", 3, "f32[5] -> f32[5]").empty());
  EXPECT_TRUE(knobs_with("neg.slow", 3, "f32[6] -> f32[6]").empty());
}

TEST(TuningTableTest, ValuesThatDoNotFitAreRefused) {
  const Seen seen;
  const KernelTable kernels = SlowKernels(seen);
  const auto error_with = [&](const NamedKnobs& knobs) {
    auto tuning = std::make_shared<TuningTable>("a file");
    tuning->Add("neg.slow", 3, "f32[5] -> f32[5]", knobs);
    const KernelTable tuned(kernels, tuning);
    const auto made = Executor::Create(TwoNegations().program, tuned, nullptr, nullptr, {});
    EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << made.status();
    return std::string(made.status().message());
  };
  EXPECT_THAT(error_with({{"share", 7}}),
              HasSubstr("a file: entry for neg.slow f32[5] -> f32[5]: slow: not a legal share: 7; "
                        "take the entry out, or tune again"));
  for (const NamedKnobs& knobs : {NamedKnobs{{"part", 8}}, NamedKnobs{{"share", 8}, {"share", 8}},
                                  NamedKnobs{}}) {
    EXPECT_THAT(error_with(knobs), HasSubstr("expected a value for each of share, got "));
  }
}

TEST(TuningTableTest, AViewSeesKernelsThatComeLater) {
  const Seen seen;
  KernelTable kernels = SlowKernels(seen);
  KernelTable view(kernels, std::make_shared<TuningTable>("a file"));
  ASSERT_TRUE(kernels.Register({{.struct_size = sizeof(tsr_kernel_def), .isa = TSR_ISA_REFERENCE,
                                 .op = "own", .name = "own.kernel", .prepare = PrepareSlow,
                                 .version = 1, .flags = 0, .user = &seen}}, nullptr).ok());
  EXPECT_EQ(view.Candidates("own").size(), 1u);
  EXPECT_EQ(view.defs().size(), 2u);
  EXPECT_FALSE(view.Register({}, nullptr).ok());
}

TEST(CostModelTest, LearnsWhatDependsOnFeaturesAndSaysWhatItDoesNotKnow) {
  std::vector<CostSample> samples;
  const std::vector<double> own = {1, 2, 5};
  for (int i = 0; i < 40; ++i) {
    CostSample sample;
    sample.own_features = own;
    sample.features = {1 + 0.1 * (i % 7), 2 + 0.3 * (i % 5), 5};   // the third never varies
    const double x = sample.features[0] - 1, y = sample.features[1] - 2;
    sample.log_ratio = 0.2 * x - 0.1 * y + 0.05 * y * y;
    samples.push_back(sample);
  }
  CostModel model;
  const std::vector<double> scales = {0.3, 0.6, 1};
  model.Fit(samples, scales);
  const auto near = model.Predict(std::vector<double>{1.3, 2.6, 5}, own);
  EXPECT_NEAR(near.log_ratio, 0.06 - 0.06 + 0.05 * 0.36, 0.01);
  const auto far = model.Predict(std::vector<double>{1.3, 2.6, 8}, own);
  EXPECT_GT(far.deviation, 5 * near.deviation);
  const auto self = model.Predict(own, own);
  EXPECT_EQ(self.log_ratio, 0);
  EXPECT_EQ(self.deviation, 0);
}

TEST(CostModelTest, RanksAgreeOrDoNot) {
  const std::vector<double> a = {1, 2, 3, 4}, b = {10, 20, 25, 90}, c = {4, 3, 2, 1};
  EXPECT_DOUBLE_EQ(RankCorrelation(a, b), 1);
  EXPECT_DOUBLE_EQ(RankCorrelation(a, c), -1);
  EXPECT_TRUE(std::isnan(RankCorrelation(a, std::vector<double>{1, 1, 1, 1})));
  EXPECT_TRUE(std::isnan(RankCorrelation(std::vector<double>{}, std::vector<double>{})));
}

}  // namespace
}  // namespace tessera
