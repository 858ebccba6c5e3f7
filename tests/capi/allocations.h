// Allocations that fail on demand: operator new of the test program throws once where it is told
// to. Per thread.
#pragma once

#include <cstdint>

namespace tessera::capi {

// The allocation after `count` more on this thread fails; those after it succeed again.
void FailAllocationAfter(int64_t count);
// No allocation fails from here on. Says whether one has failed.
bool StopFailing();

}  // namespace tessera::capi
