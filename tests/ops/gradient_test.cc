// Method: for each `grad` line a function of one node is differentiated. Its gradients, run in
// fp64, are held against central differences of the sum of all results times fixed random weights:
// the oracle does both, so this is about the rule. Kernels in fp64 must give the same gradients.
// Then the same gradients in f32 and bf16 (operands as parameters, so that bf16 gives f32
// gradients) are held against those in fp64 on the same rounded operands.
#include "cpp/autodiff/differentiate.h"
#include "cpp/ir/verifier.h"
#include "gtest/gtest.h"
#include "tests/ops/compare.h"
#include "tests/ops/op_use.h"
#include "tests/ops/oracle.h"

namespace tessera {
namespace {

// A step that balances the error of the formula (step^2) and of rounding (1e-16 / step).
constexpr double kStep = 6e-6;
constexpr double kFiniteDifferenceTolerance = 1e-6;
// Two ways through the same formulas in fp64.
constexpr double kSameTolerance = 1e-11;
// Gradients of some ops are chains of several rounded ops.
constexpr double kF32Tolerance = 1e-4;
constexpr double kBF16Tolerance = 6e-2;

struct GradientCase {
  PreparedCase prepared;
  std::vector<bool> active;    // per input
  std::vector<bool> weighted;  // per output
  std::vector<Tensor> weights;
};

// lse of attention has no gradient; others that are floats and depend on the operands do.
std::vector<bool> WeightedOutputs(const GradientCase& use) {
  std::vector<bool> weighted = ActiveOutputs(*use.prepared.function, use.active);
  if (use.prepared.op->name() == "attention") weighted[1] = false;
  return weighted;
}

absl::StatusOr<GradientCase> PrepareGradient(const OpCase& entry, DType dtype) {
  GradientCase use;
  ASSIGN_OR_RETURN(use.prepared, PrepareCase(entry, dtype, /*param_inputs=*/true));
  const std::vector<std::string> named =
      absl::StrSplit(entry.Field("active"), ',', absl::SkipEmpty());
  for (size_t i = 0; i < use.prepared.inputs.size(); ++i) {
    const bool is_named = named.empty() || std::find(named.begin(), named.end(),
                                                     use.prepared.input_names[i]) != named.end();
    use.active.push_back(is_named && IsFloat(use.prepared.inputs[i].dtype));
  }
  use.weighted = WeightedOutputs(use);
  for (size_t o = 0; o < use.weighted.size(); ++o) {
    const ValueType& type = use.prepared.function->type(use.prepared.node().outputs[o]);
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, Eval(type.dims, {}));
    ASSIGN_OR_RETURN(use.weights.emplace_back(), Tensor::Zeros(type.dtype, dims));
    const uint64_t seed = CaseSeed(entry, absl::StrCat("weights of ", o));
    for (int64_t i = 0; i < use.weights[o].count(); ++i) {
      const double u = philox::UnitDouble(PhiloxU64(seed, 3, static_cast<uint64_t>(i)));
      use.weights[o].Put(i, (u < 0.5 ? -1 : 1) * (0.5 + u));
    }
  }
  return use;
}

// Gradients per input; undefined where there is none.
absl::StatusOr<std::vector<Tensor>> Gradients(const GradientCase& use,
                                              const InterpretOptions& options) {
  ASSIGN_OR_RETURN(const JointFunction joint,
                   Differentiate(*use.prepared.function, OpTable::Builtin(), use.active,
                                 use.weighted));
  Function function = *joint.function;
  function.ClearOutputs();
  for (size_t i = 0; i < joint.gradients.size(); ++i) {
    if (joint.gradients[i] != kNoValue) {
      function.AddOutput(absl::StrCat("gradient ", i), joint.gradients[i]);
    }
  }
  std::vector<Tensor> inputs = use.prepared.inputs;
  for (size_t o = 0; o < use.weighted.size(); ++o) {
    if (use.weighted[o]) inputs.push_back(use.weights[o]);
  }
  ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                   Interpret(function, inputs, options));
  std::vector<Tensor> gradients(use.prepared.inputs.size());
  size_t next = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (joint.gradients[i] != kNoValue) gradients[i] = results[next++];
  }
  return gradients;
}

