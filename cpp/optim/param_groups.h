// ParamGroups: which parameters decay and at which rate they learn, by path pattern.
//
// The rule when no group matches is visible and simple: weight decay applies to what its module
// marks for it (matrices and embeddings), not to norms and biases. The first group whose pattern
// matches a path wins. Patterns: `*` any characters but '/', `**` any characters, `?` one but '/'.
// A frozen group keeps its values: the compiler derives no gradients for it (CompileOptions::
// trainable), so it costs neither backward work nor optimizer state. Immutable; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cpp/ir/program.h"

namespace tessera {

struct ParamGroupConfig;  // gen/config/param_group.h

struct ParamGroup {
  std::string match;
  std::optional<double> weight_decay;   // absent: the rule above
  double learning_rate_scale = 1;
  bool frozen = false;
};

struct GroupSettings {
  double weight_decay = 0;
  double learning_rate_scale = 1;
};

class ParamGroups {
 public:
  ParamGroups() = default;
  ParamGroups(double weight_decay, std::vector<ParamGroup> groups)
      : weight_decay_(weight_decay), groups_(std::move(groups)) {}
  static ParamGroups From(double weight_decay, const std::vector<ParamGroupConfig>& groups);

  GroupSettings For(const ProgramParam& param) const;
  // Does the first group that matches the path freeze it?
  bool IsFrozen(std::string_view path) const;
  // Index of the group that matches, or -1.
  int Match(std::string_view path) const;
  // INVALID_ARGUMENT when a group is the first match of no parameter, which is a misspelt pattern
  // or one behind a wider pattern, with the pattern and the path nearest to it; or when all
  // parameters are frozen.
  absl::Status CheckUsed(absl::Span<const ProgramParam> params) const;

 private:
  double weight_decay_ = 0;
  std::vector<ParamGroup> groups_;
};

// Does `path` match the pattern? Linear in both lengths but for `*`.
bool MatchesPath(std::string_view pattern, std::string_view path);

}  // namespace tessera
