// Functions of tessera.h about runtimes, but for those that register something.
#include "capi/src/internal/runtime_object.h"

#include "capi/src/internal/arguments.h"
#include "capi/src/internal/catalogue.h"
#include "capi/src/internal/guard.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/json_schema.h"

using tessera::capi::Call;
using tessera::capi::Guard;

tsr_status* tsr_runtime_new(const char* options, size_t options_len, tsr_runtime** out_runtime) {
  using tessera::capi::RuntimeObject;
  using tessera::capi::RuntimeOptions;
  return Guard([&](Call&) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckPointer(out_runtime, "out_runtime"));
    ASSIGN_OR_RETURN(const std::string_view text,
                     tessera::capi::ReadText(options, options_len, "options"));
    ASSIGN_OR_RETURN(const RuntimeOptions read, RuntimeOptions::FromJson(text));
    ASSIGN_OR_RETURN(std::shared_ptr<RuntimeObject> runtime, RuntimeObject::Create(read));
    tsr_runtime* handle = tessera::capi::NewHandle<tsr_runtime>(std::move(runtime));
    if (read.checked) tessera::capi::TurnCheckingOn();
    *out_runtime = handle;
    return absl::OkStatus();
  });
}

void tsr_runtime_free(tsr_runtime* runtime) { tessera::capi::FreeHandle(runtime); }

tsr_status* tsr_runtime_describe(tsr_runtime* runtime, char** out_text, size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.UseEvenPoisoned(runtime, "runtime"));
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    return tessera::capi::GiveText(tessera::capi::DescribeRuntime(*object), out_text, out_len);
  });
}

tsr_status* tsr_runtime_list(tsr_runtime* runtime, const char* kind, size_t kind_len,
                             char** out_text, size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string_view name, tessera::capi::ReadName(kind, kind_len, "kind"));
    ASSIGN_OR_RETURN(const std::string text, tessera::capi::ListKind(*object, name));
    return tessera::capi::GiveText(text, out_text, out_len);
  });
}

tsr_status* tsr_runtime_describe_type(tsr_runtime* runtime, const char* type, size_t type_len,
                                      char** out_text, size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string_view name, tessera::capi::ReadName(type, type_len, "type"));
    ASSIGN_OR_RETURN(const std::string text, tessera::capi::DescribeType(*object, name));
    return tessera::capi::GiveText(text, out_text, out_len);
  });
}

tsr_status* tsr_runtime_json_schema(tsr_runtime* runtime, char** out_text, size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    return tessera::capi::GiveText(tessera::JsonSchemaOf(*object->schemas()), out_text, out_len);
  });
}
