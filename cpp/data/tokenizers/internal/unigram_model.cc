// Unigram: the way through a word whose tokens have the largest sum of log-probabilities (Kudo,
// arXiv 1804.10959), by Viterbi's algorithm over byte positions. A character that no token begins
// with costs 10 more than the least likely token.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/token_model.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

constexpr double kUnknownPenalty = 10;

class UnigramModel : public TokenModel {
 public:
  absl::Status Read(const ConfigValue& described);
  absl::Status Encode(std::string_view word, std::vector<int32_t>& ids) const override;

 private:
  struct Step {
    int32_t id = -1;  // unknown: -1
    size_t begin = SIZE_MAX;
    double score = 0;
  };
  std::vector<Step> BestSteps(std::string_view word) const;
  absl::Status AddUnknown(std::string_view text, std::vector<int32_t>& ids) const;

  std::vector<double> scores_;
  size_t longest_ = 0;  // bytes of a token
  double unknown_score_ = 0;
  int32_t unknown_ = -1;
  bool falls_back_to_bytes_ = false;
};

absl::Status UnigramModel::Read(const ConfigValue& described) {
  const ConfigValue* vocab = described.Find("vocab");
  if (vocab == nullptr || vocab->AsList() == nullptr || vocab->AsList()->empty()) {
    return absl::InvalidArgumentError("Unigram: expected a list 'vocab'");
  }
  double least = std::numeric_limits<double>::infinity();
  for (const ConfigValue& entry : *vocab->AsList()) {
    const ConfigValue::List* pair = entry.AsList();
    const bool is_pair = pair != nullptr && pair->size() == 2 && (*pair)[0].AsText() != nullptr &&
                         ((*pair)[1].AsFloat() != nullptr || (*pair)[1].AsInt() != nullptr);
    if (!is_pair) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Unigram: expected a token and its score, got ", Quoted(entry.ToJson())));
    }
    const double score = (*pair)[1].AsFloat() != nullptr
                             ? *(*pair)[1].AsFloat()
                             : static_cast<double>(*(*pair)[1].AsInt());
    RETURN_IF_ERROR(AddToken(*(*pair)[0].AsText(), static_cast<int64_t>(scores_.size())));
    longest_ = std::max(longest_, (*pair)[0].AsText()->size());
    scores_.push_back(score);
    least = std::min(least, score);
  }
  unknown_score_ = least - kUnknownPenalty;
  ASSIGN_OR_RETURN(falls_back_to_bytes_, ReadBool(described, "byte_fallback", false));
  const ConfigValue* unknown = described.Find("unk_id");
  if (unknown != nullptr && !unknown->empty()) {
    const int64_t* id = unknown->AsInt();
    if (id == nullptr || *id < 0 || *id >= size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Unigram: unk_id: expected a token's, got ", unknown->ToJson()));
    }
    unknown_ = static_cast<int32_t>(*unknown->AsInt());
  }
  return absl::OkStatus();
}

// By the byte where a step ends.
std::vector<UnigramModel::Step> UnigramModel::BestSteps(std::string_view word) const {
  std::vector<Step> best(word.size() + 1);
  for (size_t at = 0; at < word.size();) {
    const size_t length = std::min(Utf8Length(word[at]), word.size() - at);
    const double here = best[at].score;
    const auto offer = [&](size_t end, int32_t id, double score) {
      Step& step = best[end];
      if (step.begin == SIZE_MAX || here + score > step.score) step = {id, at, here + score};
    };
    bool has_single = false;
    for (size_t end = at + length; end <= word.size() && end - at <= longest_;) {
      if (const int32_t id = IdOf(word.substr(at, end - at)); id >= 0) {
        offer(end, id, scores_[id]);
        has_single = has_single || end == at + length;
      }
      if (end == word.size()) break;
      end += std::min(Utf8Length(word[end]), word.size() - end);
    }
    if (!has_single) offer(at + length, -1, unknown_score_);
    at += length;
  }
  return best;
}

absl::Status UnigramModel::AddUnknown(std::string_view text, std::vector<int32_t>& ids) const {
  if (falls_back_to_bytes_ && BytesOf(text, ids)) return absl::OkStatus();
  if (unknown_ < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the tokenizer has no token for ", Quoted(text), " and none for the unknown"));
  }
  ids.push_back(unknown_);
  return absl::OkStatus();
}

absl::Status UnigramModel::Encode(std::string_view word, std::vector<int32_t>& ids) const {
  const std::vector<Step> best = BestSteps(word);
  std::vector<std::pair<size_t, size_t>> path;  // begin and end
  for (size_t end = word.size(); end > 0; end = best[end].begin) {
    path.emplace_back(best[end].begin, end);
  }
  std::reverse(path.begin(), path.end());
  for (size_t i = 0; i < path.size(); ++i) {
    const int32_t id = best[path[i].second].id;
    if (id >= 0) {
      ids.push_back(id);
      continue;
    }
    size_t last = i;  // neighbours that are unknown are one
    while (last + 1 < path.size() && best[path[last + 1].second].id < 0) ++last;
    RETURN_IF_ERROR(
        AddUnknown(word.substr(path[i].first, path[last].second - path[i].first), ids));
    i = last;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenModel>> NewUnigramModel(const ConfigValue& described) {
  auto model = std::make_unique<UnigramModel>();
  RETURN_IF_ERROR(model->Read(described));
  return model;
}

}  // namespace tessera
