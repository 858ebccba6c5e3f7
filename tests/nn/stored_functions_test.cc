// Stored functions of a model: traced, written, read, they are what was traced, and a reader takes
// them exactly when its config would give them.
#include "cpp/nn/stored_functions.h"

#include "cpp/config/tree.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/text_parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/model_json.h"
#include "tests/nn/model_run.h"

namespace tessera {
namespace {

Config ModelConfig(const ModelParts& parts) {
  auto config = ResolvedConfig(ModelJson(parts));
  EXPECT_TRUE(config.ok()) << config.status();
  return *std::move(config);
}

absl::StatusOr<FunctionArchive> ThereAndBack(const ConfigNode& model, DType dtype) {
  const ModuleTable modules;
  ASSIGN_OR_RETURN(const FunctionArchive traced,
                   TraceAllModes(OpTable::Builtin(), modules, model, dtype));
  ASSIGN_OR_RETURN(const std::string bytes, SerializeFunctions(traced));
  ASSIGN_OR_RETURN(FunctionArchive read, ParseFunctions(bytes, OpTable::Builtin()));
  ASSIGN_OR_RETURN(const std::string again, SerializeFunctions(read));
  EXPECT_EQ(again, bytes);
  return read;
}

TEST(StoredFunctionsTest, EveryModeComesBackAsTraced) {
  const Config config = ModelConfig({});
  const auto stored = ThereAndBack(config.root(), DType::kBF16);
  ASSERT_TRUE(stored.ok()) << stored.status();
  for (const Mode mode : {Mode::kTrain, Mode::kEvaluate, Mode::kDecode}) {
    const FunctionRef found = FindStored(*stored, config.root(), DType::kBF16, mode);
    ASSERT_NE(found, nullptr) << Name(mode);
    const ModuleTable modules;
    const auto traced = TraceModel(config.root(), modules, {DType::kBF16, mode});
    ASSERT_TRUE(traced.ok()) << traced.status();
    EXPECT_TRUE(StructurallyEqual(*found, **traced)) << Name(mode);
    const auto parsed = ParseFunctionText(ToTextWithCallees(*found), OpTable::Builtin());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_TRUE(StructurallyEqual(*found, **parsed)) << Name(mode);
  }
}

TEST(StoredFunctionsTest, AnotherConfigOrDtypeIsTracedAnew) {
  const Config config = ModelConfig({});
  const auto stored = ThereAndBack(config.root(), DType::kF32);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_NE(FindStored(*stored, config.root(), DType::kF32, Mode::kTrain), nullptr);
  EXPECT_EQ(FindStored(*stored, config.root(), DType::kBF16, Mode::kTrain), nullptr);
  ModelParts deeper;
  deeper.num_layers = 3;
  const Config other = ModelConfig(deeper);
  EXPECT_EQ(FindStored(*stored, other.root(), DType::kF32, Mode::kTrain), nullptr);
  EXPECT_EQ(FindStored({}, config.root(), DType::kF32, Mode::kTrain), nullptr);
}

TEST(StoredFunctionsTest, DepthCostsBytesPerCallOnly) {
  ModelParts parts;
  parts.num_layers = 1;
  const ModuleTable modules;
  size_t sizes[2] = {0, 0};
  for (const int layers : {1, 100}) {
    parts.num_layers = layers;
    const Config config = ModelConfig(parts);
    const auto traced = TraceAllModes(OpTable::Builtin(), modules, config.root(), DType::kF32);
    ASSERT_TRUE(traced.ok()) << traced.status();
    const auto bytes = SerializeFunctions(*traced);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    sizes[layers == 1 ? 0 : 1] = bytes->size();
  }
  EXPECT_LT(sizes[1], 40 * sizes[0]);
}

}  // namespace
}  // namespace tessera
