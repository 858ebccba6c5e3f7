// The oracle's norms, softmaxes, embedding, losses, caches and updates; and how a node is run.
#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/ops/oracle.h"

namespace tessera {
namespace {

int64_t Rows(const OracleUse& use) { return use.Last() == 0 ? 0 : use.in[0].count() / use.Last(); }

void RmsNorm(const OracleUse& use) {
  const int64_t width = use.Last();
  for (int64_t row = 0; row < Rows(use); ++row) {
    double sum = 0;
    for (int64_t k = 0; k < width; ++k) sum += std::pow(use.X(0, row * width + k), 2);
    const double root = std::sqrt(sum / static_cast<double>(width) + use.attrs.Float("epsilon"));
    for (int64_t k = 0; k < width; ++k) {
      const double scale = use.X(1, k) + use.attrs.Float("scale_offset");
      const double x = use.X(0, row * width + k);
      use.out[0].Put(row * width + k, x == 0 ? 0 : x / root * scale);
    }
  }
}

void RmsNormGrad(const OracleUse& use) {
  const int64_t width = use.Last();
  const double n = static_cast<double>(width);
  std::vector<double> dscale(width, 0);
  for (int64_t row = 0; row < Rows(use); ++row) {
    double squares = 0, dot = 0;
    const auto g = [&](int64_t k) {
      return use.X(2, row * width + k) * (use.X(1, k) + use.attrs.Float("scale_offset"));
    };
    for (int64_t k = 0; k < width; ++k) {
      const double x = use.X(0, row * width + k);
      squares += x * x;
      dot += x * g(k);
    }
    const double r = 1 / std::sqrt(squares / n + use.attrs.Float("epsilon"));
    for (int64_t k = 0; k < width; ++k) {
      const double x = use.X(0, row * width + k);
      use.out[0].Put(row * width + k, r * (g(k) - x * r * r * dot / n));
      dscale[k] += use.X(2, row * width + k) * x * r;
    }
  }
  for (int64_t k = 0; k < width; ++k) use.out[1].Put(k, dscale[k]);
}

struct RowMoments {
  double mean = 0, root = 0;
};

RowMoments MomentsOf(const OracleUse& use, int64_t row) {
  const int64_t width = use.Last();
  const double n = static_cast<double>(width);
  RowMoments moments;
  for (int64_t k = 0; k < width; ++k) moments.mean += use.X(0, row * width + k) / n;
  double variance = 0;
  for (int64_t k = 0; k < width; ++k) {
    variance += std::pow(use.X(0, row * width + k) - moments.mean, 2) / n;
  }
  moments.root = std::sqrt(variance + use.attrs.Float("epsilon"));
  return moments;
}

void LayerNorm(const OracleUse& use) {
  const int64_t width = use.Last();
  for (int64_t row = 0; row < Rows(use); ++row) {
    const RowMoments m = MomentsOf(use, row);
    for (int64_t k = 0; k < width; ++k) {
      const double h = (use.X(0, row * width + k) - m.mean) / m.root;
      use.out[0].Put(row * width + k, h * use.X(1, k) + (use.in.size() > 2 ? use.X(2, k) : 0));
    }
  }
}

void LayerNormGrad(const OracleUse& use) {
  const int64_t width = use.Last();
  const double n = static_cast<double>(width);
  std::vector<double> dscale(width, 0), dbias(width, 0);
  for (int64_t row = 0; row < Rows(use); ++row) {
    const RowMoments m = MomentsOf(use, row);
    double mean_g = 0, mean_gh = 0;
    const auto h = [&](int64_t k) { return (use.X(0, row * width + k) - m.mean) / m.root; };
    const auto g = [&](int64_t k) { return use.X(2, row * width + k) * use.X(1, k); };
    for (int64_t k = 0; k < width; ++k) {
      mean_g += g(k) / n;
      mean_gh += g(k) * h(k) / n;
    }
    for (int64_t k = 0; k < width; ++k) {
      use.out[0].Put(row * width + k, (g(k) - mean_g - h(k) * mean_gh) / m.root);
      dscale[k] += use.X(2, row * width + k) * h(k);
      dbias[k] += use.X(2, row * width + k);
    }
  }
  for (int64_t k = 0; k < width; ++k) {
    use.out[1].Put(k, dscale[k]);
    use.out[2].Put(k, dbias[k]);
  }
}

double LogSumExp(const OracleUse& use, int64_t row) {
  const int64_t width = use.Last();
  double largest = -INFINITY, sum = 0;
  for (int64_t k = 0; k < width; ++k) largest = std::max(largest, use.X(0, row * width + k));
  for (int64_t k = 0; k < width; ++k) sum += std::exp(use.X(0, row * width + k) - largest);
  return largest + std::log(sum);
}

void LogSoftmax(const OracleUse& use) {
  for (int64_t i = 0; i < use.in[0].count(); ++i) {
    use.out[0].Put(i, use.X(0, i) - LogSumExp(use, i / use.Last()));
  }
}
void Softmax(const OracleUse& use) {
  LogSoftmax(use);
  for (int64_t i = 0; i < use.in[0].count(); ++i) use.out[0].Put(i, std::exp(use.out[0].At(i)));
}

void SoftmaxGrad(const OracleUse& use) {
  const int64_t width = use.Last();
  for (int64_t i = 0; i < use.in[0].count(); ++i) {
    double dot = 0;
    for (int64_t k = 0; k < width; ++k) {
      dot += use.X(0, i / width * width + k) * use.X(1, i / width * width + k);
    }
    use.out[0].Put(i, use.X(0, i) * (use.X(1, i) - dot));
  }
}

void LogSoftmaxGrad(const OracleUse& use) {
  const int64_t width = use.Last();
  for (int64_t i = 0; i < use.in[0].count(); ++i) {
    double sum = 0;
    for (int64_t k = 0; k < width; ++k) sum += use.X(1, i / width * width + k);
    use.out[0].Put(i, use.X(1, i) - std::exp(use.X(0, i)) * sum);
  }
}

void Embedding(const OracleUse& use) {
  const int64_t width = use.Last(1);
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    const auto id = static_cast<int64_t>(use.X(0, i / width));
    const bool inside = id >= 0 && id < use.in[1].dims[0];
    use.out[0].Put(i, inside ? use.X(1, id * width + i % width) : 0);
  }
}

void EmbeddingGrad(const OracleUse& use) {
  const int64_t width = use.Last(1);
  std::vector<double> sums(use.out[0].count(), 0);
  for (int64_t i = 0; i < use.in[1].count(); ++i) {
    const auto id = static_cast<int64_t>(use.X(0, i / width));
    if (id >= 0 && id < use.out[0].dims[0]) sums[id * width + i % width] += use.X(1, i);
  }
  for (size_t i = 0; i < sums.size(); ++i) use.out[0].Put(static_cast<int64_t>(i), sums[i]);
}

void CrossEntropy(const OracleUse& use) {
  const int64_t width = use.Last();
  const double s = use.attrs.Float("label_smoothing"), z = use.attrs.Float("z_loss");
  for (int64_t row = 0; row < Rows(use); ++row) {
    const double lse = LogSumExp(use, row);
    const auto target = static_cast<int64_t>(use.X(1, row));
    double mean = 0;
    for (int64_t k = 0; k < width; ++k) {
      mean += use.X(0, row * width + k) / static_cast<double>(width);
    }
    const bool inside = target >= 0 && target < width;
    const double nll = inside ? lse - use.X(0, row * width + target) : NAN;
    const double loss = (1 - s) * nll + s * (lse - mean) + z * lse * lse;
    use.out[0].Put(row, target == use.attrs.Int("ignore_index") ? 0 : loss);
    use.out[1].Put(row, lse);
  }
}

void CrossEntropyGrad(const OracleUse& use) {
  const int64_t width = use.Last();
  const double s = use.attrs.Float("label_smoothing"), z = use.attrs.Float("z_loss");
  for (int64_t i = 0; i < use.in[0].count(); ++i) {
    const int64_t row = i / width;
    const auto target = static_cast<int64_t>(use.X(1, row));
    const double lse = use.X(2, row), p = std::exp(use.X(0, i) - lse);
    const double hit = target == i % width ? 1 - s : 0;
    const double slope = p - hit - s / static_cast<double>(width) + 2 * z * lse * p;
    use.out[0].Put(i, target == use.attrs.Int("ignore_index") ? 0 : use.X(3, row) * slope);
  }
}

void CacheAppend(const OracleUse& use) {
  const std::vector<int64_t>&cache = use.in[0].dims, &x = use.in[1].dims;
  const int64_t row = x[2] * x[3];
  for (int64_t i = 0; i < use.in[0].count(); ++i) use.out[0].Put(i, use.X(0, i));
  for (int64_t i = 0; i < use.in[1].count(); ++i) {
    const int64_t b = i / (x[1] * row), t = i / row % x[1];
    const int64_t at = static_cast<int64_t>(use.X(2, b)) + t;
    if (at >= 0 && at < cache[1]) {
      use.out[0].Put((b * cache[1] + at) * row + i % row, use.X(1, i));
    }
  }
}

void AdamwUpdate(const OracleUse& use) {
  const double lr = use.X(4, 0), step = use.X(5, 0), clip = use.X(6, 0);
  const double b1 = use.attrs.Float("beta1"), b2 = use.attrs.Float("beta2");
  for (int64_t i = 0; i < use.in[0].count(); ++i) {
    const double g = use.X(1, i) * clip;
    const double m = b1 * use.X(2, i) + (1 - b1) * g;
    const double v = b2 * use.X(3, i) + (1 - b2) * g * g;
    const double decayed = use.X(0, i) * (1 - lr * use.attrs.Float("weight_decay"));
    const double root = std::sqrt(v / (1 - std::pow(b2, step))) + use.attrs.Float("epsilon");
    use.out[0].Put(i, decayed - lr * (m / (1 - std::pow(b1, step))) / root);
    use.out[1].Put(i, m);
    use.out[2].Put(i, v);
  }
}

void SgdUpdate(const OracleUse& use) {
  const double lr = use.X(3, 0), step = use.X(4, 0), clip = use.X(5, 0);
  const double mu = use.attrs.Float("momentum");
  for (int64_t i = 0; i < use.in[0].count(); ++i) {
    const double g = clip * use.X(1, i) + use.attrs.Float("weight_decay") * use.X(0, i);
    const double entering = (1 - use.attrs.Float("dampening")) * g;
    const double buffer = step == 1 ? g : mu * use.X(2, i) + entering;
    use.out[0].Put(i, use.X(0, i) - lr * (use.attrs.Bool("nesterov") ? g + mu * buffer : buffer));
    use.out[1].Put(i, buffer);
  }
}

}  // namespace

