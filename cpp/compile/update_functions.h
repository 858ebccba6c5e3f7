// UpdateFunctions: the functions that follow the gradients: norms, optimizer updates, refreshed
// weights. Parameters of equal type and update settings share one function.
// Used by compiler.cc only. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/compile/program_builder.h"
#include "cpp/ir/op_table.h"
#include "cpp/ir/update_rule.h"

namespace tessera {

class UpdateFunctions {
 public:
  UpdateFunctions(const OpTable& ops, ProgramBuilder& builder) : ops_(ops), builder_(builder) {}
  UpdateFunctions(const OpTable& ops, const UpdateRule& rule, ProgramBuilder& builder)
      : ops_(ops), rule_(&rule), builder_(builder) {}

  // Norm and commit calls for every trainable parameter.
  absl::Status AddAll();
  // Calls that make weights in compute dtype from parameters.
  absl::StatusOr<std::vector<int>> AddRefresh();

  const std::vector<int>& norm_calls() const { return norm_calls_; }
  const std::vector<int>& commit_calls() const { return commit_calls_; }

 private:
  absl::Status AddNorm(const ProgramParam& param);
  absl::Status AddCommit(int index);
  absl::StatusOr<FunctionRef> UpdateFunction(const ProgramParam& param);

  const OpTable& ops_;
  const UpdateRule* rule_ = nullptr;
  ProgramBuilder& builder_;
  std::map<std::string, FunctionRef> functions_;
  std::vector<int> norm_calls_, commit_calls_;
  int scalars_[3] = {-1, -1, -1};
};

}  // namespace tessera
