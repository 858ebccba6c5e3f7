// Copier: copies nodes of one function into another under a map of values.
//
// The tool of every pass: a pass never edits a function, it writes a new one. Not thread-safe.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "cpp/ir/function.h"

namespace tessera {

class Copier {
 public:
  Copier(const Function& source, Function& target)
      : source_(source), target_(target), map_(source.values().size(), kNoValue) {}

  void Map(ValueId from, ValueId to) { map_[from] = to; }
  bool IsMapped(ValueId from) const { return map_[from] != kNoValue; }
  // kNoValue when not yet mapped.
  ValueId operator()(ValueId from) const { return map_[from]; }

  // Adds an input of the same name, kind, type and spec, and maps it.
  ValueId CopyInput(const FunctionInput& input);
  // REQUIRES: all operands are mapped.
  absl::Status CopyNode(const Node& node);

 private:
  const Function& source_;
  Function& target_;
  std::vector<ValueId> map_;
};

}  // namespace tessera
