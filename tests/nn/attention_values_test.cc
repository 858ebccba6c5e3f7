// Method: attention modules stand alone and are held against loops written here from the formulas,
// in fp64: heads, norms, rotation, windows, caps, sinks, slopes and relative biases, a second
// sequence with segments, and the latent attention of DeepSeek. The loops share nothing with ops.
#include <cmath>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/module_alone.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr double kTolerance = 1e-12;
constexpr int64_t kRows = 2, kTokens = 7, kWidth = 8;

using Row = std::vector<double>;

// Parameters of a run, and a row times a weight.
class Weights {
 public:
  explicit Weights(const ModelRun& run) : run_(run) {}

  Row Of(const std::string& path) const {
    const Tensor tensor = run_.Param(path);
    EXPECT_TRUE(tensor.defined()) << path;
    return tensor.defined() ? Numbers(tensor) : Row();
  }
  bool Has(const std::string& path) const { return run_.Param(path).defined(); }
  Row Product(const Row& x, const std::string& projection) const {
    const Row weight = Of(projection + "/weight");
    Row y(weight.size() / x.size());
    if (Has(projection + "/bias")) y = Of(projection + "/bias");
    for (size_t o = 0; o < y.size(); ++o) {
      for (size_t i = 0; i < x.size(); ++i) y[o] += x[i] * weight[i * y.size() + o];
    }
    return y;
  }
  // RmsNorm with epsilon 1e-5.
  Row Norm(Row x, const std::string& path) const {
    const Row scale = Of(path + "/scale");
    EXPECT_EQ(scale.size(), x.size());
    double squares = 0;
    for (const double value : x) squares += value * value;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
    for (size_t i = 0; i < x.size(); ++i) x[i] *= factor * scale[i];
    return x;
  }

 private:
  const ModelRun& run_;
};

Row TokenOf(const AloneInput& x, int64_t b, int64_t t) {
  const int64_t width = x.dims[2];
  const auto at = x.values.begin() + (b * x.dims[1] + t) * width;
  return Row(at, at + width);
}

Row PartOf(const Row& row, size_t start, size_t size) {
  return Row(row.begin() + static_cast<int64_t>(start),
             row.begin() + static_cast<int64_t>(start + size));
}

// Pairs (i, i + d/2) turned by position theta^(-2i/d).
Row Turned(Row x, int64_t position, double theta) {
  const size_t half = x.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) *
                         std::pow(theta, -static_cast<double>(i) / static_cast<double>(half));
    const double a = x[i], b = x[i + half];
    x[i] = a * std::cos(angle) - b * std::sin(angle);
    x[i + half] = b * std::cos(angle) + a * std::sin(angle);
  }
  return x;
}

