// Unwinder: makes exceptions of a host's callbacks pass through this library.
//
// The shared library carries a copy of the unwinder (-static-libgcc), which sets itself up when
// something is thrown by it. A host's exception is thrown by the host's unwinder and only passes
// through this copy, which aborts the process when it is not set up. Thread-safe.
#pragma once

namespace tessera::capi {

// Sets the copy up, once in a process. To be called before any callback of a host.
inline void SetUpUnwinder() {
  static const bool is_set_up = [] {
    try {
      throw 0;  // the only exception of ours: throwing is what sets it up
    } catch (int) {
      return true;
    }
  }();
  (void)is_set_up;
}

}  // namespace tessera::capi
