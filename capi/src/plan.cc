// tsr_config_plan: what a config would take, without allocating its weights.
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/objects.h"
#include "capi/src/internal/options.h"
#include "cpp/base/status_macros.h"
#include "cpp/train/plan.h"

tsr_status* tsr_config_plan(const tsr_config* config, const char* options, size_t options_len,
                            char** out_text, size_t* out_len) {
  using tessera::capi::Call;
  return tessera::capi::Guard([&](Call& call) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
    ASSIGN_OR_RETURN(const std::string_view text,
                     tessera::capi::ReadText(options, options_len, "options"));
    tessera::PlanOptions plan;
    tessera::capi::OptionReader reader(text, "options");
    reader.Bool("text", &plan.text);
    reader.Bool("dot", &plan.dot);
    RETURN_IF_ERROR(reader.Finish());
    ASSIGN_OR_RETURN(
        const std::string json,
        tessera::PlanConfig(object->Get(), object->runtime()->environment(), plan));
    return tessera::capi::GiveText(json, out_text, out_len);
  });
}