absl::StatusOr<double> WeightedSum(const GradientCase& use, const std::vector<Tensor>& inputs) {
  ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                   Interpret(*use.prepared.function, inputs, {.oracle = OracleNode}));
  long double sum = 0;
  for (size_t o = 0; o < results.size(); ++o) {
    for (int64_t i = 0; use.weighted[o] && i < results[o].count(); ++i) {
      sum += static_cast<long double>(results[o].At(i)) * use.weights[o].At(i);
    }
  }
  return static_cast<double>(sum);
}

absl::StatusOr<Tensor> Differences(const GradientCase& use, size_t input) {
  std::vector<Tensor> inputs = use.prepared.inputs;
  ASSIGN_OR_RETURN(inputs[input], Cloned(inputs[input]));
  ASSIGN_OR_RETURN(Tensor gradient, Tensor::Zeros(DType::kF64, inputs[input].dims));
  for (int64_t i = 0; i < gradient.count(); ++i) {
    const double x = inputs[input].At(i);
    const double step = kStep * std::max(1.0, std::abs(x));
    inputs[input].Put(i, x + step);
    ASSIGN_OR_RETURN(const double up, WeightedSum(use, inputs));
    inputs[input].Put(i, x - step);
    ASSIGN_OR_RETURN(const double down, WeightedSum(use, inputs));
    inputs[input].Put(i, x);
    gradient.Put(i, (up - down) / (2 * step));
  }
  return gradient;
}

void CheckFiniteDifferences(const OpCase& entry) {
  const auto use = PrepareGradient(entry, DType::kF64);
  ASSERT_TRUE(use.ok()) << use.status();
  const auto gradients = Gradients(*use, {.oracle = OracleNode});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  const auto by_kernels = Gradients(*use, {});
  bool any = false;
  for (size_t i = 0; i < gradients->size(); ++i) {
    if (!use->active[i]) continue;
    SCOPED_TRACE(absl::StrCat("operand ", use->prepared.input_names[i]));
    const auto expected = Differences(*use, i);
    ASSERT_TRUE(expected.ok()) << expected.status();
    ASSERT_TRUE((*gradients)[i].defined()) << "no gradient";
    const double tolerance = kFiniteDifferenceTolerance;
    EXPECT_EQ(Difference((*gradients)[i], *expected, {tolerance, tolerance}), "");
    any = true;
    ASSERT_TRUE(by_kernels.ok()) << by_kernels.status();
    EXPECT_EQ(Difference((*by_kernels)[i], (*gradients)[i], {kSameTolerance, kSameTolerance}), "")
        << "by kernels";
  }
  EXPECT_TRUE(any) << "no operand is active";
}

// The same operands, exactly, and the same weights, in fp64.
absl::StatusOr<GradientCase> Widened(const GradientCase& use) {
  GradientCase wide = use;
  ASSIGN_OR_RETURN(wide.prepared.function, InFp64(*use.prepared.function));
  for (Tensor& tensor : wide.prepared.inputs) {
    ASSIGN_OR_RETURN(tensor, Converted(tensor, IsFloat(tensor.dtype) ? DType::kF64 : tensor.dtype));
  }
  for (Tensor& tensor : wide.weights) {
    ASSIGN_OR_RETURN(tensor, Converted(tensor, IsFloat(tensor.dtype) ? DType::kF64 : tensor.dtype));
  }
  return wide;
}

