#include "cpp/train/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/printer.h"
#include "cpp/optim/optimizer.h"
#include "cpp/train/active_parameters.h"
#include "cpp/train/json_text.h"
#include "cpp/train/model.h"
#include "cpp/train/program_cost.h"
#include "cpp/train/recompute.h"
#include "cpp/train/run_routing.h"
#include "cpp/train/run_settings.h"

namespace tessera {
namespace {

struct Planned {
  std::shared_ptr<const Program> program;
  std::string recompute;
  SymbolSizes sizes;
  MemoryReport memory;
  ProgramCost cost;
};

absl::StatusOr<Planned> MakePlan(const Config& config, const Environment& environment,
                                 const RunSettings& settings) {
  Planned planned;
  const ConfigNode* optimizer_node = config.Section("optimizer");
  RET_CHECK(optimizer_node != nullptr) << "a resolved experiment has an optimizer";
  ASSIGN_OR_RETURN(const std::unique_ptr<Optimizer> optimizer,
                   NewOptimizer(*optimizer_node, environment.optimizers));
  ASSIGN_OR_RETURN(const FunctionRef main, TraceStep(config, settings, environment));
  CompileOptions compile = settings.ForStep(*optimizer);
  TrainStepOptions step_options;
  KeepChoices(settings, *main, compile, step_options);
  ASSIGN_OR_RETURN(StepProgram step,
                   CompileStepProgram(*main, settings, environment, compile));
  planned.program = std::move(step.program);
  planned.recompute = std::move(step.recompute);
  planned.sizes = settings.StepSizes();
  ExecutorOptions options;
  options.sizes = planned.sizes;
  options.isa = environment.isa;
  ASSIGN_OR_RETURN(planned.memory,
                   Executor::PlanOnly(planned.program, *environment.kernels, options));
  planned.cost = CostOf(*planned.program, planned.sizes);
  return planned;
}

void WriteParameters(const Program& program, JsonText& json) {
  int64_t count = 0, bytes = 0;
  for (const ProgramParam& param : program.params) {
    const int64_t elements = Product(param.dims).value();
    count += elements;
    bytes += elements * static_cast<int64_t>(SizeOf(param.dtype));
  }
  json.Name("parameters")
      .BeginObject()
      .Integer("count", count)
      .Integer("bytes", bytes)
      .Integer("tensors", static_cast<int64_t>(program.params.size()))
      .EndObject()
      .Integer("active_parameters", ActiveParameters(program));
}

void WriteStepSizes(const Planned& planned, const RunSettings& settings, JsonText& json) {
  json.Name("step")
      .BeginObject()
      .Number("flops", planned.cost.flops)
      .Number("bytes", planned.cost.bytes)
      .Integer("batch_size", settings.trainer.batch_size)
      .Integer("sequence_length", settings.trainer.sequence_length)
      .Integer("micro_batches", settings.trainer.micro_batches)
      .Integer("ranks", settings.world)
      .Integer("tokens", settings.trainer.batch_size * settings.trainer.sequence_length)
      .Integer("actions", static_cast<int64_t>(planned.program->schedule.size()))
      .Text("computed_again", planned.recompute.empty() ? Name(settings.trainer.recompute)
                                                        : planned.recompute)
      .EndObject();
}

void WriteMemory(const MemoryReport& memory, JsonText& json) {
  json.Name("memory")
      .BeginObject()
      .Integer("total_bytes", memory.total_bytes())
      .Integer("persistent_bytes", memory.persistent_bytes)
      .Integer("gradient_bytes", memory.gradient_bytes)
      .Integer("activation_bytes", memory.activation_bytes)
      .Integer("frame_bytes", memory.frame_bytes)
      .Integer("workspace_bytes", memory.workspace_bytes)
      .Integer("lower_bound_bytes", memory.lower_bound_bytes);
  json.Name("largest").BeginList();
  for (const auto& [name, bytes] : memory.largest) {
    json.BeginObject().Text("name", name).Integer("bytes", bytes).EndObject();
  }
  json.EndList().EndObject();
}

void WriteOps(const Planned& planned, JsonText& json) {
  json.Name("ops").BeginList();
  for (const OpWork& work : planned.cost.ops) {
    json.BeginObject()
        .Text("op", work.op)
        .Integer("uses", work.uses)
        .Number("flops", work.flops)
        .Number("bytes", work.bytes)
        .EndObject();
  }
  json.EndList().Name("functions").BeginList();
  const Program& program = *planned.program;
  for (size_t f = 0; f < program.functions.size(); ++f) {
    json.BeginObject()
        .Text("name", program.functions[f]->name())
        .Integer("nodes", static_cast<int64_t>(program.functions[f]->nodes().size()))
        .Integer("uses", planned.cost.function_uses[f])
        .Number("flops", planned.cost.function_flops[f])
        .EndObject();
  }
  json.EndList();
}

std::string DotQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

// The forward and backward calls of the first micro-batch, and the values that pass between them.
std::string DotOf(const Program& program) {
  std::string dot = "digraph step {\n  node [shape=box];\n";
  std::vector<int> writer(program.slots.size(), -1);
  for (const Action& action : program.schedule) {
    const bool is_drawn = action.call >= 0 && action.micro_batch == 0 &&
                          (action.kind == ActionKind::kForward ||
                           action.kind == ActionKind::kBackward ||
                           action.kind == ActionKind::kInputGradient ||
                           action.kind == ActionKind::kWeightGradient);
    if (!is_drawn) continue;
    const ProgramCall& call = program.calls[action.call];
    const std::string label = absl::StrCat(call.at.empty() ? "main" : call.at, " (",
                                           program.functions[call.function]->name(), ")");
    absl::StrAppend(&dot, "  c", action.call, " [label=", DotQuoted(label), "];\n");
    for (int slot : call.inputs) {
      if (writer[slot] < 0 || writer[slot] == action.call) continue;
      absl::StrAppend(&dot, "  c", writer[slot], " -> c", action.call, " [label=",
                      DotQuoted(program.slots[slot].type.ToText()), "];\n");
    }
    for (int slot : call.outputs) {
      if (slot >= 0) writer[slot] = action.call;
    }
  }
  dot += "}\n";
  return dot;
}

}  // namespace

absl::StatusOr<std::string> PlanConfig(const Config& config, const Environment& environment,
                                       const PlanOptions& options) {
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  ASSIGN_OR_RETURN(const RunSettings settings, RunSettings::Read(resolved, environment));
  ASSIGN_OR_RETURN(const Planned planned, MakePlan(resolved, environment, settings));
  JsonText json;
  json.BeginObject();
  WriteParameters(*planned.program, json);
  WriteStepSizes(planned, settings, json);
  WriteMemory(planned.memory, json);
  WriteOps(planned, json);
  if (options.text) json.Text("text", ToText(*planned.program));
  if (options.dot) json.Text("dot", DotOf(*planned.program));
  json.EndObject();
  return json.text();
}

}  // namespace tessera
