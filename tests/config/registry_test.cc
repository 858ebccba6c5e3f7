// The registry: built-in types, their descriptions, and types registered at run time.
#include "cpp/config/registry.h"

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "cpp/config/config.h"
#include "gen/schemas/embedded.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/config/config_testing.h"

namespace tessera {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

constexpr char kScaled[] = R"(
/// How a Scaled feed-forward is trained.
enum Flavor : ubyte { plain, hot }
table Extra { name: string (required_field); weight: float = 0.5; }
/// Multiplies by a learned scale.
table Scaled (role: "feed_forward") {
  /// Width.
  model_dim: long (flows: "model_dim", required_field, min: "1");
  flavor: Flavor = hot;
  small: short = -3;
  big: ulong;
  ratio: float = 0.25 (above: "0", max: "1");
  flags: [bool];
  sizes: [uint];
  extras: [Extra];
  one: Extra;
  parts: [Slot] (role: "norm");
})";

std::shared_ptr<SchemaRegistry> OwnRegistry() {
  return std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
}

TEST(RegistryTest, EverySchemaOfATypeIsRead) {
  size_t types = 0;
  for (const EmbeddedSchema& schema : EmbeddedSchemas()) {
    const bool is_plain_table = absl::StartsWith(schema.name, "common/");
    if (!is_plain_table && absl::StrContains(schema.name, '/')) ++types;
  }
  EXPECT_EQ(SchemaRegistry::Builtin()->List().size(), types);
}

TEST(RegistryTest, EveryFieldAndTypeHasADoc) {
  for (const TypeInfo* type : SchemaRegistry::Builtin()->List()) {
    EXPECT_FALSE(type->doc.empty()) << type->name;
    for (const FieldInfo& field : type->fields) {
      EXPECT_FALSE(field.doc.empty()) << type->name << "." << field.name;
      for (const EnumMember& member : field.members) {
        EXPECT_FALSE(member.doc.empty()) << field.enum_name << "." << member.name;
      }
    }
  }
}

TEST(RegistryTest, DefaultTypesExistAndFillTheirSlots) {
  const auto registry = SchemaRegistry::Builtin();
  for (const TypeInfo* type : registry->List()) {
    for (const FieldInfo& field : type->fields) {
      for (const std::string& name : {field.default_type, field.usual_type}) {
        if (name.empty()) continue;
        ASSERT_NE(registry->Find(name), nullptr) << name;
        EXPECT_TRUE(registry->Find(name)->HasRole(field.role)) << type->name << "." << field.name;
      }
    }
  }
}

TEST(RegistryTest, ListsTypesByRole) {
  EXPECT_THAT(SchemaRegistry::Builtin()->Names("position"),
              IsSupersetOf({"LearnedPosition", "NoPosition", "RotaryPosition"}));
  EXPECT_THAT(SchemaRegistry::Builtin()->Roles(), Contains("attention"));
  EXPECT_THAT(SchemaRegistry::Builtin()->ListJson("norm"),
              HasSubstr(R"([{"type":"LayerNorm","roles":["norm"],"doc":)"));
}

TEST(RegistryTest, DescribesFields) {
  const std::string text = *SchemaRegistry::Builtin()->DescribeJson("Attention");
  EXPECT_THAT(text, HasSubstr(R"("name":"num_heads","type":"int")"));
  EXPECT_THAT(text, HasSubstr(R"("required":true)"));
  EXPECT_THAT(text, HasSubstr(R"("divides":"model_dim")"));
  EXPECT_THAT(text, HasSubstr(R"("name":"causal","type":"bool")"));
  EXPECT_THAT(*SchemaRegistry::Builtin()->DescribeJson("AdamW"),
              HasSubstr(R"("table":"ParamGroup")"));
  EXPECT_EQ(SchemaRegistry::Builtin()->DescribeJson("Atention").status().message(),
            "config type 'Atention' is not known (did you mean 'Attention'?)");
}

