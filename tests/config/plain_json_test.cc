// JSON without a schema: the numbers of strangers' files, to the last bit.
#include "cpp/config/plain_json.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace tessera {
namespace {

ConfigValue Parsed(const std::string& text) {
  const auto value = ParseJson(text, "numbers.json");
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *value : ConfigValue();
}

TEST(PlainJsonTest, IntegersOf64BitsStayIntegers) {
  for (const int64_t number : {int64_t{0}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    const ConfigValue value = Parsed(std::to_string(number));
    ASSERT_NE(value.AsInt(), nullptr) << number;
    EXPECT_EQ(*value.AsInt(), number);
  }
}

// 2^64 - 1 and a digit of five or more behind it: rounded up, twenty digits become 0 in 64 bits.
TEST(PlainJsonTest, OtherNumbersAreTheNearestDouble) {
  const std::pair<const char*, double> numbers[] = {
      {"9223372036854775808", 9223372036854775808.0},
      {"184467440737095516155", 184467440737095516155.0},
      {"1844674407370955161.55", 1844674407370955161.55},
      {"1.8446744073709551615999e-300", 1.8446744073709551615999e-300},
      {"2.2250738585072011e-308", 2.2250738585072011e-308},
      {"4.9e-324", 4.9e-324},
      {"1e-400", 0},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"1e2", 100}};
  for (const auto& [text, number] : numbers) {
    const ConfigValue value = Parsed(text);
    ASSERT_NE(value.AsFloat(), nullptr) << text;
    EXPECT_EQ(*value.AsFloat(), number) << text;
  }
}

TEST(PlainJsonTest, WhatNoDoubleHoldsIsAnError) {
  const auto value = ParseJson("{\"a\":\n  1e400}", "numbers.json");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.status().message().substr(0, 18), "numbers.json:2:3: ") << value.status();
  EXPECT_NE(value.status().message().find("too big"), std::string::npos) << value.status();
}

}  // namespace
}  // namespace tessera
