// Method: the table gate x choices x expert x routing x dtype. Every cell runs one layer forward
// and backward, its tokens a parameter like the weights. In fp64 its gradients are those of finite
// differences, for tokens and all weights; fp32 must be within 1e-5 of fp64 and bf16 within what it
// holds, outputs and gradients alike. The outputs themselves are held against each gate's formula
// in gates_test.cc. A cell with more choices than experts is refused; gates that choose by
// themselves stand with the one number of choices that they have.
#include <cmath>
#include <cstdlib>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/moe/layer_run.h"

namespace tessera {
namespace {

constexpr int64_t kWidth = 8;

struct Gate {
  std::string name;
  std::string fields;                      // of the gate
  std::vector<int64_t> choices;            // top_k
  Mode mode = Mode::kEvaluate;
};

std::vector<Gate> Gates() {
  return {{"TopKGate", "", {1, 2, 8}},
          {"TopKGate_before", R"(, "softmax_after": false)", {1, 2, 8}},
          {"TopKGate_sigmoid", R"(, "score": "sigmoid", "bias": true)", {1, 2, 8}},
          {"SwitchGate", "", {1}},
          {"GShardGate", "", {2}},
          {"NoisyTopKGate", "", {1, 2, 8}},
          {"DeepSeekGate", R"(, "scale": 2.5)", {1, 2, 8}},
          {"CosineGate", R"(, "proj_dim": 5)", {1, 2, 8}},
          {"ReluGate", "", {2}},
          {"TopPGate", "", {2}},
          {"ExpertChoiceGate", "", {2}},
          {"SinkhornGate", "", {1, 2, 8}, Mode::kTrain},
          {"BaseGate", "", {1}, Mode::kTrain},
          {"HashGate", "", {1, 2, 8}},
          {"QuantileGate", "", {1, 2, 8}},
          {"SwipeGate", "", {1, 2, 8}, Mode::kTrain}};
}

struct RoutingCase {
  const char* name;
  int64_t experts, batch, length;
  bool to_one = false;   // all tokens like expert 0 best
};

constexpr RoutingCase kRoutings[] = {{"usual", 9, 2, 7},      {"all_to_one", 9, 2, 7, true},
                                  {"empty", 40, 1, 3},     {"no_tokens", 9, 0, 7},
                                  {"one_token", 9, 1, 1},  {"one_expert", 1, 2, 7},
                                  {"many", 257, 1, 6}};

constexpr const char* kExperts[] = {R"("hidden_dim": 5)",
                                    R"("hidden_dim": 5, "gated": false, "bias": true)"};

// Cells that say nothing, with the reason.
std::string WhyNot(const Gate& gate, const RoutingCase& routing) {
  const int64_t tokens = routing.batch * routing.length;
  if (gate.name == "SinkhornGate" && tokens == 1) {
    return "scalings make all experts equal for one token: rounding chooses";
  }
  return "";
}

struct Cell {
  const Gate& gate;
  int64_t choices;
  const RoutingCase& routing;
  std::string expert;
};

// What one layer gives: "y" and the gradients by path.
using Numbers = std::map<std::string, std::vector<double>>;

class CellRun {
 public:
  static absl::StatusOr<CellRun> Create(const Cell& cell, DType dtype) {
    const std::string type = cell.gate.name.substr(0, cell.gate.name.find('_'));
    const std::string json = absl::StrCat(
        R"({"type": "MixtureOfExperts", "model_dim": 8, "balance": [], "num_experts": )",
        cell.routing.experts, R"(, "top_k": )", cell.choices, R"(, "expert": {)", cell.expert,
        R"(}, "gate": {"type": ")", type, "\"", cell.gate.fields, "}}");
    ASSIGN_OR_RETURN(const Config config, ResolvedConfig(json));
    const ModuleTable modules;
    Tracer tracer(OpTable::Builtin(), modules, {dtype, cell.gate.mode});
    const Dims tokens = {Dim(cell.routing.batch), Dim(cell.routing.length)};
    const ValueType x{dtype, {tokens[0], tokens[1], Dim(kWidth)}};
    ASSIGN_OR_RETURN(const FunctionRef layer,
                     tracer.TraceMain(config.root(), {{"x", x}},
                                      {{"tokens", {DType::kI32, tokens}},
                                       {"batch_offset", {DType::kI64, {}}}}));
    CellRun run(cell);
    ASSIGN_OR_RETURN(run.run_, WithLoss(*layer, layer, cell));
    RETURN_IF_ERROR(run.Fill());
    return run;
  }

