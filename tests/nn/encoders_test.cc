// Method: models beside the language model: an encoder (BERT) against a forward pass written out in
// plain loops; an encoder-decoder by who may see what; patches of images number by number. All of
// them by finite differences, and a small ViT learns to tell images apart.
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/finite_difference.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::HasSubstr;

using Row = std::vector<double>;
using Rows = std::vector<Row>;

std::unique_ptr<ModelRun> Model(std::string_view json, SymbolSizes sizes, bool gradients = true) {
  RunOptions options;
  options.sizes = std::move(sizes);
  options.compile.gradients = gradients;
  auto run = ModelRun::OfJson(json, options);
  EXPECT_TRUE(run.ok()) << run.status();
  if (!run.ok()) return nullptr;
  (*run)->FillParams(3);
  return *std::move(run);
}

Rows ResultRows(const ModelRun& run, int64_t width) {
  const auto result = run.Result();
  EXPECT_TRUE(result.ok()) << result.status();
  Rows rows;
  for (int64_t i = 0; result.ok() && i < result->count(); ++i) {
    if (i % width == 0) rows.emplace_back();
    rows.back().push_back(result->At(i));
  }
  return rows;
}

// --- An encoder ---

constexpr int64_t kVocab = 11, kWidth = 6, kHeads = 2, kHidden = 5, kLength = 4;

constexpr char kBert[] = R"({
  "type": "LanguageModel", "vocab_size": 11, "model_dim": 6, "token_types": true,
  "embedding": {"type": "TokenTypeEmbedding", "num_types": 3},
  "decoder": {"num_layers": 1, "position": {"type": "LearnedPosition", "max_positions": 5},
    "embedding_norm": {"type": "LayerNorm"}, "norm": null,
    "layer": {"norm_placement": "post", "norm": {"type": "LayerNorm"},
      "attention": {"num_heads": 2, "bias": true, "causal": false},
      "feed_forward": {"hidden_dim": 5, "activation": "gelu", "gated": false, "bias": true}}},
  "head": {"type": "MaskedLanguageModelHead"}})";

// The same in loops, from the parameters of the run. One sequence.
class PlainBert {
 public:
  explicit PlainBert(const ModelRun& run) : run_(run) {}

  Rows Logits(const Row& tokens, const Row& types) const {
    Rows x;
    for (size_t t = 0; t < tokens.size(); ++t) {
      Row row(kWidth);
      for (int64_t d = 0; d < kWidth; ++d) {
        row[d] = At("embedding/weight", static_cast<int64_t>(tokens[t]) * kWidth + d) +
                 At("embedding/token_type_weight", static_cast<int64_t>(types[t]) * kWidth + d) +
                 At("decoder/position/weight", static_cast<int64_t>(t) * kWidth + d);
      }
      x.push_back(Norm("decoder/embedding_norm", row));
    }
    const std::string layer = "decoder/layers/0/";
    const Rows attended = Attend(layer + "attention/", x);
    for (size_t t = 0; t < x.size(); ++t) {
      const Row h = Norm(layer + "norm_1", Sum(x[t], attended[t]));
      Row inner = Linear(layer + "feed_forward/up_proj", h, kHidden);
      for (double& value : inner) value = Gelu(value);
      x[t] = Norm(layer + "norm_2", Sum(h, Linear(layer + "feed_forward/down_proj", inner,
                                                  kWidth)));
      Row top = Linear("head/dense", x[t], kWidth);
      for (double& value : top) value = Gelu(value);
      top = Norm("head/norm", top);
      Row logits(kVocab);
      for (int64_t v = 0; v < kVocab; ++v) {
        logits[v] = At("head/bias", v);
        for (int64_t d = 0; d < kWidth; ++d) {
          logits[v] += top[d] * At("embedding/weight", v * kWidth + d);
        }
      }
      x[t] = logits;
    }
    return x;
  }

