// What storing functions promises: everything comes back, shared callees shared, equal functions
// as equal bytes; and no bytes, however made, do more than give an error.
#include "cpp/ir/serializer.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/ir/printer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/ir/function_kit.h"

namespace tessera {
namespace {

using testing::HasSubstr;

FunctionArchive Archive(const FunctionRef& function) {
  FunctionArchive archive;
  archive.tracing_key = "key";
  archive.functions["main"] = function;
  return archive;
}

std::string Bytes(const FunctionRef& function) {
  const auto bytes = SerializeFunctions(Archive(function));
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

FunctionRef Back(std::string_view bytes, const OpTable& ops = OpTable::Builtin()) {
  const auto archive = ParseFunctions(bytes, ops);
  EXPECT_TRUE(archive.ok()) << archive.status();
  return archive.ok() ? archive->functions.begin()->second : nullptr;
}

TEST(SerializerTest, EverythingComesBack) {
  const FunctionRef norm = NormFunction();
  const FunctionRef main = MainFunction(norm, norm);
  const auto archive = ParseFunctions(Bytes(main), OpTable::Builtin());
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_EQ(archive->tracing_key, "key");
  ASSERT_EQ(archive->functions.size(), 1u);
  const FunctionRef back = archive->functions.at("main");
  EXPECT_TRUE(StructurallyEqual(*main, *back));
  EXPECT_EQ(ToTextWithCallees(*main), ToTextWithCallees(*back));
  EXPECT_EQ(Bytes(back), Bytes(main));
}

TEST(SerializerTest, SharedCalleesComeBackShared) {
  const FunctionRef norm = NormFunction();
  const FunctionRef back = Back(Bytes(MainFunction(norm, norm)));
  ASSERT_NE(back, nullptr);
  std::vector<const Function*> callees;
  for (const Node& node : back->nodes()) {
    if (node.is_call()) callees.push_back(node.callee.get());
  }
  ASSERT_EQ(callees.size(), 2u);
  EXPECT_EQ(callees[0], callees[1]);
}

TEST(SerializerTest, EqualFunctionsGiveEqualBytes) {
  const FunctionRef norm = NormFunction();
  EXPECT_EQ(Bytes(MainFunction(norm, norm)), Bytes(MainFunction(NormFunction(), NormFunction())));
}

TEST(SerializerTest, FunctionsOfSeveralNamesShareWhatTheyCall) {
  const FunctionRef norm = NormFunction();
  FunctionArchive archive;
  archive.functions["train"] = MainFunction(norm, norm);
  const size_t one = SerializeFunctions(archive)->size();
  archive.functions["evaluate"] = archive.functions["train"];
  const auto bytes = SerializeFunctions(archive);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_LT(bytes->size(), one + 100);
  const auto back = ParseFunctions(*bytes, OpTable::Builtin());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->functions.at("train"), back->functions.at("evaluate"));
}

TEST(SerializerTest, NothingIsAnArchiveToo) {
  const auto bytes = SerializeFunctions({});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto back = ParseFunctions(*bytes, OpTable::Builtin());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(back->functions.empty());
}

TEST(SerializerTest, BytesMayLieAnywhere) {
  const FunctionRef norm = NormFunction();
  const std::string bytes = Bytes(norm);
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string moved = absl::StrCat(std::string(shift, 'x'), bytes);
    const FunctionRef back = Back(std::string_view(moved).substr(shift));
    ASSERT_NE(back, nullptr);
    EXPECT_TRUE(StructurallyEqual(*norm, *back));
  }
}

// An op of this table's own.
OpDef Twice(int version) {
  return OpDef("twice").Version(version).Signature("x[...] -> y[...]").NoGradient();
}

TEST(SerializerTest, AMissingOpIsNamedWithItsVersion) {
  OpTable ops(&OpTable::Builtin());
  ASSERT_TRUE(ops.Register(Twice(2)).ok());
  auto function = std::make_shared<Function>("f");
  const ValueId x = function->AddInput("x", InputKind::kArgument, F32Type("4"));
  const auto y = function->AddNode(**ops.Get("twice"), {}, {x});
  ASSERT_TRUE(y.ok()) << y.status();
  function->AddOutput("y", (*y)[0]);
  const std::string bytes = Bytes(function);
  EXPECT_NE(Back(bytes, ops), nullptr);

  const absl::Status missing = ParseFunctions(bytes, OpTable::Builtin()).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(),
            "stored functions: op twice@2 is not known here; register it, or load its plug-in, "
            "first");
  OpTable older(&OpTable::Builtin());
  ASSERT_TRUE(older.Register(Twice(1)).ok());
  const absl::Status other = ParseFunctions(bytes, older).status();
  EXPECT_EQ(other.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(other.message(), "stored functions: op twice@2 is not known here, only twice@1");
}

TEST(SerializerTest, WhatIsNoArchiveIsRefused) {
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(64, '\0'), std::string(64, '\xff')}) {
    const absl::Status status = ParseFunctions(bytes, OpTable::Builtin()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("stored functions: expected"));
  }
  const std::string bytes = Bytes(NormFunction());
  for (size_t length = 0; length < bytes.size(); ++length) {
    // On the heap at its exact length, so that a sanitizer sees a read beyond it.
    const std::string cut = bytes.substr(0, length);
    const auto read = ParseFunctions(cut, OpTable::Builtin());
    // The last few bytes may be padding.
    if (read.ok()) {
      EXPECT_GT(length + 8, bytes.size());
      EXPECT_EQ(*SerializeFunctions(*read), bytes);
    }
  }
}