double Dot(const Row& a, const Row& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Softmax of scores over the keys that are seen, with a sink's logit or -infinity, times values.
Row Read(const std::vector<std::pair<double, Row>>& seen, double sink, size_t width) {
  double total = std::exp(sink);
  Row sums(width, 0.0);
  for (const auto& [score, value] : seen) {
    total += std::exp(score);
    for (size_t e = 0; e < width; ++e) sums[e] += std::exp(score) * value[e];
  }
  for (double& sum : sums) sum = total == 0 ? 0 : sum / total;
  return sums;
}

void ExpectOutput(const ModelRun& run, const std::vector<Row>& expected) {
  const auto result = run.Result();
  ASSERT_TRUE(result.ok()) << result.status();
  size_t at = 0;
  for (const Row& row : expected) {
    for (const double value : row) {
      ASSERT_NEAR(result->At(static_cast<int64_t>(at)), value, kTolerance) << "element " << at;
      ++at;
    }
  }
  EXPECT_EQ(result->count(), static_cast<int64_t>(at));
}

// What a row of the loops needs to know.
struct Plan {
  int64_t heads = 4, key_heads = 2, head_dim = 2;
  double scale = 1 / std::sqrt(2.0), softcap = 0;
  bool norm_heads = false, norm_whole = false, sinks = false;
  double theta = 0;  // 0: no rotation
  std::function<bool(int64_t query, int64_t key)> sees = [](int64_t q, int64_t k) {
    return k <= q;
  };
  std::function<double(int64_t head, int64_t query, int64_t key)> added =
      [](int64_t, int64_t, int64_t) { return 0.0; };
};

// The heads of one token, normed and turned.
std::vector<Row> HeadsOf(const Weights& weights, const Plan& plan, const Row& x,
                         const std::string& name, int64_t heads, int64_t position) {
  Row flat = weights.Product(x, name + "_proj");
  const bool positions = name != "v";
  if (positions && plan.norm_whole) flat = weights.Norm(flat, name + "_norm");
  std::vector<Row> rows;
  for (int64_t h = 0; h < heads; ++h) {
    Row row = PartOf(flat, static_cast<size_t>(h * plan.head_dim),
                     static_cast<size_t>(plan.head_dim));
    if (positions && plan.norm_heads) row = weights.Norm(row, name + "_norm");
    if (positions && plan.theta > 0) row = Turned(row, position, plan.theta);
    rows.push_back(row);
  }
  return rows;
}

std::vector<Row> AttentionByLoops(const ModelRun& run, const Plan& plan, const AloneInput& x,
                                  const AloneInput& source, int64_t start = 0) {
  const Weights weights(run);
  const Row sinks = plan.sinks ? weights.Of("sinks") : Row();
  std::vector<Row> outputs;
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    for (int64_t t = 0; t < x.dims[1]; ++t) {
      const auto q = HeadsOf(weights, plan, TokenOf(x, b, t), "q", plan.heads, start + t);
      Row merged;
      for (int64_t h = 0; h < plan.heads; ++h) {
        std::vector<std::pair<double, Row>> seen;
        for (int64_t s = 0; s < source.dims[1]; ++s) {
          if (!plan.sees(t, s)) continue;
          const Row token = TokenOf(source, b, s);
          const int64_t g = h / (plan.heads / plan.key_heads);
          const auto k = HeadsOf(weights, plan, token, "k", plan.key_heads, start + s);
          const auto v = HeadsOf(weights, plan, token, "v", plan.key_heads, start + s);
          double score = plan.scale * Dot(q[h], k[g]);
          if (plan.softcap > 0) score = plan.softcap * std::tanh(score / plan.softcap);
          seen.emplace_back(score + plan.added(h, t, s), v[g]);
        }
        const double sink = plan.sinks ? sinks[h] : -std::numeric_limits<double>::infinity();
        const Row y = Read(seen, sink, static_cast<size_t>(plan.head_dim));
        merged.insert(merged.end(), y.begin(), y.end());
      }
      outputs.push_back(weights.Product(merged, "o_proj"));
    }
  }
  return outputs;
}

void ExpectAttention(const std::string& fields, const Plan& plan, int64_t start = 0) {
  SCOPED_TRACE(fields);
  const AloneInput x = SomeNumbers({kRows, kTokens, kWidth}, 1);
  const auto run = RunAlone(absl::StrCat(R"({"type": "Attention", "model_dim": 8, "num_heads": )",
                                         plan.heads, R"(, "num_kv_heads": )", plan.key_heads,
                                         R"(, "head_dim": )", plan.head_dim, fields, "}"),
                            {x}, start);
  ASSERT_TRUE(run.ok()) << run.status();
  ExpectOutput(**run, AttentionByLoops(**run, plan, x, x, start));
}

TEST(AttentionValuesTest, WindowsCapsSinksAndBiases) {
  ExpectAttention("", {});
  Plan window;
  window.sees = [](int64_t q, int64_t k) { return k <= q && k > q - 3; };
  ExpectAttention(R"(, "window": 3)", window);
  window.sinks = true;
  ExpectAttention(R"(, "window": 3, "sinks": true)", window);
  Plan capped;
  capped.softcap = 0.2;
  capped.scale = 1.5;
  ExpectAttention(R"(, "softcap": 0.2, "scale": 1.5)", capped);
  Plan encoder;
  encoder.sees = [](int64_t, int64_t) { return true; };
  ExpectAttention(R"(, "causal": false, "bias": true)", encoder);
  ExpectAttention(R"(, "qkv_bias": true)", {});
  ExpectAttention(R"(, "k_proj": {"bias": true})", {});
}

TEST(AttentionValuesTest, NormsComeBeforePositions) {
  Plan plan;
  plan.norm_heads = true;
  plan.theta = 9;
  plan.head_dim = 4;
  plan.scale = 0.5;
  const std::string position = R"(, "position": {"type": "RotaryPosition", "theta": 9})";
  ExpectAttention(R"(, "q_norm": {}, "k_norm": {})" + position, plan, 5);
  plan.norm_heads = false;
  plan.norm_whole = true;
  ExpectAttention(R"(, "q_norm": {}, "k_norm": {}, "norm_all": true)" + position, plan);
}

