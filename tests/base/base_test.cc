// The small pieces of cpp/base: macros, hashes, checksums, suggestions, log, clock.
#include <cstring>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/crc32c.h"
#include "cpp/base/hash.h"
#include "cpp/base/log.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/unaligned.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<int> Halve(int value) {
  RET_CHECK(value % 2 == 0) << "value is " << value;
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Halve(value));
  ASSIGN_OR_RETURN(int quarter, Halve(half));
  return quarter;
}

absl::Status CheckQuarter(int value) {
  RETURN_IF_ERROR(Quarter(value).status());
  RET_CHECK_EQ(value % 4, 0);
  return absl::OkStatus();
}

TEST(StatusMacrosTest, PassValuesAndErrorsOn) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_TRUE(CheckQuarter(8).ok());
  EXPECT_EQ(CheckQuarter(6), Halve(3).status());
}

TEST(StatusMacrosTest, BrokenInvariantsAreInternalWithFileAndLine) {
  const absl::Status status = Halve(3).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("base_test.cc:"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("value % 2 == 0"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("value is 3"));
}

// Method: numbers written down once; a change would change random numbers and cache names.
TEST(HashTest, NeverChanges) {
  EXPECT_EQ(MixBits(0), 0xe220a8397b1dcdafu);  // the first output of splitmix64 from seed 0
  EXPECT_EQ(HashBytes(""), HashBytes("", 0));
  EXPECT_NE(HashBytes("a"), HashBytes("a", 1));
  EXPECT_NE(HashBytes(std::string("\0", 1)), HashBytes(std::string("\0\0", 2)));
  static_assert(HashBytes("decoder/layers/0") != HashBytes("decoder/layers/1"));
}

// Method: the check value that every description of CRC-32C gives, and 32 zero bytes of RFC 3720.
TEST(Crc32cTest, GivesThePublishedValues) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(ExtendCrc32c(Crc32c("1234"), "56789"), Crc32c("123456789"));
}

TEST(SuggestTest, FindsTheNearestNameOrNone) {
  const std::vector<std::string> names = {"num_heads", "model_dim", "dropout"};
  EXPECT_EQ(NearestName("num_head", names), "num_heads");
  EXPECT_EQ(NearestName("modle_dim", names), "model_dim");
  EXPECT_EQ(NearestName("NUM_HEADS", names), "num_heads");
  EXPECT_EQ(NearestName("colour", names), "");
  EXPECT_EQ(SuggestionText("dropuot", names), " (did you mean 'dropout'?)");
  EXPECT_EQ(SuggestionText(std::string(1000000, 'x'), names), "");
}

TEST(LogTest, IsOffUntilAHostListens) {
  Log().Write(LogLevel::kWarning, "nobody");
  std::vector<std::string> lines;
  const Log log([&](LogLevel level, std::string_view text) {
    lines.push_back(absl::StrCat(LogLevelName(level), ": ", text));
  });
  log.Write(LogLevel::kDebug, "too fine");
  log.Write(LogLevel::kWarning, "step ", 3);
  EXPECT_THAT(lines, ::testing::ElementsAre("warning: step 3"));
}

TEST(UnalignedTest, NumbersAreReadFromAnywhere) {
  alignas(8) char bytes[4 + 2 * sizeof(int64_t)];
  const int64_t numbers[] = {int64_t{1} << 40, -2};
  std::memcpy(bytes + 4, numbers, sizeof(numbers));
  EXPECT_EQ(ReadUnaligned<int64_t>(bytes + 4), int64_t{1} << 40);
  EXPECT_EQ(ReadUnaligned<int64_t>(bytes + 4, 1), -2);
  EXPECT_THAT(CopyUnaligned<int64_t>(bytes + 4, 2), testing::ElementsAre(int64_t{1} << 40, -2));
  EXPECT_THAT(CopyUnaligned<int64_t>(nullptr, 0), testing::IsEmpty());
}

TEST(ClockTest, GoesForward) {
  const int64_t before = MonotonicNs();
  const Stopwatch watch;
  EXPECT_GE(MonotonicNs(), before);
  EXPECT_GE(watch.Seconds(), 0.0);
  EXPECT_GT(WallMs(), int64_t{1700000000} * 1000);
}

}  // namespace
}  // namespace tessera
