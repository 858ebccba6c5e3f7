// Method: a small language model whose feed-forward is a mixture of experts, in fp64: the gradients
// of the whole loss, balance losses included, are those of finite differences, for every gate,
// every loss alone, shared and unlike experts, capacity with each way to drop, whole and in two
// micro-batches. Losses on totals are functions of whole micro-batches, so that the two forms are
// two different losses, each with its own gradient.
#include <cmath>
#include <map>

#include "gtest/gtest.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 2e-8;

struct MixtureCase {
  std::string name;
  std::string fields;
  std::string type = "MixtureOfExperts";
};

std::vector<MixtureCase> MixtureCases() {
  std::vector<MixtureCase> cases;
  const auto add = [&](std::string name, const std::string& fields) {
    cases.push_back({std::move(name), fields});
  };
  const std::string none = R"("balance": [], )";
  add("usual", R"("num_experts": 4)");
  add("softmax_before", none + R"("gate": {"softmax_after": false}, "num_experts": 4)");
  add("renormalized",
      none + R"("gate": {"softmax_after": false}, "renormalize": true, "weight_scale": 2.5)");
  add("sigmoid", none + R"("gate": {"score": "sigmoid", "bias": true}, "num_experts": 3)");
  add("switch_", R"("gate": {"type": "SwitchGate"}, "num_experts": 3)");
  add("switch_fastmoe", none + R"("gate": {"type": "SwitchGate", "fastmoe": true})");
  add("g_shard", R"("gate": {"type": "GShardGate"}, "num_experts": 3,
                    "balance": [{"type": "LoadBalance", "first_choice": true, "weight": 1}])");
  add("noisy", none + R"("gate": {"type": "NoisyTopKGate"}, "num_experts": 5)");
  add("noisy_importance",
      none + R"("gate": {"type": "NoisyTopKGate", "load_weight": 0, "importance_weight": 2})");
  add("noisy_load",
      none + R"("gate": {"type": "NoisyTopKGate", "importance_weight": 0, "load_weight": 2,
                         "fastmoe": true}, "num_experts": 4)");
  add("deep_seek",
      R"("gate": {"type": "DeepSeekGate", "num_groups": 2, "scale": 2.5}, "num_experts": 8,
         "top_k": 2, "shared": {"hidden_dim": 3},
         "balance": [{"type": "LoadBalance", "scope": "sequence", "weight": 1}])");
  add("cosine", none + R"("gate": {"type": "CosineGate", "proj_dim": 5}, "num_experts": 4)");
  add("relu", none + R"("gate": {"type": "ReluGate", "first_factor": 0.5}, "num_experts": 4)");
  add("top_p", none + R"("gate": {"type": "TopPGate", "normalize": true}, "num_experts": 4)");
  add("expert_choice", none + R"("gate": {"type": "ExpertChoiceGate"}, "num_experts": 3)");
  add("base", none + R"("gate": {"type": "BaseGate"}, "num_experts": 3)");
  add("sinkhorn", none + R"("gate": {"type": "SinkhornGate"}, "num_experts": 3)");
  add("hash", none + R"("gate": {"type": "HashGate"}, "num_experts": 3)");
  add("quantile", none + R"("gate": {"type": "QuantileGate"}, "num_experts": 5)");
  add("swipe", none + R"("gate": {"type": "SwipeGate", "group_size": 2}, "num_experts": 4)");
  add("skip_padding", R"("skip_padding": true, "num_experts": 4, "gate": {"type": "NoisyTopKGate"},
      "balance": [{"type": "LoadBalance", "weight": 2}, {"type": "RouterZLoss"},
                  {"type": "ImportanceBalance", "name": "weights"},
                  {"type": "LoadMetrics", "loads": true},
                  {"type": "LoadBalance", "scope": "sequence", "name": "by_sequence"}])");
  add("load_balance", R"("balance": [{"type": "LoadBalance", "weight": 3}], "num_experts": 4)");
  add("load_balance_by_sequence",
      R"("balance": [{"type": "LoadBalance", "weight": 3, "scope": "sequence"}])");
  add("load_balance_of_tokens",
      R"("balance": [{"type": "LoadBalance", "weight": 3, "per_choice": false}])");
  add("importance", R"("balance": [{"type": "ImportanceBalance", "weight": 3}])");
  add("z_loss", R"("balance": [{"type": "RouterZLoss", "weight": 3}], "num_experts": 4)");
  add("all_losses", R"("balance": [{"type": "LoadBalance"}, {"type": "RouterZLoss"},
      {"type": "ImportanceBalance"}, {"type": "LoadMetrics"},
      {"type": "LoadBalance", "scope": "sequence", "name": "by_sequence"}])");
  add("shared", none + R"("shared": {"hidden_dim": 3}, "shared_gate": true, "num_experts": 3)");
  add("bias", none + R"("num_experts": 3,
      "expert": {"hidden_dim": 4, "bias": true, "gated": false, "activation": "gelu"})");
  add("unlike", none + R"("num_experts": 2, "expert": null,
      "experts": [{"type": "FeedForward", "hidden_dim": 4},
                  {"type": "FeedForward", "hidden_dim": 7, "gated": false, "bias": true}])");
  add("zero_and_copy", R"("num_experts": 3, "zero_experts": 1, "copy_experts": 2, "top_k": 3)");
  add("latent", none + R"("num_experts": 3, "latent_dim": 6)");
  add("residual", none + R"("num_experts": 3, "shared": {"hidden_dim": 3}, "residual_mix": true)");
  add("one_after_the_other", none + R"("num_experts": 3, "run_experts": "each")");
  for (const char* drop : {"position", "choice", "probability", "priority", "random"}) {
    add(absl::StrCat("drop_by_", drop),
        absl::StrCat(none, R"("num_experts": 3, "capacity_factor": 0.7, "drop": ")", drop, "\""));
  }
  add("drop_and_renormalize", none + R"("num_experts": 3, "capacity_factor": 0.7,
      "renormalize_kept": true, "group": "sequence", "min_capacity": 1)");
  add("jitter", R"("num_experts": 3, "jitter": 0.1)");
  add("one_expert", R"("num_experts": 1, "top_k": 1)");
  cases.push_back({"soft", R"("num_experts": 3, "slots_per_expert": 2)", "SoftMixtureOfExperts"});
  return cases;
}

