#include "cpp/data/tokenizers/internal/added_tokens.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 22;

absl::StatusOr<AddedToken> ParseToken(const ConfigValue& described) {
  AddedToken token;
  const ConfigValue* id = described.AsTable() == nullptr ? nullptr : described.Find("id");
  if (id == nullptr || id->AsInt() == nullptr || *id->AsInt() < 0 || *id->AsInt() >= kMostTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("added_tokens: expected an id, got ", described.ToJson()));
  }
  token.id = static_cast<int32_t>(*id->AsInt());
  ASSIGN_OR_RETURN(token.content, ReadText(described, "content", ""));
  ASSIGN_OR_RETURN(token.is_special, ReadBool(described, "special", false));
  ASSIGN_OR_RETURN(token.is_single_word, ReadBool(described, "single_word", false));
  ASSIGN_OR_RETURN(token.strips_left, ReadBool(described, "lstrip", false));
  ASSIGN_OR_RETURN(token.strips_right, ReadBool(described, "rstrip", false));
  ASSIGN_OR_RETURN(token.is_normalized, ReadBool(described, "normalized", !token.is_special));
  return token;
}

bool IsWordCode(uint32_t code) {
  static const CategoryMask kWord =
      CategoryMaskFromName("L") | CategoryMaskFromName("M") | CategoryMaskFromName("Nd") |
      CategoryMaskFromName("Nl") | CategoryMaskFromName("Pc");
  return (MaskOf(CategoryOf(code)) & kWord) != 0;
}

// The code point that ends at `end`, or begins at `begin`.
uint32_t CodeBefore(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return CodePoints(text.substr(begin, end - begin))[0];
}
uint32_t CodeAt(std::string_view text, size_t begin) {
  return CodePoints(text.substr(begin, Utf8Length(text[begin])))[0];
}

bool StandsAlone(std::string_view text, size_t begin, size_t end) {
  return (begin == 0 || !IsWordCode(CodeBefore(text, begin))) &&
         (end == text.size() || !IsWordCode(CodeAt(text, end)));
}

}  // namespace

absl::StatusOr<AddedTokens> AddedTokens::Parse(const ConfigValue& list,
                                               const Normalizer* normalizer) {
  AddedTokens tokens;
  if (list.empty()) return tokens;
  if (list.AsList() == nullptr) {
    return absl::InvalidArgumentError("added_tokens: expected a list");
  }
  for (const ConfigValue& described : *list.AsList()) {
    ASSIGN_OR_RETURN(AddedToken token, ParseToken(described));
    const int32_t id = token.id;
    tokens.by_id_[id] = std::move(token);
  }
  for (const auto& [id, token] : tokens.by_id_) {
    std::string text = token.content;
    if (token.is_normalized && normalizer != nullptr) text = normalizer->Normalize(text);
    if (text.empty()) continue;
    auto& table = token.is_normalized ? tokens.normalized_ : tokens.plain_;
    const char first = text[0];
    table[first].push_back({std::move(text), &token});
  }
  for (auto* table : {&tokens.plain_, &tokens.normalized_}) {
    for (auto& [first, entries] : *table) {
      std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return a.text.size() > b.text.size();
      });
    }
  }
  return tokens;
}

std::vector<MarkedPiece> AddedTokens::Cut(const TextPiece& piece, bool normalized) const {
  const auto& table = normalized ? normalized_ : plain_;
  std::vector<MarkedPiece> pieces;
  const std::string_view text = piece.text;
  size_t done = 0;
  const auto add_text = [&](size_t end) {
    if (end <= done) return;
    pieces.push_back({{std::string(text.substr(done, end - done)), piece.is_first && done == 0},
                      -1});
  };
  for (size_t at = 0; at < text.size() && !table.empty();) {
    const auto entries = table.find(text[at]);
    const Entry* found = nullptr;
    if (entries != table.end()) {
      for (const Entry& entry : entries->second) {
        if (!absl::StartsWith(text.substr(at), entry.text)) continue;
        found = &entry;
        break;
      }
    }
    if (found == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + found->text.size();
    at = end;
    if (found->token->is_single_word && !StandsAlone(text, begin, end)) continue;
    while (found->token->strips_left && begin > done && IsUnicodeSpace(CodeBefore(text, begin))) {
      do {
        --begin;
      } while (begin > done && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80);
    }
    while (found->token->strips_right && end < text.size() && IsUnicodeSpace(CodeAt(text, end))) {
      end += Utf8Length(text[end]);
    }
    add_text(begin);
    pieces.push_back({{std::string(text.substr(begin, end - begin)), false}, found->token->id});
    done = at = end;
  }
  add_text(text.size());
  return pieces;
}

}  // namespace tessera
