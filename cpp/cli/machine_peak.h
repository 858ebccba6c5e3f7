// What this machine gives at its best, measured now: products from registers, copies of memory.
//
// Clouds differ and neighbours take their part, so a share of peak means something only against a
// peak of the same minute. Thread-safe, but two measurements at once disturb each other.
#pragma once

#include <string>

namespace tessera::cli {

struct MachinePeak {
  double gflops_per_s = 0;    // of all threads together, operands in registers
  std::string instructions;   // what did it: "AVX-512 FMA, f32"
  double gbytes_per_s = 0;    // read and written, copying more than the caches hold
};

// `isa` is the name of the instruction set that kernels use at most (tsr_runtime_describe); bf16
// products count where it has them. About half a second.
MachinePeak MeasureMachinePeak(const std::string& isa, bool is_bf16, int threads);

}  // namespace tessera::cli
