// Method: the op table read as data. What a reader or another part of the library relies on must be
// stated for every op; properties that contradict a signature are found. The table is printed.
#include <cstdio>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "cpp/ir/op_table.h"
#include "tests/ops/op_use.h"

namespace tessera {
namespace {

std::vector<const OpDef*> Ops() {
  std::vector<const OpDef*> ops;
  for (const std::string& name : OpTable::Builtin().Names()) {
    ops.push_back(OpTable::Builtin().Find(name));
  }
  return ops;
}

// The first case or infer line of every op gives its signature in use.
std::string SignatureInUse(const std::string& op) {
  const auto cases = AllCases();
  if (!cases.ok()) return "";
  for (const OpCase& entry : *cases) {
    if (entry.op != op || entry.kind != "case") continue;
    const auto prepared = PrepareCase(entry, RunDTypes(entry)[0]);
    if (!prepared.ok()) continue;
    std::vector<ValueType> types;
    for (const Tensor& input : prepared->inputs) types.push_back(TypeOfTensor(input));
    const auto text = prepared->op->SignatureTextOf({types, prepared->node().attrs});
    if (text.ok()) return *text;
  }
  return "";
}

// One line an op: signature, linear operands, row-wise, grouped rule, gradient.
std::string TableLine(const OpDef& op) {
  const std::string fixed = op.signature_text();
  const std::string text = fixed.empty() ? SignatureInUse(op.name()) : fixed;
  const auto signature = Signature::Parse(text);
  const bool row_wise = signature.ok() && signature->IsRowWise();
  return absl::StrCat(op.name(), " | ", fixed.empty() ? "in one use: " : "", text, " | linear {",
                      absl::StrJoin(op.linear(), ","), "} | ", row_wise ? "row-wise" : "-", " | ",
                      op.grouped(), " | ",
                      op.has_gradient()  ? "gradient"
                      : op.no_gradient() ? "no gradient flows"
                                         : "gradient not defined");
}

TEST(OpTableContentTest, EveryFileGivesAnOpOfItsName) {
  // A def that names itself like another one would be missing.
  EXPECT_EQ(OpTable::Builtin().Names().size(), BuiltinOps().size());
}

TEST(OpTableContentTest, EveryOpIsDescribed) {
  for (const OpDef* op : Ops()) {
    EXPECT_NE(op->doc(), "") << op->name();
    std::set<std::string> names;
    for (const AttrSpec& spec : op->attr_specs()) {
      EXPECT_NE(spec.doc, "") << op->name() << " " << spec.name;
      EXPECT_TRUE(names.insert(spec.name).second) << op->name() << " " << spec.name << " twice";
    }
    const int ways = (op->signature_text().empty() ? 0 : 1) +
                     (op->signature_fn() == nullptr ? 0 : 1) + (op->elementwise_inputs() > 0);
    EXPECT_EQ(ways, 1) << op->name() << " has " << ways << " signatures";
    EXPECT_FALSE(op->has_gradient() && op->no_gradient()) << op->name();
  }
}

TEST(OpTableContentTest, FixedSignaturesParse) {
  for (const OpDef* op : Ops()) {
    if (op->signature_text().empty()) continue;
    const auto signature = Signature::Parse(op->signature_text());
    ASSERT_TRUE(signature.ok()) << op->name() << ": " << signature.status();
    for (int input : op->linear()) {
      EXPECT_LT(static_cast<size_t>(input), signature->inputs.size()) << op->name();
    }
  }
}

std::string DimsText(const SignatureOperand& operand) {
  std::string text;
  for (const SignatureTerm& term : operand.terms) {
    absl::StrAppend(&text, term.kind, ":", term.name, ":", term.number, " ");
  }
  return text;
}

TEST(OpTableContentTest, InPlacePairsHaveEqualDims) {
  for (const OpDef* op : Ops()) {
    EXPECT_TRUE(!op->must_alias() || !op->in_place().empty()) << op->name();
    if (op->signature_text().empty()) continue;  // elementwise: the planner compares sizes
    const auto signature = Signature::Parse(op->signature_text());
    ASSERT_TRUE(signature.ok());
    for (const auto& [output, input] : op->in_place()) {
      ASSERT_LT(static_cast<size_t>(output), signature->outputs.size()) << op->name();
      const bool repeated = signature->inputs[0].repeated;
      ASSERT_TRUE(repeated || static_cast<size_t>(input) < signature->inputs.size()) << op->name();
      EXPECT_EQ(DimsText(signature->outputs[output]),
                DimsText(signature->inputs[repeated ? 0 : input]))
          << op->name();
    }
  }
}

// An escape from fixed notation is a callback that returns the same notation. They are few:
// families share one.
TEST(OpTableContentTest, EscapesAreFew) {
  std::set<OpDef::SignatureFn> callbacks;
  for (const OpDef* op : Ops()) {
    if (op->signature_fn() != nullptr) callbacks.insert(op->signature_fn());
  }
  EXPECT_LE(callbacks.size() * 5, Ops().size());
}

TEST(OpTableContentTest, IsPrinted) {
  for (const OpDef* op : Ops()) {
    const std::string line = TableLine(*op);
    std::printf("%s\n", line.c_str());
    EXPECT_EQ(line.find("|  |"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace tessera
