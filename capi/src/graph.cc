// Functions of tessera.h about graphs: functions that a host builds op by op.

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/building.h"
#include "capi/src/internal/graph_object.h"
#include "capi/src/internal/guard.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/serializer.h"

namespace {

using tessera::DType;
using tessera::Function;
using tessera::InputKind;
using tessera::OutputKind;
using tessera::capi::Call;
using tessera::capi::GraphObject;
using tessera::capi::Guard;

// The name of the only function in the bytes of a graph.
constexpr char kMain[] = "main";

// Runs `body` on the graph, as its only thread.
template <typename Body>
tsr_status* OnGraph(const tsr_graph* graph, Body body) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const std::shared_ptr<GraphObject> object, call.Use(graph, "graph"));
    ASSIGN_OR_RETURN(const auto inside, object->threads().Enter("graph"));
    return body(*object);
  });
}

// What the bytes hold must be what could have been built here: inputs and parameters only, and sums
// that are scalars.
absl::Status CheckForeign(const Function& function) {
  for (const tessera::FunctionInput& input : function.inputs()) {
    if (input.kind == InputKind::kArgument || input.kind == InputKind::kParam) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "bytes: expected a graph of inputs and parameters, got ", tessera::Name(input.kind), " ",
        input.name, ", as the functions of models have them"));
  }
  for (const tessera::FunctionOutput& output : function.outputs()) {
    const tessera::ValueType& type = function.type(output.value);
    const bool is_sum = output.kind != OutputKind::kResult;
    if (output.kind != OutputKind::kState &&
        (!is_sum || (type.dims.empty() && tessera::IsFloat(type.dtype)))) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "bytes: expected results and losses that are scalars of a float type, got output ",
        output.name, " ", type.ToText()));
  }
  return absl::OkStatus();
}

absl::Status CheckNewInput(const Function& function, std::string_view name, InputKind kind,
                           std::string_view what) {
  if (function.FindInput(name, kind) < 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", name, ": expected a new name, got that of another ", what));
}

}  // namespace

tsr_status* tsr_graph_new(tsr_runtime* runtime, tsr_graph** out_graph) {
  return Guard([&](Call& call) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_graph, "out_graph"));
    ASSIGN_OR_RETURN(auto owner, call.Use(runtime, "runtime"));
    *out_graph = tessera::capi::NewHandle<tsr_graph>(
        std::make_shared<GraphObject>(std::move(owner), Function(kMain)));
    return absl::OkStatus();
  });
}

void tsr_graph_free(tsr_graph* graph) { tessera::capi::FreeHandle(graph); }

tsr_status* tsr_graph_input(tsr_graph* graph, const char* name, size_t name_len, tsr_dtype dtype,
                            const char* dims, size_t dims_len, tsr_value* out_value) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string_view name_text,
                     tessera::capi::ReadName(name, name_len, "name"));
    ASSIGN_OR_RETURN(const DType type, tessera::capi::ReadDType(dtype, "dtype"));
    ASSIGN_OR_RETURN(const std::string_view dims_text,
                     tessera::capi::ReadText(dims, dims_len, "dims"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_value, "out_value"));
    RETURN_IF_ERROR(tessera::capi::CheckPath(name_text, "name"));
    RETURN_IF_ERROR(
        CheckNewInput(object.function(), name_text, InputKind::kArgument, "input"));
    ASSIGN_OR_RETURN(tessera::Dims read, tessera::capi::DimsFromText(dims_text, name_text));
    *out_value = object.function().AddInput(std::string(name_text), InputKind::kArgument,
                                            {type, std::move(read)});
    return absl::OkStatus();
  });
}

tsr_status* tsr_graph_param(tsr_graph* graph, const char* path, size_t path_len, tsr_dtype dtype,
                            const char* dims, size_t dims_len, const char* init, size_t init_len,
                            tsr_value* out_value) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string_view path_text,
                     tessera::capi::ReadName(path, path_len, "path"));
    ASSIGN_OR_RETURN(const DType type, tessera::capi::ReadDType(dtype, "dtype"));
    ASSIGN_OR_RETURN(const std::string_view dims_text,
                     tessera::capi::ReadText(dims, dims_len, "dims"));
    ASSIGN_OR_RETURN(const std::string_view init_text,
                     tessera::capi::ReadText(init, init_len, "init"));
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_value, "out_value"));
    RETURN_IF_ERROR(tessera::capi::CheckPath(path_text, "path"));
    RETURN_IF_ERROR(
        CheckNewInput(object.function(), path_text, InputKind::kParam, "parameter"));
    ASSIGN_OR_RETURN(tessera::Dims read, tessera::capi::ParamDimsFromText(dims_text, path_text));
    ASSIGN_OR_RETURN(tessera::ParamSpec spec,
                     tessera::capi::ParamSpecFromJson(init_text, read.size()));
    *out_value = object.function().AddInput(std::string(path_text), InputKind::kParam,
                                            {type, std::move(read)}, std::move(spec));
    return absl::OkStatus();
  });
}