void CheckNarrow(const OpCase& entry, DType dtype, double tolerance) {
  SCOPED_TRACE(Name(dtype));
  const auto use = PrepareGradient(entry, dtype);
  ASSERT_TRUE(use.ok()) << use.status();
  const auto wide = Widened(*use);
  ASSERT_TRUE(wide.ok()) << wide.status();
  const auto expected = Gradients(*wide, {.oracle = OracleNode});
  ASSERT_TRUE(expected.ok()) << expected.status();
  const auto gradients = Gradients(*use, {.isa = cpu::DetectIsa()});
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  for (size_t i = 0; i < gradients->size(); ++i) {
    if (!use->active[i]) continue;
    SCOPED_TRACE(absl::StrCat("operand ", use->prepared.input_names[i]));
    EXPECT_EQ((*gradients)[i].dtype, DType::kF32) << "gradients of parameters are kept in f32";
    EXPECT_EQ(Difference((*gradients)[i], (*expected)[i], {tolerance, tolerance}), "");
  }
}

class GradientTest : public testing::TestWithParam<std::string> {};

TEST_P(GradientTest, AgreesWithFiniteDifferences) {
  const auto cases = AllCases();
  ASSERT_TRUE(cases.ok()) << cases.status();
  for (const OpCase& entry : *cases) {
    if (entry.op != GetParam() || entry.kind != "grad") continue;
    SCOPED_TRACE(absl::StrCat(entry.place, " ", entry.op, "/", entry.name));
    CheckFiniteDifferences(entry);
    const std::vector<DType> dtypes = RunDTypes(entry);
    const auto runs_in = [&dtypes](DType dtype) {
      return std::find(dtypes.begin(), dtypes.end(), dtype) != dtypes.end();
    };
    if (runs_in(DType::kF32)) CheckNarrow(entry, DType::kF32, kF32Tolerance);
    if (runs_in(DType::kBF16)) CheckNarrow(entry, DType::kBF16, kBF16Tolerance);
  }
}

// Gradient of one use at symbolic sizes.
absl::Status DifferentiateSymbolic(const OpCase& entry) {
  ASSIGN_OR_RETURN(const OpDef* op, OpTable::Builtin().Get(entry.op));
  ASSIGN_OR_RETURN(const CaseFields fields, SortFields(*op, entry));
  std::vector<ValueType> types;
  for (const auto& [name, text] : fields.tensors) {
    ASSIGN_OR_RETURN(types.emplace_back(), CaseType(text));
  }
  std::string why;
  const int count = CountOperands(*op, fields, types, &why);
  RET_CHECK(count >= 0) << why;
  Function function(entry.op);
  std::vector<ValueId> inputs;
  std::vector<bool> active;
  const std::vector<std::string> named =
      absl::StrSplit(entry.Field("active"), ',', absl::SkipEmpty());
  for (int i = 0; i < count; ++i) {
    const std::string& name = fields.tensors[i].first;
    inputs.push_back(function.AddInput(name, InputKind::kArgument, types[i]));
    const bool is_named = named.empty() || std::count(named.begin(), named.end(), name) > 0;
    active.push_back(is_named && IsFloat(types[i].dtype));
  }
  ASSIGN_OR_RETURN(const std::vector<ValueId> outputs,
                   function.AddNode(*op, fields.attrs, inputs));
  function.AddOutput("y", outputs[0]);
  ASSIGN_OR_RETURN(const JointFunction joint,
                   Differentiate(function, OpTable::Builtin(), active, {true}));
  return Verify(*joint.function);
}

TEST(SymbolicGradientTest, RulesNeedNoSizes) {
  const auto cases = AllCases();
  ASSERT_TRUE(cases.ok()) << cases.status();
  for (const OpCase& entry : *cases) {
    const OpDef* op = OpTable::Builtin().Find(entry.op);
    if (entry.kind != "infer" || op == nullptr || !op->has_gradient()) continue;
    const absl::Status status = DifferentiateSymbolic(entry);
    if (entry.op == "concat") {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << "a slice starts at a number";
    } else {
      EXPECT_TRUE(status.ok()) << entry.place << ": " << status;
    }
  }
}

std::vector<std::string> DifferentiableOps() {
  std::vector<std::string> names;
  for (const std::string& name : OpTable::Builtin().Names()) {
    if (OpTable::Builtin().Find(name)->has_gradient()) names.push_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Ops, GradientTest, testing::ValuesIn(DifferentiableOps()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tessera
