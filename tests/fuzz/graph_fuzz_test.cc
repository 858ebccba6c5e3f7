// Fuzzing of what graphs are read from: bytes, text, and the uses of ops themselves.
//
// What is accepted must survive the way out and in again in both forms, and planning it (flatten,
// outline, kernels, memory) must end in a plan or an error. Nothing is run: kernels trust their
// data. Uses of ops get odd attributes, operands and dims, as a hostile file would.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cpp/compile/compiler.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/serializer.h"
#include "cpp/ir/text_parser.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/fuzz/fuzz.h"
#include "tests/ir/function_kit.h"
#include "tests/ops/interpreter.h"

namespace tessera {
namespace {

std::string CheckError(const absl::Status& status) {
  if (status.message().empty()) return "an error without text";
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
                 absl::IsFailedPrecondition(status)
             ? ""
             : absl::StrCat("unexpected error: ", status.ToString());
}

// Whether a program of it can be planned does not matter, only that asking ends well.
void Plan(const Function& function) {
  const auto program = Compile(function, OpTable::Builtin(), CompileOptions{});
  if (!program.ok()) return;
  ExecutorOptions options;
  options.sizes = {{"B", 2}, {"T", 3}, {"S", 5}};
  options.isa = cpu::DetectIsa();
  (void)Executor::PlanOnly(*program, CpuKernels(), options);
}

// NaN in an attribute is unequal to itself, so texts are compared.
std::string CheckFunction(const FunctionRef& function) {
  const std::string text = ToTextWithCallees(*function);
  const auto parsed = ParseFunctionText(text, OpTable::Builtin());
  if (!parsed.ok()) return absl::StrCat("own text is refused: ", parsed.status().ToString(), text);
  if (ToTextWithCallees(**parsed) != text) return absl::StrCat("text changes on the way: ", text);
  FunctionArchive archive;
  archive.functions["f"] = function;
  const auto bytes = SerializeFunctions(archive);
  if (!bytes.ok()) return absl::StrCat("own function is refused: ", bytes.status().ToString());
  const auto back = ParseFunctions(*bytes, OpTable::Builtin());
  if (!back.ok()) return absl::StrCat("own bytes are refused: ", back.status().ToString());
  if (ToTextWithCallees(*back->functions.at("f")) != text) return "bytes lose something";
  Plan(*function);
  return "";
}

std::string CheckBytes(std::string_view input) {
  const auto archive = ParseFunctions(input, OpTable::Builtin());
  if (!archive.ok()) return CheckError(archive.status());
  for (const auto& [name, function] : archive->functions) {
    const std::string wrong = CheckFunction(function);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string CheckText(std::string_view input) {
  const auto function = ParseFunctionText(input, OpTable::Builtin());
  return function.ok() ? CheckFunction(*function) : CheckError(function.status());
}

std::string SeedBytes() {
  FunctionArchive archive;
  const FunctionRef norm = NormFunction();
  archive.tracing_key = "key";
  archive.functions["main"] = MainFunction(norm, norm);
  archive.functions["norm"] = norm;
  const auto bytes = SerializeFunctions(archive);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return *bytes;
}

TEST(GraphFuzzTest, Bytes) {
  const std::string seed = SeedBytes();
  const std::vector<std::string> words = {std::string(4, '\0'), std::string(4, '\xFF'), "TSRG",
                                          std::string("\x04\0\0\0", 4),
                                          std::string("\x08\0\x0C\0", 4), "B,T,8", "rms_norm"};
  FuzzRounds([&](FuzzRandom& random) {
    std::string bytes = seed;
    if (random.OneIn(2)) return CheckBytes(Mutated(random, bytes, words));
    // Single numbers changed in place keep the buffer sound, so that the reader's checks are met.
    const uint64_t count = 1 + random.Below(3);
    for (uint64_t i = 0; i < count; ++i) {
      bytes[random.Below(bytes.size() / 4) * 4] = static_cast<char>(random.Below(12));
    }
    return CheckBytes(bytes);
  });
}

TEST(GraphFuzzTest, Text) {
  const FunctionRef norm = NormFunction();
  const std::vector<std::string> seeds = {ToTextWithCallees(*MainFunction(norm, norm)),
                                          ToText(*norm)};
  const std::vector<std::string> words = {
      "%0", "%99999999999", "(", ")", "{", "}", "[", "]", ":", "=", ", ", "func f(", "call norm(",
      "at \"\"", "return ", " as ", "loss 1e400 * ", "-- W", "-- I", "\"", "\\x", "#", "\n",
      "f32[B,T,8]", "bf16[]", "i32[4611686018427387904,4]", "min(B,T)", "ceil_div(T,0)",
      "B*B*B*B*B*B*B*B", "min(min(min(min(", "9223372036854775807", "-1", "nan", "inf", "true",
      "dims: [0]", "dims: [-9223372036854775808]", "epsilon: -1.0", "param", "state", "key"};
  FuzzRounds([&](FuzzRandom& random) {
    return CheckText(Mutated(random, random.Pick(seeds), words));
  });
}

Dims RandomDims(FuzzRandom& random) {
  static const std::vector<std::string> kDims = {"B", "T", "B*T", "8", "4", "1", "0", "2", "B+1",
                                                 "ceil_div(T,16)", "min(B,T)", "281474976710656"};
  Dims dims;
  const uint64_t rank = random.OneIn(20) ? random.Below(12) : random.Below(5);
  for (uint64_t i = 0; i < rank; ++i) dims.push_back(*Dim::Parse(random.Pick(kDims)));
  return dims;
}

AttrValue RandomAttr(FuzzRandom& random, const AttrSpec& spec) {
  static const std::vector<std::string> kTexts = {"", "f32", "bf16", "i64", "B,T", "[8]", "x",
                                                  "mean", "B*T", "-1", "2,", std::string("\0", 1)};
  if (!spec.required && random.OneIn(2)) return spec.fallback;
  switch (spec.kind) {
    case AttrSpec::kBool:
      return random.OneIn(2);
    case AttrSpec::kInt:
      return random.OddNumber();
    case AttrSpec::kFloat:
      return random.OneIn(4) ? static_cast<double>(random.OddNumber()) * 1e300 : 0.5;
    case AttrSpec::kText:
      return random.Pick(kTexts);
    case AttrSpec::kInts: {
      std::vector<int64_t> ints;
      const uint64_t count = random.Below(5);
      for (uint64_t i = 0; i < count; ++i) {
        ints.push_back(random.OneIn(3) ? random.OddNumber()
                                       : static_cast<int64_t>(random.Below(4)));
      }
      return ints;
    }
  }
  return false;
}

TEST(GraphFuzzTest, UsesOfOps) {
  const std::vector<std::string> names = OpTable::Builtin().Names();
  size_t accepted = 0;
  FuzzRounds([&](FuzzRandom& random) -> std::string {
    auto function = std::make_shared<Function>("f");
    const OpDef& op = *OpTable::Builtin().Find(random.Pick(names));
    const Dims shared = RandomDims(random);
    std::vector<ValueId> operands;
    const uint64_t count = random.Below(random.OneIn(4) ? 7 : 4);
    for (uint64_t i = 0; i < count; ++i) {
      const DType dtype = random.OneIn(2) ? DType::kF32
                                          : kAllDTypes[random.Below(std::size(kAllDTypes))];
      const ValueType type = {dtype, random.OneIn(2) ? RandomDims(random) : shared};
      operands.push_back(function->AddInput(absl::StrCat("x", i), InputKind::kArgument, type));
    }
    Attrs attrs;
    for (const AttrSpec& spec : op.attr_specs()) attrs.Set(spec.name, RandomAttr(random, spec));
    const auto results = function->AddNode(op, attrs, operands);
    if (!results.ok()) {
      const std::string wrong = CheckError(results.status());
      return wrong.empty() ? wrong : absl::StrCat(wrong, " of ", ToText(attrs));
    }
    for (size_t i = 0; i < results->size(); ++i) {
      function->AddOutput(absl::StrCat("y", i), (*results)[i]);
    }
    ++accepted;
    FunctionArchive archive;
    archive.functions["f"] = function;
    // Dims that left 64 bits are accepted by no file.
    if (!SerializeFunctions(archive).ok()) return "";
    return CheckFunction(function);
  });
  if (std::getenv("TESSERA_FUZZ_SEED") == nullptr) {
    EXPECT_GT(accepted, 20u) << "nothing was tested";
  }
}

}  // namespace
}  // namespace tessera
