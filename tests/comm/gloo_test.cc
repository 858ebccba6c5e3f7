// Method: fork the ranks as processes that meet on 127.0.0.1. Their results are compared byte for
// byte with the in-process transport; then ranks are killed, stopped, kept away or leave, and the
// others must say who it was within the time limit. SIGPIPE keeps its default action, so a write
// to a dead rank that raised it would kill the child and fail the test.
#include "cpp/comm/gloo.h"

#include <chrono>
#include <thread>

#include "cpp/comm/in_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/comm/collectives.h"
#include "tests/comm/processes.h"

namespace tessera {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kHeartbeatMs = 1000;
// An error must come within the limit for hung ranks and some slack for a loaded machine.
constexpr int64_t kWithinMs = 5 * kHeartbeatMs;

GlooOptions Options(int rank, int world, int port) {
  GlooOptions options;
  options.control.rank = rank;
  options.control.world = world;
  options.control.port = port;
  options.control.join_timeout_ms = 15'000;
  options.control.heartbeat_timeout_ms = kHeartbeatMs;
  return options;
}

int64_t NowMs() { return comm::SteadyMs(); }

// "code | message", or "late | ..." when it took longer than allowed.
std::string Text(const absl::Status& status, int64_t since_ms = -1) {
  const bool is_late = since_ms >= 0 && NowMs() - since_ms > kWithinMs;
  return absl::StrCat(is_late ? "late | " : "", absl::StatusCodeToString(status.code()), " | ",
                      status.message());
}

// All-reduces of `count` floats until one fails; the text of that error.
std::string ReduceUntilError(Communicator& comm, size_t count) {
  std::vector<float> values(count, 1.0f);
  int64_t since_ms = NowMs();
  for (;;) {
    const absl::Status status =
        comm.AllReduce(values.data(), static_cast<int64_t>(count), DType::kF32, ReduceOp::kMax);
    if (!status.ok()) {
      // Every later call says the same.
      if (comm.Barrier() != status) return "the second error is another one";
      return Text(status, since_ms);
    }
    since_ms = NowMs();
  }
}

std::string Who(int rank) { return absl::StrCat("rank ", rank, " (host "); }

TEST(GlooTest, SameBitsAsInProcess) {
  const int port = FreePort();
  const auto results = RunProcesses(3, [&](int rank) -> std::string {
    auto comm = NewGlooCommunicator(Options(rank, 3, port));
    if (!comm.ok()) return Text(comm.status());
    const auto bytes = RunCollectives(**comm);
    return bytes.ok() ? *bytes : Text(bytes.status());
  });
  auto group = NewInProcessGroup(3);
  std::vector<std::string> expected(3);
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < 3; ++rank) {
    threads.emplace_back([&, rank] { expected[rank] = *RunCollectives(*group[rank]); });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t rank = 0; rank < 3; ++rank) {
    ASSERT_TRUE(results[rank].is_done);
    EXPECT_EQ(results[rank].text.size(), expected[rank].size())
        << results[rank].text.substr(0, 200);
    EXPECT_TRUE(results[rank].text == expected[rank]) << "rank " << rank << " has other bits";
  }
}

TEST(GlooTest, MessagesArriveWhateverTheirOrder) {
  const int port = FreePort();
  const auto results = RunProcesses(3, [&](int rank) -> std::string {
    auto comm = NewGlooCommunicator(Options(rank, 3, port));
    return Text(comm.ok() ? RunMessages(**comm) : comm.status());
  });
  for (const RankResult& result : results) EXPECT_EQ(result.text, "OK | ");
}

TEST(GlooTest, ARankKilledBeforeItSendsIsNamed) {
  const int port = FreePort();
  const auto results = RunProcesses(
      2,
      [&](int rank) -> std::string {
        auto comm = NewGlooCommunicator(Options(rank, 2, port));
        if (!comm.ok()) return Text(comm.status());
        if (rank == 1) raise(SIGKILL);
        char byte = 0;
        const int64_t since_ms = NowMs();
        return Text((*comm)->Receive(&byte, 1, 1, 0), since_ms);
      },
      {1});
  EXPECT_THAT(results[0].text, AllOf(StartsWith("UNAVAILABLE | "), HasSubstr(Who(1))));
}

