#include "cpp/optim/param_groups.h"

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

int ParamGroups::Match(std::string_view path) const {
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (MatchesPath(groups_[i].match, path)) return static_cast<int>(i);
  }
  return -1;
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

}  // namespace tessera
