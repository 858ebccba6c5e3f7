// Routing: what a gate hands to a mixture of experts, and the pieces that gates are made of.
//
// A gate is a module of role "gate": x[..., D] -> the values below, in this order. It says who
// visits whom and with which weight; jitter, renormalising, scaling, capacity and losses are the
// mixture's. Routers compute in f32 (f64 for f64), whatever the dtype of the model.
#pragma once

#include <string_view>
#include <vector>

#include "cpp/nn/scope.h"

namespace tessera {

struct Routing {
  ValueId ids = kNoValue;      // i32[..., K]: experts of a token, -1 for none, none twice
  ValueId weights = kNoValue;  // [..., K]
  ValueId scores = kNoValue;   // [..., E]: what losses call probabilities
  ValueId logits = kNoValue;   // [..., E]
  // i32[R], only its size matters: rows planned for each token; without it K.
  ValueId planned = kNoValue;

  Values ToValues() const;
};

// INVALID_ARGUMENT: a gate of somebody else's that hands over something else.
absl::StatusOr<Routing> ReadRouting(const Graph& graph, const Values& values, int64_t num_experts);

// f64 for f64, otherwise f32.
DType RouterDType(const Scope& scope);

// The dims of a value but the last.
Dims LeadingDims(Graph& graph, ValueId x);
// "B,T,8": dims as an attribute.
std::string ShapeText(const Dims& dims);

// x times a parameter [D, num_experts] of the scope, in the router's dtype.
ValueId RouterLogits(Scope& scope, ValueId x, std::string_view path, int64_t num_experts,
                     double init_std);

// The last dim's softmax; the logistic function.
ValueId SoftmaxLast(Graph& graph, ValueId x);
// The places i32[..., k] of the k largest of the last dim, largest first, ties by place. No
// gradient flows through a choice.
ValueId ChooseLargest(Graph& graph, ValueId x, int64_t k);
// x[..., ids]; 0 for -1.
ValueId Pick(Graph& graph, ValueId x, ValueId ids);
// [..., size]: y at the places ids, 0 elsewhere.
ValueId Place(Graph& graph, ValueId y, ValueId ids, int64_t size);
// [..., size] in `dtype`: 1 at the places ids.
ValueId ChoiceMap(Graph& graph, ValueId ids, int64_t size, DType dtype);
// x [..., T, n] as [tokens, n], so that all tokens are one group of an op whose groups are the last
// two dims; x itself with `per_sequence`.
ValueId AsGroups(Graph& graph, ValueId x, bool per_sequence);
// weights / (their sum over the last dim + epsilon).
ValueId Normalized(Graph& graph, ValueId weights, double epsilon);
// Sums over all dims but the last: [E].
ValueId SumOverTokens(Graph& graph, ValueId x);
// The number of tokens, as a sum over them: a scalar.
ValueId TokenCount(Graph& graph, ValueId x, DType dtype);
// Numbers in [low, high), one for each element of dims; in training only.
ValueId RandomLike(Scope& scope, std::string_view key, const Dims& dims, DType dtype, double low,
                   double high);
// The squared coefficient of variation of x[E], of totals: variance / (mean^2 + 1e-10).
ValueId SquaredVariation(Graph& graph, ValueId x, bool unbiased);

}  // namespace tessera
