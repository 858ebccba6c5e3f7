// Random functions run by the executor against the interpreter, bit for bit: random nodes, views,
// results that are inputs or stand twice, inputs that share slots, results written into the slots
// of inputs, unwanted results; on one and several threads.
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/exec/kit.h"

namespace tessera {
namespace {

constexpr int kRounds = 600;
constexpr int64_t kSide = 12;  // square values, flat and as a matrix
const Dims kSquare = {Dim::Symbol("N"), Dim::Symbol("N")};
const Dims kFlat = {Dim::Symbol("N") * Dim::Symbol("N")};

class RandomFunction {
 public:
  explicit RandomFunction(uint64_t seed) : random_(seed), kit_(absl::StrCat("random_", seed)) {
    const int inputs = 1 + Pick(5);
    for (int i = 0; i < inputs; ++i) {
      values_.push_back(kit_.In(absl::StrCat("x", i), Pick(2) == 0 ? kFlat : kSquare));
    }
    const int nodes = 1 + Pick(25);
    for (int i = 0; i < nodes; ++i) AddNode();
    const int outputs = 1 + Pick(5);
    for (int i = 0; i < outputs; ++i) {
      // Late values are likelier, so that much of the function is needed.
      const size_t back = static_cast<size_t>(Pick(static_cast<int>(values_.size())));
      const ValueId value = Pick(3) == 0 ? values_[back] : values_[values_.size() - 1 - back / 3];
      kit_.Out(absl::StrCat("y", i), value);
    }
  }

  FunctionRef function() const { return kit_.function; }
  int Pick(int count) { return static_cast<int>(random_() % static_cast<uint64_t>(count)); }

 private:
  ValueId Any() { return values_[Pick(static_cast<int>(values_.size()))]; }
  // A value of those dims: a random one, seen through a view where it has other dims.
  ValueId AnyAs(const Dims& dims) {
    const ValueId value = Any();
    if (kit_.graph.dims(value) == dims) return value;
    return kit_.graph.Op("reshape", {value}, {{"shape", dims == kFlat ? "N*N" : "N,N"}});
  }

  void AddNode() {
    static constexpr const char* kUnary[] = {"neg", "neg", "transpose"};
    static constexpr const char* kBinary[] = {"add", "mul", "plain_add", "matmul"};
    Graph& graph = kit_.graph;
    const Dims dims = Pick(2) == 0 ? kFlat : kSquare;
    switch (Pick(8)) {
      case 0: {
        const char* op = kUnary[Pick(3)];
        values_.push_back(graph.Op(op, {AnyAs(std::string(op) == "neg" ? dims : kSquare)}));
        break;
      }
      case 1:
        values_.push_back(AnyAs(dims));
        break;
      case 2:
        values_.push_back(graph.Op("fma3", {AnyAs(dims), AnyAs(dims), AnyAs(dims)}));
        break;
      case 3: {
        const ValueId rows = graph.Op("row_sum", {AnyAs(kSquare)});
        values_.push_back(graph.Op("append", {AnyAs(kSquare), rows}));
        break;
      }
      case 4:
        for (ValueId id : graph.Ops("update", {AnyAs(dims), AnyAs(dims), AnyAs(dims), AnyAs(dims)},
                                    {}, 3)) {
          values_.push_back(id);
        }
        break;
      default: {
        const char* op = kBinary[Pick(4)];
        const Dims& operand_dims = std::string(op) == "matmul" ? kSquare : dims;
        values_.push_back(graph.Op(op, {AnyAs(operand_dims), AnyAs(operand_dims)}));
        break;
      }
    }
  }

  std::mt19937_64 random_;
  FunctionKit kit_;
  std::vector<ValueId> values_;
};

// Slots for the inputs (some shared) and outputs (some unwanted, some an input's).
struct RandomCall {
  explicit RandomCall(RandomFunction& random) {
    const Function& function = *random.function();
    for (const FunctionInput& input : function.inputs()) {
      const Dims& dims = function.type(input.value).dims;
      int slot = -1;
      if (random.Pick(4) == 0 && !inputs.empty()) {
        const int other = inputs[random.Pick(static_cast<int>(inputs.size()))];
        if (kit.program->slots[other].type.dims == dims) slot = other;
      }
      inputs.push_back(slot >= 0 ? slot : kit.AddSlot(input.name, SlotKind::kInput, dims));
    }
    for (const FunctionOutput& output : function.outputs()) {
      outputs.push_back(OutputSlot(random, output.name, function.type(output.value).dims));
    }
    kit.Act(ActionKind::kForward, kit.AddCall(random.function(), "fuzz", inputs, outputs));
  }

  int OutputSlot(RandomFunction& random, const std::string& name, const Dims& dims) {
    if (random.Pick(8) == 0) return -1;
    if (random.Pick(2) == 0) {
      const int slot = inputs[random.Pick(static_cast<int>(inputs.size()))];
      const bool free = std::find(outputs.begin(), outputs.end(), slot) == outputs.end();
      if (free && kit.program->slots[slot].type.dims == dims) return slot;
    }
    return kit.AddSlot(name, SlotKind::kResult, dims);
  }

  bool IsOutput(int slot) const {
    return std::find(outputs.begin(), outputs.end(), slot) != outputs.end();
  }

  ProgramKit kit;
  std::vector<int> inputs, outputs;
};

TEST(PlanFuzzTest, ExecutedAndInterpretedBitsAreEqual) {
  ThreadPool pools[] = {ThreadPool({.threads = 1}), ThreadPool({.threads = 3})};
  const SymbolSizes sizes = {{"N", kSide}};
  int64_t shared_slots = 0, copies = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", round));
    RandomFunction random(static_cast<uint64_t>(round));
    RandomCall call(random);
    auto executor = MakeExecutor(call.kit, sizes, &pools[round % 2]);
    ASSERT_NE(executor, nullptr);
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      const Tensor slot = *executor->SlotTensor(call.inputs[i]);
      Fill(slot, static_cast<uint64_t>(round * 100 + call.inputs[i]));
      Tensor kept = *Tensor::Zeros(slot.dtype, slot.dims);
      Fill(kept, static_cast<uint64_t>(round * 100 + call.inputs[i]));
      inputs.push_back(kept);
    }
    auto expected = Interpret(*random.function(), inputs, sizes, KitKernels());
    ASSERT_TRUE(expected.ok()) << expected.status();
    const absl::Status status = executor->Run({ActionKind::kForward});
    ASSERT_TRUE(status.ok()) << status;
    for (size_t j = 0; j < call.outputs.size(); ++j) {
      if (call.outputs[j] < 0) continue;
      EXPECT_EQ(Bytes(*executor->SlotTensor(call.outputs[j])), Bytes((*expected)[j]))
          << "output " << j;
      shared_slots += std::count(call.inputs.begin(), call.inputs.end(), call.outputs[j]);
    }
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      if (call.IsOutput(call.inputs[i])) continue;
      EXPECT_EQ(Bytes(*executor->SlotTensor(call.inputs[i])), Bytes(inputs[i])) << "input " << i;
    }
    auto plan = FunctionPlan::Make(random.function(), *CallBinding::Of(call.kit.program->calls[0]),
                                   sizes, KitKernels(), TSR_ISA_AMX);
    ASSERT_TRUE(plan.ok());
    copies += (*plan)->copy_count();
    if (HasFailure()) return;
  }
  EXPECT_GT(shared_slots, kRounds / 4) << "the fuzzer makes too few interesting calls";
  EXPECT_GT(copies, kRounds / 4);
}

}  // namespace
}  // namespace tessera
