#include "cpp/nn/tracer.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/config/tree.h"
#include "cpp/nn/grouped.h"

namespace tessera {
namespace {

// A child in an inner slot stands at "" and keeps its names.
std::string PathBelow(std::string_view at, std::string_view name) {
  return at.empty() ? std::string(name) : absl::StrCat(at, "/", name);
}

// Where a formal input of a function called at `at` is found in the caller's frame. A parameter of
// a provided module, "^role/path", is passed up to the frame that provides the role.
std::string PathInFrame(const TraceFrame& frame, std::string_view at, std::string_view name) {
  std::string path = PathBelow(at, name);
  if (name.starts_with('^')) {
    const size_t slash = std::min(name.find('/'), name.size());
    const auto provided = frame.provided.find(name.substr(1, slash - 1));
    if (provided == frame.provided.end()) return std::string(name);
    path = PathBelow(provided->second.path, name.substr(std::min(slash + 1, name.size())));
  }
  const auto it = frame.shared.find(path);
  return it == frame.shared.end() ? path : it->second;
}

// An argument of main is an ambient value too.
int FindInput(const TraceFrame& frame, std::string_view path, InputKind kind) {
  const int existing = frame.function->FindInput(path, kind);
  if (existing >= 0 || kind != InputKind::kAmbient || frame.parent != nullptr) return existing;
  return frame.function->FindInput(path, InputKind::kArgument);
}

absl::Status WithPath(const absl::Status& status, std::string_view path) {
  if (status.ok() || path.empty()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

ModuleTable::ModuleTable() {
  for (const ModuleEntry& entry : BuiltinModules()) {
    factories_[std::string(entry.type)] = entry.create;
  }
}

absl::Status ModuleTable::Register(std::string type, Factory factory) {
  absl::MutexLock lock(&mutex_);
  const auto [it, is_new] = factories_.try_emplace(std::move(type), std::move(factory));
  if (is_new) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat("module type '", it->first, "' is already known"));
}

absl::StatusOr<const ModuleTable::Factory*> ModuleTable::Get(std::string_view type) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = factories_.find(type);
  if (it != factories_.end()) return &it->second;
  std::vector<std::string> names;
  for (const auto& [name, factory] : factories_) names.push_back(name);
  return absl::NotFoundError(absl::StrCat("module type '", type, "' is not known here",
                                          SuggestionText(type, names)));
}

std::vector<NamedType> LanguageModelArguments(Mode mode) {
  const Dims dims = {Dim::Symbol("B"), Dim::Symbol("T")};
  std::vector<NamedType> arguments = {{"tokens", {DType::kI32, dims}}};
  if (mode != Mode::kDecode) arguments.push_back({"targets", {DType::kI32, dims}});
  return arguments;
}

std::vector<NamedType> LanguageModelAmbients(Mode mode) {
  const Dims dims = {Dim::Symbol("B"), Dim::Symbol("T")};
  std::vector<NamedType> ambients = {{"positions", {DType::kI32, dims}}};
  if (mode == Mode::kDecode) {
    ambients.push_back({"start", {DType::kI32, {Dim::Symbol("B")}}});
  } else {
    ambients.push_back({"segments", {DType::kI32, dims}});
    ambients.push_back({"batch_offset", {DType::kI64, {}}});
  }
  return ambients;
}

ModelInputs Module::Inputs(Mode mode, DType) const {
  return {LanguageModelArguments(mode), LanguageModelAmbients(mode)};
}

const ValueType* Tracer::AmbientType(const TraceFrame& frame, std::string_view name) const {
  for (const TraceFrame* above = frame.parent; above != nullptr; above = above->parent) {
    const auto made = above->made_below.find(name);
    if (made != above->made_below.end()) return &above->function->type(made->second);
    const auto renamed = above->ambient_below.find(name);
    if (renamed != above->ambient_below.end()) name = renamed->second;
  }
  const auto it = ambients_.find(name);
  return it == ambients_.end() ? nullptr : &it->second;
}

absl::StatusOr<const Module*> Tracer::ModuleOf(const ConfigNode& config) {
  std::unique_ptr<Module>& module = instances_[&config];
  if (module == nullptr) {
    ASSIGN_OR_RETURN(const ModuleTable::Factory* factory, modules_.Get(config.type()));
    ASSIGN_OR_RETURN(module, (*factory)(config));
  }
  return module.get();
}

absl::StatusOr<FunctionRef> Tracer::TraceMain(const ConfigNode& config,
                                              const std::vector<NamedType>& arguments,
                                              const std::vector<NamedType>& ambients) {
  for (const NamedType& ambient : ambients) ambients_[ambient.name] = ambient.type;
  auto function = std::make_shared<Function>("main");
  TraceFrame frame;
  frame.function = function.get();
  frame.graph = std::make_unique<Graph>(ops_, *function);
  frame.config = &config;
  Values inputs;
  for (const NamedType& argument : arguments) {
    inputs.push_back(function->AddInput(argument.name, InputKind::kArgument, argument.type));
    ambients_.try_emplace(argument.name, argument.type);
  }
  const Values outputs = BuildHere(frame, config, "", inputs);
  RETURN_IF_ERROR(frame.graph->status());
  for (size_t i = 0; i < outputs.size(); ++i) {
    function->AddOutput(absl::StrCat("output_", i), outputs[i]);
  }
  RETURN_IF_ERROR(totals_.Finish(*function));
  return FunctionRef(function);
}

absl::StatusOr<FunctionRef> Tracer::TraceModel(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const Module* module, ModuleOf(config));
  const ModelInputs inputs = module->Inputs(options_.mode, options_.dtype);
  return TraceMain(config, inputs.arguments, inputs.ambients);
}

Values Tracer::BuildHere(TraceFrame& frame, const ConfigNode& config, std::string_view hook,
                         const Values& inputs) {
  absl::StatusOr<const Module*> module = ModuleOf(config);
  if (!module.ok()) {
    frame.graph->Fail(module.status());
    return {};
  }
  Scope scope(*this, frame);
  absl::StatusOr<Values> outputs = hook.empty() ? (*module)->Build(scope, inputs)
                                                : (*module)->BuildHook(hook, scope, inputs);
  if (!outputs.ok()) {
    frame.graph->Fail(outputs.status());
    return {};
  }
  return *std::move(outputs);
}

std::string Tracer::KeyOf(const TraceFrame& parent, const ConfigNode& child, std::string_view hook,
                          const std::vector<ValueType>& input_types) const {
  // What surrounds a child matters through the modules provided to it; the nearest one counts.
  std::map<std::string_view, const ConfigNode*> provided;
  for (const TraceFrame* frame = &parent; frame != nullptr; frame = frame->parent) {
    for (const auto& [role, module] : frame->provided) provided.try_emplace(role, module.config);
  }
  std::string key = absl::StrCat(child.type(), "#", child.Fingerprint(), "#", hook);
  for (const ValueType& type : input_types) absl::StrAppend(&key, "#", type.ToText());
  for (const auto& [role, config] : provided) {
    absl::StrAppend(&key, "#", role, "=", config->Fingerprint());
  }
  for (const TraceFrame* frame = &parent; frame != nullptr; frame = frame->parent) {
    for (const auto& [below, own] : frame->ambient_below) {
      absl::StrAppend(&key, "#", below, "<", own);
    }
    for (const auto& [below, value] : frame->made_below) {
      absl::StrAppend(&key, "#", below, ":", frame->function->type(value).ToText());
    }
  }
  return key;
}

absl::StatusOr<FunctionRef> Tracer::TraceChild(const TraceFrame& parent, const ConfigNode& child,
                                               std::string_view hook,
                                               const std::vector<ValueType>& input_types) {
  const std::string key = KeyOf(parent, child, hook, input_types);
  if (const auto it = traced_.find(key); it != traced_.end()) return it->second;
  auto function = std::make_shared<Function>(std::string(child.type()));
  TraceFrame frame;
  frame.function = function.get();
  frame.graph = std::make_unique<Graph>(ops_, *function);
  frame.config = &child;
  frame.parent = &parent;
  Values inputs;
  for (size_t i = 0; i < input_types.size(); ++i) {
    inputs.push_back(
        function->AddInput(absl::StrCat("x", i), InputKind::kArgument, input_types[i]));
  }
  const Values outputs = BuildHere(frame, child, hook, inputs);
  RETURN_IF_ERROR(frame.graph->status());
  // Results come first; states, losses and metrics were added while building.
  auto ordered = std::make_shared<Function>(*function);
  ordered->ClearOutputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    ordered->AddOutput(absl::StrCat("y", i), outputs[i]);
  }
  for (const FunctionOutput& extra : function->outputs()) {
    ordered->AddOutput(extra.name, extra.value, extra.kind, extra.weight);
  }
  traced_[key] = ordered;
  return FunctionRef(ordered);
}

