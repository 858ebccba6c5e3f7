#include "capi/src/internal/backends.h"

#include "absl/strings/str_cat.h"
#include "cpp/config/value.h"
#include "cpp/device/kernel_sink.h"
#include "kernels/null/backend.h"

namespace tessera::cpu {

// Written by the build: the kernels of every file in kernels/cpu.
void RegisterAllCpuKernels(KernelSink& sink);

}  // namespace tessera::cpu

namespace tessera::capi {
namespace {

BackendEntry EntryOf(const tsr_backend& backend) {
  BackendEntry entry;
  entry.name = backend.name;
  if (backend.refusal != nullptr) entry.refusal = backend.refusal;
  entry.kernels.assign(backend.kernels, backend.kernels + backend.kernel_count);
  return entry;
}

}  // namespace

std::vector<BackendEntry> AllBackends() {
  KernelSink sink;
  cpu::RegisterAllCpuKernels(sink);
  return {{"cpu", "", sink.defs()}, EntryOf(*null::NullBackend())};
}

std::vector<tsr_kernel_def> UsableKernels() {
  std::vector<tsr_kernel_def> kernels;
  for (const BackendEntry& backend : AllBackends()) {
    if (!backend.refusal.empty()) continue;
    kernels.insert(kernels.end(), backend.kernels.begin(), backend.kernels.end());
  }
  return kernels;
}

std::string BackendsJson() {
  std::string text = "[";
  for (const BackendEntry& backend : AllBackends()) {
    absl::StrAppend(&text, text.size() > 1 ? ", " : "", "{\"name\": ", JsonQuoted(backend.name));
    absl::StrAppend(&text, ", \"usable\": ", backend.refusal.empty() ? "true" : "false");
    absl::StrAppend(&text, ", \"refusal\": ", JsonQuoted(backend.refusal));
    absl::StrAppend(&text, ", \"kernels\": ", backend.kernels.size(), "}");
  }
  return text + "]";
}

}  // namespace tessera::capi
