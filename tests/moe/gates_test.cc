// Method: each gate stands in a mixture of experts, and the layer's output is held against a loop
// over (token, expert) in fp64 that computes the gate by its formula: in fp64 within 1e-12, in fp32
// within 1e-5 of the largest output, in bf16 within what its weights can hold. The inputs are such
// that no choice is closer than the margin to another. Numbers of experts, choices and tokens go
// through the edges: one expert, one token, 257 experts, experts that nobody visits.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "gtest/gtest.h"
#include "tests/moe/layer_run.h"

namespace tessera {
namespace {

constexpr int64_t kWidth = 8, kHidden = 5;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

std::vector<double> Softmax(const std::vector<double>& x) {
  const double most = *std::max_element(x.begin(), x.end());
  std::vector<double> y;
  double sum = 0;
  for (double v : x) sum += std::exp(v - most);
  for (double v : x) y.push_back(std::exp(v - most) / sum);
  return y;
}

// Experts in the order of falling worth, ties by number.
std::vector<size_t> Order(const std::vector<double>& worth) {
  std::vector<size_t> order(worth.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return worth[a] > worth[b]; });
  return order;
}

// The weight of every expert for every token.
using GateFormula = std::function<Matrix(const LayerRun&, const Matrix& x)>;

Matrix ByToken(const LayerRun& run, const Matrix& x,
               const std::function<std::vector<double>(const std::vector<double>&)>& formula) {
  Matrix weights;
  for (const auto& logits : run.Product(x, "gate/weight")) weights.push_back(formula(logits));
  return weights;
}

// Of `worth`, the k best get their share of `score`.
std::vector<double> Chosen(const std::vector<double>& worth, const std::vector<double>& score,
                           size_t k) {
  std::vector<double> weights(worth.size(), 0.0);
  const std::vector<size_t> order = Order(worth);
  for (size_t j = 0; j < k; ++j) weights[order[j]] = score[order[j]];
  return weights;
}

std::vector<double> OverSum(std::vector<double> weights, double scale = 1) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w *= scale / sum;
  return weights;
}

GateFormula TopKAfter(size_t k) {
  return [k](const LayerRun& run, const Matrix& x) {
    return ByToken(run, x, [k](const std::vector<double>& l) {
      return OverSum(Chosen(l, Softmax(l), k));   // softmax over the chosen
    });
  };
}

GateFormula TopKBefore(size_t k, bool renormalize) {
  return [=](const LayerRun& run, const Matrix& x) {
    return ByToken(run, x, [=](const std::vector<double>& l) {
      const std::vector<double> weights = Chosen(l, Softmax(l), k);
      return renormalize ? OverSum(weights) : weights;
    });
  };
}

GateFormula TopKSigmoid(size_t k) {
  return [k](const LayerRun& run, const Matrix& x) {
    const std::vector<double> bias = run.Values("gate/bias");
    return ByToken(run, x, [&](std::vector<double> l) {
      std::vector<double> score;
      for (size_t e = 0; e < l.size(); ++e) score.push_back(Sigmoid(l[e] += bias[e]));
      return Chosen(l, score, k);
    });
  };
}

GateFormula DeepSeek(size_t k, size_t groups, size_t top_groups, double scale) {
  return [=](const LayerRun& run, const Matrix& x) {
    const std::vector<double> bias = run.Values("gate/bias");
    return ByToken(run, x, [&](const std::vector<double>& l) {
      std::vector<double> s, worth;
      for (size_t e = 0; e < l.size(); ++e) {
        s.push_back(Sigmoid(l[e]));
        worth.push_back(s.back() + bias[e]);
      }
      const size_t size = l.size() / groups;
      std::vector<double> by_group;
      for (size_t g = 0; g < groups; ++g) {
        std::vector<double> part(worth.begin() + static_cast<long>(g * size),
                                 worth.begin() + static_cast<long>((g + 1) * size));
        std::sort(part.rbegin(), part.rend());
        by_group.push_back(part[0] + part[1]);
      }
      const std::vector<size_t> best = Order(by_group);
      for (size_t g = top_groups; g < groups; ++g) {
        for (size_t i = 0; i < size; ++i) worth[best[g] * size + i] = -INFINITY;
      }
      return OverSum(Chosen(worth, s, k), scale);
    });
  };
}

