// MaskedTokens: each token is predicted with probability `share`; then it is read as mask_id, as
// any id of the tokenizer (random_share) or as itself (kept_share) (BERT, arXiv 1810.04805, section
// 3.1, which has 0.15, 0.1 and 0.1). A row of which none was drawn predicts one all the same.
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/objective.h"
#include "gen/config/masked_tokens.h"

namespace tessera {
namespace {

class MaskedTokens : public Objective {
 public:
  explicit MaskedTokens(const MaskedTokensConfig& config) : config_(config) {}

  std::string_view name() const override { return "MaskedTokens"; }
  int64_t LargestId() const override { return config_.mask_id; }

  absl::Status Fill(const Sample& sample, int64_t row, Batch& batch) const override {
    const int64_t sequence = batch.tokens.dims[1];
    int32_t* tokens = batch.tokens.data_as<int32_t>() + row * sequence;
    int32_t* targets = batch.targets.data_as<int32_t>() + row * sequence;
    SampleWords words(sample);
    const int64_t always = sample.length > 0 ? words.NextBelow(sample.length) : 0;
    bool any = false;
    for (int64_t t = 0; t < sample.length; ++t) {
      // Three words a token, whatever becomes of it.
      const bool is_drawn = words.NextUnit() < config_.share;
      const double how = words.NextUnit();
      const int64_t other = words.NextBelow(sample.vocab_size);
      targets[t] = kIgnoreTarget;
      if (!is_drawn) continue;
      any = true;
      targets[t] = tokens[t];
      if (how < config_.kept_share) continue;
      tokens[t] = static_cast<int32_t>(how < config_.kept_share + config_.random_share
                                           ? other
                                           : config_.mask_id);
    }
    if (!any && sample.length > 0) {
      targets[always] = tokens[always];
      tokens[always] = static_cast<int32_t>(config_.mask_id);
    }
    return absl::OkStatus();
  }

 private:
  const MaskedTokensConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Objective>> NewMaskedTokensObjective(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const MaskedTokensConfig fields, ReadMaskedTokensConfig(config));
  if (fields.random_share + fields.kept_share > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("MaskedTokens: expected random_share + kept_share of at most 1, got ",
                     fields.random_share + fields.kept_share));
  }
  return std::make_unique<MaskedTokens>(fields);
}

}  // namespace tessera
