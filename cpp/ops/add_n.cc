// y = x0 + x1 + ... of equal dims, summed in order in fp32 (fp64 for f64) and rounded once.
//
// This is how gradients of several uses of a value are added: one rounding, and an order that
// follows from the text of the program.
#include "cpp/ops/internal/elementwise.h"

namespace tessera {

OpDef AddNOp() {
  return OpDef("add_n")
      .Doc("y = x0 + x1 + ..., summed in order and rounded once")
      .Signature("x*[...] -> y[...]")
      .InputDTypes("x: number, x: =x")
      .Attr("dtype", "", "of the result; empty: that of the operands")
      .OutputDTypeAttr("dtype")
      .LinearTogether({0})
      .InPlace({{0, 0}, {0, 1}, {0, 2}})
      .Gradient([](GradientContext& context) {
        for (size_t i = 0; i < context.input_count(); ++i) {
          if (context.needs(i)) context.SetGradient(i, context.cotangent());
        }
        return absl::OkStatus();
      })
      .Flops([](absl::Span<const std::vector<int64_t>> inputs,
                absl::Span<const std::vector<int64_t>> outputs, const Attrs&) {
        double flops = static_cast<double>(inputs.size()) - 1;
        for (int64_t dim : outputs[0]) flops *= static_cast<double>(dim);
        return flops;
      })
      .Grouped("unchanged");
}

}  // namespace tessera
