#include "cpp/nn/attend.h"

#include "absl/strings/str_cat.h"

namespace tessera {
namespace {

// Operands after q, k, v in the op's order, with their attributes.
class AttentionCall {
 public:
  AttentionCall(const AttendSpec& spec, ValueId q, ValueId k, ValueId v)
      : operands_{q, k, v},
        attrs_{{"causal", spec.causal},
               {"scale", spec.scale},
               {"window", spec.window},
               {"softcap", spec.softcap}} {}

  void Add(std::string_view attr, std::initializer_list<ValueId> values) {
    attrs_.Set(attr, true);
    operands_.insert(operands_.end(), values);
  }
  ValueId Run(Graph& graph) {
    return FirstOf(graph.Ops("attention", std::move(operands_), std::move(attrs_), 2));
  }

 private:
  Values operands_;
  Attrs attrs_;
};

// What is added to the scores, last among the operands.
void AddToScores(Scope& scope, const AttendSpec& spec, ValueId q, ValueId keys,
                 AttentionCall& call) {
  if (spec.sinks != kNoValue) call.Add("has_sinks", {spec.sinks});
  if (PositionHas(scope, "score_slopes")) {
    call.Add("has_slopes", {FirstOf(CallPosition(scope, "score_slopes", {q}))});
  }
  ValueId bias = spec.bias;
  if (PositionHas(scope, "score_bias")) {
    const ValueId of_position = FirstOf(CallPosition(scope, "score_bias", {q, keys}));
    bias = bias == kNoValue ? of_position : scope.graph().Add(bias, of_position);
  }
  if (bias != kNoValue) call.Add("has_bias", {bias});
}

}  // namespace

bool PositionHas(Scope& scope, std::string_view hook) {
  if (scope.HasChild("position")) return scope.ChildHasHook("position", hook);
  return scope.HasProvided("position", hook);
}

Values CallPosition(Scope& scope, std::string_view hook, const Values& inputs) {
  if (!scope.graph().ok()) return {};
  if (scope.HasChild("position")) return scope.CallHook("position", hook, inputs);
  return scope.CallProvided("position", hook, inputs);
}

ValueId Rotated(Scope& scope, ValueId x) {
  if (!PositionHas(scope, "rotate")) return x;
  return FirstOf(CallPosition(scope, "rotate", {x}));
}

ValueId Cached(Scope& scope, std::string_view name, ValueId x) {
  Graph& graph = scope.graph();
  if (!graph.ok()) return kNoValue;
  ValueType type = graph.type(x);
  type.dims[1] = Dim::Symbol("S");
  const ValueId next =
      graph.Op("cache_append", {scope.State(name, type), x, scope.Ambient("start")});
  scope.Update(name, next);
  return next;
}

ValueId AttendCache(Scope& scope, const AttendSpec& spec, ValueId q, ValueId keys,
                    ValueId values) {
  if (!scope.graph().ok()) return kNoValue;
  AttentionCall call(spec, q, keys, values);
  call.Add("has_start", {scope.Ambient("start")});
  AddToScores(scope, spec, q, keys, call);
  return call.Run(scope.graph());
}

ValueId AttendSelf(Scope& scope, const AttendSpec& spec, ValueId q, ValueId k, ValueId v) {
  if (scope.mode() == Mode::kDecode) {
    const ValueId keys = Cached(scope, "key_cache", k);
    return AttendCache(scope, spec, q, keys, Cached(scope, "value_cache", v));
  }
  if (!scope.graph().ok()) return kNoValue;
  AttentionCall call(spec, q, k, v);
  if (scope.HasAmbient("segments")) {
    const ValueId segments = scope.Ambient("segments");
    call.Add("has_segments", {segments, segments});
  }
  AddToScores(scope, spec, q, k, call);
  return call.Run(scope.graph());
}

ValueId AttendKeys(Scope& scope, const AttendSpec& spec, ValueId q, ValueId k, ValueId v,
                   ValueId segments) {
  Graph& graph = scope.graph();
  if (!graph.ok()) return kNoValue;
  AttentionCall call(spec, q, k, v);
  const Dims dims = {graph.dims(q)[0], graph.dims(q)[1]};
  call.Add("has_segments", {graph.Constant(0, DType::kI32, dims), segments});
  AddToScores(scope, spec, q, k, call);
  return call.Run(graph);
}

ValueId AttendAcross(Scope& scope, const AttendSpec& spec, ValueId q, ValueId k, ValueId v,
                     ValueId segments) {
  Graph& graph = scope.graph();
  if (!graph.ok()) return kNoValue;
  AttendSpec across = spec;
  across.causal = false;
  across.window = 0;
  AttentionCall call(across, q, k, v);
  if (segments != kNoValue) {
    const Dims dims = {graph.dims(q)[0], graph.dims(q)[1]};
    const ValueId of_queries = scope.HasAmbient("segments")
                                   ? scope.Ambient("segments")
                                   : graph.Constant(0, DType::kI32, dims);
    call.Add("has_segments", {of_queries, segments});
  }
  if (across.sinks != kNoValue) call.Add("has_sinks", {across.sinks});
  if (across.bias != kNoValue) call.Add("has_bias", {across.bias});
  return call.Run(graph);
}

}  // namespace tessera
