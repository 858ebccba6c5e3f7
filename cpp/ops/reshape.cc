// y = the elements of x in row-major order, with other dims. A view: it costs nothing.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/internal/elementwise.h"
#include "cpp/ops/internal/shape.h"

namespace tessera {
namespace {

// Leading dims that stay are `...`; the others must be whole.
absl::StatusOr<std::string> ReshapeSignature(const OpUse& use) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  const Dims& from = use.inputs[0].dims;
  ASSIGN_OR_RETURN(const Dims to, ParseDims(use.attrs.Text("shape")));
  if (Product(from) != Product(to)) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a shape of ", Product(from).ToText(), " elements, as ",
                     use.inputs[0].ToText(), ", got ", ToText(to), " of ", Product(to).ToText()));
  }
  const size_t same = std::mismatch(from.begin(), from.end(), to.begin(), to.end()).first -
                      from.begin();
  std::vector<std::string> in = {"..."}, out = {"..."};
  for (size_t i = same; i < from.size(); ++i) in.push_back(absl::StrCat("a", i, "!"));
  for (size_t i = same; i < to.size(); ++i) out.push_back(FreshTerm(to[i]));
  return absl::StrCat("x", Terms(in), " -> y", Terms(out));
}

}  // namespace

OpDef ReshapeOp() {
  return OpDef("reshape")
      .Doc("y = the elements of x with other dims; a view")
      .SignatureBy(ReshapeSignature)
      .RequiredAttr(AttrSpec::kText, "shape", "dims of the result, such as \"B*T,512\"")
      .View()
      .Linear({0})
      .Gradient([](GradientContext& context) {
        const Dims dims = context.input_type(0).dims;
        return SetOnly(context, context.graph().Reshape(context.cotangent(), dims));
      });
}

}  // namespace tessera
