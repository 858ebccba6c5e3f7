// Method: the parts that imports are made of, by themselves: names with places, rearrangements
// against loops, templates filled and solved, fields with defaults, every family's file, and blocks
// of quantised numbers against their formulas.
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "cpp/config/plain_json.h"
#include "cpp/interop/config_template.h"
#include "cpp/interop/family.h"
#include "cpp/interop/field_table.h"
#include "cpp/interop/gguf_blocks.h"
#include "cpp/interop/name_pattern.h"
#include "cpp/interop/rearrange.h"
#include "cpp/interop/tensor_map.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ConfigValue Json(std::string_view text) {
  const auto value = ParseJson(text, "test");
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *value : ConfigValue();
}

Tensor Counting(std::vector<int64_t> dims, DType dtype = DType::kF32) {
  Tensor tensor = *Tensor::Zeros(dtype, std::move(dims));
  for (int64_t i = 0; i < tensor.count(); ++i) tensor.Put(i, static_cast<double>(i));
  return tensor;
}

std::vector<double> Values(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
  return values;
}

TEST(NamePatternTest, PlacesHoldWhatStandsBetweenDots) {
  const auto pattern = NamePattern::Parse("h.{l}.ln_{n}.weight");
  ASSERT_TRUE(pattern.ok()) << pattern.status();
  NameParts parts;
  EXPECT_TRUE(pattern->Match("h.10.ln_2.weight", &parts));
  EXPECT_EQ(parts["l"], "10");
  EXPECT_EQ(parts["n"], "2");
  EXPECT_EQ(pattern->Fill(parts), "h.10.ln_2.weight");
  for (const char* other : {"h..ln_2.weight", "h.1.x.ln_2.weight", "h.1.ln_2.weights", "", "h.1"}) {
    EXPECT_FALSE(pattern->Match(other, &parts)) << other;
  }
}

TEST(NamePatternTest, PatternsThatAreNone) {
  for (const char* wrong : {"{", "a}", "{}", "{a}{b}", "{a}.{a}", "x{y"}) {
    EXPECT_FALSE(NamePattern::Parse(wrong).ok()) << wrong;
  }
}

TEST(RearrangeTest, TransposesTheLastTwoDimsOfEveryDType) {
  for (DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kF16, DType::kU8}) {
    for (const auto& dims : {std::vector<int64_t>{3, 5}, {2, 37, 70}, {0, 4}, {1, 1}, {2, 3, 0}}) {
      const Tensor from = Counting(dims, dtype);
      const auto to = TransposeLastTwo(from);
      ASSERT_TRUE(to.ok()) << to.status();
      const int64_t rows = dims[dims.size() - 2], columns = dims.back();
      for (int64_t i = 0; i < from.count(); ++i) {
        const int64_t matrix = i / (rows * columns), r = i / columns % rows, c = i % columns;
        ASSERT_EQ(to->At(matrix * rows * columns + c * rows + r), from.At(i)) << i;
      }
    }
  }
}

TEST(RearrangeTest, PartsGoBackWhereTheyWere) {
  const Tensor whole = Counting({2, 6, 3});
  Tensor again = *Tensor::Zeros(DType::kF32, whole.dims);
  for (int64_t part = 0; part < 2; ++part) {
    const auto turns = TakePart(whole, 1, part, 3, 2);
    ASSERT_TRUE(turns.ok()) << turns.status();
    EXPECT_EQ(turns->At(3), whole.At(3 * (part + 2)));
    ASSERT_TRUE(PutPart(*turns, 1, part, 2, again).ok());
  }
  EXPECT_EQ(Values(again), Values(whole));
  EXPECT_FALSE(TakePart(whole, 1, 5, 2, 1).ok());
}

TEST(RearrangeTest, PairsOfNeighboursBecomeHalves) {
  const auto halves = PairsToHalves(Counting({1, 8}), 1, 2);
  ASSERT_TRUE(halves.ok()) << halves.status();
  EXPECT_THAT(Values(*halves), ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  EXPECT_EQ(Values(*HalvesToPairs(*halves, 1, 2)), Values(Counting({1, 8})));
}

constexpr char kFields[] = R"({
  "width": {}, "heads": {"default": 4}, "head": {"default": "=width / heads"},
  "base": {"at": ["rope.theta", "theta"], "default": 1e4},
  "kind": {"default": "silu"}, "window": {"default": null}, "scalar": {"default": "=head"},
  "layers": {"default": null, "repeats": ["a", "b"]}})";

// "=2 * ln(width)" of a width; the error's text when there is none.
std::string Computed(std::string_view expression, int64_t width) {
  const auto value = ComputeField(expression, {{"width", ConfigValue(width)}});
  return value.ok() ? value->ToJson() : std::string(value.status().message());
}

