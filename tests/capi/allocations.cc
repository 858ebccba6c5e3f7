#include "tests/capi/allocations.h"

#include <cstdlib>
#include <new>

namespace {

// Allocations that still succeed on this thread; negative: all.
thread_local int64_t allocations_left = -1;
thread_local bool has_failed = false;

bool MayAllocate() {
  if (allocations_left < 0) return true;
  if (allocations_left-- > 0) return true;
  has_failed = true;
  return false;
}

}  // namespace

namespace tessera::capi {

void FailAllocationAfter(int64_t count) {
  has_failed = false;
  allocations_left = count;
}

bool StopFailing() {
  allocations_left = -1;
  return has_failed;
}

}  // namespace tessera::capi

void* operator new(size_t bytes) {
  void* memory = MayAllocate() ? std::malloc(bytes == 0 ? 1 : bytes) : nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
