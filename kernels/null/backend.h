// NullBackend: a backend that refuses, and says why. The folder to copy to start a real one.
//
// It has no kernels and never computes; what uses it must show its refusal. Thread-safe.
#pragma once

#include "cpp/device/backend.h"

namespace tessera::null {

// Never NULL; the struct and what it points to live as long as the process.
const tsr_backend* NullBackend();

}  // namespace tessera::null
