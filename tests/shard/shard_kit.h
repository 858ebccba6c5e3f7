// Shard kit: values cut into the parts of ranks and put together again, and a function run on all
// ranks of a mesh in lockstep, collectives included. Independent of the rules under test: what a
// layout means is written here a second time. Header only.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "cpp/ops/collective.h"
#include "cpp/shard/insert.h"
#include "tests/ops/interpreter.h"

namespace tessera {

inline int64_t RankCount(const Mesh& mesh) {
  int64_t count = 1;
  for (const MeshAxis& axis : mesh.axes) count *= axis.size;
  return count;
}

// The r-th of n parts along a dim.
inline Tensor SliceOf(const Tensor& whole, int dim, int64_t n, int64_t r) {
  std::vector<int64_t> dims = whole.dims;
  dims[dim] /= n;
  Tensor part = *Tensor::Zeros(whole.dtype, dims);
  int64_t inner = 1, outer = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (static_cast<int>(d) < dim) outer *= dims[d];
    if (static_cast<int>(d) > dim) inner *= dims[d];
  }
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t k = 0; k < dims[dim] * inner; ++k) {
      part.Put(o * dims[dim] * inner + k,
               whole.At((o * n + r) * dims[dim] * inner + k));
    }
  }
  return part;
}

inline Tensor Joined(const std::vector<Tensor>& parts, int dim) {
  std::vector<int64_t> dims = parts[0].dims;
  const auto n = static_cast<int64_t>(parts.size());
  const int64_t size = dims[dim];
  dims[dim] *= n;
  Tensor whole = *Tensor::Zeros(parts[0].dtype, dims);
  int64_t inner = 1, outer = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (static_cast<int>(d) < dim) outer *= dims[d];
    if (static_cast<int>(d) > dim) inner *= dims[d];
  }
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t k = 0; k < size * inner; ++k) {
        whole.Put((o * n + r) * size * inner + k, parts[r].At(o * size * inner + k));
      }
    }
  }
  return whole;
}

// Sums of u32 wrap around; conversions of numbers that it does not have may not.
inline void PutTerm(Tensor& tensor, int64_t i, double term) {
  constexpr double kRange = 4294967296.0;
  if (tensor.dtype == DType::kU32) term -= std::floor(term / kRange) * kRange;
  tensor.Put(i, term);
}

inline Tensor Reduced(const std::vector<Tensor>& parts, PartialKind kind) {
  Tensor whole = *Cloned(parts[0]);
  for (size_t r = 1; r < parts.size(); ++r) {
    for (int64_t i = 0; i < whole.count(); ++i) {
      const double a = whole.At(i), b = parts[r].At(i);
      PutTerm(whole, i, kind == PartialKind::kSum ? a + b : std::max(a, b));
    }
  }
  return whole;
}

// Parts of one axis. An offset counts `share` slices a rank.
inline std::vector<Tensor> SplitAxis(const Tensor& whole, const Placement& placement, int64_t n,
                                     int64_t share, std::mt19937_64& random) {
  std::vector<Tensor> parts;
  for (int64_t r = 0; r < n; ++r) {
    if (placement.is_sharded()) {
      parts.push_back(SliceOf(whole, placement.dim, n, r));
      continue;
    }
    parts.push_back(*Cloned(whole));
    if (placement.is_offset()) parts.back().Put(0, whole.At(0) + static_cast<double>(r * share));
  }
  if (!placement.is_partial()) return parts;
  for (int64_t i = 0; i < whole.count(); ++i) {
    double left = whole.At(i);
    for (int64_t r = 0; r + 1 < n; ++r) {
      const auto draw = static_cast<double>(static_cast<int64_t>(random() % 13) - 6);
      if (placement.partial == PartialKind::kMax) {
        // The last rank has the maximum in even places, the others in odd ones.
        parts[r].Put(i, i % 2 == 0 ? left - std::abs(draw) - 1 : left);
        continue;
      }
      PutTerm(parts[r], i, IsFloat(whole.dtype) ? draw / 4 : draw);
      left -= parts[r].At(i);
    }
    const bool is_max = placement.partial == PartialKind::kMax;
    PutTerm(parts[n - 1], i, is_max && i % 2 != 0 ? left - 1 : left);
  }
  return parts;
}

