// Method: a model with a memory (RelativeAttention) in fp64 over pieces of one text. Of one layer,
// whose inputs do not depend on what was read before, the second piece is held against the second
// half of the whole text at once; of two, gradients are held against finite differences for a
// memory that stands still, and policies and micro-batches against each other.
#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "tests/nn/finite_difference.h"
#include "tests/nn/model_json.h"

namespace tessera {
namespace {

constexpr int64_t kTokens = 4, kPieces = 3;

std::string MemoryJson(int num_layers, int memory_length) {
  ModelParts parts;
  parts.num_layers = num_layers;
  parts.position = R"({"type": "NoPosition"})";
  parts.attention = absl::StrCat(
      R"("type": "RelativeAttention", "num_heads": 2, "memory_length": )", memory_length);
  return ModelJson(parts);
}

RunOptions Training(int64_t rows, int64_t tokens, int micro_batches = 1) {
  RunOptions options;
  options.sizes = {{"B", rows}, {"T", tokens}};
  options.compile.gradients = true;
  options.compile.micro_batches = micro_batches;
  return options;
}

// Token `t` of row `row` of the text.
double TokenAt(int64_t row, int64_t t) {
  return static_cast<double>((7 * row + 5 * t + t * t / 3) % kVocab);
}

// Tokens [first, first + count) of `rows` rows from `first_row` on; targets before `from` are
// ignored.
absl::Status SetPiece(ModelRun& run, int micro_batch, int64_t first_row, int64_t rows,
                      int64_t first, int64_t count, int64_t from = 0) {
  std::vector<double> tokens, targets;
  for (int64_t b = 0; b < rows; ++b) {
    for (int64_t t = first; t < first + count; ++t) {
      tokens.push_back(TokenAt(first_row + b, t));
      targets.push_back(t < from ? ModelParts().ignored : TokenAt(first_row + b, t + 1));
    }
  }
  return run.SetBatch(micro_batch, tokens, targets);
}

absl::Status StepOnPiece(ModelRun& run, int64_t piece, int64_t rows, int micro_batches = 1) {
  for (int m = 0; m < micro_batches; ++m) {
    RETURN_IF_ERROR(SetPiece(run, m, m * rows, rows, piece * kTokens, kTokens));
  }
  return run.Step();
}

std::vector<double> Numbers(const Tensor& tensor) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < tensor.count(); ++i) numbers.push_back(tensor.At(i));
  return numbers;
}

std::map<std::string, std::vector<double>> States(const ModelRun& run) {
  std::map<std::string, std::vector<double>> states;
  for (const auto& [kind, name] : run.store()->List()) {
    if (kind == SlotKind::kState) states[name] = Numbers(run.store()->Find(kind, name));
  }
  return states;
}

void PutStates(const ModelRun& run, const std::map<std::string, std::vector<double>>& states) {
  for (const auto& [name, values] : states) {
    Tensor tensor = run.store()->Find(SlotKind::kState, name);
    for (size_t i = 0; i < values.size(); ++i) tensor.Put(static_cast<int64_t>(i), values[i]);
  }
}

double LargestDifference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

TEST(TrainedMemoryTest, TheSecondPieceIsTheSecondHalfOfTheWhole) {
  for (const int memory_length : {4, 6}) {
    SCOPED_TRACE(memory_length);
    auto whole = ModelRun::OfJson(MemoryJson(1, 0), Training(2, 2 * kTokens));
    auto pieces = ModelRun::OfJson(MemoryJson(1, memory_length), Training(2, kTokens));
    ASSERT_TRUE(whole.ok() && pieces.ok()) << whole.status() << pieces.status();
    for (ModelRun* run : {whole->get(), pieces->get()}) run->FillParams(3);
    ASSERT_TRUE(SetPiece(**whole, 0, 0, 2, 0, 2 * kTokens, /*from=*/kTokens).ok());
    ASSERT_TRUE((*whole)->Step().ok());
    for (const int64_t piece : {0, 1}) ASSERT_TRUE(StepOnPiece(**pieces, piece, 2).ok());
    EXPECT_NEAR((*pieces)->Loss().value(), (*whole)->Loss().value(), 1e-12);
    // What makes the inputs of the layer has a gradient by way of the first half there; here the
    // first piece is over. Everything behind them is the same.
    int others = 0;
    for (const ProgramParam& param : (*pieces)->program().params) {
      const double difference = LargestDifference(Numbers(*(*pieces)->Gradient(param.path)),
                                                  Numbers(*(*whole)->Gradient(param.path)));
      const bool makes_inputs = param.path.find("embedding") != std::string::npos ||
                                param.path.find("norm_1") != std::string::npos;
      if (makes_inputs) {
        EXPECT_GT(difference, 1e-4) << param.path;
        ++others;
      } else {
        EXPECT_LT(difference, 1e-12) << param.path;
      }
    }
    EXPECT_EQ(others, 2);
  }
}

