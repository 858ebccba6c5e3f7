// Old configs keep loading: schemas/golden holds one config per type, and whole experiments, as
// JSON and as bytes, written when the type was new. Files are added, never changed: whoever changes
// a schema so that one no longer loads needs a migration, not a new file.
//
// TESSERA_UPDATE_GOLDEN=1 writes the files of types that have none.
#include <cstdlib>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/config/config.h"
#include "cpp/config/tree.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = TESSERA_SOURCE_DIR "/schemas/golden/";

void Write(const std::string& name, const Config& config, bool everything) {
  for (const auto& [suffix, content] :
       {std::pair(".json", config.ToJson(everything)), {".tsrc", config.ToBytes(everything)}}) {
    const std::string path = absl::StrCat(kFolder, name, suffix);
    ASSERT_FALSE(fs::exists(path)) << path;
    const absl::Status written = WriteFile(path, content);
    ASSERT_TRUE(written.ok()) << written;
  }
}

// A value for a field that has no default.
std::string SampleValue(const FieldInfo& field) {
  std::string value = "8";
  if (!field.choices.empty()) {
    value = field.choices[0];
  } else if (field.kind == FieldKind::kText) {
    value = "\"sample\"";
  } else if (field.kind == FieldKind::kFloat) {
    value = "0.5";
  } else if (field.kind == FieldKind::kBool) {
    value = "true";
  } else if (field.kind == FieldKind::kEnum) {
    value = absl::StrCat("\"", field.members.at(0).name, "\"");
  }
  return field.is_list ? absl::StrCat("[", value, "]") : value;
}

// Every plain field said, with its default where it has one.
Config ConfigOf(const TypeInfo& type) {
  Config config = *Config::OfType(SchemaRegistry::Builtin(), type.name);
  for (const FieldInfo& field : type.fields) {
    if (field.kind == FieldKind::kSlot || field.kind == FieldKind::kTable) continue;
    if (field.fallback.empty() && !field.is_required && field.flows.empty()) continue;
    const std::string value =
        field.fallback.empty() ? SampleValue(field) : field.fallback.ToJson();
    const absl::Status set = config.Set(field.name, value);
    EXPECT_TRUE(set.ok()) << type.name << ": " << set;
  }
  return config;
}

void WriteMissing() {
  for (const TypeInfo* type : SchemaRegistry::Builtin()->List()) {
    if (fs::exists(absl::StrCat(kFolder, type->name, ".json"))) continue;
    Write(type->name, ConfigOf(*type), false);
  }
  for (const auto& [name, path] : {std::pair("Experiment_gpt", "samples/text/gpt.json"),
                                   {"Experiment_dense", "samples/bench/dense.json"}}) {
    if (fs::exists(absl::StrCat(kFolder, name, ".json"))) continue;
    const auto config = Config::Load(SchemaRegistry::Builtin(),
                                     absl::StrCat(TESSERA_SOURCE_DIR "/", path));
    ASSERT_TRUE(config.ok()) << config.status();
    const auto resolved = config->Resolve();
    ASSERT_TRUE(resolved.ok()) << resolved.status();
    Write(name, *resolved, true);
  }
}

std::set<std::string> GoldenNames() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".json") names.insert(entry.path().stem().string());
  }
  return names;
}

TEST(GoldenConfigTest, EveryTypeHasAFile) {
  if (std::getenv("TESSERA_UPDATE_GOLDEN") != nullptr) WriteMissing();
  const std::set<std::string> names = GoldenNames();
  for (const TypeInfo* type : SchemaRegistry::Builtin()->List()) {
    EXPECT_TRUE(names.contains(type->name))
        << type->name << ": run config_test with TESSERA_UPDATE_GOLDEN=1 and keep what it writes";
  }
}

TEST(GoldenConfigTest, TextAndBytesLoadAndSayTheSame) {
  size_t resolved_count = 0;
  for (const std::string& name : GoldenNames()) {
    const auto config =
        Config::Load(SchemaRegistry::Builtin(), absl::StrCat(kFolder, name, ".json"));
    ASSERT_TRUE(config.ok()) << name << ": " << config.status();
    const auto bytes = ReadFile(absl::StrCat(kFolder, name, ".tsrc"));
    ASSERT_TRUE(bytes.ok()) << name << ": " << bytes.status();
    const auto from_bytes = Config::FromBytes(SchemaRegistry::Builtin(), *bytes);
    ASSERT_TRUE(from_bytes.ok()) << name << ": " << from_bytes.status();
    EXPECT_EQ(Config::Diff(*config, *from_bytes), std::vector<std::string>{}) << name;
    EXPECT_EQ(config->ToBytes(), from_bytes->ToBytes()) << name;
    // Only a whole one can be resolved: others lack what stands above them.
    const auto resolved = config->Resolve();
    if (!name.starts_with("Experiment_")) continue;
    ASSERT_TRUE(resolved.ok()) << name << ": " << resolved.status();
    EXPECT_EQ(resolved->root().Fingerprint(), from_bytes->Resolve()->root().Fingerprint()) << name;
    ++resolved_count;
  }
  EXPECT_GE(resolved_count, 2u);
}

}  // namespace
}  // namespace tessera