absl::Status Tracer::BindCall(TraceFrame& frame, const Function& callee, const Values& inputs,
                              const std::string& at, Values& operands) {
  size_t argument = 0;
  for (const FunctionInput& formal : callee.inputs()) {
    if (formal.kind == InputKind::kArgument) {
      operands.push_back(inputs[argument++]);
      continue;
    }
    std::string path = formal.name;
    if (formal.kind == InputKind::kAmbient) {
      if (const auto made = frame.made_below.find(path); made != frame.made_below.end()) {
        operands.push_back(made->second);
        continue;
      }
    }
    if (formal.kind != InputKind::kAmbient) {
      path = PathInFrame(frame, at, formal.name);
    } else if (const auto it = frame.ambient_below.find(path); it != frame.ambient_below.end()) {
      path = it->second;
    }
    if (at.empty() && formal.kind == InputKind::kParam && path == formal.name &&
        !path.starts_with('^')) {
      if (frame.own.contains(path)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "parameter ", path, ": the wrapper and the module in its inner slot both have one of "
            "this name, and that slot adds no part to paths; the wrapper must choose another"));
      }
      frame.inner.insert(path);
    }
    const int existing = FindInput(frame, path, formal.kind);
    const ValueType& type = callee.type(formal.value);
    if (existing < 0) {
      operands.push_back(frame.function->AddInput(path, formal.kind, type, formal.param));
      continue;
    }
    const ValueId id = frame.function->inputs()[existing].value;
    if (frame.function->type(id) != type) {
      return absl::InvalidArgumentError(
          absl::StrCat("parameter ", path, ": wanted as ", type.ToText(), " by ", at,
                       ", but it is ",
                       frame.function->type(id).ToText()));
    }
    operands.push_back(id);
  }
  return absl::OkStatus();
}

