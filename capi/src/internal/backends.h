// Backends: the folders of kernels/ that this library was built with.
//
// The one place that names them. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cpp/device/backend.h"

namespace tessera::capi {

struct BackendEntry {
  std::string name;
  std::string refusal;   // empty: it can be used here
  std::vector<tsr_kernel_def> kernels;
};

std::vector<BackendEntry> AllBackends();
// The kernels of those that do not refuse.
std::vector<tsr_kernel_def> UsableKernels();
// [{"name", "usable", "refusal", "kernels"}]
std::string BackendsJson();

}  // namespace tessera::capi
