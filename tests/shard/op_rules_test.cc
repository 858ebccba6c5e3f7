// Method: every op of the table with the operands of every one of its cases (tests/ops/*.cases).
// All ways to lay the operands out over the ranks of one axis are tried (a sample, where there are
// very many). What the rule accepts is run: operands cut, the op on every rank, results put
// together as the rule says, equal to the whole run. What it refuses must say why; and what
// PlanOperands makes of it, with its collectives, is run in the same way.
#include <cstdio>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/shard/rule.h"
#include "gtest/gtest.h"
#include "tests/ops/op_use.h"
#include "tests/shard/shard_kit.h"

namespace tessera {
namespace {

constexpr size_t kMostLayouts = 1500;   // of one case
constexpr size_t kMostPlanned = 12;     // refused layouts of one case that are planned and run

// Relative to the largest magnitude: how far sums taken in another order may be apart.
double Tolerance(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 1e-9;
    case DType::kF32:
      return 2e-5;
    case DType::kBF16:
    case DType::kF16:
      return 5e-2;
    default:
      return 0;
  }
}

std::vector<Placement> ChoicesFor(const Tensor& tensor) {
  std::vector<Placement> choices = {Placement::Replicated(), Placement::Partial()};
  for (size_t d = 0; d < tensor.dims.size(); ++d) {
    choices.push_back(Placement::Sharded(static_cast<int>(d)));
  }
  if (tensor.dims.empty() && tensor.dtype == DType::kI64) choices.push_back(Placement::Offset());
  if (tensor.dims.size() == 1 && (IsFloat(tensor.dtype) || tensor.dtype == DType::kI32)) {
    choices.push_back(Placement::Partial(PartialKind::kMax));
  }
  return choices;
}

// Lists of a plan (cpp/ops/plan.cc) number a rank's own rows: the share of a rank is the plan of
// its tokens, which is not a piece of the plan of all of them. routed_rows_test.cc proves these
// together.
const std::map<std::string, std::vector<size_t>>& ListsOfRanks() {
  static const auto* const lists = new std::map<std::string, std::vector<size_t>>{
      {"plan", {0}},
      {"dispatch", {1, 2}},
      {"combine", {1, 2}},
      {"combine_dot", {2, 3}},
      {"gathered_matmul", {2, 3, 4}},
      {"gathered_matmul_grad", {2, 3, 4}}};
  return *lists;
}

struct Tally {
  int sharded = 0, partial = 0, refused = 0, planned = 0;
  std::set<std::string> examples;   // "S(0), R -> P(sum)"
};

class OpRules {
 public:
  OpRules(const OpCase& entry, PreparedCase prepared)
      : entry_(entry), prepared_(std::move(prepared)), random_(HashBytes(entry.place)) {
    for (const Tensor& input : prepared_.inputs) {
      types_.push_back(TypeOfTensor(input));
      choices_.push_back(ChoicesFor(input));
    }
    for (ValueId id : prepared_.node().outputs) out_types_.push_back(prepared_.function->type(id));
  }

  void Run(Tally& tally) {
    auto whole = Interpret(*prepared_.function, prepared_.inputs, {});
    ASSERT_TRUE(whole.ok()) << entry_.place << ": " << whole.status();
    whole_ = *std::move(whole);
    double count = 1;
    for (const auto& choices : choices_) count *= static_cast<double>(choices.size());
    if (count <= kMostLayouts) {
      std::vector<Placement> layout(choices_.size());
      TryAll(layout, 0, tally);
      return;
    }
    for (size_t draw = 0; draw < kMostLayouts; ++draw) {
      std::vector<Placement> layout;
      for (const auto& choices : choices_) {
        // Half of the draws keep to few kinds: only those are ever accepted with many operands.
        const size_t kinds = draw % 2 == 0 ? choices.size() : std::min<size_t>(3, choices.size());
        layout.push_back(choices[random_() % kinds]);
      }
      Try(layout, tally);
    }
  }

 private:
  void TryAll(std::vector<Placement>& layout, size_t operand, Tally& tally) {
    if (operand == choices_.size()) return Try(layout, tally);
    for (const Placement& placement : choices_[operand]) {
      layout[operand] = placement;
      TryAll(layout, operand + 1, tally);
    }
  }

