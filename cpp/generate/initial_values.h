// The first values of parameters: Philox by element, so that a value depends on (seed, path,
// element index) only and is the same on every mesh and for any number of threads.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "cpp/base/philox.h"
#include "cpp/exec/thread_pool.h"
#include "cpp/ir/program.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// The key of the random numbers of a path; uses with another purpose are independent.
philox::Words4 RandomKey(uint64_t seed, uint64_t purpose, std::string_view path);

// Fills `tensor`, which is new and so holds zeros. `pool` may be null. INVALID_ARGUMENT for a kind
// of initialiser that there is not.
absl::Status FillInitialValues(const Initializer& init, uint64_t seed, std::string_view path,
                               ThreadPool* pool, Tensor& tensor);

}  // namespace tessera
