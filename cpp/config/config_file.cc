#include "cpp/config/config_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/file.h"
#include "cpp/base/text.h"
#include "cpp/config/config.h"
#include "cpp/config/field_check.h"
#include "cpp/config/json_reader.h"
#include "cpp/config/modifier.h"

namespace tessera {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kLongestPath = 1024;

// "" or why the path may not be extended.
std::string Unfit(const std::string& path) {
  if (path.empty()) return "an empty text";
  if (path.size() > kLongestPath) return "a longer text";
  if (path[0] == '/' || path[0] == '~' || absl::StrContains(path, '\\')) return Quoted(path);
  if (absl::StrContains(path, "://") || !absl::EndsWith(path, ".json")) return Quoted(path);
  return "";
}

// What "extends" may have meant, of the files beside it.
std::string NearestFile(const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> names = ListFolder(FolderOf(path));
  if (!names.ok()) return "";
  std::vector<std::string> configs;
  for (const std::string& name : *names) {
    if (absl::EndsWith(name, ".json")) configs.push_back(name);
  }
  return MeantName(std::filesystem::path(path).filename().string(), configs);
}

absl::StatusOr<std::string> ReadConfigText(const std::string& path) {
  std::error_code error;
  // A pipe or device would never end.
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    return absl::InvalidArgumentError("it is no regular file");
  }
  return ReadFile(path, ConfigLimits::kTextBytes);
}

}  // namespace

void ConfigFile::Fail(const File& file, size_t offset, std::string expected, std::string got,
                      ConfigErrors& errors, std::string nearest, std::string hint) {
  is_whole_ = false;
  const ConfigOrigin origin = file.document->OriginAt(offset);
  errors.Add({*origin.source, origin.line, origin.column, "extends", std::move(expected),
              std::move(got), std::move(nearest), std::move(hint), ""});
}

std::unique_ptr<ConfigNode> ConfigFile::Read(std::string_view text, std::string_view name,
                                             ConfigErrors& errors) {
  files_.push_back(std::make_unique<File>());
  File& file = *files_.back();
  file.name = std::string(name);
  file.text = std::string(text);
  ReadInto(file, 0, errors);
  if (errors.empty()) parameters_.CheckAllUsed(errors);
  return std::move(root_);
}

void ConfigFile::ReadInto(File& file, size_t depth, ConfigErrors& errors) {
  file.document = std::make_unique<JsonDocument>(file.text, file.name);
  const bool whole = file.document->Parse(errors);
  is_whole_ = is_whole_ && whole;
  if (!file.document->has_root()) return;
  // After a syntax error, what stood before it is still looked at.
  if (!whole && file.document->root().kind != Kind::kObject) return;
  JsonValue root = file.document->root();
  if (const JsonValue* given = FindMember(root, "parameters")) {
    parameters_.Declare(*file.document, *given, errors);
  }
  if (const JsonValue* bases = FindMember(root, "extends")) {
    open_.push_back(std::filesystem::path(file.name).lexically_normal().string());
    Extend(file, *bases, depth, errors);
    open_.pop_back();
  }
  const size_t before = errors.count();
  for (JsonMember& member : root.members) {
    if (member.name == "parameters" || member.name == "extends") continue;
    parameters_.Substitute(*file.document, member.value, member.name.substr(0, 80), errors);
  }
  if (errors.count() != before) {   // reading them would blame the same values once more
    is_whole_ = false;
    return;
  }
  JsonReader reader(registry_, *file.document, errors);
  if (root_ == nullptr) {
    root_ = reader.ReadRoot(root, "Experiment");
  } else {
    reader.ReadOver(root, *root_);
  }
  const JsonValue* modifiers = FindMember(root, "modifiers");
  // What they would find in a config with errors says little.
  if (modifiers == nullptr || root_ == nullptr || !errors.empty()) return;
  std::vector<ModifierReport> reports;
  ApplyModifiers(registry_, *file.document, *modifiers, hardware_, root_, reports, errors);
  if (!errors.empty()) is_whole_ = false;
}

void ConfigFile::Extend(const File& file, const JsonValue& bases, size_t depth,
                        ConfigErrors& errors) {
  if (bases.kind != Kind::kList) {
    ExtendOne(file, bases, depth, errors);
    return;
  }
  for (const JsonValue& base : bases.items) {
    if (errors.full()) return;
    ExtendOne(file, base, depth, errors);
  }
}

void ConfigFile::ExtendOne(const File& file, const JsonValue& base, size_t depth,
                           ConfigErrors& errors) {
  if (base.kind != Kind::kText) {
    Fail(file, base.offset, "the path of a config, or a list of paths", Describe(base), errors);
    return;
  }
  if (!reads_files_) {
    Fail(file, base.offset, "a config that stands in a file", "a text, which stands in no folder",
         errors, "", "load it from a file");
    return;
  }
  const std::string unfit = Unfit(base.text);
  if (!unfit.empty()) {
    Fail(file, base.offset, "a relative path of a file whose name ends with .json", unfit, errors);
    return;
  }
  if (depth >= kDeepest || files_.size() >= kMostFiles) {
    Fail(file, base.offset,
         absl::StrCat("at most ", kMostFiles, " files, ", kDeepest, " inside each other"), "more",
         errors);
    return;
  }
  const std::string path =
      std::filesystem::path(JoinPath(FolderOf(file.name), base.text)).lexically_normal().string();
  const auto cycle = std::find(open_.begin(), open_.end(), path);
  if (cycle != open_.end()) {
    std::vector<std::string> ring(cycle, open_.end());
    ring.push_back(path);
    Fail(file, base.offset, "files that extend each other in one direction",
         absl::StrCat("a cycle: ", absl::StrJoin(ring, " -> ")), errors);
    return;
  }
  absl::StatusOr<std::string> text = ReadConfigText(path);
  if (!text.ok()) {
    Fail(file, base.offset, "a config that can be read",
         absl::StrCat(Quoted(base.text), " (", text.status().message(), ")"), errors,
         NearestFile(path));
    return;
  }
  files_.push_back(std::make_unique<File>());
  File& added = *files_.back();
  added.name = path;
  added.text = *std::move(text);
  ReadInto(added, depth + 1, errors);
}

}  // namespace tessera
