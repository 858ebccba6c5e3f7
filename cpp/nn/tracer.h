// Tracer: turns a resolved model config into one main function, each distinct child traced once.
//
// The result is a tree of calls; passes/flatten.h makes a schedule's segments of it. Module types
// are found in the tables it is given: the built-in ones and those a runtime registered.
// One thread per Tracer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cpp/ir/graph.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "cpp/nn/totals.h"

namespace tessera {

// Module types by name. Only grows: factories that were given out stay. Thread-safe.
class ModuleTable {
 public:
  using Factory =
      std::function<absl::StatusOr<std::unique_ptr<Module>>(const ConfigNode& config)>;

  ModuleTable();   // the built-in ones
  // ALREADY_EXISTS when the name is taken.
  absl::Status Register(std::string type, Factory factory);
  // NOT_FOUND with the nearest known name.
  absl::StatusOr<const Factory*> Get(std::string_view type) const;

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, Factory, std::less<>> factories_ ABSL_GUARDED_BY(mutex_);
};

struct TraceOptions {
  DType dtype = DType::kF32;
  Mode mode = Mode::kTrain;
};

// The arguments of a language model's main and the ambient values around it, for a mode:
// train, evaluate: tokens, targets i32[B,T]; ambient positions, segments i32[B,T] and
// batch_offset i64[].
// decode: tokens i32[B,T]; ambient positions i32[B,T], start i32[B] (cached tokens before tokens).
std::vector<NamedType> LanguageModelArguments(Mode mode);
std::vector<NamedType> LanguageModelAmbients(Mode mode);

struct TraceFrame {
  // A module that this frame provides to what is below, and the path at which it stands here.
  struct Provided {
    const ConfigNode* config = nullptr;
    std::string path;
  };
  Function* function = nullptr;
  std::unique_ptr<Graph> graph;
  const ConfigNode* config = nullptr;
  const TraceFrame* parent = nullptr;
  std::map<std::string, std::string, std::less<>> shared;       // child path -> own path
  std::map<std::string, std::string, std::less<>> ambient_below;   // name below -> own name, or ""
  std::map<std::string, ValueId, std::less<>> made_below;       // name below -> a value of this one
  std::map<std::string, Provided, std::less<>> provided;        // by role
  // Parameters asked for here, and those that came up from an inner slot under the same names.
  std::set<std::string, std::less<>> own, inner;
  // While a hook of a provided module builds: this function is another module's. Its parameters
  // are called "^role/path" here and get their path where the module is provided.
  std::string guest;
};

class Tracer {
 public:
  Tracer(const OpTable& ops, const ModuleTable& modules, TraceOptions options)
      : ops_(ops), modules_(modules), options_(options), totals_(ops) {}

  // Traces `config` as main. Errors carry the path of the module in which they arose.
  absl::StatusOr<FunctionRef> TraceMain(const ConfigNode& config,
                                        const std::vector<NamedType>& arguments,
                                        const std::vector<NamedType>& ambients);

  // The same with the arguments and ambient values that the model itself asks for.
  absl::StatusOr<FunctionRef> TraceModel(const ConfigNode& config);

  // --- For Scope. ---
  const TraceOptions& options() const { return options_; }
  Values CallChild(TraceFrame& frame, const ConfigNode& child, std::string_view hook,
                   const Values& inputs, const std::string& at);
  // `count` copies of a child as one (nn/grouped.h); the last input says the owner of each row.
  Values CallGrouped(TraceFrame& frame, const ConfigNode& child, const Values& inputs,
                     int64_t count, const std::string& at);
  // What the functions below main hand up, and what becomes of it in main (nn/totals.h).
  Totals& totals() { return totals_; }
  // Builds a hook of `config` right into the frame's function.
  Values BuildHere(TraceFrame& frame, const ConfigNode& config, std::string_view hook,
                   const Values& inputs);
  absl::StatusOr<const Module*> ModuleOf(const ConfigNode& config);
  // Of the ambient value that `frame` knows under the name; nullptr when there is none.
  const ValueType* AmbientType(const TraceFrame& frame, std::string_view name) const;

 private:
  struct TraceKey;
  absl::StatusOr<FunctionRef> TraceChild(const TraceFrame& parent, const ConfigNode& child,
                                         std::string_view hook,
                                         const std::vector<ValueType>& input_types);
  absl::Status BindCall(TraceFrame& frame, const Function& callee, const Values& inputs,
                        const std::string& at, Values& operands);
  std::string KeyOf(const TraceFrame& parent, const ConfigNode& child, std::string_view hook,
                    const std::vector<ValueType>& input_types) const;

  Values BindResults(TraceFrame& frame, const Function& callee, const Values& results,
                     const std::string& at);

  const OpTable& ops_;
  const ModuleTable& modules_;
  TraceOptions options_;
  Totals totals_;
  std::map<std::string, ValueType, std::less<>> ambients_;
  std::map<const ConfigNode*, std::unique_ptr<Module>> instances_;
  std::map<std::string, FunctionRef> traced_;
};

}  // namespace tessera
