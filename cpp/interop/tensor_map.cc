#include "cpp/interop/tensor_map.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/interop/rearrange.h"

namespace tessera {
namespace {

constexpr int64_t kMaxStack = 1 << 16;
constexpr size_t kNamesShown = 8;

absl::StatusOr<bool> BoolOf(const ConfigValue& rule, std::string_view name) {
  const ConfigValue* value = rule.Find(name);
  if (value == nullptr) return false;
  if (value->AsBool() == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": expected true or false"));
  }
  return *value->AsBool();
}

std::string TextOf(const ConfigValue& rule, std::string_view name) {
  const ConfigValue* value = rule.Find(name);
  return value == nullptr || value->AsText() == nullptr ? "" : *value->AsText();
}

absl::StatusOr<TensorRule> ParseRule(const ConfigValue& described) {
  TensorRule rule;
  ASSIGN_OR_RETURN(rule.theirs, NamePattern::Parse(TextOf(described, "theirs")));
  const ConfigValue* ours = described.Find("ours");
  std::vector<std::string> texts;
  if (ours != nullptr && ours->AsText() != nullptr) texts.push_back(*ours->AsText());
  if (ours != nullptr && ours->AsList() != nullptr) {
    for (const ConfigValue& one : *ours->AsList()) {
      if (one.AsText() != nullptr) texts.push_back(*one.AsText());
    }
  }
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(NamePattern pattern, NamePattern::Parse(text));
    rule.ours.push_back(std::move(pattern));
  }
  if (rule.ours.empty() || rule.theirs.text().empty()) {
    return absl::InvalidArgumentError("expected 'theirs' and 'ours'");
  }
  ASSIGN_OR_RETURN(rule.is_transposed, BoolOf(described, "transpose"));
  ASSIGN_OR_RETURN(rule.is_interleaved, BoolOf(described, "interleaved"));
  rule.stack = TextOf(described, "stack");
  rule.pairs = TextOf(described, "pairs");
  if (const ConfigValue* dim = described.Find("dim"); dim != nullptr) {
    if (dim->AsInt() == nullptr || *dim->AsInt() < 0 || *dim->AsInt() > 7) {
      return absl::InvalidArgumentError("dim: expected a number from 0 to 7");
    }
    rule.dim = static_cast<size_t>(*dim->AsInt());
  }
  return rule;
}

// The dims of a tensor of theirs that holds parts of these dims (in our layout).
absl::StatusOr<std::vector<int64_t>> JoinedDims(const TensorRule& rule,
                                                const std::vector<NamedDims>& ours) {
  std::vector<int64_t> dims = ours[0].dims;
  if (!rule.stack.empty()) {
    if (dims.size() < 2) {
      return absl::InvalidArgumentError(absl::StrCat(ours[0].name, ": nothing to count up"));
    }
    dims.erase(dims.begin());
  }
  if (ours.size() > 1) {
    if (rule.dim >= dims.size()) {
      return absl::InvalidArgumentError(absl::StrCat(ours[0].name, ": it has no dim ", rule.dim));
    }
    for (size_t i = 1; i < ours.size(); ++i) {
      const std::vector<int64_t>& part = ours[i].dims;
      if (part.size() != ours[0].dims.size() ||
          (rule.is_interleaved && part != ours[0].dims)) {
        return absl::InvalidArgumentError(
            absl::StrCat(ours[i].name, " does not fit to ", ours[0].name));
      }
      dims[rule.dim] += part[rule.dim + (rule.stack.empty() ? 0 : 1)];
    }
  }
  if (rule.is_transposed) {
    if (dims.size() < 2) {
      return absl::InvalidArgumentError(absl::StrCat(ours[0].name, ": expected a matrix"));
    }
    std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  }
  return dims;
}

std::string SomeNames(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kNamesShown);
  std::string text = absl::StrJoin(names.begin(), names.begin() + static_cast<ptrdiff_t>(shown),
                                   ", ");
  if (shown < names.size()) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

