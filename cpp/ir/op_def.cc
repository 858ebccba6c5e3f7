#include "cpp/ir/op_def.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"

namespace tessera {
namespace {

AttrSpec::Kind KindOf(const AttrValue& value) { return static_cast<AttrSpec::Kind>(value.index()); }

std::string_view KindName(AttrSpec::Kind kind) {
  static constexpr std::string_view kNames[] = {"a bool", "an int", "a float", "a text",
                                                "a list of ints"};
  return kNames[kind];
}

absl::Status WithName(std::string_view name, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
}

std::string TypesText(absl::Span<const ValueType> types) {
  return absl::StrJoin(types, ", ", [](std::string* out, const ValueType& type) {
    absl::StrAppend(out, type.ToText());
  });
}

constexpr const char* kElementwiseNames[] = {"x", "y", "z"};

// Dims of operands that broadcast from the right. Dims that cannot be proved equal are unequal.
absl::StatusOr<Dims> BroadcastDims(absl::Span<const ValueType> inputs) {
  size_t rank = 0;
  for (const ValueType& type : inputs) rank = std::max(rank, type.dims.size());
  Dims dims(rank, Dim(1));
  for (const ValueType& type : inputs) {
    const size_t skip = rank - type.dims.size();
    for (size_t i = 0; i < type.dims.size(); ++i) {
      Dim& dim = dims[skip + i];
      if (dim == Dim(1)) {
        dim = type.dims[i];
      } else if (type.dims[i] != Dim(1) && type.dims[i] != dim) {
        return absl::InvalidArgumentError(absl::StrCat(
            "dims do not broadcast: expected ", dim.ToText(), " or 1, got ", type.dims[i].ToText(),
            " at dim ", i, " of ", type.ToText(), "; operands are ", TypesText(inputs)));
      }
    }
  }
  return dims;
}

// The signature of a broadcast: the leading dims that every operand of full rank shares, and that
// no other operand reaches, are `...`; the others get names, or 1 where an operand is stretched.
absl::StatusOr<std::string> BroadcastSignature(absl::Span<const ValueType> inputs) {
  ASSIGN_OR_RETURN(const Dims dims, BroadcastDims(inputs));
  size_t rest = dims.size();
  for (const ValueType& type : inputs) {
    if (type.dims == dims) continue;
    size_t shared = dims.size() - type.dims.size();
    if (shared == 0) {
      while (type.dims[shared] == dims[shared]) ++shared;
    }
    rest = std::min(rest, shared);
  }
  const auto operand = [&](std::string_view name, const Dims& own) {
    std::vector<std::string> terms;
    const size_t skip = dims.size() - own.size();
    if (skip == 0) terms.push_back("...");
    for (size_t i = std::max(rest, skip); i < dims.size(); ++i) {
      terms.push_back(own[i - skip] == dims[i] ? absl::StrCat("d", i) : "1");
    }
    return absl::StrCat(name, "[", absl::StrJoin(terms, ", "), "]");
  };
  std::vector<std::string> operands;
  for (size_t i = 0; i < inputs.size(); ++i) {
    operands.push_back(operand(kElementwiseNames[i], inputs[i].dims));
  }
  return absl::StrCat(absl::StrJoin(operands, ", "), " -> ", operand("out", dims));
}

bool DTypeIs(DType dtype, std::string_view choice) {
  const bool integer = dtype != DType::kBool && !IsFloat(dtype);
  if (choice == "any") return true;
  if (choice == "float") return IsFloat(dtype);
  if (choice == "int") return integer;
  if (choice == "number") return integer || IsFloat(dtype);
  return DTypeFromName(choice) == dtype;
}

}  // namespace

OpDef&& OpDef::Doc(std::string text) && {
  doc_ = std::move(text);
  return std::move(*this);
}
OpDef&& OpDef::Version(int version) && {
  version_ = version;
  return std::move(*this);
}
OpDef&& OpDef::Signature(std::string text) && {
  signature_text_ = std::move(text);
  return std::move(*this);
}
OpDef&& OpDef::SignatureBy(SignatureFn fn) && {
  signature_fn_ = fn;
  return std::move(*this);
}
OpDef&& OpDef::Elementwise(int inputs) && {
  elementwise_inputs_ = inputs;
  grouped_ = "unchanged";
  return std::move(*this);
}
OpDef&& OpDef::Attr(std::string name, AttrValue fallback, std::string doc) && {
  attr_specs_.push_back(
      {KindOf(fallback), std::move(name), std::move(fallback), false, std::move(doc)});
  return std::move(*this);
}
OpDef&& OpDef::RequiredAttr(AttrSpec::Kind kind, std::string name, std::string doc) && {
  attr_specs_.push_back({kind, std::move(name), AttrValue(), true, std::move(doc)});
  return std::move(*this);
}
OpDef&& OpDef::InputDTypes(std::string text) && {
  input_dtypes_ = std::move(text);
  return std::move(*this);
}
OpDef&& OpDef::OutputDTypes(DTypeFn fn) && {
  dtype_fn_ = fn;
  return std::move(*this);
}
OpDef&& OpDef::OutputDType(DType dtype) && {
  has_output_dtype_ = true;
  output_dtype_ = dtype;
  return std::move(*this);
}
OpDef&& OpDef::OutputDTypeAttr(std::string attr) && {
  output_dtype_attr_ = std::move(attr);
  return std::move(*this);
}
OpDef&& OpDef::Check(CheckFn fn) && {
  check_ = fn;
  return std::move(*this);
}
OpDef&& OpDef::AnyAttrs() && {
  any_attrs_ = true;
  return std::move(*this);
}
OpDef&& OpDef::Gradient(GradientFn fn) && {
  gradient_ = std::move(fn);
  return std::move(*this);
}
OpDef&& OpDef::NoGradient() && {
  no_gradient_ = true;
  return std::move(*this);
}
OpDef&& OpDef::Linear(std::vector<int> inputs) && {
  linear_ = std::move(inputs);
  return std::move(*this);
}
OpDef&& OpDef::LinearTogether(std::vector<int> inputs) && {
  linear_ = std::move(inputs);
  is_linear_together_ = true;
  return std::move(*this);
}
OpDef&& OpDef::Repeats() && {
  repeats_ = true;
  return std::move(*this);
}
OpDef&& OpDef::InPlace(std::vector<std::pair<int, int>> pairs) && {
  in_place_ = std::move(pairs);
  return std::move(*this);
}
OpDef&& OpDef::View() && {
  is_view_ = true;
  return std::move(*this);
}
OpDef&& OpDef::MustAlias() && {
  must_alias_ = true;
  return std::move(*this);
}
OpDef&& OpDef::Flops(FlopsFn fn) && {
  flops_ = fn;
  return std::move(*this);
}
OpDef&& OpDef::Grouped(std::string rule) && {
  grouped_ = std::move(rule);
  return std::move(*this);
}

absl::StatusOr<std::string> OpDef::SignatureTextOf(const OpUse& use) const {
  if (elementwise_inputs_ > 0) {
    const size_t expected = static_cast<size_t>(elementwise_inputs_);
    if (use.inputs.size() != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected operands (",
                       absl::StrJoin(kElementwiseNames, kElementwiseNames + expected, ", "),
                       "), got ", use.inputs.size()));
    }
    return BroadcastSignature(use.inputs);
  }
  if (signature_fn_ != nullptr) return signature_fn_(use);
  return signature_text_;
}