// Chains and towers of calls.
FunctionRef Tower(int depth, int calls) {
  auto leaf = std::make_shared<Function>("leaf");
  Graph graph(OpTable::Builtin(), *leaf);
  const ValueId x = leaf->AddInput("x", InputKind::kArgument, F32Type("4"));
  leaf->AddOutput("y", graph.Op("neg", {x}));
  FunctionRef below = leaf;
  for (int level = 1; level < depth; ++level) {
    auto function = std::make_shared<Function>(absl::StrCat("level_", level));
    ValueId value = function->AddInput("x", InputKind::kArgument, F32Type("4"));
    for (int i = 0; i < calls; ++i) value = (*function->AddCall(below, "c", {value}))[0];
    function->AddOutput("y", value);
    below = function;
  }
  return below;
}

TEST(SerializerTest, NestingAndWorkAreBounded) {
  EXPECT_NE(Back(Bytes(Tower(kMaxCallDepth, 1))), nullptr);
  const absl::Status deep = SerializeFunctions(Archive(Tower(kMaxCallDepth + 1, 1))).status();
  EXPECT_EQ(deep.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(deep.message(), HasSubstr("nesting of calls of at most 64, got more"));
  // 2^21 leaves stand in few nodes, 2^22 and the calls above them are too many.
  EXPECT_NE(Back(Bytes(Tower(21, 2))), nullptr);
  const absl::Status wide = SerializeFunctions(Archive(Tower(23, 2))).status();
  EXPECT_EQ(wide.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(wide.message(), HasSubstr("nodes, calls written out, of at most"));
}

TEST(SerializerTest, WhatCannotBeReadBackIsNotWritten) {
  auto function = std::make_shared<Function>("f");
  const Dim huge = Dim(int64_t{1} << 40) * Dim(int64_t{1} << 40);
  function->AddOutput("y", function->AddInput("x", InputKind::kArgument, {DType::kF32, {huge}}));
  EXPECT_EQ(SerializeFunctions(Archive(function)).status().code(),
            absl::StatusCode::kInvalidArgument);

  auto infinite = std::make_shared<Function>("f");
  const ValueId x = infinite->AddInput("x", InputKind::kArgument, F32Type(""));
  infinite->AddOutput("y", x, OutputKind::kLossNumerator, INFINITY);
  EXPECT_THAT(SerializeFunctions(Archive(infinite)).status().message(),
              HasSubstr("expected finite initialisers and loss weights"));

  auto twice = std::make_shared<Function>("f");
  twice->AddInput("x", InputKind::kArgument, F32Type(""));
  twice->AddInput("x", InputKind::kArgument, F32Type(""));
  EXPECT_THAT(SerializeFunctions(Archive(twice)).status().message(),
              HasSubstr("two inputs of kind argument are named 'x'"));
  EXPECT_THAT(SerializeFunctions(Archive(nullptr)).status().message(),
              HasSubstr("expected a function, got none"));
}

TEST(FunctionTest, CallsOfValuesThatAreNotThereAreTheCallersError) {
  const FunctionRef leaf = Tower(1, 0);
  Function function("f");
  for (const ValueId wrong : {-1, 0, 7}) {
    const absl::Status status = function.AddCall(leaf, "c", {wrong}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), "call leaf: input 'x' is not a value of function 'f'");
  }
}

}  // namespace
}  // namespace tessera
