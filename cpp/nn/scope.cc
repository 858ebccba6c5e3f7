#include "cpp/nn/scope.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/config/tree.h"
#include "cpp/nn/tracer.h"

namespace tessera {

bool Module::HasHook(std::string_view) const { return false; }

absl::StatusOr<Values> Module::BuildHook(std::string_view hook, Scope&, const Values&) const {
  return absl::UnimplementedError(absl::StrCat("this module has no hook '", hook, "'"));
}

Graph& Scope::graph() { return *frame_.graph; }
Mode Scope::mode() const { return tracer_.options().mode; }
DType Scope::dtype() const { return tracer_.options().dtype; }

bool Scope::MayUse(std::string_view what) {
  if (!graph().ok()) return false;
  if (!IsGuest()) return true;
  graph().Fail(absl::InvalidArgumentError(absl::StrCat(
      what, ": a hook that is called on a provided module stands in the caller's function, where "
      "it has no state, keys or losses of its own")));
  return false;
}

bool Scope::IsGuest() const { return !frame_.guest.empty(); }

Values Scope::CallGuest(const ConfigNode& config, std::string guest, std::string_view hook,
                        const Values& inputs) {
  const std::string outer_guest = std::exchange(frame_.guest, std::move(guest));
  const ConfigNode* outer_config = std::exchange(frame_.config, &config);
  Values outputs = tracer_.BuildHere(frame_, config, hook, inputs);
  frame_.config = outer_config;
  frame_.guest = outer_guest;
  return outputs;
}

absl::Status Scope::CheckInputs(const Values& inputs, std::initializer_list<int> ranks) const {
  const Graph& graph = *frame_.graph;
  if (!graph.ok()) return graph.status();
  if (inputs.size() != ranks.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs: expected ", ranks.size(), ", got ", inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId id = inputs[i];
    if (id < 0 || static_cast<size_t>(id) >= frame_.function->values().size()) {
      return absl::InvalidArgumentError(absl::StrCat("input ", i, ": it is no value"));
    }
    const int rank = ranks.begin()[i];
    const size_t have = graph.dims(id).size();
    if (rank == kAnyRank ? have > 0 : have == static_cast<size_t>(rank)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("input ", i, ": expected ", rank == kAnyRank ? 1 : rank,
                     rank == kAnyRank ? " or more" : "", " dims, got ", graph.type(id).ToText()));
  }
  return absl::OkStatus();
}

ValueId Scope::Param(std::string_view path, const Dims& dims, const Initializer& init,
                     std::vector<std::string> logical_dims, bool decay) {
  if (!graph().ok()) return kNoValue;
  const std::string guest_path = absl::StrCat(frame_.guest, "/", path);
  if (IsGuest()) path = guest_path;
  const ValueType type{dtype(), dims};
  const int existing = frame_.function->FindInput(path, InputKind::kParam);
  if (frame_.inner.contains(path)) {
    graph().Fail(absl::InvalidArgumentError(absl::StrCat(
        "parameter ", path, ": the module in the inner slot has one of this name, and that slot "
        "adds no part to paths; choose another name")));
    return kNoValue;
  }
  frame_.own.emplace(path);
  if (existing >= 0) {
    const ValueId id = frame_.function->inputs()[existing].value;
    if (frame_.function->type(id) != type) {
      graph().Fail(absl::InvalidArgumentError(
          absl::StrCat("parameter ", path, ": asked for as ", type.ToText(), ", but it is ",
                       frame_.function->type(id).ToText())));
    }
    return id;
  }
  return frame_.function->AddInput(std::string(path), InputKind::kParam, type,
                                   {init, std::move(logical_dims), decay});
}

ValueId Scope::Buffer(std::string_view path, const ValueType& type, const Initializer& init,
                      std::vector<std::string> logical_dims) {
  if (!MayUse(absl::StrCat("buffer ", path))) return kNoValue;
  if (type.dtype != DType::kF32 && type.dtype != DType::kF64) {
    graph().Fail(absl::InvalidArgumentError(
        absl::StrCat("buffer ", path, ": expected f32 or f64, got ", type.ToText())));
    return kNoValue;
  }
  ParamSpec spec{init, std::move(logical_dims), /*decay=*/false, /*is_buffer=*/true};
  frame_.own.emplace(path);
  const int existing = frame_.function->FindInput(path, InputKind::kParam);
  if (existing < 0) {
    return frame_.function->AddInput(std::string(path), InputKind::kParam, type, std::move(spec));
  }
  const FunctionInput& input = frame_.function->inputs()[existing];
  if (frame_.function->type(input.value) != type || !input.param.is_buffer) {
    graph().Fail(absl::InvalidArgumentError(
        absl::StrCat("buffer ", path, ": asked for as ", type.ToText(), ", but it is ",
                     frame_.function->type(input.value).ToText(),
                     input.param.is_buffer ? "" : ", a parameter")));
  }
  return input.value;
}

void Scope::UpdateBuffer(std::string_view path, ValueId contribution, const BufferUpdate& next) {
  if (!MayUse(absl::StrCat("buffer ", path)) || mode() != Mode::kTrain) return;
  const int input = frame_.function->FindInput(path, InputKind::kParam);
  if (input < 0 || !frame_.function->inputs()[input].param.is_buffer) {
    graph().Fail(absl::InvalidArgumentError(
        absl::StrCat("buffer ", path, ": updated, but never declared with Buffer")));
    return;
  }
  const absl::Status added = tracer_.totals().Add(path, frame_.function->inputs()[input].value,
                                                  contribution, next, *frame_.function);
  if (!added.ok()) graph().Fail(added);
}

ValueId Scope::State(std::string_view path, const ValueType& type, const Initializer& init) {
  if (!MayUse(absl::StrCat("state ", path))) return kNoValue;
  const int existing = frame_.function->FindInput(path, InputKind::kState);
  if (existing >= 0) return frame_.function->inputs()[existing].value;
  return frame_.function->AddInput(std::string(path), InputKind::kState, type, {init, {}, false});
}

void Scope::Update(std::string_view path, ValueId next) {
  if (!MayUse(absl::StrCat("state ", path))) return;
  if (frame_.function->FindInput(path, InputKind::kState) < 0) {
    graph().Fail(absl::InvalidArgumentError(
        absl::StrCat("state ", path, ": updated, but never declared with State")));
    return;
  }
  frame_.function->AddOutput(std::string(path), next, OutputKind::kState);
}

bool Scope::HasAmbient(std::string_view name) const {
  return tracer_.AmbientType(frame_, name) != nullptr;
}

void Scope::AmbientBelow(std::string_view below, std::string_view own) {
  if (!MayUse(absl::StrCat("ambient value ", below))) return;
  if (below == own) {
    frame_.ambient_below.erase(std::string(below));
  } else {
    frame_.ambient_below[std::string(below)] = std::string(own);
  }
}

void Scope::AmbientBelow(std::string_view below, ValueId value) {
  if (!MayUse(absl::StrCat("ambient value ", below)) || value == kNoValue) return;
  frame_.made_below[std::string(below)] = value;
}

ValueId Scope::Ambient(std::string_view name) {
  if (!graph().ok()) return kNoValue;
  int existing = frame_.function->FindInput(name, InputKind::kAmbient);
  if (existing < 0 && frame_.parent == nullptr) {   // an argument of main is one too
    existing = frame_.function->FindInput(name, InputKind::kArgument);
  }
  if (existing >= 0) return frame_.function->inputs()[existing].value;
  const ValueType* type = tracer_.AmbientType(frame_, name);
  if (type == nullptr) {
    graph().Fail(absl::NotFoundError(
        absl::StrCat("ambient value '", name, "' is not provided in this mode")));
    return kNoValue;
  }
  return frame_.function->AddInput(std::string(name), InputKind::kAmbient, *type);
}

ValueId Scope::Key(std::string_view name) {
  if (!MayUse(absl::StrCat("key ", name))) return kNoValue;
  const int existing = frame_.function->FindInput(name, InputKind::kKey);
  if (existing >= 0) return frame_.function->inputs()[existing].value;
  return frame_.function->AddInput(std::string(name), InputKind::kKey, {DType::kU32, {Dim(4)}});
}

Values Scope::Call(std::string_view slot, const Values& inputs, std::string_view at, int index) {
  if (!graph().ok()) return {};
  const ConfigNode* child = Child(slot, index);
  if (child == nullptr) {
    graph().Fail(absl::InvalidArgumentError(absl::StrCat("slot '", slot, "' is empty")));
    return {};
  }
  const std::string path = PathOf(slot, at);
  if (!IsGuest()) return tracer_.CallChild(frame_, *child, "", inputs, path);
  const std::string guest = path.empty() ? frame_.guest : absl::StrCat(frame_.guest, "/", path);
  return CallGuest(*child, guest, "", inputs);
}

ValueId Scope::Call1(std::string_view slot, const Values& inputs, std::string_view at,
                     int index) {
  const Values outputs = Call(slot, inputs, at, index);
  if (!graph().ok()) return kNoValue;
  if (outputs.size() != 1) {
    graph().Fail(absl::InvalidArgumentError(
        absl::StrCat("slot '", slot, "': expected one result, got ", outputs.size())));
    return kNoValue;
  }
  return outputs[0];
}

const ConfigNode* Scope::Child(std::string_view slot, int index) const {
  return frame_.config->Child(slot, static_cast<size_t>(index));
}

std::string Scope::PathOf(std::string_view slot, std::string_view at) const {
  const FieldInfo* field = frame_.config->info().Find(slot);
  if (field != nullptr && field->is_inner) return "";
  return std::string(at.empty() ? slot : at);
}

int Scope::ChildCount(std::string_view slot) const {
  return static_cast<int>(frame_.config->ChildCount(slot));
}

bool Scope::HasChild(std::string_view slot) const { return Child(slot, 0) != nullptr; }

namespace {

// Of the module of a node, which may be absent; one that cannot be made fails the trace.
bool ModuleHasHook(Tracer& tracer, const TraceFrame& frame, const ConfigNode* config,
                   std::string_view hook) {
  if (config == nullptr) return false;
  const absl::StatusOr<const Module*> module = tracer.ModuleOf(*config);
  if (module.ok()) return (*module)->HasHook(hook);
  frame.graph->Fail(module.status());
  return false;
}

}  // namespace

bool Scope::ChildHasHook(std::string_view slot, std::string_view hook, int index) const {
  return ModuleHasHook(tracer_, frame_, Child(slot, index), hook);
}

Values Scope::CallGrouped(std::string_view slot, const Values& rows, ValueId owners,
                          int64_t count, std::string_view at) {
  if (!MayUse(absl::StrCat("slot ", slot))) return {};
  const ConfigNode* child = Child(slot, 0);
  if (child == nullptr) {
    graph().Fail(absl::InvalidArgumentError(absl::StrCat("slot '", slot, "' is empty")));
    return {};
  }
  Values operands = rows;
  operands.push_back(owners);
  return tracer_.CallGrouped(frame_, *child, operands, count, PathOf(slot, at));
}

Values Scope::CallHook(std::string_view slot, std::string_view hook, const Values& inputs) {
  if (!MayUse(absl::StrCat("slot ", slot))) return {};
  const ConfigNode* child = Child(slot, 0);
  if (child == nullptr) {
    graph().Fail(absl::InvalidArgumentError(absl::StrCat("slot '", slot, "' is empty")));
    return {};
  }
  return tracer_.CallChild(frame_, *child, hook, inputs, PathOf(slot, ""));
}

void Scope::Share(std::string_view child_path, std::string_view own_path) {
  frame_.shared[std::string(child_path)] = std::string(own_path);
}

void Scope::ProvideBelow(std::string_view role, std::string_view slot) {
  if (!MayUse(absl::StrCat("role ", role))) return;
  if (const ConfigNode* child = Child(slot, 0)) {
    frame_.provided[std::string(role)] = {child, PathOf(slot, "")};
  }
}

namespace {

const ConfigNode* FindProvided(const TraceFrame* frame, std::string_view role) {
  for (frame = frame->parent; frame != nullptr; frame = frame->parent) {
    const auto it = frame->provided.find(role);
    if (it != frame->provided.end()) return it->second.config;
  }
  return nullptr;
}

}  // namespace

bool Scope::HasProvided(std::string_view role, std::string_view hook) const {
  return ModuleHasHook(tracer_, frame_, FindProvided(&frame_, role), hook);
}

Values Scope::CallProvided(std::string_view role, std::string_view hook, const Values& inputs) {
  if (!graph().ok()) return {};
  const ConfigNode* config = FindProvided(&frame_, role);
  if (config == nullptr) {
    graph().Fail(absl::InvalidArgumentError(absl::StrCat("nothing provides '", role, "'")));
    return {};
  }
  return CallGuest(*config, absl::StrCat("^", role), hook, inputs);
}

void Scope::AddLoss(std::string_view name, ValueId numerator, ValueId denominator, double weight) {
  if (!MayUse(absl::StrCat("loss ", name))) return;
  frame_.function->AddOutput(std::string(name), numerator, OutputKind::kLossNumerator, weight);
  frame_.function->AddOutput(std::string(name), denominator, OutputKind::kLossDenominator);
}

void Scope::AddStatistic(const Statistic& statistic) {
  if (!MayUse(absl::StrCat("statistic ", statistic.name)) || mode() != Mode::kTrain) return;
  const absl::Status added = tracer_.totals().Add(statistic, *frame_.function);
  if (!added.ok()) graph().Fail(added);
}

void Scope::AddMetric(std::string_view name, ValueId numerator, ValueId denominator) {
  if (!MayUse(absl::StrCat("metric ", name))) return;
  frame_.function->AddOutput(std::string(name), numerator, OutputKind::kMetricNumerator);
  frame_.function->AddOutput(std::string(name), denominator, OutputKind::kMetricDenominator);
}

}  // namespace tessera
