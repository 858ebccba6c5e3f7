// Whole files as text. Thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "cpp/cli/error.h"

namespace tessera::cli {

// NOT_FOUND, PERMISSION_DENIED; INVALID_ARGUMENT for what is larger than `most` bytes or no file.
Error ReadWholeFile(const std::string& path, size_t most, std::string* out);
// Creates or replaces it. UNAVAILABLE, with the system's reason.
Error WriteWholeFile(const std::string& path, const std::string& text);

}  // namespace tessera::cli
