// EncoderDecoder: logits[B,T,V] of a sequence, given a source sequence (Vaswani et al. 2017, arXiv
// 1706.03762; T5, arXiv 1910.10683).
//
//   memory = encoder(embedding(source)),  logits = head(decoder(embedding(tokens), memory))
// Inputs: source i32[B,U], tokens i32[B,T] (the targets shifted right: the model does not shift)
// and, in training and evaluation, targets i32[B,T]. A token reads the source tokens of its own
// segment: "source_segments" i32[B,U] say which those are, and the encoder's positions are
// "source_positions". There is no decode mode.

#include "cpp/base/status_macros.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "cpp/nn/tracer.h"

namespace tessera {
namespace {

class EncoderDecoder : public Module {
 public:
  ModelInputs Inputs(Mode mode, DType) const override {
    ModelInputs inputs = {LanguageModelArguments(mode), LanguageModelAmbients(mode)};
    const ValueType source{DType::kI32, {Dim::Symbol("B"), Dim::Symbol("U")}};
    inputs.arguments.insert(inputs.arguments.begin(), {"source", source});
    inputs.ambients.push_back({"source_positions", source});
    inputs.ambients.push_back({"source_segments", source});
    return inputs;
  }

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    if (inputs.size() > 2) {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {2, 2, 2}));
    } else {
      RETURN_IF_ERROR(scope.CheckInputs(inputs, {2, 2}));
    }
    if (scope.mode() == Mode::kDecode) {
      return absl::UnimplementedError(
          "EncoderDecoder: it has no decode mode; evaluate on the source and the whole prefix");
    }
    const ValueId memory = Encode(scope, inputs[0]);
    Values states = {scope.Call1("embedding", {inputs[1]}), memory};
    states.push_back(scope.Ambient("source_segments"));
    const Values decoded = scope.Call("decoder", states);
    if (!scope.graph().ok()) return Values{};
    if (scope.ChildHasHook("head", "shared_weight")) {
      scope.Share("head/weight", "embedding/weight");
    }
    const ValueId logits = scope.Call1("head", decoded);
    if (inputs.size() > 2) scope.Call("loss", {logits, inputs[2]});
    return Values{logits};
  }

 private:
  // The encoder finds the source, its positions and segments under the usual names.
  static ValueId Encode(Scope& scope, ValueId source) {
    const ValueId x = scope.Call1("embedding", {source});
    scope.AmbientBelow("positions", "source_positions");
    scope.AmbientBelow("segments", "source_segments");
    scope.AmbientBelow("tokens", "source");
    const ValueId memory = scope.Call1("encoder", {x});
    for (const char* name : {"positions", "segments", "tokens"}) scope.AmbientBelow(name, name);
    return memory;
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewEncoderDecoderModule(const ConfigNode&) {
  return std::make_unique<EncoderDecoder>();
}

}  // namespace tessera
