// Method: small runs to their end; what the trainer returns, records and refuses.
#include "cpp/train/trainer.h"

#include <cmath>

#include "cpp/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

absl::Status CreateStatus(const Config& config, const TestEnvironment& environment,
                          const TrainerOptions& options = {}) {
  return Trainer::Create(config, environment.get(), options).status();
}

TEST(TrainerTest, LearnsARepeatingText) {
  for (const char* dtype : {"fp32", "bf16"}) {
    SCOPED_TRACE(dtype);
    RunFolder folder;
    TestEnvironment environment(2);
    auto trainer = MakeTrainer(SmallConfig(folder.WriteText(), {{"trainer.steps", "200"},
                                                                {"trainer.batch_size", "8"},
                                                                {"runtime.dtype", dtype}}),
                               environment);
    ASSERT_NE(trainer, nullptr);
    double first = 0, last = 0;
    const absl::Status status = trainer->Run(0, {}, [&](const StepResult& result) {
      if (result.step == 1) first = result.loss;
      last = result.loss;
    });
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_NEAR(first, std::log(48), 0.3) << "a new model knows nothing";
    EXPECT_LT(last, 0.3);
    const absl::StatusOr<double> loss = trainer->Evaluate();
    ASSERT_TRUE(loss.ok()) << loss.status();
    EXPECT_LT(*loss, 0.3);
  }
}

TEST(TrainerTest, ReportsEveryStepAndEvaluationInTheMetricsFileAndToSinks) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer = MakeTrainer(SmallConfig(folder.WriteText(), {{"trainer.eval_every", "4"}}),
                             environment, {.out_dir = folder.path("out")});
  ASSERT_NE(trainer, nullptr);
  std::vector<std::string> seen;
  trainer->AddSink([&](std::string_view record) { seen.emplace_back(record); });
  std::vector<StepResult> results;
  ASSERT_TRUE(trainer->Run(0, {}, [&](const StepResult& r) { results.push_back(r); }).ok());
  const std::vector<std::string> lines = Lines(ReadText(folder.path("out/metrics.jsonl")));
  EXPECT_EQ(lines, seen);
  ASSERT_THAT(lines, SizeIs(10)) << "8 steps, 2 evaluations";
  ASSERT_THAT(results, SizeIs(8));
  EXPECT_EQ(lines[0].find("{\"step\":1,\"loss\":"), 0u) << lines[0];
  for (const char* field : {"loss", "grad_norm", "lr", "tokens", "tokens_per_s", "step_s", "mfu"}) {
    EXPECT_TRUE(std::isfinite(FieldOf(lines[1], field))) << field << " in " << lines[1];
  }
  EXPECT_EQ(FieldOf(lines[1], "loss"), results[1].loss) << "every digit is kept";
  EXPECT_EQ(FieldOf(lines[1], "tokens"), 2 * 4 * 12);
  EXPECT_EQ(results[1].tokens, 2 * 4 * 12);
  EXPECT_EQ(results[0].learning_rate, 0) << "a warm-up of 2 steps begins at 0";
  EXPECT_NEAR(results[1].learning_rate, 0.005, 1e-12);
  EXPECT_TRUE(std::isnan(results[0].eval_loss));
  EXPECT_EQ(results[3].eval_loss, FieldOf(lines[4], "eval_loss"));
  EXPECT_EQ(results[7].eval_loss, FieldOf(lines[9], "eval_loss"));
}

TEST(TrainerTest, EndsAfterItsSteps) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer =
      MakeTrainer(SmallConfig(folder.WriteText(), {{"trainer.steps", "2"}}), environment);
  ASSERT_NE(trainer, nullptr);
  ASSERT_TRUE(trainer->Run(1, {}, nullptr).ok());
  EXPECT_EQ(trainer->step(), 1);
  ASSERT_TRUE(trainer->Run(5, {}, nullptr).ok());
  EXPECT_EQ(trainer->step(), 2) << "more steps than there are";
  EXPECT_TRUE(absl::IsOutOfRange(trainer->Step().status()));
  EXPECT_TRUE(trainer->Run(0, {}, nullptr).ok()) << "nothing left to do is no error";
}

TEST(TrainerTest, RefusesAVocabularySmallerThanTheTokenizers) {
  RunFolder folder;
  TestEnvironment environment;
  const Config config = SmallConfig(folder.WriteText(), {{"model.vocab_size", "20"}});
  const absl::Status status = CreateStatus(config, environment);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("model.vocab_size: expected at least 33 (CharTokenizer has so many ids), "
                        "got 20 (--set model.vocab_size=20); set model.vocab_size=33"));
}

TEST(TrainerTest, RefusesWhatDoesNotFitTogether) {
  RunFolder folder;
  const std::string text = folder.WriteText();
  TestEnvironment environment;
  const auto error = [&](const Changes& changes) {
    return std::string(CreateStatus(SmallConfig(text, changes), environment).message());
  };
  EXPECT_THAT(error({{"model.decoder.position",
                      R"({"type": "LearnedPosition", "max_positions": 8})"}}),
              HasSubstr("expected at least trainer.sequence_length = 12, got 8"));
  EXPECT_THAT(error({{"parallel.data", "3"}}),
              HasSubstr("parallel.data: expected 0 or the number of ranks, 1, got 3"));
  EXPECT_THAT(error({{"runtime.isa", "avx9"}}), HasSubstr("runtime.isa: expected one of"));
  EXPECT_THAT(error({{"runtime.device", "cuda"}}), HasSubstr("runtime.device: expected cpu"));
  EXPECT_THAT(error({{"data.train", "no/such/file.txt"}}), HasSubstr("no/such/file.txt"));
  EXPECT_THAT(error({{"trainer.sequence_length", "100000"}}),
              HasSubstr("expected at least 100001 tokens"))
      << "a text shorter than one window";
}

