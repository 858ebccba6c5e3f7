// NamePattern: names of tensors with places for indexes, "model.layers.{l}.mlp.{p}.weight".
//
// A place holds a run of letters, digits and '_' (what stands between dots or slashes). Where two
// patterns have the same places, a name of one is a name of the other. Plain data; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tessera {

using NameParts = std::map<std::string, std::string>;  // place -> what stands there

class NamePattern {
 public:
  NamePattern() = default;
  // INVALID_ARGUMENT for braces that do not match, and for a place that stands twice or next to
  // another.
  static absl::StatusOr<NamePattern> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  std::vector<std::string> places() const;
  // Whether `name` is of this form; `parts` is filled when it is.
  bool Match(std::string_view name, NameParts* parts) const;
  // The name; a place that `parts` lacks stays as it is written.
  std::string Fill(const NameParts& parts) const;

 private:
  struct Piece {
    std::string text;  // of a literal, or the name of a place
    bool is_place = false;
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace tessera
