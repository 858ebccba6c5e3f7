#include "cpp/passes/fuse_groups.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

namespace tessera {
namespace {

constexpr int64_t kMostColumns = 8192;       // a row of more is no small thing to keep
constexpr int64_t kMostRowBytes = 128 << 10;  // of all values that steps give

// Attributes of a node whose operands have `rank` dims as they are said of a tile [R, columns].
Attrs OnTile(const Attrs& attrs, size_t rank) {
  Attrs result = attrs;
  const auto last = static_cast<int64_t>(rank) - 1;
  const auto* dim = attrs.Find("dim");
  if (dim != nullptr && std::holds_alternative<int64_t>(*dim)) {
    result.Set("dim", attrs.Int("dim") == last ? int64_t{1} : int64_t{0});
  }
  if (attrs.Find("dims") != nullptr) {
    const bool is_last = attrs.Ints("dims") == std::vector<int64_t>{last};
    result.Set("dims", is_last ? IntList{1} : IntList{});
  }
  return result;
}

// The leading dims over which a node is best cut: all but a known last one, else all.
std::optional<Dims> LeadingOf(const Function& function, const Node& node) {
  if (node.is_call() || node.outputs.empty()) return std::nullopt;
  const Dims& dims = function.type(node.outputs[0]).dims;
  if (dims.size() >= 2) {
    Dims leading(dims.begin(), dims.end() - 1);
    if (UseOverRows(function, node, leading).has_value()) return leading;
  }
  if (UseOverRows(function, node, dims).has_value()) return dims;
  return std::nullopt;
}

}  // namespace

std::optional<RowValue> SeeAsRows(const ValueType& type, const Dims& leading) {
  const size_t rank = type.dims.size();
  if (type.dims == leading) return RowValue{type.dtype, 0, false};
  if (rank == leading.size() + 1 && type.dims.back().IsConst() &&
      std::equal(leading.begin(), leading.end(), type.dims.begin())) {
    const int64_t columns = type.dims.back().value();
    if (columns < 1 || columns > kMostColumns) return std::nullopt;
    return RowValue{type.dtype, columns, false};
  }
  if (rank == 0) return RowValue{type.dtype, 0, true};
  if (rank == 1 && type.dims[0].IsConst() && type.dims[0].value() >= 1 &&
      type.dims[0].value() <= kMostColumns) {
    return RowValue{type.dtype, type.dims[0].value(), true};
  }
  return std::nullopt;
}

std::optional<RowUse> UseOverRows(const Function& function, const Node& node, const Dims& leading) {
  if (node.is_call() || node.inputs.empty() || leading.empty()) return std::nullopt;
  RowUse use;
  use.attrs = OnTile(node.attrs, function.type(node.inputs[0]).dims.size());
  for (ValueId id : node.inputs) {
    const std::optional<RowValue> value = SeeAsRows(function.type(id), leading);
    if (!value.has_value()) return std::nullopt;
    use.inputs.push_back(*value);
  }
  const auto results = RowStep(*node.op, use.attrs, use.inputs);
  if (!results.ok() || results->size() != node.outputs.size()) return std::nullopt;
  use.results = *results;
  use.row_offset = node.op->RowOffset();
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    const std::optional<RowValue> seen = SeeAsRows(function.type(node.outputs[o]), leading);
    if (!seen.has_value() || seen->whole || seen->columns != use.results[o].columns ||
        seen->dtype != use.results[o].dtype) {
      return std::nullopt;
    }
  }
  return use;
}

FusionGroups::FusionGroups(const Function& function)
    : function_(function), nodes_(function.nodes()) {
  int heavy = 0;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    leading_.push_back(LeadingOf(function, node));
    heavy_before_.push_back(heavy);
    const bool is_light = leading_[n].has_value() || node.inputs.empty() ||
                          (!node.is_call() && node.op->is_view());
    heavy += is_light ? 0 : 1;
    groups_.push_back({static_cast<int>(n)});
    group_.push_back(static_cast<int>(n));
    if (leading_[n].has_value()) Join(static_cast<int>(n));
  }
}

bool FusionGroups::any() const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [](const std::vector<int>& group) { return group.size() > 1; });
}

// Joins node n and the groups of its operands, the nearest first, as far as they may.
void FusionGroups::Join(int n) {
  std::set<int, std::greater<>> makers;
  for (ValueId id : nodes_[n].inputs) {
    if (MakerOf(id) >= 0) makers.insert(MakerOf(id));
  }
  std::vector<int> joined = {n};
  Dims leading = *leading_[n];
  for (int maker : makers) {
    const int other = group_[maker];
    if (!leading_[maker].has_value() ||
        std::find(joined.begin(), joined.end(), maker) != joined.end()) {
      continue;
    }
    std::vector<int> together;
    std::merge(joined.begin(), joined.end(), groups_[other].begin(), groups_[other].end(),
               std::back_inserter(together));
    for (const Dims& rows : {leading, *leading_[maker]}) {
      if (!MayBeOne(together, rows)) continue;
      joined = std::move(together);
      leading = rows;
      break;
    }
  }
  if (joined.size() == 1) return;
  for (int member : joined) {
    if (group_[member] != n) groups_[group_[member]].clear();
    group_[member] = n;
    leading_[member] = leading;
  }
  groups_[n] = std::move(joined);
}

bool FusionGroups::MayBeOne(const std::vector<int>& members, const Dims& leading) const {
  if (members.size() > FusedProgram::kMostSteps) return false;
  const int first = members.front(), last = members.back();
  if (heavy_before_[last] != heavy_before_[first]) return false;
  int64_t row_bytes = 0;
  std::set<ValueId> operands, offsets;
  for (int member : members) {
    if (nodes_[member].color != nodes_[last].color) return false;
    const std::optional<RowUse> use = UseOverRows(function_, nodes_[member], leading);
    if (!use.has_value()) return false;
    for (const FusedProgram::Result& result : use->results) {
      row_bytes += std::max<int64_t>(1, result.columns) *
                   static_cast<int64_t>(SizeOf(result.dtype));
    }
    for (ValueId id : nodes_[member].inputs) operands.insert(id);
    if (use->row_offset >= 0) offsets.insert(nodes_[member].inputs[use->row_offset]);
  }
  if (offsets.size() > 1) return false;   // a node says one thing of what lies before its rows
  return row_bytes <= kMostRowBytes &&
         operands.size() <= FusedProgram::kMostOperands / 2 && !IsEntered(members);
}

// Does a path lead out of the members and back into them? Groups made so far count as one node.
bool FusionGroups::IsEntered(const std::vector<int>& members) const {
  const auto is_member = [&members](int node) {
    return std::binary_search(members.begin(), members.end(), node);
  };
  std::vector<int> open;
  std::set<int> seen;
  const auto visit = [&](int node, bool from_member) {
    for (ValueId id : nodes_[node].inputs) {
      const int maker = MakerOf(id);
      if (maker < 0 || (from_member && is_member(maker))) continue;
      if (seen.insert(maker).second) open.push_back(maker);
    }
  };
  for (int member : members) visit(member, true);
  while (!open.empty()) {
    const int node = open.back();
    open.pop_back();
    if (is_member(node)) return true;
    if (node < members.front() && groups_[group_[node]].back() < members.front()) continue;
    visit(node, false);
    for (int other : groups_[group_[node]]) {
      if (seen.insert(other).second) open.push_back(other);
    }
  }
  return false;
}

}  // namespace tessera
