// Method: random programs over the whole op table with their gradients, at constant sizes; inputs
// laid out at random over meshes of 2 to 4 ranks (whole, cut along any dim that divides, as terms
// of a sum). The pass puts in what collectives it needs; all ranks run in lockstep and their
// results, put together by the layouts, must be those of the whole run.
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/autodiff/differentiate.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "cpp/passes/flatten.h"
#include "cpp/shard/insert.h"
#include "gtest/gtest.h"
#include "tests/compile/program_grower.h"
#include "tests/shard/shard_kit.h"
#include "tests/support/processor_time.h"

namespace tessera {
namespace {

// Terms of up to 1.5 are added to and taken from values, through a few dozen ops in fp64.
constexpr double kTolerance = 1e-7;

int Seeds() {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && std::string_view(value) == "1";
  };
  const int count = is_set("TESSERA_LONG") ? 2000 : 100;
  return is_set("TESSERA_SHORT") || IsSanitized() ? count / 5 : count;
}

// The same function with numbers for its symbols.
absl::StatusOr<std::shared_ptr<Function>> AtSizes(const Function& function,
                                                  const SymbolSizes& sizes) {
  auto sized = std::make_shared<Function>(function.name());
  std::vector<ValueId> map(function.values().size(), kNoValue);
  for (const FunctionInput& input : function.inputs()) {
    ValueType type = function.type(input.value);
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, Eval(type.dims, sizes));
    type.dims.assign(dims.begin(), dims.end());
    map[input.value] = sized->AddInput(input.name, input.kind, type, input.param);
  }
  for (const Node& node : function.nodes()) {
    Attrs attrs = node.attrs;
    if (attrs.Find("shape") != nullptr) {
      ASSIGN_OR_RETURN(const Dims dims, ParseDims(attrs.Text("shape")));
      ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, Eval(dims, sizes));
      attrs.Set("shape", absl::StrJoin(numbers, ","));
    }
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) inputs.push_back(map[id]);
    ASSIGN_OR_RETURN(const std::vector<ValueId> outputs,
                     sized->AddNode(*node.op, std::move(attrs), inputs));
    for (size_t o = 0; o < outputs.size(); ++o) map[node.outputs[o]] = outputs[o];
  }
  for (const FunctionOutput& output : function.outputs()) {
    sized->AddOutput(output.name, map[output.value], output.kind, output.weight);
  }
  return sized;
}

// Forward results and the gradients of all float inputs, by every float result.
absl::StatusOr<std::shared_ptr<Function>> WithGradients(const Function& function) {
  std::vector<bool> active, differentiated;
  for (const FunctionInput& input : function.inputs()) {
    // Stated numbers may be such that an op gives them no gradient.
    const bool is_grown = input.kind == InputKind::kParam || input.name == "x";
    active.push_back(is_grown && IsFloat(function.type(input.value).dtype));
  }
  const std::vector<bool> reached = ActiveOutputs(function, active);
  for (size_t o = 0; o < reached.size(); ++o) {
    const DType dtype = function.type(function.outputs()[o].value).dtype;
    differentiated.push_back(reached[o] && IsFloat(dtype));
  }
  ASSIGN_OR_RETURN(const JointFunction joint, Differentiate(function, OpTable::Builtin(), active,
                                                            differentiated));
  auto both = std::make_shared<Function>(*joint.function);
  both->ClearOutputs();
  for (size_t o = 0; o < joint.results.size(); ++o) {
    both->AddOutput(absl::StrCat("result", o), joint.results[o]);
  }
  for (size_t i = 0; i < joint.gradients.size(); ++i) {
    if (joint.gradients[i] == kNoValue) continue;
    both->AddOutput(absl::StrCat("gradient", i), joint.gradients[i]);
  }
  return both;
}

Placement RandomPlacement(const Tensor& tensor, int64_t ranks, RandomNumbers& random) {
  std::vector<Placement> choices = {Placement::Replicated()};
  if (IsFloat(tensor.dtype)) choices.push_back(Placement::Partial());
  for (size_t d = 0; d < tensor.dims.size(); ++d) {
    if (tensor.dims[d] % ranks != 0) continue;
    choices.push_back(Placement::Sharded(static_cast<int>(d)));
    choices.push_back(Placement::Sharded(static_cast<int>(d)));
  }
  return choices[static_cast<size_t>(random.Below(static_cast<int64_t>(choices.size())))];
}

