// Rotary position embedding: turns pairs of x by angles that grow with the position.
//
//   angle = position * theta^(-2i / rotary_dim) for pair i of rotary_dim / 2
//   y_a = x_a cos - x_b sin,  y_b = x_b cos + x_a sin   (inverse: by -angle)
// Pair i is (i, i + rotary_dim / 2), or (2i, 2i + 1) when interleaved; what is beyond rotary_dim
// passes through. Given frequencies stand for theta's powers; an amplitude multiplies what is
// turned (both in fp64, whatever x is: a far position times a rounded frequency is another angle).
// A rotation's gradient is the rotation back, with the same amplitude.
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
  if (use.inputs.size() > 2) {
    const Dim& frequencies = use.inputs[2].dims[0];
    if (depth.IsConst() && frequencies != Dim(used / 2)) {
      return absl::InvalidArgumentError(absl::StrCat("operand 'frequencies': expected ", used / 2,
                                                     " of them, half of rotary_dim, got ",
                                                     use.inputs[2].ToText()));
    }
  }
  const double theta = use.attrs.Float("theta");
  if (theta > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("theta must be positive, got ", theta));
}

absl::Status RotaryGradient(GradientContext& context) {
  std::vector<ValueId> operands = {context.cotangent()};
  for (size_t i = 1; i < context.input_count(); ++i) {
    if (context.needs(i)) {
      return absl::UnimplementedError(
          "rotary: frequencies and amplitude are constants, they get no gradient");
    }
    operands.push_back(context.input(i));
  }
  Attrs attrs = context.attrs();
  attrs.Set("inverse", !attrs.Bool("inverse"));
  return SetOnly(context,
                 context.graph().Op("rotary", std::move(operands), std::move(attrs)));
}

}  // namespace

OpDef RotaryOp() {
  return OpDef("rotary")
      .Doc("y = x with pairs of its last dim turned by position * theta^(-2i / rotary_dim)")
      .Signature(
          "x[B, T, H, D!], positions[B, T], frequencies?[F!], amplitude?[] -> y[B, T, H, D]")
      .InputDTypes("x: float, positions: i32, frequencies: f64, amplitude: f64")
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
