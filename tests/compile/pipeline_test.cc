// Method: the spike (spike.h) split into stages that run as threads with an in-process
// communicator. Gradients and losses must have the bits of the whole program on one rank, for
// every split, order and dtype, with the tied embedding on the first and the last stage; the
// tables of two stages are golden files (TESSERA_UPDATE_GOLDEN=1 writes them anew); tables that
// wait for ever or leave a value behind are refused.
#include "cpp/shard/pipeline.h"

#include <thread>

#include "cpp/base/file.h"
#include "cpp/comm/in_process.h"
#include "cpp/ir/printer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/compile/spike.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;
using BytesByName = std::map<std::string, std::string>;

constexpr int kMicroBatches = 4;
constexpr int64_t kRows = 2, kLength = 5;
constexpr PipelineOrder kOrders[] = {PipelineOrder::kAllForwardsFirst,
                                     PipelineOrder::kOneForwardOneBackward};

RunOptions Options(DType dtype, bool apart = false) {
  RunOptions options;
  options.dtype = dtype;
  options.sizes = {{"B", kRows}, {"T", kLength}};
  options.compile.gradients = true;
  options.compile.micro_batches = kMicroBatches;
  options.compile.separate_weight_gradient = apart;
  options.compile.trainable = [](const std::string& path) { return path != kSpikeFrozen; };
  return options;
}

absl::StatusOr<std::shared_ptr<const Program>> Whole(const RunOptions& options) {
  ASSIGN_OR_RETURN(const FunctionRef main, SpikeMain(options.dtype));
  return Compile(*main, OpTable::Builtin(), options.compile);
}

int SegmentCount(const Program& program) {
  int count = 0;
  for (const Action& action : program.schedule) {
    if (action.kind == ActionKind::kForward) count = std::max(count, action.segment + 1);
  }
  return count;
}

// `stages` nearly equal runs of segments.
std::vector<int> Even(int segments, int stages) {
  std::vector<int> stage_of;
  for (int i = 0; i < segments; ++i) stage_of.push_back(i * stages / segments);
  return stage_of;
}

// One step of a program; with a communicator, of one stage.
absl::StatusOr<BytesByName> StepBytes(std::shared_ptr<const Program> program,
                                      const RunOptions& options) {
  ASSIGN_OR_RETURN(auto run, ModelRun::OfProgram(std::move(program), options));
  run->FillParams(7);
  for (int m = 0; m < kMicroBatches; ++m) {
    RETURN_IF_ERROR(run->SetBatch(m, SomeIds(kRows * kLength, kSpikeVocab, 10 + m),
                                  SomeIds(kRows * kLength, kSpikeVocab, 20 + m)));
  }
  for (int step = 0; step < 2; ++step) RETURN_IF_ERROR(run->Step());   // tags serve again
  return run->GradientBytes();
}

