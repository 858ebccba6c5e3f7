// Properties: any config goes JSON -> tree -> FlatBuffers -> tree -> JSON without loss.
//
// Method: random trees made from the schemas themselves (every type, field, range and state), some
// with a registered type that has every kind of field; damaged bytes must give an error or a config
// that holds the same properties.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "cpp/config/config.h"
#include "cpp/config/json_printer.h"
#include "gtest/gtest.h"
#include "tests/config/config_testing.h"

namespace tessera {
namespace {

constexpr char kEverything[] = R"(
enum Color : short { red = -2, green = 5 }
table Inner { a: long (required_field); b: [double]; c: Inner; d: Color = red; e: string; }
table Everything (role: "feed_forward,extra") {
  a: bool; b: byte; c: ubyte; d: short; e: ushort; f: int; g: uint; h: long; i: ulong;
  j: float; k: double; l: string; m: Color = green; n: Inner;
  la: [bool]; lb: [byte]; lc: [ubyte]; ld: [short]; le: [ushort]; lf: [int]; lg: [uint];
  lh: [long]; li: [ulong]; lj: [float]; lk: [double]; ll: [string]; lm: [Color]; ln: [Inner];
  oa: bool = null; oh: long = null; ok: double = null; om: Color = null;
  s: Slot (role: "extra", optional); sl: [Slot] (role: "norm");
})";

class Maker {
 public:
  Maker(const SchemaRegistry& registry, uint64_t seed) : registry_(registry), random_(seed) {}

  std::unique_ptr<ConfigNode> Node(const TypeInfo* type, int depth) {
    auto node = std::make_unique<ConfigNode>(type);
    for (size_t i = 0; i < type->fields.size(); ++i) {
      const FieldInfo& field = type->fields[i];
      if (Below(2) == 0) continue;
      if (field.kind == FieldKind::kSlot) {
        FillSlot(field, node->slot(i), depth);
      } else {
        node->field(i) = {FieldState::kSet, Value(field, depth), {}};
      }
    }
    return node;
  }

  uint64_t Below(uint64_t limit) { return random_() % limit; }

 private:
  void FillSlot(const FieldInfo& field, ConfigNode::Slot& slot, int depth) {
    const std::vector<const TypeInfo*> types = registry_.List(field.role);
    const bool empty = (field.is_optional || field.is_list) && (Below(4) == 0 || depth > 6);
    if (!empty && (types.empty() || depth > 6)) return;
    slot.state = FieldState::kSet;
    if (empty) return;
    const uint64_t count = field.is_list ? 1 + Below(3) : 1;
    for (uint64_t k = 0; k < count; ++k) {
      slot.children.push_back(Node(types[Below(types.size())], depth + 1));
    }
  }

  ConfigValue Value(const FieldInfo& field, int depth) {
    if (!field.is_list) return Element(field, depth);
    ConfigValue::List list;
    const uint64_t count = Below(4);
    for (uint64_t i = 0; i < count; ++i) list.push_back(Element(field, depth));
    return ConfigValue(std::move(list));
  }

  ConfigValue Element(const FieldInfo& field, int depth) {
    switch (field.kind) {
      case FieldKind::kBool:
        return ConfigValue(Below(2) == 1);
      case FieldKind::kInt:
        return Integer(field);
      case FieldKind::kFloat:
        return Number(field);
      case FieldKind::kEnum:
        return ConfigValue(field.members[Below(field.members.size())].name);
      case FieldKind::kTable: {
        ConfigValue::Table table;
        for (const FieldInfo& inner : field.table->fields) {
          if (Below(2) == 0 || (depth > 6 && inner.kind == FieldKind::kTable)) continue;
          table.emplace_back(inner.name, Value(inner, depth + 2));
        }
        return ConfigValue(std::move(table));
      }
      default:
        return ConfigValue(Text());
    }
  }

  ConfigValue Integer(const FieldInfo& field) {
    if (!field.choices.empty()) {
      return ConfigValue(static_cast<int64_t>(
          std::stoll(field.choices[Below(field.choices.size())])));
    }
    constexpr double kFar = 9.0e18;
    const double low = field.min.value_or(-kFar), high = field.max.value_or(kFar);
    if (Below(3) == 0) return ConfigValue(static_cast<int64_t>(low));
    if (Below(3) == 0) return ConfigValue(static_cast<int64_t>(std::min(high, kFar)));
    const double share = std::uniform_real_distribution<double>(0, 1)(random_);
    return ConfigValue(static_cast<int64_t>(low + (std::min(high, kFar) - low) * share));
  }

  ConfigValue Number(const FieldInfo& field) {
    const double low = field.min.value_or(field.above.value_or(-1e30));
    const double high = field.max.value_or(field.below.value_or(1e30));
    double value = low + (high - low) * std::uniform_real_distribution<double>(0, 1)(random_);
    if (Below(4) == 0 && field.min) value = *field.min;
    if (field.above && value <= *field.above) value = *field.above + 0.5;
    if (field.below && value >= *field.below) value = low;
    if (field.width == 4) value = static_cast<float>(value);
    return ConfigValue(value);
  }

