// tsr_graph_call: a module of the catalogue as a part of a host's graph.
//
// The module is traced as if it were a model; its function is called from the graph's, which takes
// over its parameters, keys and losses under the path. Ambient values become inputs of the graph,
// with the batch and sequence of the module's first input.

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/building.h"
#include "capi/src/internal/graph_object.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/objects.h"
#include "capi/src/internal/options.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/tracer.h"
#include "cpp/train/model.h"

namespace tessera::capi {
namespace {

absl::StatusOr<TraceOptions> ReadOptions(std::string_view text, const Function& function,
                                         absl::Span<const tsr_value> inputs) {
  std::string mode = "evaluate", dtype;
  OptionReader reader(text, "options");
  reader.Choice("mode", {"evaluate", "train"}, &mode);
  reader.Choice("dtype", {"", "fp32", "bf16", "fp64"}, &dtype);
  RETURN_IF_ERROR(reader.Finish());
  TraceOptions options;
  ASSIGN_OR_RETURN(options.mode, ModeFromName(mode));
  if (!dtype.empty()) {
    ASSIGN_OR_RETURN(options.dtype, NumberFormatFromName(dtype));
    return options;
  }
  for (const tsr_value input : inputs) {
    if (!IsFloat(function.type(input).dtype)) continue;
    options.dtype = function.type(input).dtype;
    break;
  }
  return options;
}

std::string Below(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : absl::StrCat(path, "/", name);
}

// Where `graph` gets what `formal` of the module's function is; added unless it is there.
absl::StatusOr<ValueId> Bind(Function& graph, const Function& module, const FunctionInput& formal,
                             std::string_view path) {
  const ValueType& type = module.type(formal.value);
  if (formal.kind == InputKind::kState) {
    return absl::UnimplementedError(absl::StrCat(
        "state ", Below(path, formal.name), ": expected a module that keeps nothing from run to "
        "run; compile a config for that"));
  }
  const bool is_ambient = formal.kind == InputKind::kAmbient;
  const std::string name = is_ambient ? formal.name : Below(path, formal.name);
  const InputKind kind = is_ambient ? InputKind::kArgument : formal.kind;
  const int existing = graph.FindInput(name, kind);
  if (existing < 0) return graph.AddInput(name, kind, type, formal.param);
  const ValueId value = graph.inputs()[static_cast<size_t>(existing)].value;
  if (graph.type(value) == type) return value;
  return absl::InvalidArgumentError(absl::StrCat("input ", name, ": expected ", type.ToText(),
                                                 " for the module, got ",
                                                 graph.type(value).ToText()));
}

// A new name for a loss, and none of the kinds that only a whole model can have.
absl::Status CheckExtra(const Function& graph, const FunctionOutput& output,
                        const std::string& name) {
  if (output.kind != OutputKind::kLossNumerator && output.kind != OutputKind::kLossDenominator) {
    return absl::UnimplementedError(absl::StrCat(
        "output ", name, ": expected a module that gives results and losses, got one that changes "
        "a value from step to step; compile a config for that"));
  }
  for (const FunctionOutput& other : graph.outputs()) {
    if (other.kind == output.kind && other.name == name) {
      return absl::InvalidArgumentError(
          absl::StrCat("loss ", name, ": expected a new name, got that of another loss"));
    }
  }
  return absl::OkStatus();
}

// Metrics are dropped: a graph has none.
bool IsMetric(OutputKind kind) {
  return kind == OutputKind::kMetricNumerator || kind == OutputKind::kMetricDenominator;
}

// Calls the module from a copy of the graph, which takes the graph's place when all is well.
absl::StatusOr<Values> CallFrom(Function& graph, const FunctionRef& module, std::string_view path,
                                absl::Span<const tsr_value> inputs) {
  Function changed = graph;
  std::vector<ValueId> operands;
  size_t argument = 0;
  for (const FunctionInput& formal : module->inputs()) {
    if (formal.kind == InputKind::kArgument) {
      operands.push_back(inputs[argument++]);
      continue;
    }
    ASSIGN_OR_RETURN(const ValueId value, Bind(changed, *module, formal, path));
    operands.push_back(value);
  }
  ASSIGN_OR_RETURN(const std::vector<ValueId> given,
                   changed.AddCall(module, std::string(path), std::move(operands)));
  Values results;
  for (size_t i = 0; i < given.size(); ++i) {
    const FunctionOutput& output = module->outputs()[i];
    if (output.kind == OutputKind::kResult) {
      results.push_back(given[i]);
    } else if (!IsMetric(output.kind)) {
      const std::string name = Below(path, output.name);
      RETURN_IF_ERROR(CheckExtra(changed, output, name));
      changed.AddOutput(name, given[i], output.kind, output.weight);
    }
  }
  graph = std::move(changed);
  return results;
}

// What a model would provide, for the batch and sequence of the first input that has both.
std::vector<NamedType> AmbientsFor(Mode mode, const std::vector<NamedType>& arguments) {
  std::vector<NamedType> ambients = LanguageModelAmbients(mode);
  for (const NamedType& argument : arguments) {
    const Dims& dims = argument.type.dims;
    if (dims.size() < 2) continue;
    for (NamedType& ambient : ambients) {
      if (ambient.type.dims.size() == 2) ambient.type.dims = {dims[0], dims[1]};
    }
    break;
  }
  return ambients;
}

absl::StatusOr<FunctionRef> Trace(RuntimeObject& runtime, const Config& config,
                                  const Function& graph, const TraceOptions& options,
                                  absl::Span<const tsr_value> inputs) {
  std::vector<NamedType> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    arguments.push_back({absl::StrCat("x", i), graph.type(inputs[i])});
  }
  const Environment environment = runtime.environment();
  Tracer tracer(*environment.ops, *environment.modules, options);
  return tracer.TraceMain(config.root(), arguments, AmbientsFor(options.mode, arguments));
}

absl::Status CallModule(GraphObject& graph, const Config& config, std::string_view path,
                        std::string_view options_text, absl::Span<const tsr_value> inputs,
                        tsr_value* outputs, size_t* inout_count) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    RETURN_IF_ERROR(CheckValue(graph.function(), inputs[i], absl::StrCat("inputs[", i, "]")));
  }
  ASSIGN_OR_RETURN(const TraceOptions options,
                   ReadOptions(options_text, graph.function(), inputs));
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  ASSIGN_OR_RETURN(const FunctionRef module, Trace(*graph.runtime(), resolved, graph.function(),
                                                   options, inputs));
  Function before = graph.function();
  ASSIGN_OR_RETURN(const Values results, CallFrom(graph.function(), module, path, inputs));
  absl::Status given =
      GiveValues<tsr_value>(results, outputs, inout_count, config.root().type());
  if (!given.ok()) graph.function() = std::move(before);
  return given;
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_graph_call(tsr_graph* graph, const tsr_config* config, const char* path,
                           size_t path_len, const char* options, size_t options_len,
                           const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                           size_t* inout_count) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(graph, "graph"));
    ASSIGN_OR_RETURN(const auto module, call.Use(config, "config"));
    ASSIGN_OR_RETURN(const std::string_view path_text, ReadText(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string_view options_text,
                     ReadText(options, options_len, "options"));
    ASSIGN_OR_RETURN(const auto values, ReadArray(inputs, input_count, "inputs"));
    if (!path_text.empty()) RETURN_IF_ERROR(CheckPath(path_text, "path"));
    if (object->runtime() != module->runtime()) {
      return absl::InvalidArgumentError(
          "config: expected one of the graph's runtime, got one of another");
    }
    ASSIGN_OR_RETURN(const auto inside, object->threads().Enter("graph"));
    return CallModule(*object, module->Get(), path_text, options_text, values, outputs,
                      inout_count);
  });
}
