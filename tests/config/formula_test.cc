// Method: formulas are parsed, checked and evaluated over nodes of a test's own type; what they
// give to fields below is seen through resolved configs: dims that are dictated, settings that are
// only handed down, slots that exist only under a condition.
#include "cpp/config/formula.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cpp/config/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr char kSchemas[] = R"fbs(
namespace tessera.config;
table Outer (role: "outer") {
  /// A width.
  width: long = 12 (max: "9223372036854775807");
  /// Another, 0 for none.
  other: long = 0;
  /// A number.
  share: double = 0.5;
  /// A switch.
  wanted: bool = false;
  /// A text.
  label: string;
  /// Several.
  sizes: [long];
  /// A part.
  part: Slot (role: "part", default_type: "Part", dims: "width -> 2 * (other or width / 5)",
              names: "a -> b", gives: "bias = wanted; rate = width; label");
  /// One more, under a condition.
  extra: Slot (role: "part", default_type: "Part", only_if: "wanted", dims: "1 -> 2");
}
)fbs";

constexpr char kPart[] = R"(
namespace tessera.config;
table Part (role: "part") {
  /// In.
  in_dim: long (flows: "in_dim", required_field, max: "1000000");
  /// Out.
  out_dim: long = 7 (flows: "out_dim", min: "0", max: "100");
  /// Name.
  in_name: string (inherits: "in_name");
  /// Bias.
  bias: bool = true (inherits: "bias");
  /// Rate.
  rate: double = 0.25 (inherits: "rate");
  /// Label.
  label: string (inherits: "label", default_text: "none");
}
)";

Config::Registry Types() {
  auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  EXPECT_TRUE(registry->RegisterText(kPart, "Part").ok());
  const absl::Status outer = registry->RegisterText(kSchemas, "Outer");
  EXPECT_TRUE(outer.ok()) << outer;
  return registry;
}

std::string Resolved(std::string_view json) {
  const auto config = Config::FromJson(Types(), json, "outer.json");
  if (!config.ok()) return std::string(config.status().message());
  const auto resolved = config->Resolve();
  return resolved.ok() ? Config::NodeJson(resolved->root())
                       : std::string(resolved.status().message());
}

std::string Value(std::string_view formula, std::string_view fields = "") {
  const auto parsed = Formula::Parse(formula);
  if (!parsed.ok()) return std::string(parsed.status().message());
  const auto config =
      Config::FromJson(Types(), absl::StrCat(R"({"type": "Outer", )", fields, "}"), "outer.json");
  if (!config.ok()) return std::string(config.status().message());
  const auto resolved = config->Resolve();
  if (!resolved.ok()) return std::string(resolved.status().message());
  const absl::Status fits = parsed->Check(resolved->root().info());
  if (!fits.ok()) return std::string(fits.message());
  return parsed->Evaluate(resolved->root()).ToJson();
}

TEST(FormulaTest, Evaluates) {
  EXPECT_EQ(Value("width"), "12");
  EXPECT_EQ(Value("1 + 2 * 3 - 4 / 3"), "6");
  EXPECT_EQ(Value("(1 + 2)*(3-5)"), "-6");
  EXPECT_EQ(Value("(0 - 7) / 2"), "-4");   // rounded down
  EXPECT_EQ(Value("width * share"), "6");
  EXPECT_EQ(Value("1 / share"), "2");
  EXPECT_EQ(Value("other or width or 3"), "12");
  EXPECT_EQ(Value("other or width / 5", R"("other": 9)"), "9");
  EXPECT_EQ(Value("wanted or other"), "0");
  EXPECT_EQ(Value("label or 'x'"), "\"x\"");
  EXPECT_EQ(Value("label or 'x'", R"("label": "y")"), "\"y\"");
  EXPECT_EQ(Value("'x or y'"), "\"x or y\"");
  EXPECT_EQ(Value("wanted or true"), "true");
  EXPECT_EQ(Value("wanted * width or 5"), "5");
  EXPECT_EQ(Value("wanted * width or 5", R"("wanted": true)"), "12");
  EXPECT_EQ(Value(" width"), "12");
}

TEST(FormulaTest, WhatHasNoValueIsNothing) {
  const std::string nothing = ConfigValue().ToJson();
  EXPECT_EQ(Value("width / other"), nothing);
  EXPECT_EQ(Value("9223372036854775807 + width"), nothing);
  EXPECT_EQ(Value("9223372036854775807 * width"), nothing);
  EXPECT_EQ(Value("share / (share - share)"), nothing);
  EXPECT_EQ(Value("1 or width / other"), "1");
}