 private:
  double At(const std::string& path, int64_t i) const {
    const Tensor tensor = run_.Param(path);
    EXPECT_TRUE(tensor.defined()) << path;
    return tensor.defined() ? tensor.At(i) : NAN;
  }
  static double Gelu(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }
  static Row Sum(Row a, const Row& b) {
    for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
  }
  Row Linear(const std::string& at, const Row& x, int64_t out) const {
    Row y(static_cast<size_t>(out));
    for (int64_t o = 0; o < out; ++o) {
      y[o] = At(at + "/bias", o);
      for (size_t i = 0; i < x.size(); ++i) {
        y[o] += x[i] * At(at + "/weight", static_cast<int64_t>(i) * out + o);
      }
    }
    return y;
  }
  Row Norm(const std::string& at, const Row& x) const {
    double mean = 0, variance = 0;
    for (const double value : x) mean += value / static_cast<double>(x.size());
    for (const double value : x) {
      variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
    }
    Row y;
    for (size_t i = 0; i < x.size(); ++i) {
      const int64_t at_i = static_cast<int64_t>(i);
      y.push_back((x[i] - mean) / std::sqrt(variance + 1e-5) * At(at + "/scale", at_i) +
                  At(at + "/bias", at_i));
    }
    return y;
  }
  Rows Attend(const std::string& at, const Rows& x) const {
    constexpr int64_t kHead = kWidth / kHeads;
    Rows q, k, v, y;
    for (const Row& row : x) {
      q.push_back(Linear(at + "q_proj", row, kWidth));
      k.push_back(Linear(at + "k_proj", row, kWidth));
      v.push_back(Linear(at + "v_proj", row, kWidth));
    }
    for (size_t t = 0; t < x.size(); ++t) {
      Row read(kWidth, 0.0);
      for (int64_t h = 0; h < kHeads; ++h) {
        Row weights;
        double total = 0;
        for (size_t s = 0; s < x.size(); ++s) {
          double score = 0;
          for (int64_t d = h * kHead; d < (h + 1) * kHead; ++d) score += q[t][d] * k[s][d];
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(kHead))));
          total += weights.back();
        }
        for (size_t s = 0; s < x.size(); ++s) {
          for (int64_t d = h * kHead; d < (h + 1) * kHead; ++d) {
            read[d] += weights[s] / total * v[s][d];
          }
        }
      }
      y.push_back(Linear(at + "o_proj", read, kWidth));
    }
    return y;
  }

  const ModelRun& run_;
};

TEST(EncoderTest, IsBert) {
  const auto run = Model(kBert, {{"B", 1}, {"T", kLength}});
  ASSERT_NE(run, nullptr);
  const Row tokens = {3, 0, 10, 7}, types = {0, 2, 1, 1};
  ASSERT_TRUE(run->SetBatch(0, tokens, {-100, 4, -100, 2}).ok());
  ASSERT_TRUE(run->SetInput("token_types", 0, types).ok());
  ASSERT_TRUE(run->Step().ok());
  const Rows expected = PlainBert(*run).Logits(tokens, types);
  const Rows logits = ResultRows(*run, kVocab);
  ASSERT_EQ(logits.size(), expected.size());
  double loss = 0;
  for (size_t t = 0; t < logits.size(); ++t) {
    double total = 0;
    for (int64_t v = 0; v < kVocab; ++v) {
      EXPECT_NEAR(logits[t][v], expected[t][v], 1e-12) << t << " " << v;
      total += std::exp(expected[t][v]);
    }
    if (t == 1) loss += std::log(total) - expected[t][4];
    if (t == 3) loss += std::log(total) - expected[t][2];
  }
  EXPECT_NEAR(run->Loss().value(), loss / 2, 1e-12);   // masked places only
  ExpectSlopes(*run);
}

