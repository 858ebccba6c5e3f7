// The tables that make_unicode_tables.py writes; unicode.h is what others use.
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace tessera {

// First code point << 8 | category (UnicodeCategory), rising.
absl::Span<const uint32_t> UnicodeCategoryRuns();
// First code point << 8 | canonical combining class, rising.
absl::Span<const uint32_t> UnicodeCombiningRuns();
// Triples: code point << 1 | does it compose again; what it is made of (the second may be 0).
absl::Span<const uint32_t> UnicodeDecompositions();

}  // namespace tessera
