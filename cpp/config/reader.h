// ConfigReader: what the generated functions ReadXConfig are made of (gen/config/<type>.h).
//
// Copies the fields of a resolved node into a plain struct. Not for use by hand. A field without a
// value, or a node of another type, means that the config was not resolved: FAILED_PRECONDITION
// with the name. One thread per object.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cpp/config/tree.h"

namespace tessera {

class ConfigReader {
 public:
  ConfigReader(const ConfigNode& node, std::string_view type);
  ConfigReader(const ConfigValue& table, std::string_view type) : table_(&table), type_(type) {}

  template <typename T>
  void Read(std::string_view name, T& out) {
    if (const ConfigValue* value = Require(name)) Check(name, Convert(*value, out));
  }
  template <typename T>
  void Read(std::string_view name, std::optional<T>& out) {
    const ConfigValue* value = Find(name);
    if (value == nullptr || value->empty()) return;
    Check(name, Convert(*value, out.emplace()));
  }

  const absl::Status& status() const { return status_; }

 private:
  const ConfigValue* Find(std::string_view name) const;
  const ConfigValue* Require(std::string_view name);
  void Check(std::string_view name, bool fits);

  static bool Convert(const ConfigValue& value, bool& out);
  static bool Convert(const ConfigValue& value, int64_t& out);
  static bool Convert(const ConfigValue& value, double& out);
  static bool Convert(const ConfigValue& value, std::string& out);
  template <typename T>
  static bool Convert(const ConfigValue& value, std::vector<T>& out) {
    const ConfigValue::List* list = value.AsList();
    if (list == nullptr) return false;
    for (const ConfigValue& item : *list) {
      T converted{};
      if (!Convert(item, converted)) return false;
      out.push_back(std::move(converted));
    }
    return true;
  }
  // Enums and nested tables: functions beside the generated types.
  template <typename T>
  static bool Convert(const ConfigValue& value, T& out) {
    return ConvertConfig(value, out);
  }

  const ConfigNode* node_ = nullptr;
  const ConfigValue* table_ = nullptr;
  std::string_view type_;
  absl::Status status_;
};

}  // namespace tessera
