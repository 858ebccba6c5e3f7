// AllocationCount: how often this program has called the global operator new, on any thread.
//
// allocations.cc replaces the operator, in a file of its own so that the compiler does not see
// through it. Thread-safe.
#pragma once

#include <cstdint>

namespace tessera {

int64_t AllocationCount();

}  // namespace tessera
