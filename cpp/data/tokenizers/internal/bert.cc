#include "cpp/data/tokenizers/internal/bert.h"

#include <utility>

#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

using enum UnicodeCategory;

bool WasIn(CategoryMask mask, uint32_t code) {
  return (MaskOf(CategoryOf(code)) & mask) != 0 && IsInUnicode8(code);
}

}  // namespace

bool IsBertPunctuation(uint32_t code) {
  if (code < 0x80) {
    return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') ||
           (code >= '[' && code <= '`') || (code >= '{' && code <= '~');
  }
  // Of another category since: a symbol and a mark.
  if (code == 0x166D || code == 0x111C9) return true;
  return WasIn(MaskOf(kPc) | MaskOf(kPd) | MaskOf(kPs) | MaskOf(kPe) | MaskOf(kPi) | MaskOf(kPf) |
                   MaskOf(kPo), code);
}

bool IsBertRemoved(uint32_t code) {
  if (code == '\t' || code == '\n' || code == '\r') return false;
  return code == 0xFFFD || WasIn(MaskOf(kCc) | MaskOf(kCf) | MaskOf(kCo), code);
}

bool IsBertAccent(uint32_t code) {
  switch (code) {
    case 0x1734:    // since then marks that take room
    case 0x1171E:
      return true;
    case 0x1885:    // since then marks that take none
    case 0x1886:
    case 0xA9BD:
    case 0x111C9:
      return false;
    default:
      return WasIn(MaskOf(kMn), code);
  }
}

bool IsBertIdeograph(uint32_t code) {
  constexpr std::pair<uint32_t, uint32_t> kRanges[] = {
      {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},  {0x20000, 0x2A6DF},
      {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
  for (const auto& [first, last] : kRanges) {
    if (code >= first && code <= last) return true;
  }
  return false;
}

}  // namespace tessera
