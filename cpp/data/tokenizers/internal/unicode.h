// Unicode for tokenizers: code points of UTF-8, general categories, normal forms, lower case.
//
// Categories of Unicode 16, normal forms of Unicode 9 and lower case of Unicode 17, the versions of
// the public tokenizers library. Hangul is computed, everything else is in tables. Pure functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

// In the order of the tables.
enum class UnicodeCategory : uint8_t {
  kLu, kLl, kLt, kLm, kLo, kMn, kMc, kMe, kNd, kNl, kNo, kPc, kPd, kPs, kPe, kPi, kPf, kPo,
  kSm, kSc, kSk, kSo, kZs, kZl, kZp, kCc, kCf, kCs, kCo, kCn,
};

// A set of categories, one bit each.
using CategoryMask = uint32_t;
constexpr CategoryMask MaskOf(UnicodeCategory category) {
  return CategoryMask{1} << static_cast<int>(category);
}
// "L", "Nd", "P", "Letter"...; 0 for a name that is none.
CategoryMask CategoryMaskFromName(std::string_view name);

UnicodeCategory CategoryOf(uint32_t code);
bool IsUnicodeSpace(uint32_t code);   // White_Space

// The code points of well-formed UTF-8. REQUIRES: IsValidUtf8(text).
std::vector<uint32_t> CodePoints(std::string_view text);
void AppendUtf8(uint32_t code, std::string& text);
// The length of the code point that begins with this byte.
inline size_t Utf8Length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
// Everything that is not UTF-8 becomes U+FFFD, one for each maximal part of a sequence (Unicode
// 3.9, "substitution of maximal subparts").
std::string WithReplacements(std::string_view bytes);

// Canonical decomposition, or that and composition; the same with compatibility decomposition.
std::string ToNfd(std::string_view text);
std::string ToNfc(std::string_view text);
std::string ToNfkd(std::string_view text);
std::string ToNfkc(std::string_view text);

// Each code point's lower case by itself.
std::string ToLower(std::string_view text);
// Was the code point assigned in Unicode 8, whose categories BERT's tokenizer asks for?
bool IsInUnicode8(uint32_t code);

}  // namespace tessera