// All stages at once, each in its own thread; what several have must be equal.
absl::StatusOr<BytesByName> RunStages(const StagePrograms& stages, const RunOptions& options) {
  auto group = NewInProcessGroup(static_cast<int>(stages.size()), {.timeout_ms = 20'000});
  std::vector<absl::StatusOr<BytesByName>> results(stages.size());
  std::vector<std::thread> threads;
  for (size_t s = 0; s < stages.size(); ++s) {
    threads.emplace_back([&, s] {
      RunOptions own = options;
      own.communicator = group[s].get();
      results[s] = StepBytes(stages[s], own);
      if (!results[s].ok()) group[s]->Abort(results[s].status().message());
    });
  }
  for (std::thread& thread : threads) thread.join();
  BytesByName all;
  for (const auto& result : results) {
    RETURN_IF_ERROR(result.status());
    for (const auto& [name, bytes] : *result) {
      const auto [it, is_new] = all.emplace(name, bytes);
      if (!is_new && it->second != bytes) {
        return absl::InternalError(absl::StrCat(name, " differs between stages"));
      }
    }
  }
  return all;
}

class PipelineTest : public testing::TestWithParam<DType> {};

TEST_P(PipelineTest, GivesTheBitsOfOneRank) {
  for (bool apart : {false, true}) {
    const RunOptions options = Options(GetParam(), apart);
    const auto whole = Whole(options);
    ASSERT_TRUE(whole.ok()) << whole.status();
    const auto expected = StepBytes(*whole, options);
    ASSERT_TRUE(expected.ok()) << expected.status();
    const int segments = SegmentCount(**whole);
    ASSERT_GE(segments, 4);
    for (PipelineOrder order : kOrders) {
      for (int count = 1; count <= std::min(segments, 4); ++count) {
        const auto stages = SplitIntoStages(**whole, {Even(segments, count), order});
        ASSERT_TRUE(stages.ok()) << stages.status();
        const auto bytes = RunStages(*stages, options);
        ASSERT_TRUE(bytes.ok()) << bytes.status();
        EXPECT_TRUE(*bytes == *expected)
            << count << " stages, order " << static_cast<int>(order) << ", apart " << apart;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, PipelineTest,
                         testing::Values(DType::kF64, DType::kF32, DType::kBF16),
                         [](const auto& info) { return std::string(Name(info.param)); });

TEST(PipelineTableTest, TwoStagesAreTheGoldenFile) {
  RunOptions options = Options(DType::kBF16);
  options.compile.passes = false;
  const auto whole = Whole(options);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto stages = SplitIntoStages(**whole, {Even(SegmentCount(**whole), 2)});
  ASSERT_TRUE(stages.ok()) << stages.status();
  std::string text;
  for (size_t s = 0; s < stages->size(); ++s) {
    const std::string whole_text = ToText(*(*stages)[s]);
    absl::StrAppend(&text, "stage ", s, "\n", whole_text.substr(whole_text.find("parameters\n")));
  }
  const std::string path =
      std::string(TESSERA_SOURCE_DIR) + "/tests/compile/golden/spike_two_stages.txt";
  if (std::getenv("TESSERA_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFile(path, text).ok());
  }
  const auto expected = ReadFile(path);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(text == *expected) << path << " differs from:\n" << text;
}

TEST(PipelineTableTest, AStageHoldsItsOwnPartOnly) {
  const auto whole = Whole(Options(DType::kF32));
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto stages = SplitIntoStages(**whole, {Even(SegmentCount(**whole), 2)});
  ASSERT_TRUE(stages.ok()) << stages.status();
  std::vector<std::vector<std::string>> paths;
  for (const auto& stage : *stages) {
    paths.emplace_back();
    for (const ProgramParam& param : stage->params) paths.back().push_back(param.path);
    EXPECT_LT(stage->slots.size(), (*whole)->slots.size());
  }
  EXPECT_THAT(paths[0], testing::Contains("embedding/weight"));
  EXPECT_THAT(paths[1], testing::Contains("embedding/weight"));   // the head's weight too
  EXPECT_THAT(paths[0], testing::Not(testing::Contains("layers/2/up/weight")));
  EXPECT_THAT(paths[1], testing::Not(testing::Contains("layers/0/up/weight")));
  EXPECT_TRUE((*stages)[0]->sums.empty());
  EXPECT_EQ((*stages)[1]->sums.size(), (*whole)->sums.size());
}

// Bytes that live between the actions of the last of four stages.
int64_t ActivationBytes(const Program& whole, PipelineOrder order) {
  const auto stages = SplitIntoStages(whole, {Even(SegmentCount(whole), 4), order});
  if (!stages.ok()) return -1;
  const auto memory = Executor::PlanOnly(stages->back(), CpuKernels(),
                                         {.sizes = {{"B", kRows}, {"T", kLength}}});
  return memory.ok() ? memory->activation_bytes : -1;
}

TEST(PipelineTableTest, OneForwardOneBackwardKeepsLess) {
  const auto whole = Whole(Options(DType::kF32));
  ASSERT_TRUE(whole.ok()) << whole.status();
  const int64_t all = ActivationBytes(**whole, PipelineOrder::kAllForwardsFirst);
  const int64_t one = ActivationBytes(**whole, PipelineOrder::kOneForwardOneBackward);
  ASSERT_GT(one, 0);
  EXPECT_LT(one, all);
}

TEST(PipelineTableTest, StagesThatDoNotFitAreRefused) {
  const auto whole = Whole(Options(DType::kF32));
  ASSERT_TRUE(whole.ok()) << whole.status();
  std::vector<int> stage_of = Even(SegmentCount(**whole), 2);
  stage_of.pop_back();
  EXPECT_THAT(SplitIntoStages(**whole, {stage_of}).status().message(),
              HasSubstr("stage_of_segment: expected "));
  stage_of.push_back(3);
  EXPECT_THAT(SplitIntoStages(**whole, {stage_of}).status().message(),
              HasSubstr("expected 1 or 2, got 3"));
  stage_of.back() = 0;
  EXPECT_THAT(SplitIntoStages(**whole, {stage_of}).status().message(),
              HasSubstr("expected 1 or 2, got 0"));
  stage_of.assign(stage_of.size(), 1);
  EXPECT_THAT(SplitIntoStages(**whole, {stage_of}).status().message(),
              HasSubstr("stage_of_segment[0]: expected 0, got 1"));
  Program carries = **whole;
  carries.slots.push_back({"memory", SlotKind::kState, {DType::kF32, {2}}, true, -1});
  EXPECT_THAT(SplitIntoStages(carries, {Even(SegmentCount(**whole), 2)}).status().message(),
              HasSubstr("state 'memory' is carried from step to step"));
}

TEST(PipelineTableTest, TablesThatWaitForEverOrLoseAValueAreRefused) {
  const auto whole = Whole(Options(DType::kF32));
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto stages = SplitIntoStages(**whole, {Even(SegmentCount(**whole), 2)});
  ASSERT_TRUE(stages.ok()) << stages.status();
  const auto first_of = [](const Program& program, ActionKind kind) {
    size_t i = 0;
    while (program.schedule[i].kind != kind) ++i;
    return i;
  };
  for (ActionKind lost : {ActionKind::kSend, ActionKind::kReceive}) {
    auto broken = std::make_shared<Program>(*(*stages)[0]);
    broken->schedule.erase(broken->schedule.begin() +
                           static_cast<int64_t>(first_of(*broken, lost)));
    const std::shared_ptr<const Program> tables[] = {broken, (*stages)[1]};
    const absl::Status status = CheckStages(tables);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr(lost == ActionKind::kSend
                                                ? "waits for ever: stage 0: receive of"
                                                : "never received: stage 1: send of"));
  }
  auto waiting = std::make_shared<Program>(*(*stages)[0]);
  const size_t receive = first_of(*waiting, ActionKind::kReceive);
  std::rotate(waiting->schedule.begin(), waiting->schedule.begin() + static_cast<int64_t>(receive),
              waiting->schedule.begin() + static_cast<int64_t>(receive) + 1);
  const std::shared_ptr<const Program> tables[] = {waiting, (*stages)[1]};
  EXPECT_THAT(CheckStages(tables).message(), HasSubstr("waits for ever: stage 0: receive of"));
}

}  // namespace
}  // namespace tessera
