#include "capi/src/internal/program_inputs.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"

namespace tessera::capi {
namespace {

// The step that keys random numbers, an input of programs that draw some.
constexpr std::string_view kStep = "step";

UsualValue UsualOf(const FunctionInput& input) {
  if (input.kind == InputKind::kArgument) {
    const bool is_answer = input.name == "targets" || input.name == "labels";
    return is_answer ? UsualValue::kIgnored : UsualValue::kNone;
  }
  for (const char* name : {"positions", "source_positions"}) {
    if (input.name == name) return UsualValue::kPositions;
  }
  for (const char* name : {"segments", "source_segments", "token_types", "batch_offset"}) {
    if (input.name == name) return UsualValue::kZeros;
  }
  if (input.name == "start") return UsualValue::kStart;
  return UsualValue::kNone;
}

// Whether a dim is one symbol and nothing else.
bool IsSymbol(const Dim& dim) {
  const std::string text = dim.ToText();
  return !dim.IsConst() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

std::string SizesText(const SymbolSizes& sizes) {
  return absl::StrJoin(sizes, ", ", [](std::string* out, const auto& size) {
    absl::StrAppend(out, size.first, "=", size.second);
  });
}

absl::Status WrongType(const InputSpec& spec, const Tensor& tensor, std::string_view because) {
  return absl::InvalidArgumentError(absl::StrCat("input ", spec.name, ": expected ",
                                                 spec.type.ToText(), because, ", got ",
                                                 tensor.TypeText()));
}

// Takes the sizes of symbols from the dims that are nothing else; the rest is checked later.
absl::Status BindSymbols(const InputSpec& spec, const Tensor& tensor, SymbolSizes& sizes) {
  if (tensor.dtype != spec.type.dtype || tensor.dims.size() != spec.type.dims.size()) {
    return WrongType(spec, tensor, "");
  }
  for (size_t i = 0; i < tensor.dims.size(); ++i) {
    const Dim& dim = spec.type.dims[i];
    if (dim.IsConst() && dim.value() != tensor.dims[i]) return WrongType(spec, tensor, "");
    if (!IsSymbol(dim)) continue;
    const auto [it, is_new] = sizes.try_emplace(dim.ToText(), tensor.dims[i]);
    if (it->second != tensor.dims[i]) {
      return WrongType(spec, tensor,
                       absl::StrCat(" with ", it->first, "=", it->second, " as in other inputs"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckDims(const InputSpec& spec, const Tensor& tensor, const SymbolSizes& sizes) {
  const absl::StatusOr<std::vector<int64_t>> dims = Eval(spec.type.dims, sizes);
  if (!dims.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("input ", spec.name, " ", spec.type.ToText(),
                                                   ": ", dims.status().message()));
  }
  if (*dims == tensor.dims) return absl::OkStatus();
  return WrongType(spec, tensor, absl::StrCat(" with ", SizesText(sizes)));
}

void FillPositions(const Tensor& tensor, const int32_t* starts) {
  const int64_t columns = tensor.dims.back();
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const int64_t start = starts == nullptr ? 0 : starts[i / columns];
    tensor.data_as<int32_t>()[i] = static_cast<int32_t>(
        std::min<int64_t>(start + i % columns, std::numeric_limits<int32_t>::max()));
  }
}

}  // namespace

std::string_view Explain(UsualValue usual) {
  switch (usual) {
    case UsualValue::kNone:
      return "";
    case UsualValue::kPositions:
      return "0, 1, 2, ... in each row, after what caches hold";
    case UsualValue::kZeros:
      return "0";
    case UsualValue::kIgnored:
      return "ignored by the loss";
    case UsualValue::kStart:
      return "the tokens that the caches hold for each row";
  }
  return "";
}

ProgramInputs::ProgramInputs(const Function& main, bool is_model, bool has_keys,
                             int64_t ignored_target)
    : ignored_target_(ignored_target) {
  for (const FunctionInput& input : main.inputs()) {
    if (input.kind != InputKind::kArgument && input.kind != InputKind::kAmbient) continue;
    specs_.push_back({input.name, main.type(input.value),
                      is_model ? UsualOf(input) : UsualValue::kNone});
  }
  takes_step_ = has_keys && !Has(kStep);
  if (takes_step_) {
    specs_.push_back({std::string(kStep), {DType::kI64, {}}, UsualValue::kZeros});
  }
}

bool ProgramInputs::Has(std::string_view name) const {
  return std::any_of(specs_.begin(), specs_.end(),
                     [&](const InputSpec& spec) { return spec.name == name; });
}

absl::StatusOr<std::vector<const InputSpec*>> ProgramInputs::Match(
    absl::Span<const NamedTensor> given, bool needs_targets) const {
  std::vector<std::string> names, wrong;
  for (const InputSpec& spec : specs_) names.push_back(spec.name);
  std::vector<const InputSpec*> matched;
  std::vector<bool> is_given(specs_.size(), false);
  for (const NamedTensor& tensor : given) {
    const auto it = std::find(names.begin(), names.end(), tensor.name);
    if (it == names.end()) {
      wrong.push_back(absl::StrCat("input ", Quoted(tensor.name), ": expected one of ",
                                   absl::StrJoin(names, ", "), ", got another name",
                                   SuggestionText(tensor.name, names)));
      continue;
    }
    const size_t index = static_cast<size_t>(it - names.begin());
    if (is_given[index]) {
      wrong.push_back(absl::StrCat("input ", tensor.name, ": expected once, got twice"));
    }
    is_given[index] = true;
    matched.push_back(&specs_[index]);
  }
  for (size_t i = 0; i < specs_.size(); ++i) {
    const bool is_needed = specs_[i].usual == UsualValue::kNone ||
                           (needs_targets && specs_[i].usual == UsualValue::kIgnored);
    if (is_given[i] || !is_needed) continue;
    wrong.push_back(absl::StrCat("input ", specs_[i].name, ": expected ",
                                 specs_[i].type.ToText(), ", got none"));
  }
  if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrJoin(wrong, "\n"));
  return matched;
}

absl::StatusOr<int64_t> ProgramInputs::ReadStep(const Tensor& tensor) const {
  const int64_t step = *tensor.data_as<int64_t>();
  if (step >= 0) return step;
  return absl::InvalidArgumentError(
      absl::StrCat("input ", kStep, ": expected at least 0, got ", step));
}

absl::StatusOr<BoundInputs> ProgramInputs::Bind(absl::Span<const NamedTensor> given,
                                                bool needs_targets) const {
  ASSIGN_OR_RETURN(const std::vector<const InputSpec*> specs, Match(given, needs_targets));
  BoundInputs bound;
  std::vector<std::string> wrong;
  for (size_t i = 0; i < given.size(); ++i) {
    const absl::Status status = BindSymbols(*specs[i], given[i].tensor, bound.sizes);
    if (!status.ok()) wrong.emplace_back(status.message());
  }
  for (size_t i = 0; i < given.size() && wrong.empty(); ++i) {
    const absl::Status status = CheckDims(*specs[i], given[i].tensor, bound.sizes);
    if (!status.ok()) wrong.emplace_back(status.message());
  }
  if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrJoin(wrong, "\n"));
  for (const NamedTensor& tensor : given) {
    bound.tensors.emplace(tensor.name, tensor.tensor);
    if (takes_step_ && tensor.name == kStep) {
      ASSIGN_OR_RETURN(bound.step, ReadStep(tensor.tensor));
    }
  }
  return bound;
}

absl::Status ProgramInputs::AddUsual(absl::Span<const int64_t> lengths, BoundInputs& bound) const {
  // Positions follow the starts, so they come last.
  for (const bool positions : {false, true}) {
    for (const InputSpec& spec : specs_) {
      if ((spec.usual == UsualValue::kPositions) != positions ||
          bound.tensors.contains(spec.name)) {
        continue;
      }
      ASSIGN_OR_RETURN(std::vector<int64_t> dims, Eval(spec.type.dims, bound.sizes));
      ASSIGN_OR_RETURN(Tensor tensor, Tensor::Zeros(spec.type.dtype, std::move(dims)));
      if (spec.usual == UsualValue::kIgnored) {
        for (int64_t i = 0; i < tensor.count(); ++i) {
          tensor.Put(i, static_cast<double>(ignored_target_));
        }
      } else if (spec.usual == UsualValue::kStart) {
        RET_CHECK_EQ(static_cast<size_t>(tensor.count()), lengths.size());
        for (int64_t i = 0; i < tensor.count(); ++i) {
          tensor.data_as<int32_t>()[i] = static_cast<int32_t>(lengths[i]);
        }
      } else if (positions) {
        const auto start = bound.tensors.find("start");
        FillPositions(tensor,
                      start == bound.tensors.end() ? nullptr : start->second.data_as<int32_t>());
      }
      bound.tensors.emplace(spec.name, std::move(tensor));
    }
  }
  return absl::OkStatus();
}

}  // namespace tessera::capi