int OpDef::RowOffset() const {
  const auto signature = tessera::Signature::Parse(signature_text_);
  return signature.ok() ? signature->RowOffset() : -1;
}

absl::StatusOr<tessera::Signature> OpDef::SignatureOf(const OpUse& use) const {
  ASSIGN_OR_RETURN(const std::string text, SignatureTextOf(use));
  return tessera::Signature::Parse(text);
}

absl::StatusOr<Attrs> OpDef::CompleteAttrs(const Attrs& attrs) const {
  Attrs complete;
  for (const AttrSpec& spec : attr_specs_) {
    const AttrValue* value = attrs.Find(spec.name);
    if (value == nullptr) {
      if (spec.required) {
        return absl::InvalidArgumentError(absl::StrCat(
            name_, ": attribute '", spec.name, "' is required (", spec.doc, ")"));
      }
      complete.Set(spec.name, spec.fallback);
    } else if (KindOf(*value) == spec.kind) {
      complete.Set(spec.name, *value);
    } else if (spec.kind == AttrSpec::kFloat && KindOf(*value) == AttrSpec::kInt) {
      complete.Set(spec.name, static_cast<double>(std::get<int64_t>(*value)));
    } else {
      return absl::InvalidArgumentError(absl::StrCat(name_, ": attribute '", spec.name,
                                                     "' expected ", KindName(spec.kind), ", got ",
                                                     ToText(*value)));
    }
  }
  for (const auto& [name, value] : attrs.entries()) {
    if (complete.Find(name) != nullptr) continue;
    if (any_attrs_) {
      complete.Set(name, value);
      continue;
    }
    std::vector<std::string> names;
    for (const AttrSpec& spec : attr_specs_) names.push_back(spec.name);
    return absl::InvalidArgumentError(absl::StrCat(name_, ": unknown attribute '", name, "'",
                                                   SuggestionText(name, names)));
  }
  return complete;
}