  absl::StatusOr<Numbers> Results() {
    RETURN_IF_ERROR(run_->Step());
    Numbers numbers;
    ASSIGN_OR_RETURN(const Tensor y, run_->Result());
    numbers["y"] = AsList(y);
    for (const ProgramParam& param : run_->program().params) {
      const auto gradient = run_->Gradient(param.path);
      if (gradient.ok()) numbers[param.path] = AsList(*gradient);
    }
    return numbers;
  }

  // The slope of the loss along one element of a parameter.
  absl::StatusOr<double> Slope(const std::string& path, int64_t i) {
    Tensor param = run_->Param(path);
    const double before = param.At(i);
    double slopes[2];
    for (int k : {1, 2}) {
      double values[2];
      for (int side : {0, 1}) {
        param.Put(i, before + (side == 0 ? k : -k) * kStep);
        RETURN_IF_ERROR(run_->Step());
        ASSIGN_OR_RETURN(values[side], run_->Loss());
      }
      slopes[k - 1] = (values[0] - values[1]) / (2 * k * kStep);
    }
    param.Put(i, before);
    return (4 * slopes[0] - slopes[1]) / 3;
  }

  static std::vector<double> AsList(const Tensor& tensor) {
    std::vector<double> values;
    for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
    return values;
  }

 private:
  static constexpr double kStep = 1e-5;

  explicit CellRun(const Cell& cell) : cell_(cell) {}

  // loss = sum of y * c for fixed numbers c; x is a parameter, unless it is empty.
  static absl::StatusOr<std::unique_ptr<ModelRun>> WithLoss(const Function& layer,
                                                            const FunctionRef& callee,
                                                            const Cell& cell) {
    Function main("main");
    Values operands;
    for (const FunctionInput& input : layer.inputs()) {
      const bool is_x = input.name == "x" && cell.routing.batch > 0;
      operands.push_back(main.AddInput(input.name, is_x ? InputKind::kParam : input.kind,
                                       layer.type(input.value), input.param));
    }
    ASSIGN_OR_RETURN(const Values results, main.AddCall(callee, "", operands));
    Graph graph(OpTable::Builtin(), main);
    const ValueType y = main.type(results[0]);
    const DType wide = y.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
    const ValueId c = main.AddInput("c", InputKind::kArgument, {wide, y.dims});
    const ValueId loss = graph.Sum(graph.Mul(graph.Cast(results[0], wide), c), {0, 1, 2});
    const ValueId one = graph.Constant(1, wide);
    RETURN_IF_ERROR(graph.status());
    main.AddOutput("y", results[0]);
    main.AddOutput("loss", loss, OutputKind::kLossNumerator);
    main.AddOutput("loss", one, OutputKind::kLossDenominator);
    RunOptions options;
    options.compile.gradients = true;
    options.sizes = {};
    return ModelRun::OfFunction(main, options);
  }

  // The same numbers in every dtype, such as bf16 holds.
  absl::Status Fill() {
    const int64_t tokens = cell_.routing.batch * cell_.routing.length;
    run_->FillParams(static_cast<uint64_t>(7 + cell_.choices));
    for (const ProgramParam& param : run_->program().params) {
      Tensor tensor = run_->Param(param.path);
      if (param.path == "x") {
        const Matrix x = LayerRun::SomeTokens(tokens, kWidth, 5);
        for (int64_t i = 0; i < tensor.count(); ++i) {
          const auto t = static_cast<size_t>(i / kWidth), d = static_cast<size_t>(i % kWidth);
          tensor.Put(i, d == 0 && cell_.routing.to_one ? 1 : x[t][d]);
        }
        continue;
      }
      const bool leans = cell_.routing.to_one && param.path == "gate/weight";
      for (int64_t i = 0; i < tensor.count(); ++i) {
        double value = tensor.At(i);
        if (leans) value = i == 0 ? 3 : value / 8;
        tensor.Put(i, FloatFromBF16(BF16FromFloat(static_cast<float>(value))));
      }
    }
    std::vector<double> ids, c;
    for (int64_t t = 0; t < tokens; ++t) ids.push_back(LayerRun::TokenId(static_cast<size_t>(t)));
    for (int64_t i = 0; i < tokens * kWidth; ++i) {
      c.push_back(0.25 * static_cast<double>(i % 7) - 1);
    }
    RETURN_IF_ERROR(run_->SetInput("tokens", 0, ids));
    RETURN_IF_ERROR(run_->SetInput("batch_offset", 0, {0}));
    if (tokens == 0) RETURN_IF_ERROR(run_->SetInput("x", 0, {}));
    return run_->SetInput("c", 0, c);
  }

