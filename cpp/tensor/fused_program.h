// FusedProgram: several ops over the same rows as one, in plain data: what the op `fused` computes.
//
// A row is one place of the leading dims. Values are numbered: the operands first, then the results
// of the steps in order. A tiled value has all rows, each of `columns` elements, or, when `columns`
// is 0, of one (its dims then are nothing but leading dims). A whole operand is the same for every
// row: a scalar (`columns` 0) or a vector of `columns`. Each step is an op by name with its
// attributes; it computes rows from the same rows of its operands, so any range of rows can be done
// apart, with what only the steps see kept in a cache. Knows no op. Immutable once made; copies are
// independent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/tensor/attr.h"
#include "cpp/tensor/dtype.h"

namespace tessera {

struct FusedProgram {
  struct Operand {
    int64_t columns = 0;
    bool whole = false;
    bool operator==(const Operand&) const = default;
  };
  struct Result {
    DType dtype = DType::kF32;
    int64_t columns = 0;
    bool operator==(const Result&) const = default;
  };
  struct Step {
    std::string op;
    Attrs attrs;
    std::vector<int> inputs;      // numbers of values
    std::vector<Result> results;  // take the next numbers
    bool operator==(const Step&) const = default;
  };

  std::vector<Operand> operands;
  std::vector<Step> steps;
  std::vector<int> outputs;  // numbers of results, each once

  // Bounds of what FromAttrs accepts.
  static constexpr int kMostOperands = 64;
  static constexpr int kMostSteps = 64;
  static constexpr int64_t kMostColumns = 1 << 20;

  // Result `value - operands.size()` of all steps. REQUIRES: it is one.
  const Result& result(int value) const;

  // As attributes of a node: operands "[512] whole[512] []", steps "bf16[512]: add 0 1; ...",
  // outputs [3], and attribute `tanh` of step 2 as s2_tanh.
  Attrs ToAttrs() const;
  // INVALID_ARGUMENT says what is wrong: anything that ToAttrs would not write, a value used before
  // it is made, a tiled row or an output that is none.
  static absl::StatusOr<FusedProgram> FromAttrs(const Attrs& attrs);

  bool operator==(const FusedProgram&) const = default;
};

}  // namespace tessera
