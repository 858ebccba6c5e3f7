#include "cpp/ckpt/random_suffix.h"

#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>

#include "absl/strings/str_format.h"

namespace tessera {

std::string RandomSuffix() {
  uint32_t value = 0;
  if (::getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value)) {
    // No entropy yet, early after boot: process, time and a counter tell names apart too.
    static std::atomic<uint32_t> counter{0};
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    value = static_cast<uint32_t>(::getpid()) * 2654435761u ^
            static_cast<uint32_t>(now.tv_nsec) ^ (counter.fetch_add(1) << 20);
  }
  return absl::StrFormat("%08x", value);
}

}  // namespace tessera
