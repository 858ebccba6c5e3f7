// The oracle's ops about dims and indices, and reductions.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "tests/ops/oracle.h"

namespace tessera {
namespace {

using Index = std::vector<int64_t>;

Index Unravel(int64_t at, const std::vector<int64_t>& dims) {
  Index index(dims.size());
  for (size_t d = dims.size(); d-- > 0;) {
    index[d] = at % dims[d];
    at /= dims[d];
  }
  return index;
}

int64_t Ravel(const Index& index, const std::vector<int64_t>& dims) {
  int64_t at = 0;
  for (size_t d = 0; d < dims.size(); ++d) at = at * dims[d] + index[d];
  return at;
}

// Calls fn(index of the element in `tensor`, its position) for each element.
template <typename Fn>
void ForEach(const Tensor& tensor, Fn fn) {
  for (int64_t i = 0; i < tensor.count(); ++i) fn(Unravel(i, tensor.dims), i);
}

void Fill(const OracleUse& use) {
  ForEach(use.out[0], [&](const Index&, int64_t i) {
    use.out[0].Put(i, use.attrs.Float("value"));
  });
}

void Arange(const OracleUse& use) {
  ForEach(use.out[0], [&](const Index&, int64_t i) {
    use.out[0].Put(i, use.attrs.Float("start") + static_cast<double>(i) * use.attrs.Float("step"));
  });
}

void Transpose(const OracleUse& use) {
  const std::vector<int64_t> perm = use.attrs.Ints("perm");
  ForEach(use.out[0], [&](const Index& to, int64_t i) {
    Index from(to.size());
    for (size_t d = 0; d < to.size(); ++d) from[perm[d]] = to[d];
    use.out[0].Put(i, use.X(0, Ravel(from, use.in[0].dims)));
  });
}

void BroadcastTo(const OracleUse& use) {
  const std::vector<int64_t>& dims = use.in[0].dims;
  ForEach(use.out[0], [&](const Index& to, int64_t i) {
    Index from(to.end() - static_cast<int64_t>(dims.size()), to.end());
    for (size_t d = 0; d < dims.size(); ++d) from[d] = dims[d] == 1 ? 0 : from[d];
    use.out[0].Put(i, use.X(0, Ravel(from, dims)));
  });
}

void Slice(const OracleUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  ForEach(use.out[0], [&](Index at, int64_t i) {
    at[dim] = use.attrs.Int("start") + at[dim] * use.attrs.Int("step");
    use.out[0].Put(i, use.X(0, Ravel(at, use.in[0].dims)));
  });
}

void Pad(const OracleUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  ForEach(use.out[0], [&](Index at, int64_t i) {
    at[dim] -= use.attrs.Int("low");
    const bool inside = at[dim] >= 0 && at[dim] < use.in[0].dims[dim];
    use.out[0].Put(i, inside ? use.X(0, Ravel(at, use.in[0].dims)) : use.attrs.Float("value"));
  });
}

void Concat(const OracleUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  int64_t first = 0;
  for (const Tensor& part : use.in) {
    ForEach(part, [&](Index at, int64_t i) {
      at[dim] += first;
      use.out[0].Put(Ravel(at, use.out[0].dims), part.At(i));
    });
    first += part.dims[dim];
  }
}

// Splits an index of y (or updates) into the place in the indices and the one in x (or base).
void SplitIndex(const Index& at, int64_t dim, size_t index_rank, Index* in_indices, Index* in_x) {
  in_indices->assign(at.begin() + dim, at.begin() + dim + static_cast<int64_t>(index_rank));
  in_x->assign(at.begin(), at.begin() + dim);
  in_x->push_back(-1);
  in_x->insert(in_x->end(), at.begin() + dim + static_cast<int64_t>(index_rank), at.end());
}

void Gather(const OracleUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  ForEach(use.out[0], [&](const Index& at, int64_t i) {
    Index in_indices, in_x;
    SplitIndex(at, dim, use.in[1].dims.size(), &in_indices, &in_x);
    in_x[dim] = static_cast<int64_t>(use.X(1, Ravel(in_indices, use.in[1].dims)));
    const bool inside = in_x[dim] >= 0 && in_x[dim] < use.in[0].dims[dim];
    use.out[0].Put(i, inside ? use.X(0, Ravel(in_x, use.in[0].dims)) : 0);
  });
}

void ScatterAdd(const OracleUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  std::vector<double> sums;
  for (int64_t i = 0; i < use.in[0].count(); ++i) sums.push_back(use.X(0, i));
  ForEach(use.in[2], [&](const Index& at, int64_t i) {
    Index in_indices, in_base;
    SplitIndex(at, dim, use.in[1].dims.size(), &in_indices, &in_base);
    in_base[dim] = static_cast<int64_t>(use.X(1, Ravel(in_indices, use.in[1].dims)));
    if (in_base[dim] < 0 || in_base[dim] >= use.in[0].dims[dim]) return;
    sums[Ravel(in_base, use.in[0].dims)] += use.X(2, i);
  });
  for (size_t i = 0; i < sums.size(); ++i) use.out[0].Put(static_cast<int64_t>(i), sums[i]);
}

void OneHot(const OracleUse& use) {
  ForEach(use.out[0], [&](const Index& at, int64_t i) {
    const Index id(at.begin(), at.end() - 1);
    use.out[0].Put(i, use.X(0, Ravel(id, use.in[0].dims)) == static_cast<double>(at.back()));
  });
}

// Results of `step` over the reduced elements, from `first`.
template <typename Step>
void Reduce(const OracleUse& use, double first, Step step) {
  std::vector<bool> reduced(use.in[0].dims.size(), false);
  for (int64_t dim : use.attrs.Ints("dims")) reduced[dim] = true;
  std::vector<double> values(use.out[0].count(), first);
  const bool keep = use.attrs.Bool("keep_dims");
  ForEach(use.in[0], [&](const Index& at, int64_t i) {
    Index to;
    for (size_t d = 0; d < at.size(); ++d) {
      if (!reduced[d]) to.push_back(at[d]);
      if (reduced[d] && keep) to.push_back(0);
    }
    double& value = values[Ravel(to, use.out[0].dims)];
    value = step(value, use.X(0, i));
  });
  for (size_t i = 0; i < values.size(); ++i) use.out[0].Put(static_cast<int64_t>(i), values[i]);
}

void ReduceSum(const OracleUse& use) {
  Reduce(use, 0, [](double a, double x) { return a + x; });
}
void ReduceMean(const OracleUse& use) {
  double count = 1;
  for (int64_t dim : use.attrs.Ints("dims")) count *= static_cast<double>(use.in[0].dims[dim]);
  ReduceSum(use);
  for (int64_t i = 0; i < use.out[0].count(); ++i) use.out[0].Put(i, use.out[0].At(i) / count);
}
void ReduceMax(const OracleUse& use) {
  Reduce(use, -INFINITY, [](double a, double x) { return std::isnan(x) || x > a ? x : a; });
}
void ReduceMin(const OracleUse& use) {
  Reduce(use, INFINITY, [](double a, double x) { return std::isnan(x) || x < a ? x : a; });
}
void ReduceProd(const OracleUse& use) {
  Reduce(use, 1, [](double a, double x) { return a * x; });
}

void SumOfSquares(const OracleUse& use) {
  double sum = 0;
  for (int64_t i = 0; i < use.in[0].count(); ++i) sum += use.X(0, i) * use.X(0, i);
  use.out[0].Put(0, sum);
}

void Argmax(const OracleUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  ForEach(use.out[0], [&](Index at, int64_t i) {
    at.insert(at.begin() + dim, 0);
    int64_t best = 0;
    double largest = -INFINITY;
    for (int64_t k = 0; k < use.in[0].dims[dim]; ++k) {
      at[dim] = k;
      const double x = use.X(0, Ravel(at, use.in[0].dims));
      if (k == 0 || x > largest) {
        best = k;
        largest = x;
      }
    }
    use.out[0].Put(i, static_cast<double>(best));
  });
}

void Cumsum(const OracleUse& use) {
  const int64_t dim = use.attrs.Int("dim");
  const bool reverse = use.attrs.Bool("reverse"), exclusive = use.attrs.Bool("exclusive");
  ForEach(use.out[0], [&](Index at, int64_t i) {
    const int64_t own = at[dim], count = use.in[0].dims[dim];
    double sum = 0;
    for (int64_t k = 0; k < count; ++k) {
      const bool before = reverse ? k > own : k < own;
      at[dim] = k;
      if (before || (k == own && !exclusive)) sum += use.X(0, Ravel(at, use.in[0].dims));
    }
    use.out[0].Put(i, sum);
  });
}

void SortRows(const OracleUse& use, bool descending) {
  const int64_t width = use.Last(), kept = use.out[0].dims.empty() ? 1 : use.out[0].dims.back();
  const int64_t rows = width == 0 ? 0 : use.in[0].count() / width;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int64_t> order(width);
    std::iota(order.begin(), order.end(), 0);
    const auto value = [&](int64_t k) { return use.X(0, row * width + k); };
    // NaN is lower than everything.
    const auto less = [](double x, double y) {
      if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && !std::isnan(y);
      return x < y;
    };
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return descending ? less(value(b), value(a)) : less(value(a), value(b));
    });
    for (int64_t k = 0; k < kept; ++k) {
      use.out[0].Put(row * kept + k, value(order[k]));
      use.out[1].Put(row * kept + k, static_cast<double>(order[k]));
    }
  }
}

void Sort(const OracleUse& use) { SortRows(use, use.attrs.Bool("descending")); }
void TopK(const OracleUse& use) { SortRows(use, true); }

}  // namespace

OracleFn FindShapeOracle(std::string_view op) {
  static const auto* const map = new std::map<std::string_view, OracleFn>{
      {"fill", Fill},
      {"arange", Arange},
      {"transpose", Transpose},
      {"broadcast_to", BroadcastTo},
      {"slice", Slice},
      {"pad", Pad},
      {"concat", Concat},
      {"gather", Gather},
      {"scatter_add", ScatterAdd},
      {"one_hot", OneHot},
      {"reduce_sum", ReduceSum},
      {"reduce_mean", ReduceMean},
      {"reduce_max", ReduceMax},
      {"reduce_min", ReduceMin},
      {"reduce_prod", ReduceProd},
      {"sum_of_squares", SumOfSquares},
      {"argmax", Argmax},
      {"cumsum", Cumsum},
      {"sort", Sort},
      {"top_k", TopK},
  };
  const auto it = map->find(op);
  return it == map->end() ? nullptr : it->second;
}

}  // namespace tessera