Matrix Cosine(const LayerRun& run, const Matrix& x) {
  const Matrix projected = run.Product(x, "gate/proj/weight");
  const std::vector<double> centres = run.Values("gate/weight");
  const double scale = std::min(100.0, std::exp(run.Values("gate/log_scale")[0]));
  Matrix weights;
  for (const auto& p : projected) {
    const size_t experts = centres.size() / p.size();
    std::vector<double> logits;
    for (size_t e = 0; e < experts; ++e) {
      double dot = 0, pp = 0, mm = 0;
      for (size_t i = 0; i < p.size(); ++i) {
        const double m = centres[i * experts + e];
        dot += p[i] * m;
        pp += p[i] * p[i];
        mm += m * m;
      }
      logits.push_back(scale * dot / std::sqrt(pp * mm));
    }
    weights.push_back(OverSum(Chosen(logits, Softmax(logits), 2)));
  }
  return weights;
}

std::vector<double> Relu(std::vector<double> l) {
  for (double& v : l) v = std::max(0.0, v);
  return l;
}

std::vector<double> TopP(const std::vector<double>& l) {
  const std::vector<double> p = Softmax(l);
  std::vector<double> weights(p.size(), 0.0);
  double sum = 0;
  for (size_t e : Order(p)) {
    if (sum >= 0.6) break;
    weights[e] = p[e];
    sum += p[e];
  }
  return weights;
}

// Two sequences of half the tokens each; floor(T * 1.5 / E) tokens an expert.
Matrix ExpertChoice(const LayerRun& run, const Matrix& x) {
  Matrix scores = ByToken(run, x, Softmax);
  const size_t length = x.size() / 2, experts = scores[0].size();
  const auto room = static_cast<size_t>(static_cast<double>(length) * 1.5 /
                                        static_cast<double>(experts));
  Matrix weights(x.size(), std::vector<double>(experts, 0.0));
  for (size_t b = 0; b < 2; ++b) {
    for (size_t e = 0; e < experts; ++e) {
      std::vector<double> column;
      for (size_t t = 0; t < length; ++t) column.push_back(scores[b * length + t][e]);
      const std::vector<size_t> order = Order(column);
      for (size_t i = 0; i < room; ++i) weights[b * length + order[i]][e] = column[order[i]];
    }
  }
  return weights;
}

Matrix Sinkhorn(const LayerRun& run, const Matrix& x) {
  const Matrix logits = run.Product(x, "gate/weight");
  const size_t experts = logits[0].size();
  Matrix cost, weights;
  for (const auto& l : logits) cost.push_back(Softmax(l));
  std::vector<double> d0(x.size()), d1(experts, 1.0);
  for (int i = 0; i < 8; ++i) {
    for (size_t t = 0; t < x.size(); ++t) {
      double sum = 1e-8;
      for (size_t e = 0; e < experts; ++e) sum += d1[e] * cost[t][e];
      d0[t] = 1 / (static_cast<double>(x.size()) * sum);
    }
    for (size_t e = 0; e < experts; ++e) {
      double sum = 1e-8;
      for (size_t t = 0; t < x.size(); ++t) sum += d0[t] * cost[t][e];
      d1[e] = 1 / (static_cast<double>(experts) * sum);
    }
  }
  for (size_t t = 0; t < x.size(); ++t) {
    std::vector<double> worth, score;
    for (size_t e = 0; e < experts; ++e) {
      worth.push_back(cost[t][e] * d1[e]);
      score.push_back(Sigmoid(logits[t][e]));
    }
    weights.push_back(Chosen(worth, score, 1));
  }
  return weights;
}

// The k largest hashes of token and expert, in equal parts.
GateFormula Hash(size_t k, uint64_t seed) {
  return [=](const LayerRun&, const Matrix& x) {
    constexpr uint64_t kPrime = 2147483647;
    constexpr size_t kExperts = 9;
    Matrix weights;
    for (size_t t = 0; t < x.size(); ++t) {
      std::vector<double> hashes;
      for (size_t e = 0; e < kExperts; ++e) {
        const uint64_t z = (static_cast<uint64_t>(LayerRun::TokenId(t)) * kExperts + e) % kPrime;
        uint64_t hash = 0;   // Horner's rule from the highest power down
        for (uint64_t power = 4; power-- > 0;) {
          hash = (hash * z + 1 + PhiloxU64(seed, 0, power) % (kPrime - 1)) % kPrime;
        }
        hashes.push_back(static_cast<double>(hash));
      }
      weights.push_back(Chosen(hashes, std::vector<double>(kExperts, 1.0 / static_cast<double>(k)),
                               k));
    }
    return weights;
  };
}

