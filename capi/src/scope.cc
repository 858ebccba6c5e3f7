// Functions of tessera.h about scopes: what a module's build callback and the gradient of an op may
// do. Each says to the scope what was asked, so that checked mode can compare two runs.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/building.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"

namespace {

using tessera::Scope;
using tessera::Values;
using tessera::capi::Call;
using tessera::capi::Guard;
using tessera::capi::ScopeObject;

// The first error of the graph stays, so what sticks to it is what the host gets.
absl::StatusOr<Values> Checked(ScopeObject& object, Values values) {
  RETURN_IF_ERROR(object.graph().status());
  return values;
}

std::string Listed(absl::Span<const tsr_value> values) {
  return absl::StrCat("(", absl::StrJoin(values, ", "), ")");
}

// "layers[2]" as "layers" and 2; without brackets the index is 0.
absl::StatusOr<std::pair<std::string_view, int64_t>> ReadSlot(std::string_view text) {
  const size_t bracket = text.find('[');
  if (bracket == std::string_view::npos) return std::pair(text, int64_t{0});
  int64_t index = -1;
  const std::string_view digits = text.substr(bracket + 1);
  if (digits.empty() || digits.back() != ']' ||
      !absl::SimpleAtoi(digits.substr(0, digits.size() - 1), &index) || index < 0 ||
      index > INT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(
        "slot: expected a name, or one with an index such as layers[2], got ",
        tessera::Quoted(text)));
  }
  return std::pair(text.substr(0, bracket), index);
}

absl::Status CheckSlot(const ScopeObject& object, std::string_view slot, int64_t index) {
  const tessera::ConfigNode& config = object.config();
  const tessera::FieldInfo* field = config.info().Find(slot);
  if (field == nullptr || field->kind != tessera::FieldKind::kSlot) {
    std::vector<std::string> slots;
    for (const tessera::FieldInfo& each : config.info().fields) {
      if (each.kind == tessera::FieldKind::kSlot) slots.push_back(each.name);
    }
    return absl::NotFoundError(absl::StrCat(config.type(), " has no slot ", tessera::Quoted(slot),
                                            tessera::SuggestionText(slot, slots)));
  }
  const size_t count = config.ChildCount(slot);
  if (index < static_cast<int64_t>(count)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("slot ", slot, ": expected a child number ", index,
                                          ", got ", count, " of them"));
}

absl::Status CheckValues(ScopeObject& object, absl::Span<const tsr_value> values,
                         std::string_view what) {
  for (size_t i = 0; i < values.size(); ++i) {
    RETURN_IF_ERROR(tessera::capi::CheckValue(object.graph().function(), values[i],
                                              absl::StrCat(what, ": inputs[", i, "]")));
  }
  return absl::OkStatus();
}

}  // namespace

tsr_status* tsr_scope_param(tsr_scope* scope, const char* path, size_t path_len, const char* dims,
                            size_t dims_len, const char* init, size_t init_len,
                            tsr_value* out_value) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(scope, "scope"));
    ASSIGN_OR_RETURN(const std::string_view name, tessera::capi::ReadName(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string_view dims_text,
                     tessera::capi::ReadText(dims, dims_len, "dims"));
    ASSIGN_OR_RETURN(const std::string_view init_text,
                     tessera::capi::ReadText(init, init_len, "init"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_value, "out_value"));
    ASSIGN_OR_RETURN(Scope* const module, object->scope("tsr_scope_param"));
    RETURN_IF_ERROR(tessera::capi::CheckPath(name, "path"));
    ASSIGN_OR_RETURN(const tessera::Dims read, tessera::capi::ParamDimsFromText(dims_text, name));
    ASSIGN_OR_RETURN(const tessera::ParamSpec spec,
                     tessera::capi::ParamSpecFromJson(init_text, read.size()));
    ASSIGN_OR_RETURN(
        const Values values,
        object->Do(absl::StrCat("param ", name, ToText(read), " ", init_text), [&] {
          return Checked(*object, {module->Param(name, read, spec.init, spec.logical_dims,
                                                 spec.decay)});
        }));
    *out_value = values[0];
    return absl::OkStatus();
  });
}

