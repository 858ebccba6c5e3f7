// AddedTokens: tokens that are found in a text before anything else happens to it.
//
// Of several that match at a place the longest counts. Those that are "normalized" are looked for
// after the normalizer, in their own normalized form. Constant use from several threads is safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/config/value.h"
#include "cpp/data/tokenizers/internal/pipeline.h"

namespace tessera {

struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool is_special = false;
  bool is_single_word = false, strips_left = false, strips_right = false, is_normalized = false;
};

// A part of a text: a token, or text that is none (id -1).
struct MarkedPiece {
  TextPiece piece;
  int32_t id = -1;
};

class AddedTokens {
 public:
  // The list "added_tokens"; `normalizer` may be null. INVALID_ARGUMENT.
  static absl::StatusOr<AddedTokens> Parse(const ConfigValue& list, const Normalizer* normalizer);

  const std::map<int32_t, AddedToken>& by_id() const { return by_id_; }
  // Cuts a text at the tokens that are (not) normalized.
  std::vector<MarkedPiece> Cut(const TextPiece& piece, bool normalized) const;

 private:
  struct Entry {
    std::string text;
    const AddedToken* token;
  };
  // By first byte, longest first.
  std::map<char, std::vector<Entry>> plain_, normalized_;
  std::map<int32_t, AddedToken> by_id_;
};

}  // namespace tessera
