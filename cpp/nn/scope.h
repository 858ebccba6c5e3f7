// Scope: where a module stands while its function is traced.
//
// It gives parameters, state, ambient values, random keys, child slots, losses and metrics, and
// the Graph to write nodes into. Paths are relative to the module. Children are traced once for
// equal (type, resolved config, hook, input types, surroundings) and called. Errors stick to the
// graph: methods that yield values yield kNoValue after one, and the trace returns it at the end.
// Lives on the stack of one trace; not thread-safe.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/ir/graph.h"
#include "cpp/nn/module.h"

namespace tessera {

class Tracer;   // cpp/nn/tracer.h
struct TraceFrame;

// A loss of sums over tokens, such as one for balance: not a mean of terms, but a function of them.
//
// Every layer that adds a statistic of this name adds its sums to the same totals, and so do all
// ranks; `loss` writes the function of the totals once, into main. Layers must agree on types,
// scope, weight and function.
struct Statistic {
  enum Scope {
    kMicroBatch,  // totals over the tokens of a micro-batch on all ranks; the loss is a scalar, its
                  // mean over micro-batches counts
    kSequence,    // sums [B, ...], one row a sequence; the loss is [B], its mean over the sequences
                  // of the step counts
  };
  std::string name;    // "load_balance"; no '/' or '#'
  bool is_metric = false;   // reported only
  bool per_layer = false;   // totals of this layer alone, named by its path too
  Scope scope = kMicroBatch;
  double weight = 1;
  Values sums;         // f32 or f64
  std::function<ValueId(Graph& graph, const Values& totals)> loss;
};

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

  // A value that no gradient moves (a router's bias): f32 or f64, whatever dtype() is, named and
  // kept like a parameter, the same in all modes.
  ValueId Buffer(std::string_view path, const ValueType& type, const Initializer& init = {},
                 std::vector<std::string> logical_dims = {});
  // In training: once a step, when it is committed, the buffer becomes next(buffer, total), where
  // total is the contribution summed over the micro-batches and ranks. Forwards read the old one.
  using BufferUpdate = std::function<ValueId(Graph& graph, ValueId buffer, ValueId total)>;
  void UpdateBuffer(std::string_view path, ValueId contribution, const BufferUpdate& next);

  // What the surroundings provide: "positions" i32[B,T], "segments" i32[B,T], "start" i32[B],
  // "batch_offset" i64[].
  bool HasAmbient(std::string_view name) const;
  ValueId Ambient(std::string_view name);
  // The next calls of children find the ambient value `own` of this module under the name `below`
  // (an encoder's "positions" are those of the source); with "" they find none.
  void AmbientBelow(std::string_view below, std::string_view own);
  // The same with a value that this module makes (the places of an image's patches).
  void AmbientBelow(std::string_view below, ValueId value);

  // A random key u32[4], different for every path, name and step.
  ValueId Key(std::string_view name);

  // --- Children ---
  bool HasChild(std::string_view slot) const;
  int ChildCount(std::string_view slot) const;
  // Builds the child of `slot` under the path `at` (default: the slot's name; a slot marked `inner`
  // adds nothing to paths). For a list slot, `index` says which child.
  Values Call(std::string_view slot, const Values& inputs, std::string_view at = "",
              int index = 0);
  ValueId Call1(std::string_view slot, const Values& inputs, std::string_view at = "",
                int index = 0);
  bool ChildHasHook(std::string_view slot, std::string_view hook, int index = 0) const;
  Values CallHook(std::string_view slot, std::string_view hook, const Values& inputs);
  // The next calls of children find their parameter `child_path` (absolute within this module,
  // "head/weight") in this module's parameter `own_path` ("embedding/weight") instead.
  void Share(std::string_view child_path, std::string_view own_path);

  // `count` copies of the child of `slot` as one: its parameters gain a leading dim "expert", each
  // of the rows x[..., D] goes to the copy that owners i32[...] names; rows of no copy (-1, at the
  // end) yield anything. See nn/grouped.h for what a child may do.
  Values CallGrouped(std::string_view slot, const Values& rows, ValueId owners, int64_t count,
                     std::string_view at = "");

  // Makes the child of `slot` known to everything below under `role` ("position").
  void ProvideBelow(std::string_view role, std::string_view slot);
  // Calls a hook of the module provided under `role` by a surrounding module, here and now. Such
  // hooks may use ambient values, parameters (they stand at the module that provides it, one for
  // all callers) and slots of their own; no state, keys or losses.
  // REQUIRES: HasProvided(role, hook).
  bool HasProvided(std::string_view role, std::string_view hook) const;
  Values CallProvided(std::string_view role, std::string_view hook, const Values& inputs);

  // A loss: weight * sum over the global batch of numerator / the same of denominator. Scalars; the
  // denominator depends on no parameter. Names are relative paths.
  void AddLoss(std::string_view name, ValueId numerator, ValueId denominator, double weight = 1);
  void AddMetric(std::string_view name, ValueId numerator, ValueId denominator);
  // A loss of sums over tokens. In training only.
  void AddStatistic(const Statistic& statistic);

 private:
  const ConfigNode* Child(std::string_view slot, int index) const;
  std::string PathOf(std::string_view slot, std::string_view at) const;
  // False, with an error, while a hook of a provided module builds in somebody else's function.
  bool MayUse(std::string_view what);
  bool IsGuest() const;
  // Builds `config`, provided or below what is, right here; its parameters begin with `guest`.
  Values CallGuest(const ConfigNode& config, std::string guest, std::string_view hook,
                   const Values& inputs);

  Tracer& tracer_;
  TraceFrame& frame_;
};

}  // namespace tessera
