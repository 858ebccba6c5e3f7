// Zeroed memory for large buffers, on pages of 2 MiB where the system gives them.
//
// A kernel that walks a matrix down its columns meets another 4 KiB page with every row; on a
// virtual machine each costs a walk through two page tables. Large pages make a product of matrices
// a tenth faster there. They are advice: without them the memory is the same, only slower.
#pragma once

#include <cstddef>

namespace tessera {

// From here on a buffer is worth pages of its own.
inline constexpr size_t kLargeBytes = size_t{8} << 20;

// |bytes| zeros on a boundary of 2 MiB, nothing touched yet; NULL when there is no memory, or no
// such thing on this system. Returned with UnmapZeroPages and the same size.
void* MapZeroPages(size_t bytes);
void UnmapZeroPages(void* data, size_t bytes);

}  // namespace tessera
