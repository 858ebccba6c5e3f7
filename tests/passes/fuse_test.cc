// Fusion: which chains become one node, which must not, and the same bits whatever the sizes.
#include <cmath>
#include <cstring>

#include "cpp/exec/function_plan.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/text_parser.h"
#include "cpp/ir/verifier.h"
#include "cpp/passes/pass.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/ops/interpreter.h"

namespace tessera {
namespace {

using testing::HasSubstr;
using testing::Not;

FunctionRef Parsed(const std::string& text) {
  const auto function = ParseFunctionText(text, OpTable::Builtin());
  EXPECT_TRUE(function.ok()) << function.status() << "\n" << text;
  return function.ok() ? *function : std::make_shared<Function>("none");
}

FunctionRef Fused(const FunctionRef& function) {
  for (const NamedPass& pass : BuiltinPasses()) {
    if (pass.name != "fuse") continue;
    const auto result = pass.create().run(function, OpTable::Builtin());
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return function;
    EXPECT_TRUE(Verify(**result).ok()) << Verify(**result);
    return *result;
  }
  ADD_FAILURE() << "there is no pass 'fuse'";
  return function;
}

std::string AfterFusion(const std::string& text) { return ToText(*Fused(Parsed(text))); }

int FusedNodes(const Function& function) {
  int count = 0;
  for (const Node& node : function.nodes()) count += node.op->name() == "fused" ? 1 : 0;
  return count;
}

constexpr char kHead[] = "func f(\n    %0 argument x: f32[B,4]\n    %1 argument y: f32[B,4]\n) {\n";

TEST(FuseTest, AChainBecomesOneNodeAndReadsBack) {
  const std::string text = AfterFusion(std::string(kHead) +
                                       "  %2 = add(%0, %1) : f32[B,4]\n"
                                       "  %3 = gelu(%2) {tanh: true} : f32[B,4]\n"
                                       "  %4 = mul(%3, %0) : f32[B,4]\n"
                                       "  return %4 as z\n}\n");
  EXPECT_THAT(text, HasSubstr("fused(%0, %1) {operands: \"[4] [4]\", outputs: [4], s1_tanh: true, "
                              "steps: \"f32[4]: add 0 1; f32[4]: gelu 2; f32[4]: mul 3 0\"}"));
  EXPECT_EQ(ToText(*Parsed(text)), text);
}

TEST(FuseTest, WhatIsReadOutsideIsAResultTheLastOneFirst) {
  const std::string text = AfterFusion(std::string(kHead) +
                                       "  %2 = add(%0, %1) : f32[B,4]\n"
                                       "  %3 = exp(%2) : f32[B,4]\n"
                                       "  return %2 as sum\n  return %3 as z\n}\n");
  EXPECT_THAT(text, HasSubstr("outputs: [3, 2]"));
  EXPECT_THAT(text, HasSubstr("return %3 as sum\n  return %2 as z"));
}

TEST(FuseTest, ProductsAndPathsThroughOthersStayBetween) {
  // The product reads the first node and is read by the last: one for both would wait for itself.
  const std::string through =
      "func f(\n    %0 argument x: f32[B,4]\n    %1 argument w: f32[4,4]\n) {\n"
      "  %2 = exp(%0) : f32[B,4]\n"
      "  %3 = matmul(%2, %1) : f32[B,4]\n"
      "  %4 = add(%2, %3) : f32[B,4]\n"
      "  return %4 as z\n}\n";
  EXPECT_THAT(AfterFusion(through), Not(HasSubstr("fused")));
  // A view is no work, yet what lies behind it is outside.
  const std::string view =
      "func f(\n    %0 argument x: f32[B,4]\n) {\n"
      "  %1 = exp(%0) : f32[B,4]\n"
      "  %2 = reshape(%1) {shape: \"[B,4]\"} : f32[B,4]\n"
      "  %3 = add(%1, %2) : f32[B,4]\n"
      "  return %3 as z\n}\n";
  EXPECT_THAT(AfterFusion(view), Not(HasSubstr("fused")));
}

TEST(FuseTest, AReaderBetweenComesAfter) {
  const std::string text =
      "func f(\n    %0 argument x: f32[B,4]\n) {\n"
      "  %1 = exp(%0) : f32[B,4]\n"
      "  %2 = reshape(%1) {shape: \"[B*4]\"} : f32[4*B]\n"
      "  %3 = tanh(%1) : f32[B,4]\n"
      "  return %2 as flat\n  return %3 as z\n}\n";
  const FunctionRef fused = Fused(Parsed(text));
  EXPECT_EQ(FusedNodes(*fused), 1);
  EXPECT_EQ(fused->nodes().size(), 2u);
}

TEST(FuseTest, OtherRowsStayApart) {
  EXPECT_THAT(AfterFusion("func f(\n    %0 argument x: f32[B,4]\n) {\n"
                          "  %1 = transpose(%0) {perm: [1, 0]} : f32[4,B]\n"
                          "  %2 = exp(%1) : f32[4,B]\n"
                          "  return %2 as z\n}\n"),
              Not(HasSubstr("fused")));
}

// Rows of a rank's share lie behind those of other ranks: one operand of a node says how many.
TEST(FuseTest, StepsCountTheirRowsFromOneOffset) {
  const auto fused = [](const std::string& second) {
    return AfterFusion("func f(\n    %0 argument x: f32[B,4]\n    %1 key k: u32[4]\n"
                       "    %2 ambient offset: i64[]\n    %3 argument other: i64[]\n) {\n"
                       "  %4 = dropout(%0, %1, %2) {rate: 0.5} : f32[B,4]\n"
                       "  %5 = dropout(%4, %1, " + second + ") {rate: 0.5} : f32[B,4]\n"
                       "  return %5 as z\n}\n");
  };
  EXPECT_THAT(fused("%2"), HasSubstr("fused(%0, %1, %2)"));
  EXPECT_THAT(fused("%3"), Not(HasSubstr("fused")));
}

TEST(FuseTest, ReductionsAlongRowsAreStepsAndOthersAreNot) {
  const std::string norm = AfterFusion(
      "func f(\n    %0 argument x: f32[B,T,6]\n) {\n"
      "  %1 = square(%0) : f32[B,T,6]\n"
      "  %2 = reduce_sum(%1) {dims: [2], keep_dims: true} : f32[B,T,1]\n"
      "  %3 = rsqrt(%2) : f32[B,T,1]\n"
      "  %4 = mul(%0, %3) : f32[B,T,6]\n"
      "  return %4 as z\n}\n");
  EXPECT_THAT(norm, HasSubstr("f32[6]: square 0; f32[1]: reduce_sum 1; f32[1]: rsqrt 2; "
                              "f32[6]: mul 0 3"));
  const std::string across = AfterFusion(
      "func f(\n    %0 argument x: f32[B,T,6]\n) {\n"
      "  %1 = square(%0) : f32[B,T,6]\n"
      "  %2 = reduce_sum(%1) {dims: [1], keep_dims: true} : f32[B,1,6]\n"
      "  return %2 as z\n}\n");
  EXPECT_THAT(across, Not(HasSubstr("fused")));
}

TEST(FuseTest, StoredNodesThatLieAreRefused) {
  const auto parse = [](const std::string& attrs) {
    return ParseFunctionText(
               "func f(\n    %0 argument x: f32[B,4]\n) {\n  %1 = fused(%0) {" + attrs +
                   "} : f32[B,4]\n  return %1 as z\n}\n",
               OpTable::Builtin())
        .status()
        .ToString();
  };
  const std::string good = "operands: \"[4]\", outputs: [1], steps: \"f32[4]: gelu 0\"";
  EXPECT_EQ(parse(good + ", s0_tanh: true"), "OK");
  EXPECT_THAT(parse(good), HasSubstr("expected all attributes, {tanh: false}, got "));
  EXPECT_THAT(parse(good + ", s0_tanh: true, s1_tanh: true"),
              HasSubstr("expected operands, steps, outputs or s0_name of a step, got 's1_tanh'"));
  EXPECT_THAT(parse(good + ", s0_tanh: true, tanh: true"), HasSubstr("got 'tanh'"));
}

// Chains of everything that may be a step, at sizes with and without tails.
struct Chain {
  const char* name;
  const char* text;
};
constexpr Chain kChains[] = {
    {"residual_norm",
     "func f(\n    %0 argument x: bf16[B,T,96]\n    %1 argument y: bf16[B,T,96]\n"
     "    %2 param scale: bf16[96]\n) {\n"
     "  %3 = add(%0, %1) : bf16[B,T,96]\n"
     "  %4 = rms_norm(%3, %2) {epsilon: 1e-05} : bf16[B,T,96]\n"
     "  %5 = cast(%4) {dtype: \"f32\"} : f32[B,T,96]\n"
     "  return %3 as x\n  return %5 as z\n}\n"},
    {"gated",
     "func f(\n    %0 argument g: f32[B,T,50]\n    %1 argument u: f32[B,T,50]\n"
     "    %2 argument dy: f32[B,T,50]\n) {\n"
     "  %3 = mul(%2, %1) : f32[B,T,50]\n"
     "  %4, %5 = glu_grad(%0, %1, %3) {activation: \"silu\"} : f32[B,T,50], f32[B,T,50]\n"
     "  %6 = add_n(%4, %5, %2) : f32[B,T,50]\n"
     "  return %4 as dg\n  return %6 as z\n}\n"},
    {"broadcast",
     "func f(\n    %0 argument x: f32[B,T,33]\n    %1 argument s: f32[B,T,1]\n"
     "    %2 argument b: f32[33]\n    %3 argument c: f32[]\n) {\n"
     "  %4 = mul(%0, %1) : f32[B,T,33]\n"
     "  %5 = add(%4, %2) : f32[B,T,33]\n"
     "  %6 = greater(%5, %3) : bool[B,T,33]\n"
     "  %7 = where(%6, %5, %3) : f32[B,T,33]\n"
     "  %8 = softmax(%7) : f32[B,T,33]\n"
     "  return %8 as z\n}\n"},
    {"elements",
     "func f(\n    %0 argument x: f32[B,T]\n    %1 argument y: f32[B,T]\n) {\n"
     "  %2 = sub(%0, %1) : f32[B,T]\n"
     "  %3 = square(%2) : f32[B,T]\n"
     "  %4 = cast(%3) {dtype: \"i32\"} : i32[B,T]\n"
     "  %5 = cast(%4) {dtype: \"bf16\"} : bf16[B,T]\n"
     "  return %5 as z\n}\n"},
    {"own_norm",
     "func f(\n    %0 argument x: bf16[B,T,45]\n    %1 param s: bf16[45]\n) {\n"
     "  %2 = cast(%0) {dtype: \"f32\"} : f32[B,T,45]\n"
     "  %3 = square(%2) : f32[B,T,45]\n"
     "  %4 = reduce_mean(%3) {dims: [2], keep_dims: true} : f32[B,T,1]\n"
     "  %5 = rsqrt(%4) : f32[B,T,1]\n"
     "  %6 = mul(%2, %5) : f32[B,T,45]\n"
     "  %7 = cast(%6) {dtype: \"bf16\"} : bf16[B,T,45]\n"
     "  %8 = mul(%7, %1) : bf16[B,T,45]\n"
     "  return %8 as z\n}\n"},
    {"wide_rows",
     "func f(\n    %0 argument x: f32[B,T,8001]\n    %1 argument y: f32[B,T,8001]\n) {\n"
     "  %2 = add(%0, %1) : f32[B,T,8001]\n"
     "  %3 = cumsum(%2) {dim: 2} : f32[B,T,8001]\n"
     "  %4 = softmax(%3) : f32[B,T,8001]\n"
     "  return %4 as z\n}\n"},
    {"wider_than_a_tile",
     "func f(\n    %0 argument x: f32[B,T,9001]\n    %1 argument y: f32[B,T,9001]\n) {\n"
     "  %2 = add(%0, %1) : f32[B,T,9001]\n"
     "  %3 = exp(%2) : f32[B,T,9001]\n"
     "  return %2 as s\n  return %3 as z\n}\n"},
    {"update",
     "func f(\n    %0 argument p: f32[B,T,19]\n    %1 argument g: f32[B,T,19]\n"
     "    %2 argument m: f32[B,T,19]\n    %3 argument x: f32[B,T,19]\n    %4 argument a: f32[]\n"
     "    %5 argument b: f32[]\n    %6 argument c: f32[]\n) {\n"
     "  %7 = square(%3) : f32[B,T,19]\n"
     "  %8, %9, %10 = adamw_update(%0, %1, %2, %7, %4, %5, %6) : f32[B,T,19], f32[B,T,19], "
     "f32[B,T,19]\n"
     "  %11 = cast(%8) {dtype: \"bf16\"} : bf16[B,T,19]\n"
     "  return %8 as p\n  return %9 as m\n  return %10 as v\n  return %11 as z\n}\n"},
    {"residual_dropout",
     "func f(\n    %0 argument x: bf16[B,T,45]\n    %1 argument y: bf16[B,T,45]\n"
     "    %2 argument key: u32[4]\n    %3 argument offset: i64[]\n"
     "    %4 param scale: bf16[45]\n) {\n"
     "  %5 = dropout(%0, %2, %3) {rate: 0.3} : bf16[B,T,45]\n"
     "  %6 = add(%5, %1) : bf16[B,T,45]\n"
     "  %7 = rms_norm(%6, %4) {epsilon: 1e-05} : bf16[B,T,45]\n"
     "  return %6 as x\n  return %7 as z\n}\n"},
    {"dropout_of_elements",
     "func f(\n    %0 argument x: f32[B,T]\n    %1 argument key: u32[4]\n"
     "    %2 argument offset: i64[]\n) {\n"
     "  %3 = square(%0) : f32[B,T]\n"
     "  %4 = dropout(%3, %1, %2) {rate: 0.5} : f32[B,T]\n"
     "  return %4 as z\n}\n"},
    {"dropout_of_many_tiles",
     "func f(\n    %0 argument x: f32[B,T,7001]\n    %1 argument key: u32[4]\n"
     "    %2 argument offset: i64[]\n) {\n"
     "  %3 = dropout(%0, %1, %2) {rate: 0.5} : f32[B,T,7001]\n"
     "  %4 = exp(%3) : f32[B,T,7001]\n"
     "  return %4 as z\n}\n"},
    {"loss",
     "func f(\n    %0 argument x: f32[B,T,37]\n    %1 argument y: f32[B,T,37]\n"
     "    %2 argument t: i32[B,T]\n) {\n"
     "  %3 = add(%0, %1) : f32[B,T,37]\n"
     "  %4, %5 = cross_entropy(%3, %2) {ignore_index: 0, label_smoothing: 0.1} : f32[B,T], "
     "f32[B,T]\n"
     "  %6 = mul(%4, %5) : f32[B,T]\n"
     "  return %6 as z\n}\n"},
};

std::string NameOf(const testing::TestParamInfo<Chain>& info) { return info.param.name; }

Tensor RandomTensor(const SizedType& type, uint64_t seed) {
  Tensor tensor = *Tensor::Zeros(type.dtype, type.dims);
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const double uniform = static_cast<double>(state >> 11) / 9007199254740992.0;
    tensor.Put(i, IsFloat(type.dtype) ? 4 * uniform - 2 : std::floor(30 * uniform));
  }
  return tensor;
}

class FusedChainTest : public testing::TestWithParam<Chain> {};

TEST_P(FusedChainTest, HasTheBitsOfItsStepsAtEverySizeAndInstructionSet) {
  const FunctionRef plain = Parsed(GetParam().text);
  const FunctionRef fused = Fused(plain);
  ASSERT_EQ(FusedNodes(*fused), 1) << ToText(*fused);
  for (const auto& [batch, time] : {std::pair<int64_t, int64_t>{1, 1}, {3, 7}, {2, 70}, {0, 5}}) {
    for (int isa = TSR_ISA_REFERENCE; isa <= cpu::DetectIsa(); ++isa) {
      InterpretOptions options;
      options.sizes = {{"B", batch}, {"T", time}};
      options.isa = isa;
      std::vector<Tensor> inputs;
      for (const FunctionInput& input : plain->inputs()) {
        const auto type = SizeType(plain->type(input.value), options.sizes);
        ASSERT_TRUE(type.ok()) << type.status();
        inputs.push_back(RandomTensor(*type, inputs.size() + 1));
      }
      const auto expected = Interpret(*plain, inputs, options);
      ASSERT_TRUE(expected.ok()) << expected.status();
      for (const bool in_place : {false, true}) {
        options.in_place = in_place;
        options.reverse_tasks = in_place;
        const auto got = Interpret(*fused, inputs, options);
        ASSERT_TRUE(got.ok()) << got.status();
        for (size_t o = 0; o < expected->size(); ++o) {
          const Tensor &want = (*expected)[o], &have = (*got)[o];
          ASSERT_EQ(have.dims, want.dims);
          EXPECT_EQ(std::memcmp(have.data(), want.data(), want.bytes()), 0)
              << "result " << o << ", B " << batch << ", T " << time << ", instruction set " << isa
              << (in_place ? ", in place" : "");
        }
      }
    }
  }
}

// The copy of the parameters comes first among the results; what it was made of, and the moments,
// still lie where they were.
TEST(FuseTest, AnUpdateWithItsCopyWorksInPlaceInAllItsSlots) {
  const FunctionRef fused = Fused(Parsed(
      "func f(\n    %0 argument p: f32[B,4]\n    %1 argument g: f32[B,4]\n"
      "    %2 argument m: f32[B,4]\n    %3 argument v: f32[B,4]\n    %4 argument rate: f32[]\n"
      "    %5 argument a: f32[]\n    %6 argument b: f32[]\n) {\n"
      "  %7, %8, %9 = adamw_update(%0, %1, %2, %3, %4, %5, %6) : f32[B,4], f32[B,4], f32[B,4]\n"
      "  %10 = cast(%7) {dtype: \"bf16\"} : bf16[B,4]\n"
      "  return %7 as p\n  return %8 as m\n  return %9 as v\n  return %10 as half\n}\n"));
  ASSERT_EQ(FusedNodes(*fused), 1) << ToText(*fused);
  for (int64_t batch : {1, 3, 5000, 40000}) {
    const auto plan = FunctionPlan::Make(fused, {{0, 1, 2, 3, 4, 5, 6}, {0, 2, 3, 7}},
                                         {{"B", batch}}, CpuKernels(), cpu::DetectIsa());
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ((*plan)->copy_count(), 0) << batch;
    EXPECT_EQ((*plan)->frame_bytes(), 0) << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Chains, FusedChainTest, testing::ValuesIn(kChains), NameOf);

}  // namespace
}  // namespace tessera
