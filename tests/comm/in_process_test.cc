// Method: run the ranks of a group as threads and compare with sums made by hand, then let ranks
// disagree, leave, stay away and abort, and read the texts of the errors.
#include "cpp/comm/in_process.h"

#include <cmath>
#include <functional>
#include <limits>
#include <thread>

#include "cpp/comm/reduce.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/comm/collectives.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;

// Runs `body` on a thread for each rank; returns what each returned.
std::vector<absl::Status> RunRanks(int size, const InProcessOptions& options,
                                   const std::function<absl::Status(Communicator&)>& body) {
  auto group = NewInProcessGroup(size, options);
  std::vector<absl::Status> results(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank, comm = std::move(group[static_cast<size_t>(rank)])]() mutable {
      results[static_cast<size_t>(rank)] = body(*comm);
      comm.reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

TEST(ReduceTest, AddsInRankOrder) {
  // (1e8 + 1) - 1e8 is 0 in fp32, (1e8 - 1e8) + 1 is 1: the order shows.
  const float a = 1e8f, b = 1.0f, c = -1e8f;
  float sum = 0;
  void* out = &sum;
  const void* in_abc[] = {&a, &b, &c};
  ReduceInOrder(in_abc, absl::MakeConstSpan(&out, 1), 1, DType::kF32, ReduceOp::kSum);
  EXPECT_EQ(sum, 0.0f);
  const void* in_acb[] = {&a, &c, &b};
  ReduceInOrder(in_acb, absl::MakeConstSpan(&out, 1), 1, DType::kF32, ReduceOp::kSum);
  EXPECT_EQ(sum, 1.0f);
}

TEST(ReduceTest, BF16IsRoundedOnceAtTheEnd) {
  // 1 + 2^-9 + 2^-9: rounding after each step would stay at 1; the exact 1 + 2^-8 is a tie that
  // goes to even, so add one more.
  const uint16_t one = BF16FromFloat(1.0f), small = BF16FromFloat(0x1p-9f);
  const void* in[] = {&one, &small, &small, &small};
  uint16_t sum = 0;
  void* out = &sum;
  ReduceInOrder(in, absl::MakeConstSpan(&out, 1), 1, DType::kBF16, ReduceOp::kSum);
  EXPECT_EQ(FloatFromBF16(sum), 1.0f + 0x1p-7f);
}

TEST(ReduceTest, NanWinsTheMaximum) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), one = 1, two = 2;
  float result = 0;
  void* out = &result;
  for (auto in : {std::vector<const void*>{&nan, &one, &two}, {&one, &nan, &two},
                  {&one, &two, &nan}}) {
    ReduceInOrder(in, absl::MakeConstSpan(&out, 1), 1, DType::kF32, ReduceOp::kMax);
    EXPECT_TRUE(std::isnan(result));
  }
}

TEST(ReduceTest, SharesCoverEverythingOnce) {
  for (int64_t count : {0, 1, 5, 8, 17}) {
    int64_t next = 0;
    for (int64_t part = 0; part < 4; ++part) {
      EXPECT_EQ(ShareOf(count, part, 4).begin, next);
      next = ShareOf(count, part, 4).end;
    }
    EXPECT_EQ(next, count);
  }
}