TEST(EncoderTest, WithoutTypesAllTokensAreOfTheFirst) {
  std::string json = kBert;
  json.replace(json.find("\"token_types\": true"), 19, "\"token_types\": false");
  const auto run = Model(json, {{"B", 1}, {"T", kLength}});
  ASSERT_NE(run, nullptr);
  const Row tokens = {3, 0, 10, 7};
  ASSERT_TRUE(run->SetBatch(0, tokens, tokens).ok());
  ASSERT_TRUE(run->Step().ok());
  const Rows expected = PlainBert(*run).Logits(tokens, {0, 0, 0, 0});
  EXPECT_NEAR(ResultRows(*run, kVocab)[2][5], expected[2][5], 1e-12);
}

TEST(SequenceClassifierTest, HasGradientsAndOneRowOfScoresPerSequence) {
  for (const char* head : {R"("pooler": {"type": "Linear"})",
                           R"("pooling": "mean", "dropout": {"rate": 0.25},
                              "pooler": {"bias": false}, "activation": "relu")",
                           R"("pooling": "mean")"}) {
    const auto run = Model(absl::StrCat(R"({
      "type": "SequenceClassifier", "vocab_size": 11, "model_dim": 6, "num_classes": 3,
      "decoder": {"num_layers": 1, "layer": {
        "attention": {"num_heads": 2, "head_dim": 4, "causal": false},
        "feed_forward": {"hidden_dim": 5}}},
      "head": {)", head, "}}"), {{"B", 2}, {"T", kLength}});
    ASSERT_NE(run, nullptr);
    const Row ids = SomeIds(8, kVocab, 1);
    ASSERT_TRUE(run->SetBatch(0, ids, ids).ok());
    ASSERT_TRUE(run->SetInput("labels", 0, {2, 0}).ok());
    ASSERT_TRUE(run->SetKeys(5).ok() && run->Step().ok());
    EXPECT_EQ(run->Result()->dims, (std::vector<int64_t>{2, 3}));
    ExpectSlopes(*run);
  }
}

// --- An encoder-decoder ---

constexpr char kSeq2Seq[] = R"({
  "type": "EncoderDecoder", "vocab_size": 11, "model_dim": 6,
  "encoder": {"num_layers": 2, "layer": {
    "attention": {"num_heads": 2, "head_dim": 4, "causal": false},
    "feed_forward": {"hidden_dim": 5}}},
  "decoder": {"num_layers": 2, "layer": {
    "attention": {"num_heads": 2, "head_dim": 4},
    "cross_attention": {"num_heads": 3, "head_dim": 4},
    "feed_forward": {"hidden_dim": 5}}},
  "head": {"tied": true}})";

struct Pair {
  Row source, tokens, source_segments, segments;
};

Rows LogitsOf(ModelRun& run, const Pair& pair) {
  Row source_positions;
  for (size_t i = 0; i < pair.source.size(); ++i) {
    source_positions.push_back(static_cast<double>(i));
  }
  EXPECT_TRUE(run.SetBatch(0, pair.tokens, pair.tokens).ok());
  EXPECT_TRUE(run.SetInput("segments", 0, pair.segments).ok());
  EXPECT_TRUE(run.SetInput("source", 0, pair.source).ok());
  EXPECT_TRUE(run.SetInput("source_positions", 0, source_positions).ok());
  EXPECT_TRUE(run.SetInput("source_segments", 0, pair.source_segments).ok());
  EXPECT_TRUE(run.Step().ok());
  return ResultRows(run, kVocab);
}

