// Method: each rule of the notation on a small example, dims inferred by hand; then texts that must
// be refused, with the place named.
#include "cpp/ir/signature.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ValueType F32(const char* dims) { return {DType::kF32, *ParseDims(dims)}; }

// Dims of the outputs, as one text, or the error.
std::string Infer(const char* signature, const std::vector<ValueType>& inputs,
                  const Attrs& attrs = {}) {
  const auto parsed = Signature::Parse(signature);
  if (!parsed.ok()) return std::string(parsed.status().message());
  const auto dims = parsed->Infer(inputs, attrs);
  if (!dims.ok()) return std::string(dims.status().message());
  std::string text;
  for (const Dims& output : *dims) text += ToText(output);
  return text;
}

TEST(SignatureTest, LeadingDimsAreShared) {
  const char* norm = "x[..., D!], scale[D!] -> y[..., D]";
  EXPECT_EQ(Infer(norm, {F32("B,T,512"), F32("512")}), "[B,T,512]");
  EXPECT_EQ(Infer(norm, {F32("512"), F32("512")}), "[512]");
  EXPECT_EQ(Infer("a[...], b[...] -> y[...]", {F32("B,2"), F32("B,2")}), "[B,2]");
  EXPECT_EQ(Infer("a[...], b[...] -> y[...]", {F32("B,2"), F32("T,2")}),
            "operand 'b': leading dims expected [B,2] as in 'a', got [T,2] in f32[T,2]");
}

TEST(SignatureTest, DisagreeingDimsNameOperandAndSizes) {
  EXPECT_EQ(Infer("x[..., D!], scale[D!] -> y[..., D]", {F32("3,8"), F32("7")}),
            "operand 'scale': dim 0 (D) expected 8 as in 'x', got 7 in f32[7]");
  EXPECT_EQ(Infer("x[M, K], y[K, N] -> z[M, N]", {F32("2,3"), F32("3")}),
            "operand 'y': expected 2 dims, got f32[3]");
  EXPECT_EQ(Infer("key[4] -> y[]", {F32("5")}),
            "operand 'key': dim 0 expected 4, got 5 in f32[5]");
}

TEST(SignatureTest, FreshSizesComeFromAttributesAndExpressions) {
  EXPECT_EQ(Infer("ids[...] -> y[..., {depth}]", {F32("B")}, {{"depth", int64_t{7}}}), "[B,7]");
  EXPECT_EQ(Infer("-> y[{shape...}]", {}, {{"shape", "B*T,512"}}), "[B*T,512]");
  EXPECT_EQ(Infer("-> y[{shape...}]", {}, {{"shape", ""}}), "[]");
  EXPECT_EQ(Infer("x[a] -> y[{2*B+1}, {min(B,16)}]", {F32("T")}), "[2*B+1,min(16,B)]");
  EXPECT_EQ(Infer("x[a] -> y[1]", {F32("T")}), "[1]");
  EXPECT_THAT(Infer("x[a] -> y[{a-5}]", {F32("T")}, {{"a-5", "2-5"}}), HasSubstr("at least 0"));
}

TEST(SignatureTest, RepeatedAndOptionalOperands) {
  const auto sum = Signature::Parse("x*[...] -> y[...]");
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(sum->Match(3)->size(), 3u);
  EXPECT_FALSE(sum->Match(0).ok());
  const auto norm = Signature::Parse("x[..., D], scale[D], bias?[D] -> y[..., D]");
  ASSERT_TRUE(norm.ok()) << norm.status();
  EXPECT_EQ(norm->Match(2)->size(), 2u);
  EXPECT_EQ((*norm->Match(3))[2]->name, "bias");
  EXPECT_EQ(norm->Match(1).status().message(), "expected operands (x, scale, bias?), got 1");
  EXPECT_FALSE(norm->Match(4).ok());
}

TEST(SignatureTest, RowWiseMeansEveryOutputHasTheRows) {
  EXPECT_TRUE(Signature::Parse("x[..., D!] -> y[..., D]")->IsRowWise());
  EXPECT_FALSE(Signature::Parse("x[..., D!] -> y[..., D], z[D]")->IsRowWise());
  EXPECT_FALSE(Signature::Parse("-> y[{shape...}]")->IsRowWise());
}

TEST(SignatureTest, TermsAreKept) {
  const auto parsed = Signature::Parse("x[..., D!, 4] -> y[..., {k}]");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const std::vector<SignatureTerm>& terms = parsed->inputs[0].terms;
  ASSERT_EQ(terms.size(), 3u);
  EXPECT_EQ(terms[0].kind, SignatureTerm::kRest);
  EXPECT_TRUE(terms[1].whole);
  EXPECT_EQ(terms[1].name, "D");
  EXPECT_EQ(terms[2].number, 4);
  EXPECT_EQ(parsed->outputs[0].terms[1].kind, SignatureTerm::kFresh);
}

TEST(SignatureTest, BadTextsAreRefused) {
  for (const char* text :
       {"", "x[a]", "x[a] ->", "x[a -> y[a]", "x[a] -> y[b]", "x[a, ...] -> y[a]",
        "x[a] -> y[...]", "x[{k}] -> y[1]", "x?[a], y[a] -> z[a]", "x*[a], y*[a] -> z[a]",
        "x[a] -> y[{]", "x[a] -> y[{}]", "x[a] -> y[a] extra", "x[a] -> y?[a]",
        "x[99999999999999999999] -> y[1]"}) {
    const auto parsed = Signature::Parse(text);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("expected")) << text;
  }
}

}  // namespace
}  // namespace tessera
