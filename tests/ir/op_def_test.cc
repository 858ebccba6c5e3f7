// Method: small definitions made here, one property each; errors are compared as whole texts, since
// they are what a user of the library acts on.
#include "cpp/ir/op_def.h"

#include "cpp/ir/op_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::HasSubstr;

ValueType Type(DType dtype, const char* dims) { return {dtype, *ParseDims(dims)}; }
ValueType F32(const char* dims) { return Type(DType::kF32, dims); }

OpDef Norm() {
  return OpDef("norm")
      .Signature("x[..., D!], scale[D!] -> y[..., D]")
      .InputDTypes("x: float, scale: =x")
      .Attr("epsilon", 1e-6, "added under the root")
      .Attr("mode", "plain", "how")
      .RequiredAttr(AttrSpec::kInt, "groups", "how many")
      .Check([](const OpUse& use) {
        return use.attrs.Float("epsilon") >= 0
                   ? absl::OkStatus()
                   : absl::InvalidArgumentError("epsilon must be at least 0");
      });
}

// Text of the inferred types, or the error.
std::string Infer(const OpDef& op, const std::vector<ValueType>& inputs, const Attrs& attrs = {}) {
  const auto complete = op.CompleteAttrs(attrs);
  if (!complete.ok()) return std::string(complete.status().message());
  const auto types = op.Infer({inputs, *complete});
  if (!types.ok()) return std::string(types.status().message());
  std::string text;
  for (const ValueType& type : *types) text += (text.empty() ? "" : " ") + type.ToText();
  return text;
}

TEST(OpDefTest, InfersTypes) {
  const Attrs groups = {{"groups", int64_t{2}}};
  EXPECT_EQ(Infer(Norm(), {F32("B,8"), F32("8")}, groups), "f32[B,8]");
  EXPECT_EQ(Infer(Norm(), {F32("B,8"), F32("7")}, groups),
            "norm: operand 'scale': dim 0 (D) expected 8 as in 'x', got 7 in f32[7]");
  EXPECT_EQ(Infer(Norm(), {F32("B,8")}, groups), "norm: expected operands (x, scale), got 1");
  EXPECT_EQ(Infer(Norm(), {F32("B,8"), Type(DType::kBF16, "8")}, groups),
            "norm: operand 'scale': expected dtype f32 as in 'x', got bf16[8]");
  EXPECT_EQ(Infer(Norm(), {Type(DType::kI32, "8"), F32("8")}, groups),
            "norm: operand 'x': expected dtype float, got i32[8]");
  EXPECT_EQ(Infer(Norm(), {F32("8"), F32("8")}, {{"groups", int64_t{2}}, {"epsilon", -1.0}}),
            "norm: epsilon must be at least 0");
}

TEST(OpDefTest, AttributesAreCompletedAndChecked) {
  const OpDef norm = Norm();
  const auto complete = norm.CompleteAttrs({{"groups", int64_t{2}}, {"epsilon", int64_t{0}}});
  ASSERT_TRUE(complete.ok()) << complete.status();
  EXPECT_EQ(ToText(*complete), "{epsilon: 0.0, groups: 2, mode: \"plain\"}");
  EXPECT_EQ(norm.CompleteAttrs({}).status().message(),
            "norm: attribute 'groups' is required (how many)");
  EXPECT_EQ(norm.CompleteAttrs({{"groups", 2.5}}).status().message(),
            "norm: attribute 'groups' expected an int, got 2.5");
  EXPECT_EQ(
      norm.CompleteAttrs({{"groups", int64_t{2}}, {"epsilom", 0.1}}).status().message(),
      "norm: unknown attribute 'epsilom' (did you mean 'epsilon'?)");
}

