// Allocations of a test program: counted, and made to fail on demand.
//
// A test that includes this gets operator new of support/allocations.cc (tests/CMakeLists.txt
// links it): code under test is not told apart from the test itself. Counting is over all threads,
// failing is per thread.
#pragma once

#include <cstdint>

namespace tessera {

// Calls of operator new so far, over all threads.
int64_t AllocationCount();

// The allocation after `count` more on this thread fails; those after it succeed again.
void FailAllocationAfter(int64_t count);
// No allocation fails from here on. Says whether one has failed.
bool StopFailing();

}  // namespace tessera