absl::StatusOr<std::unique_ptr<ModelRun>> Prepared(const MixtureCase& mixture, int micro_batches,
                                                   RunOptions options) {
  const std::string& fields = mixture.fields;
  ModelParts parts;
  parts.feed_forward = absl::StrCat("\"type\": \"", mixture.type, "\", ", fields);
  if (fields.find("hidden_dim") == std::string::npos ||
      fields.find("\"shared\"") != std::string::npos) {
    absl::StrAppend(&parts.feed_forward, R"(, "expert": {"hidden_dim": 5})");
  }
  options.compile.gradients = true;
  options.compile.micro_batches = micro_batches;
  ASSIGN_OR_RETURN(auto run, ModelRun::OfJson(ModelJson(parts), options));
  run->FillParams(3);
  const int64_t count = options.sizes.at("B") * options.sizes.at("T");
  for (int m = 0; m < micro_batches; ++m) {
    const auto seed = static_cast<uint64_t>(20 * m);
    std::vector<double> targets = SomeIds(count, kVocab, seed + 2);
    targets[1] = parts.ignored;
    RETURN_IF_ERROR(run->SetBatch(m, SomeIds(count, kVocab, seed + 1), targets));
  }
  RETURN_IF_ERROR(run->Step());
  return run;
}

absl::StatusOr<double> LossWith(ModelRun& run, Tensor& param, int64_t i, double value) {
  const double before = param.At(i);
  param.Put(i, value);
  const absl::Status status = run.Step();
  param.Put(i, before);
  RETURN_IF_ERROR(status);
  return run.Loss();
}

class MixtureTest : public testing::TestWithParam<MixtureCase> {
 protected:
  static void CheckGradients(ModelRun& run) {
    std::map<std::string, std::vector<double>> gradients;
    for (const ProgramParam& param : run.program().params) {
      if (param.spec.is_buffer) continue;
      const auto gradient = run.Gradient(param.path);
      if (absl::IsNotFound(gradient.status())) continue;   // no loss reaches it
      ASSERT_TRUE(gradient.ok()) << gradient.status();
      auto& values = gradients[param.path];
      for (int64_t i = 0; i < gradient->count(); ++i) values.push_back(gradient->At(i));
    }
    ASSERT_GT(gradients.size(), 10u);
    for (const auto& [path, expected] : gradients) {
      Tensor param = run.Param(path);
      const size_t stride = std::max<size_t>(1, expected.size() / 6);
      for (size_t i = 0; i < expected.size(); i += stride) {
        const double x = param.At(static_cast<int64_t>(i));
        double slopes[2];
        for (int k : {1, 2}) {
          const auto up = LossWith(run, param, static_cast<int64_t>(i), x + k * kStep);
          const auto down = LossWith(run, param, static_cast<int64_t>(i), x - k * kStep);
          ASSERT_TRUE(up.ok() && down.ok()) << up.status();
          slopes[k - 1] = (*up - *down) / (2 * k * kStep);
        }
        const double slope = (4 * slopes[0] - slopes[1]) / 3;
        EXPECT_NEAR(slope, expected[i], kTolerance * (1 + std::abs(slope))) << path << " " << i;
      }
    }
  }
};

TEST_P(MixtureTest, GradientsAreThoseOfFiniteDifferences) {
  auto run = Prepared(GetParam(), 1, {});
  ASSERT_TRUE(run.ok()) << run.status();
  CheckGradients(**run);
}

TEST_P(MixtureTest, AlsoInTwoMicroBatches) {
  RunOptions options;
  options.sizes = {{"B", 1}, {"T", 5}};
  auto run = Prepared(GetParam(), 2, options);
  ASSERT_TRUE(run.ok()) << run.status();
  CheckGradients(**run);
}

TEST_P(MixtureTest, ThreadsAndRecomputingChangeNoBit) {
  RunOptions options;
  options.dtype = DType::kF32;
  options.sizes = {{"B", 4}, {"T", 20}};
  auto one = Prepared(GetParam(), 1, options);
  ASSERT_TRUE(one.ok()) << one.status();
  const auto expected = (*one)->GradientBytes();
  ASSERT_TRUE(expected.ok()) << expected.status();
  options.threads = 2;
  for (RecomputePolicy policy : {RecomputePolicy::kNone, RecomputePolicy::kFull}) {
    options.compile.recompute = policy;
    auto run = Prepared(GetParam(), 1, options);
    ASSERT_TRUE(run.ok()) << run.status();
    const auto bytes = (*run)->GradientBytes();
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_TRUE(*bytes == *expected) << "policy " << static_cast<int>(policy);
  }
}

INSTANTIATE_TEST_SUITE_P(Mixtures, MixtureTest, testing::ValuesIn(MixtureCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tessera
