// VisionModel: logits[B,C] of images[B,channels,size,size], held in the model's dtype, and a loss
// against labels i32[B] (ViT, arXiv 2010.11929). The positions of the encoder, for modules that
// ask, count what the patch embedding returns: the class token is 0, patches follow by rows.

#include "cpp/base/status_macros.h"
#include "cpp/nn/classification.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/vision_model.h"

namespace tessera {
namespace {

class VisionModel : public Module {
 public:
  explicit VisionModel(VisionModelConfig config) : config_(std::move(config)) {}

  ModelInputs Inputs(Mode mode, DType dtype) const override {
    const Dim batch = Dim::Symbol("B");
    const Dims images = {batch, config_.num_channels, config_.image_size, config_.image_size};
    ModelInputs inputs = {{{"images", {dtype, images}}}, {}};
    if (mode == Mode::kDecode) return inputs;
    inputs.arguments.push_back({"labels", {DType::kI32, {batch}}});
    inputs.ambients.push_back({"batch_offset", {DType::kI64, {}}});
    return inputs;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckClassifierInputs(scope, inputs, 4));
    const ValueId x = scope.Call1("patches", {inputs[0]});
    if (!scope.graph().ok()) return Values{};
    scope.AmbientBelow("positions", Places(scope.graph(), x));
    return Classified(scope, scope.Call1("encoder", {x}), inputs);
  }

 private:
  // i32[B,N]: where the encoder's vectors stand in their row.
  static ValueId Places(Graph& graph, ValueId x_BND) {
    const Dims& dims = graph.dims(x_BND);
    const Dims row = {dims[1]}, all = {dims[0], dims[1]};
    const ValueId places_N = graph.Op("arange", {}, {{"shape", ToText(row)}, {"dtype", "i32"}});
    return graph.Op("broadcast_to", {places_N}, {{"shape", ToText(all)}});
  }

  VisionModelConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewVisionModelModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(VisionModelConfig fields, ReadVisionModelConfig(config));
  return std::make_unique<VisionModel>(std::move(fields));
}

}  // namespace tessera
