// Cross-entropy of targets under softmax(logits), one loss for each row.
//
//   lse = ln(sum of e^logits),  nll = lse - logits[target]
//   loss = (1 - s) * nll + s * (lse - mean(logits)) + z * lse^2      s: label_smoothing, z: z_loss
// A target equal to ignore_index has loss 0; any other target that is no class has loss NaN, so
// that the mistake is seen. Losses are fp32 (fp64 for f64).
// Sources: Szegedy et al., 2016 (label smoothing); Chowdhery et al., "PaLM", 2022 (z-loss).
#include "cpp/ops/internal/cross_entropy.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

// d lse / d logits = softmax(logits), for those who use lse in a loss of their own.
ValueId LseGradient(GradientContext& context) {
  Graph& graph = context.graph();
  const DType wide = context.output_type(1).dtype;
  Dims row = context.output_type(1).dims;
  row.push_back(1);
  const ValueId logits = graph.Cast(context.input(0), wide);
  const ValueId lse = graph.Reshape(context.output(1), row);
  const ValueId dlse = graph.Reshape(context.cotangent(1), row);
  const ValueId softmax = graph.Op("exp", {graph.Sub(logits, lse)});
  return graph.Cast(graph.Mul(softmax, dlse), context.input_type(0).dtype);
}

absl::Status CrossEntropyGradient(GradientContext& context) {
  Graph& graph = context.graph();
  ValueId gradient = kNoValue;
  if (context.has_cotangent(0)) {
    gradient = graph.Op(
        "cross_entropy_grad",
        {context.input(0), context.input(1), context.output(1), context.cotangent(0)},
        context.attrs());
  }
  if (context.has_cotangent(1)) {
    const ValueId through_lse = LseGradient(context);
    gradient = gradient == kNoValue ? through_lse : graph.Add(gradient, through_lse);
  }
  return SetOnly(context, gradient);
}

}  // namespace

OpDef CrossEntropyOp() {
  return WithCrossEntropyAttrs(OpDef("cross_entropy"))
      .Doc("loss = -ln softmax(logits)[target], with label smoothing and z-loss; lse of the logits")
      .Signature("logits[..., V!], targets[...] -> loss[...], lse[...]")
      .InputDTypes("logits: float, targets: i32|i64")
      .OutputDTypes([](const OpUse& use) -> absl::StatusOr<std::vector<DType>> {
        return std::vector<DType>(2, WideDType(use.inputs[0].dtype));
      })
      .Check(CheckCrossEntropy)
      .Gradient(CrossEntropyGradient)
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>>, const Attrs&) {
        double flops = 4;
        for (int64_t dim : inputs[0]) flops *= static_cast<double>(dim);
        return flops;
      });
}

}  // namespace tessera