struct FuzzCount {
  int programs = 0, collectives = 0, outputs = 0;
};

void RunSeed(uint64_t seed, FuzzCount& count) {
  GrowOptions grow;
  grow.sizes = {{"B", 4}, {"T", 6}};
  // Lists of a plan number a rank's own rows; tests/shard/routed_rows_test.cc proves these ops.
  grow.without = {"plan",        "dispatch",        "combine",
                  "combine_dot", "gathered_matmul", "gathered_matmul_grad"};
  const auto grown = GrowProgram(seed, grow);
  ASSERT_TRUE(grown.ok()) << seed << ": " << grown.status();
  const auto flat = Flatten(*grown->main, {.keep_repeated = false});
  ASSERT_TRUE(flat.ok()) << flat.status();
  const auto joint = WithGradients(**flat);
  ASSERT_TRUE(joint.ok()) << seed << ": " << joint.status();
  const auto function = AtSizes(**joint, grow.sizes);
  ASSERT_TRUE(function.ok()) << seed << ": " << function.status();

  RandomNumbers random(seed);
  const int64_t sizes[] = {2, 2, 3, 4};
  Mesh mesh{{{"data", sizes[random.Below(4)], {}}}};
  if (random.OneIn(3)) mesh.axes = {{"data", 2, {}}, {"model", 2, {}}};
  std::mt19937_64 terms(seed);
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> parts;
  InsertOptions options;
  for (const FunctionInput& input : (*function)->inputs()) {
    const auto it = grown->data.find(input.name);
    if (it != grown->data.end()) {
      inputs.push_back(it->second);
    } else {  // a cotangent
      const auto dims = Eval((*function)->type(input.value).dims, {});
      inputs.push_back(*Tensor::Zeros(DType::kF64, *dims));
      for (int64_t i = 0; i < inputs.back().count(); ++i) inputs.back().Put(i, random.Unit());
    }
    Layout layout;
    for (const MeshAxis& axis : mesh.axes) {
      layout.push_back(RandomPlacement(inputs.back(), axis.size, random));
    }
    // One dim on both axes has to divide by both; terms of parts are fine.
    if (!PartType(TypeOfTensor(inputs.back()), layout, mesh).ok()) layout[0] = {};
    options.inputs.push_back(layout);
    parts.push_back(Split(inputs.back(), layout, mesh, 0, terms));
  }
  const auto whole = Interpret(**function, inputs, {});
  ASSERT_TRUE(whole.ok()) << seed << ": " << whole.status();
  const auto sharded = InsertCollectives(**function, OpTable::Builtin(), mesh, options);
  ASSERT_TRUE(sharded.ok()) << seed << ": " << sharded.status() << "\n" << ToText(**function);
  const absl::Status verified = Verify(*sharded->function);
  ASSERT_TRUE(verified.ok()) << verified;
  const auto results = RunOnRanks(*sharded->function, mesh, parts, {});
  ASSERT_TRUE(results.ok()) << seed << ": " << results.status();
  ++count.programs;
  count.collectives += sharded->collectives();
  for (size_t o = 0; o < results->size(); ++o) {
    bool replicated = true;
    const Layout& layout = sharded->layouts[sharded->function->outputs()[o].value];
    const Tensor got = Combine((*results)[o], layout, mesh, &replicated);
    EXPECT_TRUE(replicated) << "seed " << seed << " output " << o << " differs by rank";
    ASSERT_EQ(got.dims, (*whole)[o].dims);
    double scale = 1;
    for (int64_t i = 0; i < got.count(); ++i) scale = std::max(scale, std::abs(got.At(i)));
    for (int64_t i = 0; i < got.count(); ++i) {
      ASSERT_NEAR(got.At(i), (*whole)[o].At(i), kTolerance * scale)
          << "seed " << seed << " output " << o << " " << ToText(layout) << " [" << i << "]\n"
          << ToText(*sharded->function);
    }
    ++count.outputs;
  }
}

TEST(ShardedFuzzTest, RanksTogetherAreTheWholeRun) {
  FuzzCount count;
  for (int seed = 0; seed < Seeds(); ++seed) {
    RunSeed(static_cast<uint64_t>(seed), count);
    if (HasFatalFailure()) return;
  }
  std::printf("%d programs, %d collectives, %d outputs\n", count.programs, count.collectives,
              count.outputs);
  EXPECT_GT(count.collectives, count.programs);
}

}  // namespace
}  // namespace tessera
