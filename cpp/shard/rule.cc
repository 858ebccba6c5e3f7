#include "cpp/shard/rule.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/collective.h"

namespace tessera {
namespace {

// What stands at each dim of an operand: the term, and a name that is equal for dims that are one
// index: "...0" for the first leading dim, the name of an index, "" where nothing is shared.
struct DimTerm {
  std::string index;
  bool is_whole = false;
  bool is_fresh = false;
};

std::vector<DimTerm> DimTerms(const SignatureOperand& operand, const ValueType& type) {
  // A list of fresh dims takes what the other terms leave, like `...`.
  std::vector<DimTerm> terms;
  const size_t lead = type.dims.size() + 1 - std::min(operand.terms.size(), type.dims.size() + 1);
  for (const SignatureTerm& term : operand.terms) {
    switch (term.kind) {
      case SignatureTerm::kRest:
        for (size_t i = 0; i < lead; ++i) terms.push_back({absl::StrCat("...", i)});
        break;
      case SignatureTerm::kIndex:
        terms.push_back({term.name, term.whole});
        break;
      case SignatureTerm::kNumber:
        terms.push_back({"", true});
        break;
      case SignatureTerm::kFresh:
        terms.push_back({"", false, true});
        break;
      case SignatureTerm::kFreshList:
        for (size_t i = 0; i < lead; ++i) terms.push_back({"", false, true});
        break;
    }
  }
  return terms;
}

bool IsInteger(DType dtype) { return !IsFloat(dtype) && dtype != DType::kBool; }

// Can a sum of terms in `from` be taken after they were rounded to `to`?
bool KeepsSums(DType from, DType to) {
  if (from == to) return true;
  if (IsFloat(from)) return IsFloat(to) && SizeOf(to) > SizeOf(from);
  return IsInteger(from) && (IsInteger(to) || IsFloat(to)) && SizeOf(to) >= SizeOf(from);
}

class Rule {
 public:
  Rule(const RuleUse& use, absl::Span<const Placement> inputs, const MeshAxis& axis)
      : use_(use), placements_(inputs), axis_(axis) {}

  absl::StatusOr<std::vector<Placement>> Infer() {
    RET_CHECK_EQ(placements_.size(), use_.inputs.size());
    RETURN_IF_ERROR(CheckDims());
    if (IsCollective(use_.op)) return Collective();
    ASSIGN_OR_RETURN(signature_, use_.op.SignatureOf({use_.inputs, use_.attrs}));
    ASSIGN_OR_RETURN(operands_, signature_.Match(use_.inputs.size()));
    RET_CHECK_EQ(signature_.outputs.size(), use_.outputs.size());
    offset_ = signature_.RowOffset();
    if (OffsetElsewhere()) return OffsetArithmetic();
    for (const Placement& placement : placements_) {
      if (placement.is_partial()) return Partial();
    }
    for (const Placement& placement : placements_) {
      if (placement.is_sharded()) return Sharded();
    }
    return Whole();
  }

 private:
  std::string InputName(size_t i) const {
    return i < operands_.size() ? absl::StrCat("operand ", i, " '", operands_[i]->name, "'")
                                : absl::StrCat("operand ", i);
  }
  absl::Status Refuse(size_t input, std::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat(
        use_.op.name(), ": ", InputName(input), " ", use_.inputs[input].ToText(), " on axis '",
        axis_.name, "': expected ", expected, ", got ", placements_[input].ToText()));
  }

