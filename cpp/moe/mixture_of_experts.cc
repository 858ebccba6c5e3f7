// MixtureOfExperts: y[t] = sum over the experts e that a gate chose for t of weight[t, e] *
// expert_e(x[t]), plus what a shared expert gives for every token.
//
// Gate -> capacity -> plan -> dispatch -> experts -> combine, each its own part. Nothing is dropped
// unless a capacity is set; a token whose choices are all dropped gets zero, so that the residual
// around the layer is what remains of it. Experts that return zero or the token itself cost nothing
// (MoE++, arXiv 2410.07348). Sums are in the order of a token's choices. Copies of one
// expert are stacked [E, ...] and run as grouped products (nn/grouped.h); experts that are not
// alike run one after the other on all rows. With several inputs the first is routed and all of
// them go where it goes; the experts then have as many operands. Padding (tokens of segment -1) may
// be left out of routing and of everything that counts tokens; it gets zero from the experts.
// Sources: Shazeer et al., arXiv 1701.06538; dropless: MegaBlocks, arXiv 2211.15841.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/mixture_of_experts.h"

namespace tessera {
namespace {

class MixtureOfExperts : public Module {
 public:
  MixtureOfExperts(MixtureOfExpertsConfig config, int64_t listed)
      : config_(std::move(config)), listed_(listed) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckTokens(scope, inputs));
    Graph& graph = scope.graph();
    const ValueId x = inputs[0];
    const ValueId mask = Mask(scope, x);
    Values seen = {Jittered(scope, x)};
    if (mask != kNoValue) seen.push_back(mask);
    ASSIGN_OR_RETURN(Routing routing, ReadRouting(graph, scope.Call("gate", seen), Choices()));
    routing.ids = OnlyOfTokens(graph, routing.ids, mask);
    routing.weights = Weights(graph, routing.weights);
    const Routing chosen = routing;   // of whom losses and metrics speak
    const double capacity = Capacity(scope);
    if (capacity > 0) Limit(scope, capacity, routing);
    ASSIGN_OR_RETURN(Values results, Experts(scope, inputs, routing));
    Values judged = {chosen.ids, routing.ids, chosen.weights, chosen.scores, chosen.logits};
    if (mask != kNoValue) judged.push_back(mask);
    for (int i = 0; i < scope.ChildCount("balance"); ++i) {
      scope.Call("balance", judged, absl::StrCat("balance/", i), i);
    }
    if (!scope.HasChild("shared")) return results;
    const Values shared = Shared(scope, inputs);
    RETURN_IF_ERROR(SameResults(graph, "shared", shared, results));
    for (size_t i = 0; i < results.size(); ++i) {
      results[i] = config_.residual_mix ? Mixed(scope, x, results[i], shared[i])
                                        : graph.Add(results[i], shared[i]);
    }
    return results;
  }

 private:
  // Experts that compute, and all that a gate may choose.
  int64_t Count() const { return listed_ > 0 ? listed_ : config_.num_experts; }
  int64_t Choices() const { return Count() + config_.zero_experts + config_.copy_experts; }

