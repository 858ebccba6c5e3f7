// MultiTaskModel: features[B, D] -> shared part -> z_k[B, O] -> a tower for each task k,
// y_k = relu(z_k U + c) v + b -> results[B, K], and losses "task_k" against labels[B, K], each a
// mean over rows:
//   logistic  softplus(y) - label * y = -log of the probability of the label
//   squared   (y - label)^2
// Source: Ma et al., KDD 2018, figure 1 (with the tower's layer of relu of section 5).

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/multi_task_model.h"

namespace tessera {
namespace {

class MultiTaskModel : public Module {
 public:
  explicit MultiTaskModel(MultiTaskModelConfig config) : config_(std::move(config)) {}

  ModelInputs Inputs(Mode mode, DType dtype) const override {
    const Dim rows = Dim::Symbol("B");
    ModelInputs inputs = {{{"features", {dtype, {rows, Dim(config_.model_dim)}}}}, {}};
    if (mode == Mode::kDecode) return inputs;
    inputs.arguments.push_back({"labels", {dtype, {rows, Dim(config_.num_tasks)}}});
    return inputs;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    if (scope.mode() == Mode::kDecode) {
      return absl::UnimplementedError("MultiTaskModel: rows are no sequences; evaluate instead");
    }
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {2, 2}));
    Graph& graph = scope.graph();
    const Values shared = scope.Call("shared", {inputs[0]});
    RETURN_IF_ERROR(graph.status());
    if (shared.size() != static_cast<size_t>(config_.num_tasks)) {
      return absl::InvalidArgumentError(
          absl::StrCat("slot 'shared': expected ", config_.num_tasks, " results, one for each "
                       "task, got ", shared.size()));
    }
    Values results;
    for (int64_t k = 0; k < config_.num_tasks; ++k) {
      results.push_back(Tower(scope, shared[static_cast<size_t>(k)], k));
      AddLoss(scope, results.back(), inputs[1], k);
    }
    return Values{results.size() == 1 ? results[0]
                                      : graph.Op("concat", results, {{"dim", int64_t{1}}})};
  }

 private:
  ValueId Tower(Scope& scope, ValueId z, int64_t task) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return kNoValue;
    const std::string at = absl::StrCat("towers/", task, "/");
    const Dim width = graph.dims(z).back(), hidden(config_.tower_dim);
    const auto variance_kept = [](double gain, double fan_in) {
      return Initializer::Normal(std::sqrt(gain / fan_in));
    };
    const double fan_in = width.IsConst() ? static_cast<double>(width.value()) : 1;
    const ValueId u = scope.Param(at + "hidden/weight", {width, hidden},
                                  variance_kept(2, fan_in), {"embed", "mlp"});
    const ValueId c = scope.Param(at + "hidden/bias", {hidden}, Initializer::Constant(0), {"mlp"},
                                  /*decay=*/false);
    const ValueId v =
        scope.Param(at + "out/weight", {hidden, Dim(1)},
                    variance_kept(1, static_cast<double>(config_.tower_dim)), {"mlp", ""});
    const ValueId b = scope.Param(at + "out/bias", {Dim(1)}, Initializer::Constant(0), {},
                                  /*decay=*/false);
    const ValueId h = graph.Op("relu", {graph.Add(graph.MatMul(z, u), c)});
    return graph.Add(graph.MatMul(h, v), b);
  }

  void AddLoss(Scope& scope, ValueId y, ValueId labels, int64_t task) const {
    Graph& graph = scope.graph();
    if (!graph.ok()) return;
    const DType wide = scope.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
    const ValueId label = graph.Cast(
        graph.Op("slice", {labels}, {{"dim", int64_t{1}}, {"start", task}, {"size", int64_t{1}}}),
        wide);
    y = graph.Cast(y, wide);
    ValueId loss = kNoValue;
    if (config_.loss == TaskLoss::kLogistic) {
      loss = graph.Sub(graph.Op("softplus", {y}), graph.Mul(label, y));
    } else {
      const ValueId off = graph.Sub(y, label);
      loss = graph.Mul(off, off);
    }
    if (!graph.ok()) return;
    const ValueId rows = graph.Sum(graph.Constant(1, wide, Dims(graph.dims(loss))), {0, 1});
    scope.AddLoss(absl::StrCat("task_", task), graph.Sum(loss, {0, 1}), rows);
  }

  MultiTaskModelConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewMultiTaskModelModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(MultiTaskModelConfig fields, ReadMultiTaskModelConfig(config));
  return std::make_unique<MultiTaskModel>(std::move(fields));
}

}  // namespace tessera
