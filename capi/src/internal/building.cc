#include "capi/src/internal/building.h"

#include <cfloat>
#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/options.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/config/value.h"

namespace tessera::capi {
namespace {

// No tensor at the boundary to kernels has more (device/backend.h).
constexpr size_t kMostDims = 8;

const std::map<std::string_view, double>& NumbersByName() {
  static const auto* const numbers = new std::map<std::string_view, double>{
      {"inf", std::numeric_limits<double>::infinity()},
      {"-inf", -std::numeric_limits<double>::infinity()},
      {"nan", std::numeric_limits<double>::quiet_NaN()}};
  return *numbers;
}

bool WantsFloat(const OpDef* op, std::string_view attr) {
  if (op == nullptr) return false;
  for (const AttrSpec& spec : op->attr_specs()) {
    if (spec.name == attr) return spec.kind == AttrSpec::kFloat;
  }
  return false;
}

// False when the value is nothing that an attribute can be.
bool ReadAttr(const JsonValue& json, bool wants_float, AttrValue& value) {
  int64_t integer = 0;
  double number = 0;
  switch (json.kind) {
    case JsonValue::Kind::kBool:
      value = json.boolean;
      return true;
    case JsonValue::Kind::kText: {
      const auto it = NumbersByName().find(json.text);
      if (wants_float && it != NumbersByName().end()) {
        value = it->second;
      } else {
        value = json.text;
      }
      return true;
    }
    case JsonValue::Kind::kNumber:
      if (absl::SimpleAtoi(json.text, &integer)) {
        value = integer;
        return true;
      }
      if (!absl::SimpleAtod(json.text, &number)) return false;
      value = number;
      return true;
    case JsonValue::Kind::kList: {
      std::vector<int64_t> integers;
      for (const JsonValue& item : json.items) {
        if (item.kind != JsonValue::Kind::kNumber || !absl::SimpleAtoi(item.text, &integer)) {
          return false;
        }
        integers.push_back(integer);
      }
      value = std::move(integers);
      return true;
    }
    case JsonValue::Kind::kNull:
    case JsonValue::Kind::kObject:
      return false;
  }
  return false;
}

std::string AttrToJson(const AttrValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return JsonQuoted(*text);
  const double* number = std::get_if<double>(&value);
  if (number != nullptr && !std::isfinite(*number)) return JsonQuoted(ToText(value));
  return ToText(value);
}

}  // namespace

absl::StatusOr<Attrs> AttrsFromJson(std::string_view text, const OpDef* op) {
  OptionReader reader(text, "attrs");
  Attrs attrs;
  for (const JsonMember& member : reader.All()) {
    AttrValue value;
    if (ReadAttr(member.value, WantsFloat(op, member.name), value)) {
      attrs.Set(member.name, std::move(value));
    } else {
      reader.Fail(member.name, "true, false, a number, text or a list of integers",
                  Describe(member.value));
    }
  }
  RETURN_IF_ERROR(reader.Finish());
  return attrs;
}

std::string AttrsToJson(const Attrs& attrs) {
  return absl::StrCat("{",
                      absl::StrJoin(attrs.entries(), ", ",
                                    [](std::string* out, const Attrs::Entry& entry) {
                                      absl::StrAppend(out, JsonQuoted(entry.first), ": ",
                                                      AttrToJson(entry.second));
                                    }),
                      "}");
}

absl::StatusOr<ParamSpec> ParamSpecFromJson(std::string_view text, size_t rank) {
  constexpr std::string_view kKinds[] = {"constant", "normal", "uniform"};
  OptionReader reader(text, "init");
  ParamSpec spec;
  spec.decay = rank >= 2;
  reader.Choice("kind", kKinds, &spec.init.kind);
  reader.Float("mean", -DBL_MAX, DBL_MAX, &spec.init.mean);
  reader.Float("stddev", 0, DBL_MAX, &spec.init.stddev);
  reader.Bool("decay", &spec.decay);
  if (const JsonValue* dims = reader.Any("logical_dims")) {
    bool are_texts = dims->kind == JsonValue::Kind::kList && dims->items.size() == rank;
    for (const JsonValue& item : dims->items) {
      are_texts = are_texts && item.kind == JsonValue::Kind::kText;
      spec.logical_dims.push_back(item.text);
    }
    if (!are_texts) {
      reader.Fail("logical_dims", absl::StrCat("a list of ", rank, " texts, one for each dim"),
                  Describe(*dims));
    }
  }
  RETURN_IF_ERROR(reader.Finish());
  return spec;
}

absl::StatusOr<Dims> DimsFromText(std::string_view text, std::string_view name) {
  absl::StatusOr<Dims> dims = Dims();
  if (!text.empty()) dims = ParseDims(text);
  if (!dims.ok()) {
    return absl::Status(dims.status().code(),
                        absl::StrCat(name, ": dims: ", dims.status().message()));
  }
  if (dims->size() > kMostDims) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": dims: expected at most ", kMostDims,
                                                   ", got ", dims->size()));
  }
  for (const Dim& dim : *dims) {
    if (!dim.IsConst() || dim.value() >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": dims: expected sizes of at least 0, got ", dim.value(), " in ", ToText(*dims)));
  }
  return dims;
}

