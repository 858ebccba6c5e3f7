// Placement: how one value lies on the ranks of one mesh axis. Layout: one placement per axis.
//
//   R        every rank has the same whole value
//   S(d)     rank r has the r-th of equal parts along dim d
//   P(sum)   every rank has a term; the value is the sum of all (P(max): the maximum)
//   offset   a scalar that says where the rank's share begins: the value differs by rank on
//            purpose and stands for no common value (the index of the first row of the batch)
// Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/type.h"
#include "cpp/shard/mesh.h"

namespace tessera {

enum class PlacementKind : uint8_t { kReplicated, kSharded, kPartial, kOffset };
enum class PartialKind : uint8_t { kSum, kMax };

struct Placement {
  PlacementKind kind = PlacementKind::kReplicated;
  int dim = 0;                            // kSharded
  PartialKind partial = PartialKind::kSum;  // kPartial

  static Placement Replicated() { return {}; }
  static Placement Sharded(int dim) { return {PlacementKind::kSharded, dim, PartialKind::kSum}; }
  static Placement Partial(PartialKind partial = PartialKind::kSum) {
    return {PlacementKind::kPartial, 0, partial};
  }
  static Placement Offset() { return {PlacementKind::kOffset, 0, PartialKind::kSum}; }

  bool is_replicated() const { return kind == PlacementKind::kReplicated; }
  bool is_sharded() const { return kind == PlacementKind::kSharded; }
  bool is_partial() const { return kind == PlacementKind::kPartial; }
  bool is_offset() const { return kind == PlacementKind::kOffset; }

  // "R", "S(1)", "P(sum)", "P(max)", "offset"
  std::string ToText() const;
  auto operator<=>(const Placement&) const = default;
};

// One placement per axis of the mesh.
using Layout = std::vector<Placement>;

// "[S(0), R]"
std::string ToText(const Layout& layout);

// The type of a rank's part of a value of type `whole`. A dim that mentions a symbol of the axis is
// the rank's part already. INVALID_ARGUMENT: no such dim, or one that the axis does not divide.
absl::StatusOr<ValueType> PartType(const ValueType& whole, const Layout& layout, const Mesh& mesh);

// The layout of a value that is given from outside under a symbolic batch: sharded along the dim
// that mentions a symbol of the axis, otherwise replicated. INVALID_ARGUMENT when two dims do.
absl::StatusOr<Placement> GivenPlacement(const ValueType& type, const MeshAxis& axis);

}  // namespace tessera