double Distance(const Row& a, const Row& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

TEST(EncoderDecoderTest, ATokenReadsTheWholeSourceAndWhatCameBefore) {
  const auto run = Model(kSeq2Seq, {{"B", 1}, {"T", 3}, {"U", 5}});
  ASSERT_NE(run, nullptr);
  const Pair pair = {{1, 2, 3, 4, 5}, {6, 7, 8}, {0, 0, 0, 0, 0}, {0, 0, 0}};
  const Rows logits = LogitsOf(*run, pair);
  ExpectSlopes(*run);
  for (size_t s = 0; s < pair.source.size(); ++s) {
    Pair other = pair;
    other.source[s] = 9;
    const Rows changed = LogitsOf(*run, other);
    for (size_t t = 0; t < 3; ++t) EXPECT_GT(Distance(changed[t], logits[t]), 1e-6) << s;
  }
  Pair other = pair;
  other.tokens[1] = 9;
  const Rows changed = LogitsOf(*run, other);
  EXPECT_EQ(Distance(changed[0], logits[0]), 0);
  EXPECT_GT(Distance(changed[1], logits[1]), 1e-6);
  EXPECT_GT(Distance(changed[2], logits[2]), 1e-6);
}

TEST(EncoderDecoderTest, PaddingOfTheSourceIsNotRead) {
  const auto run = Model(kSeq2Seq, {{"B", 1}, {"T", 2}, {"U", 5}});
  const auto shorter = Model(kSeq2Seq, {{"B", 1}, {"T", 2}, {"U", 3}});
  ASSERT_TRUE(run != nullptr && shorter != nullptr);
  const Rows logits =
      LogitsOf(*run, {{1, 2, 3, 10, 9}, {6, 7}, {0, 0, 0, -1, -1}, {0, 0}});
  const Rows expected = LogitsOf(*shorter, {{1, 2, 3}, {6, 7}, {0, 0, 0}, {0, 0}});
  for (size_t t = 0; t < 2; ++t) EXPECT_LT(Distance(logits[t], expected[t]), 1e-12);
}

TEST(EncoderDecoderTest, BothStacksUseOneEmbeddingAndDecodingIsRefused) {
  const auto main = TraceJson(kSeq2Seq, {DType::kF32, Mode::kEvaluate});
  ASSERT_TRUE(main.ok()) << main.status();
  int tables = 0;
  for (const FunctionInput& input : (*main)->inputs()) {
    if (input.kind == InputKind::kParam && input.param.logical_dims.size() == 2 &&
        input.param.logical_dims[0] == "vocab") {
      ++tables;
      EXPECT_EQ(input.name, "embedding/weight");
    }
  }
  EXPECT_EQ(tables, 1);
  EXPECT_THAT(std::string(TraceJson(kSeq2Seq, {DType::kF32, Mode::kDecode}).status().message()),
              HasSubstr("EncoderDecoder: it has no decode mode"));
}

// --- Images ---

TEST(PatchEmbeddingTest, PatchesAreCutByRowsAndFlattenedByChannel) {
  // Patches of 2 x 2 pixels with 2 channels are 8 numbers; the projection is the identity.
  constexpr char kJson[] = R"({"type": "PatchEmbedding", "model_dim": 8, "image_size": 4,
                               "num_channels": 2, "patch_size": 2})";
  const auto config = ResolvedConfig(kJson);
  ASSERT_TRUE(config.ok()) << config.status();
  const ModuleTable modules;
  Tracer tracer(OpTable::Builtin(), modules, {DType::kF64, Mode::kTrain});
  const auto main = tracer.TraceMain(
      config->root(), {{"images", {DType::kF64, {Dim::Symbol("B"), 2, 4, 4}}}}, {});
  ASSERT_TRUE(main.ok()) << main.status();
  RunOptions options;
  options.sizes = {{"B", 2}};
  auto run = ModelRun::OfFunction(**main, options);
  ASSERT_TRUE(run.ok()) << run.status();
  Tensor weight = (*run)->Param("projection/weight"), token = (*run)->Param("class_token");
  Tensor position = (*run)->Param("position");
  EXPECT_EQ(position.dims, (std::vector<int64_t>{5, 8}));
  for (int64_t i = 0; i < 8; ++i) {
    weight.Put(i * 8 + i, 1);
    token.Put(i, 100);
    for (int64_t n = 0; n < 5; ++n) position.Put(n * 8 + i, 0.25 * static_cast<double>(n));
  }
  Row images;
  for (int i = 0; i < 64; ++i) images.push_back(i);
  ASSERT_TRUE((*run)->SetInput("images", 0, images).ok() && (*run)->Step().ok());
  const Rows rows = ResultRows(**run, 8);
  ASSERT_EQ(rows.size(), 10u);
  for (int b = 0; b < 2; ++b) {
    EXPECT_EQ(rows[b * 5][3], 100);
    for (int n = 0; n < 4; ++n) {
      for (int i = 0; i < 8; ++i) {
        const int channel = i / 4, y = n / 2 * 2 + i / 2 % 2, x = n % 2 * 2 + i % 2;
        EXPECT_EQ(rows[b * 5 + 1 + n][i], b * 32 + channel * 16 + y * 4 + x + 0.25 * (n + 1));
      }
    }
  }
}

