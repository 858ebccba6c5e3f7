// In a file of its own: seen together with their uses, the compiler takes malloc and free for a
// mismatched pair.
#include "tests/train/counting_new.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace tessera {
namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

int64_t CountedAllocations() { return allocations.load(std::memory_order_relaxed); }

namespace {
void* Counted(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace
}  // namespace tessera

void* operator new(size_t bytes) { return tessera::Counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