tsr_status* tsr_graph_add(tsr_graph* graph, const char* op, size_t op_len, const tsr_value* inputs,
                          size_t input_count, const char* attrs, size_t attrs_len,
                          tsr_value* outputs, size_t* inout_count) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string_view name, tessera::capi::ReadName(op, op_len, "op"));
    ASSIGN_OR_RETURN(const auto operands,
                     tessera::capi::ReadArray(inputs, input_count, "inputs"));
    ASSIGN_OR_RETURN(const std::string_view attrs_text,
                     tessera::capi::ReadText(attrs, attrs_len, "attrs"));
    return tessera::capi::AddOp(object.function(), object.runtime()->ops(),
                                {name, operands, attrs_text}, outputs, inout_count);
  });
}

tsr_status* tsr_graph_output(tsr_graph* graph, const char* name, size_t name_len,
                             tsr_value value) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string_view name_text,
                     tessera::capi::ReadName(name, name_len, "name"));
    RETURN_IF_ERROR(tessera::capi::CheckPath(name_text, "name"));
    RETURN_IF_ERROR(tessera::capi::CheckValue(object.function(), value,
                                              absl::StrCat("output ", name_text)));
    for (const tessera::FunctionOutput& output : object.function().outputs()) {
      if (output.kind != OutputKind::kResult || output.name != name_text) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "output ", name_text, ": expected a new name, got that of another output"));
    }
    object.function().AddOutput(std::string(name_text), value);
    return absl::OkStatus();
  });
}

tsr_status* tsr_graph_loss(tsr_graph* graph, const char* name, size_t name_len,
                           tsr_value numerator, tsr_value denominator, double weight) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string_view name_text,
                     tessera::capi::ReadName(name, name_len, "name"));
    RETURN_IF_ERROR(tessera::capi::CheckPath(name_text, "name"));
    Function& function = object.function();
    RETURN_IF_ERROR(
        tessera::capi::CheckLoss(function, name_text, numerator, denominator, weight));
    function.AddOutput(std::string(name_text), numerator, OutputKind::kLossNumerator, weight);
    function.AddOutput(std::string(name_text), denominator, OutputKind::kLossDenominator);
    return absl::OkStatus();
  });
}

tsr_status* tsr_graph_type(const tsr_graph* graph, tsr_value value, char** out_text,
                           size_t* out_len) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckValue(object.function(), value, "value"));
    return tessera::capi::GiveText(object.function().type(value).ToText(), out_text, out_len);
  });
}

tsr_status* tsr_graph_to_text(const tsr_graph* graph, char** out_text, size_t* out_len) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    return tessera::capi::GiveText(tessera::ToTextWithCallees(object.function()), out_text,
                                   out_len);
  });
}

tsr_status* tsr_graph_to_bytes(const tsr_graph* graph, char** out_bytes, size_t* out_len) {
  return OnGraph(graph, [&](GraphObject& object) -> absl::Status {
    tessera::FunctionArchive archive;
    archive.functions[kMain] = std::make_shared<const Function>(object.function());
    ASSIGN_OR_RETURN(const std::string bytes, tessera::SerializeFunctions(archive));
    return tessera::capi::GiveText(bytes, out_bytes, out_len);
  });
}

tsr_status* tsr_graph_from_bytes(tsr_runtime* runtime, const void* bytes, size_t len,
                                 tsr_graph** out_graph) {
  return Guard([&](Call& call) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_graph, "out_graph"));
    ASSIGN_OR_RETURN(auto owner, call.Use(runtime, "runtime"));
    ASSIGN_OR_RETURN(const std::string_view given, tessera::capi::ReadBytes(bytes, len, "bytes"));
    ASSIGN_OR_RETURN(const tessera::FunctionArchive archive,
                     tessera::ParseFunctions(given, owner->ops()));
    const auto main = archive.functions.find(kMain);
    if (main == archive.functions.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("bytes: expected a graph, got ", archive.functions.size(),
                       " functions, none of them named ", kMain));
    }
    RETURN_IF_ERROR(CheckForeign(*main->second));
    *out_graph = tessera::capi::NewHandle<tsr_graph>(
        std::make_shared<GraphObject>(std::move(owner), Function(*main->second)));
    return absl::OkStatus();
  });
}