constexpr char kVit[] = R"({
  "type": "VisionModel", "model_dim": 8, "image_size": 6, "num_channels": 2, "num_classes": 3,
  "patches": {"patch_size": 3},
  "encoder": {"num_layers": 2, "position": "NoPosition", "norm": {"type": "LayerNorm"},
    "layer": {"norm": {"type": "LayerNorm"},
      "attention": {"num_heads": 2, "bias": true, "causal": false},
      "feed_forward": {"hidden_dim": 16, "activation": "gelu", "gated": false, "bias": true}}}})";

// Image b shows a bright row, column or square by its label, in noise.
Row SomeImages(const Row& labels) {
  Row images;
  for (size_t b = 0; b < labels.size(); ++b) {
    const uint64_t seed = b + 1;
    const int place = static_cast<int>(PhiloxU64(seed, 1, 0) % 4) + 1;
    for (int i = 0; i < 2 * 36; ++i) {
      const int y = i % 36 / 6, x = i % 6;
      const bool is_bright = labels[b] == 0   ? y == place
                             : labels[b] == 1 ? x == place
                                              : std::abs(y - place) + std::abs(x - place) == 1;
      const double noise = philox::UnitDouble(PhiloxU64(seed, 2, static_cast<uint64_t>(i)));
      images.push_back(0.3 * noise + (is_bright ? 1 : 0));
    }
  }
  return images;
}

TEST(VisionModelTest, HasGradients) {
  const auto run = Model(kVit, {{"B", 2}});
  ASSERT_NE(run, nullptr);
  ASSERT_TRUE(run->SetInput("images", 0, SomeImages({0, 2})).ok());
  ASSERT_TRUE(run->SetInput("labels", 0, {0, 2}).ok() && run->Step().ok());
  EXPECT_EQ(run->Result()->dims, (std::vector<int64_t>{2, 3}));
  ExpectSlopes(*run);
}

TEST(VisionModelTest, LearnsToTellImagesApart) {
  const auto run = Model(kVit, {{"B", 24}});
  ASSERT_NE(run, nullptr);
  run->FillParams(3, 0.2);
  Row labels;
  for (int b = 0; b < 24; ++b) labels.push_back(b % 3);
  ASSERT_TRUE(run->SetInput("images", 0, SomeImages(labels)).ok());
  ASSERT_TRUE(run->SetInput("labels", 0, labels).ok() && run->Step().ok());
  EXPECT_NEAR(run->Loss().value(), std::log(3), 0.5);
  // Adam without bias correction, which is enough here.
  std::map<std::string, Row> m, v;
  for (int step = 0; step < 120; ++step) {
    for (const ProgramParam& param : run->program().params) {
      Tensor value = run->Param(param.path);
      const auto gradient = run->Gradient(param.path);
      ASSERT_TRUE(gradient.ok()) << gradient.status();
      Row& mean = m[param.path];
      Row& square = v[param.path];
      mean.resize(static_cast<size_t>(value.count()));
      square.resize(static_cast<size_t>(value.count()));
      for (int64_t i = 0; i < value.count(); ++i) {
        const double g = gradient->At(i);
        mean[i] = 0.9 * mean[i] + 0.1 * g;
        square[i] = 0.99 * square[i] + 0.01 * g * g;
        value.Put(i, value.At(i) - 0.01 * mean[i] / (std::sqrt(square[i]) + 1e-8));
      }
    }
    ASSERT_TRUE(run->Step().ok());
  }
  EXPECT_LT(run->Loss().value(), 0.1);
}

}  // namespace
}  // namespace tessera
