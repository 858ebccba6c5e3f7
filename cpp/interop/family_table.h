// The descriptions of model families that are in the library: every cpp/interop/families/*.json.
#pragma once

#include <string_view>

#include "absl/types/span.h"

namespace tessera {

struct FamilyText {
  std::string_view name;  // of the file, without suffix
  std::string_view json;
};

// Sorted by name; written by the build.
absl::Span<const FamilyText> EmbeddedFamilies();

}  // namespace tessera
