#include "cpp/moe/internal/routing.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"

namespace tessera {

Values Routing::ToValues() const {
  Values values = {ids, weights, scores, logits};
  if (planned != kNoValue) values.push_back(planned);
  return values;
}

absl::StatusOr<Routing> ReadRouting(const Graph& graph, const Values& values,
                                    int64_t num_experts) {
  if (!graph.ok()) return graph.status();
  if (values.size() != 4 && values.size() != 5) {
    return absl::InvalidArgumentError(absl::StrCat(
        "gate: expected ids, weights, scores and logits, got ", values.size(), " values"));
  }
  Routing routing{values[0], values[1], values[2], values[3],
                  values.size() == 5 ? values[4] : kNoValue};
  const ValueType& ids = graph.type(routing.ids);
  const bool fits = ids.dtype == DType::kI32 && !ids.dims.empty() && ids.dims.back().IsConst() &&
                    graph.dims(routing.weights) == ids.dims &&
                    IsFloat(graph.dtype(routing.weights));
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("gate: expected ids i32[..., K] and as many weights, got ", ids.ToText(),
                     " and ", graph.type(routing.weights).ToText()));
  }
  for (const ValueId id : {routing.scores, routing.logits}) {
    const Dims& dims = graph.dims(id);
    if (IsFloat(graph.dtype(id)) && !dims.empty() && dims.back() == Dim(num_experts)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("gate: expected scores and logits of ", num_experts, " experts, got ",
                     graph.type(id).ToText()));
  }
  return routing;
}

namespace {

absl::Status CheckAll(const Scope& scope, const Values& inputs, size_t count) {
  if (inputs.size() > count + 1 || inputs.size() < count) {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs: expected ", count, " or, with padding, ", count + 1, ", got ",
                     inputs.size()));
  }
  for (const ValueId id : inputs) RETURN_IF_ERROR(scope.CheckInputs({id}, {kAnyRank}));
  return absl::OkStatus();
}

ValueId AsColumn(Graph& graph, ValueId mask) {
  if (!graph.ok()) return kNoValue;
  Dims column = graph.dims(mask);
  column.push_back(Dim(1));
  return graph.Reshape(mask, column);
}

}  // namespace

absl::Status CheckGateInputs(const Scope& scope, const Values& inputs) {
  return CheckAll(scope, inputs, 1);
}

absl::Status CheckBalanceInputs(const Scope& scope, const Values& inputs) {
  return CheckAll(scope, inputs, 5);
}

ValueId MaskOf(const Values& inputs) { return inputs.size() > 1 ? inputs[1] : kNoValue; }

ValueId BalanceMaskOf(const Values& inputs) { return inputs.size() > 5 ? inputs[5] : kNoValue; }

ValueId OnlyOfTokens(Graph& graph, ValueId ids, ValueId mask) {
  return OfTokens(graph, ids, mask, -1);
}

ValueId OfTokens(Graph& graph, ValueId x, ValueId mask, double other) {
  if (mask == kNoValue || !graph.ok()) return x;
  const DType dtype = graph.dtype(x);
  return graph.Op("where", {AsColumn(graph, mask), x, graph.Constant(other, dtype)});
}

DType RouterDType(const Scope& scope) {
  return scope.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
}

Dims LeadingDims(Graph& graph, ValueId x) {
  if (!graph.ok()) return {};
  const Dims& dims = graph.dims(x);
  return Dims(dims.begin(), dims.end() - 1);
}

std::string ShapeText(const Dims& dims) {
  return absl::StrJoin(dims, ",", [](std::string* out, const Dim& dim) {
    absl::StrAppend(out, dim.ToText());
  });
}

ValueId RouterLogits(Scope& scope, ValueId x, std::string_view path, int64_t num_experts,
                     double init_std) {
  Graph& graph = scope.graph();
  if (!graph.ok()) return kNoValue;
  const DType dtype = RouterDType(scope);
  const ValueId weight_DE = scope.Param(path, {graph.dims(x).back(), Dim(num_experts)},
                                        Initializer::Normal(init_std), {"embed", "router"});
  return graph.MatMul(graph.Cast(x, dtype), graph.Cast(weight_DE, dtype));
}

