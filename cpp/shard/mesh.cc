#include "cpp/shard/mesh.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace tessera {

namespace {

bool IsWordLetter(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool HasWord(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !IsWordLetter(text[at - 1])) &&
        (end == text.size() || !IsWordLetter(text[end]))) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool MeshAxis::IsShare(const Dim& dim) const {
  if (symbols.empty() || dim.IsConst()) return false;
  const std::string text = dim.ToText();
  return std::any_of(symbols.begin(), symbols.end(),
                     [&](const std::string& symbol) { return HasWord(text, symbol); });
}

int Mesh::Find(std::string_view name) const {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

absl::Status Mesh::Validate() const {
  std::set<std::string> names, symbols;
  for (const MeshAxis& axis : axes) {
    if (axis.name.empty() || axis.size < 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "mesh axis '", axis.name, "': expected a name and a size of at least 1, got ",
          axis.size));
    }
    if (!names.insert(axis.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("mesh axis '", axis.name, "': expected different names, got it twice"));
    }
    for (const std::string& symbol : axis.symbols) {
      if (symbols.insert(symbol).second) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "mesh axis '", axis.name, "': expected a symbol of one axis, got '", symbol,
          "' of two"));
    }
  }
  return absl::OkStatus();
}

}  // namespace tessera