TEST(TrainerTest, RefusesAModelWithoutATrainerAround) {
  TestEnvironment environment;
  absl::StatusOr<Config> model = Config::FromJson(
      SchemaRegistry::Builtin(),
      R"({"type": "LanguageModel", "vocab_size": 8, "model_dim": 8,
          "decoder": {"num_layers": 1, "layer": {"attention": {"num_heads": 1},
                                "feed_forward": {"hidden_dim": 8}}}})");
  ASSERT_TRUE(model.ok()) << model.status();
  const absl::Status status = CreateStatus(*model, environment);
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected an Experiment"));
}

TEST(TrainerTest, DescribesItself) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer = MakeTrainer(SmallConfig(folder.WriteText()), environment);
  ASSERT_NE(trainer, nullptr);
  ASSERT_TRUE(trainer->Step().ok());
  const absl::StatusOr<std::string> json = trainer->DescribeJson();
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(FieldOf(*json, "step"), 1);
  EXPECT_EQ(FieldOf(*json, "count"), static_cast<double>(trainer->parameter_count()));
  EXPECT_EQ(FieldOf(*json, "position"), 4);
  EXPECT_GT(FieldOf(*json, "step_flops"), 1e5);
  EXPECT_THAT(*json, HasSubstr("\"tokenizer\":\"CharTokenizer\""));
  EXPECT_THAT(*json, HasSubstr("\"fingerprint\":\""));
}

TEST(TrainerTest, ProfilesWhatRanSinceTheLastCall) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer = MakeTrainer(
      SmallConfig(folder.WriteText(), {{"trainer.profile", "true"}}), environment);
  ASSERT_NE(trainer, nullptr);
  ASSERT_TRUE(trainer->Step().ok());
  const absl::StatusOr<std::string> first = trainer->ProfileJson();
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(*first, HasSubstr("\"op\":\"matmul\""));
  EXPECT_THAT(*first, HasSubstr("\"phase\":\"commit\""));
  const absl::StatusOr<std::string> nothing = trainer->ProfileJson();
  ASSERT_TRUE(nothing.ok());
  EXPECT_THAT(*nothing, HasSubstr("\"ops\":[]"));
  ASSERT_TRUE(trainer->Step().ok());
  const absl::StatusOr<std::string> second = trainer->ProfileJson();
  ASSERT_TRUE(second.ok());
  const size_t at = second->find("\"op\":\"embedding\"");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(FieldOf(second->substr(at), "uses"), 1);
}

TEST(TrainerTest, TracesTheStepThatIsAskedForAndChangesNoNumber) {
  RunFolder folder;
  const std::string path = folder.path("step.json");
  std::vector<double> losses[2];
  for (const bool traces : {false, true}) {
    TestEnvironment environment(2);
    auto trainer = MakeTrainer(SmallConfig(folder.WriteText(),
                                           {{"trainer.trace", traces ? path : ""},
                                            {"trainer.trace_step", "2"}}),
                               environment);
    ASSERT_NE(trainer, nullptr);
    for (int step = 1; step <= 3; ++step) {
      const absl::StatusOr<StepResult> result = trainer->Step();
      ASSERT_TRUE(result.ok()) << result.status();
      losses[traces].push_back(result->loss);
      EXPECT_EQ(ReadFile(path).ok(), traces && step >= 2) << step;
    }
  }
  EXPECT_EQ(losses[0], losses[1]);
  const absl::StatusOr<std::string> text = ReadFile(path);
  ASSERT_TRUE(text.ok());
  for (const char* part : {"\"name\":\"matmul\"", "\"cat\":\"commit\"", "\"ph\":\"X\"",
                           "\"name\":\"rank 0\"", "\"name\":\"runs the step\""}) {
    EXPECT_THAT(*text, HasSubstr(part));
  }
}

TEST(TrainerTest, ATraceThatCannotBeWrittenIsAnError) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer = MakeTrainer(SmallConfig(folder.WriteText(),
                                         {{"trainer.trace", folder.path("none/step.json")},
                                          {"trainer.trace_step", "1"}}),
                             environment);
  ASSERT_NE(trainer, nullptr);
  const absl::Status status = trainer->Step().status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("trainer.trace: "));
}

TEST(TrainerTest, RefusesToProfileWhatWasNotMeasured) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer = MakeTrainer(SmallConfig(folder.WriteText()), environment);
  ASSERT_NE(trainer, nullptr);
  EXPECT_TRUE(absl::IsFailedPrecondition(trainer->ProfileJson().status()));
}

TEST(TrainerTest, GeneratesWithTheParametersOfTheMoment) {
  RunFolder folder;
  TestEnvironment environment;
  auto trainer = MakeTrainer(SmallConfig(folder.WriteText(), {{"trainer.steps", "250"},
                                                              {"trainer.batch_size", "8"},
                                                              {"trainer.sequence_length", "44"}}),
                             environment);
  ASSERT_NE(trainer, nullptr);
  absl::StatusOr<std::unique_ptr<Generator>> generator = trainer->NewGenerator();
  ASSERT_TRUE(generator.ok()) << generator.status();
  GenerateOptions options;
  options.max_tokens = 12;
  options.sampling.temperature = 0;
  const absl::StatusOr<std::string> before = (*generator)->Generate("the quick ", options);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(trainer->Run(0, {}, nullptr).ok());
  const absl::StatusOr<std::string> after = (*generator)->Generate("the quick ", options);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_NE(*before, *after);
  EXPECT_EQ(*after, "brown fox ju");
}

}  // namespace
}  // namespace tessera
