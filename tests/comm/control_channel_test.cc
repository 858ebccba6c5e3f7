// Method: several channels in one process, each on a thread, around one server; then connections
// that speak nonsense. What happens to real processes that die is in gloo_test.
#include "cpp/comm/control_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/comm/processes.h"

namespace tessera::comm {
namespace {

using ::testing::HasSubstr;

ControlOptions Options(int rank, int world, int port) {
  ControlOptions options;
  options.rank = rank;
  options.world = world;
  options.port = port;
  options.join_timeout_ms = 10'000;
  options.heartbeat_timeout_ms = 500;
  return options;
}

// The channels of all ranks, joined at the same time.
std::vector<std::unique_ptr<ControlChannel>> JoinAll(int world) {
  const int port = FreePort();
  std::vector<std::unique_ptr<ControlChannel>> channels(static_cast<size_t>(world));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      auto channel = ControlChannel::Join(Options(rank, world, port));
      ASSERT_TRUE(channel.ok()) << channel.status();
      channels[static_cast<size_t>(rank)] = *std::move(channel);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return channels;
}

absl::Status AwaitFailure(const ControlChannel& channel) {
  for (int i = 0; i < 500 && channel.failure().ok(); ++i) ::usleep(10'000);
  return channel.failure();
}

void SendBytes(int port, const std::string& bytes) {
  const auto socket = Connect("127.0.0.1", port, absl::Now() + absl::Seconds(5));
  ASSERT_TRUE(socket.ok());
  ::send(socket->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::usleep(20'000);
}

TEST(WireTest, PayloadsReadBackAsWritten) {
  const std::string text("with \0 inside", 13);
  const std::string payload =
      Packer().Number(-5).Text(text).Number(INT64_MAX).Text("").Take();
  Unpacker unpacker(payload);
  EXPECT_EQ(unpacker.Number(), -5);
  EXPECT_EQ(unpacker.Text(), text);
  EXPECT_EQ(unpacker.Number(), INT64_MAX);
  EXPECT_EQ(unpacker.Text(), "");
  EXPECT_TRUE(unpacker.ok());
  EXPECT_EQ(unpacker.Number(), 0);
  EXPECT_FALSE(unpacker.ok());
}

TEST(WireTest, PayloadsCutOffAnywhereAreNoticed) {
  const std::string payload = Packer().Number(1).Text("abc").Take();
  for (size_t size = 0; size < payload.size(); ++size) {
    Unpacker unpacker(std::string_view(payload).substr(0, size));
    unpacker.Number();
    unpacker.Text();
    EXPECT_FALSE(unpacker.ok()) << size;
  }
}

TEST(ControlChannelTest, KeysAndValuesReachEveryRank) {
  const auto channels = JoinAll(3);
  std::thread late([&] {
    ::usleep(50'000);
    EXPECT_TRUE(channels[2]->Set("address", std::string("a\0b", 3)).ok());
  });
  for (const auto& channel : channels) {
    EXPECT_EQ(*channel->Get("address"), std::string("a\0b", 3));
    EXPECT_EQ(channel->local_address(), "127.0.0.1");
  }
  late.join();
}

TEST(ControlChannelTest, LeavingInGoodOrderIsNoFailure) {
  auto channels = JoinAll(3);
  channels[2].reset();
  channels[0].reset();  // takes the server with it
  ::usleep(700'000);    // longer than the heartbeat timeout
  EXPECT_TRUE(channels[1]->failure().ok()) << channels[1]->failure();
  const auto value = channels[1]->Get("address");
  EXPECT_EQ(value.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(value.status().message(), HasSubstr("rank 0 (host "));
  EXPECT_THAT(value.status().message(), HasSubstr("has left the group"));
}

TEST(ControlChannelTest, WaitingForARankThatLeftNamesIt) {
  auto channels = JoinAll(3);
  for (const auto& channel : channels) {
    channel->EnterCollective();
    channel->LeaveCollective();
  }
  channels[1].reset();
  channels[0]->EnterCollective();
  for (size_t rank : {0, 2}) {
    const absl::Status failure = AwaitFailure(*channels[rank]);
    EXPECT_EQ(failure.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(failure.message(), HasSubstr("rank 1 (host "));
    EXPECT_THAT(failure.message(), HasSubstr("has left the group, rank 0 (host "));
  }
}

TEST(ControlChannelTest, AbortReachesEveryRankAndCallsBackOnce) {
  const auto channels = JoinAll(2);
  std::atomic<int> calls = 0;
  channels[0]->OnFailure([&] { ++calls; });
  channels[1]->Abort("out of memory");
  for (const auto& channel : channels) {
    const absl::Status failure = AwaitFailure(*channel);
    EXPECT_EQ(failure.code(), absl::StatusCode::kAborted);
    EXPECT_THAT(failure.message(), HasSubstr("rank 1 (host "));
    EXPECT_THAT(failure.message(), HasSubstr("aborted: out of memory"));
  }
  channels[1]->Abort("again");
  channels[0]->OnFailure(nullptr);
  EXPECT_EQ(calls, 1);
  channels[1]->OnFailure([&] { ++calls; });  // too late: called at once
  EXPECT_EQ(calls, 2);
}

TEST(ControlChannelTest, TroubleWithoutAnybodyAtFaultIsReportedToAll) {
  const auto channels = JoinAll(2);
  const absl::Status status = channels[1]->Explain("a cable was cut");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("rank 1 (host "));
  EXPECT_THAT(status.message(), HasSubstr("a cable was cut"));
  EXPECT_EQ(AwaitFailure(*channels[0]), status);
}

TEST(ControlChannelTest, StrangersDoNotDisturbTheGroup) {
  const auto channels = JoinAll(2);
  const int port = channels[0]->port();
  SendBytes(port, "GET / HTTP/1.1\r\n\r\n");
  SendBytes(port, std::string(64, '\xFF'));          // a frame of 4 GB
  SendBytes(port, std::string("\0\0\0\0\1", 5));     // an empty greeting
  SendBytes(port, std::string("\0\0\0\0\4", 5));     // a beat before any greeting
  SendBytes(port, std::string("\5\0\0\0\1ab", 7));   // a greeting cut off
  SendBytes(port, "");
  ::usleep(700'000);
  for (const auto& channel : channels) EXPECT_TRUE(channel->failure().ok()) << channel->failure();
  EXPECT_TRUE(channels[0]->Set("key", "value").ok());
  EXPECT_EQ(*channels[1]->Get("key"), "value");
}

TEST(ControlChannelTest, ARankCannotJoinTwice) {
  const auto channels = JoinAll(2);
  const auto twin = ControlChannel::Join(Options(1, 2, channels[0]->port()));
  EXPECT_EQ(twin.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(twin.status().message(), HasSubstr("rank 1 (host "));
  EXPECT_THAT(twin.status().message(), HasSubstr("has already joined"));
  EXPECT_TRUE(channels[1]->failure().ok());
}

TEST(ControlChannelTest, BadOptionsAreNamed) {
  EXPECT_THAT(ControlChannel::Join(Options(2, 2, 5000)).status().message(),
              HasSubstr("got rank 2 of 2"));
  EXPECT_THAT(ControlChannel::Join(Options(1, 2, 0)).status().message(), HasSubstr("got 0"));
  EXPECT_THAT(ControlChannel::Join(Options(0, 2, 70'000)).status().message(),
              HasSubstr("got 70000"));
}

}  // namespace
}  // namespace tessera::comm
