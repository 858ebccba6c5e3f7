// Method: laws of the normal form (texts of equal expressions are equal, texts parse back), then
// evaluation against sizes worked out by hand, then hostile texts.
#include "cpp/ir/dim.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Dim B() { return Dim::Symbol("B"); }
Dim T() { return Dim::Symbol("T"); }

TEST(DimTest, EqualExpressionsHaveOneNormalForm) {
  EXPECT_EQ((B() + T()) * Dim(2), Dim(2) * T() + B() + B());
  EXPECT_EQ(B() * T(), T() * B());
  EXPECT_EQ((B() + Dim(1)) * (B() - Dim(1)), B() * B() - Dim(1));
  EXPECT_EQ(B() - B(), Dim(0));
  EXPECT_NE(B(), T());
}

TEST(DimTest, TextReadsBack) {
  for (const char* text : {"0", "512", "B", "B*T", "2*B+16", "ceil_div(T,16)", "min(B,T)",
                           "B*ceil_div(T+1,2*B)-3", "max(16,ceil_div(T,2))"}) {
    const auto dim = Dim::Parse(text);
    ASSERT_TRUE(dim.ok()) << dim.status();
    const auto again = Dim::Parse(dim->ToText());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, *dim) << text;
  }
  EXPECT_EQ((Dim(2) * B() + Dim(16)).ToText(), "2*B+16");
  EXPECT_EQ((Dim(1) - B()).ToText(), "-B+1");
}

TEST(DimTest, ConstantsFold) {
  EXPECT_EQ(Dim::CeilDiv(17, 8), Dim(3));
  EXPECT_EQ(Dim::CeilDiv(B(), 1), B());
  EXPECT_EQ(Dim::Min(3, 5), Dim(3));
  EXPECT_EQ(Dim::Max(B(), B()), B());
  EXPECT_EQ(Dim::Min(B(), T()), Dim::Min(T(), B()));
}

TEST(DimTest, EvaluatesAtSizes) {
  const SymbolSizes sizes = {{"B", 3}, {"T", 17}};
  const auto eval = [&sizes](const char* text) { return *Dim::Parse(text)->Eval(sizes); };
  EXPECT_EQ(eval("B*T+1"), 52);
  EXPECT_EQ(eval("ceil_div(T,16)"), 2);
  EXPECT_EQ(eval("min(B*T,16)"), 16);
  EXPECT_EQ(eval("max(ceil_div(T,B),5)"), 6);
}

TEST(DimTest, EvaluationNamesWhatIsMissing) {
  EXPECT_THAT(std::string((B() * T()).Eval({{"B", 1}}).status().message()), HasSubstr("'T'"));
  EXPECT_THAT(std::string(Dim::CeilDiv(B(), T()).Eval({{"B", 1}, {"T", 0}}).status().message()),
              HasSubstr("divides by 0"));
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(std::string((B() * Dim(2)).Eval({{"B", huge}}).status().message()),
              HasSubstr("overflows"));
}

TEST(DimTest, BadTextsAreRefused) {
  for (const std::string& text :
       {std::string(""), std::string("+"), std::string("B*"), std::string("ceil_div(B)"),
        std::string("foo(B,T)"), std::string("B T"), std::string("99999999999999999999"),
        std::string(100000, '-'), [] {
          std::string nested;
          for (int i = 0; i < 10000; ++i) nested += "min(";
          return nested;
        }()}) {
    EXPECT_FALSE(Dim::Parse(text).ok()) << text.substr(0, 40);
  }
}

TEST(DimTest, DimsParseWithAndWithoutBrackets) {
  EXPECT_THAT(*ParseDims("B,T,512"), ElementsAre(B(), T(), Dim(512)));
  EXPECT_THAT(*ParseDims("[min(B,T),2]"), ElementsAre(Dim::Min(B(), T()), Dim(2)));
  EXPECT_TRUE(ParseDims("[]")->empty());
  EXPECT_TRUE(ParseDims("")->empty());
  EXPECT_FALSE(ParseDims("B,,T").ok());
  EXPECT_EQ(ToText(*ParseDims("B,T")), "[B,T]");
}

TEST(DimTest, NegativeSizesAreRefused) {
  EXPECT_THAT(std::string(Eval(Dims{B() - Dim(4)}, {{"B", 3}}).status().message()),
              HasSubstr("B-4 is -1"));
}

TEST(DimTest, WhatLeaves64BitsEqualsNothingAndHasNoSize) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  const Dim b = Dim::Symbol("B");
  Dim many = b;
  for (int i = 0; i < 300; ++i) many = many + Dim::Symbol(std::string("s") + std::to_string(i));
  const Dim too_large[] = {Dim(most) + Dim(1),     Dim(most) * Dim(2), Dim(-most) - Dim(2),
                           (Dim(most) * b) * b * Dim(-2), many,           many * many};
  for (const Dim& dim : too_large) {
    EXPECT_FALSE(dim == dim) << dim.ToText();
    EXPECT_FALSE(dim.IsConst()) << dim.ToText();
    EXPECT_FALSE(dim * Dim(0) == Dim(0)) << "nothing makes it small again";
    EXPECT_FALSE(Dim::Parse(dim.ToText()).ok()) << dim.ToText();
    EXPECT_FALSE(Dim::Parse(Dim::CeilDiv(dim, Dim(16)).ToText()).ok());
    EXPECT_FALSE((dim + b).Eval({{"B", 1}}).ok());
  }
  EXPECT_EQ(Dim::CeilDiv(Dim(most), Dim(2)), Dim(most / 2 + 1));
  EXPECT_EQ(Dim::CeilDiv(Dim(-7), Dim(2)), Dim(-3));
  Dim power = Dim(1);
  for (int i = 0; i < 100; ++i) power = power * b;
  EXPECT_FALSE(power == power);
}

}  // namespace
}  // namespace tessera
