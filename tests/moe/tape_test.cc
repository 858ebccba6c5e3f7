// Method: routings recorded from a model and replayed into it. With the choices of the record the
// loss and every gradient have the same bits as without one, for one thread and two, for gates that
// draw numbers, with capacity, padding and experts without rows; with other choices the model
// computes with these.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "cpp/moe/internal/routing_tape.h"
#include "tests/moe/layer_run.h"
#include "tests/nn/model_json.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kFirst[] = "routing/decoder/layers/0/feed_forward";
constexpr char kSecond[] = "routing/decoder/layers/1/feed_forward";
constexpr int64_t kRows = 3, kLength = 9;

enum class Tape { kNone, kRecord, kReplay };

absl::StatusOr<std::unique_ptr<ModelRun>> Model(const std::string& mixture, Tape tape,
                                                int threads = 1) {
  ModelParts parts;
  parts.feed_forward = absl::StrCat(R"("type": "MixtureOfExperts", "expert": {"hidden_dim": 5}, )",
                                    mixture);
  ASSIGN_OR_RETURN(FunctionRef main, TraceJson(ModelJson(parts), {DType::kF32, Mode::kTrain}));
  if (tape == Tape::kRecord) {
    ASSIGN_OR_RETURN(main, WithRoutingRecorded(main));
  } else if (tape == Tape::kReplay) {
    ASSIGN_OR_RETURN(main, WithRoutingReplayed(main));
  }
  RunOptions options;
  options.dtype = DType::kF32;
  options.sizes = {{"B", kRows}, {"T", kLength}};
  options.compile.gradients = true;
  options.threads = threads;
  ASSIGN_OR_RETURN(auto run, ModelRun::OfFunction(*main, options));
  run->FillParams(3);
  RETURN_IF_ERROR(run->SetKeys(5));
  const int64_t count = kRows * kLength;
  RETURN_IF_ERROR(run->SetBatch(0, SomeIds(count, kVocab, 1), SomeIds(count, kVocab, 2)));
  return run;
}

std::vector<double> Numbers(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
  return values;
}

class TapeTest : public testing::TestWithParam<const char*> {};

TEST_P(TapeTest, AReplayHasTheSameBits) {
  auto plain = Model(GetParam(), Tape::kNone), record = Model(GetParam(), Tape::kRecord);
  ASSERT_TRUE(plain.ok() && record.ok()) << plain.status() << record.status();
  ASSERT_TRUE((*plain)->Step().ok() && (*record)->Step().ok());
  const auto expected = (*plain)->GradientBytes(), recorded = (*record)->GradientBytes();
  ASSERT_TRUE(expected.ok() && recorded.ok());
  EXPECT_TRUE(*recorded == *expected) << "recording changes nothing";
  ASSERT_EQ((*record)->program().result_slots.size(), 3u);   // logits, two layers
  const auto first = (*record)->Result(1), second = (*record)->Result(2);
  ASSERT_TRUE(first.ok() && second.ok());
  for (const int threads : {1, 2}) {
    auto replay = Model(GetParam(), Tape::kReplay, threads);
    ASSERT_TRUE(replay.ok()) << replay.status();
    ASSERT_TRUE((*replay)->SetInput(kFirst, 0, Numbers(*first)).ok());
    ASSERT_TRUE((*replay)->SetInput(kSecond, 0, Numbers(*second)).ok());
    ASSERT_GE((*replay)->program().FindSlot(kSecond, SlotKind::kInput), 0);
    ASSERT_TRUE((*replay)->Step().ok());
    const auto replayed = (*replay)->GradientBytes();
    ASSERT_TRUE(replayed.ok());
    EXPECT_TRUE(*replayed == *expected) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Mixtures, TapeTest,
    testing::Values(R"("num_experts": 4)", R"("num_experts": 4, "gate": {"type": "GShardGate"})",
                    R"("num_experts": 5, "gate": {"type": "NoisyTopKGate"}, "balance": [])",
                    R"("num_experts": 6, "gate": {"type": "DeepSeekGate"}, "top_k": 3)",
                    R"("num_experts": 4, "gate": {"type": "ReluGate"})",
                    R"("num_experts": 4, "gate": {"type": "ExpertChoiceGate"})",
                    R"("num_experts": 4, "gate": {"type": "SwipeGate"})",
                    R"("num_experts": 3, "capacity_factor": 0.7, "drop": "random")",
                    R"("num_experts": 3, "zero_experts": 1, "copy_experts": 1, "top_k": 3)",
                    R"("num_experts": 4, "skip_padding": true, "jitter": 0.1)"),
    [](const auto& info) { return absl::StrCat("mixture_", info.index); });

// All tokens at expert 2: only it has a gradient, and weights are those of the router for it.
TEST(OtherChoicesTest, AreTakenInPlaceOfTheGates) {
  const std::string mixture =
      R"("num_experts": 4, "top_k": 1, "balance": [], "gate": {"softmax_after": false})";
  auto replay = Model(mixture, Tape::kReplay);
  ASSERT_TRUE(replay.ok()) << replay.status();
  const std::vector<double> all(kRows * kLength, 2.0);
  ASSERT_TRUE((*replay)->SetInput(kFirst, 0, all).ok());
  ASSERT_TRUE((*replay)->SetInput(kSecond, 0, all).ok());
  ASSERT_TRUE((*replay)->Step().ok());
  const auto up = (*replay)->Gradient("decoder/layers/0/feed_forward/experts/up_proj/weight");
  ASSERT_TRUE(up.ok()) << up.status();
  const int64_t each = up->count() / 4;
  for (int64_t e = 0; e < 4; ++e) {
    double sum = 0;
    for (int64_t i = 0; i < each; ++i) sum += std::abs(up->At(e * each + i));
    EXPECT_EQ(sum > 0, e == 2) << e;
  }
  const auto gate = (*replay)->Gradient("decoder/layers/0/feed_forward/gate/weight");
  ASSERT_TRUE(gate.ok()) << gate.status();
  double sum = 0;
  for (int64_t i = 0; i < gate->count(); ++i) sum += std::abs(gate->At(i));
  EXPECT_GT(sum, 0) << "the router learns about the replayed choices";
}

TEST(OtherChoicesTest, WrongOnesAreErrors) {
  auto replay = Model(R"("num_experts": 4, "top_k": 1)", Tape::kReplay);
  ASSERT_TRUE(replay.ok()) << replay.status();
  std::vector<double> choices(kRows * kLength, 2.0);
  ASSERT_TRUE((*replay)->SetInput(kFirst, 0, choices).ok());
  choices[4] = 9;
  ASSERT_TRUE((*replay)->SetInput(kSecond, 0, choices).ok());
  const absl::Status status = (*replay)->Step();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("token 4, slot 0: expected expert 0 to 3, or -1 for none, got 9"));
}

TEST(OtherChoicesTest, AModelWithoutMixturesHasNone) {
  const auto main = TraceJson(ModelJson(ModelParts()), {DType::kF32, Mode::kEvaluate});
  ASSERT_TRUE(main.ok());
  EXPECT_EQ(WithRoutingRecorded(*main).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(WithRoutingReplayed(*main).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tessera