TEST(GlooTest, AMessageOfAnotherSizeIsAnError) {
  const int port = FreePort();
  const auto results = RunProcesses(2, [&](int rank) -> std::string {
    auto comm = NewGlooCommunicator(Options(rank, 2, port));
    if (!comm.ok()) return Text(comm.status());
    char bytes[3] = {};
    if (rank == 1) return Text((*comm)->Send(bytes, 1, 0, 5));
    return Text((*comm)->Receive(bytes, 3, 1, 5));
  });
  EXPECT_THAT(results[0].text, HasSubstr("expected 3 bytes from rank 1, got 1"));
}

// What the others say when `lost` does something to itself after a first barrier.
std::vector<RankResult> LoseRank(int lost, const std::function<void()>& how, size_t count) {
  const int port = FreePort();
  return RunProcesses(
      3,
      [&](int rank) -> std::string {
        auto comm = NewGlooCommunicator(Options(rank, 3, port));
        if (!comm.ok()) return Text(comm.status());
        const absl::Status status = (*comm)->Barrier();
        if (!status.ok()) return Text(status);
        if (rank == lost) how();
        return ReduceUntilError(**comm, count);
      },
      {lost});
}

TEST(GlooTest, AKilledRankIsNamedByTheOthers) {
  for (int lost : {2, 0}) {
    const auto results = LoseRank(lost, [] { ::raise(SIGKILL); }, 1000);
    for (int rank = 0; rank < 3; ++rank) {
      if (rank == lost) continue;
      ASSERT_TRUE(results[rank].is_done) << "rank " << rank << " hangs";
      EXPECT_THAT(results[rank].text,
                  AllOf(StartsWith("UNAVAILABLE | "), HasSubstr(Who(lost)),
                        HasSubstr(absl::StrCat("pid ", results[lost].pid, ") died"))));
    }
  }
}

TEST(GlooTest, AStoppedRankIsNamedByTheOthers) {
  for (int lost : {1, 0}) {
    const auto results = LoseRank(lost, [] { ::raise(SIGSTOP); }, 1000);
    for (int rank = 0; rank < 3; ++rank) {
      if (rank == lost) continue;
      ASSERT_TRUE(results[rank].is_done) << "rank " << rank << " hangs";
      EXPECT_THAT(results[rank].text,
                  AllOf(StartsWith("UNAVAILABLE | "), HasSubstr(Who(lost)),
                        HasSubstr(absl::StrCat("pid ", results[lost].pid, ") hangs"))));
    }
  }
}

TEST(GlooTest, ARankKilledInTheMiddleOfATransferIsNamed) {
  const int port = FreePort();
  const auto results = RunProcesses(
      3,
      [&](int rank) -> std::string {
        auto comm = NewGlooCommunicator(Options(rank, 3, port));
        if (!comm.ok()) return Text(comm.status());
        return ReduceUntilError(**comm, 4'000'000);
      },
      {1},
      [](const std::vector<RankResult>& ranks) {
        ::usleep(1'500'000);
        ::kill(ranks[1].pid, SIGKILL);
      });
  for (int rank : {0, 2}) {
    ASSERT_TRUE(results[rank].is_done) << "rank " << rank << " hangs";
    EXPECT_THAT(results[rank].text,
                AllOf(StartsWith("UNAVAILABLE | "),
                      HasSubstr(absl::StrCat("pid ", results[1].pid, ") died"))));
  }
}

TEST(GlooTest, ALivingRankThatDoesNotComeIsNamed) {
  const int port = FreePort();
  const auto results = RunProcesses(
      2,
      [&](int rank) -> std::string {
        GlooOptions options = Options(rank, 2, port);
        options.control.collective_timeout_ms = 500;
        auto comm = NewGlooCommunicator(options);
        if (!comm.ok()) return Text(comm.status());
        if (rank == 1) ::sleep(20);
        return Text((*comm)->Barrier(), NowMs());
      },
      {1});
  ASSERT_TRUE(results[0].is_done);
  EXPECT_THAT(results[0].text, AllOf(StartsWith("UNAVAILABLE | rank 1 (host "),
                                     HasSubstr("hangs: rank 0 (host "),
                                     HasSubstr("has waited for it in a collective")));
}