tsr_status* tsr_scope_add(tsr_scope* scope, const char* op, size_t op_len, const tsr_value* inputs,
                          size_t input_count, const char* attrs, size_t attrs_len,
                          tsr_value* outputs, size_t* inout_count) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(scope, "scope"));
    ASSIGN_OR_RETURN(const std::string_view name, tessera::capi::ReadName(op, op_len, "op"));
    ASSIGN_OR_RETURN(const auto operands,
                     tessera::capi::ReadArray(inputs, input_count, "inputs"));
    ASSIGN_OR_RETURN(const std::string_view attrs_text,
                     tessera::capi::ReadText(attrs, attrs_len, "attrs"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(inout_count, "inout_count"));
    RETURN_IF_ERROR(object->graph().status());
    const size_t room = *inout_count;
    const auto add = [&]() -> absl::StatusOr<Values> {
      RETURN_IF_ERROR(tessera::capi::AddOp(object->graph().function(), object->graph().ops(),
                                           {name, operands, attrs_text}, outputs, inout_count));
      return Values(outputs, outputs + *inout_count);
    };
    ASSIGN_OR_RETURN(const Values values,
                     object->Do(absl::StrCat(name, Listed(operands), " ", attrs_text), add));
    *inout_count = room;
    return tessera::capi::GiveValues<tsr_value>(values, outputs, inout_count, name);
  });
}

tsr_status* tsr_scope_call(tsr_scope* scope, const char* slot, size_t slot_len,
                           const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                           size_t* inout_count) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(scope, "scope"));
    ASSIGN_OR_RETURN(const std::string_view name, tessera::capi::ReadName(slot, slot_len, "slot"));
    ASSIGN_OR_RETURN(const auto operands,
                     tessera::capi::ReadArray(inputs, input_count, "inputs"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(inout_count, "inout_count"));
    ASSIGN_OR_RETURN(Scope* const module, object->scope("tsr_scope_call"));
    ASSIGN_OR_RETURN(const auto place, ReadSlot(name));
    RETURN_IF_ERROR(CheckSlot(*object, place.first, place.second));
    RETURN_IF_ERROR(CheckValues(*object, operands, absl::StrCat("slot ", name)));
    const std::string at = place.first.size() == name.size()
                               ? std::string(name)
                               : absl::StrCat(place.first, "/", place.second);
    ASSIGN_OR_RETURN(
        const Values values, object->Do(absl::StrCat("call ", name, Listed(operands)), [&] {
          return Checked(*object, module->Call(place.first, {operands.begin(), operands.end()}, at,
                                               static_cast<int>(place.second)));
        }));
    return tessera::capi::GiveValues<tsr_value>(values, outputs, inout_count,
                                                absl::StrCat("slot ", name));
  });
}

tsr_status* tsr_scope_ambient(tsr_scope* scope, const char* name, size_t name_len,
                              tsr_value* out_value) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(scope, "scope"));
    ASSIGN_OR_RETURN(const std::string_view text, tessera::capi::ReadName(name, name_len, "name"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_value, "out_value"));
    ASSIGN_OR_RETURN(Scope* const module, object->scope("tsr_scope_ambient"));
    if (!module->HasAmbient(text)) {
      return absl::NotFoundError(absl::StrCat("ambient value ", tessera::Quoted(text),
                                              " is not provided in this mode"));
    }
    ASSIGN_OR_RETURN(const Values values, object->Do(absl::StrCat("ambient ", text), [&] {
      return Checked(*object, {module->Ambient(text)});
    }));
    *out_value = values[0];
    return absl::OkStatus();
  });
}

tsr_status* tsr_scope_loss(tsr_scope* scope, const char* name, size_t name_len,
                           tsr_value numerator, tsr_value denominator, double weight) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(scope, "scope"));
    ASSIGN_OR_RETURN(const std::string_view text, tessera::capi::ReadName(name, name_len, "name"));
    ASSIGN_OR_RETURN(Scope* const module, object->scope("tsr_scope_loss"));
    RETURN_IF_ERROR(tessera::capi::CheckPath(text, "name"));
    const std::string request =
        absl::StrCat("loss ", text, Listed({numerator, denominator}), " ", weight);
    return object
        ->Do(request,
             [&]() -> absl::StatusOr<Values> {
               RETURN_IF_ERROR(tessera::capi::CheckLoss(object->graph().function(), text,
                                                        numerator, denominator, weight));
               module->AddLoss(text, numerator, denominator, weight);
               return Checked(*object, {});
             })
        .status();
  });
}

tsr_status* tsr_scope_dim(tsr_scope* scope, tsr_value value, int32_t index, char** out_text,
                          size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(scope, "scope"));
    RETURN_IF_ERROR(tessera::capi::CheckValue(object->graph().function(), value, "value"));
    const tessera::Dims& dims = object->graph().dims(value);
    if (index < 0 || static_cast<size_t>(index) >= dims.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "index: expected 0 to ", static_cast<int64_t>(dims.size()) - 1, " for a value of type ",
          object->graph().type(value).ToText(), ", got ", index));
    }
    return tessera::capi::GiveText(dims[index].ToText(), out_text, out_len);
  });
}
