#include "cpp/tensor/zero_pages.h"

#if defined(__linux__)

#include <sys/mman.h>

#include <cstdint>

namespace tessera {
namespace {

constexpr size_t kPage = size_t{2} << 20;

size_t WholePages(size_t bytes) { return (bytes + kPage - 1) & ~(kPage - 1); }

}  // namespace

void* MapZeroPages(size_t bytes) {
  if (bytes > SIZE_MAX - 2 * kPage) return nullptr;
  const size_t size = WholePages(bytes);
  // One page more, so that a boundary lies in it; what stands before and after goes back.
  void* mapped = mmap(nullptr, size + kPage, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(mapped);
  const size_t before = (kPage - reinterpret_cast<uintptr_t>(begin) % kPage) % kPage;
  char* const data = begin + before;
  if (before > 0) munmap(begin, before);
  if (before < kPage) munmap(data + size, kPage - before);
#if defined(MADV_HUGEPAGE)
  // Advice: a system that does not know it gives small pages.
  (void)madvise(data, size, MADV_HUGEPAGE);
#endif
  return data;
}

void UnmapZeroPages(void* data, size_t bytes) { munmap(data, WholePages(bytes)); }

}  // namespace tessera

#else

namespace tessera {

void* MapZeroPages(size_t) { return nullptr; }
void UnmapZeroPages(void*, size_t) {}

}  // namespace tessera

#endif  // defined(__linux__)
