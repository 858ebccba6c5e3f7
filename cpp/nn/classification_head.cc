// ClassificationHead: logits[B,C] = classifier(dropout(act(pooler(pool(x))))) from x[B,N,D], where
// pool takes the first vector or the mean; without a pooler, act is left out as well.

#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/classification_head.h"

namespace tessera {
namespace {

class ClassificationHead : public Module {
 public:
  explicit ClassificationHead(ClassificationHeadConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {3}));
    Graph& graph = scope.graph();
    ValueId h = Pool(graph, inputs[0]);
    if (scope.HasChild("pooler")) {
      h = Activate(graph, config_.activation, scope.Call1("pooler", {h}));
    }
    if (scope.HasChild("dropout")) h = scope.Call1("dropout", {h});
    return Values{scope.Call1("classifier", {h})};
  }

 private:
  ValueId Pool(Graph& graph, ValueId x_BND) const {
    if (config_.pooling == Pooling::kMean) {
      return graph.Op("reduce_mean", {x_BND}, {{"dims", IntList{1}}, {"keep_dims", false}});
    }
    const Dims dims = graph.dims(x_BND);
    const ValueId first =
        graph.Op("slice", {x_BND}, {{"dim", 1}, {"start", 0}, {"size", 1}});
    return graph.ok() ? graph.Reshape(first, {dims[0], dims[2]}) : kNoValue;
  }

  ClassificationHeadConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewClassificationHeadModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(ClassificationHeadConfig fields, ReadClassificationHeadConfig(config));
  return std::make_unique<ClassificationHead>(std::move(fields));
}

}  // namespace tessera