TEST(FormulaTest, SaysWhatIsWrong) {
  EXPECT_EQ(Value(""),
            "formula '': expected a field, number, 'text' or '(', got its end at byte 0");
  EXPECT_THAT(Value("width +"), HasSubstr("got its end at byte 7"));
  EXPECT_THAT(Value("(width"), HasSubstr("expected ')'"));
  EXPECT_THAT(Value("width width"), HasSubstr("expected an operator or the end, got 'width'"));
  EXPECT_THAT(Value("'x"), HasSubstr("expected a closing quote"));
  EXPECT_THAT(Value("1.2.3"), HasSubstr("expected a number"));
  EXPECT_THAT(Value("99999999999999999999e999"), HasSubstr("expected a number"));
  EXPECT_THAT(Value("or 1"), HasSubstr("expected a field"));
  EXPECT_THAT(Value("widht"),
              HasSubstr("a plain field of Outer, got 'widht' (did you mean 'width'"));
  EXPECT_THAT(Value("part"), HasSubstr("a plain field of Outer"));
  EXPECT_THAT(Value("sizes"), HasSubstr("a plain field of Outer"));
  EXPECT_THAT(Value("label + 1"), HasSubstr("+ - * / are for numbers only"));
  EXPECT_THAT(Value(std::string(40, '(')), HasSubstr("fewer brackets"));
  EXPECT_THAT(Value(std::string(2000, '1')), HasSubstr("at most 1000 bytes"));
}

TEST(GivenTest, ASlotDictatesDimsAndHandsDownSettings) {
  EXPECT_EQ(Resolved(R"({"type": "Outer", "label": "l"})"),
            R"({"type": "Outer", "width": 12, "other": 0, "share": 0.5, "wanted": false, )"
            R"("label": "l", "sizes": [], "part": {"type": "Part", "in_dim": 12, "out_dim": 4, )"
            R"("in_name": "a", "bias": false, "rate": 12, "label": "l"}})");
}

TEST(GivenTest, WhatIsHandedDownMayBeSetAndWhatIsDictatedMayNot) {
  EXPECT_THAT(Resolved(R"({"type": "Outer", "part": {"bias": true, "rate": 3, "in_dim": 12}})"),
              HasSubstr(R"("bias": true, "rate": 3)"));
  EXPECT_EQ(Resolved(R"({"type": "Outer", "part": {"out_dim": 5}})"),
            "outer.json:1:39: part.out_dim: expected 4, which Outer (out_dim = 2 * (other or width "
            "/ 5)) dictates, got 5; leave the field out");
}

TEST(GivenTest, WhatDoesNotFitSaysWhoGaveIt) {
  EXPECT_EQ(Resolved(R"({"type": "Outer", "other": 51})"),
            "outer.json:1:1: part.out_dim: expected an integer from 0 to 100, got 102 from Outer "
            "(out_dim = 2 * (other or width / 5))");
  EXPECT_THAT(Resolved(R"({"type": "Outer", "other": 9223372036854775807})"),
              HasSubstr("part: expected a number that fits 64 bits, got another from Outer"));
}

TEST(GivenTest, ASlotMayExistUnderAConditionOnly) {
  EXPECT_THAT(Resolved(R"({"type": "Outer", "wanted": true})"),
              HasSubstr(R"("extra": {"type": "Part", "in_dim": 1, "out_dim": 2)"));
  EXPECT_THAT(Resolved(R"({"type": "Outer", "extra": {}})"),
              HasSubstr("extra: expected nothing, got Part; the slot exists only if wanted"));
}

TEST(GivenTest, ASchemaWithAWrongFormulaIsRefused) {
  SchemaRegistry registry(SchemaRegistry::Builtin());
  const auto error = [&registry](std::string_view attribute) {
    const absl::Status status = registry.RegisterText(
        absl::StrCat("namespace tessera.config; table Bad (role: \"part\") {\n",
                     "  /// W.\n  width: long;\n  /// P.\n",
                     "  part: Slot (role: \"part\", ", attribute, ");\n}"),
        "Bad");
    return std::string(status.message());
  };
  EXPECT_THAT(error(R"(gives: "bias = widht")"), HasSubstr("a plain field of Bad, got 'widht'"));
  EXPECT_THAT(error(R"(gives: "bias")"), HasSubstr("a plain field of Bad, got 'bias'"));
  EXPECT_THAT(error(R"(dims: "width")"), HasSubstr("expected `before -> after`, got 'width'"));
  EXPECT_THAT(error(R"(dims: "width -> ")"), HasSubstr("got its end"));
  EXPECT_THAT(error(R"(only_if: "width +")"), HasSubstr("got its end"));
}

}  // namespace
}  // namespace tessera