GateFormula Quantile(size_t k) {
  return [k](const LayerRun& run, const Matrix& x) {
    const std::vector<double> bias = run.Values("gate/bias");
    return ByToken(run, x, [&](const std::vector<double>& l) {
      std::vector<double> worth;
      for (size_t e = 0; e < l.size(); ++e) worth.push_back(l[e] - bias[e]);
      return OverSum(Chosen(worth, Softmax(l), k));
    });
  };
}

// Two sequences of half the tokens each, or one of one token; 3 groups of 2 experts, 2 choices.
Matrix Swipe(const LayerRun& run, const Matrix& x) {
  const Matrix logits = run.Product(x, "gate/weight");
  const size_t sequences = x.size() > 1 ? 2 : 1, length = x.size() / sequences;
  Matrix weights(x.size(), std::vector<double>(6, 0.0));
  for (size_t b = 0; b < sequences; ++b) {
    std::vector<size_t> room(3, (length * 2 + 2) / 3);
    std::vector<std::vector<size_t>> own(length);
    const auto has = [&](size_t t, size_t e) {
      return std::find(own[t].begin(), own[t].end(), e) != own[t].end();
    };
    for (size_t slot = 0; slot < 2; ++slot) {
      std::vector<size_t> waiting;
      for (size_t t = 0; t < length; ++t) {
        const size_t e = Order(logits[b * length + t])[slot];
        if (room[e / 2] == 0 || has(t, e)) {
          waiting.push_back(t);
          continue;
        }
        --room[e / 2];
        own[t].push_back(e);
      }
      for (const size_t t : waiting) {
        bool moved = false;
        for (size_t i = 0; i < 6 && !moved; ++i) {
          const size_t e = i / 2 * 2 + (slot + i) % 2;
          if (room[e / 2] == 0 || has(t, e)) continue;
          --room[e / 2];
          own[t].push_back(e);
          moved = true;
        }
        EXPECT_TRUE(moved) << "no room: the sizes of the test leave some";
      }
    }
    for (size_t t = 0; t < length; ++t) {
      const std::vector<double> p = Softmax(logits[b * length + t]);
      const double sum = p[own[t][0]] + p[own[t][1]];
      for (const size_t e : own[t]) weights[b * length + t][e] = p[e] / sum;
    }
  }
  return weights;
}

// Outside of training the best expert.
Matrix Base(const LayerRun& run, const Matrix& x) {
  return ByToken(run, x, [](const std::vector<double>& l) {
    std::vector<double> score;
    for (double v : l) score.push_back(Sigmoid(v));
    return Chosen(l, score, 1);
  });
}

struct GateCase {
  std::string name;
  std::string fields;
  GateFormula weights;
  Mode mode = Mode::kEvaluate;
};

