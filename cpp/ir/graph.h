// Graph: writes nodes into a Function in the style of arithmetic, and remembers the first error.
//
// `Value v = graph.Op("rms_norm", {x, scale}, {{"epsilon", 1e-6}})`. After an error every further
// call does nothing and yields kNoValue, so builders read as formulas; whoever owns the graph
// checks status() once at the end. Used by modules, gradient rules, optimizers and the C ABI.
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera {

class Graph {
 public:
  Graph(const OpTable& ops, Function& function) : ops_(ops), function_(function) {}

  // The first output; kNoValue after an error.
  ValueId Op(std::string_view name, std::vector<ValueId> inputs, Attrs attrs = {});
  // All outputs; `count` of them (kNoValue each) after an error.
  std::vector<ValueId> Ops(std::string_view name, std::vector<ValueId> inputs, Attrs attrs,
                           size_t count);

  ValueId Add(ValueId a, ValueId b) { return Op("add", {a, b}); }
  ValueId Sub(ValueId a, ValueId b) { return Op("sub", {a, b}); }
  ValueId Mul(ValueId a, ValueId b) { return Op("mul", {a, b}); }
  ValueId Div(ValueId a, ValueId b) { return Op("div", {a, b}); }
  ValueId Cast(ValueId x, DType dtype);  // x itself when it has that dtype
  // rhs [K,N] with lhs [...,M,K], or equal batch dims.
  ValueId MatMul(ValueId a, ValueId b, bool transpose_a = false, bool transpose_b = false);
  ValueId Reshape(ValueId x, const Dims& dims);  // x itself when the dims are the same
  ValueId Transpose(ValueId x, std::vector<int64_t> perm);
  ValueId Constant(double value, DType dtype, const Dims& dims = {});
  ValueId Sum(ValueId x, std::vector<int64_t> dims, bool keep_dims = false);
  // Sums x over broadcast dims so that it has `dims` again; the gradient of broadcasting.
  ValueId SumTo(ValueId x, const Dims& dims);

  const ValueType& type(ValueId id) const;
  const Dims& dims(ValueId id) const { return type(id).dims; }
  DType dtype(ValueId id) const { return type(id).dtype; }

  void Fail(absl::Status status);
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  Function& function() { return function_; }
  const OpTable& ops() const { return ops_; }

 private:
  const OpTable& ops_;
  Function& function_;
  absl::Status status_;
};

}  // namespace tessera