  absl::Status CheckDims() const {
    for (size_t i = 0; i < placements_.size(); ++i) {
      const int rank = static_cast<int>(use_.inputs[i].dims.size());
      if (placements_[i].is_sharded() && (placements_[i].dim < 0 || placements_[i].dim >= rank)) {
        return Refuse(i, "a dim that it has");
      }
      if (placements_[i].is_partial() && use_.inputs[i].dtype == DType::kBool) {
        return Refuse(i, "numbers in a partial value");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Placement>> Collective() const {
    const Placement in = placements_[0];
    const Placement gathered = Placement::Sharded(static_cast<int>(use_.attrs.Int("dim")));
    if (use_.attrs.Text("axis") != axis_.name) return OtherAxis(in);
    if (use_.op.name() == kAllReduce) {
      const bool is_max = use_.attrs.Text("reduce") == "max";
      const Placement wanted =
          Placement::Partial(is_max ? PartialKind::kMax : PartialKind::kSum);
      if (in != wanted) return Refuse(0, wanted.ToText());
      return std::vector<Placement>{Placement::Replicated()};
    }
    if (use_.op.name() == kAllGather) {
      if (in != gathered) return Refuse(0, gathered.ToText());
      return std::vector<Placement>{Placement::Replicated()};
    }
    if (in != Placement::Partial()) return Refuse(0, "P(sum)");
    return std::vector<Placement>{gathered};
  }

  // A collective of another axis does the same to every part, and sums commute with sums. Which of
  // two axes that share a dim may go first is the verifier's matter: it sees both.
  absl::StatusOr<std::vector<Placement>> OtherAxis(const Placement& in) const {
    const bool is_max = use_.op.name() == kAllReduce && use_.attrs.Text("reduce") == "max";
    if (in.is_offset() || (in.is_partial() && is_max != (in.partial == PartialKind::kMax) &&
                           use_.op.name() != kAllGather)) {
      return Refuse(0, "a value that the collective of another axis keeps");
    }
    return std::vector<Placement>{in};
  }

  // Is there an offset that is not where the op asks for one?
  bool OffsetElsewhere() const {
    for (size_t i = 0; i < placements_.size(); ++i) {
      if (placements_[i].is_offset() && static_cast<int>(i) != offset_) return true;
    }
    return false;
  }

  // Scalars made from an offset and what is equal everywhere differ by rank in the same way.
  absl::StatusOr<std::vector<Placement>> OffsetArithmetic() const {
    for (size_t i = 0; i < placements_.size(); ++i) {
      if (!use_.inputs[i].dims.empty() || placements_[i].is_sharded() ||
          placements_[i].is_partial()) {
        return Refuse(i, "R or offset and no dims, since another operand is the rank's offset");
      }
    }
    for (const ValueType& output : use_.outputs) {
      if (output.dims.empty()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          use_.op.name(), ": result of an operand that differs by rank: expected no dims, got ",
          output.ToText()));
    }
    return std::vector<Placement>(use_.outputs.size(), Placement::Offset());
  }

  bool IsLinear(size_t input) const {
    // With a repeated operand, input numbers and operand numbers part; the operand counts.
    const size_t operand = static_cast<size_t>(operands_[input] - signature_.inputs.data());
    return std::find(use_.op.linear().begin(), use_.op.linear().end(),
                     static_cast<int>(operand)) != use_.op.linear().end();
  }

  absl::StatusOr<std::vector<Placement>> Partial() const {
    std::optional<size_t> first;
    for (size_t i = 0; i < placements_.size(); ++i) {
      if (!placements_[i].is_partial()) continue;
      if (placements_[i].partial != PartialKind::kSum && !use_.op.is_view()) {
        return Refuse(i, "R, since a maximum passes through views only");
      }
      if (!use_.op.is_view() && !IsLinear(i)) {
        return Refuse(i, "R, since the op is not linear in it");
      }
      if (IsInteger(use_.inputs[i].dtype) && !use_.op.is_view() && use_.inputs.size() > 1 &&
          !use_.op.is_linear_together()) {
        return Refuse(i, "R, since products and quotients of integers may round");
      }
      for (const ValueType& output : use_.outputs) {
        if (!KeepsSums(use_.inputs[i].dtype, output.dtype)) {
          return Refuse(i, absl::StrCat("R, since terms would be rounded to ",
                                        Name(output.dtype), " before they are summed"));
        }
      }
      if (first.has_value() && !use_.op.is_linear_together()) {
        return Refuse(i, absl::StrCat("R, since ", InputName(*first),
                                      " is partial and the op multiplies them"));
      }
      if (!first.has_value()) first = i;
    }
    for (size_t i = 0; i < placements_.size(); ++i) {
      if (placements_[i].is_partial()) continue;
      if (use_.op.is_linear_together() && IsLinear(i)) {
        return Refuse(i, absl::StrCat("P(sum), since ", InputName(*first),
                                      " is partial and the op adds them"));
      }
      if (!placements_[i].is_replicated()) {
        return Refuse(i, absl::StrCat("R, since ", InputName(*first), " is partial"));
      }
    }
    ASSIGN_OR_RETURN(const std::vector<Placement> fresh, Whole());
    for (const Placement& placement : fresh) {
      if (placement.is_sharded()) {
        return Refuse(*first, "R, since the result is a share of fresh dims");
      }
    }
    return std::vector<Placement>(use_.outputs.size(), placements_[*first]);
  }

  absl::StatusOr<std::vector<Placement>> Sharded() const {
    if (use_.op.is_view()) return View();
    // The index that is sharded, and the operand that says so.
    std::string index;
    size_t source = 0;
    for (size_t i = 0; i < placements_.size(); ++i) {
      if (!placements_[i].is_sharded()) continue;
      const DimTerm term =
          DimTerms(*operands_[i], use_.inputs[i])[static_cast<size_t>(placements_[i].dim)];
      if (term.is_whole) {
        return Refuse(i, absl::StrCat("R, since the op needs dim ", placements_[i].dim, " whole"));
      }
      if (!index.empty() && term.index != index) {
        return Refuse(i, absl::StrCat("R, since ", InputName(source),
                                      " is sharded along another index"));
      }
      index = term.index;
      source = i;
    }
    RETURN_IF_ERROR(CheckOthers(index, source));
    RETURN_IF_ERROR(CheckOffset(index, source));
    std::vector<Placement> results;
    for (size_t o = 0; o < use_.outputs.size(); ++o) {
      ASSIGN_OR_RETURN(results.emplace_back(), ResultAlong(o, index, source));
    }
    return results;
  }

  // Whoever has the sharded index must be sharded along it; everyone else must be whole.
  absl::Status CheckOthers(const std::string& index, size_t source) const {
    for (size_t i = 0; i < placements_.size(); ++i) {
      if (static_cast<int>(i) == offset_) continue;
      const std::vector<DimTerm> terms = DimTerms(*operands_[i], use_.inputs[i]);
      for (size_t d = 0; d < terms.size(); ++d) {
        if (terms[d].index != index) continue;
        if (terms[d].is_whole) {
          return Refuse(source, absl::StrCat("R, since ", InputName(i), " needs that index whole"));
        }
        if (placements_[i] != Placement::Sharded(static_cast<int>(d))) {
          return Refuse(i, absl::StrCat("S(", d, "), since ", InputName(source),
                                        " is sharded along that index"));
        }
      }
    }
    return absl::OkStatus();
  }

  // An op that counts elements from an offset does so over slices of the leading dim.
  absl::Status CheckOffset(const std::string& index, size_t source) const {
    if (offset_ < 0) return absl::OkStatus();
    if (index != "...0") {
      return Refuse(source, "S(0) or R, since the op counts slices of the leading dim");
    }
    if (!placements_[offset_].is_offset()) {
      return Refuse(offset_, absl::StrCat("the rank's offset, since ", InputName(source),
                                          " is a rank's share"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Placement> ResultAlong(size_t output, const std::string& index,
                                        size_t source) const {
    const std::vector<DimTerm> terms =
        DimTerms(signature_.outputs[output], use_.outputs[output]);
    Placement result = Placement::Partial();
    for (size_t d = 0; d < terms.size(); ++d) {
      if (terms[d].index == index) result = Placement::Sharded(static_cast<int>(d));
    }
    for (size_t d = 0; d < terms.size(); ++d) {
      if (terms[d].is_fresh && axis_.IsShare(use_.outputs[output].dims[d])) {
        return Refuse(source, "R, since the result has a share of fresh dims too");
      }
    }
    const DType dtype = use_.outputs[output].dtype;
    if (result.is_partial() && !IsFloat(dtype) && !IsInteger(dtype)) {
      return Refuse(source, absl::StrCat("R, since a result of ", Name(dtype),
                                         " cannot be a partial sum"));
    }
    return result;
  }

  // Row-major order: parts of dim d are parts of the dim of the result that begins where d does.
  absl::StatusOr<std::vector<Placement>> View() const {
    const Dims& from = use_.inputs[0].dims;
    const Dims& to = use_.outputs[0].dims;
    const size_t dim = static_cast<size_t>(placements_[0].dim);
    const Dim before = Product(Dims(from.begin(), from.begin() + static_cast<int64_t>(dim)));
    Dim product(1);
    for (size_t d = 0; d < to.size(); ++d) {
      const bool is_one = to[d] == Dim(1) && from[dim] != Dim(1);
      if (product == before && !is_one) {
        if (!use_.are_parts && to[d].IsConst() && to[d].value() % axis_.size != 0) break;
        return std::vector<Placement>{Placement::Sharded(static_cast<int>(d))};
      }
      product = product * to[d];
    }
    return Refuse(0, absl::StrCat("R, since dim ", dim, " is not the major-most factor of a dim ",
                                  "of ", use_.outputs[0].ToText(), " that the ranks divide"));
  }

  absl::StatusOr<std::vector<Placement>> Whole() const {
    const bool has_offset = offset_ >= 0 && placements_[offset_].is_offset();
    std::vector<Placement> results;
    for (size_t o = 0; o < use_.outputs.size(); ++o) {
      Placement result;
      const std::vector<DimTerm> terms = DimTerms(signature_.outputs[o], use_.outputs[o]);
      for (size_t d = 0; d < terms.size() && !use_.op.is_view(); ++d) {
        if (!terms[d].is_fresh || !axis_.IsShare(use_.outputs[o].dims[d])) continue;
        const bool counted = has_offset && d == 0;
        if (result.is_sharded() || (!use_.op.repeats() && !counted)) {
          return absl::InvalidArgumentError(absl::StrCat(
              use_.op.name(), ": result ", use_.outputs[o].ToText(), " on axis '", axis_.name,
              "': expected dim ", d, " to be whole, got a rank's share"));
        }
        result = Placement::Sharded(static_cast<int>(d));
      }
      if (has_offset && !result.is_sharded()) {
        return Refuse(offset_, "R, since the result is no rank's share of the leading dim");
      }
      results.push_back(result);
    }
    return results;
  }

  const RuleUse& use_;
  const absl::Span<const Placement> placements_;
  const MeshAxis& axis_;
  Signature signature_;
  std::vector<const SignatureOperand*> operands_;
  int offset_ = -1;   // the operand that counts slices, or -1
};

// --- Planning ---

// What an operand may become, with what that costs per byte of the whole value. A share of a
// symbolic dim is not gathered: the dims of what comes out would have no name.
struct Choice {
  Placement placement;
  double cost = 0;
};

std::vector<Choice> ChoicesOf(const ValueType& type, const Placement& given,
                              bool others_are_sharded, const MeshAxis& axis) {
  std::vector<Choice> choices = {{given, 0}};
  const double share = 1 - 1.0 / static_cast<double>(axis.size);
  if (given.is_partial()) {
    choices.push_back({Placement::Replicated(), 2 * share});
    for (size_t d = 0; d < type.dims.size() && others_are_sharded; ++d) {
      if (given.partial != PartialKind::kSum || !type.dims[d].IsConst() ||
          type.dims[d].value() % axis.size != 0) {
        continue;
      }
      choices.push_back({Placement::Sharded(static_cast<int>(d)), share});
    }
  } else if (given.is_sharded() && !axis.IsShare(type.dims[static_cast<size_t>(given.dim)])) {
    choices.push_back({Placement::Replicated(), share});
  }
  return choices;
}

// Elements of a value for comparing costs; a symbol counts as much as a usual batch or sequence.
double RoughCount(const ValueType& type) {
  double count = 1;
  for (const Dim& dim : type.dims) {
    count *= dim.IsConst() ? static_cast<double>(dim.value()) : 256.0;
  }
  return count * static_cast<double>(SizeOf(type.dtype));
}

class OperandSearch {
 public:
  OperandSearch(const RuleUse& use, absl::Span<const Placement> given, const MeshAxis& axis)
      : use_(use), axis_(axis), current_(given.begin(), given.end()) {
    bool any_sharded = false;
    for (const Placement& placement : given) any_sharded = any_sharded || placement.is_sharded();
    for (size_t i = 0; i < given.size(); ++i) {
      choices_.push_back(ChoicesOf(use.inputs[i], given[i], any_sharded, axis));
    }
  }

  // Operands beyond this many change together: all partial ones to R, or all to R.
  static constexpr size_t kMostSearched = 8;

  std::optional<OperandPlan> Best() {
    if (choices_.size() <= kMostSearched) {
      Try(0, 0);
    } else {
      TryTogether(/*sharded_too=*/false);
      if (!best_.has_value()) TryTogether(/*sharded_too=*/true);
    }
    return best_;
  }

 private:
  void Try(size_t operand, double cost) {
    if (best_.has_value() && cost >= best_cost_) return;
    if (operand == choices_.size()) {
      Keep(cost);
      return;
    }
    for (const Choice& choice : choices_[operand]) {
      current_[operand] = choice.placement;
      Try(operand + 1, cost + choice.cost * RoughCount(use_.inputs[operand]));
    }
    current_[operand] = choices_[operand][0].placement;
  }

  void TryTogether(bool sharded_too) {
    for (size_t i = 0; i < choices_.size(); ++i) {
      const Placement given = choices_[i][0].placement;
      const bool changes = given.is_partial() || (sharded_too && given.is_sharded());
      current_[i] = changes ? Placement::Replicated() : given;
    }
    Keep(0);
  }

  void Keep(double cost) {
    auto outputs = InferPlacements(use_, current_, axis_);
    if (!outputs.ok()) return;
    best_ = OperandPlan{current_, *std::move(outputs)};
    best_cost_ = cost;
  }

  const RuleUse& use_;
  const MeshAxis& axis_;
  std::vector<std::vector<Choice>> choices_;
  std::vector<Placement> current_;
  std::optional<OperandPlan> best_;
  double best_cost_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<Placement>> InferPlacements(const RuleUse& use,
                                                       absl::Span<const Placement> inputs,
                                                       const MeshAxis& axis) {
  return Rule(use, inputs, axis).Infer();
}

absl::StatusOr<OperandPlan> PlanOperands(const RuleUse& use, absl::Span<const Placement> inputs,
                                         const MeshAxis& axis) {
  auto given = InferPlacements(use, inputs, axis);
  if (given.ok()) {
    return OperandPlan{{inputs.begin(), inputs.end()}, *std::move(given)};
  }
  if (std::optional<OperandPlan> best = OperandSearch(use, inputs, axis).Best()) {
    return *std::move(best);
  }
  return given.status();
}

}  // namespace tessera
