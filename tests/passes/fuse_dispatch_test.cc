// Method: functions written as text, before and after; whole models with mixtures of experts, with
// passes and without, for one thread and two: the same bits, and no copy of tokens is left.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/compile/compiler.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/text_parser.h"
#include "cpp/nn/tracer.h"
#include "cpp/passes/pass.h"
#include "gtest/gtest.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

const NamedPass* FuseDispatch() {
  for (const NamedPass& pass : BuiltinPasses()) {
    if (pass.name == "fuse_dispatch") return &pass;
  }
  return nullptr;
}

FunctionRef Parsed(const std::string& text) {
  const auto function = ParseFunctionText(text, OpTable::Builtin());
  EXPECT_TRUE(function.ok()) << function.status();
  return function.ok() ? *function : nullptr;
}

std::string After(const std::string& text) {
  const auto result = FuseDispatch()->create().run(Parsed(text), OpTable::Builtin());
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? ToText(**result) : "";
}

constexpr char kHead[] =
    "func f(\n    %0 argument x: f32[B,4]\n    %1 argument w: f32[3,4,5]\n"
    "    %2 argument experts: i32[B,2]\n    %3 argument slots: i32[B,2]\n"
    "    %4 argument rows: i32[B,2]\n    %5 argument dy: f32[B,2,5]\n"
    "    %6 argument p: f32[B,2]\n) {\n";
constexpr char kSent[] = "  %7 = dispatch(%0, %3, %4) : f32[B,2,4]\n";
constexpr char kProduct[] =
    "  %8 = grouped_matmul(%7, %1, %2) {dtype: \"\", transpose_rhs: false} : f32[B,2,5]\n";
constexpr char kGrad[] =
    "  %9 = grouped_matmul_grad(%7, %5, %2) {dtype: \"f32\", num_experts: 3} : f32[3,4,5]\n";

TEST(FuseDispatchTest, ProductsReadTheTokens) {
  const std::string after =
      After(absl::StrCat(kHead, kSent, kProduct, kGrad,
                         "  return %8 as y\n  return %9 as dw\n}\n"));
  EXPECT_NE(after.find("%8 = gathered_matmul(%0, %1, %2, %3, %4)"), std::string::npos) << after;
  EXPECT_NE(after.find("%9 = gathered_matmul_grad(%0, %5, %2, %3, %4)"), std::string::npos)
      << after;
}

// What needs the copy keeps it, for all readers.
TEST(FuseDispatchTest, OtherReadersKeepTheCopy) {
  const std::string sent = absl::StrCat(kHead, kSent, kProduct);
  for (const std::string& text : {
           sent + "  return %8 as y\n  return %7 as sent\n}\n",
           sent + "  %9 = exp(%7) : f32[B,2,4]\n  return %8 as y\n  return %9 as z\n}\n",
           sent + "  %9 = grouped_matmul_grad(%5, %7, %2) {dtype: \"f32\", num_experts: 3} : "
                  "f32[3,5,4]\n  return %8 as y\n  return %9 as dw\n}\n",
           absl::StrCat(kHead, "  %7 = dispatch(%0, %3, %4, %6) : f32[B,2,4]\n", kProduct,
                        "  return %8 as y\n}\n")}) {
    const FunctionRef function = Parsed(text);
    const auto result = FuseDispatch()->create().run(function, OpTable::Builtin());
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(*result, function) << text;
  }
}

int64_t CountOf(const Program& program, std::string_view name, size_t operands) {
  int64_t count = 0;
  for (const FunctionRef& function : program.functions) {
    for (const Node& node : function->nodes()) {
      const bool is_it = !node.is_call() && node.op->name() == name;
      if (is_it && node.inputs.size() == operands) ++count;
    }
  }
  return count;
}

class MixtureTest : public testing::TestWithParam<const char*> {};

TEST_P(MixtureTest, HasTheSameBitsWithAndWithout) {
  ModelParts parts;
  parts.feed_forward = absl::StrCat(
      R"("type": "MixtureOfExperts", "expert": {"hidden_dim": 5}, )", GetParam());
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    std::map<std::string, std::string> plain;
    for (const int threads : {0, 1, 2}) {   // 0: without passes
      RunOptions options;
      options.dtype = dtype;
      options.threads = std::max(1, threads);
      options.sizes = {{"B", 3}, {"T", 9}};
      options.compile.gradients = true;
      options.compile.passes = threads > 0;
      options.compile.recompute = RecomputePolicy::kNone;
      const auto main = TraceJson(ModelJson(parts), {options.dtype, options.mode});
      ASSERT_TRUE(main.ok()) << main.status();
      const auto run = ModelRun::OfFunction(**main, options);
      ASSERT_TRUE(run.ok()) << run.status();
      const Program& program = (*run)->program();
      EXPECT_EQ(CountOf(program, "dispatch", 3) == 0, threads > 0);
      EXPECT_EQ(CountOf(program, "gathered_matmul", 5) > 0, threads > 0);
      EXPECT_EQ(CountOf(program, "gathered_matmul_grad", 5) > 0, threads > 0);
      (*run)->FillParams(3);
      ASSERT_TRUE((*run)->SetKeys(4).ok());
      ASSERT_TRUE((*run)->SetBatch(0, SomeIds(27, kVocab, 1), SomeIds(27, kVocab, 2)).ok());
      const absl::Status stepped = (*run)->Step();
      ASSERT_TRUE(stepped.ok()) << stepped;
      const auto bytes = (*run)->GradientBytes();
      ASSERT_TRUE(bytes.ok()) << bytes.status();
      if (threads == 0) plain = *bytes;
      EXPECT_TRUE(*bytes == plain) << threads << " threads";
    }
  }
}

// Many rows for an expert and few, gaps, an expert that nobody visits.
INSTANTIATE_TEST_SUITE_P(Sizes, MixtureTest,
                         testing::Values(R"("num_experts": 2, "top_k": 2)",
                                         R"("num_experts": 16, "top_k": 1)",
                                         R"("num_experts": 4, "capacity_factor": 0.7)"),
                         [](const auto& info) { return absl::StrCat("mixture_", info.index); });

}  // namespace
}  // namespace tessera
