#include "cpp/optim/param_groups.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/suggest.h"
#include "gen/config/param_group.h"

namespace tessera {

bool MatchesPath(std::string_view pattern, std::string_view path) {
  // Rows of a table: can the first i characters of the pattern match the first j of the path?
  std::vector<char> row(path.size() + 1, 0);
  row[0] = 1;
  for (size_t i = 0; i < pattern.size(); ++i) {
    std::vector<char> next(path.size() + 1, 0);
    const bool deep = pattern[i] == '*' && i + 1 < pattern.size() && pattern[i + 1] == '*';
    if (pattern[i] == '*') {
      next[0] = row[0];
      for (size_t j = 1; j <= path.size(); ++j) {
        next[j] = row[j] || (next[j - 1] && (deep || path[j - 1] != '/'));
      }
    } else {
      for (size_t j = 1; j <= path.size(); ++j) {
        next[j] = row[j - 1] && (pattern[i] == path[j - 1] ||
                                 (pattern[i] == '?' && path[j - 1] != '/'));
      }
    }
    if (deep) ++i;
    row = std::move(next);
  }
  return row[path.size()] != 0;
}

ParamGroups ParamGroups::From(double weight_decay, const std::vector<ParamGroupConfig>& groups) {
  std::vector<ParamGroup> read;
  for (const ParamGroupConfig& group : groups) {
    read.push_back({group.match, group.weight_decay, group.learning_rate_scale, group.frozen});
  }
  return ParamGroups(weight_decay, std::move(read));
}

int ParamGroups::Match(std::string_view path) const {
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (MatchesPath(groups_[i].match, path)) return static_cast<int>(i);
  }
  return -1;
}

bool ParamGroups::IsFrozen(std::string_view path) const {
  const int group = Match(path);
  return group >= 0 && groups_[group].frozen;
}

GroupSettings ParamGroups::For(const ProgramParam& param) const {
  GroupSettings settings;
  settings.weight_decay = param.spec.decay ? weight_decay_ : 0;
  const int group = Match(param.path);
  if (group < 0) return settings;
  settings.learning_rate_scale = groups_[group].learning_rate_scale;
  if (groups_[group].weight_decay.has_value()) {
    settings.weight_decay = *groups_[group].weight_decay;
  }
  return settings;
}

absl::Status ParamGroups::CheckUsed(absl::Span<const ProgramParam> params) const {
  std::vector<bool> used(groups_.size(), false), matched(groups_.size(), false);
  std::vector<std::string> paths;
  for (const ProgramParam& param : params) {
    paths.push_back(param.path);
    const int first = Match(param.path);
    if (first >= 0) used[first] = true;
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (!matched[i]) matched[i] = MatchesPath(groups_[i].match, param.path);
    }
  }
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (used[i]) continue;
    if (matched[i]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "groups[", i, "].match: expected to match a parameter that no earlier group matches, ",
          "got '", groups_[i].match, "'; put the narrower pattern first"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("groups[", i, "].match: expected to match one of ", params.size(),
                     " parameters, got '", groups_[i].match, "'",
                     SuggestionText(groups_[i].match, paths)));
  }
  for (const ProgramParam& param : params) {
    if (!IsFrozen(param.path)) return absl::OkStatus();
  }
  if (params.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "groups: expected to leave a parameter that is trained, got all ", params.size(),
      " of them frozen; put a group for what is trained before the frozen one"));
}

}  // namespace tessera
