#include "kernels/null/backend.h"

namespace tessera::null {

const tsr_backend* NullBackend() {
  // A real backend looks for its device here, once, and sets `refusal` to what it found missing:
  // "no CUDA driver: libcuda.so.1 is not in /usr/lib, ...".
  static const tsr_backend backend = {.struct_size = sizeof(tsr_backend),
                                      .name = "null",
                                      .build_id = TESSERA_VERSION,
                                      .refusal = "the null backend computes nothing: it is the "
                                                 "folder to copy to start a backend",
                                      .kernels = nullptr,
                                      .kernel_count = 0};
  return &backend;
}

}  // namespace tessera::null
