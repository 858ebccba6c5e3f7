// Passes one by one on functions written as text, the order in which they run, what happens to one
// that breaks a rule, and whole models: the same bits with passes and without.
#include "cpp/passes/pass.h"

#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/text_parser.h"
#include "cpp/nn/tracer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const NamedPass* FindPass(std::string_view name) {
  for (const NamedPass& pass : BuiltinPasses()) {
    if (pass.name == name) return &pass;
  }
  return nullptr;
}

FunctionRef Parsed(const std::string& text) {
  const auto function = ParseFunctionText(text, OpTable::Builtin());
  EXPECT_TRUE(function.ok()) << function.status();
  return function.ok() ? *function : nullptr;
}

// The text of the function after one pass.
std::string After(std::string_view pass, const std::string& text) {
  const NamedPass* found = FindPass(pass);
  EXPECT_NE(found, nullptr) << pass;
  Program program;
  program.functions = {Parsed(text)};
  const absl::Status status = RunPasses({found, 1}, OpTable::Builtin(), program);
  EXPECT_TRUE(status.ok()) << status;
  return ToText(*program.functions[0]);
}

void ExpectUnchanged(std::string_view pass, const std::string& text) {
  const FunctionRef function = Parsed(text);
  const auto result = FindPass(pass)->create().run(function, OpTable::Builtin());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result, function) << "a function that stays is the same object";
}

constexpr char kHead[] = "func f(\n    %0 argument x: f32[B,4]\n    %1 argument y: f32[B,4]\n) {\n";

TEST(CseTest, EqualNodesAreComputedOnceAndSoAreTheirReaders) {
  EXPECT_EQ(After("cse", std::string(kHead) +
                             "  %2 = exp(%0) : f32[B,4]\n"
                             "  %3 = exp(%0) : f32[B,4]\n"
                             "  %4 = mul(%2, %1) : f32[B,4]\n"
                             "  %5 = mul(%3, %1) : f32[B,4]\n"
                             "  %6 = add(%4, %5) : f32[B,4]\n"
                             "  return %6 as z\n}\n"),
            std::string(kHead) +
                "  %2 = exp(%0) : f32[B,4]\n"
                "  %3 = mul(%2, %1) : f32[B,4]\n"
                "  %4 = add(%3, %3) : f32[B,4]\n"
                "  return %4 as z\n}\n");
}

TEST(CseTest, OtherAttributesOperandsOrOrderAreNotEqual) {
  ExpectUnchanged("cse", std::string(kHead) +
                             "  %2 = reduce_sum(%0) {dims: [0]} : f32[4]\n"
                             "  %3 = reduce_sum(%0) {dims: [1]} : f32[B]\n"
                             "  %4 = sub(%0, %1) : f32[B,4]\n"
                             "  %5 = sub(%1, %0) : f32[B,4]\n"
                             "  return %2 as a\n  return %3 as b\n"
                             "  return %4 as c\n  return %5 as d\n}\n");
}

TEST(CseTest, TwoOutputsStayTwoValues) {
  const std::string both = std::string(kHead) +
                           "  %2 = exp(%0) : f32[B,4]\n"
                           "  %3 = exp(%0) : f32[B,4]\n";
  ExpectUnchanged("cse", both + "  return %2 as a\n  return %3 as b\n}\n");
  // One of them an output: whichever it is, the first node serves.
  EXPECT_THAT(After("cse", both + "  %4 = neg(%2) : f32[B,4]\n"
                                  "  return %3 as a\n  return %4 as b\n}\n"),
              HasSubstr("  %3 = neg(%2) : f32[B,4]\n  return %2 as a\n  return %3 as b\n"));
  // The third would make the first an output twice.
  EXPECT_THAT(After("cse", both + "  %4 = exp(%0) : f32[B,4]\n"
                                  "  return %3 as a\n  return %4 as b\n}\n"),
              HasSubstr("  %2 = exp(%0) : f32[B,4]\n  %3 = exp(%0) : f32[B,4]\n"
                        "  return %2 as a\n  return %3 as b\n"));
}

TEST(CseTest, NodesThatTakeMemoryAndCallsStay) {
  ExpectUnchanged("cse",
                  "func g(\n    %0 argument x: f32[4]\n) {\n  return %0 as y\n}\n"
                  "func f(\n    %0 state cache: f32[B,S,1,4]\n    %1 argument x: f32[B,T,1,4]\n"
                  "    %2 argument start: i32[B]\n    %3 argument y: f32[4]\n) {\n"
                  "  %4 = cache_append(%0, %1, %2) : f32[B,S,1,4]\n"
                  "  %5 = call g(%3) at \"a\" : f32[4]\n"
                  "  %6 = call g(%3) at \"b\" : f32[4]\n"
                  "  return %4 as state cache\n  return %5 as a\n  return %6 as b\n}\n");
}

TEST(DeadCodeTest, OnlyWhatOutputsNeedStays) {
  EXPECT_EQ(After("dead_code", std::string(kHead) +
                                   "  %2 = exp(%0) : f32[B,4]\n"
                                   "  %3 = neg(%2) : f32[B,4]\n"
                                   "  %4 = add(%2, %2) : f32[B,4]  -- W\n"
                                   "  return %4 as z\n}\n"),
            std::string(kHead) +
                "  %2 = exp(%0) : f32[B,4]\n"
                "  %3 = add(%2, %2) : f32[B,4]  -- W\n"
                "  return %3 as z\n}\n");
  ExpectUnchanged("dead_code",
                  std::string(kHead) + "  %2 = exp(%0) : f32[B,4]\n  return %2 as z\n}\n");
  EXPECT_EQ(After("dead_code", std::string(kHead) + "  %2 = exp(%0) : f32[B,4]\n"
                                                    "  return %0 as z\n}\n"),
            std::string(kHead) + "  return %0 as z\n}\n");
}

