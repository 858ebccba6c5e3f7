// What shares memory and what does not, on functions built by hand.
#include "cpp/exec/function_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/exec/kit.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kBytes = 64 * sizeof(float);  // of one value here

absl::StatusOr<std::unique_ptr<FunctionPlan>> Plan(const FunctionKit& kit, CallBinding binding,
                                                   const SymbolSizes& sizes = {{"N", 64}},
                                                   int isa = TSR_ISA_AMX) {
  EXPECT_TRUE(kit.graph.ok()) << kit.graph.status();
  return FunctionPlan::Make(kit.function, binding, sizes, KitKernels(), isa);
}

absl::StatusOr<std::unique_ptr<FunctionPlan>> Plan(const FunctionKit& kit) {
  return Plan(kit, CallBinding::Plain(*kit.function));
}

const Dims kDims = {Dim::Symbol("N")};

TEST(FunctionPlanTest, AChainOfElementwiseNodesLivesInItsOutputSlot) {
  FunctionKit kit("chain");
  ValueId x = kit.In("x", kDims);
  for (int i = 0; i < 10; ++i) x = kit.graph.Op("neg", {x});
  kit.Out("y", x);
  auto plan = Plan(kit);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->frame_bytes(), 0);
  EXPECT_EQ((*plan)->copy_count(), 0);
  EXPECT_EQ((*plan)->kernels().size(), 10u);
}

TEST(FunctionPlanTest, AChainThatCannotWorkInPlaceReusesTwoBlocks) {
  FunctionKit kit("chain");
  const Dims square = {8, 8};
  ValueId x = kit.In("x", square);
  for (int i = 0; i < 9; ++i) x = kit.graph.Op("transpose", {x});
  kit.Out("y", x);
  auto plan = Plan(kit);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->frame_bytes(), 2 * kBytes);
}

TEST(FunctionPlanTest, AFunctionInputIsNotOverwritten) {
  FunctionKit kit("f");
  const ValueId x = kit.In("x", kDims);
  const ValueId y = kit.graph.Op("neg", {x});
  kit.Out("y", kit.graph.Op("add", {y, x}));
  auto plan = Plan(kit);
  ASSERT_TRUE(plan.ok()) << plan.status();
  char x_memory[kBytes], y_memory[kBytes];
  char* bases[] = {x_memory, y_memory, nullptr};
  (*plan)->Bind(bases);
  for (PlannedKernel& planned : (*plan)->kernels()) {
    EXPECT_EQ(planned.kernel->output(0)->data, y_memory);
  }
}

TEST(FunctionPlanTest, AnOperandThatIsReadLaterKeepsItsMemory) {
  FunctionKit kit("f");
  const ValueId x = kit.In("x", kDims);
  const ValueId a = kit.graph.Op("neg", {x});
  const ValueId b = kit.graph.Op("neg", {a});  // a is read again
  kit.Out("y", kit.graph.Op("mul", {b, a}));
  auto plan = Plan(kit);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->frame_bytes(), kBytes) << "one of a and b; the other lies in y's slot";
}

TEST(FunctionPlanTest, ViewsTakeNoMemoryAndNoKernel) {
  FunctionKit kit("f");
  const ValueId x = kit.In("x", kDims);
  const ValueId a = kit.graph.Op("neg", {x});
  const ValueId view = kit.graph.Op("reshape", {a}, {{"shape", std::string("8,8")}});
  const ValueId b = kit.graph.Op("neg", {view});
  kit.Out("y", kit.graph.Op("reshape", {b}, {{"shape", std::string("4,16")}}));
  auto plan = Plan(kit);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->kernels().size(), 2u);
  EXPECT_EQ((*plan)->frame_bytes(), 0);
  EXPECT_EQ((*plan)->copy_count(), 0);
}

TEST(FunctionPlanTest, OutputsThatHaveNoMemoryOfTheirOwnAreCopied) {
  FunctionKit kit("f");
  const ValueId x = kit.In("x", kDims);
  const ValueId a = kit.graph.Op("neg", {x});
  kit.Out("same", x);
  kit.Out("view", kit.graph.Op("reshape", {x}, {{"shape", std::string("8,8")}}));
  kit.Out("once", a);
  kit.Out("twice", a);
  auto plan = Plan(kit);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->copy_count(), 3);
  EXPECT_EQ((*plan)->frame_bytes(), 0);
}

