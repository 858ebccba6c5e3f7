// WordPiece: a word is the longest token that it begins with, then the longest that goes on from
// there, with a prefix ("##") before all but the first (Schuster and Nakajima 2012; BERT, arXiv
// 1810.04805). A word of which a part has no token, or that is too long, is one unknown token.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/token_model.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

class WordPieceModel : public TokenModel {
 public:
  absl::Status Read(const ConfigValue& described) {
    const ConfigValue* vocab = described.Find("vocab");
    if (vocab == nullptr || vocab->AsTable() == nullptr) {
      return absl::InvalidArgumentError("WordPiece: expected an object 'vocab'");
    }
    for (const auto& [token, id] : *vocab->AsTable()) {
      if (id.AsInt() == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat(
            "WordPiece: token ", Quoted(token), ": expected an id, got ", id.ToJson()));
      }
      RETURN_IF_ERROR(AddToken(token, *id.AsInt()));
      longest_ = std::max(longest_, token.size());
    }
    ASSIGN_OR_RETURN(prefix_, ReadText(described, "continuing_subword_prefix", "##"));
    ASSIGN_OR_RETURN(const std::string unknown, ReadText(described, "unk_token", "[UNK]"));
    const ConfigValue* most = described.Find("max_input_chars_per_word");
    if (most != nullptr && !most->empty()) {
      if (most->AsInt() == nullptr || *most->AsInt() < 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "WordPiece: max_input_chars_per_word: expected a number, got ", most->ToJson()));
      }
      most_characters_ = static_cast<size_t>(*most->AsInt());
    }
    unknown_ = IdOf(unknown);
    unknown_text_ = unknown;
    return absl::OkStatus();
  }

  absl::Status Encode(std::string_view word, std::vector<int32_t>& ids) const override {
    const size_t before = ids.size();
    if (!IsTooLong(word) && AddParts(word, ids)) return absl::OkStatus();
    ids.resize(before);
    if (unknown_ < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "WordPiece: ", Quoted(word), " has no tokens, and the vocabulary no ",
          Quoted(unknown_text_)));
    }
    ids.push_back(unknown_);
    return absl::OkStatus();
  }

 private:
  bool IsTooLong(std::string_view word) const {
    size_t characters = 0;
    for (const char byte : word) {
      characters += (static_cast<unsigned char>(byte) & 0xC0) != 0x80 ? 1 : 0;
    }
    return characters > most_characters_;
  }

  bool AddParts(std::string_view word, std::vector<int32_t>& ids) const {
    std::string attempt;
    for (size_t begin = 0; begin < word.size();) {
      const std::string_view prefix = begin == 0 ? std::string_view() : prefix_;
      const size_t room = longest_ > prefix.size() ? longest_ - prefix.size() : 0;
      size_t end = std::min(word.size(), begin + room);
      int32_t found = -1;
      for (; end > begin; --end) {
        const bool splits = end < word.size() &&
                            (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80;
        if (splits) continue;
        attempt.assign(prefix);
        attempt.append(word.substr(begin, end - begin));
        found = IdOf(attempt);
        if (found >= 0) break;
      }
      if (found < 0) return false;
      ids.push_back(found);
      begin = end;
    }
    return true;
  }

  std::string prefix_, unknown_text_;
  size_t longest_ = 0;   // bytes of a token
  size_t most_characters_ = 100;
  int32_t unknown_ = -1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TokenModel>> NewWordPieceModel(const ConfigValue& described) {
  auto model = std::make_unique<WordPieceModel>();
  RETURN_IF_ERROR(model->Read(described));
  return model;
}

}  // namespace tessera
