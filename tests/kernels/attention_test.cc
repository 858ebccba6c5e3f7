// Every attention kernel this machine can run, forward and gradient, against loops in fp64 written
// here from the formulas in kernels/cpu/attention.cc and attention_grad.cc.
//
// Bounds follow from the sums themselves: a result is a sum of weighted rows and may be off by a
// few roundings of the sum of its terms' sizes. Shapes are odd on purpose: tails of the 64-row
// blocks, of vectors and of bf16 pairs, every mask, empty dims, documents, caches.
#include <string>

#include "tests/kernels/dense_harness.h"

namespace tessera::cpu::testing {
namespace {

struct Case {
  int64_t batch, queries, keys, heads, key_heads, depth, value_depth;
  bool causal = false;
  int64_t window = 0;
  double softcap = 0;
  bool segments = false;
  std::vector<int32_t> start = {};
  double scale = 0.3;
  bool sinks = false, slopes = false;
  int bias_rank = 0;       // 3: one for the whole batch, 4: one for each row
  bool bias_wide = false;  // of the dtype of sums

  // Numbers that every dtype holds exactly.
  double sink(int64_t h) const { return 0.5 * static_cast<double>(h) - 1; }
  double slope(int64_t h) const { return 0.125 / static_cast<double>(1 << (h % 4)); }
  double bias(int64_t b, int64_t h, int64_t t, int64_t key) const {
    const int64_t row = bias_rank == 4 ? b : 0;
    return static_cast<double>((row * 7 + h * 5 + t * 3 + key * 11) % 17 - 8) / 8;
  }
  double Added(int64_t b, int64_t h, int64_t t, int64_t key) const {
    const double distance = static_cast<double>(std::abs(first(b) + t - key));
    return (bias_rank > 0 ? bias(b, h, t, key) : 0) - (slopes ? slope(h) * distance : 0);
  }
  std::vector<int64_t> BiasDims() const {
    std::vector<int64_t> dims = {heads, queries, keys};
    if (bias_rank == 4) dims.insert(dims.begin(), batch);
    return dims;
  }
  int64_t first(int64_t b) const { return start.empty() ? keys - queries : start[b]; }
  int64_t limit(int64_t b) const {
    return start.empty() ? keys : std::clamp<int64_t>(start[b] + queries, 0, keys);
  }
  int32_t query_segment(int64_t b, int64_t t) const {
    return static_cast<int32_t>((t + 5 * b) / 37);
  }
  int32_t key_segment(int64_t b, int64_t t) const {
    return query_segment(b, t - (keys - queries));
  }
  bool Sees(int64_t b, int64_t t, int64_t key) const {
    const int64_t at = first(b) + t;
    if (key >= limit(b) || (causal && key > at)) return false;
    if (window > 0 && key < at - window + 1) return false;
    return !segments || query_segment(b, t) == key_segment(b, key);
  }
};

std::string Describe(const Case& c, const tsr_kernel_def& def, DType dtype) {
  return std::string(def.name) + " " + std::string(Name(dtype)) + " B" + std::to_string(c.batch) +
         " T" + std::to_string(c.queries) + " S" + std::to_string(c.keys) + " H" +
         std::to_string(c.heads) + " G" + std::to_string(c.key_heads) + " D" +
         std::to_string(c.depth) + " E" + std::to_string(c.value_depth) +
         (c.causal ? " causal" : "") + " window " + std::to_string(c.window) +
         (c.segments ? " segments" : "") + (c.start.empty() ? "" : " start") +
         (c.sinks ? " sinks" : "") + (c.slopes ? " slopes" : "") + " bias " +
         std::to_string(c.bias_rank);
}

DType WideOf(DType dtype) { return dtype == DType::kF64 ? DType::kF64 : DType::kF32; }

void AddAdditions(const Case& c, DType dtype, bool gradient, DenseCall* call) {
  std::vector<double> of_heads, slopes, bias;
  for (int64_t h = 0; h < c.heads; ++h) {
    of_heads.push_back(c.sink(h));
    slopes.push_back(c.slope(h));
  }
  if (c.sinks && !gradient) {
    call->Input(dtype, {c.heads}, of_heads);
    call->Bool("has_sinks", true);
  }
  if (c.slopes) call->Input(WideOf(dtype), {c.heads}, slopes);
  call->Bool("has_slopes", c.slopes);
  for (int64_t i = 0; c.bias_rank > 0 && i < CountOf(c.BiasDims()); ++i) {
    bias.push_back(c.bias(i / c.keys / c.queries / c.heads, i / c.keys / c.queries % c.heads,
                          i / c.keys % c.queries, i % c.keys));
  }
  if (c.bias_rank > 0) call->Input(c.bias_wide ? WideOf(dtype) : dtype, c.BiasDims(), bias);
  call->Bool("has_bias", c.bias_rank > 0);
}

void AddMasks(const Case& c, DType dtype, bool gradient, DenseCall* call) {
  if (c.segments) {
    std::vector<double> of_queries, of_keys;
    for (int64_t b = 0; b < c.batch; ++b) {
      for (int64_t t = 0; t < c.queries; ++t) of_queries.push_back(c.query_segment(b, t));
      for (int64_t t = 0; t < c.keys; ++t) of_keys.push_back(c.key_segment(b, t));
    }
    call->Input(DType::kI32, {c.batch, c.queries}, of_queries);
    call->Input(DType::kI32, {c.batch, c.keys}, of_keys);
  }
  if (!c.start.empty()) {
    call->Input(DType::kI32, {c.batch}, std::vector<double>(c.start.begin(), c.start.end()));
  }
  call->Bool("has_segments", c.segments);
  call->Bool("has_start", !c.start.empty());
  call->Bool("causal", c.causal);
  call->Int("window", c.window);
  call->Float("softcap", c.softcap);
  call->Float("scale", c.scale);
  AddAdditions(c, dtype, gradient, call);
}

std::vector<int64_t> QueryDims(const Case& c, int64_t size) {
  return {c.batch, c.queries, c.heads, size};
}
std::vector<int64_t> KeyDims(const Case& c, int64_t size) {
  return {c.batch, c.keys, c.key_heads, size};
}

// Values of k and v in rows that no query may read are NaN when |poison|.
std::vector<double> KeyValues(const Case& c, int64_t size, uint32_t seed, bool poison) {
  std::vector<double> values = Normal(CountOf(KeyDims(c, size)), seed);
  const int64_t row = c.key_heads * size;
  for (int64_t b = 0; poison && b < c.batch; ++b) {
    std::fill(values.begin() + (b * c.keys + c.limit(b)) * row,
              values.begin() + (b + 1) * c.keys * row, std::numeric_limits<double>::quiet_NaN());
  }
  return values;
}

void AddMain(const Case& c, DType dtype, bool poison, DenseCall* call) {
  call->Input(dtype, QueryDims(c, c.depth), Normal(CountOf(QueryDims(c, c.depth)), 1));
  call->Input(dtype, KeyDims(c, c.depth), KeyValues(c, c.depth, 2, poison));
  call->Input(dtype, KeyDims(c, c.value_depth), KeyValues(c, c.value_depth, 3, poison));
}

// One row of scores and what the formulas make of it, in fp64.
class Oracle {
 public:
  Oracle(const Case& c, std::vector<double> q, std::vector<double> k, std::vector<double> v)
      : c_(c), q_(std::move(q)), k_(std::move(k)), v_(std::move(v)) {}

