// Module: a piece of a model, built from its resolved config into graph functions.
//
// A module's whole contract is Build: from inputs to outputs, in single-device code, through a
// Scope. It knows its own fields and slots and nothing else: no mesh, no device, no path of its
// own, no other module's type. A role may have further hooks (a position has "embed" and
// "rotate"); a module answers those it has. Modules are immutable after construction and Build must
// be pure: equal configs and input types give equal functions.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/function.h"

namespace tessera {

class ConfigNode;   // cpp/config
class Scope;        // cpp/nn/scope.h

using Values = std::vector<ValueId>;

enum class Mode { kTrain, kEvaluate, kDecode };

struct NamedType {
  std::string name;
  ValueType type;
};

// What a whole model reads: its arguments, and the ambient values around it.
struct ModelInputs {
  std::vector<NamedType> arguments;
  std::vector<NamedType> ambients;
};

class Module {
 public:
  virtual ~Module() = default;
  virtual absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const = 0;

  // What is read by a module that is a whole model (role "model"), held in `dtype`. Default: what a
  // language model reads, see LanguageModelArguments in nn/tracer.h. A mode that it refuses may
  // have no arguments.
  virtual ModelInputs Inputs(Mode mode, DType dtype) const;

  // Hooks beside Build, by name. A module that has one overrides both.
  virtual bool HasHook(std::string_view hook) const;
  virtual absl::StatusOr<Values> BuildHook(std::string_view hook, Scope& scope,
                                           const Values& inputs) const;
};

// File cpp/nn/feed_forward.cc defines `NewFeedForwardModule`; the build writes the table.
using ModuleFactory = absl::StatusOr<std::unique_ptr<Module>> (*)(const ConfigNode& config);

struct ModuleEntry {
  std::string_view type;   // "FeedForward"
  ModuleFactory create;
};

absl::Span<const ModuleEntry> BuiltinModules();

}  // namespace tessera
