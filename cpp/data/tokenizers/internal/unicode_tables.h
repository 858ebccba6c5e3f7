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
// Triples: first code point, how many, what the first is made of by compatibility; code points that
// follow are made of those that follow.
absl::Span<const uint32_t> UnicodeCompatibilityRanges();
// Code point << 8 | how many it is made of by compatibility, then these.
absl::Span<const uint32_t> UnicodeCompatibilityTexts();
// Pairs: capital, small. Rising.
absl::Span<const uint32_t> UnicodeLowercasePairs();
// First code point << 8 | was it assigned in Unicode 8, rising.
absl::Span<const uint32_t> UnicodeAgeRuns();

}  // namespace tessera
