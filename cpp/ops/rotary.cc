// Rotary position embedding: turns pairs of x by angles that grow with the position.
//
//   angle = position * theta^(-2i / rotary_dim) for pair i of rotary_dim / 2
//   y_a = x_a cos - x_b sin,  y_b = x_b cos + x_a sin   (inverse: by -angle)
// Pair i is (i, i + rotary_dim / 2), or (2i, 2i + 1) when interleaved; what is beyond rotary_dim
// passes through. A rotation's gradient is the rotation back.
// Source: Su et al., "RoFormer: Enhanced transformer with rotary position embedding", 2021.
#include "absl/strings/str_cat.h"
#include "cpp/ops/internal/elementwise.h"

namespace tessera {
namespace {

absl::Status CheckRotary(const OpUse& use) {
  const int64_t rotary_dim = use.attrs.Int("rotary_dim");
  const Dim& depth = use.inputs[0].dims[3];
  const int64_t used = rotary_dim == 0 && depth.IsConst() ? depth.value() : rotary_dim;
  if (used < 0 || used % 2 != 0 || (depth.IsConst() && used > depth.value())) {
    return absl::InvalidArgumentError(absl::StrCat("rotary_dim must be even and at most ",
                                                   depth.ToText(), ", got ", used));
  }
  const double theta = use.attrs.Float("theta");
  if (theta > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("theta must be positive, got ", theta));
}

absl::Status RotaryGradient(GradientContext& context) {
  Attrs attrs = context.attrs();
  attrs.Set("inverse", !attrs.Bool("inverse"));
  return SetOnly(context, context.graph().Op("rotary", {context.cotangent(), context.input(1)},
                                             std::move(attrs)));
}

}  // namespace

OpDef RotaryOp() {
  return OpDef("rotary")
      .Doc("y = x with pairs of its last dim turned by position * theta^(-2i / rotary_dim)")
      .Signature("x[B, T, H, D!], positions[B, T] -> y[B, T, H, D]")
      .InputDTypes("x: float, positions: i32")
      .Attr("theta", 10000.0, "base of the frequencies")
      .Attr("rotary_dim", int64_t{0}, "how much of the last dim is turned; 0: all of it")
      .Attr("inverse", false, "turn the other way")
      .Attr("interleaved", false, "pairs are neighbours, not halves")
      .Check(CheckRotary)
      .Linear({0})
      .Gradient(RotaryGradient)
      .Flops([](absl::Span<const std::vector<int64_t>>,
                absl::Span<const std::vector<int64_t>> outputs, const Attrs&) {
        double flops = 3;
        for (int64_t dim : outputs[0]) flops *= static_cast<double>(dim);
        return flops;
      });
}

}  // namespace tessera
