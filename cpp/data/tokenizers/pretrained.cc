// PretrainedTokenizer: what a tokenizer.json of the public tokenizers library describes.
//
// Its state is the text of that file. Encodes as the library does without special tokens around the
// text (they are found where the text has them), decodes as it does with special tokens left out.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/config/plain_json.h"
#include "cpp/data/tokenizer.h"
#include "cpp/data/tokenizers/internal/added_tokens.h"
#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/token_model.h"

namespace tessera {
namespace {

constexpr size_t kMaxStateBytes = size_t{128} << 20;

// Everything that a file says.
struct Description {
  std::unique_ptr<Normalizer> normalizer;        // null: nothing
  std::unique_ptr<PreTokenizer> pre_tokenizer;   // null: the text is one word
  std::unique_ptr<TokenModel> model;
  std::unique_ptr<TokenDecoder> decoder;         // null: tokens with blanks between them
  AddedTokens added;
  int64_t vocab_size = 0;
};

absl::StatusOr<Description> Describe(std::string_view json) {
  ASSIGN_OR_RETURN(const ConfigValue root, ParseJson(json, "tokenizer.json", kMaxManyValues));
  if (root.AsTable() == nullptr || root.Find("model") == nullptr) {
    return absl::InvalidArgumentError("tokenizer.json: expected an object with a 'model'");
  }
  static const ConfigValue kNothing;
  const auto part = [&](std::string_view name) -> const ConfigValue& {
    const ConfigValue* found = root.Find(name);
    return found == nullptr ? kNothing : *found;
  };
  Description description;
  ASSIGN_OR_RETURN(description.normalizer, NewNormalizer(part("normalizer")));
  ASSIGN_OR_RETURN(description.pre_tokenizer, NewPreTokenizer(part("pre_tokenizer")));
  ASSIGN_OR_RETURN(description.model, NewTokenModel(part("model")));
  ASSIGN_OR_RETURN(description.decoder, NewTokenDecoder(part("decoder")));
  ASSIGN_OR_RETURN(description.added,
                   AddedTokens::Parse(part("added_tokens"), description.normalizer.get()));
  description.vocab_size = description.model->size();
  if (!description.added.by_id().empty()) {
    description.vocab_size = std::max<int64_t>(description.vocab_size,
                                               description.added.by_id().rbegin()->first + 1);
  }
  return description;
}

class PretrainedTokenizer : public Tokenizer {
 public:
  std::string_view name() const override { return "PretrainedTokenizer"; }
  int64_t vocab_size() const override { return description_.vocab_size; }

  absl::Status Encode(std::string_view text, TokenBuffer& ids) const override {
    if (description_.model == nullptr) {
      return absl::FailedPreconditionError(
          "PretrainedTokenizer: expected the text of a tokenizer.json as its state, got none");
    }
    if (const size_t good = ValidUtf8Prefix(text); good != text.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "byte ", good, ": not UTF-8; this tokenizer needs UTF-8 text"));
    }
    Cache cache;
    for (const MarkedPiece& raw :
         description_.added.Cut({std::string(text), true}, /*normalized=*/false)) {
      if (raw.id >= 0) {
        ids.Put(static_cast<uint32_t>(raw.id));
        continue;
      }
      TextPiece piece = raw.piece;
      if (description_.normalizer != nullptr) {
        piece.text = description_.normalizer->Normalize(std::move(piece.text));
      }
      for (const MarkedPiece& marked : description_.added.Cut(piece, /*normalized=*/true)) {
        if (marked.id >= 0) {
          ids.Put(static_cast<uint32_t>(marked.id));
        } else {
          RETURN_IF_ERROR(EncodePiece(marked.piece, cache, ids));
        }
      }
    }
    return absl::OkStatus();
  }

  std::string Decode(absl::Span<const int32_t> ids) const override {
    std::vector<std::string> tokens = TokensOf(ids, nullptr);
    const bool has_decoder = description_.decoder != nullptr;
    if (has_decoder) tokens = description_.decoder->Decode(std::move(tokens));
    std::string text;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!has_decoder && i > 0) text += ' ';
      text += tokens[i];
    }
    return text;
  }

  size_t Settled(absl::Span<const int32_t> ids) const override {
    if (description_.decoder == nullptr) return ids.size();
    std::vector<size_t> places;
    const std::vector<std::string> tokens = TokensOf(ids, &places);
    const size_t settled = description_.decoder->Settled(tokens, /*joined=*/false);
    return settled == tokens.size() ? ids.size() : places[settled];
  }

  std::string SaveState() const override { return state_; }

  absl::Status RestoreState(std::string_view state) override {
    if (state.size() > kMaxStateBytes) {
      return absl::DataLossError(absl::StrCat("PretrainedTokenizer: expected at most ",
                                              kMaxStateBytes, " bytes, got ", state.size()));
    }
    absl::StatusOr<Description> read = Describe(state);
    if (!read.ok()) {
      return absl::Status(absl::IsUnimplemented(read.status()) ? absl::StatusCode::kUnimplemented
                                                               : absl::StatusCode::kDataLoss,
                          absl::StrCat("PretrainedTokenizer: ", read.status().message()));
    }
    description_ = *std::move(read);
    state_ = std::string(state);
    return absl::OkStatus();
  }

 private:
  // Words come again and again; of one call, so that Encode stays const.
  using Cache = absl::flat_hash_map<std::string, std::vector<int32_t>>;
  static constexpr size_t kMostCached = 1 << 16;
  static constexpr size_t kLongestCached = 64;

  // What ids are called, without special tokens; `places`, unless null, are their places in `ids`.
  std::vector<std::string> TokensOf(absl::Span<const int32_t> ids,
                                    std::vector<size_t>* places) const {
    std::vector<std::string> tokens;
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto added = description_.added.by_id().find(ids[i]);
      if (added != description_.added.by_id().end()) {
        if (added->second.is_special) continue;
        tokens.push_back(added->second.content);
      } else {
        const std::string* token =
            description_.model == nullptr ? nullptr : description_.model->TokenOf(ids[i]);
        tokens.push_back(token == nullptr ? "\xEF\xBF\xBD" : *token);
      }
      if (places != nullptr) places->push_back(i);
    }
    return tokens;
  }

  absl::Status EncodePiece(const TextPiece& piece, Cache& cache, TokenBuffer& ids) const {
    std::vector<TextPiece> words = {piece};
    if (description_.pre_tokenizer != nullptr) {
      ASSIGN_OR_RETURN(words, description_.pre_tokenizer->Split(std::move(words)));
    }
    std::vector<int32_t> own;
    for (const TextPiece& word : words) {
      const auto known = cache.find(word.text);
      if (known != cache.end()) {
        for (int32_t id : known->second) ids.Put(static_cast<uint32_t>(id));
        continue;
      }
      own.clear();
      RETURN_IF_ERROR(description_.model->Encode(word.text, own));
      for (int32_t id : own) ids.Put(static_cast<uint32_t>(id));
      if (word.text.size() <= kLongestCached && cache.size() < kMostCached) {
        cache.emplace(word.text, own);
      }
    }
    return absl::OkStatus();
  }

  Description description_;
  std::string state_;
};

}  // namespace

std::unique_ptr<Tokenizer> NewPretrainedTokenizer() {
  return std::make_unique<PretrainedTokenizer>();
}

}  // namespace tessera