// Tensors of theirs for one set of parameters.
absl::Status FillTheirs(const NameParts& parts, Correspondence& pair) {
  const TensorRule& rule = *pair.rule;
  ASSIGN_OR_RETURN(const std::vector<int64_t> dims, JoinedDims(rule, pair.ours));
  if (rule.stack.empty()) {
    pair.theirs.push_back({rule.theirs.Fill(parts), dims});
    return absl::OkStatus();
  }
  const int64_t count = pair.ours[0].dims[0];
  if (count > kMaxStack) {
    return absl::InvalidArgumentError(
        absl::StrCat(pair.ours[0].name, ": expected at most ", kMaxStack, " to count, got ",
                     count));
  }
  NameParts counted = parts;
  for (int64_t i = 0; i < count; ++i) {
    counted[rule.stack] = absl::StrCat(i);
    pair.theirs.push_back({rule.theirs.Fill(counted), dims});
  }
  return absl::OkStatus();
}

// Rows of heads in our order; the dim that holds them is the last one of ours.
absl::StatusOr<Tensor> FromPairs(const TensorRule& rule, Tensor tensor) {
  if (rule.pairs.empty()) return tensor;
  return PairsToHalves(tensor, tensor.dims.size() - 1, rule.heads);
}

}  // namespace

absl::StatusOr<TensorMap> TensorMap::Parse(
    const ConfigValue& rules,
    const std::function<absl::StatusOr<int64_t>(std::string_view)>& heads) {
  if (rules.AsList() == nullptr) return absl::InvalidArgumentError("tensors: expected a list");
  TensorMap map;
  for (const ConfigValue& described : *rules.AsList()) {
    auto rule = ParseRule(described);
    if (rule.ok() && !rule->pairs.empty()) {
      ASSIGN_OR_RETURN(rule->heads, heads(rule->pairs));
    }
    if (!rule.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensors: ", described.ToJson(), ": ", rule.status().message()));
    }
    map.rules_.push_back(*std::move(rule));
  }
  return map;
}

absl::StatusOr<std::vector<Correspondence>> TensorMap::Find(
    const std::vector<NamedDims>& params) const {
  struct Use {
    std::vector<const NamedDims*> parts;
    NameParts places;
  };
  // By rule and places; the first rule that knows a parameter has it.
  std::vector<std::map<NameParts, Use>> uses(rules_.size());
  std::vector<std::string> unknown;
  for (const NamedDims& param : params) {
    bool is_known = false;
    for (size_t r = 0; r < rules_.size() && !is_known; ++r) {
      for (size_t p = 0; p < rules_[r].ours.size() && !is_known; ++p) {
        NameParts places;
        if (!rules_[r].ours[p].Match(param.name, &places)) continue;
        Use& use = uses[r][places];
        use.places = std::move(places);
        use.parts.resize(rules_[r].ours.size());
        use.parts[p] = &param;
        is_known = true;
      }
    }
    if (!is_known) unknown.push_back(param.name);
  }
  if (!unknown.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the family has no tensors for these parameters: ", SomeNames(unknown)));
  }
  std::vector<Correspondence> found;
  for (size_t r = 0; r < rules_.size(); ++r) {
    for (const auto& [places, use] : uses[r]) {
      Correspondence pair;
      pair.rule = &rules_[r];
      for (size_t p = 0; p < use.parts.size(); ++p) {
        if (use.parts[p] == nullptr) {
          return absl::InvalidArgumentError(
              absl::StrCat(rules_[r].theirs.Fill(places), ": the model lacks its part ",
                           rules_[r].ours[p].Fill(places)));
        }
        pair.ours.push_back(*use.parts[p]);
      }
      RETURN_IF_ERROR(FillTheirs(places, pair));
      found.push_back(std::move(pair));
    }
  }
  return found;
}