TEST(RegistryTest, ARegisteredTypeIsOneOfTheOthers) {
  auto registry = OwnRegistry();
  ASSERT_TRUE(registry->RegisterText(kScaled, "Scaled").ok())
      << registry->RegisterText(kScaled, "Scaled");
  EXPECT_TRUE(registry->RegisterText(kScaled, "Scaled").ok());   // the same again
  EXPECT_EQ(SchemaRegistry::Builtin()->Find("Scaled"), nullptr);
  EXPECT_THAT(registry->Names("feed_forward"), IsSupersetOf({"FeedForward", "Scaled"}));
  auto config = Config::FromJson(
      registry, SmallWith(R"({"hidden_dim": 512})",
                          R"({"type": "Scaled", "ratio": 0.1, "parts": ["RmsNorm", "LayerNorm"],
                              "extras": [{"name": "x"}], "one": {"name": "y", "weight": 2}})"));
  ASSERT_TRUE(config.ok()) << config.status();
  const auto resolved = config->Resolve();
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(*resolved->Get("model.decoder.layer.feed_forward.model_dim"), "128");
  EXPECT_EQ(*resolved->Get("model.decoder.layer.feed_forward.parts[1].model_dim"), "128");
  EXPECT_EQ(*resolved->Get("model.decoder.layer.feed_forward.flavor"), "\"hot\"");
  EXPECT_EQ(*resolved->Get("model.decoder.layer.feed_forward.extras[0].weight"), "0.5");
}

TEST(RegistryTest, BytesCarryTheSchemasOfTypesThatAreNotBuiltIn) {
  auto registry = OwnRegistry();
  ASSERT_TRUE(registry->RegisterText(kScaled, "Scaled").ok());
  auto config = Config::FromJson(
      registry, SmallWith(R"({"hidden_dim": 512})", R"({"type": "Scaled", "small": 7})"));
  ASSERT_TRUE(config.ok()) << config.status();
  // A process that never heard of the type.
  const auto read = Config::FromBytes(SchemaRegistry::Builtin(), config->ToBytes());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson(), config->ToJson());
  const auto resolved = read->Resolve();
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(*resolved->Get("model.decoder.layer.feed_forward.small"), "7");
}

TEST(RegistryTest, WrongSchemasSayWhatIsWrong) {
  auto registry = OwnRegistry();
  const auto message = [&](std::string_view text, std::string_view type = "Mine") {
    const absl::Status status = registry->RegisterText(text, type);
    EXPECT_FALSE(status.ok()) << text;
    return std::string(status.message());
  };
  EXPECT_THAT(message("table Mine { x: }"), HasSubstr("error"));
  EXPECT_THAT(message("table Mine (role: \"norm\") { x: lnog; }"), HasSubstr("lnog"));
  EXPECT_THAT(message("/// A doc comment.\ntable Mine (role: \"norm\") { x: lnog; }"),
              HasSubstr("schema:2:"));
  EXPECT_EQ(message("table Other (role: \"norm\") { }"),
            "schema: expected a table 'Mine', found none of that name");
  EXPECT_EQ(message("table Mine { x: long; }"),
            "Mine: expected a role, as in `table Mine (role: \"feed_forward\")`, got none");
  EXPECT_EQ(message("table Mine (role: \"norm\") { x: long (min: \"small\"); }"),
            "Mine.x: attribute min: expected a number, got 'small'");
  EXPECT_EQ(message("table Mine (role: \"norm\") { type: long; }"),
            "Mine.type: this name is reserved in configs");
  EXPECT_THAT(message("include \"secret.fbs\"; table Mine (role: \"norm\") { }"),
              HasSubstr("expected no include"));
  EXPECT_THAT(message("table Mine (role: \"norm\") { x: Slot; }"), HasSubstr("needs a role"));
  EXPECT_EQ(registry->RegisterText("table RmsNorm (role: \"norm\") { }", "RmsNorm").code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(registry->RegisterBinary("not a schema", "Mine").ok());
}

TEST(RegistryTest, ATypeThatHoldsItselfByDefaultIsAnError) {
  auto registry = OwnRegistry();
  ASSERT_TRUE(registry
                  ->RegisterText("table Loop (role: \"loop\") { next: Slot (role: \"loop\", "
                                 "default_type: \"Loop\"); }",
                                 "Loop")
                  .ok());
  const auto config = Config::FromJson(registry, R"({"type": "Loop"})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(std::string(config->Resolve().status().message()),
              HasSubstr("its default Loop stands inside itself"));
}

}  // namespace
}  // namespace tessera
