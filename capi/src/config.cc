// Functions of tessera.h about configs, but for tsr_config_plan.
#include <string>

#include "absl/strings/str_join.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/objects.h"
#include "cpp/base/status_macros.h"

namespace {

using tessera::Config;
using tessera::capi::Call;
using tessera::capi::CheckPointer;
using tessera::capi::CheckTextOut;
using tessera::capi::ConfigObject;
using tessera::capi::GiveText;
using tessera::capi::Guard;
using tessera::capi::ReadName;
using tessera::capi::ReadText;
using tessera::capi::RuntimeObject;

absl::Status GiveConfig(std::shared_ptr<RuntimeObject> runtime, Config config,
                        tsr_config** out_config) {
  *out_config = tessera::capi::NewHandle<tsr_config>(
      std::make_shared<ConfigObject>(std::move(runtime), std::move(config)));
  return absl::OkStatus();
}

// A call that writes text made from a copy of the config.
template <typename Body>
tsr_status* WriteText(const tsr_config* config, char** out_text, size_t* out_len, Body body) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
    RETURN_IF_ERROR(CheckTextOut(out_text, out_len));
    const Config copy = object->Get();
    ASSIGN_OR_RETURN(const std::string text, body(copy));
    return GiveText(text, out_text, out_len);
  });
}

}  // namespace

tsr_status* tsr_config_parse(tsr_runtime* runtime, const char* text, size_t text_len,
                             const char* name, size_t name_len, tsr_config** out_config) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(CheckPointer(out_config, "out_config"));
    // Text that is no UTF-8 is the config's to report, with line and column.
    ASSIGN_OR_RETURN(const std::string_view json, tessera::capi::ReadBytes(text, text_len, "text"));
    ASSIGN_OR_RETURN(const std::string_view file, ReadText(name, name_len, "name"));
    ASSIGN_OR_RETURN(Config config, Config::FromJson(object->schemas(), json,
                                                     file.empty() ? "config" : file,
                                                     &object->hardware()));
    return GiveConfig(object, std::move(config), out_config);
  });
}

tsr_status* tsr_config_load(tsr_runtime* runtime, const char* path, size_t path_len,
                            tsr_config** out_config) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(CheckPointer(out_config, "out_config"));
    ASSIGN_OR_RETURN(const std::string file, tessera::capi::ReadPath(path, path_len, "path"));
    absl::StatusOr<Config> config = Config::Load(object->schemas(), file, &object->hardware());
    if (!config.ok()) return tessera::capi::WithFile(std::move(config).status(), file);
    return GiveConfig(object, *std::move(config), out_config);
  });
}

tsr_status* tsr_config_from_bytes(tsr_runtime* runtime, const void* bytes, size_t len,
                                  tsr_config** out_config) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(CheckPointer(out_config, "out_config"));
    ASSIGN_OR_RETURN(const std::string_view read, tessera::capi::ReadBytes(bytes, len, "bytes"));
    ASSIGN_OR_RETURN(Config config, Config::FromBytes(object->schemas(), read));
    return GiveConfig(object, std::move(config), out_config);
  });
}

void tsr_config_free(tsr_config* config) { tessera::capi::FreeHandle(config); }

tsr_status* tsr_config_copy(const tsr_config* config, tsr_config** out_config) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
    RETURN_IF_ERROR(CheckPointer(out_config, "out_config"));
    return GiveConfig(object->runtime(), object->Get(), out_config);
  });
}

tsr_status* tsr_config_set(tsr_config* config, const char* path, size_t path_len, const char* value,
                           size_t value_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
    ASSIGN_OR_RETURN(const std::string_view where, ReadName(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string_view what, ReadText(value, value_len, "value"));
    return object->Set(where, what, "");
  });
}

tsr_status* tsr_config_modify(tsr_config* config, const char* text, size_t text_len,
                              const char* name, size_t name_len, char** out_report,
                              size_t* out_report_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
    ASSIGN_OR_RETURN(const std::string_view json, tessera::capi::ReadBytes(text, text_len, "text"));
    ASSIGN_OR_RETURN(const std::string_view file, ReadText(name, name_len, "name"));
    const bool wants_report = out_report != nullptr || out_report_len != nullptr;
    if (wants_report) RETURN_IF_ERROR(CheckTextOut(out_report, out_report_len));
    ASSIGN_OR_RETURN(const auto reports, object->Modify(json, file.empty() ? "modifier" : file));
    if (!wants_report) return absl::OkStatus();
    return GiveText(tessera::ReportJson(reports), out_report, out_report_len);
  });
}

tsr_status* tsr_config_get(const tsr_config* config, const char* path, size_t path_len,
                           char** out_text, size_t* out_len) {
  return WriteText(config, out_text, out_len,
                   [&](const Config& copy) -> absl::StatusOr<std::string> {
                     ASSIGN_OR_RETURN(const std::string_view where,
                                      ReadText(path, path_len, "path"));
                     absl::StatusOr<std::string> text = copy.Get(where);
                     if (text.ok()) return text;
                     return tessera::capi::WithPath(std::move(text).status(), where);
                   });
}

tsr_status* tsr_config_to_json(const tsr_config* config, char** out_text, size_t* out_len) {
  return WriteText(config, out_text, out_len,
                   [](const Config& copy) -> absl::StatusOr<std::string> { return copy.ToJson(); });
}

tsr_status* tsr_config_resolve(const tsr_config* config, int32_t as_json, char** out_text,
                               size_t* out_len) {
  return WriteText(config, out_text, out_len,
                   [&](const Config& copy) -> absl::StatusOr<std::string> {
                     ASSIGN_OR_RETURN(const Config resolved, copy.Resolve());
                     return as_json != 0 ? resolved.ToResolvedJson() : resolved.ToAnnotatedJson();
                   });
}

tsr_status* tsr_config_to_bytes(const tsr_config* config, char** out_bytes, size_t* out_len) {
  return WriteText(
      config, out_bytes, out_len,
      [](const Config& copy) -> absl::StatusOr<std::string> { return copy.ToBytes(); });
}

tsr_status* tsr_config_diff(const tsr_config* a, const tsr_config* b, char** out_text,
                            size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto first, call.Use(a, "a"));
    ASSIGN_OR_RETURN(const auto second, call.Use(b, "b"));
    RETURN_IF_ERROR(CheckTextOut(out_text, out_len));
    std::string text;
    for (const std::string& line : Config::Diff(first->Get(), second->Get())) {
      absl::StrAppend(&text, line, "\n");
    }
    return GiveText(text, out_text, out_len);
  });
}