  // The least number of ranks above 1 that divides all that is sharded; 0 when there is none.
  int64_t Ranks(const std::vector<Placement>& layout) const {
    for (int64_t ranks : {2, 3, 5, 7}) {
      bool divides = true;
      for (size_t i = 0; i < layout.size(); ++i) {
        if (!layout[i].is_sharded()) continue;
        const int64_t size = prepared_.inputs[i].dims[layout[i].dim];
        divides = divides && size % ranks == 0 && size > 0;
      }
      if (divides) return ranks;
    }
    return 0;
  }

  // Values that differ wildly cannot be cut into terms without losing their digits.
  bool CanBeTerms(const std::vector<Placement>& layout) const {
    for (size_t i = 0; i < layout.size(); ++i) {
      if (!layout[i].is_partial()) continue;
      for (int64_t k = 0; k < prepared_.inputs[i].count(); ++k) {
        const double value = prepared_.inputs[i].At(k);
        if (!std::isfinite(value) || std::abs(value) > 1e4) return false;
      }
    }
    return true;
  }

  bool SharesAList(const std::vector<Placement>& layout) const {
    const auto lists = ListsOfRanks().find(prepared_.op->name());
    if (lists == ListsOfRanks().end()) return false;
    for (const size_t operand : lists->second) {
      if (operand < layout.size() && !layout[operand].is_replicated()) return true;
    }
    return false;
  }

