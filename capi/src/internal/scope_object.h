// ScopeObject: what a host's callback may do while a model is traced or differentiated.
//
// It stands for a scope of nn (a module being built) or for a graph alone (the gradient of an op),
// during one call of a callback. With a recording, the callback can be called a second time: its
// calls are then not done but compared with those of the first time, and answered as they were.
// That is how checked mode finds callbacks that are not pure. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "capi/src/internal/handle.h"
#include "capi/src/internal/runtime_object.h"
#include "cpp/config/tree.h"
#include "cpp/nn/scope.h"

namespace tessera::capi {

class ScopeObject {
 public:
  // Of a module: `config` is its node.
  ScopeObject(std::shared_ptr<RuntimeObject> runtime, Scope& scope, const ConfigNode& config)
      : runtime_(std::move(runtime)), graph_(scope.graph()), scope_(&scope), config_(&config) {}
  // Of a gradient, or of an update.
  ScopeObject(std::shared_ptr<RuntimeObject> runtime, Graph& graph)
      : runtime_(std::move(runtime)), graph_(graph) {}

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }
  Graph& graph() { return graph_; }
  // FAILED_PRECONDITION in a gradient, where there is none.
  absl::StatusOr<Scope*> scope(std::string_view what);
  const ConfigNode& config() const { return *config_; }

  // Does `act`, or answers as it did when the callback made the same call the first time.
  // `request` says everything about the call.
  using Act = std::function<absl::StatusOr<Values>()>;
  absl::StatusOr<Values> Do(std::string request, const Act& act);

  // From here on calls are recorded.
  void Record() { is_recording_ = true; }
  // From here on calls are compared with the recorded ones.
  void Replay();
  // What of the second time was not as the first time; OK when all was.
  absl::Status CheckReplayed() const;

 private:
  struct Recorded {
    std::string request;
    absl::Status status;
    Values values;
  };
  absl::StatusOr<Values> AnswerAgain(std::string request);

  const std::shared_ptr<RuntimeObject> runtime_;
  Graph& graph_;
  Scope* const scope_ = nullptr;
  const ConfigNode* const config_ = nullptr;

  bool is_recording_ = false, is_replaying_ = false;
  std::vector<Recorded> recorded_;
  size_t next_ = 0;
  absl::Status difference_;
};

}  // namespace tessera::capi

struct tsr_scope
    : tessera::capi::ShellOf<tessera::capi::ScopeObject, tessera::capi::HandleKind::kScope> {};

namespace tessera::capi {

// Calls a callback with a scope handle that ends with the call, and returns what it says. What it
// throws becomes a status. In checked mode it is called twice, and `outputs` compared too: the
// callback writes them anew each time. `what` names it in errors ("module 'X'").
absl::Status CallWithScope(const std::shared_ptr<ScopeObject>& object, std::string_view what,
                           std::vector<tsr_value>& outputs, size_t& output_count,
                           const std::function<tsr_status*(tsr_scope* scope)>& callback);

// Runs a callback that may throw though it must not.
absl::Status CallHost(std::string_view what, const std::function<tsr_status*()>& callback);

}  // namespace tessera::capi
