// Method: one op at a time, placements by hand; the texts of refusals; symbolic batches, offsets
// and collectives, which the case tables cannot show.
#include "cpp/shard/rule.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "cpp/ir/graph.h"
#include "cpp/ir/op_table.h"

namespace tessera {
namespace {

const Placement R = Placement::Replicated();
const Placement P = Placement::Partial();
const Placement kOffset = Placement::Offset();
Placement S(int dim) { return Placement::Sharded(dim); }

const MeshAxis kData = {"data", 2, {"B"}};

ValueType Type(std::string_view text, DType dtype = DType::kF32) {
  return {dtype, *ParseDims(text)};
}

// "S(0), R" or the text of the refusal.
std::string Inferred(const char* op_name, const std::vector<ValueType>& inputs, const Attrs& attrs,
                     const std::vector<Placement>& placements, const MeshAxis& axis = kData) {
  const OpDef* op = OpTable::Builtin().Find(op_name);
  const auto complete = op->CompleteAttrs(attrs);
  EXPECT_TRUE(complete.ok()) << complete.status();
  const auto outputs = op->Infer({inputs, *complete});
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  const auto results = InferPlacements({*op, inputs, *complete, *outputs}, placements, axis);
  if (!results.ok()) return std::string(results.status().message());
  std::string text;
  for (const Placement& placement : *results) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", placement.ToText());
  }
  return text;
}

TEST(RuleTest, ProductsOfMatrices) {
  const std::vector<ValueType> types = {Type("B,T,8"), Type("8,4")};
  EXPECT_EQ(Inferred("matmul", types, {}, {S(0), R}), "S(0)");
  EXPECT_EQ(Inferred("matmul", types, {}, {R, S(1)}), "S(2)");
  EXPECT_EQ(Inferred("matmul", types, {}, {S(2), S(0)}), "P(sum)");
  EXPECT_EQ(Inferred("matmul", types, {}, {P, R}), "P(sum)");
  EXPECT_EQ(Inferred("matmul", types, {}, {R, P}), "P(sum)");
  EXPECT_EQ(Inferred("matmul", types, {}, {S(2), R}),
            "matmul: operand 1 'rhs' f32[8,4] on axis 'data': expected S(0), since operand 0 'lhs' "
            "is sharded along that index, got R");
  EXPECT_EQ(Inferred("matmul", types, {}, {P, P}),
            "matmul: operand 1 'rhs' f32[8,4] on axis 'data': expected R, since operand 0 'lhs' is "
            "partial and the op multiplies them, got P(sum)");
  EXPECT_EQ(Inferred("matmul", types, {}, {S(0), P}),
            "matmul: operand 0 'lhs' f32[B,T,8] on axis 'data': expected R, since operand 1 'rhs' "
            "is partial, got S(0)");
  // The weight gradient of a data-parallel step: rows are summed away.
  EXPECT_EQ(Inferred("matmul", {Type("B*T,8"), Type("B*T,4")}, {{"transpose_lhs", true}},
                     {S(0), S(0)}),
            "P(sum)");
}

TEST(RuleTest, SumsTakePartialTermsOnlyTogether) {
  const std::vector<ValueType> types = {Type("4,6"), Type("6")};
  EXPECT_EQ(Inferred("add", types, {}, {P, P}), "P(sum)");
  EXPECT_EQ(Inferred("add", types, {}, {S(1), S(0)}), "S(1)");
  EXPECT_EQ(Inferred("add", types, {}, {S(0), R}), "S(0)");
  EXPECT_EQ(Inferred("add", types, {}, {P, R}),
            "add: operand 1 'y' f32[6] on axis 'data': expected P(sum), since operand 0 'x' is "
            "partial and the op adds them, got R");
  const std::vector<ValueType> three(3, Type("4,6"));
  EXPECT_EQ(Inferred("add_n", three, {}, {P, P, P}), "P(sum)");
  EXPECT_EQ(Inferred("add_n", three, {}, {P, P, R}),
            "add_n: operand 2 'x' f32[4,6] on axis 'data': expected P(sum), since operand 0 'x' is "
            "partial and the op adds them, got R");
}

TEST(RuleTest, NothingPassesAnOpThatIsNotLinear) {
  EXPECT_EQ(Inferred("silu", {Type("4")}, {}, {P}),
            "silu: operand 0 'x' f32[4] on axis 'data': expected R, since the op is not linear in "
            "it, got P(sum)");
  EXPECT_EQ(Inferred("sum_of_squares", {Type("4")}, {}, {P}),
            "sum_of_squares: operand 0 'x' f32[4] on axis 'data': expected R, since the op is not "
            "linear in it, got P(sum)");
  EXPECT_EQ(Inferred("sum_of_squares", {Type("4")}, {}, {S(0)}), "P(sum)");
}

TEST(RuleTest, PartialSumsAreNeverRounded) {
  const std::vector<ValueType> wide = {Type("4")}, narrow = {Type("4", DType::kBF16)};
  EXPECT_EQ(Inferred("cast", narrow, {{"dtype", "f32"}}, {P}), "P(sum)");
  EXPECT_EQ(Inferred("cast", wide, {{"dtype", "bf16"}}, {P}),
            "cast: operand 0 'x' f32[4] on axis 'data': expected R, since terms would be rounded "
            "to bf16 before they are summed, got P(sum)");
  EXPECT_EQ(Inferred("cast", wide, {{"dtype", "bf16"}}, {S(0)}), "S(0)");
  // 1/2 + 1/2 of integers is 0.
  const std::vector<ValueType> counts = {Type("4", DType::kI32), Type("4", DType::kI32)};
  EXPECT_NE(Inferred("div", counts, {}, {P, R}), "P(sum)");
}

TEST(RuleTest, WholeDimsStayWhole) {
  EXPECT_EQ(Inferred("softmax", {Type("4,6")}, {}, {S(0)}), "S(0)");
  EXPECT_EQ(Inferred("softmax", {Type("4,6")}, {}, {S(1)}),
            "softmax: operand 0 'x' f32[4,6] on axis 'data': expected R, since the op needs dim 1 "
            "whole, got S(1)");
  // The scale of a norm has the width, which must be whole too.
  EXPECT_NE(Inferred("rms_norm", {Type("4,6"), Type("6")}, {}, {R, S(0)}), "S(1)");
  EXPECT_EQ(Inferred("rms_norm_grad", {Type("B,T,6"), Type("6"), Type("B,T,6")}, {},
                     {S(0), R, S(0)}),
            "S(0), P(sum)");
  EXPECT_EQ(Inferred("embedding_grad", {Type("B,T", DType::kI32), Type("B,T,6")}, {{"rows", 9}},
                     {S(0), S(0)}),
            "P(sum)");
}

TEST(RuleTest, ViewsShardTheMajorFactor) {
  EXPECT_EQ(Inferred("reshape", {Type("B,T,6")}, {{"shape", "B*T,6"}}, {S(0)}), "S(0)");
  EXPECT_EQ(Inferred("reshape", {Type("B*T,6")}, {{"shape", "B,T,2,3"}}, {S(0)}), "S(0)");
  EXPECT_EQ(Inferred("reshape", {Type("1,B,6")}, {{"shape", "B,6"}}, {S(1)}), "S(0)");
  EXPECT_EQ(Inferred("reshape", {Type("8,6")}, {{"shape", "8,3,2"}}, {S(1)}),
            "reshape: operand 0 'x' f32[8,6] on axis 'data': expected R, since dim 1 is not the "
            "major-most factor of a dim of f32[8,3,2] that the ranks divide, got S(1)");
  EXPECT_EQ(Inferred("reshape", {Type("8,6")}, {{"shape", "8,2,3"}}, {S(1)}), "S(1)");
  EXPECT_NE(Inferred("reshape", {Type("B,T,6")}, {{"shape", "B*T,6"}}, {S(1)}), "S(0)");
  EXPECT_EQ(Inferred("reshape", {Type("8,6")}, {{"shape", "48"}}, {P}), "P(sum)");
}

// B is a rank's own share: what is made in that size is sharded, or it cannot be made.
TEST(RuleTest, FreshDimsOfASymbolicBatch) {
  EXPECT_EQ(Inferred("fill", {}, {{"shape", "B,T"}}, {}), "S(0)");
  EXPECT_EQ(Inferred("fill", {}, {{"shape", "T,2*B"}}, {}), "S(1)");
  EXPECT_EQ(Inferred("fill", {}, {{"shape", "T,BT"}}, {}), "R");
  EXPECT_EQ(Inferred("broadcast_to", {Type("6")}, {{"shape", "B,T,6"}}, {R}), "S(0)");
  EXPECT_EQ(Inferred("broadcast_to", {Type("6")}, {{"shape", "B,T,6"}}, {P}),
            "broadcast_to: operand 0 'x' f32[6] on axis 'data': expected R, since the result is a "
            "share of fresh dims, got P(sum)");
  EXPECT_EQ(Inferred("arange", {}, {{"shape", "B"}}, {}),
            "arange: result i32[B] on axis 'data': expected dim 0 to be whole, got a rank's share");
  EXPECT_EQ(Inferred("arange", {}, {{"shape", "T"}}, {}), "R");
}

// A mask that every rank draws from the beginning would repeat: the offset must be the rank's.
TEST(RuleTest, RandomNumbersCountFromTheRanksOffset) {
  const std::vector<ValueType> dropout = {Type("B,T,6"), Type("4", DType::kU32),
                                          Type("", DType::kI64)};
  const Attrs rate = {{"rate", 0.5}};
  EXPECT_EQ(Inferred("dropout", dropout, rate, {S(0), R, kOffset}), "S(0)");
  EXPECT_EQ(Inferred("dropout", dropout, rate, {S(0), R, R}),
            "dropout: operand 2 'offset' i64[] on axis 'data': expected the rank's offset, since "
            "operand 0 'x' is a rank's share, got R");
  EXPECT_EQ(Inferred("dropout", dropout, rate, {R, R, kOffset}),
            "dropout: operand 2 'offset' i64[] on axis 'data': expected R, since the result is no "
            "rank's share of the leading dim, got offset");
  EXPECT_EQ(Inferred("dropout", dropout, rate, {S(1), R, kOffset}),
            "dropout: operand 0 'x' f32[B,T,6] on axis 'data': expected S(0) or R, since the op "
            "counts slices of the leading dim, got S(1)");
  const std::vector<ValueType> random = {Type("4", DType::kU32), Type("", DType::kI64)};
  EXPECT_EQ(Inferred("random_normal", random, {{"shape", "B,T"}}, {R, kOffset}), "S(0)");
  EXPECT_EQ(Inferred("random_normal", random, {{"shape", "B,T"}}, {R, R}),
            "random_normal: result f32[B,T] on axis 'data': expected dim 0 to be whole, got a "
            "rank's share");
  EXPECT_EQ(Inferred("random_normal", random, {{"shape", "3,T"}}, {R, R}), "R");
}

TEST(RuleTest, OffsetsAreScalarsThatDifferByRank) {
  const ValueType scalar = Type("", DType::kI64);
  EXPECT_EQ(Inferred("mul", {scalar, scalar}, {}, {kOffset, R}), "offset");
  EXPECT_EQ(Inferred("cast", {scalar}, {{"dtype", "f32"}}, {kOffset}), "offset");
  EXPECT_EQ(Inferred("mul", {scalar, Type("3", DType::kI64)}, {}, {kOffset, R}),
            "mul: operand 1 'y' i64[3] on axis 'data': expected R or offset and no dims, since "
            "another operand is the rank's offset, got R");
}

TEST(RuleTest, CollectivesOfTheirAxisOnly) {
  const std::vector<ValueType> x = {Type("4,6")};
  const Attrs reduce = {{"axis", "data"}}, other = {{"axis", "model"}};
  EXPECT_EQ(Inferred("all_reduce", x, reduce, {P}), "R");
  EXPECT_EQ(Inferred("all_reduce", x, other, {P}), "P(sum)");
  EXPECT_EQ(Inferred("all_reduce", x, other, {S(1)}), "S(1)");
  // Summing what is whole would multiply it by the number of ranks.
  EXPECT_EQ(Inferred("all_reduce", x, reduce, {R}),
            "all_reduce: operand 0 f32[4,6] on axis 'data': expected P(sum), got R");
  EXPECT_EQ(Inferred("all_reduce", x, {{"axis", "data"}, {"reduce", "max"}},
                     {Placement::Partial(PartialKind::kMax)}),
            "R");
  EXPECT_EQ(Inferred("all_gather", x, {{"axis", "data"}, {"ranks", 2}, {"dim", 1}}, {S(1)}), "R");
  EXPECT_EQ(Inferred("all_gather", x, {{"axis", "data"}, {"ranks", 2}, {"dim", 1}}, {S(0)}),
            "all_gather: operand 0 f32[4,6] on axis 'data': expected S(1), got S(0)");
  EXPECT_EQ(Inferred("reduce_scatter", x, {{"axis", "data"}, {"ranks", 2}, {"dim", 0}}, {P}),
            "S(0)");
}

TEST(RuleTest, PlansTheCheapestWay) {
  const OpDef* matmul = OpTable::Builtin().Find("matmul");
  const Attrs attrs = *matmul->CompleteAttrs({});
  const auto plan = [&](const std::vector<ValueType>& types, std::vector<Placement> given) {
    const auto outputs = matmul->Infer({types, attrs});
    const auto planned = PlanOperands({*matmul, types, attrs, *outputs}, given, kData);
    EXPECT_TRUE(planned.ok()) << planned.status();
    return ToText(planned->inputs) + " -> " + ToText(planned->outputs);
  };
  // Both partial: the smaller one is completed.
  EXPECT_EQ(plan({Type("64,8"), Type("8,4")}, {P, P}), "[P(sum), R] -> [P(sum)]");
  EXPECT_EQ(plan({Type("2,8"), Type("8,64")}, {P, P}), "[R, P(sum)] -> [P(sum)]");
  // A share of the contracted dim against a whole matrix: the share is gathered.
  EXPECT_EQ(plan({Type("64,8"), Type("8,4")}, {S(1), R}), "[R, R] -> [R]");
  // A partial sum beside a share of the contracted dim: scattered, half of what completing costs.
  EXPECT_EQ(plan({Type("64,8"), Type("8,4")}, {S(1), P}), "[S(1), S(0)] -> [P(sum)]");
}

TEST(MeshTest, NamesSizesAndSymbolsAreChecked) {
  const auto text = [](std::vector<MeshAxis> axes) {
    return std::string(Mesh{std::move(axes)}.Validate().message());
  };
  EXPECT_EQ(text({{"data", 2, {"B"}}, {"model", 4, {}}}), "");
  EXPECT_EQ(text({{"", 2, {}}}),
            "mesh axis '': expected a name and a size of at least 1, got 2");
  EXPECT_EQ(text({{"data", 0, {}}}),
            "mesh axis 'data': expected a name and a size of at least 1, got 0");
  EXPECT_EQ(text({{"data", 2, {}}, {"data", 2, {}}}),
            "mesh axis 'data': expected different names, got it twice");
  EXPECT_EQ(text({{"data", 2, {"B"}}, {"model", 2, {"B"}}}),
            "mesh axis 'model': expected a symbol of one axis, got 'B' of two");
}

TEST(PlacementTest, PartTypes) {
  const Mesh mesh{{{"data", 2, {"B"}}, {"model", 4, {}}}};
  const auto text = [&](std::string_view dims, const Layout& layout) {
    const auto part = PartType(Type(dims), layout, mesh);
    return part.ok() ? part->ToText() : std::string(part.status().message());
  };
  EXPECT_EQ(text("B,T,8", {S(0), S(2)}), "f32[B,T,2]");
  EXPECT_EQ(text("16,3", {S(0), S(0)}), "f32[2,3]");
  EXPECT_EQ(text("16,3", {P, R}), "f32[16,3]");
  EXPECT_EQ(text("16,3", {S(1), R}),
            "layout [S(1), R]: expected a dim 1 of f32[16,3] that the 2 ranks of axis 'data' "
            "divide, got 3");
  EXPECT_EQ(text("16,T", {S(1), R}),
            "layout [S(1), R]: expected a dim 1 of f32[16,T] that the 2 ranks of axis 'data' "
            "divide, got T");
  EXPECT_EQ(text("16", {S(1), R}), "layout [S(1), R]: expected a dim of f32[16], got 1");
}

}  // namespace
}  // namespace tessera
