// FusionGroups: which nodes of a function become one `fused` node each.
//
// A group grows along results: a node joins the groups that make its operands when all of them have
// the same rows, when nothing outside lies between them on any path, and when nothing heavier than
// row-wise work stands between them in the text (joining over a product would keep operands alive
// through it). Refers to the function that it was made of. Immutable once made.
#pragma once

#include <optional>
#include <vector>

#include "cpp/ir/function.h"
#include "cpp/ops/fused.h"
#include "cpp/tensor/fused_program.h"

namespace tessera {

// A node as a step over rows of given leading dims.
struct RowUse {
  Attrs attrs;
  std::vector<RowValue> inputs;
  std::vector<FusedProgram::Result> results;
  int row_offset = -1;   // operand that counts what lies before the rows
};

// A value of this type seen as rows of `leading`, if it can be.
std::optional<RowValue> SeeAsRows(const ValueType& type, const Dims& leading);
std::optional<RowUse> UseOverRows(const Function& function, const Node& node, const Dims& leading);

class FusionGroups {
 public:
  explicit FusionGroups(const Function& function);

  // True when a group has two members or more.
  bool any() const;
  // The group of a node is named by its last member.
  int group_of(int node) const { return group_[node]; }
  // In rising order.
  const std::vector<int>& members(int group) const { return groups_[group]; }
  // Of a group of two members or more.
  const Dims& leading(int group) const { return *leading_[group]; }

 private:
  void Join(int node);
  bool MayBeOne(const std::vector<int>& members, const Dims& leading) const;
  bool IsEntered(const std::vector<int>& members) const;
  int MakerOf(ValueId id) const { return function_.value(id).node; }

  const Function& function_;
  const std::vector<Node>& nodes_;
  std::vector<std::optional<Dims>> leading_;  // of each node that may be a step
  std::vector<int> heavy_before_;             // nodes before each that are no row-wise work
  std::vector<int> group_;
  std::vector<std::vector<int>> groups_;      // empty: taken over by another
};

}  // namespace tessera
