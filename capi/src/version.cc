// Functions of tessera.h about the library itself.
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "capi/include/tessera.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/value.h"

namespace tessera::capi {
namespace {

constexpr char kSanitizer[] =
#if defined(__SANITIZE_ADDRESS__)
    "address";
#elif defined(__SANITIZE_THREAD__)
    "thread";
#else
    "";
#endif

constexpr char kArchitecture[] =
#if defined(__x86_64__)
    "x86_64";
constexpr char kInstructionSets[] =
    "[\"reference\", \"baseline\", \"avx2\", \"avx512\", \"avx512_bf16\", \"amx\"]";
#elif defined(__aarch64__)
    "aarch64";
constexpr char kInstructionSets[] = "[\"reference\", \"baseline\"]";
#else
    "unknown";
constexpr char kInstructionSets[] = "[\"reference\"]";
#endif

std::string BuildInfo() {
  std::string text = absl::StrCat("{\"version\": ", JsonQuoted(TESSERA_VERSION));
  absl::StrAppend(&text, ", \"compiler\": ", JsonQuoted(__VERSION__));
  absl::StrAppend(&text, ", \"cplusplus\": ", static_cast<int64_t>(__cplusplus));
  absl::StrAppend(&text, ", \"architecture\": ", JsonQuoted(kArchitecture));
  absl::StrAppend(&text, ", \"instruction_sets\": ", kInstructionSets);
  absl::StrAppend(&text, ", \"backends\": [\"cpu\"]");
  absl::StrAppend(&text, ", \"sanitizer\": ", JsonQuoted(kSanitizer), "}");
  return text;
}

}  // namespace
}  // namespace tessera::capi

using tessera::capi::Call;
using tessera::capi::Guard;

uint32_t tsr_version(void) {
  return (TSR_VERSION_MAJOR << 16) | (TSR_VERSION_MINOR << 8) | TSR_VERSION_PATCH;
}

tsr_status* tsr_build_info(char** out_text, size_t* out_len) {
  return Guard([&](Call&) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    return tessera::capi::GiveText(tessera::capi::BuildInfo(), out_text, out_len);
  });
}

void tsr_text_free(char* text) { std::free(text); }
