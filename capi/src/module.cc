// tsr_runtime_register_module: module types whose build function is a host's callback.

#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/building.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/host_callback.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/config.h"
#include "cpp/nn/module.h"

namespace tessera::capi {
namespace {

// Results that one module may have.
constexpr size_t kMostOutputs = 64;

struct HostModule {
  // The runtime holds this in its table and outlives what is traced with it.
  std::weak_ptr<RuntimeObject> runtime;
  std::string type;
  tsr_module_build build = nullptr;
  std::shared_ptr<const HostCallback> callback;
};

class CustomModule : public Module {
 public:
  CustomModule(std::shared_ptr<const HostModule> host, const ConfigNode& config)
      : host_(std::move(host)), config_(config), json_(Config::NodeJson(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    const std::shared_ptr<RuntimeObject> runtime = host_->runtime.lock();
    RET_CHECK(runtime != nullptr) << "a module outlived its runtime";
    const auto object = std::make_shared<ScopeObject>(runtime, scope, config_);
    const std::string what = absl::StrCat("module '", host_->type, "'");
    std::vector<tsr_value> outputs(kMostOutputs, kNoValue);
    size_t count = outputs.size();
    RETURN_IF_ERROR(CallWithScope(object, what, outputs, count, [&](tsr_scope* handle) {
      return host_->build(host_->callback->user(), handle, json_.data(), json_.size(),
                          inputs.data(), inputs.size(), outputs.data(), &count);
    }));
    RETURN_IF_ERROR(scope.graph().status());
    for (size_t i = 0; i < count; ++i) {
      RETURN_IF_ERROR(CheckValue(scope.graph().function(), outputs[i],
                                 absl::StrCat(what, ": outputs[", i, "]")));
    }
    return Values(outputs.begin(), outputs.begin() + static_cast<ptrdiff_t>(count));
  }

 private:
  const std::shared_ptr<const HostModule> host_;
  const ConfigNode& config_;   // lives as long as the module: the tracer's tree
  const std::string json_;
};

absl::Status Register(const std::shared_ptr<RuntimeObject>& runtime, const tsr_module_def& def,
                      std::shared_ptr<const HostCallback> callback) {
  RETURN_IF_ERROR(CheckPointer(def.schema, "def.schema"));
  RETURN_IF_ERROR(CheckPointer(def.type, "def.type"));
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.build), "def.build"));
  ASSIGN_OR_RETURN(const std::string_view type,
                   ReadName(def.type, std::strlen(def.type), "def.type"));
  ASSIGN_OR_RETURN(const std::string_view schema,
                   ReadName(def.schema, std::strlen(def.schema), "def.schema"));
  absl::MutexLock lock(&runtime->registration_mutex());
  if (runtime->modules().Get(type).ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat("module type '", type, "' is already known to this runtime"));
  }
  RETURN_IF_ERROR(runtime->schemas()->RegisterText(schema, type));
  ASSIGN_OR_RETURN(const TypeInfo* info, runtime->schemas()->Get(type));
  auto host = std::make_shared<HostModule>();
  host->runtime = runtime;
  host->type = info->name;
  host->build = def.build;
  host->callback = std::move(callback);
  return runtime->modules().Register(
      info->name,
      [host](const ConfigNode& config) -> absl::StatusOr<std::unique_ptr<Module>> {
        return std::make_unique<CustomModule>(host, config);
      });
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_runtime_register_module(tsr_runtime* runtime, const tsr_module_def* def) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    constexpr uint32_t kFirstVersion = sizeof(tsr_module_def);
    ASSIGN_OR_RETURN(const tsr_module_def full, ReadStruct(def, kFirstVersion, "def"));
    // From here on `destroy` is called, however this ends.
    auto callback = std::make_shared<const HostCallback>(full.user, full.destroy);
    ASSIGN_OR_RETURN(const auto owner, call.Use(runtime, "runtime"));
    return Register(owner, full, std::move(callback));
  });
}