TEST(GlooTest, AbortReachesRanksThatWait) {
  const int port = FreePort();
  const auto results = RunProcesses(3, [&](int rank) -> std::string {
    auto comm = NewGlooCommunicator(Options(rank, 3, port));
    if (!comm.ok()) return Text(comm.status());
    // All are connected: one that still meets the others waits for a rank that has gone until its
    // time to join is over.
    const absl::Status met = (*comm)->Barrier();
    if (rank == 1) {
      if (!met.ok()) return Text(met);
      (*comm)->Abort("loss is not a number");
      const absl::Status own = (*comm)->Barrier();
      ::usleep(300'000);
      return Text(own);
    }
    return ReduceUntilError(**comm, 10);
  });
  for (const RankResult& result : results) {
    ASSERT_TRUE(result.is_done);
    EXPECT_THAT(result.text, AllOf(StartsWith("ABORTED | rank 1"),
                                   HasSubstr("aborted: loss is not a number")));
  }
}

TEST(GlooTest, ARankThatLeavesEarlyIsNamed) {
  const int port = FreePort();
  const auto results = RunProcesses(3, [&](int rank) -> std::string {
    auto comm = NewGlooCommunicator(Options(rank, 3, port));
    if (!comm.ok()) return Text(comm.status());
    if (rank == 2) return "left";
    return ReduceUntilError(**comm, 10);
  });
  for (int rank : {0, 1}) {
    ASSERT_TRUE(results[rank].is_done);
    EXPECT_THAT(results[rank].text, AllOf(StartsWith("UNAVAILABLE | rank 2 (host "),
                                          HasSubstr("has left the group")));
  }
}

TEST(GlooTest, CheckedModeNamesRanksThatDisagree) {
  const int port = FreePort();
  const auto results = RunProcesses(2, [&](int rank) -> std::string {
    GlooOptions options = Options(rank, 2, port);
    options.is_checked = true;
    auto comm = NewGlooCommunicator(options);
    if (!comm.ok()) return Text(comm.status());
    char bytes[8] = {};
    return Text((*comm)->Broadcast(bytes, rank == 0 ? 8 : 4, 0));
  });
  for (const RankResult& result : results) {
    ASSERT_TRUE(result.is_done);
    EXPECT_THAT(result.text, AllOf(HasSubstr("rank 0 calls broadcast of size 8"),
                                   HasSubstr("rank 1 calls broadcast of size 4")));
  }
}

TEST(GlooTest, AMissingRankIsNamed) {
  const int port = FreePort();
  const auto results = RunProcesses(2, [&](int rank) -> std::string {
    GlooOptions options = Options(rank, 3, port);  // rank 2 never starts
    options.control.join_timeout_ms = 700;
    return Text(NewGlooCommunicator(options).status());
  });
  for (const RankResult& result : results) {
    ASSERT_TRUE(result.is_done);
    EXPECT_EQ(result.text, "UNAVAILABLE | rank 2 of 3 has not joined within 700 ms");
  }
}

TEST(GlooTest, WithoutRankZeroThereIsNoGroup) {
  GlooOptions options = Options(1, 2, FreePort());
  options.control.join_timeout_ms = 200;
  const auto comm = NewGlooCommunicator(options);
  EXPECT_THAT(Text(comm.status()),
              AllOf(StartsWith("UNAVAILABLE | rank 0 cannot be reached: connecting to 127.0.0.1:"),
                    HasSubstr("refused")));
}

TEST(GlooTest, ARankOfAnotherStartIsRefused) {
  const int port = FreePort();
  const auto results = RunProcesses(2, [&](int rank) -> std::string {
    GlooOptions options = Options(rank, 2, port);
    options.control.join_timeout_ms = 700;
    options.control.generation = rank == 0 ? 5 : 4;
    return Text(NewGlooCommunicator(options).status());
  });
  EXPECT_EQ(results[1].text,
            "FAILED_PRECONDITION | the group refuses this rank: generation: the group is 5, rank "
            "1 is of 4");
  EXPECT_EQ(results[0].text, "UNAVAILABLE | rank 1 of 2 has not joined within 700 ms");
}

TEST(GlooTest, AnOccupiedPortIsAnError) {
  const auto listener = comm::Listen("127.0.0.1", 0);
  ASSERT_TRUE(listener.ok());
  const auto comm = NewGlooCommunicator(Options(0, 2, *comm::LocalPort(*listener)));
  EXPECT_THAT(Text(comm.status()), AllOf(StartsWith("UNAVAILABLE | listening on 127.0.0.1:"),
                                         HasSubstr("in use")));
}

}  // namespace
}  // namespace tessera
