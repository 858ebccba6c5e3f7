// Method: metrics files as runs and crashes leave them, and what a run at a given step keeps.
#include "cpp/train/metrics.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

TEST(MetricsTest, KeepsWholeRecordsUpToTheStep) {
  const std::string text = "{\"step\":1,\"loss\":3}\n{\"step\":2,\"loss\":2}\n{\"step\":2}\n"
                           "{\"step\":10,\"loss\":1}\n{\"step\":11,\"lo";
  const size_t lines[] = {0, 20, 51, 51, 72, 72};
  const int64_t steps[] = {0, 1, 2, 9, 10, 11};
  for (int i = 0; i < 6; ++i) {
    const KeptMetrics kept = MetricsToKeep(text, steps[i]);
    EXPECT_TRUE(kept.is_records);
    EXPECT_EQ(kept.bytes, lines[i]) << "step " << steps[i];
  }
  EXPECT_EQ(MetricsToKeep("", 5).bytes, 0u);
  EXPECT_EQ(MetricsToKeep("{\"step\":1", 5).bytes, 0u) << "cut off";
}

TEST(MetricsTest, AForeignFileIsNotCut) {
  RunFolder folder;
  const std::string path = folder.path("metrics.jsonl");
  std::ofstream(path) << "my notes\n";
  MetricsLog log;
  const absl::Status status = log.Open(path, 0);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(ReadText(path), "my notes\n");
}

TEST(MetricsTest, NumbersThatJsonLacksAreNull) {
  RunFolder folder;
  const std::string path = folder.path("metrics.jsonl");
  MetricsLog log;
  ASSERT_TRUE(log.Open(path, 0).ok());
  StepRecord record;
  record.step = 1;
  record.loss = NAN;
  record.grad_norm = INFINITY;
  record.skipped = true;
  const TrainStep::Sum sums[] = {{"loss/a", true, 1.5}, {"loss/b", true, 0.1}, {"hits", false, 7}};
  record.sums = sums;
  ASSERT_TRUE(log.WriteStep(record).ok());
  ASSERT_TRUE(log.WriteNote(1, "a \"note\"\n").ok());
  EXPECT_EQ(ReadText(path),
            "{\"step\":1,\"loss\":null,\"grad_norm\":null,\"lr\":0,\"tokens\":0,"
            "\"tokens_per_s\":0,\"step_s\":0,\"mfu\":0,\"skipped\":true,\"loss/a\":1.5,"
            "\"loss/b\":0.1,\"hits\":7}\n"
            "{\"step\":1,\"note\":\"a \\\"note\\\"\\n\"}\n");
}

TEST(MetricsTest, OpeningAgainGoesOnBehindTheLastRecord) {
  RunFolder folder;
  const std::string path = folder.path("metrics.jsonl");
  {
    MetricsLog log;
    ASSERT_TRUE(log.Open(path, 0).ok());
    for (int64_t step = 1; step <= 5; ++step) {
      StepRecord record;
      record.step = step;
      ASSERT_TRUE(log.WriteStep(record).ok());
    }
  }
  MetricsLog log;
  ASSERT_TRUE(log.Open(path, 3).ok());
  ASSERT_TRUE(log.WriteEvaluation(3, 1.25, 10, 0.5).ok());
  const std::vector<std::string> lines = Lines(ReadText(path));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[3], "{\"step\":3,\"eval_loss\":1.25,\"eval_tokens\":10,\"eval_s\":0.5}");
}

}  // namespace
}  // namespace tessera
