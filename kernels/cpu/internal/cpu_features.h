// DetectIsa: the best instruction set this process may use.
//
// Reads CPUID and the registers the system saves, and asks the system once for AMX tiles. It sets
// no policy: a runtime may cap what it uses below this. Thread-safe.
#pragma once

#include "cpp/device/backend.h"

namespace tessera::cpu {

// Found once per process. On other architectures than x86-64 always the baseline.
tsr_isa DetectIsa();

}  // namespace tessera::cpu
