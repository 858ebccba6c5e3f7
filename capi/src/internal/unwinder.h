// Unwinder: makes exceptions of a host's callbacks pass through this library.
//
// The shared library carries a copy of the unwinder (-static-libgcc), which sets itself up when an
// exception is raised by it. A host's exception is thrown by the host's unwinder and only passes
// through this copy, which aborts the process when it is not set up. Thread-safe.
#pragma once

#include <exception>

namespace tessera::capi {

// Sets the copy up, once in a process. To be called before any callback of a host.
inline void SetUpUnwinder() {
  static const bool is_set_up = [] {
    try {
      std::rethrow_exception(std::make_exception_ptr(0));
    } catch (int) {
      return true;
    }
  }();
  (void)is_set_up;
}

}  // namespace tessera::capi
