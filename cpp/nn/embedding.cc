// Embedding: y[b,t] = weight[tokens[b,t]] (times sqrt(model_dim) when scaled).
//
// Legend: B batch, T sequence, V vocabulary, D model_dim. The table starts as normal(0, init_std).

#include "cpp/base/status_macros.h"
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
    return Values{scope.graph().Op("embedding", {inputs[0], weight_VD})};
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