ValueId SoftmaxLast(Graph& graph, ValueId x) { return graph.Op("softmax", {x}); }

ValueId ChooseLargest(Graph& graph, ValueId x, int64_t k) {
  return graph.Ops("top_k", {x}, {{"k", k}}, 2)[1];
}

ValueId Pick(Graph& graph, ValueId x, ValueId ids) { return graph.Op("pick", {x, ids}); }

ValueId Place(Graph& graph, ValueId y, ValueId ids, int64_t size) {
  return graph.Op("place", {y, ids}, {{"size", size}});
}

ValueId ChoiceMap(Graph& graph, ValueId ids, int64_t size, DType dtype) {
  if (!graph.ok()) return kNoValue;
  return Place(graph, graph.Constant(1, dtype, Dims(graph.dims(ids))), ids, size);
}

ValueId AsGroups(Graph& graph, ValueId x, bool per_sequence) {
  if (per_sequence || !graph.ok()) return x;
  return graph.Reshape(x, {Product(LeadingDims(graph, x)), graph.dims(x).back()});
}

ValueId Normalized(Graph& graph, ValueId weights, double epsilon) {
  if (!graph.ok()) return kNoValue;
  const auto last = static_cast<int64_t>(graph.dims(weights).size()) - 1;
  ValueId sum = graph.Sum(weights, {last}, /*keep_dims=*/true);
  if (epsilon != 0) sum = graph.Add(sum, graph.Constant(epsilon, graph.dtype(weights)));
  return graph.Div(weights, sum);
}

ValueId SumOverTokens(Graph& graph, ValueId x, ValueId mask) {
  x = OfTokens(graph, x, mask, 0);
  if (!graph.ok()) return kNoValue;
  std::vector<int64_t> dims;
  for (size_t i = 0; i + 1 < graph.dims(x).size(); ++i) dims.push_back(static_cast<int64_t>(i));
  return graph.Sum(x, dims);
}

ValueId TokenCount(Graph& graph, ValueId x, DType dtype, ValueId mask) {
  const Dims tokens = LeadingDims(graph, x);
  std::vector<int64_t> dims;
  for (size_t i = 0; i < tokens.size(); ++i) dims.push_back(static_cast<int64_t>(i));
  const ValueId ones =
      mask == kNoValue ? graph.Constant(1, dtype, tokens) : graph.Cast(mask, dtype);
  return graph.Sum(ones, dims);
}

ValueId RandomLike(Scope& scope, std::string_view key, const Dims& dims, DType dtype, double low,
                   double high) {
  return scope.graph().Op("random_uniform", {scope.Key(key), scope.Ambient("batch_offset")},
                          {{"shape", ShapeText(dims)},
                           {"dtype", std::string(Name(dtype))},
                           {"low", low},
                           {"high", high}});
}

ValueId SquaredVariation(Graph& graph, ValueId x, bool unbiased) {
  if (!graph.ok()) return kNoValue;
  const double count = static_cast<double>(graph.dims(x).back().value());
  const DType dtype = graph.dtype(x);
  if (count < 2) return graph.Sum(graph.Mul(x, graph.Constant(0, dtype)), {0});
  const ValueId mean = graph.Mul(graph.Sum(x, {0}), graph.Constant(1 / count, dtype));
  const ValueId off = graph.Sub(x, mean);
  const ValueId squares = graph.Sum(graph.Mul(off, off), {0});
  const ValueId variance =
      graph.Mul(squares, graph.Constant(1 / (unbiased ? count - 1 : count), dtype));
  return graph.Div(variance, graph.Add(graph.Mul(mean, mean), graph.Constant(1e-10, dtype)));
}

}  // namespace tessera
