#include "cpp/data/tokenizers/internal/unicode.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cpp/base/text.h"
#include "cpp/data/tokenizers/internal/unicode_tables.h"

namespace tessera {
namespace {

constexpr std::string_view kNames[] = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl",
                                       "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
                                       "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};
constexpr std::pair<std::string_view, std::string_view> kLongNames[] = {
    {"Letter", "L"},        {"Mark", "M"},   {"Number", "N"}, {"Punctuation", "P"},
    {"Symbol", "S"},        {"Separator", "Z"}, {"Other", "C"},
    {"Uppercase_Letter", "Lu"}, {"Lowercase_Letter", "Ll"}, {"Decimal_Number", "Nd"}};

// The low byte of the run that holds the code point.
uint32_t ValueInRuns(absl::Span<const uint32_t> runs, uint32_t code) {
  const auto after = std::upper_bound(runs.begin(), runs.end(), code << 8 | 0xFF);
  return after == runs.begin() ? 0 : *(after - 1) & 0xFF;
}

// Hangul syllables: Unicode 3.12.
constexpr uint32_t kSBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr uint32_t kLCount = 19, kVCount = 21, kTCount = 28, kSCount = kLCount * kVCount * kTCount;

const uint32_t* FindDecomposition(uint32_t code) {
  const absl::Span<const uint32_t> table = UnicodeDecompositions();
  size_t low = 0, high = table.size() / 3;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const uint32_t at = table[3 * middle] >> 1;
    if (at == code) return &table[3 * middle];
    if (at < code) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return nullptr;
}

// What a code point is made of by compatibility; empty for nothing.
std::vector<uint32_t> CompatibilityOf(uint32_t code) {
  const absl::Span<const uint32_t> ranges = UnicodeCompatibilityRanges();
  size_t low = 0, high = ranges.size() / 3;   // the first that begins after it
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (ranges[3 * middle] <= code) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > 0) {
    const uint32_t* range = &ranges[3 * (low - 1)];
    if (code - range[0] < range[1]) return {range[2] + (code - range[0])};
  }
  static const auto* const kTexts = [] {
    auto* texts = new std::map<uint32_t, absl::Span<const uint32_t>>;
    const absl::Span<const uint32_t> table = UnicodeCompatibilityTexts();
    for (size_t i = 0; i < table.size(); i += 1 + (table[i] & 0xFF)) {
      (*texts)[table[i] >> 8] = table.subspan(i + 1, table[i] & 0xFF);
    }
    return texts;
  }();
  const auto found = kTexts->find(code);
  if (found == kTexts->end()) return {};
  return {found->second.begin(), found->second.end()};
}

void Decompose(uint32_t code, bool compatibly, std::vector<uint32_t>& out) {
  if (code - kSBase < kSCount) {
    const uint32_t index = code - kSBase;
    out.push_back(kLBase + index / (kVCount * kTCount));
    out.push_back(kVBase + index % (kVCount * kTCount) / kTCount);
    if (index % kTCount != 0) out.push_back(kTBase + index % kTCount);
    return;
  }
  const uint32_t* row = FindDecomposition(code);
  if (row != nullptr) {
    Decompose(row[1], compatibly, out);
    if (row[2] != 0) Decompose(row[2], compatibly, out);
    return;
  }
  std::vector<uint32_t> parts;
  if (compatibly) parts = CompatibilityOf(code);
  for (const uint32_t part : parts) Decompose(part, compatibly, out);
  if (parts.empty()) out.push_back(code);
}

uint32_t CombiningClass(uint32_t code) { return ValueInRuns(UnicodeCombiningRuns(), code); }

const std::map<std::pair<uint32_t, uint32_t>, uint32_t>& Compositions() {
  static const auto* const kPairs = [] {
    auto* pairs = new std::map<std::pair<uint32_t, uint32_t>, uint32_t>;
    const absl::Span<const uint32_t> table = UnicodeDecompositions();
    for (size_t i = 0; i + 2 < table.size(); i += 3) {
      if (table[i] & 1) (*pairs)[{table[i + 1], table[i + 2]}] = table[i] >> 1;
    }
    return pairs;
  }();
  return *kPairs;
}

// 0 when the two do not compose.
uint32_t Compose(uint32_t first, uint32_t second) {
  if (first - kLBase < kLCount && second - kVBase < kVCount) {
    return kSBase + ((first - kLBase) * kVCount + (second - kVBase)) * kTCount;
  }
  if (first - kSBase < kSCount && (first - kSBase) % kTCount == 0 && second > kTBase &&
      second - kTBase < kTCount) {
    return first + (second - kTBase);
  }
  const auto found = Compositions().find({first, second});
  return found == Compositions().end() ? 0 : found->second;
}

std::vector<uint32_t> Decomposed(std::string_view text, bool compatibly) {
  std::vector<uint32_t> codes;
  for (uint32_t code : CodePoints(text)) Decompose(code, compatibly, codes);
  // Marks in the order of their classes, which must not cross a starter.
  for (size_t i = 0; i < codes.size();) {
    size_t end = i;
    while (end < codes.size() && CombiningClass(codes[end]) != 0) ++end;
    std::stable_sort(codes.begin() + static_cast<ptrdiff_t>(i),
                     codes.begin() + static_cast<ptrdiff_t>(end),
                     [](uint32_t a, uint32_t b) { return CombiningClass(a) < CombiningClass(b); });
    i = end + 1;
  }
  return codes;
}

// The canonical composition of what is decomposed.
std::vector<uint32_t> Composed(const std::vector<uint32_t>& codes) {
  std::vector<uint32_t> composed;
  size_t starter = SIZE_MAX;     // index in `composed`
  uint32_t last_class = 0;
  for (uint32_t code : codes) {
    const uint32_t own_class = CombiningClass(code);
    const bool is_next = starter != SIZE_MAX && starter + 1 == composed.size();
    if (starter != SIZE_MAX && (is_next || last_class < own_class)) {
      if (const uint32_t both = Compose(composed[starter], code); both != 0) {
        composed[starter] = both;
        continue;
      }
    }
    if (own_class == 0) starter = composed.size();
    last_class = own_class;
    composed.push_back(code);
  }
  return composed;
}

std::string Encoded(const std::vector<uint32_t>& codes) {
  std::string text;
  for (uint32_t code : codes) AppendUtf8(code, text);
  return text;
}

bool IsBelow(std::string_view text, unsigned char byte) {
  return std::all_of(text.begin(), text.end(),
                     [byte](char c) { return static_cast<unsigned char>(c) < byte; });
}

}  // namespace