  void Try(const std::vector<Placement>& layout, Tally& tally) {
    const int64_t ranks = Ranks(layout);
    if (ranks == 0) return;
    const MeshAxis axis{"data", ranks, {}};
    const RuleUse use{*prepared_.op, types_, prepared_.node().attrs, out_types_};
    const auto results = InferPlacements(use, layout, axis);
    bool is_plain = true, is_partial = false;
    for (const Placement& placement : layout) {
      is_plain = is_plain && placement.is_replicated();
      is_partial = is_partial || placement.is_partial();
    }
    if (!results.ok()) {
      EXPECT_FALSE(is_plain && !IsCollective(*prepared_.op)) << results.status();
      EXPECT_EQ(results.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_NE(results.status().message().find("expected"), std::string::npos)
          << results.status();
      ++tally.refused;
      if (planned_ >= kMostPlanned) return;
    } else if (!is_plain) {
      ++(is_partial ? tally.partial : tally.sharded);
      tally.examples.insert(absl::StrCat(ToText(layout), " -> ", ToText(*results)));
    }
    if (!CanBeTerms(layout) || SharesAList(layout)) return;
    Prove(layout, axis, /*planned=*/!results.ok(), tally);
  }

  void Prove(const std::vector<Placement>& layout, const MeshAxis& axis, bool planned,
             Tally& tally) {
    const Mesh mesh{{axis}};
    InsertOptions options;
    for (const Placement& placement : layout) options.inputs.push_back({placement});
    const auto sharded =
        InsertCollectives(*prepared_.function, OpTable::Builtin(), mesh, options);
    const std::string what = absl::StrCat(entry_.place, " ", prepared_.op->name(), " ",
                                          ToText(layout), " on ", axis.size, " ranks");
    if (!sharded.ok()) {
      EXPECT_TRUE(planned) << what << ": " << sharded.status();
      return;
    }
    EXPECT_EQ(sharded->collectives() > 0, planned) << what;
    planned_ += planned ? 1 : 0;
    tally.planned += planned ? 1 : 0;
    std::vector<std::vector<Tensor>> inputs;
    int64_t share = 0;
    for (size_t i = 0; i < layout.size(); ++i) {
      if (layout[i] == Placement::Sharded(0)) share = prepared_.inputs[i].dims[0] / axis.size;
    }
    for (size_t i = 0; i < layout.size(); ++i) {
      inputs.push_back(Split(prepared_.inputs[i], options.inputs[i], mesh, share, random_));
    }
    const auto parts = RunOnRanks(*sharded->function, mesh, inputs, {});
    ASSERT_TRUE(parts.ok()) << what << ": " << parts.status();
    for (size_t o = 0; o < parts->size(); ++o) {
      const Layout& out = sharded->layouts[sharded->function->outputs()[o].value];
      bool replicated = true;
      const Tensor got = Combine((*parts)[o], out, mesh, &replicated);
      EXPECT_TRUE(replicated) << what << ", result " << o << " stands as R but differs by rank";
      Compare(whole_[o], got, (*parts)[o], absl::StrCat(what, " -> ", ToText(out)));
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  void Compare(const Tensor& whole, const Tensor& got, const std::vector<Tensor>& parts,
               const std::string& what) const {
    ASSERT_EQ(whole.dims, got.dims) << what;
    // Terms are cut in the dtype of their operand.
    double tolerance = Tolerance(whole.dtype);
    for (const Tensor& input : prepared_.inputs) {
      tolerance = std::max(tolerance, Tolerance(input.dtype));
    }
    double scale = 1e-30;
    for (const Tensor& part : parts) {
      for (int64_t i = 0; i < part.count(); ++i) {
        if (std::isfinite(part.At(i))) scale = std::max(scale, std::abs(part.At(i)));
      }
    }
    for (int64_t i = 0; i < whole.count(); ++i) {
      const double expected = whole.At(i), value = got.At(i);
      if (!std::isfinite(expected)) {
        // Terms of an infinite value may have lost its sign; they are never finite.
        ASSERT_FALSE(std::isfinite(value)) << what << " [" << i << "]";
        continue;
      }
      ASSERT_NEAR(expected, value, tolerance * scale) << what << " [" << i << "]";
    }
  }

  const OpCase& entry_;
  PreparedCase prepared_;
  std::mt19937_64 random_;
  std::vector<ValueType> types_, out_types_;
  std::vector<std::vector<Placement>> choices_;
  std::vector<Tensor> whole_;
  size_t planned_ = 0;
};

// Ops of which no operand can stand other than whole, with the reason.
const std::map<std::string, const char*>& Unsharded() {
  static const auto* const reasons = new std::map<std::string, const char*>{
      {"arange", "no operands, and its values depend on the place"},
      {"fill", "no operands; shares of a symbolic batch are in rule_test"},
      {"random_normal", "only its offset differs by rank: rule_test"},
      {"random_uniform", "only its offset differs by rank: rule_test"},
      {"all_reduce", "a collective: rule_test"},
      {"all_gather", "a collective: rule_test"},
      {"reduce_scatter", "a collective: rule_test"},
      {"fused", "made when what ranks share is decided; has no cases that run"},
  };
  return *reasons;
}

TEST(OpRulesTest, WhatTheRuleAcceptsIsTheWholeRun) {
  const auto cases = AllCases();
  ASSERT_TRUE(cases.ok()) << cases.status();
  std::map<std::string, Tally> tallies;
  for (const OpCase& entry : *cases) {
    if (entry.kind != "case") continue;
    const OpDef* op = OpTable::Builtin().Find(entry.op);
    ASSERT_NE(op, nullptr) << entry.op;
    Tally& tally = tallies[entry.op];
    if (IsCollective(*op)) continue;
    auto prepared = PrepareCase(entry, RunDTypes(entry)[0]);
    ASSERT_TRUE(prepared.ok()) << entry.place << ": " << prepared.status();
    int64_t elements = 0;
    for (const Tensor& input : prepared->inputs) elements += input.count();
    if (elements > 20000) continue;  // sizes for threads and tiles; smaller cases say the same
    OpRules(entry, *std::move(prepared)).Run(tally);
    if (HasFatalFailure()) return;
  }
  for (const std::string& name : OpTable::Builtin().Names()) {
    const Tally& tally = tallies[name];
    std::printf("%s: %d sharded, %d partial accepted, %d refused, %d planned; %s\n", name.c_str(),
                tally.sharded, tally.partial, tally.refused, tally.planned,
                tally.examples.empty() ? "-" : tally.examples.begin()->c_str());
    EXPECT_EQ(tally.sharded > 0, !Unsharded().contains(name)) << name;
    // Partial sums pass linear operands and no others.
    const OpDef* op = OpTable::Builtin().Find(name);
    EXPECT_EQ(tally.partial > 0, !op->linear().empty() && !IsCollective(*op)) << name;
  }
}

}  // namespace
}  // namespace tessera
