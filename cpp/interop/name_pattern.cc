#include "cpp/interop/name_pattern.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tessera {
namespace {

bool IsOfPlace(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

}  // namespace

absl::StatusOr<NamePattern> NamePattern::Parse(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("pattern '", text, "': ", what));
  };
  NamePattern pattern;
  pattern.text_ = std::string(text);
  std::set<std::string> places;
  size_t at = 0;
  while (at < text.size()) {
    const size_t open = std::min(text.find('{', at), text.size());
    if (open > at) {
      const std::string_view literal = text.substr(at, open - at);
      if (absl::StrContains(literal, '}')) return wrong("'}' without '{'");
      pattern.pieces_.push_back({std::string(literal), false});
    }
    if (open == text.size()) break;
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos) return wrong("'{' without '}'");
    std::string place(text.substr(open + 1, close - open - 1));
    if (place.empty() || !places.insert(place).second) return wrong("expected each place once");
    if (!pattern.pieces_.empty() && pattern.pieces_.back().is_place) {
      return wrong("expected something between two places");
    }
    pattern.pieces_.push_back({std::move(place), true});
    at = close + 1;
  }
  return pattern;
}

std::vector<std::string> NamePattern::places() const {
  std::vector<std::string> places;
  for (const Piece& piece : pieces_) {
    if (piece.is_place) places.push_back(piece.text);
  }
  return places;
}

bool NamePattern::Match(std::string_view name, NameParts* parts) const {
  NameParts found;
  for (const Piece& piece : pieces_) {
    if (!piece.is_place) {
      if (!absl::StartsWith(name, piece.text)) return false;
      name.remove_prefix(piece.text.size());
      continue;
    }
    // What follows a place begins with a character that no place holds, or is the end.
    size_t length = 0;
    while (length < name.size() && IsOfPlace(name[length])) ++length;
    if (length == 0) return false;
    found[piece.text] = std::string(name.substr(0, length));
    name.remove_prefix(length);
  }
  if (!name.empty()) return false;
  *parts = std::move(found);
  return true;
}

std::string NamePattern::Fill(const NameParts& parts) const {
  std::string name;
  for (const Piece& piece : pieces_) {
    const auto part = piece.is_place ? parts.find(piece.text) : parts.end();
    if (!piece.is_place) {
      name += piece.text;
    } else if (part != parts.end()) {
      name += part->second;
    } else {
      absl::StrAppend(&name, "{", piece.text, "}");
    }
  }
  return name;
}

}  // namespace tessera