TEST(TrainedMemoryTest, GradientsAreSlopesForAMemoryThatStandsStill) {
  for (const auto policy :
       {RecomputePolicy::kNone, RecomputePolicy::kSelective, RecomputePolicy::kFull}) {
    RunOptions options = Training(1, kTokens, 2);
    options.compile.recompute = policy;
    auto run = ModelRun::OfJson(MemoryJson(2, 3), options);
    ASSERT_TRUE(run.ok()) << run.status();
    (*run)->FillParams(5);
    ASSERT_TRUE(StepOnPiece(**run, 0, 1, 2).ok());
    const auto before = States(**run);
    ASSERT_EQ(before.size(), 8u) << "two states, two layers, two micro-batches";
    ASSERT_TRUE(StepOnPiece(**run, 1, 1, 2).ok());
    EXPECT_NE(States(**run), before);
    ExpectSlopes(**run, 2, [&] { PutStates(**run, before); });
  }
}

TEST(TrainedMemoryTest, WhatIsComputedAgainChangesNoBit) {
  std::vector<std::map<std::string, std::string>> expected;
  std::map<std::string, std::vector<double>> states;
  const RecomputePolicy policies[] = {RecomputePolicy::kNone, RecomputePolicy::kSelective,
                                      RecomputePolicy::kFull};
  for (const bool apart : {false, true}) {
    for (const auto policy : policies) {
      RunOptions options = Training(2, kTokens, 2);
      options.dtype = DType::kF32;
      options.compile.recompute = policy;
      options.compile.separate_weight_gradient = apart;
      auto run = ModelRun::OfJson(MemoryJson(2, 6), options);
      ASSERT_TRUE(run.ok()) << run.status();
      (*run)->FillParams(5);
      for (int64_t piece = 0; piece < kPieces; ++piece) {
        ASSERT_TRUE(StepOnPiece(**run, piece, 2, 2).ok());
        const auto bytes = (*run)->GradientBytes();
        ASSERT_TRUE(bytes.ok()) << bytes.status();
        if (static_cast<int64_t>(expected.size()) == piece) expected.push_back(*bytes);
        EXPECT_EQ(*bytes, expected[static_cast<size_t>(piece)]) << piece;
      }
      if (states.empty()) states = States(**run);
      EXPECT_EQ(States(**run), states);
    }
  }
}

TEST(TrainedMemoryTest, MicroBatchesCarryTheirRows) {
  auto whole = ModelRun::OfJson(MemoryJson(2, 6), Training(4, kTokens));
  auto parts = ModelRun::OfJson(MemoryJson(2, 6), Training(2, kTokens, 2));
  ASSERT_TRUE(whole.ok() && parts.ok()) << whole.status() << parts.status();
  for (ModelRun* run : {whole->get(), parts->get()}) run->FillParams(7);
  for (int64_t piece = 0; piece < kPieces; ++piece) {
    ASSERT_TRUE(StepOnPiece(**whole, piece, 4).ok());
    ASSERT_TRUE(StepOnPiece(**parts, piece, 2, 2).ok());
    EXPECT_NEAR((*parts)->Loss().value(), (*whole)->Loss().value(), 1e-12);
    for (const ProgramParam& param : (*whole)->program().params) {
      // Step gives each micro-batch the seed of the whole: 1 / targets of both.
      EXPECT_LT(LargestDifference(Numbers(*(*parts)->Gradient(param.path)),
                                  Numbers(*(*whole)->Gradient(param.path))),
                1e-12)
          << param.path;
    }
    const auto states = States(**parts);
    for (const auto& [name, rows] : States(**whole)) {
      std::vector<double> joined = states.at(name);
      const std::vector<double>& rest = states.at(name + "#1");
      joined.insert(joined.end(), rest.begin(), rest.end());
      EXPECT_LT(LargestDifference(joined, rows), 1e-12) << name;
    }
  }
}

}  // namespace
}  // namespace tessera