  std::string Text() {
    static const char* kPieces[] = {"a", "\"", "\\", "\n", "\xC3\xA4", "\xF0\x9F\x98\x80",
                                    "//", "\x01", " ", "null", std::string_view("\t").data()};
    std::string text;
    const uint64_t count = Below(6);
    for (uint64_t i = 0; i < count; ++i) text += kPieces[Below(std::size(kPieces))];
    if (Below(8) == 0) text += std::string(1, '\0');
    return text;
  }

  const SchemaRegistry& registry_;
  std::mt19937_64 random_;
};

void ExpectLossless(const Config& config) {
  const std::string bytes = config.ToBytes();
  const auto from_bytes = Config::FromBytes(config.registry(), bytes);
  ASSERT_TRUE(from_bytes.ok()) << from_bytes.status() << config.ToJson();
  EXPECT_TRUE(from_bytes->root().SameAs(config.root())) << config.ToJson();
  EXPECT_EQ(from_bytes->ToBytes(), bytes);
  const auto from_json = Config::FromJson(from_bytes->registry(), from_bytes->ToJson());
  ASSERT_TRUE(from_json.ok()) << from_json.status() << config.ToJson();
  EXPECT_EQ(from_json->ToJson(), config.ToJson());
  EXPECT_EQ(from_json->ToBytes(), bytes);
  EXPECT_EQ(from_json->root().Fingerprint(), config.root().Fingerprint());
}

TEST(RoundTripTest, RandomTreesSurviveJsonAndBytes) {
  auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  ASSERT_TRUE(registry->RegisterText(kEverything, "Everything").ok())
      << registry->RegisterText(kEverything, "Everything");
  const std::vector<const TypeInfo*> types = registry->List();
  for (uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    Maker maker(*registry, seed);
    const TypeInfo* type = seed % 3 == 0 ? registry->Find("Experiment")
                           : seed % 3 == 1 ? registry->Find("Everything")
                                           : types[maker.Below(types.size())];
    const auto node = maker.Node(type, 0);
    const auto config = Config::FromJson(registry, PrintTree(*node, {}));
    ASSERT_TRUE(config.ok()) << config.status() << PrintTree(*node, {});
    EXPECT_TRUE(config->root().SameAs(*node)) << PrintTree(*node, {}) << config->ToJson();
    ExpectLossless(*config);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(RoundTripTest, ResolvedConfigsKeepEveryValue) {
  const Config resolved = Resolved(Parsed(kSmall));
  const auto read = Config::FromBytes(SchemaRegistry::Builtin(), resolved.ToBytes(true));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->root().Fingerprint(), resolved.root().Fingerprint());
  EXPECT_EQ(read->ToJson(), resolved.ToJson(true));
  EXPECT_EQ(*read->Get("trainer.steps"), "1000");
}

TEST(RoundTripTest, TheDefaultWrittenOutIsNotUnset) {
  Config config = Parsed(kSmall);
  ASSERT_TRUE(config.Set("trainer.steps", "1000").ok());
  const auto read = Config::FromBytes(SchemaRegistry::Builtin(), config.ToBytes());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->Section("trainer")->FindField("steps")->state, FieldState::kSet);
  EXPECT_EQ(read->Section("trainer")->FindField("batch_size")->state, FieldState::kUnset);
}

TEST(RoundTripTest, DamagedBytesNeverCrashAndNeverLie) {
  const std::string bytes = Resolved(Parsed(kSmall)).ToBytes(true);
  std::mt19937_64 random(1);
  size_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = bytes;
    const uint64_t count = 1 + random() % 3;
    for (uint64_t k = 0; k < count; ++k) {
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    }
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    const auto read = Config::FromBytes(SchemaRegistry::Builtin(), damaged);
    if (!read.ok()) {
      EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
      ++refused;
    } else {
      ExpectLossless(*read);
    }
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(refused, 1000);
}

// Each word of the bytes in turn points far out, so that every offset is once the damaged one: an
// offset that is followed before it is checked is then a read that the sanitizers see.
TEST(RoundTripTest, EveryOffsetMayPointOutside) {
  auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  ASSERT_TRUE(registry->RegisterText(kEverything, "Everything").ok());
  const auto config = Config::FromJson(registry, R"({"type": "Everything", "a": true, "l": "text",
      "n": {"a": 1, "b": [1.5], "c": {"a": 2, "e": "deep"}}, "lh": [1, 2], "ll": ["x", "yz"],
      "ln": [{"a": 3, "c": {"a": 4}}, {"a": 5, "e": "last"}], "s": null})");
  ASSERT_TRUE(config.ok()) << config.status();
  const std::string bytes = config->ToBytes(true);
  size_t refused = 0;
  for (size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    for (const uint16_t value : {uint16_t{0x7ffc}, uint16_t{0xfffc}}) {
      std::string damaged = bytes;
      std::memcpy(damaged.data() + at, &value, sizeof(value));
      const auto read = Config::FromBytes(registry, damaged);
      if (read.ok()) continue;
      ++refused;
      EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << read.status();
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(RoundTripTest, OtherBytesAreRefusedWithAReason) {
  for (const std::string& bytes : {std::string(), std::string("{}"), std::string(64, '\0'),
                                   std::string("\x10\0\0\0TSRC", 8)}) {
    EXPECT_EQ(Config::FromBytes(SchemaRegistry::Builtin(), bytes).status().message(),
              "config bytes: expected a FlatBuffers config (identifier TSRC), got other or damaged "
              "bytes");
  }
}

}  // namespace
}  // namespace tessera
