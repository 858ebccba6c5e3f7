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

// --- Tokens that count: where padding is left out, gates and balance modules get one input more,
// bool beside the tokens, true for those that are routed and counted. ---

// What a gate's Build asks first: tokens x[..., D] and, perhaps, which of them count.
absl::Status CheckGateInputs(const Scope& scope, const Values& inputs);
// The same of a balance module: ids, kept ids, weights, scores and logits.
absl::Status CheckBalanceInputs(const Scope& scope, const Values& inputs);
// The last of these inputs; kNoValue when all tokens count.
ValueId MaskOf(const Values& inputs);
ValueId BalanceMaskOf(const Values& inputs);
// ids with -1 for the tokens that do not count.
ValueId OnlyOfTokens(Graph& graph, ValueId ids, ValueId mask);
// x[..., n] with `other` for them.
ValueId OfTokens(Graph& graph, ValueId x, ValueId mask, double other);

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
// Sums over the tokens that count: all dims but the last: [E].
ValueId SumOverTokens(Graph& graph, ValueId x, ValueId mask = kNoValue);
// The number of tokens that count, as a sum over them: a scalar.
ValueId TokenCount(Graph& graph, ValueId x, DType dtype, ValueId mask = kNoValue);
// Numbers in [low, high), one for each element of dims; in training only.
ValueId RandomLike(Scope& scope, std::string_view key, const Dims& dims, DType dtype, double low,
                   double high);
// The squared coefficient of variation of x[E], of totals: variance / (mean^2 + 1e-10).
ValueId SquaredVariation(Graph& graph, ValueId x, bool unbiased);

}  // namespace tessera
