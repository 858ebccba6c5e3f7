#include "cpp/shard/placement.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"

namespace tessera {

std::string Placement::ToText() const {
  switch (kind) {
    case PlacementKind::kReplicated:
      return "R";
    case PlacementKind::kSharded:
      return absl::StrCat("S(", dim, ")");
    case PlacementKind::kPartial:
      return partial == PartialKind::kSum ? "P(sum)" : "P(max)";
    case PlacementKind::kOffset:
      return "offset";
  }
  return "";
}

std::string ToText(const Layout& layout) {
  const auto print = [](std::string* out, const Placement& placement) {
    absl::StrAppend(out, placement.ToText());
  };
  return absl::StrCat("[", absl::StrJoin(layout, ", ", print), "]");
}

absl::StatusOr<ValueType> PartType(const ValueType& whole, const Layout& layout,
                                   const Mesh& mesh) {
  RET_CHECK_EQ(layout.size(), mesh.axes.size());
  ValueType part = whole;
  for (size_t i = 0; i < layout.size(); ++i) {
    if (!layout[i].is_sharded()) continue;
    const MeshAxis& axis = mesh.axes[i];
    const size_t dim = static_cast<size_t>(layout[i].dim);
    if (layout[i].dim < 0 || dim >= part.dims.size()) {
      return absl::InvalidArgumentError(absl::StrCat("layout ", ToText(layout),
                                                     ": expected a dim of ", whole.ToText(),
                                                     ", got ", layout[i].dim));
    }
    Dim& size = part.dims[dim];
    if (axis.IsShare(size)) continue;
    if (!size.IsConst() || size.value() % axis.size != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("layout ", ToText(layout), ": expected a dim ", dim, " of ", whole.ToText(),
                       " that the ", axis.size, " ranks of axis '", axis.name,
                       "' divide, got ", size.ToText()));
    }
    size = Dim(size.value() / axis.size);
  }
  return part;
}

absl::StatusOr<Placement> GivenPlacement(const ValueType& type, const MeshAxis& axis) {
  Placement placement;
  for (size_t d = 0; d < type.dims.size(); ++d) {
    if (!axis.IsShare(type.dims[d])) continue;
    if (placement.is_sharded()) {
      return absl::InvalidArgumentError(
          absl::StrCat("axis '", axis.name, "': expected one dim that is a rank's share, got ",
                       type.ToText()));
    }
    placement = Placement::Sharded(static_cast<int>(d));
  }
  return placement;
}

}  // namespace tessera