TEST(AttentionValuesTest, ScoresFallWithDistance) {
  Plan plan;
  plan.added = [](int64_t h, int64_t q, int64_t k) {
    return -std::pow(2.0, -2.0 * static_cast<double>(h + 1)) * static_cast<double>(q - k);
  };
  ExpectAttention(R"(, "position": {"type": "AlibiPosition"})", plan, 3);
  // Six heads: slopes of four, then every second one of eight.
  const double slopes[] = {0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125};
  plan.heads = 6;
  plan.added = [&slopes](int64_t h, int64_t q, int64_t k) {
    return -slopes[h] * static_cast<double>(std::abs(q - k));
  };
  plan.sees = [](int64_t, int64_t) { return true; };
  ExpectAttention(R"(, "causal": false, "position": {"type": "AlibiPosition"})", plan);
}

// Queries of one sequence, keys of another, both in segments.
TEST(AttentionValuesTest, ASecondSequenceIsSeenBySegment) {
  const AloneInput x = SomeNumbers({kRows, kTokens, kWidth}, 1);
  const AloneInput memory = SomeNumbers({kRows, 5, kWidth}, 2);
  const std::string json = R"({"type": "Attention", "model_dim": 8, "num_heads": 4,
      "num_kv_heads": 2, "sinks": true, "q_norm": {}, "k_norm": {},
      "position": {"type": "RotaryPosition"}})";
  Plan plan;
  plan.sinks = plan.norm_heads = true;
  plan.sees = [](int64_t, int64_t) { return true; };
  const auto all = RunAlone(json, {x, memory});
  ASSERT_TRUE(all.ok()) << all.status();
  ExpectOutput(**all, AttentionByLoops(**all, plan, x, memory));
  const std::vector<double> segments = {0, 0, 1, 1, 1, 2, 2, 0, 0, 1, 1, 1, 2, 2};
  const AloneInput of_memory = {{kRows, 5}, {0, 1, 1, 1, 9, 0, 1, 1, 1, 9}};
  plan.sees = [&](int64_t q, int64_t k) { return segments[q] == of_memory.values[k]; };
  const auto some = RunAlone(json, {x, memory, of_memory}, 0, segments);
  ASSERT_TRUE(some.ok()) << some.status();
  ExpectOutput(**some, AttentionByLoops(**some, plan, x, memory));
}

int64_t BucketByHand(int64_t distance, int64_t buckets, int64_t most, bool both) {
  int64_t first = 0, x = std::max<int64_t>(-distance, 0);
  if (both) {
    buckets /= 2;
    if (distance > 0) first = buckets;
    x = std::abs(distance);
  }
  const int64_t exact = buckets / 2;
  if (x < exact) return first + x;
  // The largest bucket that begins at or before x: at exact (most / exact)^(j / (buckets - exact)).
  int64_t bucket = exact;
  for (int64_t j = 1; j < buckets - exact; ++j) {
    const double begins =
        static_cast<double>(exact) *
        std::pow(static_cast<double>(most) / static_cast<double>(exact),
                 static_cast<double>(j) / static_cast<double>(buckets - exact));
    if (static_cast<double>(x) >= begins - 1e-9) bucket = exact + j;
  }
  return first + bucket;
}

TEST(AttentionValuesTest, RelativeBiasesAreLookedUpByBucket) {
  for (const bool both : {false, true}) {
    SCOPED_TRACE(both);
    const AloneInput x = SomeNumbers({1, 40, kWidth}, 1);
    const auto run = RunAlone(
        absl::StrCat(R"({"type": "Attention", "model_dim": 8, "num_heads": 4, "scale": 1,
            "num_kv_heads": 2, "causal": )", both ? "false" : "true",
            R"(, "position": {"type": "RelativePosition", "num_buckets": 8,
            "max_distance": 16, "bidirectional": )", both ? "true" : "false", "}}"),
        {x});
    ASSERT_TRUE(run.ok()) << run.status();
    const Row weight = Weights(**run).Of("position/weight");
    Plan plan;
    plan.scale = 1;
    if (both) plan.sees = [](int64_t, int64_t) { return true; };
    plan.added = [&](int64_t h, int64_t q, int64_t k) {
      return weight[static_cast<size_t>(BucketByHand(k - q, 8, 16, both) * 4 + h)];
    };
    ExpectOutput(**run, AttentionByLoops(**run, plan, x, x));
  }
}

