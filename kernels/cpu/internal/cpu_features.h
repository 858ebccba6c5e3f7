// DetectIsa: the best instruction set this process may use.
//
// Reads CPUID and the registers the system saves, and asks the system once for AMX tiles. It sets
// no policy: a runtime may cap what it uses below this. Thread-safe.
#pragma once

#include <string>

#include "cpp/device/backend.h"

namespace tessera::cpu {

// Found once per process. On other architectures than x86-64 always the baseline.
tsr_isa DetectIsa();

// Whether bf16 dot products (vdpbf16ps) do more than fp32 multiply-adds of widened operands. They
// do twice as much on AMD's processors; Intel's split them up and do half as much (measured on
// Sapphire Rapids: 86 and 176 GFLOP/s, registers only). Thread-safe.
bool HasFastDots();

// Model of the processor as it says itself: maker, family, model, stepping and brand, "AuthenticAMD
// 25/17/1 AMD EPYC"; on aarch64 the numbers of implementer, part, variant and revision of the core
// that was asked, "aarch64 0x41/0xd40/0/1". Empty where it cannot be asked. Thread-safe.
std::string CpuModel();

}  // namespace tessera::cpu
