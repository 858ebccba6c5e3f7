// tsr_runtime_register_optimizer: optimizers whose update a host's callback builds.

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/building.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/host_callback.h"
#include "capi/src/internal/host_type.h"
#include "capi/src/internal/scope_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/config.h"
#include "gen/config/param_group.h"

namespace tessera::capi {
namespace {

constexpr size_t kMostSlots = 16;

struct HostRule {
  std::weak_ptr<RuntimeObject> runtime;   // which holds this in its table
  std::string type;
  std::vector<std::string> slots;
  tsr_optimizer_build build = nullptr;
  std::shared_ptr<const HostCallback> callback;
};

class CustomOptimizer : public Optimizer {
 public:
  CustomOptimizer(std::shared_ptr<const HostRule> host, const ConfigNode& config, double rate,
                  ParamGroups groups)
      : Optimizer(std::move(groups)),
        host_(std::move(host)),
        config_(Config::NodeJson(config)),
        rate_(rate) {}

  double learning_rate() const override { return rate_; }
  std::vector<std::string> SlotNames(const ProgramParam&) const override { return host_->slots; }

  absl::StatusOr<std::vector<ValueId>> Build(Graph& graph, const ProgramParam& param,
                                             const UpdateValues& values) const override {
    const std::shared_ptr<RuntimeObject> runtime = host_->runtime.lock();
    RET_CHECK(runtime != nullptr) << "an optimizer outlived its runtime";
    const double scale = groups().For(param).learning_rate_scale;
    std::vector<tsr_value> given = {values.param, values.gradient};
    given.insert(given.end(), values.slots.begin(), values.slots.end());
    given.insert(given.end(),
                 {ScaledRate(graph, values.learning_rate, scale), values.step, values.clip});
    const std::string settings = Settings(param);
    const std::string what = absl::StrCat("optimizer '", host_->type, "'");
    std::vector<tsr_value> outputs(host_->slots.size() + 1, kNoValue);
    size_t count = outputs.size();
    const auto object = std::make_shared<ScopeObject>(runtime, graph);
    RETURN_IF_ERROR(CallWithScope(object, what, outputs, count, [&](tsr_scope* scope) {
      return host_->build(host_->callback->user(), scope, settings.data(), settings.size(),
                          given.data(), given.size(), outputs.data(), &count);
    }));
    RETURN_IF_ERROR(graph.status());
    if (count != outputs.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": expected ", outputs.size(), " outputs, the new parameter and ",
          host_->slots.size(), " slots, got ", count));
    }
    for (size_t i = 0; i < count; ++i) {
      const std::string name = absl::StrCat(what, ": outputs[", i, "]");
      RETURN_IF_ERROR(CheckValue(graph.function(), outputs[i], name));
      const ValueType& expected = graph.type(i == 0 ? values.param : values.slots[i - 1]);
      const ValueType& got = graph.type(outputs[i]);
      if (got.dims == expected.dims && got.dtype == expected.dtype) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": expected ", expected.ToText(), ", got ", got.ToText()));
    }
    return std::vector<ValueId>(outputs.begin(), outputs.end());
  }

  std::string Key(const ProgramParam& param) const override {
    return absl::StrCat(host_->type, "/", Settings(param), "/",
                        KeyText(groups().For(param).learning_rate_scale));
  }

 private:
  std::string Settings(const ProgramParam& param) const {
    std::vector<std::string> dims;
    for (const Dim& dim : param.dims) dims.push_back(dim.ToText());
    return absl::StrCat("{\"config\": ", config_, ", \"weight_decay\": ",
                        KeyText(groups().For(param).weight_decay), ", \"dims\": [",
                        absl::StrJoin(dims, ", "), "], \"dtype\": \"", Name(param.dtype), "\"}");
  }

  const std::shared_ptr<const HostRule> host_;
  const std::string config_;
  const double rate_;
};

absl::StatusOr<std::unique_ptr<Optimizer>> NewCustom(std::shared_ptr<const HostRule> host,
                                                     const ConfigNode& config) {
  ConfigReader reader(config, host->type);
  double rate = 0;
  std::optional<double> decay;
  std::vector<ParamGroupConfig> groups;
  reader.Read("learning_rate", rate);
  if (config.FindField("weight_decay") != nullptr) reader.Read("weight_decay", decay);
  if (config.FindField("groups") != nullptr) reader.Read("groups", groups);
  RETURN_IF_ERROR(reader.status());
  return std::make_unique<CustomOptimizer>(std::move(host), config, rate,
                                           ParamGroups::From(decay.value_or(0), groups));
}

absl::StatusOr<std::vector<std::string>> ReadSlots(const char* slots) {
  std::vector<std::string> names;
  if (slots == nullptr || *slots == '\0') return names;
  for (std::string_view part : absl::StrSplit(slots, ',')) {
    const absl::Status sound = CheckPath(part, "def.slots");
    if (!sound.ok()) return sound;
    if (std::find(names.begin(), names.end(), part) != names.end()) {
      return absl::InvalidArgumentError(absl::StrCat("def.slots: '", part, "' stands twice"));
    }
    names.emplace_back(part);
  }
  if (names.size() <= kMostSlots) return names;
  return absl::InvalidArgumentError(
      absl::StrCat("def.slots: expected at most ", kMostSlots, " names, got ", names.size()));
}

absl::Status CheckRateField(const TypeInfo& info) {
  const ConfigNode probe(&info);
  if (probe.FindField("learning_rate") != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "def.schema: expected a field learning_rate: double in table ", info.name, ", found none"));
}

absl::Status Register(const std::shared_ptr<RuntimeObject>& runtime, const tsr_optimizer_def& def,
                      std::shared_ptr<const HostCallback> callback) {
  RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(def.build), "def.build"));
  auto host = std::make_shared<HostRule>();
  ASSIGN_OR_RETURN(host->slots, ReadSlots(def.slots));
  absl::MutexLock lock(&runtime->registration_mutex());
  ASSIGN_OR_RETURN(const TypeInfo* info,
                   RegisterHostType(*runtime, def.schema, def.type, "optimizer"));
  RETURN_IF_ERROR(CheckRateField(*info));
  host->runtime = runtime;
  host->type = info->name;
  host->build = def.build;
  host->callback = std::move(callback);
  return runtime->optimizers().Register(
      info->name, [host](const ConfigNode& config) { return NewCustom(host, config); });
}

}  // namespace
}  // namespace tessera::capi

tsr_status* tsr_runtime_register_optimizer(tsr_runtime* runtime, const tsr_optimizer_def* def) {
  using namespace tessera::capi;  // NOLINT: one function
  return Guard([&](Call& call) -> absl::Status {
    constexpr uint32_t kFirstVersion = sizeof(tsr_optimizer_def);
    ASSIGN_OR_RETURN(const tsr_optimizer_def full, ReadStruct(def, kFirstVersion, "def"));
    // From here on `destroy` is called, however this ends.
    auto callback = std::make_shared<const HostCallback>(full.user, full.destroy);
    ASSIGN_OR_RETURN(const auto owner, call.Use(runtime, "runtime"));
    return Register(owner, full, std::move(callback));
  });
}
