// In a file of its own: seen together with their uses, the compiler takes malloc and free for a
// mismatched pair.
#include "tests/support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<int64_t> allocation_count{0};
// Allocations that still succeed on this thread; negative: all.
thread_local int64_t allocations_left = -1;
thread_local bool has_failed = false;

bool MayAllocate() {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (allocations_left < 0) return true;
  if (allocations_left-- > 0) return true;
  has_failed = true;
  return false;
}

}  // namespace

namespace tessera {

int64_t AllocationCount() { return allocation_count.load(std::memory_order_relaxed); }

void FailAllocationAfter(int64_t count) {
  has_failed = false;
  allocations_left = count;
}

bool StopFailing() {
  allocations_left = -1;
  return has_failed;
}

}  // namespace tessera

// All forms, so that what one of them makes is never ended by another library's.
void* operator new(size_t bytes) {
  void* memory = MayAllocate() ? std::malloc(bytes == 0 ? 1 : bytes) : nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return MayAllocate() ? std::malloc(bytes == 0 ? 1 : bytes) : nullptr;
}
void* operator new(size_t bytes, std::align_val_t align) {
  const size_t unit = static_cast<size_t>(align);
  void* memory = MayAllocate() ? std::aligned_alloc(unit, (bytes + unit) / unit * unit) : nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void* operator new[](size_t bytes, std::align_val_t align) { return operator new(bytes, align); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
