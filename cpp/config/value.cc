#include "cpp/config/value.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/text.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace tessera {
namespace {

template <typename Table>
auto FindEntry(Table* table, std::string_view name) -> decltype(&table->front().second) {
  if (table == nullptr) return nullptr;
  for (auto& entry : *table) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

// With every byte that does not belong to well-formed UTF-8 replaced.
std::string Repaired(std::string_view text) {
  std::string repaired;
  while (!text.empty()) {
    const size_t valid = ValidUtf8Prefix(text);
    absl::StrAppend(&repaired, text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    absl::StrAppend(&repaired, "\xEF\xBF\xBD");
    text.remove_prefix(1);
  }
  return repaired;
}

}  // namespace

const ConfigValue* ConfigValue::Find(std::string_view name) const {
  return FindEntry(AsTable(), name);
}

ConfigValue* ConfigValue::Find(std::string_view name) { return FindEntry(AsTable(), name); }

std::string ConfigValue::ToJson() const {
  if (const bool* value = AsBool()) return *value ? "true" : "false";
  if (const int64_t* value = AsInt()) return absl::StrCat(*value);
  if (const double* value = AsFloat()) return ShortestNumber(*value);
  if (const std::string* value = AsText()) return JsonQuoted(*value);
  std::string text;
  if (const List* list = AsList()) {
    for (const ConfigValue& item : *list) {
      absl::StrAppend(&text, text.empty() ? "[" : ", ", item.ToJson());
    }
    return text.empty() ? "[]" : text + "]";
  }
  if (const Table* table = AsTable()) {
    for (const auto& [name, value] : *table) {
      absl::StrAppend(&text, text.empty() ? "{" : ", ", JsonQuoted(name), ": ", value.ToJson());
    }
    return text.empty() ? "{}" : text + "}";
  }
  return "null";
}

std::string JsonQuoted(std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const std::string repaired = IsValidUtf8(text) ? std::string(text) : Repaired(text);
  writer.String(repaired.data(), static_cast<rapidjson::SizeType>(repaired.size()));
  return std::string(buffer.GetString(), buffer.GetSize());
}

ConfigOrigin ConfigOrigin::Call(std::string text) {
  return {std::make_shared<const std::string>(std::move(text)), 0, 0, 0};
}

std::string ConfigOrigin::ToText() const {
  if (source == nullptr) return "default";
  std::string text = *source;
  if (line > 0) absl::StrAppend(&text, ":", line, ":", column);
  if (modifier > 0) absl::StrAppend(&text, " (modifier ", modifier, ")");
  return text;
}

}  // namespace tessera
