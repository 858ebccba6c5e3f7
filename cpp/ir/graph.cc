#include "cpp/ir/graph.h"

#include "absl/strings/str_cat.h"

namespace tessera {
namespace {

const ValueType& NoType() {
  static const ValueType* const type = new ValueType();
  return *type;
}

}  // namespace

void Graph::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

const ValueType& Graph::type(ValueId id) const {
  if (id < 0 || static_cast<size_t>(id) >= function_.values().size()) return NoType();
  return function_.type(id);
}

std::vector<ValueId> Graph::Ops(std::string_view name, std::vector<ValueId> inputs, Attrs attrs,
                                size_t count) {
  std::vector<ValueId> none(count, kNoValue);
  if (!ok()) return none;
  absl::StatusOr<const OpDef*> op = ops_.Get(name);
  if (!op.ok()) {
    Fail(op.status());
    return none;
  }
  auto outputs = function_.AddNode(**op, std::move(attrs), std::move(inputs));
  if (!outputs.ok()) {
    Fail(outputs.status());
    return none;
  }
  if (outputs->size() != count) {
    Fail(absl::InvalidArgumentError(absl::StrCat(name, ": has ", outputs->size(),
                                                 " outputs, expected ", count)));
    return none;
  }
  return *std::move(outputs);
}

ValueId Graph::Op(std::string_view name, std::vector<ValueId> inputs, Attrs attrs) {
  if (!ok()) return kNoValue;
  absl::StatusOr<const OpDef*> op = ops_.Get(name);
  if (!op.ok()) {
    Fail(op.status());
    return kNoValue;
  }
  auto outputs = function_.AddNode(**op, std::move(attrs), std::move(inputs));
  if (!outputs.ok()) {
    Fail(outputs.status());
    return kNoValue;
  }
  return outputs->empty() ? kNoValue : (*outputs)[0];
}

ValueId Graph::Cast(ValueId x, DType dtype) {
  if (!ok() || type(x).dtype == dtype) return x;
  return Op("cast", {x}, {{"dtype", std::string(Name(dtype))}});
}

ValueId Graph::MatMul(ValueId a, ValueId b, bool transpose_a, bool transpose_b) {
  return Op("matmul", {a, b}, {{"transpose_lhs", transpose_a}, {"transpose_rhs", transpose_b}});
}

ValueId Graph::Reshape(ValueId x, const Dims& dims) {
  if (!ok() || type(x).dims == dims) return x;
  return Op("reshape", {x}, {{"shape", ToText(dims)}});
}

ValueId Graph::Transpose(ValueId x, std::vector<int64_t> perm) {
  return Op("transpose", {x}, {{"perm", std::move(perm)}});
}

ValueId Graph::Constant(double value, DType dtype, const Dims& dims) {
  return Op("fill", {},
            {{"value", value}, {"dtype", std::string(Name(dtype))}, {"shape", ToText(dims)}});
}

ValueId Graph::Sum(ValueId x, std::vector<int64_t> dims, bool keep_dims) {
  if (dims.empty()) return x;
  return Op("reduce_sum", {x}, {{"dims", std::move(dims)}, {"keep_dims", keep_dims}});
}

ValueId Graph::SumTo(ValueId x, const Dims& dims) {
  if (!ok()) return kNoValue;
  const Dims from = type(x).dims;
  if (from == dims) return x;
  const size_t extra = from.size() - dims.size();
  std::vector<int64_t> summed;
  for (size_t i = 0; i < from.size(); ++i) {
    if (i < extra || (dims[i - extra] == Dim(1) && from[i] != Dim(1))) {
      summed.push_back(static_cast<int64_t>(i));
    }
  }
  return Reshape(Sum(x, std::move(summed)), dims);
}

}  // namespace tessera
