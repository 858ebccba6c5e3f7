// Mesh: how ranks are arranged: named axes, each with a size.
//
// A dim whose expression mentions one of an axis's `symbols` (the batch "B" on the data axis) means
// a rank's own share: one program text serves any number of ranks, since the symbol is specialised
// to what one rank has. Sizes of other dims that are sharded must be multiples of the axis. A mesh
// does not know which ranks or links stand behind it. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cpp/ir/dim.h"

namespace tessera {

struct MeshAxis {
  std::string name;                  // "data"
  int64_t size = 1;
  std::vector<std::string> symbols;  // {"B"}

  // Is the dim a rank's own share on this axis?
  bool IsShare(const Dim& dim) const;
};

struct Mesh {
  // Where several axes shard one dim, the earlier axis is the major one.
  std::vector<MeshAxis> axes;

  // Index of the axis, or -1.
  int Find(std::string_view name) const;
  // INVALID_ARGUMENT: an axis without a name or of size 0, two of one name, a symbol on two axes.
  absl::Status Validate() const;
};

}  // namespace tessera
