// Inspection of a checkpoint as the interface tells it: JSON, or DATA_LOSS with that as payload.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cpp/ckpt/store_table.h"

namespace tessera::capi {

// `stores` may be null: paths are those of folders then.
absl::StatusOr<std::string> Inspect(const StoreTable* stores, const std::string& path,
                                    bool verify);

}  // namespace tessera::capi