absl::StatusOr<Dims> ParamDimsFromText(std::string_view text, std::string_view path) {
  ASSIGN_OR_RETURN(Dims dims, DimsFromText(text, path));
  for (const Dim& dim : dims) {
    if (dim.IsConst()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": dims: a parameter has constant ones, got ", ToText(dims)));
  }
  return dims;
}

absl::Status CheckPath(std::string_view path, std::string_view name) {
  bool at_start = true;
  bool sound = !path.empty();
  for (char c : path) {
    const bool is_plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
                          c == '-' || c == '.';
    sound = sound && (is_plain || (c == '/' && !at_start));
    at_start = c == '/';
  }
  if (sound && !at_start) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": expected a path of letters, digits, '_', '-' and '.' in parts such as "
            "layers/0/weight, got ",
      Quoted(path)));
}

absl::Status CheckValue(const Function& function, tsr_value value, std::string_view name) {
  if (value >= 0 && static_cast<size_t>(value) < function.values().size()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(name, ": expected a value of this graph, 0 to ",
                                                 static_cast<int64_t>(function.values().size()) - 1,
                                                 ", got ", value));
}

absl::Status AddOp(Function& function, const OpTable& ops, const OpRequest& request,
                   tsr_value* outputs, size_t* inout_count) {
  const std::string_view op = request.op;
  RETURN_IF_ERROR(CheckPointer(inout_count, "inout_count"));
  ASSIGN_OR_RETURN(const OpDef* def, ops.Get(op));
  // A copy: a caller may have a value replaced by what is made of it, in the same place.
  const std::vector<ValueId> inputs(request.inputs.begin(), request.inputs.end());
  std::vector<ValueType> types;
  for (size_t i = 0; i < inputs.size(); ++i) {
    RETURN_IF_ERROR(CheckValue(function, inputs[i], absl::StrCat(op, ": inputs[", i, "]")));
    types.push_back(function.type(inputs[i]));
  }
  absl::StatusOr<Attrs> attrs = AttrsFromJson(request.attrs, def);
  if (!attrs.ok()) {
    return absl::Status(attrs.status().code(), absl::StrCat(op, ": ", attrs.status().message()));
  }
  ASSIGN_OR_RETURN(const Attrs complete, def->CompleteAttrs(*attrs));
  ASSIGN_OR_RETURN(const std::vector<ValueType> results, def->Infer({types, complete}));
  // What finds no room is not added.
  std::vector<ValueId> values(results.size(), kNoValue);
  RETURN_IF_ERROR(GiveValues<ValueId>(values, outputs, inout_count, op));
  ASSIGN_OR_RETURN(values, function.AddNode(*def, complete, inputs));
  std::copy(values.begin(), values.end(), outputs);
  return absl::OkStatus();
}

namespace {

// The name of a parameter or state that `value` depends on, or "".
std::string DependsOn(const Function& function, ValueId value) {
  std::vector<bool> seen(function.values().size(), false);
  std::vector<ValueId> open = {value};
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    const Value& at = function.value(id);
    if (at.node >= 0) {
      const std::vector<ValueId>& inputs = function.nodes()[at.node].inputs;
      open.insert(open.end(), inputs.begin(), inputs.end());
      continue;
    }
    for (const FunctionInput& input : function.inputs()) {
      if (input.value == id &&
          (input.kind == InputKind::kParam || input.kind == InputKind::kState)) {
        return input.name;
      }
    }
  }
  return "";
}

}  // namespace

absl::Status CheckLoss(const Function& function, std::string_view name, tsr_value numerator,
                       tsr_value denominator, double weight) {
  for (const auto& [value, what] : {std::pair(numerator, "numerator"),
                                    std::pair(denominator, "denominator")}) {
    const std::string label = absl::StrCat("loss ", name, ": ", what);
    RETURN_IF_ERROR(CheckValue(function, value, label));
    const ValueType& type = function.type(value);
    if (!type.dims.empty() || !IsFloat(type.dtype)) {
      return absl::InvalidArgumentError(
          absl::StrCat(label, ": expected a scalar of a float type, got ", type.ToText()));
    }
  }
  if (!std::isfinite(weight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("loss ", name, ": weight: expected a finite number, got ",
                     ShortestNumber(weight)));
  }
  for (const FunctionOutput& output : function.outputs()) {
    if (output.kind == OutputKind::kLossNumerator && output.name == name) {
      return absl::InvalidArgumentError(
          absl::StrCat("loss ", name, ": expected a new name, got that of another loss"));
    }
  }
  const std::string source = DependsOn(function, denominator);
  if (source.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "loss ", name, ": denominator: expected a value of inputs and constants only, got one that "
                     "depends on ",
      source));
}

}  // namespace tessera::capi
