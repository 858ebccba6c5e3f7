// TokenTypeEmbedding: inner(tokens) + token_type_weight[token_types] (BERT, arXiv 1810.04805).
//
// Types are the ambient value "token_types" i32[B,T]; where nothing provides it, all are 0.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/token_type_embedding.h"

namespace tessera {
namespace {

class TokenTypeEmbedding : public Module {
 public:
  explicit TokenTypeEmbedding(TokenTypeEmbeddingConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const ValueId x = scope.Call1("inner", {inputs[0]});
    const ValueId weight_YD =
        scope.Param("token_type_weight", {config_.num_types, config_.model_dim},
                    Initializer::Normal(config_.init_std), {"", "embed"});
    const ValueId types = scope.HasAmbient("token_types") ? scope.Ambient("token_types")
                                                          : graph.Sub(inputs[0], inputs[0]);
    return Values{graph.Add(x, graph.Op("embedding", {types, weight_YD}))};
  }

 private:
  TokenTypeEmbeddingConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewTokenTypeEmbeddingModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(TokenTypeEmbeddingConfig fields, ReadTokenTypeEmbeddingConfig(config));
  return std::make_unique<TokenTypeEmbedding>(std::move(fields));
}

}  // namespace tessera