TEST(FieldTableTest, LogarithmsAndRoots) {
  EXPECT_EQ(Computed("sqrt(width * 2)", 8), "4");
  EXPECT_EQ(Computed("1 / sqrt(width)", 4), "0.5");
  const auto yarn = ComputeField("(0.1 * ln(width) + 1) * 2", {{"width", ConfigValue(40.0)}});
  ASSERT_TRUE(yarn.ok()) << yarn.status();
  EXPECT_DOUBLE_EQ(*yarn->AsFloat(), (0.1 * std::log(40.0) + 1) * 2);
  for (const char* none : {"ln(0 - width)", "sqrt(width - width)"}) {
    EXPECT_THAT(Computed(none, 3), HasSubstr("expected a number above 0, got")) << none;
  }
  for (const char* wrong : {"ln(width", "sqrt()", "ln width"}) {
    EXPECT_FALSE(ComputeField(wrong, {{"width", ConfigValue(int64_t{3})}}).ok()) << wrong;
  }
}

TEST(FieldTableTest, NullIsAValueUnlessTheDefaultIsComputed) {
  const auto table = FieldTable::Parse(Json(
      R"({"width": {}, "cap": {"default": 50.0}, "inner": {"default": "=4 * width"}})"));
  ASSERT_TRUE(table.ok()) << table.status();
  const ConfigValue config = Json(R"({"width": 3, "cap": null, "inner": null})");
  const auto values = table->Read(config, "c.json");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_TRUE(values->at("cap").empty());
  EXPECT_EQ(values->at("inner").ToJson(), "12");
  EXPECT_THAT(table->Read(Json(R"({"width": null})"), "c.json").status().message(),
              HasSubstr("expected a field 'width'"));
  ConfigValue written = config;
  ASSERT_TRUE(table->Write(*values, written).ok());
  EXPECT_TRUE(written.Find("cap")->empty());
}

absl::StatusOr<FieldValues> Fields(std::string_view config) {
  const auto table = FieldTable::Parse(Json(kFields));
  EXPECT_TRUE(table.ok()) << table.status();
  return table->Read(Json(config), "c.json");
}

TEST(FieldTableTest, DefaultsAreComputedAndPlacesTriedInOrder) {
  auto values = Fields(R"({"width": 24, "theta": 5, "head": null})");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ((*values)["head"].ToJson(), "6");
  EXPECT_EQ((*values)["base"].ToJson(), "5");
  values = Fields(R"({"width": 25, "theta": 5, "rope": {"theta": 7}, "layers": ["a", "b", "a"]})");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ((*values)["head"].ToJson(), "6.25");
  EXPECT_EQ((*values)["base"].ToJson(), "7");
}

TEST(FieldTableTest, WhatIsMissingOrOutOfTurnIsNamed) {
  EXPECT_THAT(std::string(Fields("{}").status().message()), HasSubstr("'width'"));
  EXPECT_THAT(std::string(Fields(R"({"width": "x"})").status().message()), HasSubstr("width"));
  EXPECT_THAT(std::string(Fields(R"({"width": 1, "layers": ["b"]})").status().message()),
              HasSubstr("layers: expected"));
  EXPECT_FALSE(Fields(R"({"width": 1, "heads": 0})").ok());
}

TEST(ConfigTemplateTest, FilledAndSolvedAreInverse) {
  const ConfigValue form = Json(R"({"type": "X", "dim": "$width", "four": "=4 * width",
      "activation": {"$switch": "kind", "cases": {"silu": "silu", "gelu_new": "gelu_tanh"}},
      "window": {"$switch": "window", "cases": {"null": 0, "*": "$window"}},
      "scale": {"$power": "scalar", "exponent": -0.5},
      "list": {"$each": "layers", "cases": {"a": {"w": 1}, "b": {"w": 0}}}})");
  for (const char* config :
       {R"({"width": 24, "kind": "gelu_new", "window": 9, "scalar": 7, "layers": ["a", "b"]})",
        R"({"width": 8, "scalar": 144, "layers": []})"}) {
    const auto values = Fields(config);
    ASSERT_TRUE(values.ok()) << values.status();
    const auto filled = FillTemplate(form, *values);
    ASSERT_TRUE(filled.ok()) << filled.status();
    FieldValues solved;
    ASSERT_TRUE(SolveTemplate(form, *filled, solved)) << filled->ToJson();
    for (const auto& [name, value] : solved) {
      EXPECT_TRUE(SameValue(value, values->at(name))) << name << " " << value.ToJson();
    }
    EXPECT_EQ(solved.size(), 5u);
  }
  FieldValues values = *Fields(R"({"width": 1, "kind": "odd", "layers": []})");
  EXPECT_THAT(std::string(FillTemplate(form, values).status().message()),
              HasSubstr("kind: expected silu or gelu_new, got \"odd\""));
  FieldValues none;
  EXPECT_FALSE(SolveTemplate(form, Json(R"({"type": "Y"})"), none));
}