Values Tracer::CallChild(TraceFrame& frame, const ConfigNode& child, std::string_view hook,
                         const Values& inputs, const std::string& at) {
  std::vector<ValueType> types;
  for (ValueId id : inputs) types.push_back(frame.graph->type(id));
  absl::StatusOr<FunctionRef> callee = TraceChild(frame, child, hook, types);
  if (!callee.ok()) {
    frame.graph->Fail(WithPath(callee.status(), at));
    return {};
  }
  Values operands;
  const absl::Status bound = BindCall(frame, **callee, inputs, at, operands);
  if (!bound.ok()) {
    frame.graph->Fail(WithPath(bound, at));
    return {};
  }
  const auto results = frame.function->AddCall(*callee, at, std::move(operands));
  if (!results.ok()) {
    frame.graph->Fail(WithPath(results.status(), at));
    return {};
  }
  return BindResults(frame, **callee, *results, at);
}

Values Tracer::BindResults(TraceFrame& frame, const Function& callee, const Values& results,
                           const std::string& at) {
  Values ordinary;
  for (size_t i = 0; i < results.size(); ++i) {
    const FunctionOutput& output = callee.outputs()[i];
    if (output.kind == OutputKind::kResult) {
      ordinary.push_back(results[i]);
    } else {
      frame.function->AddOutput(PathBelow(at, output.name), results[i], output.kind,
                                output.weight);
    }
  }
  return ordinary;
}

Values Tracer::CallGrouped(TraceFrame& frame, const ConfigNode& child, const Values& inputs,
                           int64_t count, const std::string& at) {
  std::vector<ValueType> types;
  for (ValueId id : inputs) types.push_back(frame.graph->type(id));
  const auto call = [&]() -> absl::StatusOr<Values> {
    types.pop_back();
    ASSIGN_OR_RETURN(const FunctionRef one, TraceChild(frame, child, "", types));
    ASSIGN_OR_RETURN(const FunctionRef copies, GroupCopies(ops_, one, count));
    Values operands;
    RETURN_IF_ERROR(BindCall(frame, *copies, inputs, at, operands));
    ASSIGN_OR_RETURN(const Values results,
                     frame.function->AddCall(copies, at, std::move(operands)));
    return BindResults(frame, *copies, results, at);
  };
  absl::StatusOr<Values> results = call();
  if (results.ok()) return *std::move(results);
  frame.graph->Fail(WithPath(results.status(), at));
  return {};
}

}  // namespace tessera