// One tensor a rank, the last axis fastest.
inline std::vector<Tensor> Split(const Tensor& whole, const Layout& layout, const Mesh& mesh,
                                 int64_t share, std::mt19937_64& random) {
  std::vector<Tensor> parts = {whole};
  for (size_t a = 0; a < layout.size(); ++a) {
    std::vector<Tensor> next;
    // The same terms everywhere, so that what is equal along an earlier axis stays so.
    const uint64_t seed = random();
    for (const Tensor& part : parts) {
      std::mt19937_64 terms(seed);
      for (Tensor& piece : SplitAxis(part, layout[a], mesh.axes[a].size, share, terms)) {
        next.push_back(std::move(piece));
      }
    }
    parts = std::move(next);
  }
  return parts;
}

inline Tensor CombineAxis(const std::vector<Tensor>& parts, const Placement& placement) {
  if (placement.is_sharded()) return Joined(parts, placement.dim);
  if (placement.is_partial()) return Reduced(parts, placement.partial);
  return parts[0];
}

inline bool SameBytes(const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.dims == b.dims &&
         (a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

// The whole value. `replicated` turns false when ranks that should have equal bytes have not.
inline Tensor Combine(std::vector<Tensor> parts, const Layout& layout, const Mesh& mesh,
                      bool* replicated) {
  for (size_t a = layout.size(); a-- > 0;) {
    const auto n = static_cast<size_t>(mesh.axes[a].size);
    std::vector<Tensor> next;
    for (size_t begin = 0; begin < parts.size(); begin += n) {
      const std::vector<Tensor> group(parts.begin() + static_cast<int64_t>(begin),
                                      parts.begin() + static_cast<int64_t>(begin + n));
      for (const Tensor& part : group) {
        if (layout[a].is_replicated() && !SameBytes(part, group[0])) *replicated = false;
      }
      next.push_back(CombineAxis(group, layout[a]));
    }
    parts = std::move(next);
  }
  return parts[0];
}

// What each rank has after a collective, from what each had before.
inline std::vector<Tensor> RunCollective(const Node& node, const std::vector<Tensor>& parts,
                                         const Mesh& mesh) {
  const int a = mesh.Find(node.attrs.Text("axis"));
  const auto n = static_cast<size_t>(mesh.axes[a].size);
  size_t stride = 1;
  for (size_t later = static_cast<size_t>(a) + 1; later < mesh.axes.size(); ++later) {
    stride *= static_cast<size_t>(mesh.axes[later].size);
  }
  const int dim = static_cast<int>(node.attrs.Int("dim"));
  std::vector<Tensor> results(parts.size());
  for (size_t rank = 0; rank < parts.size(); ++rank) {
    const size_t own = rank / stride % n, first = rank - own * stride;
    std::vector<Tensor> group;
    for (size_t r = 0; r < n; ++r) group.push_back(parts[first + r * stride]);
    if (node.op->name() == kAllGather) {
      results[rank] = Joined(group, dim);
      continue;
    }
    const bool is_max = node.attrs.Text("reduce") == "max";
    results[rank] = Reduced(group, is_max ? PartialKind::kMax : PartialKind::kSum);
    if (node.op->name() == kReduceScatter) {
      results[rank] = SliceOf(results[rank], dim, static_cast<int64_t>(n),
                              static_cast<int64_t>(own));
    }
  }
  return results;
}

// Runs the function on every rank. `inputs[i][r]`: input i of rank r; so are the results.
inline absl::StatusOr<std::vector<std::vector<Tensor>>> RunOnRanks(
    const Function& function, const Mesh& mesh, const std::vector<std::vector<Tensor>>& inputs,
    const InterpretOptions& options) {
  const auto ranks = static_cast<size_t>(RankCount(mesh));
  std::vector<std::vector<Tensor>> values(function.values().size());
  for (size_t i = 0; i < inputs.size(); ++i) values[function.inputs()[i].value] = inputs[i];
  for (const Node& node : function.nodes()) {
    if (IsCollective(*node.op)) {
      values[node.outputs[0]] = RunCollective(node, values[node.inputs[0]], mesh);
      continue;
    }
    std::vector<ValueType> types;
    for (ValueId id : node.outputs) {
      types.push_back(function.type(id));
      values[id].resize(ranks);
    }
    for (size_t r = 0; r < ranks; ++r) {
      std::vector<Tensor> operands;
      for (ValueId id : node.inputs) operands.push_back(values[id][r]);
      ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                       InterpretNode(node, std::move(operands), types, options));
      for (size_t o = 0; o < results.size(); ++o) values[node.outputs[o]][r] = results[o];
    }
  }
  std::vector<std::vector<Tensor>> outputs;
  for (const FunctionOutput& output : function.outputs()) outputs.push_back(values[output.value]);
  return outputs;
}

}  // namespace tessera
