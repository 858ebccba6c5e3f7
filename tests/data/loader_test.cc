// Method: in a corpus where the id of a token is its place, a batch shows where it came from. Runs
// are compared with runs that are repeated, cut in two, moved to other ranks or batch sizes.
#include "cpp/data/loader.h"

#include <map>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/data/corpus.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int32_t> Values(const Tensor& tensor) {
  const auto* data = tensor.data_as<int32_t>();
  return {data, data + tensor.count()};
}

// 0 .. count - 1, the last `validation` of them for validation.
std::shared_ptr<const Dataset> CountingData(const TestFolder& folder, int64_t count,
                                            double validation = 0) {
  return *Dataset::Open({.train = {folder.WriteIds("ids.bin", Counting(count))},
                         .validation_fraction = validation});
}

LoaderOptions Options(Sampling sampling = Sampling::kEpoch, int64_t global_rows = 4) {
  return {.window = {.sampling = sampling, .seed = 11, .sequence = 8}, .global_rows = global_rows};
}

// The tokens of the next `steps` batches.
std::vector<std::vector<int32_t>> Take(Loader& loader, int steps) {
  std::vector<std::vector<int32_t>> batches;
  for (int i = 0; i < steps; ++i) {
    const auto batch = loader.Next();
    if (!batch.ok() || *batch == nullptr) {
      ADD_FAILURE() << "no batch " << i << ": " << batch.status();
      return batches;
    }
    batches.push_back(Values((*batch)->tokens));
  }
  return batches;
}

class LoaderTest : public testing::TestWithParam<Sampling> {};
INSTANTIATE_TEST_SUITE_P(Samplings, LoaderTest,
                         testing::Values(Sampling::kRandomWindow, Sampling::kEpoch,
                                         Sampling::kStreams));

TEST_P(LoaderTest, TargetsAreTheNextTokens) {
  TestFolder folder;
  auto loader = *Loader::ForTraining(CountingData(folder, 1000), Options(GetParam()));
  for (int step = 0; step < 50; ++step) {
    const Batch* batch = *loader->Next();
    const auto tokens = Values(batch->tokens), targets = Values(batch->targets);
    const auto positions = Values(batch->positions), segments = Values(batch->segments);
    EXPECT_EQ(batch->target_count, 4 * 8);
    EXPECT_EQ(batch->position, step * 4);
    for (size_t i = 0; i < tokens.size(); ++i) {
      ASSERT_EQ(targets[i], tokens[i] + 1);
      ASSERT_EQ(positions[i], static_cast<int32_t>(i % 8));
      ASSERT_EQ(segments[i], 0);
      if (i % 8 > 0) { ASSERT_EQ(tokens[i], tokens[i - 1] + 1); }
    }
  }
}

TEST_P(LoaderTest, TheSameSeedGivesTheSameBatches) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000);
  LoaderOptions options = Options(GetParam());
  auto first = *Loader::ForTraining(data, options);
  options.prefetch = 7;
  auto second = *Loader::ForTraining(data, options);
  options.window.seed = 12;
  auto third = *Loader::ForTraining(data, options);
  const auto batches = Take(*first, 70);
  EXPECT_EQ(batches, Take(*second, 70));
  const bool is_drawn = GetParam() != Sampling::kStreams;
  EXPECT_EQ(batches != Take(*third, 70), is_drawn);
}

TEST_P(LoaderTest, ResumedIsUninterrupted) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000);
  auto whole = *Loader::ForTraining(data, Options(GetParam()));
  const auto expected = Take(*whole, 80);
  // 124 windows in an epoch, 31 steps: cuts in the first, at the end of it and in the third.
  for (int cut : {0, 1, 13, 31, 70}) {
    auto before = *Loader::ForTraining(data, Options(GetParam()));
    Take(*before, cut);
    const std::string state = before->SaveState();
    before.reset();
    auto after = *Loader::ForTraining(data, Options(GetParam()));
    Take(*after, 3);  // what it did before does not matter
    ASSERT_TRUE(after->RestoreState(state).ok());
    EXPECT_EQ(after->position(), cut * 4);
    const auto rest = Take(*after, 80 - cut);
    EXPECT_TRUE(std::equal(rest.begin(), rest.end(), expected.begin() + cut)) << "cut " << cut;
  }
}

