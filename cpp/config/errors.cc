#include "cpp/config/errors.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/text.h"

namespace tessera {
namespace {

constexpr char kPayloadUrl[] = "tessera/config-errors";

std::string ToJson(const ConfigError& error) {
  std::string text = "{";
  const auto add = [&text](std::string_view name, std::string_view value) {
    if (!value.empty()) absl::StrAppend(&text, JsonQuoted(name), ": ", JsonQuoted(value), ", ");
  };
  add("file", error.file);
  if (error.line > 0) {
    absl::StrAppend(&text, "\"line\": ", error.line, ", \"column\": ", error.column, ", ");
  }
  absl::StrAppend(&text, "\"path\": ", JsonQuoted(error.path), ", ");
  add("modifier", error.modifier);
  add("nearest", error.nearest);
  add("hint", error.hint);
  add("doc", error.doc);
  absl::StrAppend(&text, "\"expected\": ", JsonQuoted(error.expected),
                  ", \"got\": ", JsonQuoted(error.got), "}");
  return text;
}

}  // namespace

std::string ConfigError::ToText() const {
  std::string text = file;
  if (line > 0) absl::StrAppend(&text, ":", line, ":", column);
  if (!text.empty()) absl::StrAppend(&text, ": ");
  if (!modifier.empty()) absl::StrAppend(&text, modifier, ": ");
  if (!path.empty()) absl::StrAppend(&text, path, ": ");
  absl::StrAppend(&text, "expected ", expected, ", got ", got);
  if (!nearest.empty()) absl::StrAppend(&text, " (did you mean '", nearest, "'?)");
  if (!hint.empty()) absl::StrAppend(&text, "; ", hint);
  return text;
}

void ConfigErrors::Add(ConfigError error) {
  if (full()) {
    ++left_out_;
    return;
  }
  // Names of files and paths of calls may hold any bytes; messages are UTF-8.
  for (std::string* text : {&error.file, &error.path, &error.expected, &error.got, &error.nearest,
                            &error.hint, &error.doc, &error.modifier}) {
    if (!IsValidUtf8(*text)) *text = Quoted(*text, 400);
  }
  errors_.push_back(std::move(error));
}

void ConfigErrors::BlameModifier(size_t first, const std::string& modifier) {
  for (size_t i = first; i < errors_.size(); ++i) {
    if (errors_[i].modifier.empty()) errors_[i].modifier = modifier;
  }
}

bool ConfigErrors::HasAt(std::string_view path) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const ConfigError& error) {
    return absl::StartsWith(error.path, path) &&
           (error.path.size() == path.size() || error.path[path.size()] == '.' ||
            error.path[path.size()] == '[');
  });
}

bool ConfigErrors::HasMeant(std::string_view path, std::string_view name) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const ConfigError& error) {
    const size_t dot = error.path.rfind('.');
    const std::string_view parent =
        dot == std::string::npos ? "" : std::string_view(error.path).substr(0, dot);
    return error.nearest == name && parent == path;
  });
}

absl::Status ConfigErrors::ToStatus() const {
  if (errors_.empty()) return absl::OkStatus();
  std::vector<ConfigError> sorted = errors_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const ConfigError& a, const ConfigError& b) {
    return std::tie(a.is_missing, a.file, a.line, a.column) <
           std::tie(b.is_missing, b.file, b.line, b.column);
  });
  std::string message, payload = "[";
  for (const ConfigError& error : sorted) {
    absl::StrAppend(&message, message.empty() ? "" : "\n", error.ToText());
    absl::StrAppend(&payload, payload.size() > 1 ? ", " : "", ToJson(error));
  }
  if (left_out_ > 0) absl::StrAppend(&message, "\nand ", left_out_, " more errors");
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kPayloadUrl, absl::Cord(payload + "]"));
  return status;
}

std::string ConfigErrorsJson(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  return payload.has_value() ? std::string(*payload) : "";
}

}  // namespace tessera
