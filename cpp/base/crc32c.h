// CRC32C (Castagnoli) of bytes, as checkpoints and wire messages carry it.
//
// Detects damage, not tampering. A thin layer over Abseil's, which uses the processor's
// instructions where there are some. Pure functions: thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace tessera {

uint32_t Crc32c(std::string_view bytes);

// The checksum of a followed by `bytes`, where `crc` is that of a.
uint32_t ExtendCrc32c(uint32_t crc, std::string_view bytes);

}  // namespace tessera