std::vector<GateCase> GateCases() {
  const std::string common = R"("balance": [], "expert": {"hidden_dim": 5}, )";
  std::vector<GateCase> cases;
  const auto add = [&](std::string name, const std::string& fields, GateFormula weights,
                       Mode mode = Mode::kEvaluate) {
    cases.push_back({std::move(name), common + fields, std::move(weights), mode});
  };
  for (const size_t k : {1, 2, 8}) {
    const std::string sizes = absl::StrCat(R"("num_experts": 9, "top_k": )", k);
    add(absl::StrCat("top_k_after_", k), sizes, TopKAfter(k));
    add(absl::StrCat("top_k_before_", k), sizes + R"(, "gate": {"softmax_after": false})",
        TopKBefore(k, false));
  }
  add("top_k_renormalized",
      R"("num_experts": 5, "renormalize": true, "gate": {"softmax_after": false})",
      TopKBefore(2, true));
  add("top_k_sigmoid", R"("num_experts": 5, "gate": {"score": "sigmoid", "bias": true})",
      TopKSigmoid(2));
  add("zero_and_copy_experts",
      R"("num_experts": 3, "zero_experts": 1, "copy_experts": 2, "top_k": 3)", TopKAfter(3));
  add("one_expert", R"("num_experts": 1, "top_k": 1)", TopKAfter(1));
  add("many_experts", R"("num_experts": 257, "top_k": 3)", TopKAfter(3));
  add("switch", R"("num_experts": 4, "gate": {"type": "SwitchGate"})", TopKBefore(1, false));
  add("g_shard", R"("num_experts": 4, "gate": {"type": "GShardGate"})", TopKBefore(2, true));
  add("noisy", R"("num_experts": 6, "gate": {"type": "NoisyTopKGate"})", TopKAfter(2));
  add("deep_seek",
      R"("num_experts": 12, "top_k": 3, "gate": {"type": "DeepSeekGate", "num_groups": 4,
         "top_groups": 2, "scale": 2.5})",
      DeepSeek(3, 4, 2, 2.5));
  add("cosine", R"("num_experts": 6, "gate": {"type": "CosineGate", "proj_dim": 7})", Cosine);
  add("relu", R"("num_experts": 5, "gate": {"type": "ReluGate"})",
      [](const LayerRun& run, const Matrix& x) { return ByToken(run, x, Relu); });
  add("top_p", R"("num_experts": 5, "gate": {"type": "TopPGate", "probability": 0.6})",
      [](const LayerRun& run, const Matrix& x) { return ByToken(run, x, TopP); });
  add("expert_choice",
      R"("num_experts": 3, "gate": {"type": "ExpertChoiceGate", "capacity": 1.5})", ExpertChoice);
  add("base", R"("num_experts": 4, "top_k": 1, "gate": {"type": "BaseGate"})", Base);
  add("hash", R"("num_experts": 9, "top_k": 1, "gate": {"type": "HashGate"})", Hash(1, 0));
  add("hash_of_two", R"("num_experts": 9, "gate": {"type": "HashGate", "seed": 7})", Hash(2, 7));
  add("quantile", R"("num_experts": 6, "top_k": 3, "gate": {"type": "QuantileGate"})", Quantile(3));
  add("swipe", R"("num_experts": 6, "gate": {"type": "SwipeGate", "group_size": 2})", Swipe,
      Mode::kTrain);
  add("sinkhorn", R"("num_experts": 4, "top_k": 1, "gate": {"type": "SinkhornGate"})", Sinkhorn,
      Mode::kTrain);
  return cases;
}

// (silu(x G) * (x U)) D of expert e.
std::vector<double> ExpertOf(const LayerRun& run, size_t e, const std::vector<double>& x) {
  const auto product = [&](const std::vector<double>& row, std::string_view name, size_t columns) {
    const std::vector<double> w = run.Values(absl::StrCat("experts/", name, "/weight"));
    std::vector<double> y(columns, 0.0);
    for (size_t i = 0; i < row.size(); ++i) {
      for (size_t c = 0; c < columns; ++c) y[c] += row[i] * w[(e * row.size() + i) * columns + c];
    }
    return y;
  };
  std::vector<double> hidden = product(x, "gate_proj", kHidden);
  const std::vector<double> up = product(x, "up_proj", kHidden);
  for (size_t i = 0; i < hidden.size(); ++i) hidden[i] *= Sigmoid(hidden[i]) * up[i];
  return product(hidden, "down_proj", kWidth);
}

// Experts beyond the stacked ones: one that returns zero, then ones that return the token.
Matrix LayerOf(const LayerRun& run, const Matrix& x, const Matrix& weights) {
  Matrix y(x.size(), std::vector<double>(kWidth, 0.0));
  const size_t real = run.Values("experts/up_proj/weight").size() / (kWidth * kHidden);
  for (size_t t = 0; t < x.size(); ++t) {
    for (size_t e = 0; e < weights[t].size(); ++e) {
      if (weights[t][e] == 0 || e == real) continue;
      if (e > real) {
        for (size_t c = 0; c < kWidth; ++c) y[t][c] += weights[t][e] * x[t][c];
        continue;
      }
      const std::vector<double> part = ExpertOf(run, e, x[t]);
      for (size_t c = 0; c < part.size(); ++c) y[t][c] += weights[t][e] * part[c];
    }
  }
  return y;
}

// To what bf16 holds, so that the loop computes with the layer's own weights.
void RoundParams(ModelRun& run) {
  for (const ProgramParam& param : run.program().params) {
    if (param.compute_dtype != DType::kBF16) continue;
    Tensor tensor = run.Param(param.path);
    for (int64_t i = 0; i < tensor.count(); ++i) {
      tensor.Put(i, FloatFromBF16(BF16FromFloat(static_cast<float>(tensor.At(i)))));
    }
  }
}