  const double* Q(int64_t b, int64_t t, int64_t h) const {
    return q_.data() + ((b * c_.queries + t) * c_.heads + h) * c_.depth;
  }
  const double* K(int64_t b, int64_t s, int64_t h) const { return KeyRow(k_, b, s, h, c_.depth); }
  const double* V(int64_t b, int64_t s, int64_t h) const {
    return KeyRow(v_, b, s, h, c_.value_depth);
  }
  double Score(int64_t b, int64_t t, int64_t h, int64_t key, double* slope) const {
    double sum = 0;
    for (int64_t d = 0; d < c_.depth; ++d) sum += Q(b, t, h)[d] * K(b, key, h)[d];
    *slope = c_.scale;
    if (c_.softcap == 0) return sum * c_.scale + c_.Added(b, h, t, key);
    const double bent = std::tanh(sum * c_.scale / c_.softcap);
    *slope *= 1 - bent * bent;
    return c_.softcap * bent + c_.Added(b, h, t, key);
  }

 private:
  // By query head.
  const double* KeyRow(const std::vector<double>& rows, int64_t b, int64_t s, int64_t h,
                       int64_t size) const {
    return rows.data() + ((b * c_.keys + s) * c_.key_heads + h / (c_.heads / c_.key_heads)) * size;
  }
  const Case& c_;
  std::vector<double> q_, k_, v_;
};

double Tolerance(DType dtype) {
  return dtype == DType::kF64 ? 1e-13 : dtype == DType::kF32 ? 4e-6 : dtype == DType::kF16 ? 2e-3
                                                                                           : 1e-2;
}

void ExpectNear(double got, double want, double bound, const std::string& what,
                const char* result, int64_t at) {
  if (std::abs(got - want) <= bound) return;
  ADD_FAILURE() << what << " " << result << " at " << at << ": got " << got << ", want " << want
                << " within " << bound;
}

void CheckForward(const Case& c, DType dtype, const DenseCall& call, const std::string& what) {
  const Oracle oracle(c, call.Stored(0), call.Stored(1), call.Stored(2));
  const std::vector<double> y = call.Result(0);
  const std::vector<double> lse = call.Result(1);
  for (int64_t row = 0; row < c.batch * c.queries * c.heads; ++row) {
    const int64_t b = row / c.heads / c.queries, t = row / c.heads % c.queries, h = row % c.heads;
    double total = c.sinks ? std::exp(c.sink(h)) : 0, slope = 0, size = 0;
    std::vector<double> sums(c.value_depth), sizes(c.value_depth);
    for (int64_t key = 0; key < c.keys; ++key) {
      if (!c.Sees(b, t, key)) continue;
      const double score = oracle.Score(b, t, h, key, &slope);
      const double p = std::exp(score);
      size = std::max(size, std::abs(score));
      total += p;
      for (int64_t e = 0; e < c.value_depth; ++e) {
        sums[e] += p * oracle.V(b, key, h)[e];
        sizes[e] += p * std::abs(oracle.V(b, key, h)[e]);
      }
    }
    const double got = lse[(b * c.heads + h) * c.queries + t];
    if (total == 0) {
      EXPECT_EQ(got, -std::numeric_limits<double>::infinity()) << what;
      for (int64_t e = 0; e < c.value_depth; ++e) EXPECT_EQ(y[row * c.value_depth + e], 0) << what;
      continue;
    }
    ExpectNear(got, std::log(total), std::min(Tolerance(dtype), 4e-6) * (1 + size), what, "lse",
               row);
    for (int64_t e = 0; e < c.value_depth; ++e) {
      ExpectNear(y[row * c.value_depth + e], sums[e] / total,
                 Tolerance(dtype) * sizes[e] / total * (1 + size / 8), what, "y",
                 row * c.value_depth + e);
    }
    if (::testing::Test::HasFailure()) return;
  }
}

// Runs all forward kernels; returns how many took the call.
int RunForward(const Case& c, DType dtype, bool poison = false) {
  int taken = 0;
  for (const tsr_kernel_def& def : RunnableKernels(RegisterAttentionKernels)) {
    DenseCall call;
    AddMain(c, dtype, poison, &call);
    AddMasks(c, dtype, false, &call);
    call.Output(dtype, QueryDims(c, c.value_depth));
    call.Output(WideOf(dtype), {c.batch, c.heads, c.queries});
    if (!call.Run(def, 7)) continue;
    ++taken;
    CheckForward(c, dtype, call, Describe(c, def, dtype));
    if (::testing::Test::HasFailure()) return taken;
  }
  return taken;
}

// Results of the reference forward kernel, as operands of the gradient.
void AddForwardResults(const Case& c, DType dtype, DenseCall* call) {
  DenseCall forward;
  AddMain(c, dtype, false, &forward);
  AddMasks(c, dtype, false, &forward);
  forward.Output(dtype, QueryDims(c, c.value_depth));
  forward.Output(WideOf(dtype), {c.batch, c.heads, c.queries});
  ASSERT_TRUE(forward.Run(RunnableKernels(RegisterAttentionKernels).back()));
  call->Input(dtype, QueryDims(c, c.value_depth), forward.Result(0));
  call->Input(WideOf(dtype), {c.batch, c.heads, c.queries}, forward.Result(1));
}

void AddGradOperands(const Case& c, DType dtype, bool poison, DenseCall* call) {
  AddMain(c, dtype, poison, call);
  AddForwardResults(c, dtype, call);
  call->Input(dtype, QueryDims(c, c.value_depth), Normal(CountOf(QueryDims(c, c.value_depth)), 4));
  AddMasks(c, dtype, true, call);
}

void BuildGrad(const Case& c, DType dtype, bool poison, DenseCall* call) {
  AddGradOperands(c, dtype, poison, call);
  call->Output(dtype, QueryDims(c, c.depth));
  call->Output(dtype, KeyDims(c, c.depth));
  call->Output(dtype, KeyDims(c, c.value_depth));
}

struct Gradients {
  std::vector<double> values[4];  // dq, dk, dv, dbias
  std::vector<double> sizes[4];   // sums of the sizes of their terms
  double score = 0;               // the largest
};

Gradients WantedGradients(const Case& c, const DenseCall& call) {
  const Oracle oracle(c, call.Stored(0), call.Stored(1), call.Stored(2));
  const std::vector<double> y = call.Stored(3), lse = call.Stored(4), dy = call.Stored(5);
  Gradients g;
  for (int i = 0; i < (c.bias_rank > 0 ? 4 : 3); ++i) {
    const std::vector<int64_t> dims = i == 0   ? QueryDims(c, c.depth)
                                      : i == 3 ? c.BiasDims()
                                               : KeyDims(c, i == 1 ? c.depth : c.value_depth);
    g.values[i].assign(CountOf(dims), 0);
    g.sizes[i].assign(CountOf(dims), 0);
  }
  const auto add = [&](int i, int64_t at, double term, double size) {
    g.values[i][at] += term;
    g.sizes[i][at] += size;
  };
  for (int64_t row = 0; row < c.batch * c.queries * c.heads; ++row) {
    const int64_t b = row / c.heads / c.queries, t = row / c.heads % c.queries, h = row % c.heads;
    const double* dy_row = dy.data() + row * c.value_depth;
    double delta = 0;
    for (int64_t e = 0; e < c.value_depth; ++e) delta += dy_row[e] * y[row * c.value_depth + e];
    for (int64_t key = 0; key < c.keys; ++key) {
      if (!c.Sees(b, t, key)) continue;
      const int64_t key_row = (b * c.keys + key) * c.key_heads + h / (c.heads / c.key_heads);
      double slope = 0, dp = 0, dp_size = std::abs(delta);
      const double score = oracle.Score(b, t, h, key, &slope);
      const double p = std::exp(score - lse[(b * c.heads + h) * c.queries + t]);
      g.score = std::max(g.score, std::abs(score));
      for (int64_t e = 0; e < c.value_depth; ++e) {
        dp += dy_row[e] * oracle.V(b, key, h)[e];
        dp_size += std::abs(dy_row[e] * oracle.V(b, key, h)[e]);
        add(2, key_row * c.value_depth + e, p * dy_row[e], p * std::abs(dy_row[e]));
      }
      const double ds = p * (dp - delta) * slope;
      const double ds_size = p * dp_size * slope;
      const int64_t bias_row = (c.bias_rank == 4 ? b * c.heads : 0) + h;
      if (c.bias_rank > 0) {
        add(3, (bias_row * c.queries + t) * c.keys + key, p * (dp - delta), p * dp_size);
      }
      for (int64_t d = 0; d < c.depth; ++d) {
        const double k = oracle.K(b, key, h)[d], q = oracle.Q(b, t, h)[d];
        add(0, row * c.depth + d, ds * k, ds_size * std::abs(k));
        add(1, key_row * c.depth + d, ds * q, ds_size * std::abs(q));
      }
    }
  }
  return g;
}

void ExpectGradients(const Case& c, DType dtype, const Gradients& wanted, int first, int count,
                     const DenseCall& call, const std::string& what) {
  const double smallest = dtype == DType::kF16 ? 0x1p-24 : 1e-36;  // steps of small numbers
  const double tolerance = Tolerance(dtype) * (1 + wanted.score / 8);
  const char* const names[] = {"dq", "dk", "dv", "dbias"};
  for (int i = first; i < first + count; ++i) {
    const std::vector<double> got = call.Result(i - first);
    for (size_t at = 0; at < got.size(); ++at) {
      ExpectNear(got[at], wanted.values[i][at], tolerance * wanted.sizes[i][at] + smallest, what,
                 names[i], static_cast<int64_t>(at));
      if (::testing::Test::HasFailure()) return;
    }
  }
}

int RunGrad(const Case& c, DType dtype) {
  int taken = 0;
  Gradients wanted;
  for (const tsr_kernel_def& def : RunnableKernels(RegisterAttentionGradKernels)) {
    DenseCall call;
    BuildGrad(c, dtype, false, &call);
    if (!call.Run(def, 7)) continue;
    ++taken;
    // The operands are the same for every kernel.
    if (wanted.values[1].empty()) wanted = WantedGradients(c, call);
    ExpectGradients(c, dtype, wanted, 0, 3, call, Describe(c, def, dtype));
    if (::testing::Test::HasFailure()) return taken;
  }
  return taken;
}

int RunBiasGrad(const Case& c, DType dtype) {
  int taken = 0;
  for (const tsr_kernel_def& def : RunnableKernels(RegisterAttentionBiasGradKernels)) {
    DenseCall call;
    AddGradOperands(c, dtype, false, &call);
    call.Output(c.bias_wide ? WideOf(dtype) : dtype, c.BiasDims());
    if (!call.Run(def, 7)) continue;
    ++taken;
    const Gradients wanted = WantedGradients(c, call);
    ExpectGradients(c, dtype, wanted, 3, 1, call, Describe(c, def, dtype));
  }
  return taken;
}

const DType kTypes[] = {DType::kF64, DType::kF32, DType::kBF16, DType::kF16};

const std::vector<Case>& Cases() {
  static const std::vector<Case>* cases = new std::vector<Case>{
      {1, 1, 1, 1, 1, 1, 1},
      {2, 5, 9, 3, 3, 7, 5},
      {1, 64, 64, 2, 2, 64, 64, true},
      {1, 65, 65, 2, 1, 33, 31, true},
      {1, 63, 127, 4, 2, 17, 40, true},
      {1, 130, 130, 1, 1, 16, 16, true, 70},
      {1, 130, 130, 1, 1, 16, 16, true, 1},
      {1, 70, 70, 2, 2, 20, 12, false, 33},
      {1, 90, 90, 2, 2, 24, 24, true, 0, 2.5},
      {2, 150, 150, 2, 1, 16, 8, true, 0, 0, true},
      {2, 80, 80, 2, 1, 16, 8, false, 20, 0, true},
      {1, 9, 5, 1, 1, 8, 8, true},  // the first queries see nothing
      {3, 2, 200, 4, 2, 16, 16, true, 0, 0, false, {0, 61, 198}},
      {2, 3, 100, 2, 2, 16, 16, false, 40, 0, false, {7, 64}},
      {3, 1, 129, 4, 1, 32, 16, true, 0, 0, false, {0, 63, 128}},
      {2, 3, 40, 2, 2, 8, 8, true, 4, 0, false, {-5, 90}},  // outside of the cache
      {2, 3, 700, 4, 2, 40, 24, true, 0, 1.5, true},        // few queries, many chunks of keys
      {1, 4, 530, 2, 1, 64, 70, true, 300, 0, false, {526}},
      {9, 66, 66, 4, 2, 8, 8, true},                        // enough key heads to be tasks
      {1, 66, 66, 1, 1, 150, 130, true},                    // sums too large for a stack
      {16, 6, 6, 1, 1, 150, 130, true},
      {1, 40, 40, 1, 1, 16, 16, true, 0, 0, false, {}, 12.0},  // sharp
  };
  return *cases;
}

Case With(Case c, bool sinks, bool slopes, int bias_rank, bool bias_wide = false) {
  c.sinks = sinks;
  c.slopes = slopes;
  c.bias_rank = bias_rank;
  c.bias_wide = bias_wide;
  return c;
}

// Sinks, slopes and biases, alone and together, over every mask and tail.
const std::vector<Case>& AddedCases() {
  static const std::vector<Case>* cases = new std::vector<Case>{
      With({1, 1, 1, 1, 1, 1, 1}, true, true, 4),
      With({2, 5, 9, 4, 2, 7, 5}, true, false, 0),
      With({2, 70, 70, 4, 2, 16, 8, true}, true, false, 0),
      With({2, 70, 70, 4, 2, 16, 8, true}, false, true, 0),
      With({2, 70, 70, 4, 2, 16, 8, true}, false, false, 3),
      With({2, 70, 70, 4, 2, 16, 8, true}, false, false, 4, true),
      With({2, 65, 130, 2, 1, 9, 20, true, 33, 1.5, true}, true, true, 3, true),
      With({2, 130, 65, 2, 1, 9, 20, false, 0, 0, true}, true, true, 4),
      With({1, 9, 5, 1, 1, 8, 8, true}, true, false, 3),  // the first queries see the sink alone
      With({3, 2, 200, 4, 2, 16, 16, true, 0, 0, false, {0, 61, 198}}, true, true, 4),
      With({2, 3, 100, 2, 2, 16, 16, false, 40, 0, false, {7, 64}}, true, true, 3),
      With({2, 3, 40, 2, 2, 8, 8, true, 4, 0, false, {-5, 90}}, true, true, 4, true),
      With({1, 4, 530, 2, 1, 64, 70, true, 300, 2, false, {526}}, true, true, 3),
      With({9, 66, 66, 4, 2, 8, 8, true}, true, true, 3, true),
      With({1, 66, 66, 1, 1, 150, 130, true}, true, true, 4),
  };
  return *cases;
}

TEST(AttentionTest, SinksSlopesAndBiasesMatchTheFormula) {
  for (const Case& c : AddedCases()) {
    for (const DType dtype : kTypes) {
      EXPECT_GE(RunForward(c, dtype), 1);
      EXPECT_GE(RunGrad(c, dtype), 1);
      if (c.bias_rank > 0) {
        EXPECT_GE(RunBiasGrad(c, dtype), 1);
      }
      if (HasFailure()) return;
    }
  }
}

TEST(AttentionTest, EveryMaskAndTailMatchesTheFormula) {
  for (const Case& c : Cases()) {
    for (const DType dtype : kTypes) {
      EXPECT_GE(RunForward(c, dtype), 1);
      if (HasFailure()) return;
    }
  }
}

TEST(AttentionTest, GradientsMatchTheFormula) {
  for (const Case& c : Cases()) {
    for (const DType dtype : kTypes) {
      EXPECT_GE(RunGrad(c, dtype), 1);
      if (HasFailure()) return;
    }
  }
}

TEST(AttentionTest, EmptyDimsGiveZerosOrNothing) {
  const Case cases[] = {{1, 3, 0, 2, 2, 4, 4}, {1, 0, 3, 2, 2, 4, 4}, {0, 3, 3, 2, 2, 4, 4},
                        {1, 3, 3, 2, 2, 0, 4}, {1, 3, 3, 2, 2, 4, 0}, {20, 3, 0, 2, 2, 4, 4}};
  for (const Case& c : cases) {
    for (const DType dtype : kTypes) {
      EXPECT_GE(RunForward(c, dtype), 1);
      EXPECT_GE(RunGrad(c, dtype), 1);
      if (HasFailure()) return;
    }
  }
}

// What a cache holds past its length is never read, be it NaN.
TEST(AttentionTest, RowsOfACacheThatAreNotWrittenDoNotMatter) {
  const Case cases[] = {{3, 1, 150, 4, 2, 16, 16, true, 0, 0, false, {0, 62, 64}},
                        {2, 3, 100, 2, 2, 16, 16, false, 0, 0, false, {4, 65}}};
  for (const Case& c : cases) {
    for (const DType dtype : kTypes) EXPECT_GE(RunForward(c, dtype, true), 1);
  }
  for (const tsr_kernel_def& def : RunnableKernels(RegisterAttentionGradKernels)) {
    for (const DType dtype : kTypes) {
      DenseCall call;
      BuildGrad(cases[0], dtype, true, &call);
      if (!call.Run(def)) continue;
      for (int i = 0; i < 3; ++i) {
        for (const double value : call.Result(i)) ASSERT_FALSE(std::isnan(value)) << def.name;
      }
    }
  }
}

TEST(AttentionTest, TaskOrderAndThreadsChangeNoBit) {
  const Case cases[] = {{2, 150, 150, 4, 2, 24, 24, true}, {9, 70, 70, 2, 2, 16, 16, true}};
  for (const Case& c : cases) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      for (const bool gradient : {false, true}) {
        for (const tsr_kernel_def& def : RunnableKernels(
                 gradient ? RegisterAttentionGradKernels : RegisterAttentionKernels)) {
          DenseCall call;
          if (gradient) {
            BuildGrad(c, dtype, false, &call);
          } else {
            AddMain(c, dtype, false, &call);
            AddMasks(c, dtype, false, &call);
            call.Output(dtype, QueryDims(c, c.value_depth));
            call.Output(DType::kF32, {c.batch, c.heads, c.queries});
          }
          if (!call.Run(def, 1, 1)) continue;
          const auto first = call.ResultBytes();
          ASSERT_TRUE(call.Run(def, 2, 4));
          EXPECT_TRUE(first == call.ResultBytes()) << Describe(c, def, dtype);
        }
      }
    }
  }
}