TEST(FunctionPlanTest, NodesThatOnlyFeedUnwantedOutputsAreLeftOut) {
  FunctionKit kit("f");
  const ValueId x = kit.In("x", kDims);
  kit.Out("y", kit.graph.Op("neg", {x}));
  kit.Out("unwanted", kit.graph.Op("throws", {x}));
  auto plan = Plan(kit, {{0}, {1, -1}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->kernels().size(), 1u);
}

TEST(FunctionPlanTest, AnAccumulatorIsUpdatedInItsSlot) {
  FunctionKit kit("f");
  const ValueId accumulator = kit.In("acc", kDims);
  const ValueId x = kit.In("x", kDims);
  kit.Out("acc", kit.graph.Op("add", {accumulator, kit.graph.Op("neg", {x})}));
  auto plan = Plan(kit, {{0, 1}, {0}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->copy_count(), 0);
  EXPECT_EQ((*plan)->frame_bytes(), kBytes) << "the product that is added";
}

TEST(FunctionPlanTest, AnAccumulatorGoesThroughTheFrameWhereItsKernelNeedsApartMemory) {
  FunctionKit kit("f");
  const ValueId accumulator = kit.In("acc", kDims);
  const ValueId x = kit.In("x", kDims);
  kit.Out("acc", kit.graph.Op("plain_add", {accumulator, x}));
  auto plan = Plan(kit, {{0, 1}, {0}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->copy_count(), 1);
  EXPECT_EQ((*plan)->frame_bytes(), kBytes);
}

TEST(FunctionPlanTest, ASlotThatIsStillReadIsNotOverwritten) {
  FunctionKit kit("f");
  const ValueId x = kit.In("x", kDims);
  const ValueId y = kit.graph.Op("neg", {x});
  kit.Out("x", y);
  kit.Out("sum", kit.graph.Op("mul", {x, x}));  // reads x after y is made
  auto plan = Plan(kit, {{0}, {0, 2}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->copy_count(), 1);
}

TEST(FunctionPlanTest, MustAliasWorksInTheSlotWhenInputAndOutputShareIt) {
  FunctionKit kit("f");
  const ValueId cache = kit.In("cache", {8, 8});
  const ValueId x = kit.In("x", {8});
  const ValueId once = kit.graph.Op("append", {cache, x});
  kit.Out("cache", kit.graph.Op("append", {once, x}));
  auto shared = Plan(kit, {{0, 1}, {0}});
  ASSERT_TRUE(shared.ok()) << shared.status();
  EXPECT_EQ((*shared)->copy_count(), 0);
  EXPECT_EQ((*shared)->frame_bytes(), 0);
  auto apart = Plan(kit);
  ASSERT_TRUE(apart.ok()) << apart.status();
  EXPECT_EQ((*apart)->copy_count(), 1) << "the input must survive";
}

TEST(FunctionPlanTest, AnUpdateWorksInPlaceInAllItsSlots) {
  FunctionKit kit("f");
  std::vector<ValueId> operands;
  for (const char* name : {"p", "g", "m", "v"}) operands.push_back(kit.In(name, kDims));
  const std::vector<ValueId> results = kit.graph.Ops("update", operands, {}, 3);
  for (ValueId id : results) kit.Out("r", id);
  auto plan = Plan(kit, {{0, 1, 2, 3}, {0, 2, 3}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->copy_count(), 0);
  EXPECT_EQ((*plan)->frame_bytes(), 0);
  // Crossed slots are no in-place pairs of the op.
  auto crossed = Plan(kit, {{0, 1, 2, 3}, {2, 0, 3}});
  ASSERT_TRUE(crossed.ok()) << crossed.status();
  EXPECT_EQ((*crossed)->copy_count(), 2);
}

TEST(FunctionPlanTest, WorkspaceIsTheLargestOfAllKernels) {
  FunctionKit kit("f");
  kit.Out("small", kit.graph.Op("row_sum", {kit.In("x", {3, 8})}));
  kit.Out("large", kit.graph.Op("row_sum", {kit.In("y", {50, 2})}));
  auto plan = Plan(kit);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ((*plan)->workspace_bytes(), 2 * 50 * 4);
}

TEST(FunctionPlanTest, AMissingKernelIsAnErrorWithEveryRefusal) {
  FunctionKit kit("block");
  kit.Out("y", kit.graph.Op("refused", {kit.In("x", kDims)}));
  auto plan = Plan(kit, CallBinding::Plain(*kit.function), {{"N", 64}}, TSR_ISA_AVX2);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(plan.status().message(),
            "no kernel for refused(f32[64]) -> f32[64]: refused.fast: needs avx512, allowed is "
            "avx2; refused.plain: the moon is wrong (function 'block', node 0)");

  FunctionKit unknown("block");
  unknown.Out("y", unknown.graph.Op("unknown", {unknown.In("x", kDims)}));
  EXPECT_EQ(Plan(unknown).status().message(),
            "no kernel for unknown(f32[64]) -> f32[64]: there is none for this op (function "
            "'block', node 0)");

  FunctionKit wrong_type("block");
  const ValueId x = wrong_type.In("x", kDims, DType::kBF16);
  wrong_type.Out("y", wrong_type.graph.Op("neg", {x}));
  EXPECT_THAT(std::string(Plan(wrong_type).status().message()),
              HasSubstr("neg(bf16[64]) -> bf16[64]: neg.kit: operand 0 is not f32"));
}

TEST(FunctionPlanTest, AMissingSizeIsAnErrorThatNamesTheSymbol) {
  FunctionKit kit("f");
  kit.Out("y", kit.graph.Op("neg", {kit.In("x", kDims)}));
  auto plan = Plan(kit, CallBinding::Plain(*kit.function), {{"B", 64}});
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr("N"));
}

TEST(CallBindingTest, SlotsThatCoincideShareABase) {
  auto binding = CallBinding::Of({0, "f", {7, 8, 7}, {8, -1, 9}});
  ASSERT_TRUE(binding.ok());
  EXPECT_THAT(binding->inputs, ElementsAre(0, 1, 0));
  EXPECT_THAT(binding->outputs, ElementsAre(1, -1, 5));
  EXPECT_FALSE(CallBinding::Of({0, "f", {1}, {2, 2}}).ok());
}

}  // namespace
}  // namespace tessera