std::vector<Row> LatentByLoops(const ModelRun& run, const AloneInput& x, bool has_q_latents,
                               double scale) {
  constexpr size_t kHeads = 3, kPlain = 2, kTurned = 4, kDepth = 5, kRank = 6;
  const Weights weights(run);
  std::vector<Row> outputs;
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    for (int64_t t = 0; t < x.dims[1]; ++t) {
      Row from = TokenOf(x, b, t);
      if (has_q_latents) {
        from = weights.Norm(weights.Product(from, "q_down_proj"), "q_latent_norm");
      }
      const Row q = weights.Product(from, "q_proj");
      Row merged;
      for (size_t h = 0; h < kHeads; ++h) {
        const Row q_head = PartOf(q, h * (kPlain + kTurned), kPlain + kTurned);
        const Row q_turned = Turned(PartOf(q_head, kPlain, kTurned), t, 100);
        std::vector<std::pair<double, Row>> seen;
        for (int64_t s = 0; s <= t; ++s) {
          const Row down = weights.Product(TokenOf(x, b, s), "kv_down_proj");
          const Row up = weights.Product(
              weights.Norm(PartOf(down, 0, kRank), "kv_latent_norm"), "kv_up_proj");
          const Row both = PartOf(up, h * (kPlain + kDepth), kPlain + kDepth);
          const double score =
              scale * (Dot(PartOf(q_head, 0, kPlain), PartOf(both, 0, kPlain)) +
                       Dot(q_turned, Turned(PartOf(down, kRank, kTurned), s, 100)));
          seen.emplace_back(score, PartOf(both, kPlain, kDepth));
        }
        const Row y = Read(seen, -std::numeric_limits<double>::infinity(), kDepth);
        merged.insert(merged.end(), y.begin(), y.end());
      }
      outputs.push_back(weights.Product(merged, "o_proj"));
    }
  }
  return outputs;
}

TEST(LatentAttentionTest, IsThatOfDeepSeek) {
  const AloneInput x = SomeNumbers({kRows, kTokens, kWidth}, 1);
  for (const bool has_q_latents : {false, true}) {
    const auto run = RunAlone(
        absl::StrCat(R"({"type": "LatentAttention", "model_dim": 8, "num_heads": 3,
            "kv_lora_rank": 6, "qk_nope_head_dim": 2, "qk_rope_head_dim": 4, "v_head_dim": 5,
            "position": {"type": "RotaryPosition", "theta": 100})",
            has_q_latents ? R"(, "q_lora_rank": 7, "scale": 0.9)" : "", "}"),
        {x});
    ASSERT_TRUE(run.ok()) << run.status();
    ExpectOutput(**run, LatentByLoops(**run, x, has_q_latents,
                                      has_q_latents ? 0.9 : 1 / std::sqrt(6.0)));
  }
}

// Heads 2 of width 4; distances of width 8.
std::vector<Row> RelativeByLoops(const ModelRun& run, const AloneInput& x) {
  constexpr size_t kHeads = 2, kDim = 4;
  const Weights weights(run);
  const Row of_content = weights.Of("content_bias"), of_distance = weights.Of("distance_bias");
  std::vector<Row> outputs;
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    for (int64_t t = 0; t < x.dims[1]; ++t) {
      const Row q = weights.Product(TokenOf(x, b, t), "q_proj");
      Row merged;
      for (size_t h = 0; h < kHeads; ++h) {
        std::vector<std::pair<double, Row>> seen;
        for (int64_t s = 0; s <= t; ++s) {
          Row sines(8);
          for (size_t n = 0; n < 4; ++n) {
            const double angle =
                static_cast<double>(t - s) / std::pow(10000, static_cast<double>(n) / 4);
            sines[n] = std::sin(angle);
            sines[n + 4] = std::cos(angle);
          }
          const Row r = PartOf(weights.Product(sines, "r_proj"), h * kDim, kDim);
          const Row k = PartOf(weights.Product(TokenOf(x, b, s), "k_proj"), h * kDim, kDim);
          const Row v = PartOf(weights.Product(TokenOf(x, b, s), "v_proj"), h * kDim, kDim);
          Row q_content = PartOf(q, h * kDim, kDim), q_distance = q_content;
          for (size_t i = 0; i < kDim; ++i) {
            q_content[i] += of_content[h * kDim + i];
            q_distance[i] += of_distance[h * kDim + i];
          }
          seen.emplace_back(0.5 * (Dot(q_content, k) + Dot(q_distance, r)), v);
        }
        const Row y = Read(seen, -std::numeric_limits<double>::infinity(), kDim);
        merged.insert(merged.end(), y.begin(), y.end());
      }
      outputs.push_back(weights.Product(merged, "o_proj"));
    }
  }
  return outputs;
}