TEST(OpDefTest, ElementwiseBroadcastsFromTheRight) {
  const OpDef add = OpDef("add").Elementwise(2);
  EXPECT_EQ(Infer(add, {F32("B,T,8"), F32("8")}), "f32[B,T,8]");
  EXPECT_EQ(Infer(add, {F32("B,1"), F32("1,T")}), "f32[B,T]");
  EXPECT_EQ(Infer(add, {F32(""), F32("0")}), "f32[0]");
  EXPECT_EQ(Infer(add, {F32("B"), F32("T")}),
            "add: dims do not broadcast: expected B or 1, got T at dim 0 of f32[T]; operands are "
            "f32[B], f32[T]");
  EXPECT_EQ(Infer(add, {F32("B")}), "add: expected operands (x, y), got 1");
}

TEST(OpDefTest, ElementwiseSignatureKeepsRowsWhereItCan) {
  const OpDef add = OpDef("add").Elementwise(2);
  const auto text = [&add](const std::vector<ValueType>& inputs) {
    const Attrs none;
    return *add.SignatureTextOf({inputs, none});
  };
  EXPECT_EQ(text({F32("B,8"), F32("B,8")}), "x[...], y[...] -> out[...]");
  EXPECT_EQ(text({F32("B,T,8"), F32("8")}), "x[..., d2], y[d2] -> out[..., d2]");
  EXPECT_EQ(text({F32("B,8"), F32("B,1")}), "x[..., d1], y[..., 1] -> out[..., d1]");
  EXPECT_EQ(text({F32("B,8"), F32("")}), "x[...], y[] -> out[...]");
}

TEST(OpDefTest, OutputDTypes) {
  const std::vector<ValueType> x = {F32("2")};
  EXPECT_EQ(Infer(OpDef("a").Elementwise(1), x), "f32[2]");
  EXPECT_EQ(Infer(OpDef("a").Elementwise(1).OutputDType(DType::kBool), x), "bool[2]");
  const OpDef cast =
      OpDef("cast").Elementwise(1).Attr("dtype", "", "of y").OutputDTypeAttr("dtype");
  EXPECT_EQ(Infer(cast, x), "f32[2]");
  EXPECT_EQ(Infer(cast, x, {{"dtype", "bf16"}}), "bf16[2]");
  EXPECT_THAT(Infer(cast, x, {{"dtype", "f31"}}),
              HasSubstr("cast: dtype expected the name of a dtype (f64, f32,"));
}

TEST(OpDefTest, CostCountsBytesAndFlops) {
  const OpDef add = OpDef("add").Elementwise(2);
  const std::vector<ValueType> in = {F32("B,8"), F32("8")}, out = {F32("B,8")};
  const OpCost cost = add.Cost(in, out, {}, {{"B", 4}});
  EXPECT_EQ(cost.flops, 32);
  EXPECT_EQ(cost.bytes, 4 * (32 + 8 + 32));
  EXPECT_EQ(add.Cost(in, out, {}, {}).bytes, 0) << "sizes are not known";
}

TEST(OpTableTest, NamesAreUniqueAndSuggested) {
  OpTable base;
  ASSERT_TRUE(base.Register(OpDef("rms_norm")).ok());
  OpTable own(&base);
  EXPECT_EQ(own.Register(OpDef("rms_norm")).message(), "op 'rms_norm' exists already");
  ASSERT_TRUE(own.Register(OpDef("my_norm")).ok());
  EXPECT_EQ(own.Names(), (std::vector<std::string>{"my_norm", "rms_norm"}));
  EXPECT_EQ(base.Find("my_norm"), nullptr);
  EXPECT_EQ(own.Get("rms_nrom").status().message(),
            "unknown op 'rms_nrom' (did you mean 'rms_norm'?)");
  EXPECT_FALSE(own.Register(OpDef("")).ok());
}

TEST(OpDefTest, ADTypeThatNothingSaysIsTheCallersError) {
  const OpDef made =
      OpDef("made").Signature("-> y[4]").Attr("dtype", "", "of y").OutputDTypeAttr("dtype");
  EXPECT_EQ(Infer(made, {}, {{"dtype", "i32"}}), "i32[4]");
  EXPECT_THAT(Infer(made, {}), HasSubstr("made: dtype expected the name of a dtype ("));
}

}  // namespace
}  // namespace tessera
