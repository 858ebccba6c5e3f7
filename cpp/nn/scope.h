// Scope: where a module stands while its function is traced.
//
// It gives parameters, state, ambient values, random keys, child slots, losses and metrics, and
// the Graph to write nodes into. Paths are relative to the module. Children are traced once for
// equal (type, resolved config, hook, input types, surroundings) and called. Errors stick to the
// graph: methods that yield values yield kNoValue after one, and the trace returns it at the end.
// Lives on the stack of one trace; not thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/ir/graph.h"
#include "cpp/nn/module.h"

namespace tessera {

class Tracer;   // cpp/nn/tracer.h
struct TraceFrame;

enum class Mode { kTrain, kEvaluate, kDecode };

// For CheckInputs.
inline constexpr int kAnyRank = -1;

class Scope {
 public:
  Scope(Tracer& tracer, TraceFrame& frame) : tracer_(tracer), frame_(frame) {}

  Graph& graph();
  Mode mode() const;
  // The dtype in which weights and activations are held: bf16, f32 or f64.
  DType dtype() const;

  // What a Build asks first: as many inputs as `ranks`, each with that many dims (kAnyRank: one or
  // more). INVALID_ARGUMENT that names the input; the graph's own error when it has one.
  absl::Status CheckInputs(const Values& inputs, std::initializer_list<int> ranks) const;

  // A parameter of this module, `path` relative ("weight"), in dtype(). Asking twice gives the same
  // value; with other dims it is an error. Dims must be constants.
  ValueId Param(std::string_view path, const Dims& dims, const Initializer& init,
                std::vector<std::string> logical_dims = {}, bool decay = true);

  // State carried from step to step (caches). Update gives its next value, once.
  ValueId State(std::string_view path, const ValueType& type, const Initializer& init = {});
  void Update(std::string_view path, ValueId next);

  // What the surroundings provide: "positions" i32[B,T], "segments" i32[B,T], "start" i32[B],
  // "batch_offset" i64[].
  bool HasAmbient(std::string_view name) const;
  ValueId Ambient(std::string_view name);

  // A random key u32[4], different for every path, name and step.
  ValueId Key(std::string_view name);

  // --- Children ---
  bool HasChild(std::string_view slot) const;
  int ChildCount(std::string_view slot) const;
  // Builds the child of `slot` under the path `at` (default: the slot's name). For a list slot,
  // `index` says which child.
  Values Call(std::string_view slot, const Values& inputs, std::string_view at = "",
              int index = 0);
  ValueId Call1(std::string_view slot, const Values& inputs, std::string_view at = "");
  bool ChildHasHook(std::string_view slot, std::string_view hook) const;
  Values CallHook(std::string_view slot, std::string_view hook, const Values& inputs);
  // The next calls of children find their parameter `child_path` (absolute within this module,
  // "head/weight") in this module's parameter `own_path` ("embedding/weight") instead.
  void Share(std::string_view child_path, std::string_view own_path);

  // Makes the child of `slot` known to everything below under `role` ("position").
  void ProvideBelow(std::string_view role, std::string_view slot);
  // Calls a hook of the module provided under `role` by a surrounding module, here and now. Such
  // hooks may use ambient values but no parameters. REQUIRES: HasProvided(role, hook).
  bool HasProvided(std::string_view role, std::string_view hook) const;
  Values CallProvided(std::string_view role, std::string_view hook, const Values& inputs);

  // A loss: weight * sum over the global batch of numerator / the same of denominator. Scalars; the
  // denominator depends on no parameter. Names are relative paths.
  void AddLoss(std::string_view name, ValueId numerator, ValueId denominator, double weight = 1);
  void AddMetric(std::string_view name, ValueId numerator, ValueId denominator);

 private:
  const ConfigNode* Child(std::string_view slot, int index) const;
  // False, with an error, while a hook of a provided module builds in somebody else's function.
  bool MayUse(std::string_view what);

  Tracer& tracer_;
  TraceFrame& frame_;
};

}  // namespace tessera
