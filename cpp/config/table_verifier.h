// Whether the bytes of one config table may be read: every offset, length, alignment and string end
// of the fields that its type declares, before any of them is followed.
//
// Walks the fields of a TypeInfo, as the reader does. FlatBuffers has a verifier by reflection, but
// it follows the offset of a nested table before it has checked where that offset lies
// (VerifyObject of its 23.5.26), so damaged bytes let it read beyond the buffer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpp/config/registry.h"

namespace flatbuffers {
class Table;
}

namespace tessera {

// The root table, or nullptr when the bytes are damaged. `bytes` is aligned to 8; tables may be
// nested ConfigLimits::kDepth deep.
const flatbuffers::Table* VerifiedTable(const uint8_t* bytes, size_t size, const TypeInfo& type);

}  // namespace tessera
