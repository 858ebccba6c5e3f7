#include "cpp/ops/internal/elementwise.h"

#include "absl/strings/str_cat.h"

namespace tessera {

OpDef ElementwiseUnary(std::string name, const char* dtypes) {
  return OpDef(std::move(name))
      .Elementwise(1)
      .InputDTypes(absl::StrCat("x: ", dtypes))
      .InPlace({{0, 0}});
}

OpDef ElementwiseBinary(std::string name) {
  return OpDef(std::move(name))
      .Elementwise(2)
      .InputDTypes("x: number, y: =x")
      .InPlace({{0, 0}, {0, 1}});
}

OpDef ElementwiseCompare(std::string name, const char* dtypes) {
  return OpDef(std::move(name))
      .Elementwise(2)
      .InputDTypes(absl::StrCat("x: ", dtypes, ", y: =x"))
      .OutputDType(DType::kBool)
      .NoGradient();
}

OpDef ElementwiseGradient(std::string name) {
  return OpDef(std::move(name))
      .Signature("x[...], dy[...] -> dx[...]")
      .InputDTypes("x: float, dy: =x")
      .Linear({1})
      .InPlace({{0, 0}, {0, 1}})
      .Grouped("unchanged");
}

absl::Status SetOnly(GradientContext& context, ValueId gradient) {
  context.SetGradient(0, gradient);
  return absl::OkStatus();
}

void SetBroadcast(GradientContext& context, size_t i, ValueId gradient) {
  Graph& graph = context.graph();
  if (!context.needs(i) || !graph.ok()) return;
  const Dims to = context.input_type(i).dims;
  const Dims from = graph.dims(gradient);
  if (from != to) {
    const size_t extra = from.size() - to.size();
    std::vector<int64_t> summed;
    for (size_t d = 0; d < from.size(); ++d) {
      if (d < extra || (to[d - extra] == Dim(1) && from[d] != Dim(1))) {
        summed.push_back(static_cast<int64_t>(d));
      }
    }
    gradient = graph.Op("reduce_sum", {gradient},
                        {{"dims", std::move(summed)},
                         {"dtype", std::string(Name(context.gradient_dtype(i)))}});
    gradient = graph.Reshape(gradient, to);
  }
  context.SetGradient(i, gradient);
}

ValueId Scalar(Graph& graph, double value, ValueId like) {
  return graph.Constant(value, graph.dtype(like));
}

}  // namespace tessera