  // The first operand is what the gate sees; all are sent to the experts by its routing.
  absl::Status CheckTokens(Scope& scope, const Values& inputs) const {
    if (inputs.empty()) RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    for (size_t i = 0; i < inputs.size(); ++i) {
      RETURN_IF_ERROR(scope.CheckInputs({inputs[i]}, {kAnyRank}));
      const bool fits = graph.dims(inputs[i]).size() >= 2 &&
                        LeadingDims(graph, inputs[i]) == LeadingDims(graph, inputs[0]);
      if (fits) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "input ", i, ": expected tokens x[..., D]", i == 0 ? "" : ", as many as input 0 has",
          ", got ", graph.type(inputs[i]).ToText()));
    }
    if (inputs.size() == 1 || !scope.HasChild("latent_in")) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "latent_dim: expected 0 for ", inputs.size(), " inputs, of which one is projected"));
  }

  // Which tokens are no padding; kNoValue when all count.
  ValueId Mask(Scope& scope, ValueId x) const {
    if (!config_.skip_padding || !scope.HasAmbient("segments")) return kNoValue;
    Graph& graph = scope.graph();
    const ValueId segments = scope.Ambient("segments");
    if (!graph.ok()) return kNoValue;
    if (graph.dims(segments) != LeadingDims(graph, x)) {
      graph.Fail(absl::InvalidArgumentError(absl::StrCat(
          "skip_padding: expected segments of the tokens of ", graph.type(x).ToText(), ", got ",
          graph.type(segments).ToText())));
      return kNoValue;
    }
    return graph.Op("greater_equal", {segments, graph.Constant(0, DType::kI32)});
  }

  // As many results as the experts have, of the same types.
  static absl::Status SameResults(const Graph& graph, std::string_view slot, const Values& got,
                                  const Values& wanted) {
    RETURN_IF_ERROR(graph.status());
    bool same = got.size() == wanted.size();
    for (size_t i = 0; same && i < got.size(); ++i) {
      same = graph.dims(got[i]) == graph.dims(wanted[i]);
    }
    if (same) return absl::OkStatus();
    std::string text;
    for (const Values* values : {&wanted, &got}) {
      absl::StrAppend(&text, values == &wanted ? "expected" : "; got");
      for (const ValueId id : *values) absl::StrAppend(&text, " ", graph.type(id).ToText());
    }
    return absl::InvalidArgumentError(
        absl::StrCat("slot '", slot, "': it does not give what the experts give: ", text));
  }

  double Capacity(const Scope& scope) const {
    const bool trains = scope.mode() == Mode::kTrain;
    return trains ? config_.capacity_factor
                  : config_.eval_capacity_factor.value_or(config_.capacity_factor);
  }

  ValueId Jittered(Scope& scope, ValueId x) const {
    if (config_.jitter == 0 || scope.mode() != Mode::kTrain) return x;
    Graph& graph = scope.graph();
    const DType dtype = RouterDType(scope);
    const ValueId noise = RandomLike(scope, "jitter", Dims(graph.dims(x)), dtype,
                                     1 - config_.jitter, 1 + config_.jitter);
    return graph.Cast(graph.Mul(graph.Cast(x, dtype), noise), graph.dtype(x));
  }

  ValueId Weights(Graph& graph, ValueId weights) const {
    if (config_.renormalize) weights = Normalized(graph, weights, 0);
    if (config_.weight_scale == 1) return weights;
    return graph.Mul(weights, graph.Constant(config_.weight_scale, graph.dtype(weights)));
  }

  // Takes choices away that an expert has no room for.
  void Limit(Scope& scope, double factor, Routing& routing) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return;
    const bool per_sequence = config_.group == RoutingGroup::kSequence;
    const Dims dims = graph.dims(routing.ids);
    std::vector<ValueId> operands = {AsGroups(graph, routing.ids, per_sequence)};
    if (const ValueId priority = Priority(scope, routing); priority != kNoValue) {
      operands.push_back(AsGroups(graph, priority, per_sequence));
    }
    const ValueId kept_ids = graph.Op("drop_over_capacity", operands,
                                      {{"num_experts", Choices()},
                                       {"factor", factor},
                                       {"minimum", config_.min_capacity}});
    routing.ids = graph.Reshape(kept_ids, dims);
    if (!config_.renormalize_kept || !graph.ok()) return;
    const DType dtype = graph.dtype(routing.weights);
    const ValueId none = graph.Constant(-1, DType::kI32);
    const ValueId kept = graph.Cast(graph.Op("greater", {routing.ids, none}), dtype);
    routing.weights = Normalized(graph, graph.Mul(routing.weights, kept), 1e-20);
  }

  ValueId Priority(Scope& scope, const Routing& routing) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return kNoValue;
    const Dims dims = graph.dims(routing.ids);
    const auto last = static_cast<int64_t>(dims.size()) - 1;
    switch (config_.drop) {
      case DropPolicy::kPosition:
        return kNoValue;
      case DropPolicy::kChoice: {
        const ValueId order = graph.Op("arange", {}, {{"shape", ShapeText({dims.back()})},
                                                      {"dtype", "f32"}});
        return graph.Op("broadcast_to", {graph.Op("neg", {order})}, {{"shape", ShapeText(dims)}});
      }
      case DropPolicy::kProbability:
        return routing.weights;
      case DropPolicy::kPriority: {
        const ValueId best = graph.Op("reduce_max", {routing.weights},
                                      {{"dims", std::vector<int64_t>{last}}, {"keep_dims", true}});
        return graph.Op("broadcast_to", {best}, {{"shape", ShapeText(dims)}});
      }
      case DropPolicy::kRandom:
        if (scope.mode() != Mode::kTrain) return kNoValue;
        return RandomLike(scope, "drop", dims, DType::kF32, 0, 1);
    }
    return kNoValue;
  }

  absl::StatusOr<Values> Experts(Scope& scope, const Values& inputs, const Routing& routing) const {
    Graph& graph = scope.graph();
    RETURN_IF_ERROR(graph.status());
    const bool is_latent = scope.HasChild("latent_in");
    const Values sent = is_latent ? Values{scope.Call1("latent_in", inputs)} : inputs;
    const Values plan = Plan(graph, routing);
    const ValueId rows = plan[0], slots = plan[1], owners = plan[2];
    Values operands;
    for (const ValueId x : sent) operands.push_back(graph.Op("dispatch", {x, slots, rows}));
    const bool each = listed_ > 0 || config_.run_experts == ExpertExecution::kEach;
    Values results = each ? EachExpert(scope, operands, owners)
                          : scope.CallGrouped("expert", operands, owners, Count(), "experts");
    RETURN_IF_ERROR(graph.status());
    if (results.empty()) {
      return absl::InvalidArgumentError("slot 'expert': expected a result, got none");
    }
    for (ValueId& y : results) y = graph.Op("combine", {y, slots, rows, routing.weights});
    if (is_latent) results = scope.Call("latent_out", results);
    if (config_.copy_experts == 0) return results;
    RETURN_IF_ERROR(SameResults(graph, "expert", results, inputs));
    for (size_t i = 0; i < results.size(); ++i) {
      results[i] = graph.Add(results[i], Copied(graph, inputs[i], routing));
    }
    return results;
  }

  Values Plan(Graph& graph, const Routing& routing) const {
    if (!graph.ok()) return Values(4, kNoValue);
    const Dim planned = routing.planned != kNoValue ? graph.dims(routing.planned)[0]
                                                    : graph.dims(routing.ids).back();
    ValueId ids = routing.ids;
    if (Choices() > Count()) {
      const ValueId count = graph.Constant(static_cast<double>(Count()), DType::kI32);
      ids = graph.Op("where", {graph.Op("less", {ids, count}), ids,
                               graph.Constant(-1, DType::kI32)});
    }
    Values operands = {ids};
    if (config_.check_weights) operands.push_back(routing.weights);
    return graph.Ops("plan", operands,
                     {{"num_experts", Count()}, {"rows_per_token", planned.value()}}, 4);
  }

  // The token itself, times the weights of the copy experts among its choices.
  ValueId Copied(Graph& graph, ValueId x, const Routing& routing) const {
    if (!graph.ok()) return kNoValue;
    const DType dtype = graph.dtype(routing.weights);
    const auto last = static_cast<int64_t>(graph.dims(routing.ids).size()) - 1;
    const ValueId first = graph.Constant(
        static_cast<double>(Count() + config_.zero_experts), DType::kI32);
    const ValueId is_copy =
        graph.Cast(graph.Op("greater_equal", {routing.ids, first}), dtype);
    const ValueId weight =
        graph.Sum(graph.Mul(routing.weights, is_copy), {last}, /*keep_dims=*/true);
    return graph.Mul(x, graph.Cast(weight, graph.dtype(x)));
  }

  // Every expert on all rows; a row keeps what its owner made of it.
  Values EachExpert(Scope& scope, const Values& rows, ValueId owners) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return {};
    Dims column = graph.dims(owners);
    column.push_back(Dim(1));
    const ValueId owner_column = graph.Reshape(owners, column);
    Values all;
    for (int64_t e = 0; e < Count() && graph.ok(); ++e) {
      const Values results = listed_ > 0 ? scope.Call("experts", rows, absl::StrCat("experts/", e),
                                                      static_cast<int>(e))
                                         : scope.Call("expert", rows, absl::StrCat("experts/", e));
      if (!graph.ok()) return {};
      if (e == 0) {
        for (const ValueId id : results) {
          all.push_back(graph.Constant(0, graph.dtype(id), Dims(graph.dims(id))));
        }
      }
      if (const absl::Status same = SameResults(graph, absl::StrCat("experts/", e), results, all);
          !same.ok()) {
        graph.Fail(same);
        return {};
      }
      const ValueId owns = graph.Op(
          "equal", {owner_column, graph.Constant(static_cast<double>(e), DType::kI32)});
      for (size_t i = 0; i < all.size(); ++i) {
        all[i] = graph.Op("where", {owns, results[i], all[i]});
      }
    }
    return all;
  }

  Values Shared(Scope& scope, const Values& inputs) const {
    Graph& graph = scope.graph();
    Values results = scope.Call("shared", inputs);
    if (!config_.shared_gate || !graph.ok()) return results;
    const ValueId x = inputs[0];
    const ValueId weight = scope.Param("shared_gate/weight", {graph.dims(x).back(), Dim(1)},
                                       Initializer::Normal(config_.init_std), {"embed", ""});
    const ValueId share = graph.Op("sigmoid", {graph.MatMul(x, weight)});
    for (ValueId& y : results) y = graph.Mul(y, share);
    return results;
  }

  // c0 * y + c1 * shared, c = softmax(x M) (residual mixture: DeepSpeed-MoE, arXiv 2201.05596).
  ValueId Mixed(Scope& scope, ValueId x, ValueId y, ValueId shared) const {
    Graph& graph = scope.graph();
    const ValueId mix =
        SoftmaxLast(graph, RouterLogits(scope, x, "residual_mix/weight", 2, config_.init_std));
    if (!graph.ok()) return kNoValue;
    const auto last = static_cast<int64_t>(graph.dims(mix).size()) - 1;
    const auto share = [&](int64_t i) {
      const ValueId part = graph.Op(
          "slice", {mix}, {{"dim", last}, {"start", i}, {"size", int64_t{1}}});
      return graph.Cast(part, graph.dtype(x));
    };
    return graph.Add(graph.Mul(y, share(0)), graph.Mul(shared, share(1)));
  }

  MixtureOfExpertsConfig config_;
  const int64_t listed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewMixtureOfExpertsModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(MixtureOfExpertsConfig fields, ReadMixtureOfExpertsConfig(config));
  const auto listed = static_cast<int64_t>(config.ChildCount("experts"));
  if ((listed > 0) == (config.ChildCount("expert") > 0)) {
    return absl::InvalidArgumentError(
        listed > 0 ? "MixtureOfExperts: the list `experts` stands in place of `expert`: set expert "
                     "to null"
                   : "MixtureOfExperts: expected an expert, or a list of experts, got neither");
  }
  if (listed > 0 && listed != fields.num_experts) {
    return absl::InvalidArgumentError(
        absl::StrCat("MixtureOfExperts: num_experts must be the number of experts in the list, ",
                     listed, ", got ", fields.num_experts));
  }
  return std::make_unique<MixtureOfExperts>(std::move(fields), listed);
}

}  // namespace tessera
