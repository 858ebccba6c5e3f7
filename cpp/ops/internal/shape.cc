#include "cpp/ops/internal/shape.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"

namespace tessera {

absl::Status ExpectInputs(const OpUse& use, size_t count) {
  if (use.inputs.size() == count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected ", count,
                                                 count == 1 ? " operand" : " operands", ", got ",
                                                 use.inputs.size()));
}

absl::StatusOr<size_t> DimAttr(const OpUse& use, std::string_view name) {
  const int64_t dim = use.attrs.Int(name);
  const int64_t rank = use.inputs.empty() ? 0 : static_cast<int64_t>(use.inputs[0].dims.size());
  if (dim < 0 || dim >= rank) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " expected a dim of ",
                     use.inputs.empty() ? "an operand" : use.inputs[0].ToText(), ", got ", dim));
  }
  return static_cast<size_t>(dim);
}

std::string FreshTerm(const Dim& dim) {
  const std::string text = dim.ToText();
  const bool is_word = text.find_first_of("+-*(") == std::string::npos;
  // A lone symbol could be taken for an attribute of the same name.
  return absl::StrCat("{", text, is_word && !dim.IsConst() ? "+0" : "", "}");
}

std::string Terms(const std::vector<std::string>& terms) {
  return absl::StrCat("[", absl::StrJoin(terms, ", "), "]");
}

std::string AlongDim(size_t rank, size_t dim, std::string_view term) {
  std::vector<std::string> terms = {"...", std::string(term)};
  for (size_t i = dim + 1; i < rank; ++i) terms.push_back(absl::StrCat("a", i));
  return Terms(terms);
}

namespace {

absl::StatusOr<std::string> ReduceSignature(const OpUse& use, std::string_view mark) {
  RETURN_IF_ERROR(ExpectInputs(use, 1));
  const size_t rank = use.inputs[0].dims.size();
  std::vector<bool> reduced(rank, false);
  for (int64_t dim : use.attrs.Ints("dims")) {
    if (dim < 0 || static_cast<size_t>(dim) >= rank || reduced[dim]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dims expected different dims of ", use.inputs[0].ToText(), ", got ",
          ToText(AttrValue(use.attrs.Ints("dims")))));
    }
    reduced[dim] = true;
  }
  const size_t first = std::find(reduced.begin(), reduced.end(), true) - reduced.begin();
  std::vector<std::string> in = {"..."}, out = {"..."};
  for (size_t i = first; i < rank; ++i) {
    in.push_back(absl::StrCat("a", i, reduced[i] ? mark : ""));
    if (!reduced[i]) {
      out.push_back(absl::StrCat("a", i));
    } else if (use.attrs.Bool("keep_dims")) {
      out.push_back("1");
    }
  }
  return absl::StrCat("x", Terms(in), " -> y", Terms(out));
}

}  // namespace

absl::StatusOr<std::string> SumSignature(const OpUse& use) { return ReduceSignature(use, ""); }

absl::StatusOr<std::string> WholeReduceSignature(const OpUse& use) {
  return ReduceSignature(use, "!");
}

}  // namespace tessera
