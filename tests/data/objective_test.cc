// Method: rows of counted tokens go through each objective; what comes out is put together again
// and must be the row that went in. Shares over many samples, short and empty windows, and the bits
// of a sample whatever batch it is in.
#include "cpp/data/objective.h"

#include <cmath>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "cpp/config/config.h"
#include "cpp/data/dataset.h"
#include "cpp/data/loader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/data/corpus.h"

namespace tessera {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<std::shared_ptr<const Objective>> Made(std::string_view json) {
  const auto config = Config::FromJson(SchemaRegistry::Builtin(), json, "test");
  if (!config.ok()) return config.status();
  const auto resolved = config->Resolve();
  if (!resolved.ok()) return resolved.status();
  return NewObjective(resolved->root());
}

std::vector<int32_t> Row(const Tensor& tensor, int64_t row = 0) {
  const int64_t size = tensor.count() / tensor.dims[0];
  const int32_t* data = tensor.data_as<int32_t>() + row * size;
  return {data, data + size};
}

// One row with tokens 10, 11, ..., as FillRow leaves it.
Batch Counting(const Objective& objective, int64_t sequence, int64_t length) {
  Batch batch = *Batch::Make(1, sequence);
  EXPECT_TRUE(objective.Prepare(batch).ok());
  for (int64_t t = 0; t < sequence; ++t) {
    batch.tokens.data_as<int32_t>()[t] = t < length ? static_cast<int32_t>(10 + t) : 0;
    batch.positions.data_as<int32_t>()[t] = static_cast<int32_t>(t);
    batch.segments.data_as<int32_t>()[t] = t < length ? 0 : -1;
  }
  return batch;
}

TEST(MaskedTokensTest, HiddenTokensAreTheTargetsInTheSharesThatAreSaid) {
  const auto objective = Made(R"({"type": "MaskedTokens", "mask_id": 5, "share": 0.2,
                                  "random_share": 0.25, "kept_share": 0.5})");
  ASSERT_TRUE(objective.ok()) << objective.status();
  EXPECT_EQ((*objective)->LargestId(), 5);
  int64_t drawn = 0, masked = 0, kept = 0;
  constexpr int64_t kSamples = 400, kLength = 50;
  for (int64_t i = 0; i < kSamples; ++i) {
    Batch batch = Counting(**objective, kLength + 2, kLength);
    ASSERT_TRUE((*objective)->Fill({7, i, 1000, kLength}, 0, batch).ok());
    const std::vector<int32_t> tokens = Row(batch.tokens), targets = Row(batch.targets);
    int64_t in_row = 0;
    for (int64_t t = 0; t < kLength; ++t) {
      const auto original = static_cast<int32_t>(10 + t);
      if (targets[t] == kIgnoreTarget) {
        ASSERT_EQ(tokens[t], original);
        continue;
      }
      ASSERT_EQ(targets[t], original);
      ASSERT_TRUE(tokens[t] >= 0 && tokens[t] < 1000);
      ++in_row;
      masked += tokens[t] == 5;
      kept += tokens[t] == original;
    }
    EXPECT_GE(in_row, 1);
    EXPECT_EQ(targets[kLength], kIgnoreTarget) << "padding";
    drawn += in_row;
  }
  const auto share = [](int64_t part, int64_t of) { return static_cast<double>(part) / of; };
  EXPECT_NEAR(share(drawn, kSamples * kLength), 0.2, 0.012);
  EXPECT_NEAR(share(masked, drawn), 0.25, 0.03);
  EXPECT_NEAR(share(kept, drawn), 0.5, 0.035);
}

TEST(MaskedTokensTest, AnEmptyWindowHasNoTargets) {
  const auto objective = Made(R"({"type": "MaskedTokens", "mask_id": 5})");
  ASSERT_TRUE(objective.ok()) << objective.status();
  Batch batch = Counting(**objective, 4, 0);
  ASSERT_TRUE((*objective)->Fill({7, 0, 1000, 0}, 0, batch).ok());
  EXPECT_THAT(Row(batch.targets), Each(kIgnoreTarget));
  EXPECT_THAT(Row(batch.tokens), Each(0));
}

