// PatchEmbedding: images[B,C,H,W] -> [B,N,D], N = (H/p)(W/p) patches by rows, one more with the
// class token, which stands first (ViT, arXiv 2010.11929).
//
// A patch is flattened by channel, row and column, so that the projection is the convolution of
// stride p whose weight [D,C,p,p] is the transpose of this one's.

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/patch_embedding.h"

namespace tessera {
namespace {

class PatchEmbedding : public Module {
 public:
  explicit PatchEmbedding(PatchEmbeddingConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {4}));
    Graph& graph = scope.graph();
    const int64_t channels = config_.num_channels, side = config_.patch_size;
    const int64_t rows = config_.image_size / side;
    const Dim batch = graph.dims(inputs[0])[0];
    const ValueId cut = graph.Reshape(inputs[0], {batch, channels, rows, side, rows, side});
    const ValueId patches = graph.Reshape(graph.Transpose(cut, {0, 2, 4, 1, 3, 5}),
                                          {batch, rows * rows, channels * side * side});
    ValueId x_BND = scope.Call1("projection", {patches});
    const Initializer init = Initializer::Normal(config_.init_std);
    if (config_.class_token) {
      const ValueId token_D =
          scope.Param("class_token", {config_.model_dim}, init, {"embed"}, /*decay=*/false);
      const Dims first = {batch, 1, config_.model_dim};
      x_BND = graph.Op("concat",
                       {graph.Op("broadcast_to", {token_D}, {{"shape", ToText(first)}}), x_BND},
                       {{"dim", 1}});
    }
    if (config_.positions) {
      const int64_t places = rows * rows + (config_.class_token ? 1 : 0);
      x_BND = graph.Add(x_BND, scope.Param("position", {places, config_.model_dim}, init,
                                           {"position", "embed"}));
    }
    return Values{x_BND};
  }

 private:
  PatchEmbeddingConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewPatchEmbeddingModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(PatchEmbeddingConfig fields, ReadPatchEmbeddingConfig(config));
  return std::make_unique<PatchEmbedding>(std::move(fields));
}

}  // namespace tessera