// Passes made up here.
absl::StatusOr<FunctionRef> Rename(const FunctionRef& function, const OpTable&) {
  auto changed = std::make_shared<Function>(*function);
  changed->set_name(function->name() + "x");
  return FunctionRef(changed);
}
absl::StatusOr<FunctionRef> DropOutputs(const FunctionRef& function, const OpTable&) {
  auto changed = std::make_shared<Function>(*function);
  changed->ClearOutputs();
  return FunctionRef(changed);
}
absl::StatusOr<FunctionRef> Nothing(const FunctionRef&, const OpTable&) { return FunctionRef(); }
absl::StatusOr<FunctionRef> Refuse(const FunctionRef&, const OpTable&) {
  return absl::InternalError("no");
}
Pass Late() { return {.doc = "", .place = kCleanPlace, .run = &Rename}; }
Pass Early() { return {.doc = "", .place = kSimplifyPlace, .run = &Rename}; }
Pass Dropping() { return {.doc = "", .place = kSimplifyPlace, .run = &DropOutputs}; }
Pass Giving() { return {.doc = "", .place = kSimplifyPlace, .run = &Nothing}; }
Pass Refusing() { return {.doc = "", .place = kSimplifyPlace, .run = &Refuse}; }

std::vector<std::string> NamesInOrder(absl::Span<const NamedPass> table) {
  std::vector<std::string> names;
  for (const NamedPass& pass : InOrder(table)) names.emplace_back(pass.name);
  return names;
}

TEST(RunPassesTest, PlaceThenNameGiveTheOrder) {
  const NamedPass table[] = {{"a", &Late}, {"c", &Early}, {"b", &Early}};
  EXPECT_THAT(NamesInOrder(table), ElementsAre("b", "c", "a"));
  const std::vector<std::string> builtin = NamesInOrder(BuiltinPasses());
  EXPECT_LT(std::find(builtin.begin(), builtin.end(), "cse"),
            std::find(builtin.begin(), builtin.end(), "dead_code"));
  for (const NamedPass& pass : BuiltinPasses()) {
    EXPECT_FALSE(pass.create().doc.empty()) << pass.name;
  }
}

TEST(RunPassesTest, APassThatBreaksARuleIsNamed) {
  struct {
    NamedPass pass;
    const char* message;
  } const cases[] = {
      {{"dropping", &Dropping}, "pass 'dropping' on function 'f': it changed inputs or outputs"},
      {{"giving", &Giving}, "pass 'giving' on function 'f': it gave no function"},
      {{"refusing", &Refusing}, "pass 'refusing' on function 'f': INTERNAL: no"},
  };
  for (const auto& wrong : cases) {
    Program program;
    program.functions = {Parsed(std::string(kHead) + "  return %0 as z\n}\n")};
    const absl::Status status = RunPasses({&wrong.pass, 1}, OpTable::Builtin(), program);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_EQ(status.message(), wrong.message);
  }
}

size_t NodeCount(const Program& program) {
  size_t count = 0;
  for (const FunctionRef& function : program.functions) count += function->nodes().size();
  return count;
}

TEST(RunPassesTest, ModelsGiveTheSameBitsWithAndWithout) {
  ModelParts parts;
  parts.dropout = R"({"type": "Dropout", "rate": 0.2})";
  for (const RecomputePolicy policy : {RecomputePolicy::kNone, RecomputePolicy::kFull}) {
    std::map<std::string, std::string> bytes[2];
    size_t nodes[2] = {0, 0};
    for (const bool passes : {false, true}) {
      RunOptions options;
      options.dtype = DType::kBF16;
      options.compile.gradients = true;
      options.compile.micro_batches = 2;
      options.compile.recompute = policy;
      options.compile.passes = passes;
      const auto main = TraceJson(ModelJson(parts), {options.dtype, options.mode});
      ASSERT_TRUE(main.ok()) << main.status();
      const auto run = ModelRun::OfFunction(**main, options);
      ASSERT_TRUE(run.ok()) << run.status();
      nodes[passes] = NodeCount((*run)->program());
      (*run)->FillParams(3);
      ASSERT_TRUE((*run)->SetKeys(4).ok());
      for (int m = 0; m < 2; ++m) {
        const absl::Status set =
            (*run)->SetBatch(m, SomeIds(8, kVocab, 10 + m), SomeIds(8, kVocab, 20 + m));
        ASSERT_TRUE(set.ok()) << set;
      }
      const absl::Status stepped = (*run)->Step();
      ASSERT_TRUE(stepped.ok()) << stepped;
      const auto result = (*run)->GradientBytes();
      ASSERT_TRUE(result.ok()) << result.status();
      bytes[passes] = *result;
    }
    EXPECT_EQ(bytes[0], bytes[1]);
    EXPECT_GT(bytes[0].size(), 10u);
    EXPECT_LT(nodes[1], nodes[0]) << "nothing was tested";
  }
}

}  // namespace
}  // namespace tessera