TEST_P(LoaderTest, RanksTogetherReadWhatOneReads) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000);
  auto whole = *Loader::ForTraining(data, Options(GetParam()));
  std::vector<std::unique_ptr<Loader>> ranks;
  for (int rank = 0; rank < 2; ++rank) {
    LoaderOptions options = Options(GetParam());
    options.rank = rank;
    options.world = 2;
    ranks.push_back(*Loader::ForTraining(data, options));
  }
  for (int step = 0; step < 40; ++step) {
    std::vector<int32_t> together;
    for (int rank = 0; rank < 2; ++rank) {
      const Batch* batch = *ranks[static_cast<size_t>(rank)]->Next();
      EXPECT_EQ(batch->first_row, rank * 2);
      EXPECT_EQ(batch->global_rows, 4);
      const auto part = Values(batch->tokens);
      together.insert(together.end(), part.begin(), part.end());
    }
    ASSERT_EQ(together, Values((*whole->Next())->tokens)) << step;
  }
}

TEST_P(LoaderTest, ARunContinuesOnOtherRanksAndBatchSizes) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000);
  auto first = *Loader::ForTraining(data, Options(GetParam(), 4));
  Take(*first, 9);
  auto other = *Loader::ForTraining(data, Options(GetParam(), 12));
  if (GetParam() == Sampling::kStreams) {   // rows would go on elsewhere
    const absl::Status status = other->RestoreState(first->SaveState());
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr("sampling was 'streams of 4 rows' when it was saved, "
                                            "is 'streams of 12 rows' now"));
    return;
  }
  ASSERT_TRUE(other->RestoreState(first->SaveState()).ok());
  std::vector<int32_t> next;
  for (const auto& batch : Take(*first, 3)) next.insert(next.end(), batch.begin(), batch.end());
  EXPECT_EQ(Take(*other, 1)[0], next);
}

TEST(LoaderEpochTest, EveryWindowComesOnceAnEpoch) {
  TestFolder folder;
  auto loader = *Loader::ForTraining(CountingData(folder, 1000), Options());
  EXPECT_EQ(loader->windows_per_epoch(), 124);
  EXPECT_EQ(loader->batches_per_epoch(), 31);
  std::vector<std::vector<int32_t>> epochs;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::map<int32_t, int> counts;
    epochs.emplace_back();
    for (const auto& batch : Take(*loader, 31)) {
      for (size_t row = 0; row < 4; ++row) {
        ++counts[batch[row * 8]];
        epochs.back().push_back(batch[row * 8]);
      }
    }
    EXPECT_EQ(counts.size(), 124u);
  }
  EXPECT_NE(epochs[0], epochs[1]);  // each epoch has an order of its own
}

// 999 targets are 124 windows, 31 for each of 4 rows.
TEST(LoaderStreamsTest, RowsGoOnWhereTheyEnded) {
  TestFolder folder;
  auto loader = *Loader::ForTraining(CountingData(folder, 1000), Options(Sampling::kStreams));
  EXPECT_EQ(loader->windows_per_epoch(), 124);
  std::vector<int32_t> ends(4, -1);
  int anew = 0;
  for (int step = 0; step < 4 * 31; ++step) {
    const Batch* batch = *loader->Next();
    const auto tokens = Values(batch->tokens), targets = Values(batch->targets);
    for (size_t row = 0; row < 4; ++row) {
      const bool goes_on = tokens[row * 8] == ends[row];
      EXPECT_EQ(batch->continues[row] != 0, goes_on && step > 0) << step << " " << row;
      if (step > 0 && !goes_on) {
        ++anew;
        EXPECT_EQ(ends[row], 4 * 31 * 8) << "it was at the end";
        EXPECT_EQ(tokens[row * 8], 0);
      }
      ends[row] = targets[row * 8 + 7];
    }
  }
  EXPECT_EQ(anew, 3) << "one row at the end of each epoch but the last";
}