// What a source and the decoder's targets say together; fails where they are not of that form.
std::vector<int32_t> PutTogether(const Batch& batch, int32_t first_sentinel, int32_t end_id) {
  const std::vector<int32_t> source = Row(batch.others.at("source"));
  const std::vector<int32_t> targets = Row(batch.targets), tokens = Row(batch.tokens);
  const std::vector<int32_t> segments = Row(batch.others.at("source_segments"));
  std::vector<int32_t> text;
  int32_t sentinel = first_sentinel;
  size_t t = 0, s = 0;
  for (; s < source.size() && source[s] != end_id; ++s) {
    EXPECT_EQ(segments[s], 0);
    if (source[s] != sentinel) {
      text.push_back(source[s]);
      continue;
    }
    EXPECT_EQ(targets[t], sentinel);
    for (++t; targets[t] != sentinel - 1 && targets[t] != end_id; ++t) text.push_back(targets[t]);
    --sentinel;
  }
  EXPECT_EQ(targets[t], end_id);
  EXPECT_EQ(tokens[0], 0) << "the start";
  for (size_t i = 0; i < t; ++i) EXPECT_EQ(tokens[i + 1], targets[i]);
  for (++t; t < targets.size(); ++t) EXPECT_EQ(targets[t], kIgnoreTarget);
  for (++s; s < source.size(); ++s) EXPECT_EQ(segments[s], -1);
  return text;
}

TEST(SpanCorruptionTest, SourceAndTargetsSayTheTextTogether) {
  const auto objective =
      Made(R"({"type": "SpanCorruption", "first_sentinel": 9999, "share": 0.3, "end_id": 1})");
  ASSERT_TRUE(objective.ok()) << objective.status();
  std::set<std::vector<int32_t>> sources;
  for (int64_t i = 0; i < 50; ++i) {
    for (const int64_t length : {2, 3, 7, 40, 64}) {
      Batch batch = Counting(**objective, 64, length);
      ASSERT_TRUE((*objective)->Fill({7, i, 1000, length}, 0, batch).ok());
      const std::vector<int32_t> text = PutTogether(batch, 9999, 1);
      std::vector<int32_t> want(static_cast<size_t>(length));
      std::iota(want.begin(), want.end(), 10);
      EXPECT_EQ(text, want);
      if (length == 64) sources.insert(Row(batch.others.at("source")));
    }
  }
  EXPECT_EQ(sources.size(), 50u) << "samples differ";
}

TEST(SpanCorruptionTest, WhatHasNoRoomIsLeftOff) {
  const auto objective = Made(R"({"type": "SpanCorruption", "first_sentinel": 99, "sentinels": 2,
                                  "share": 0.9, "mean_span": 1})");
  ASSERT_TRUE(objective.ok()) << objective.status();
  for (const int64_t sequence : {1, 2, 3, 4, 5, 9}) {
    Batch batch = Counting(**objective, sequence, sequence);
    ASSERT_TRUE((*objective)->Fill({7, 3, 1000, sequence}, 0, batch).ok()) << sequence;
    if (sequence < 3) {
      EXPECT_THAT(Row(batch.targets), Each(kIgnoreTarget));
      continue;
    }
    const std::vector<int32_t> text = PutTogether(batch, 99, 1);
    EXPECT_GE(text.size(), 2u);
    for (size_t i = 0; i < text.size(); ++i) EXPECT_EQ(text[i], static_cast<int32_t>(10 + i));
  }
}

TEST(LabelledImagesTest, RecordsBecomeImagesOfWholeRecordsOnly) {
  TestFolder folder;
  std::string bytes;
  for (int record = 0; record < 10; ++record) {
    bytes += static_cast<char>(record % 3);
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(25 * record + i);
  }
  const auto objective = Made(R"({"type": "LabelledImages", "image_size": 2, "num_channels": 2,
                                  "mean": 0, "deviation": 0.5})");
  ASSERT_TRUE(objective.ok()) << objective.status();
  DataOptions data;
  data.train = {folder.Write("images", bytes)};
  data.source = "text";
  data.validation_fraction = 0.25;   // 22 bytes; two records and a half
  data.record_length = (*objective)->RecordLength();
  const auto dataset = Dataset::Open(data);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->train().size(), 7 * 9);
  LoaderOptions options;
  options.window.sequence = (*objective)->WindowLength(1);
  options.window.shuffle = false;
  options.global_rows = 2;
  options.objective = *objective;
  auto loader = Loader::ForTraining(*dataset, options);
  ASSERT_TRUE(loader.ok()) << loader.status();
  for (int step = 0; step < 3; ++step) {
    const auto batch = (*loader)->Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    EXPECT_EQ((*batch)->target_count, 2);
    EXPECT_THAT(Row((*batch)->others.at("labels"), 1), ElementsAre((2 * step + 1) % 3));
    const Tensor& images = (*batch)->others.at("images");
    EXPECT_EQ(images.dims, (std::vector<int64_t>{2, 2, 2, 2}));
    EXPECT_FLOAT_EQ(static_cast<float>(images.At(8 + 3)),
                    static_cast<float>((25 * (2 * step + 1) + 3) / 255.0 / 0.5));
  }
}