TEST(RelativeAttentionTest, IsThatOfTransformerXl) {
  const AloneInput x = SomeNumbers({kRows, kTokens, kWidth}, 1);
  const auto run =
      RunAlone(R"({"type": "RelativeAttention", "model_dim": 8, "num_heads": 2})", {x});
  ASSERT_TRUE(run.ok()) << run.status();
  ExpectOutput(**run, RelativeByLoops(**run, x));
}

// Two pieces of 7 tokens, the second reading the first from a memory of 9, are the whole of 14.
TEST(RelativeAttentionTest, MemoryIsWhatTheStepBeforeRead) {
  const AloneInput whole = SomeNumbers({kRows, 2 * kTokens, kWidth}, 1);
  const auto all =
      RunAlone(R"({"type": "RelativeAttention", "model_dim": 8, "num_heads": 2})", {whole});
  ASSERT_TRUE(all.ok()) << all.status();
  const std::vector<Row> expected = RelativeByLoops(**all, whole);
  const auto half = [&whole](int64_t first) {
    AloneInput part = {{kRows, kTokens, kWidth}, {}};
    for (int64_t b = 0; b < kRows; ++b) {
      for (int64_t t = 0; t < kTokens; ++t) {
        const Row token = TokenOf(whole, b, first + t);
        part.values.insert(part.values.end(), token.begin(), token.end());
      }
    }
    return part;
  };
  const auto rows_of = [&expected](int64_t first) {
    std::vector<Row> rows;
    for (int64_t b = 0; b < kRows; ++b) {
      for (int64_t t = 0; t < kTokens; ++t) {
        rows.push_back(expected[static_cast<size_t>(b * 2 * kTokens + first + t)]);
      }
    }
    return rows;
  };
  const auto run = RunAlone(
      R"({"type": "RelativeAttention", "model_dim": 8, "num_heads": 2, "memory_length": 9})",
      {half(0)});
  ASSERT_TRUE(run.ok()) << run.status();
  ExpectOutput(**run, rows_of(0));
  ASSERT_TRUE((*run)->SetInput("x0", 0, half(kTokens).values).ok());
  ASSERT_TRUE((*run)->Step().ok());
  ExpectOutput(**run, rows_of(kTokens));
}

TEST(AttentionValuesTest, WhatDoesNotFitIsAnError) {
  const AloneInput x = SomeNumbers({kRows, kTokens, kWidth}, 1);
  const auto heads = RunAlone(R"({"type": "Attention", "model_dim": 8, "num_heads": 2,
      "position": {"type": "RelativePosition", "num_heads": 3}})", {x});
  EXPECT_THAT(std::string(heads.status().message()),
              HasSubstr("num_heads is 3, but the attention has 2 heads; set it to that or 0"));
  const auto buckets = RunAlone(R"({"type": "Attention", "model_dim": 8, "num_heads": 2,
      "position": {"type": "RelativePosition", "num_buckets": 7, "bidirectional": true}})", {x});
  EXPECT_THAT(std::string(buckets.status().message()),
              HasSubstr("expected num_buckets to be even when bidirectional"));
  const auto turned = RunAlone(R"({"type": "RelativeAttention", "model_dim": 8, "num_heads": 2,
      "memory_length": 3, "position": {"type": "RotaryPosition"}})", {x});
  EXPECT_THAT(std::string(turned.status().message()),
              HasSubstr("expected a position that does not turn, such as NoPosition"));
  const auto scaled = RunAlone(R"({"type": "Attention", "model_dim": 8, "num_heads": 2,
      "position": {"type": "RotaryPosition", "scaling": {"type": "Llama3Scaling",
                   "low_freq_factor": 4}}})", {x});
  EXPECT_THAT(std::string(scaled.status().message()),
              HasSubstr("high_freq_factor must be above low_freq_factor 4, got 4"));
}

}  // namespace
}  // namespace tessera