TEST(AttentionTest, NaNOfAQueryStaysInItsRow) {
  const Case c = {1, 70, 70, 1, 1, 16, 16, true};
  for (const tsr_kernel_def& def : RunnableKernels(RegisterAttentionKernels)) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      std::vector<double> q = Normal(70 * 16, 1);
      q[33 * 16 + 5] = std::numeric_limits<double>::quiet_NaN();
      DenseCall call;
      call.Input(dtype, QueryDims(c, 16), q);
      call.Input(dtype, KeyDims(c, 16), Normal(70 * 16, 2));
      call.Input(dtype, KeyDims(c, 16), Normal(70 * 16, 3));
      AddMasks(c, dtype, false, &call);
      call.Output(dtype, QueryDims(c, 16));
      call.Output(DType::kF32, {1, 1, 70});
      if (!call.Run(def)) continue;
      const std::vector<double> y = call.Result(0);
      for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 16 == 33) << def.name;
    }
  }
}

TEST(AttentionTest, RefusesWhatTheOpDoesNotDefine) {
  for (const tsr_kernel_def& def : RunnableKernels(RegisterAttentionKernels)) {
    DenseCall heads;
    heads.Input(DType::kF32, {1, 2, 3, 4}, Normal(24, 1));
    heads.Input(DType::kF32, {1, 2, 2, 4}, Normal(16, 1));
    heads.Input(DType::kF32, {1, 2, 2, 4}, Normal(16, 1));
    heads.Output(DType::kF32, {1, 2, 3, 4});
    heads.Output(DType::kF32, {1, 3, 2});
    EXPECT_FALSE(heads.Run(def));
    EXPECT_EQ(heads.reason(), "attention: query heads must be a multiple of key heads");
  }
}