TEST(TensorMapTest, StackedPartsComeAndGo) {
  const auto map = TensorMap::Parse(
      Json(R"([{"theirs": "l.{l}.e.{e}.both", "stack": "e", "transpose": true, "dim": 1,
                "interleaved": true, "ours": ["l/{l}/gate", "l/{l}/up"]}])"),
      [](std::string_view) -> absl::StatusOr<int64_t> { return 1; });
  ASSERT_TRUE(map.ok()) << map.status();
  const auto pairs = map->Find({{"l/0/gate", {2, 3, 4}}, {"l/0/up", {2, 3, 4}}});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 1u);
  const Correspondence& pair = (*pairs)[0];
  ASSERT_EQ(pair.theirs.size(), 2u);
  EXPECT_EQ(pair.theirs[1].name, "l.0.e.1.both");
  EXPECT_THAT(pair.theirs[1].dims, ElementsAre(8, 3));
  const Tensor theirs = Counting({8, 3});
  const auto read = [&](const std::string&) -> absl::StatusOr<Tensor> { return theirs; };
  const auto gate = MakeOurs(pair, 0, read);
  const auto up = MakeOurs(pair, 1, read);
  ASSERT_TRUE(gate.ok() && up.ok()) << gate.status() << up.status();
  EXPECT_EQ(gate->At(1), theirs.At(2 * 3));  // [e 0, row 0, column 1] is their row 2, column 0
  EXPECT_EQ(up->At(1), theirs.At(3 * 3));
  const auto again = MakeTheirs(pair, 1, [&](const std::string& name) -> absl::StatusOr<Tensor> {
    return name == "l/0/gate" ? *gate : *up;
  });
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Values(*again), Values(theirs));
}

TEST(TensorMapTest, ParametersWithoutARuleAreNamed) {
  const auto map = TensorMap::Parse(
      Json(R"([{"theirs": "w", "ours": ["a", "b"], "dim": 0}])"),
      [](std::string_view) -> absl::StatusOr<int64_t> { return 1; });
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_THAT(std::string(map->Find({{"c", {1}}}).status().message()), HasSubstr("c"));
  EXPECT_THAT(std::string(map->Find({{"a", {1}}}).status().message()), HasSubstr("part b"));
}

constexpr char kSmallestGguf[] = R"({
    "llama": {"block_count": 1, "embedding_length": 8, "feed_forward_length": 8,
              "attention": {"head_count": 1, "layer_norm_rms_epsilon": 1e-5}},
    "tensors": {"vocab_size": 8, "has_output": true}})";

TEST(FamilyTest, EveryFileIsOneAndEveryPlaceOfItsTemplateIsAField) {
  std::set<std::string> types;
  for (const char* format : {"huggingface", "gguf"}) {
    for (const std::string& name : Family::Names(format)) {
      const auto family = Family::Named(name);
      ASSERT_TRUE(family.ok()) << family.status();
      EXPECT_TRUE(types.insert(format + family->model_type).second) << name;
      // A config that says next to nothing has a model and tensors, by the defaults.
      std::vector<std::string> unknown;
      const ConfigValue config = Json(std::string_view(format) == "gguf" ? kSmallestGguf : R"({
          "rope_parameters": {"rope_type": "default"}})");
      const auto values = family->ReadFields(config, name, &unknown);
      ASSERT_TRUE(values.ok()) << values.status();
      const auto model = FillTemplate(family->model, *values);
      EXPECT_TRUE(model.ok()) << name << ": " << model.status();
      const auto map = family->MapTensors(*values);
      EXPECT_TRUE(map.ok()) << name << ": " << map.status();
    }
  }
  EXPECT_GE(types.size(), 17u);
  EXPECT_THAT(std::string(Family::OfModelType("huggingface", "lama").status().message()),
              HasSubstr("did you mean 'llama'"));
}

TEST(GgufBlocksTest, QuantisedBlocksFollowTheirFormulas) {
  const uint16_t d = F16FromFloat(0.25f), m = F16FromFloat(-1.5f);
  unsigned char block[34] = {};
  uint16_t values[32];
  std::memcpy(block, &d, 2);
  std::memcpy(block + 2, &m, 2);
  for (int i = 0; i < 16; ++i) block[4 + i] = static_cast<unsigned char>(i | (15 - i) << 4);
  DequantiseToBF16(*FindGgufType(3), block, 1, values);  // Q4_1: q d + m
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(FloatFromBF16(values[i]), 0.25f * static_cast<float>(i) - 1.5f);
    EXPECT_EQ(FloatFromBF16(values[i + 16]), 0.25f * static_cast<float>(15 - i) - 1.5f);
  }
  for (int i = 0; i < 16; ++i) block[2 + i] = static_cast<unsigned char>(i | (15 - i) << 4);
  DequantiseToBF16(*FindGgufType(2), block, 1, values);  // Q4_0: (q - 8) d
  EXPECT_EQ(FloatFromBF16(values[3]), -1.25f);
  EXPECT_EQ(FloatFromBF16(values[16]), 1.75f);
  for (int i = 0; i < 32; ++i) block[2 + i] = static_cast<unsigned char>(i * 8 - 128);
  DequantiseToBF16(*FindGgufType(8), block, 1, values);  // Q8_0: q d, q signed
  EXPECT_EQ(FloatFromBF16(values[0]), -32.0f);
  EXPECT_EQ(FloatFromBF16(values[31]), 30.0f);
  EXPECT_EQ(FindGgufType(12), nullptr);
}

}  // namespace
}  // namespace tessera