TEST(InProcessTest, AllRanksGetTheSameBitsAndTheRightSums) {
  std::vector<std::string> bytes(3);
  const auto results = RunRanks(3, {}, [&](Communicator& comm) -> absl::Status {
    ASSIGN_OR_RETURN(bytes[static_cast<size_t>(comm.rank())], RunCollectives(comm));
    std::vector<float> values = {AwkwardValue(comm.rank(), 0), static_cast<float>(comm.rank())};
    RETURN_IF_ERROR(comm.AllReduce(values.data(), 2, DType::kF32, ReduceOp::kSum));
    EXPECT_EQ(values[0], (AwkwardValue(0, 0) + AwkwardValue(1, 0)) + AwkwardValue(2, 0));
    EXPECT_EQ(values[1], 3.0f);
    return absl::OkStatus();
  });
  for (const absl::Status& status : results) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_EQ(bytes[0], bytes[2]);
  EXPECT_GT(bytes[0].size(), 100'000u);
}

TEST(InProcessTest, MessagesArriveWhateverTheirOrder) {
  for (const absl::Status& status : RunRanks(3, {}, RunMessages)) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST(InProcessTest, MessagesThatCannotArriveAreErrors) {
  auto group = NewInProcessGroup(2, {.timeout_ms = 50});
  char byte = 1;
  for (int peer : {-1, 0, 2}) {
    const absl::Status status = group[0]->Send(&byte, 1, peer, 0);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("expected a rank from 0 to 1 other than 0"));
  }
  ASSERT_TRUE(group[1]->Send(&byte, 1, 0, 7).ok());
  char two[2];
  EXPECT_THAT(group[0]->Receive(two, 2, 1, 7).message(),
              HasSubstr("expected 2 bytes from rank 1, got 1"));
  auto silent = NewInProcessGroup(2, {.timeout_ms = 50});
  const absl::Status late = silent[0]->Receive(&byte, 1, 1, 0);
  EXPECT_EQ(late.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(late.message(), HasSubstr("rank 1 has sent nothing within 50ms"));
  auto left = NewInProcessGroup(2);
  left[1].reset();
  EXPECT_THAT(left[0]->Receive(&byte, 1, 1, 0).message(), HasSubstr("rank 1 has left the group"));
}

TEST(InProcessTest, OneRankIsAGroupToo) {
  const auto results = RunRanks(1, {}, [](Communicator& comm) -> absl::Status {
    return RunCollectives(comm).status();
  });
  EXPECT_TRUE(results[0].ok()) << results[0];
}

TEST(InProcessTest, RanksThatCallDifferentThingsAreTold) {
  const auto results = RunRanks(2, {}, [](Communicator& comm) -> absl::Status {
    float values[8] = {};
    return comm.AllReduce(values, comm.rank() == 0 ? 5 : 8, DType::kF32, ReduceOp::kSum);
  });
  for (const absl::Status& status : results) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("rank 0 calls all_reduce of size 5"));
    EXPECT_THAT(status.message(), HasSubstr("rank 1 calls all_reduce of size 8"));
  }
}

TEST(InProcessTest, ARankThatLeavesIsNamed) {
  const auto results = RunRanks(3, {}, [](Communicator& comm) -> absl::Status {
    if (comm.rank() == 1) return absl::OkStatus();
    return comm.Barrier();
  });
  EXPECT_TRUE(results[1].ok());
  for (int rank : {0, 2}) {
    EXPECT_EQ(results[rank].code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(results[rank].message(), HasSubstr("rank 1 has left the group"));
  }
}

TEST(InProcessTest, ARankThatStaysAwayIsNamedAfterTheTimeout) {
  auto group = NewInProcessGroup(2, {.timeout_ms = 50});
  const absl::Status status = group[0]->Barrier();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("rank 1 has not come within 50ms"));
  EXPECT_EQ(group[1]->Barrier(), status);  // the failure stands for every rank and for ever
}

TEST(InProcessTest, AbortReachesThoseWhoWait) {
  const auto results = RunRanks(3, {}, [](Communicator& comm) -> absl::Status {
    if (comm.rank() == 2) {
      comm.Abort("loss is not a number");
      return absl::OkStatus();
    }
    int32_t value = 1;
    return comm.AllReduce(&value, 1, DType::kI32, ReduceOp::kSum);
  });
  for (int rank : {0, 1}) {
    EXPECT_EQ(results[rank].code(), absl::StatusCode::kAborted);
    EXPECT_THAT(results[rank].message(), HasSubstr("rank 2 aborted: loss is not a number"));
  }
}

TEST(InProcessTest, DTypesThatCannotBeAddedAreRefused) {
  auto group = NewInProcessGroup(1);
  char byte = 1;
  const absl::Status status = group[0]->AllReduce(&byte, 1, DType::kU8, ReduceOp::kSum);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("got u8"));
}

}  // namespace
}  // namespace tessera
