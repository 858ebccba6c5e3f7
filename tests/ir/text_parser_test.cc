// The text form: what is printed reads back to an equal function, and what is not a function is
// refused with the line.
#include "cpp/ir/text_parser.h"

#include <algorithm>
#include <filesystem>

#include "cpp/base/file.h"
#include "cpp/ir/printer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/ir/function_kit.h"

namespace tessera {
namespace {

TEST(TextParserTest, WhatIsPrintedReadsBack) {
  const FunctionRef norm = NormFunction();
  const FunctionRef main = MainFunction(norm, NormFunction());
  const std::string text = ToTextWithCallees(*main);
  const auto back = ParseFunctionText(text, OpTable::Builtin());
  ASSERT_TRUE(back.ok()) << back.status() << "\n" << text;
  EXPECT_TRUE(StructurallyEqual(*main, **back)) << text;
  EXPECT_EQ(ToTextWithCallees(**back), text);
}

TEST(TextParserTest, FunctionsOfClashingNamesAreToldApart) {
  // The second "norm" would be norm_2, which is a name of its own here.
  auto taken = std::make_shared<Function>(*NormFunction());
  taken->set_name("norm_2");
  taken->ClearOutputs();
  taken->AddOutput("y0", 0);
  taken->AddOutput("size", 3, OutputKind::kMetricNumerator);
  auto changed = std::make_shared<Function>(*NormFunction());
  changed->ClearOutputs();
  changed->AddOutput("y0", 0);
  changed->AddOutput("size", 3, OutputKind::kMetricNumerator, 1);
  auto outer = std::make_shared<Function>("outer");
  const ValueId x = outer->AddInput("x", InputKind::kArgument, F32Type("B,T,8"));
  const ValueId scale = outer->AddInput("scale", InputKind::kParam, F32Type("8"));
  for (const FunctionRef& callee : {FunctionRef(taken), NormFunction(), FunctionRef(changed)}) {
    ASSERT_TRUE(outer->AddCall(callee, "c", {x, scale}).ok());
  }
  const std::string text = ToTextWithCallees(*outer);
  const auto back = ParseFunctionText(text, OpTable::Builtin());
  ASSERT_TRUE(back.ok()) << back.status() << "\n" << text;
  EXPECT_TRUE(StructurallyEqual(*outer, **back)) << text;
}

TEST(TextParserTest, TheTextItselfIsGolden) {
  const auto golden = ReadFile(TESSERA_SOURCE_DIR "/tests/ir/golden/every_kind.graph");
  ASSERT_TRUE(golden.ok()) << golden.status();
  const FunctionRef norm = NormFunction();
  EXPECT_EQ(ToTextWithCallees(*MainFunction(norm, norm)), golden->substr(golden->find("func ")));
}

TEST(TextParserTest, GoldenTextsReadBackToThemselves) {
  size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(TESSERA_SOURCE_DIR "/tests/ir/golden")) {
    if (entry.path().extension() != ".graph") continue;
    ++count;
    const auto text = ReadFile(entry.path().string());
    ASSERT_TRUE(text.ok()) << text.status();
    const auto function = ParseFunctionText(*text, OpTable::Builtin());
    ASSERT_TRUE(function.ok()) << entry.path() << ": " << function.status();
    // Comments stand at the head of a golden file.
    const std::string body = text->substr(text->find("func "));
    EXPECT_EQ(ToTextWithCallees(**function), body) << entry.path();
  }
  EXPECT_GE(count, 2u);
}

TEST(TextParserTest, SpacesLinesAndCommentsDoNotMatter) {
  const auto function = ParseFunctionText(
      "# nothing\nfunc f(%0 argument x:f32[B , 4])  # head\n{ %1=neg(%0):f32[B,4] return %1 as y }",
      OpTable::Builtin());
  ASSERT_TRUE(function.ok()) << function.status();
  EXPECT_EQ(ToText(**function),
            "func f(\n    %0 argument x: f32[B,4]\n) {\n  %1 = neg(%0) : f32[B,4]\n"
            "  return %1 as y\n}\n");
}

struct WrongCase {
  const char* text;
  const char* message;
};

TEST(TextParserTest, ErrorsSayLineAndWhatWasExpected) {
  const std::string head = "func f(\n  %0 argument x: f32[B,4]\n) {\n";
  const WrongCase cases[] = {
      {"  %1 = neg(%0) : f32[B,5]\n}", "line 4: %1: expected f32[B,4], got f32[B,5]"},
      {"  %1 = neg(%7) : f32[B,4]\n}",
       "line 4: expected a value defined above, not %7, got ') : f32[B,4]'"},
      {"  %2 = neg(%0) : f32[B,4]\n}", "line 4: expected results numbered %1"},
      {"  %1 = nag(%0) : f32[B,4]\n}", "line 4: unknown op 'nag' (did you mean 'neg'?)"},
      {"  %1 = add(%0) : f32[B,4]\n}", "line 4: add: expected operands (x, y), got 1"},
      {"  %1 = neg(%0) {a: 1} : f32[B,4]\n}", "line 4: neg: unknown attribute 'a'"},
      {"\n  %1 = call g(%0) at \"\" : f32[B,4]\n}",
       "line 5: expected 'g' above, got '(%0) at \"\" : f32[B,4]'"},
      {"  %1 = neg(%0) : f33[B,4]\n}",
       "line 4: expected a type such as f32[B,8], not 'f33', got '[B,4]'"},
      {"  %1 = neg(%0) : f32[B,4\n}", "line 4: expected ']' in this line, got 'B,4'"},
      {"  %1 = neg(%0) : f32[B,(]\n}",
       "line 4: dim '(': expected a number or symbol at character 1"},
      {"  %1 = neg(%0) : f32[B,4] -- X\n}", "line 4: expected I or W, got 'X'"},
      {"  return %0 as \"y\n}", "line 4: expected a closing quote in this line, got '\"y'"},
      {"  return %0 as loss x * y\n}", "line 4: expected a number, got 'x * y'"},
      {"  return %0 as y\n", "line 5: expected '}', got the end"},
      {"}\nfunc f() {}", "line 5: expected another name for a function, 'f' stands above"},
      {"}\nfunc g(\n%1 argument x: f32[]\n) {}", "line 6: input 'x': expected %0, got %1"},
      {"}\nfunc g(%0 thing x: f32[]) {}",
       "line 5: expected argument, param, state, ambient or key, got 'thing x: f32[]) {}'"},
      {"}\nfunc g(%0 key x: f32[] %1 key x: f32[]) {}",
       "line 5: function 'g': two inputs of kind key are named 'x'"},
  };
  for (const WrongCase& wrong : cases) {
    const auto function = ParseFunctionText(head + wrong.text, OpTable::Builtin());
    ASSERT_FALSE(function.ok()) << wrong.text;
    EXPECT_EQ(function.status().message(), wrong.message);
  }
  EXPECT_EQ(ParseFunctionText("", OpTable::Builtin()).status().message(),
            "line 1: expected 'func', got the end");
}

}  // namespace
}  // namespace tessera
