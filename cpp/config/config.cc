#include "cpp/config/config.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/config/config_file.h"
#include "cpp/config/errors.h"
#include "cpp/config/flatbuffer_codec.h"
#include "cpp/config/json_document.h"
#include "cpp/config/json_printer.h"
#include "cpp/config/path.h"
#include "cpp/config/resolve.h"

namespace tessera {
namespace {

// Nesting of the JSON form.
int DepthOf(const ConfigNode& node) {
  int deepest = 0;
  for (size_t i = 0; i < node.info().fields.size(); ++i) {
    const int extra = node.info().fields[i].is_list ? 1 : 0;
    for (const auto& child : node.slot(i).children) {
      deepest = std::max(deepest, DepthOf(*child) + extra);
    }
  }
  return deepest + 1;
}

// Values may nest a few levels of their own.
constexpr int kDeepestNodes = ConfigLimits::kDepth - 16;

absl::Status CheckDepth(const ConfigNode& root, std::string_view what) {
  if (DepthOf(root) <= kDeepestNodes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": expected at most ", kDeepestNodes,
                                                 " types inside each other, got more"));
}

}  // namespace

absl::StatusOr<Config> Config::OfType(Registry registry, std::string_view type) {
  ASSIGN_OR_RETURN(const TypeInfo* info, registry->Get(type));
  return Config(std::move(registry), std::make_unique<ConfigNode>(info));
}

absl::StatusOr<Config> Config::Read(Registry registry, std::string_view text,
                                    std::string_view name, bool is_file, const Config* hardware) {
  ConfigErrors errors;
  ConfigFile file(*registry, hardware == nullptr ? nullptr : hardware->root_.get(), is_file);
  std::unique_ptr<ConfigNode> root = file.Read(text, name, errors);
  if (root != nullptr) {
    const absl::Status depth = CheckDepth(*root, name);
    if (!depth.ok()) return depth;
  }
  if (!errors.empty()) {
    if (root != nullptr) ResolveTree(*registry, *root, {.require = file.is_whole()}, errors);
    return errors.ToStatus();
  }
  RET_CHECK(root != nullptr);
  return Config(std::move(registry), std::move(root));
}

absl::StatusOr<Config> Config::FromJson(Registry registry, std::string_view text,
                                        std::string_view name, const Config* hardware) {
  return Read(std::move(registry), text, name, false, hardware);
}

absl::StatusOr<Config> Config::Load(Registry registry, const std::string& path,
                                    const Config* hardware) {
  absl::StatusOr<std::string> text = ReadFile(path, ConfigLimits::kTextBytes);
  if (absl::IsResourceExhausted(text.status())) {
    ConfigErrors errors;
    errors.Add({path, 1, 1, "",
                absl::StrCat("a config of at most ", ReadableBytes(ConfigLimits::kTextBytes)),
                "a larger file", "", "", ""});
    return errors.ToStatus();
  }
  RETURN_IF_ERROR(text.status());
  return Read(std::move(registry), *text, path, true, hardware);
}

absl::StatusOr<Config> Config::FromBytes(Registry registry, std::string_view bytes) {
  ASSIGN_OR_RETURN(DecodedConfig decoded, DecodeConfig(std::move(registry), bytes));
  RETURN_IF_ERROR(CheckDepth(*decoded.root, "config bytes"));
  return Config(std::move(decoded.registry), std::move(decoded.root));
}

absl::Status Config::Set(std::string_view path, std::string_view value, std::string_view origin) {
  const ConfigOrigin call = ConfigOrigin::Call(
      origin.empty() ? absl::StrCat("--set ", path, "=", value) : std::string(origin));
  ConfigErrors errors;
  std::unique_ptr<ConfigNode> changed = root_->Clone();
  SetByPath(*registry_, *changed, path, value, call, errors);
  if (!errors.empty()) return errors.ToStatus();
  RETURN_IF_ERROR(CheckDepth(*changed, *call.source));
  root_ = std::move(changed);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ModifierReport>> Config::Modify(std::string_view text,
                                                           std::string_view name,
                                                           const Config* hardware) {
  ConfigErrors errors;
  std::vector<ModifierReport> reports;
  JsonDocument document(text, name);
  if (!document.Parse(errors)) return errors.ToStatus();
  std::unique_ptr<ConfigNode> changed = root_->Clone();
  ApplyModifiers(*registry_, document, document.root(),
                 hardware == nullptr ? nullptr : hardware->root_.get(), changed, reports, errors);
  if (!errors.empty()) return errors.ToStatus();
  RETURN_IF_ERROR(CheckDepth(*changed, name));
  root_ = std::move(changed);
  return reports;
}

absl::Status Config::Unset(std::string_view path) { return UnsetByPath(*root_, path); }

absl::StatusOr<std::string> Config::Get(std::string_view path) const {
  const absl::StatusOr<Config> resolved = Resolve();
  return GetByPath(*registry_, resolved.ok() ? *resolved->root_ : *root_, path);
}

absl::StatusOr<Config> Config::Resolve() const {
  std::unique_ptr<ConfigNode> resolved = root_->Clone();
  ConfigErrors errors;
  ResolveTree(*registry_, *resolved, {}, errors);
  if (!errors.empty()) return errors.ToStatus();
  return Config(registry_, std::move(resolved));
}

std::string Config::ToJson(bool everything) const {
  return PrintTree(*root_, {.everything = everything});
}

std::string Config::ToAnnotatedJson() const {
  return PrintTree(*root_, {.everything = true, .origins = true});
}

std::string Config::ToResolvedJson() const {
  std::string text = absl::StrCat("{\"config\": ", PrintLine(*root_), ", \"origins\": {");
  bool first = true;
  for (const auto& [path, entry] : Flatten(*root_)) {
    absl::StrAppend(&text, first ? "" : ", ", JsonQuoted(path), ": ", JsonQuoted(entry.origin));
    first = false;
  }
  return text + "}}";
}

std::string Config::NodeJson(const ConfigNode& node) { return PrintLine(node); }

std::string Config::ToBytes(bool everything) const { return EncodeConfig(*root_, everything); }

std::vector<std::string> Config::Diff(const Config& a, const Config& b) {
  const std::map<std::string, FlatEntry> in_a = Flatten(*a.root_), in_b = Flatten(*b.root_);
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const auto& [path, entry] : in_a) all[path] = {entry.value, "-"};
  for (const auto& [path, entry] : in_b) {
    all.try_emplace(path, "-", "").first->second.second = entry.value;
  }
  std::vector<std::string> lines;
  for (const auto& [path, values] : all) {
    if (values.first == values.second) continue;
    lines.push_back(absl::StrCat(path.empty() ? "type" : path, ": ", values.first, " -> ",
                                 values.second));
  }
  return lines;
}

}  // namespace tessera