OracleFn FindPatternOracle(std::string_view op) {
  static const auto* const map = new std::map<std::string_view, OracleFn>{
      {"rms_norm", RmsNorm},
      {"rms_norm_grad", RmsNormGrad},
      {"layer_norm", LayerNorm},
      {"layer_norm_grad", LayerNormGrad},
      {"softmax", Softmax},
      {"softmax_grad", SoftmaxGrad},
      {"log_softmax", LogSoftmax},
      {"log_softmax_grad", LogSoftmaxGrad},
      {"embedding", Embedding},
      {"embedding_grad", EmbeddingGrad},
      {"cross_entropy", CrossEntropy},
      {"cross_entropy_grad", CrossEntropyGrad},
      {"cache_append", CacheAppend},
      {"adamw_update", AdamwUpdate},
      {"sgd_update", SgdUpdate},
  };
  const auto it = map->find(op);
  return it == map->end() ? nullptr : it->second;
}

absl::StatusOr<std::vector<Tensor>> OracleNode(const Node& node, const std::vector<Tensor>& inputs,
                                               std::vector<Tensor> outputs) {
  const std::string& name = node.op->name();
  OracleFn fn = FindElementwiseOracle(name);
  if (fn == nullptr) fn = FindShapeOracle(name);
  if (fn == nullptr) fn = FindPatternOracle(name);
  if (fn == nullptr) return absl::NotFoundError(absl::StrCat("the oracle does not know ", name));
  fn({node.attrs, inputs, outputs});
  return outputs;
}

}  // namespace tessera
