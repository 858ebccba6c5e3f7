#include "cpp/base/crc32c.h"

#include "absl/crc/crc32c.h"

namespace tessera {

uint32_t Crc32c(std::string_view bytes) {
  return static_cast<uint32_t>(absl::ComputeCrc32c(bytes));
}

uint32_t ExtendCrc32c(uint32_t crc, std::string_view bytes) {
  return static_cast<uint32_t>(absl::ExtendCrc32c(absl::crc32c_t{crc}, bytes));
}

}  // namespace tessera