// Memory beyond the operands grows with the sequence, not with its square.
TEST(AttentionTest, WorkspaceIsLinearInTheSequence) {
  for (const bool gradient : {false, true}) {
    for (const tsr_kernel_def& def : RunnableKernels(gradient ? RegisterAttentionGradKernels
                                                              : RegisterAttentionKernels)) {
      size_t bytes[2] = {};
      for (const int i : {0, 1}) {
        const int64_t length = i == 0 ? 256 : 4096;
        tsr_operand operands[6] = {};
        for (tsr_operand& operand : operands) {
          operand = {nullptr, {1, length, 2, 16}, 4, static_cast<int32_t>(DType::kBF16)};
        }
        operands[4] = {nullptr, {1, 2, length}, 3, static_cast<int32_t>(DType::kF32)};
        const tsr_kernel_call call = {sizeof(call), gradient ? 6 : 3, gradient ? 3 : 2, 0,
                                      operands,     operands,         nullptr,          nullptr,
                                      def.isa,      0};
        tsr_kernel_plan plan = {};
        plan.struct_size = sizeof(plan);
        char reason[TSR_REASON_BYTES];
        if (def.prepare(&call, &plan, reason) == 0) bytes[i] = plan.workspace_bytes;
      }
      EXPECT_LE(bytes[1], bytes[0] * 16 + 4096) << def.name;
    }
  }
}

}  // namespace
}  // namespace tessera::cpu::testing