TEST(LoaderStreamsTest, RanksAndMicroBatchesHaveTheirRows) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000);
  auto whole = *Loader::ForTraining(data, Options(Sampling::kStreams));
  LoaderOptions options = Options(Sampling::kStreams);
  options.rank = 1;
  options.world = 2;
  options.micro_batches = 2;
  auto second = *Loader::ForTraining(data, options);
  for (int step = 0; step < 70; ++step) {
    const Batch* all = *whole->Next();
    const Batch* own = *second->Next();
    for (size_t row = 0; row < 2; ++row) ASSERT_EQ(own->continues[row], all->continues[2 + row]);
    ASSERT_EQ(own->MicroBatch(1, 2)->continues, std::vector<uint8_t>{all->continues[3]});
  }
}

TEST(LoaderStreamsTest, ACorpusShorterThanABatchSaysWhatItNeeds) {
  TestFolder folder;
  const absl::Status status =
      Loader::ForTraining(CountingData(folder, 32), Options(Sampling::kStreams)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("expected at least 33 tokens (a window of 8 for each of "
                                          "4 rows and a target), got 32"));
  EXPECT_TRUE(Loader::ForTraining(CountingData(folder, 33), Options(Sampling::kStreams)).ok());
}

// Three documents of 5, 1 and 12 ids.
std::shared_ptr<const Dataset> ThreeDocuments(const TestFolder& folder) {
  std::vector<uint16_t> ids = Counting(18);
  ids[4] = ids[5] = 99;
  return *Dataset::Open({.train = {folder.WriteIds("ids.bin", ids)},
                         .validation_fraction = 0,
                         .end_of_document = 99});
}