CategoryMask CategoryMaskFromName(std::string_view name) {
  for (const auto& [full, brief] : kLongNames) {
    if (name == full) name = brief;
  }
  CategoryMask mask = 0;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name || (name.size() == 1 && kNames[i][0] == name[0])) {
      mask |= CategoryMask{1} << i;
    }
  }
  return mask;
}

UnicodeCategory CategoryOf(uint32_t code) {
  return static_cast<UnicodeCategory>(ValueInRuns(UnicodeCategoryRuns(), code));
}

bool IsUnicodeSpace(uint32_t code) {
  if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
  return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

std::vector<uint32_t> CodePoints(std::string_view text) {
  std::vector<uint32_t> codes;
  codes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::min(Utf8Length(text[at]), text.size() - at);
    uint32_t code = static_cast<unsigned char>(text[at]);
    if (length > 1) code &= 0x7Fu >> length;
    for (size_t i = 1; i < length; ++i) {
      code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
    }
    codes.push_back(code);
    at += length;
  }
  return codes;
}

void AppendUtf8(uint32_t code, std::string& text) {
  if (code < 0x80) {
    text.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    text.push_back(static_cast<char>(0xC0 | code >> 6));
    text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | code >> 12));
    text.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    text.push_back(static_cast<char>(0xF0 | code >> 18));
    text.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    text.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

std::string WithReplacements(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t good = ValidUtf8Prefix(bytes);
    text.append(bytes.substr(0, good));
    bytes.remove_prefix(good);
    if (bytes.empty()) break;
    text.append("\xEF\xBF\xBD");
    // The longest beginning that some character has.
    size_t length = 1;
    for (size_t n = 2; n <= 3 && n <= bytes.size(); ++n) {
      bool begins = false;
      std::string attempt(bytes.substr(0, n));
      for (int tail = 0; tail < 2 && !begins; ++tail) {
        attempt.push_back(static_cast<char>(0x80));
        begins = ValidUtf8Prefix(attempt) == attempt.size();
      }
      if (begins) length = n;
    }
    bytes.remove_prefix(length);
  }
  return text;
}

std::string ToNfd(std::string_view text) {
  if (IsBelow(text, 0x80)) return std::string(text);
  return Encoded(Decomposed(text, false));
}

std::string ToNfkd(std::string_view text) {
  if (IsBelow(text, 0x80)) return std::string(text);
  return Encoded(Decomposed(text, true));
}

std::string ToNfc(std::string_view text) {
  if (IsBelow(text, 0xCC)) return std::string(text);  // nothing below U+0300 changes
  return Encoded(Composed(Decomposed(text, false)));
}

std::string ToNfkc(std::string_view text) {
  if (IsBelow(text, 0x80)) return std::string(text);
  return Encoded(Composed(Decomposed(text, true)));
}

std::string ToLower(std::string_view text) {
  const absl::Span<const uint32_t> pairs = UnicodeLowercasePairs();
  std::string lower;
  for (const uint32_t code : CodePoints(text)) {
    if (code == 0x130) {   // becomes two: i and the dot above
      lower += "i\xCC\x87";
      continue;
    }
    size_t low = 0, high = pairs.size() / 2;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (pairs[2 * middle] < code) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const bool is_capital = 2 * low < pairs.size() && pairs[2 * low] == code;
    AppendUtf8(is_capital ? pairs[2 * low + 1] : code, lower);
  }
  return lower;
}

bool IsInUnicode8(uint32_t code) { return ValueInRuns(UnicodeAgeRuns(), code) != 0; }

}  // namespace tessera
