#include "cpp/data/tokenizers/internal/token_model.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cpp/base/text.h"
#include "cpp/data/tokenizers/internal/pipeline.h"

namespace tessera {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 22;

}  // namespace

absl::Status TokenModel::AddToken(std::string token, int64_t id) {
  if (id < 0 || id >= kMostTokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "token ", Quoted(token), ": expected an id from 0 to ", kMostTokens - 1, ", got ", id));
  }
  const auto index = static_cast<size_t>(id);
  if (index >= tokens_.size()) {
    tokens_.resize(index + 1);
    is_used_.resize(index + 1, false);
  }
  if (is_used_[index]) {
    return absl::InvalidArgumentError(absl::StrCat("tokens ", Quoted(tokens_[index]), " and ",
                                                   Quoted(token), " have one id, ", id));
  }
  is_used_[index] = true;
  ids_.try_emplace(token, static_cast<int32_t>(id));
  tokens_[index] = std::move(token);
  return absl::OkStatus();
}

bool TokenModel::BytesOf(std::string_view text, std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  for (char byte : text) {
    const int32_t id = IdOf(absl::StrFormat("<0x%02X>", static_cast<unsigned char>(byte)));
    if (id < 0) {
      ids.resize(before);
      return false;
    }
    ids.push_back(id);
  }
  return true;
}

absl::StatusOr<std::unique_ptr<TokenModel>> NewTokenModel(const ConfigValue& described) {
  std::string type = TypeOf(described);
  if (type.empty() && described.AsTable() != nullptr && described.Find("merges") != nullptr) {
    type = "BPE";  // older files do not say
  }
  if (type == "BPE") return NewBpeModel(described);
  if (type == "Unigram") return NewUnigramModel(described);
  if (type == "WordPiece") return NewWordPieceModel(described);
  return absl::UnimplementedError(
      absl::StrCat("model: expected BPE, Unigram or WordPiece, got '", type, "'"));
}

}  // namespace tessera