namespace {

// One tensor of theirs in our layout, cut to part number `part`.
absl::StatusOr<Tensor> OursOf(const Correspondence& pair, size_t part, Tensor theirs) {
  const TensorRule& rule = *pair.rule;
  if (rule.is_transposed) {
    ASSIGN_OR_RETURN(theirs, TransposeLastTwo(theirs));
  }
  if (pair.ours.size() > 1) {
    const size_t own_dim = rule.dim + (rule.stack.empty() ? 0 : 1);
    const int64_t size = pair.ours[part].dims[own_dim];
    int64_t begin = static_cast<int64_t>(part);
    int64_t step = static_cast<int64_t>(pair.ours.size());
    if (!rule.is_interleaved) {
      begin = 0;
      step = 1;
      for (size_t i = 0; i < part; ++i) begin += pair.ours[i].dims[own_dim];
    }
    ASSIGN_OR_RETURN(theirs, TakePart(theirs, rule.dim, begin, size, step));
  }
  return FromPairs(rule, std::move(theirs));
}

}  // namespace

absl::StatusOr<Tensor> MakeOurs(const Correspondence& pair, size_t part, const ReadTensor& read) {
  if (pair.rule->stack.empty()) {
    ASSIGN_OR_RETURN(Tensor theirs, read(pair.theirs[0].name));
    return OursOf(pair, part, std::move(theirs));
  }
  Tensor whole;
  for (size_t i = 0; i < pair.theirs.size(); ++i) {
    ASSIGN_OR_RETURN(Tensor theirs, read(pair.theirs[i].name));
    ASSIGN_OR_RETURN(const Tensor one, OursOf(pair, part, std::move(theirs)));
    if (i == 0) {
      ASSIGN_OR_RETURN(whole, Tensor::Zeros(one.dtype, pair.ours[part].dims));
    }
    if (one.dtype != whole.dtype) {
      return absl::InvalidArgumentError(
          absl::StrCat(pair.theirs[i].name, ": expected ", Name(whole.dtype), " as in ",
                       pair.theirs[0].name, ", got ", Name(one.dtype)));
    }
    RETURN_IF_ERROR(PutPart(WithFrontDim(one), 0, static_cast<int64_t>(i), 1, whole));
  }
  return whole;
}

absl::StatusOr<Tensor> MakeTheirs(const Correspondence& pair, size_t index,
                                  const ReadTensor& read) {
  const TensorRule& rule = *pair.rule;
  Tensor joined;
  int64_t begin = 0;
  for (size_t p = 0; p < pair.ours.size(); ++p) {
    ASSIGN_OR_RETURN(Tensor part, read(pair.ours[p].name));
    if (!rule.stack.empty()) {
      ASSIGN_OR_RETURN(part, TakePart(part, 0, static_cast<int64_t>(index), 1, 1));
      part = WithoutFrontDim(std::move(part));
    }
    if (!rule.pairs.empty()) {
      ASSIGN_OR_RETURN(part, HalvesToPairs(part, part.dims.size() - 1, rule.heads));
    }
    if (pair.ours.size() == 1) {
      joined = std::move(part);
      continue;
    }
    if (p == 0) {
      std::vector<int64_t> dims = pair.theirs[index].dims;
      if (rule.is_transposed) std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
      ASSIGN_OR_RETURN(joined, Tensor::Zeros(part.dtype, std::move(dims)));
    }
    RET_CHECK(part.dtype == joined.dtype) << pair.ours[p].name;
    const auto parts = static_cast<int64_t>(pair.ours.size());
    RETURN_IF_ERROR(rule.is_interleaved
                        ? PutPart(part, rule.dim, static_cast<int64_t>(p), parts, joined)
                        : PutPart(part, rule.dim, begin, 1, joined));
    begin += part.dims[rule.dim];
  }
  return rule.is_transposed ? TransposeLastTwo(joined) : joined;
}

}  // namespace tessera