TEST(LoaderPackingTest, DocumentsAreKeptApart) {
  TestFolder folder;
  LoaderOptions options = Options(Sampling::kEpoch, 2);
  options.window.shuffle = false;
  options.isolate_documents = true;
  auto loader = *Loader::ForTraining(ThreeDocuments(folder), options);
  const Batch* batch = *loader->Next();
  EXPECT_THAT(Values(batch->tokens), ElementsAre(0, 1, 2, 3, 99, 99, 6, 7,  //
                                                 8, 9, 10, 11, 12, 13, 14, 15));
  EXPECT_THAT(Values(batch->targets),
              ElementsAre(1, 2, 3, 99, kIgnoreTarget, kIgnoreTarget, 7, 8,  //
                          9, 10, 11, 12, 13, 14, 15, 16));
  EXPECT_THAT(Values(batch->positions), ElementsAre(0, 1, 2, 3, 4, 0, 0, 1,  //
                                                    0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(Values(batch->segments), ElementsAre(0, 0, 0, 0, 0, 1, 2, 2,  //
                                                   0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(batch->target_count, 14);
}

TEST(LoaderPackingTest, MicroBatchesAreViewsOfTheRows) {
  TestFolder folder;
  LoaderOptions options = Options(Sampling::kEpoch, 2);
  options.window.shuffle = false;
  options.isolate_documents = true;
  auto loader = *Loader::ForTraining(ThreeDocuments(folder), options);
  const Batch* batch = *loader->Next();
  const Batch second = *batch->MicroBatch(1, 2);
  EXPECT_EQ(second.rows(), 1);
  EXPECT_EQ(second.first_row, 1);
  EXPECT_EQ(second.target_count, 8);
  EXPECT_THAT(Values(second.tokens), ElementsAre(8, 9, 10, 11, 12, 13, 14, 15));
  EXPECT_EQ(second.tokens.data(), batch->tokens.data_as<int32_t>() + 8);
  EXPECT_EQ(batch->MicroBatch(0, 2)->target_count, 6);
  EXPECT_EQ(batch->MicroBatch(0, 3).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(batch->MicroBatch(2, 2).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(LoaderValidationTest, EveryTargetComesOnceOnAnyNumberOfRanks) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000, 0.1);  // 100 ids: 99 targets, 13 windows
  for (int world : {1, 2, 4}) {
    std::map<int32_t, int> counts;
    for (int rank = 0; rank < world; ++rank) {
      LoaderOptions options = Options();
      options.rank = rank;
      options.world = world;
      auto loader = *Loader::ForValidation(data, options);
      EXPECT_EQ(loader->batches_per_epoch(), 4);
      int batches = 0;
      for (;; ++batches) {
        const Batch* batch = *loader->Next();
        if (batch == nullptr) break;
        int64_t seen = 0;
        for (int32_t target : Values(batch->targets)) {
          if (target == kIgnoreTarget) continue;
          ++counts[target];
          ++seen;
        }
        EXPECT_EQ(batch->target_count, seen);
      }
      EXPECT_EQ(batches, 4);
      EXPECT_EQ(*loader->Next(), nullptr);  // and stays at the end
      ASSERT_TRUE(loader->Seek(0).ok());
      EXPECT_NE(*loader->Next(), nullptr);
    }
    EXPECT_EQ(counts.size(), 99u) << world;
    EXPECT_EQ(counts.begin()->first, 901);
    EXPECT_EQ(counts.rbegin()->first, 999);
    for (const auto& [target, count] : counts) EXPECT_EQ(count, 1) << target;
  }
}

TEST(LoaderValidationTest, StreamsGoOnAndReadEveryTargetOnce) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000, 0.1);  // 99 targets, 13 windows: 4 for 3 rows, 1
  auto loader = *Loader::ForValidation(data, Options(Sampling::kStreams));
  std::map<int32_t, int> counts;
  std::vector<int32_t> ends(4, -1);
  int batches = 0;
  for (const Batch* batch = *loader->Next(); batch != nullptr; batch = *loader->Next()) {
    const auto tokens = Values(batch->tokens), targets = Values(batch->targets);
    for (size_t row = 0; row < 4; ++row) {
      if (batches > 0 && targets[row * 8] != kIgnoreTarget) {
        EXPECT_EQ(tokens[row * 8], ends[row]);
        EXPECT_TRUE(batch->continues[row]);
      }
      ends[row] = targets[row * 8 + 7];
    }
    for (const int32_t target : targets) counts[target] += target == kIgnoreTarget ? 0 : 1;
    ++batches;
  }
  counts.erase(kIgnoreTarget);
  EXPECT_EQ(batches, 4);
  EXPECT_EQ(counts.size(), 99u);
  for (const auto& [target, count] : counts) EXPECT_EQ(count, 1) << target;
}

TEST(LoaderValidationTest, PaddingHasNoTargetsAndItsOwnSegment) {
  TestFolder folder;
  LoaderOptions options = Options(Sampling::kEpoch, 2);
  auto loader = *Loader::ForValidation(CountingData(folder, 40, 0.1), options);  // 36 .. 39
  const Batch* batch = *loader->Next();
  EXPECT_THAT(Values(batch->tokens), ElementsAre(36, 37, 38, 0, 0, 0, 0, 0,  //
                                                 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(Values(*&batch->segments), ElementsAre(0, 0, 0, -1, -1, -1, -1, -1,  //
                                                     -1, -1, -1, -1, -1, -1, -1, -1));
  EXPECT_EQ(batch->target_count, 3);
}

TEST(LoaderValidationTest, WithoutValidationTokensItIsAnError) {
  TestFolder folder;
  EXPECT_EQ(Loader::ForValidation(CountingData(folder, 100), Options()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(LoaderErrorTest, AnErrorComesAtItsBatchAndStays) {
  TestFolder folder;
  std::vector<uint16_t> ids = Counting(100);
  ids[50] = 1000;
  const std::string path = folder.WriteIds("ids.bin", ids);
  LoaderOptions options = Options(Sampling::kEpoch, 2);
  options.window.shuffle = false;
  auto loader = *Loader::ForTraining(
      *Dataset::Open({.train = {path}, .validation_fraction = 0, .vocab_size = 100}), options);
  Take(*loader, 3);  // 0 .. 48
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(loader->Next().status().message(),
              path + ": byte 100: token id 1000, expected below the vocabulary size 100");
  }
  EXPECT_EQ(loader->position(), 6);
  ASSERT_TRUE(loader->Seek(8).ok());
  EXPECT_TRUE(loader->Next().ok());
}

TEST(LoaderErrorTest, OptionsThatDoNotFitAreNamed) {
  TestFolder folder;
  const auto data = CountingData(folder, 100);
  LoaderOptions options = Options(Sampling::kEpoch, 6);
  options.world = 2;
  options.micro_batches = 2;
  EXPECT_THAT(Loader::ForTraining(data, options).status().message(),
              HasSubstr("expected a multiple of 4 (2 ranks, 2 micro-batches), got 6"));
  options = Options();
  options.rank = 1;
  EXPECT_THAT(Loader::ForTraining(data, options).status().message(), HasSubstr("rank 1 of 1"));
  options = Options();
  options.window.sequence = 100;
  EXPECT_THAT(Loader::ForTraining(data, options).status().message(),
              HasSubstr("expected at least 101 tokens"));
}

TEST(LoaderStateTest, AStateOfAnotherRunIsRefused) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000);
  auto loader = *Loader::ForTraining(data, Options());
  Take(*loader, 2);
  const std::string state = loader->SaveState();

  LoaderOptions other_seed = Options();
  other_seed.window.seed = 12;
  auto other = *Loader::ForTraining(data, other_seed);
  EXPECT_THAT(other->RestoreState(state).message(),
              HasSubstr("seed was '11' when it was saved, is '12' now"));
  auto drawn = *Loader::ForTraining(data, Options(Sampling::kRandomWindow));
  EXPECT_THAT(drawn->RestoreState(state).message(), HasSubstr("sampling was 'epoch shuffled'"));
  TestFolder changed;
  std::vector<uint16_t> ids = Counting(1000);
  ids[0] = 1;  // as long, but not the same
  auto moved = *Loader::ForTraining(
      *Dataset::Open({.train = {folder.WriteIds("b.bin", ids)}, .validation_fraction = 0}),
      Options());
  EXPECT_THAT(moved->RestoreState(state).message(), HasSubstr("corpus was"));
  EXPECT_EQ(moved->RestoreState(state).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(LoaderStateTest, DamagedStatesAreRefusedAndChangeNothing) {
  TestFolder folder;
  auto loader = *Loader::ForTraining(CountingData(folder, 1000), Options());
  Take(*loader, 2);
  const std::string state = loader->SaveState();
  for (const std::string& bad :
       {std::string(""), std::string("x"), state.substr(0, state.size() / 2),
        std::string(state).replace(state.find("position 8"), 10, "position x"),
        std::string(state).replace(state.find("position 8"), 10, "position -8"),
        std::string(state).replace(state.find("seed"), 4, "deed")}) {
    EXPECT_EQ(loader->RestoreState(bad).code(), absl::StatusCode::kDataLoss) << bad;
    EXPECT_EQ(loader->position(), 8);
  }
  EXPECT_EQ(loader->Seek(-1).code(), absl::StatusCode::kOutOfRange);
}

TEST(LoaderThreadTest, EndsCleanlyAtAnyMoment) {
  TestFolder folder;
  const auto data = CountingData(folder, 1000, 0.5);
  for (int i = 0; i < 50; ++i) {
    auto loader = *(i % 2 ? Loader::ForTraining(data, Options())
                          : Loader::ForValidation(data, Options()));
    for (int step = 0; step < i % 5; ++step) ASSERT_TRUE(loader->Next().ok());
    if (i % 3 == 0) { ASSERT_TRUE(loader->Seek(i).ok()); }
    if (i % 7 == 0) std::this_thread::yield();
  }
}

TEST(LoaderThreadTest, ABatchStaysAsItIsUntilTheNextCall) {
  TestFolder folder;
  auto loader = *Loader::ForTraining(CountingData(folder, 1000), Options());
  for (int step = 0; step < 20; ++step) {
    const Batch* batch = *loader->Next();
    const auto before = Values(batch->tokens);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the thread fills what it may
    ASSERT_EQ(before, Values(batch->tokens));
  }
}

}  // namespace
}  // namespace tessera