absl::Status OpDef::CheckInputDTypes(const tessera::Signature& signature, const OpUse& use) const {
  if (input_dtypes_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto operands, signature.Match(use.inputs.size()));
  for (std::string_view rule : absl::StrSplit(input_dtypes_, ',')) {
    const std::pair<std::string_view, std::string_view> parts =
        absl::StrSplit(rule, absl::MaxSplits(':', 1));
    const std::string_view name = absl::StripAsciiWhitespace(parts.first);
    const std::string_view choices = absl::StripAsciiWhitespace(parts.second);
    for (size_t i = 0; i < operands.size(); ++i) {
      if (operands[i]->name != name) continue;
      const DType dtype = use.inputs[i].dtype;
      bool fits = false;
      std::string expected(choices);
      for (std::string_view choice : absl::StrSplit(choices, '|')) {
        if (absl::ConsumePrefix(&choice, "=")) {
          for (size_t k = 0; k < operands.size(); ++k) {
            if (operands[k]->name != choice) continue;
            fits = fits || use.inputs[k].dtype == dtype;
            expected = absl::StrCat(Name(use.inputs[k].dtype), " as in '", choice, "'");
            break;
          }
        } else {
          fits = fits || DTypeIs(dtype, choice);
        }
      }
      if (!fits) {
        return absl::InvalidArgumentError(absl::StrCat("operand '", name, "': expected dtype ",
                                                       expected, ", got ",
                                                       use.inputs[i].ToText()));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DType>> OpDef::DTypesOf(const OpUse& use, size_t output_count) const {
  if (dtype_fn_ != nullptr) {
    ASSIGN_OR_RETURN(std::vector<DType> dtypes, dtype_fn_(use));
    RET_CHECK_EQ(dtypes.size(), output_count);
    return dtypes;
  }
  if (has_output_dtype_) return std::vector<DType>(output_count, output_dtype_);
  if (!output_dtype_attr_.empty()) {
    const std::string name = use.attrs.Text(output_dtype_attr_);
    // Empty means as input 0, where there is one.
    if (!name.empty() || use.inputs.empty()) {
      const std::optional<DType> dtype = DTypeFromName(name);
      if (!dtype.has_value()) {
        std::vector<std::string> names;
        for (DType known : kAllDTypes) names.emplace_back(Name(known));
        return absl::InvalidArgumentError(
            absl::StrCat(output_dtype_attr_, " expected the name of a dtype (",
                         absl::StrJoin(names, ", "), "), got '", name, "'"));
      }
      return std::vector<DType>(output_count, *dtype);
    }
  }
  RET_CHECK(!use.inputs.empty()) << "no rule for the dtype of the output";
  return std::vector<DType>(output_count, use.inputs[0].dtype);
}

absl::StatusOr<std::vector<ValueType>> OpDef::InferUnnamed(const OpUse& use) const {
  ASSIGN_OR_RETURN(const tessera::Signature signature, SignatureOf(use));
  // Dims first: their check knows how many operands there should be.
  ASSIGN_OR_RETURN(std::vector<Dims> dims, signature.Infer(use.inputs, use.attrs));
  RETURN_IF_ERROR(CheckInputDTypes(signature, use));
  if (check_ != nullptr) RETURN_IF_ERROR(check_(use));
  ASSIGN_OR_RETURN(const std::vector<DType> dtypes, DTypesOf(use, dims.size()));
  std::vector<ValueType> types;
  for (size_t i = 0; i < dims.size(); ++i) types.push_back({dtypes[i], std::move(dims[i])});
  return types;
}

absl::StatusOr<std::vector<ValueType>> OpDef::Infer(const OpUse& use) const {
  auto types = InferUnnamed(use);
  if (!types.ok()) return WithName(name_, types.status());
  return types;
}

OpCost OpDef::Cost(absl::Span<const ValueType> inputs, absl::Span<const ValueType> outputs,
                   const Attrs& attrs, const SymbolSizes& sizes) const {
  OpCost cost;
  std::vector<std::vector<int64_t>> input_dims, output_dims;
  double output_elements = 0;
  for (const auto& [types, dims] : {std::pair(inputs, &input_dims), {outputs, &output_dims}}) {
    for (const ValueType& type : types) {
      absl::StatusOr<std::vector<int64_t>> known = Eval(type.dims, sizes);
      if (!known.ok()) return {};
      double elements = 1;
      for (int64_t dim : *known) elements *= static_cast<double>(dim);
      cost.bytes += elements * static_cast<double>(SizeOf(type.dtype));
      if (dims == &output_dims) output_elements += elements;
      dims->push_back(*std::move(known));
    }
  }
  if (is_view_) return {};
  cost.flops = flops_ == nullptr ? output_elements : flops_(input_dims, output_dims, attrs);
  return cost;
}

}  // namespace tessera
