#include "cpp/base/text.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace tessera {
namespace {

TEST(TextTest, AcceptsWellFormedUtf8) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("plain"));
  EXPECT_TRUE(IsValidUtf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF"));
}

TEST(TextTest, FindsTheFirstByteThatIsNotUtf8) {
  EXPECT_EQ(ValidUtf8Prefix("ab\x80"), 2u);          // continuation without a start
  EXPECT_EQ(ValidUtf8Prefix("\xC0\xAF"), 0u);        // overlong slash
  EXPECT_EQ(ValidUtf8Prefix("\xE0\x80\xAF"), 0u);    // overlong in three
  EXPECT_EQ(ValidUtf8Prefix("\xED\xA0\x80"), 0u);    // surrogate
  EXPECT_EQ(ValidUtf8Prefix("\xF4\x90\x80\x80"), 0u);  // above U+10FFFF
  EXPECT_EQ(ValidUtf8Prefix("x\xE2\x82"), 1u);       // cut short
}

TEST(TextTest, QuotesWhatTerminalsWouldNotShow) {
  EXPECT_EQ(Quoted("name"), "'name'");
  EXPECT_EQ(Quoted(std::string("a\0\x1b\xff", 4)), "'a\\x00\\x1b\\xff'");
  EXPECT_EQ(Quoted("abcdef", 3), "'abc...'");
  EXPECT_EQ(Quoted("\xC3\xA9"), "'\xC3\xA9'");
}

TEST(TextTest, ShortestNumbersReadBackTheSame) {
  EXPECT_EQ(ShortestNumber(0.1), "0.1");
  EXPECT_EQ(ShortestNumber(0.1f), "0.1");
  EXPECT_EQ(ShortestNumber(1e-5), "1e-05");
  EXPECT_EQ(ShortestNumber(3.0), "3");
  EXPECT_EQ(ShortestNumber(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(ShortestNumber(std::nan("")), "nan");
  for (double value : {1.0 / 3, 2e-308, 1.7976931348623157e308, 123456789.123}) {
    EXPECT_EQ(strtod(ShortestNumber(value).c_str(), nullptr), value);
  }
}

TEST(TextTest, SizesAndCountsAreReadable) {
  EXPECT_EQ(ReadableBytes(0), "0 bytes");
  EXPECT_EQ(ReadableBytes(1023), "1023 bytes");
  EXPECT_EQ(ReadableBytes(1536), "1.5 KiB");
  EXPECT_EQ(ReadableBytes(int64_t{24} << 30), "24.0 GiB");
  EXPECT_EQ(ReadableCount(999), "999");
  EXPECT_EQ(ReadableCount(26100000), "26.1M");
}

}  // namespace
}  // namespace tessera
