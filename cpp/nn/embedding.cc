// Embedding: y[b,t] = scale * weight[tokens[b,t]], times sqrt(model_dim) with sqrt_scale.
//
// Legend: B batch, T sequence, V vocabulary, D model_dim. The table starts as normal(0, init_std).

#include <cmath>

#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/embedding.h"

namespace tessera {
namespace {

class Embedding : public Module {
 public:
  explicit Embedding(EmbeddingConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    const ValueId weight_VD =
        scope.Param("weight", {config_.vocab_size, config_.model_dim},
                    Initializer::Normal(config_.init_std), {"vocab", "embed"});
    const double root =
        config_.sqrt_scale ? std::sqrt(static_cast<double>(config_.model_dim)) : 1;
    Graph& graph = scope.graph();
    const ValueId rows = graph.Op("embedding", {inputs[0], weight_VD});
    return Values{Scaled(graph, rows, config_.scale * root)};
  }

 private:
  EmbeddingConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewEmbeddingModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(EmbeddingConfig fields, ReadEmbeddingConfig(config));
  return std::make_unique<Embedding>(std::move(fields));
}

}  // namespace tessera
