// TokenModel: a word to token ids: byte-pair encoding, unigram and WordPiece.
//
// Read from the "model" of a tokenizer.json. Ids are 0 to size() - 1 with possible holes. Constant
// use from several threads is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "cpp/config/value.h"

namespace tessera {

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the ids of a word. INVALID_ARGUMENT when it cannot be said and there is no token for
  // the unknown.
  virtual absl::Status Encode(std::string_view word, std::vector<int32_t>& ids) const = 0;

  // -1 when there is none.
  int32_t IdOf(std::string_view token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? -1 : found->second;
  }
  // Null when no token has the id.
  const std::string* TokenOf(int32_t id) const {
    return id < 0 || static_cast<size_t>(id) >= tokens_.size() || !is_used_[id] ? nullptr
                                                                               : &tokens_[id];
  }
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }

 protected:
  // INVALID_ARGUMENT for an id that is out of bounds or taken.
  absl::Status AddToken(std::string token, int64_t id);
  // The ids of "<0x0A>" for each byte; false when some are missing.
  bool BytesOf(std::string_view text, std::vector<int32_t>& ids) const;

  absl::flat_hash_map<std::string, int32_t> ids_;
  std::vector<std::string> tokens_;
  std::vector<bool> is_used_;
};

// BPE, Unigram or WordPiece. UNIMPLEMENTED for another type.
absl::StatusOr<std::unique_ptr<TokenModel>> NewTokenModel(const ConfigValue& described);
absl::StatusOr<std::unique_ptr<TokenModel>> NewBpeModel(const ConfigValue& described);
absl::StatusOr<std::unique_ptr<TokenModel>> NewUnigramModel(const ConfigValue& described);
absl::StatusOr<std::unique_ptr<TokenModel>> NewWordPieceModel(const ConfigValue& described);

}  // namespace tessera