class GateTest : public testing::TestWithParam<GateCase> {
 protected:
  void Check(DType dtype, double tolerance, int64_t batch, int64_t length) const {
    SCOPED_TRACE(absl::StrCat(Name(dtype), " ", batch, " x ", length));
    RunOptions options;
    options.dtype = dtype;
    options.mode = GetParam().mode;
    options.sizes = {{"B", batch}, {"T", length}};
    auto layer = LayerRun::Create(GetParam().fields, kWidth, options);
    ASSERT_TRUE(layer.ok()) << layer.status();
    layer->run().FillParams(7);
    if (dtype == DType::kBF16) RoundParams(layer->run());
    const Matrix x = LayerRun::SomeTokens(batch * length, kWidth, 5);
    const auto y = layer->Apply(x);
    ASSERT_TRUE(y.ok()) << y.status();
    const Matrix expected = LayerOf(*layer, x, GetParam().weights(*layer, x));
    double largest = 1e-30, worst = 0;
    for (const auto& row : expected) {
      for (double v : row) largest = std::max(largest, std::abs(v));
    }
    for (size_t t = 0; t < expected.size(); ++t) {
      for (size_t c = 0; c < expected[t].size(); ++c) {
        const double got = y->At(static_cast<int64_t>(t * kWidth + c));
        ASSERT_TRUE(std::isfinite(got)) << t << " " << c;
        worst = std::max(worst, std::abs(got - expected[t][c]));
      }
    }
    EXPECT_LE(worst, tolerance * largest);
  }
};

TEST_P(GateTest, LayerIsTheLoopOverTokensAndExperts) {
  Check(DType::kF64, 1e-12, 2, 9);
  Check(DType::kF32, 1e-5, 2, 9);
  Check(DType::kBF16, 1e-2, 2, 9);
}

TEST_P(GateTest, ManyTokensGoThroughTheVectorKernels) {
  Check(DType::kF32, 1e-5, 2, 150);
  Check(DType::kBF16, 1e-2, 2, 150);
}

TEST_P(GateTest, OneToken) {
  if (GetParam().name == "expert_choice") return;   // floor(1 * 1.5 / 3) is no token
  Check(DType::kF64, 1e-12, 1, 1);
}

// The best sum of scores over all assignments of 6 tokens to 3 experts, two each.
double BestSum(const Matrix& scores) {
  double best = -1e30;
  std::vector<size_t> owners = {0, 0, 1, 1, 2, 2};
  do {
    double sum = 0;
    for (size_t t = 0; t < owners.size(); ++t) sum += scores[t][owners[t]];
    best = std::max(best, sum);
  } while (std::next_permutation(owners.begin(), owners.end()));
  return best;
}

TEST(BaseGateTest, TheAssignmentIsEvenAndNearlyTheBest) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Matrix scores(6, std::vector<double>(3));
    Function main("main");
    const ValueType type{DType::kF64, {Dim(6), Dim(3)}};
    const ValueId in = main.AddInput("scores", InputKind::kArgument, type);
    Graph graph(OpTable::Builtin(), main);
    main.AddOutput("ids", graph.Op("balanced_assignment", {in}, {{"precision", 0.001}}));
    ASSERT_TRUE(graph.ok()) << graph.status();
    auto run = ModelRun::OfFunction(main, {});
    ASSERT_TRUE(run.ok()) << run.status();
    std::vector<double> flat;
    for (size_t i = 0; i < 18; ++i) {
      flat.push_back(philox::UnitDouble(PhiloxU64(seed, 4, i)));
      scores[i / 3][i % 3] = flat.back();
    }
    ASSERT_TRUE((*run)->SetInput("scores", 0, flat).ok());
    ASSERT_TRUE((*run)->executor().Run({ActionKind::kForward}).ok());
    const auto ids = (*run)->Result();
    ASSERT_TRUE(ids.ok()) << ids.status();
    std::vector<int> counts(3, 0);
    double sum = 0;
    for (int64_t t = 0; t < 6; ++t) {
      const auto e = static_cast<size_t>(ids->At(t));
      ASSERT_LT(e, 3u);
      ++counts[e];
      sum += scores[static_cast<size_t>(t)][e];
    }
    EXPECT_EQ(counts, (std::vector<int>{2, 2, 2})) << seed;
    EXPECT_GE(sum, BestSum(scores) - 6 * 0.001) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Gates, GateTest, testing::ValuesIn(GateCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tessera
