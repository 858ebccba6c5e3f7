// Oracle: the formulas of the ops a second time, as the plainest loops over doubles.
//
// Written from the head comments in cpp/ops, apart from the kernels: a kernel and the oracle agree
// when both mean the same thing. Slow, not for use outside of tests. Thread-safe.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// Results of one node in the dtypes of `outputs` (dims at their sizes). NOT_FOUND for ops that the
// oracle does not know: matmul, attention and rotary, which have tests of their own, and views.
absl::StatusOr<std::vector<Tensor>> OracleNode(const Node& node, const std::vector<Tensor>& inputs,
                                               std::vector<Tensor> outputs);

// Internal: how oracle_*.cc hand over their formulas.
struct OracleUse {
  const Attrs& attrs;
  const std::vector<Tensor>& in;
  std::vector<Tensor>& out;

  double X(size_t i, int64_t at) const { return in[i].At(at); }
  int64_t Last(size_t i = 0) const { return in[i].dims.empty() ? 1 : in[i].dims.back(); }
};
using OracleFn = std::function<void(const OracleUse& use)>;
OracleFn FindElementwiseOracle(std::string_view op);
OracleFn FindShapeOracle(std::string_view op);
OracleFn FindPatternOracle(std::string_view op);

}  // namespace tessera