  Cell cell_;
  std::unique_ptr<ModelRun> run_;
};

class TableTest : public testing::TestWithParam<Gate> {
 protected:
  static double Largest(const std::vector<double>& values) {
    double most = 0;
    for (const double v : values) most = std::max(most, std::abs(v));
    return most;
  }

  // Of the largest number of a tensor, or a twentieth of the largest of all, where that is more.
  static void Compare(const Numbers& got, const Numbers& wanted, double tolerance) {
    ASSERT_EQ(got.size(), wanted.size());
    double most = 1e-3;
    for (const auto& [name, values] : wanted) most = std::max(most, Largest(values) / 20);
    for (const auto& [name, values] : wanted) {
      const std::vector<double>& other = got.at(name);
      ASSERT_EQ(other.size(), values.size()) << name;
      const double bound = tolerance * std::max(most, Largest(values));
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(other[i], values[i], bound) << name << " " << i;
      }
    }
  }

  static void CheckSlopes(CellRun& run, const Numbers& numbers) {
    for (const auto& [path, gradient] : numbers) {
      if (path == "y" || gradient.empty()) continue;
      // The steepest element and one in the middle.
      size_t steepest = 0;
      for (size_t i = 0; i < gradient.size(); ++i) {
        if (std::abs(gradient[i]) > std::abs(gradient[steepest])) steepest = i;
      }
      for (const size_t i : {steepest, gradient.size() / 2}) {
        const auto slope = run.Slope(path, static_cast<int64_t>(i));
        ASSERT_TRUE(slope.ok()) << slope.status();
        EXPECT_NEAR(*slope, gradient[i], 3e-8 * (1 + std::abs(*slope))) << path << " " << i;
      }
    }
  }
};

TEST_P(TableTest, EveryCell) {
  const bool is_short = std::getenv("TESSERA_SHORT") != nullptr;
  int cells = 0;
  for (const int64_t choices : GetParam().choices) {
    for (const RoutingCase& routing : kRoutings) {
      if (choices > routing.experts) continue;   // RefusedTest
      if (!WhyNot(GetParam(), routing).empty()) continue;
      for (const char* expert : kExperts) {
        if (is_short && (choices == 8 || routing.experts > 100)) continue;
        SCOPED_TRACE(absl::StrCat("k=", choices, " ", routing.name, " ", expert));
        const Cell cell{GetParam(), choices, routing, expert};
        auto run = CellRun::Create(cell, DType::kF64);
        ASSERT_TRUE(run.ok()) << run.status();
        const auto exact = run->Results();
        ASSERT_TRUE(exact.ok()) << exact.status();
        ASSERT_GE(exact->size(), 3u);
        CheckSlopes(*run, *exact);
        for (const auto& [dtype, tolerance] :
             {std::pair(DType::kF32, 1e-5), std::pair(DType::kBF16, 2e-2)}) {
          SCOPED_TRACE(Name(dtype));
          auto narrow = CellRun::Create(cell, dtype);
          ASSERT_TRUE(narrow.ok()) << narrow.status();
          const auto numbers = narrow->Results();
          ASSERT_TRUE(numbers.ok()) << numbers.status();
          Compare(*numbers, *exact, tolerance);
        }
        ++cells;
      }
    }
  }
  EXPECT_GE(cells, 4);
}

INSTANTIATE_TEST_SUITE_P(Gates, TableTest, testing::ValuesIn(Gates()),
                         [](const auto& info) { return info.param.name; });

// More choices than experts are no cells of the table.
TEST(RefusedTest, MoreChoicesThanExperts) {
  for (const Gate& gate : Gates()) {
    for (const int64_t choices : gate.choices) {
      if (choices == 1 || gate.choices.size() < 3) continue;
      const Cell cell{gate, choices, kRoutings[5], kExperts[0]};
      const auto run = CellRun::Create(cell, DType::kF64);
      EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument) << gate.name;
      EXPECT_THAT(std::string(run.status().message()), testing::HasSubstr("k must be between"))
          << gate.name;
    }
  }
}

}  // namespace
}  // namespace tessera
