// How often this program has called the global operator new, on any thread.
#pragma once

#include <cstdint>

namespace tessera {

int64_t CountedAllocations();

}  // namespace tessera