TEST(ObjectiveTest, ASampleIsTheSameInEveryBatch) {
  TestFolder folder;
  std::string text;
  for (int i = 0; i < 500; ++i) text += absl::StrCat(i, " ");
  const auto dataset = Dataset::Open({.train = {folder.Write("a.txt", text)}});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  LoaderOptions options;
  options.window.sequence = 20;
  options.window.seed = 3;
  options.objective = *Made(R"({"type": "SpanCorruption", "first_sentinel": 255,
                                "sentinels": 5})");
  const auto rows = [&](int64_t global_rows, int world) {
    std::vector<std::vector<int32_t>> found;
    for (int step = 0; found.size() < 12; ++step) {
      for (int rank = 0; rank < world; ++rank) {
        LoaderOptions one = options;
        one.global_rows = global_rows;
        one.rank = rank;
        one.world = world;
        auto loader = Loader::ForTraining(*dataset, one);
        EXPECT_TRUE(loader.ok()) << loader.status();
        EXPECT_TRUE((*loader)->Seek(step * global_rows).ok());
        const auto batch = (*loader)->Next();
        EXPECT_TRUE(batch.ok()) << batch.status();
        for (int64_t row = 0; row < (*batch)->rows(); ++row) {
          found.push_back(Row((*batch)->others.at("source"), row));
          found.back().push_back(Row((*batch)->targets, row)[1]);
        }
      }
    }
    return found;
  };
  EXPECT_EQ(rows(4, 1), rows(6, 2));
}

TEST(ObjectiveTest, APositionIsThatOfItsObjective) {
  TestFolder folder;
  const auto dataset = Dataset::Open({.train = {folder.Write("a.txt", std::string(400, 'x'))}});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  LoaderOptions options;
  options.window.sequence = 8;
  options.global_rows = 2;
  const auto loader = [&](std::string_view json) {
    LoaderOptions own = options;
    own.objective = *Made(json);
    return *Loader::ForTraining(*dataset, own);
  };
  const auto plain = loader(R"({"type": "NextToken"})");
  const auto masked = loader(R"({"type": "MaskedTokens", "mask_id": 5})");
  const auto spans = loader(R"({"type": "SpanCorruption", "first_sentinel": 255})");
  EXPECT_TRUE(masked->RestoreState(masked->SaveState()).ok());
  EXPECT_THAT(std::string(masked->RestoreState(plain->SaveState()).message()),
              HasSubstr("saved without an objective, this run has one"));
  EXPECT_THAT(std::string(plain->RestoreState(masked->SaveState()).message()),
              HasSubstr("saved with an objective, this run has none"));
  EXPECT_THAT(std::string(masked->RestoreState(spans->SaveState()).message()),
              HasSubstr("objective was 'SpanCorruption' when it was saved"));
}

TEST(ObjectiveTest, SettingsThatCannotBeAreRefused) {
  EXPECT_THAT(std::string(Made(R"({"type": "MaskedTokens", "mask_id": 5, "random_share": 0.6,
                                   "kept_share": 0.5})").status().message()),
              HasSubstr("random_share + kept_share of at most 1, got 1.1"));
  EXPECT_THAT(std::string(Made(R"({"type": "SpanCorruption", "first_sentinel": 3,
                                   "sentinels": 5})").status().message()),
              HasSubstr("first_sentinel of at least 4"));
}

}  // namespace
}  // namespace tessera
