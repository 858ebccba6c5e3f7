// ConfigValue: the content of one plain config field, and where it came from.
//
// Plain data without a schema: a bool, integer, number, text, list or table. Enums are texts,
// nested plain tables are tables; slots are no values (tree.h). Copies are deep; constant use from
// several threads is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace tessera {

class ConfigValue {
 public:
  using List = std::vector<ConfigValue>;
  // In the schema's order. A type of its own for the reason that IntList is one (tensor/attr.h).
  struct Table : std::vector<std::pair<std::string, ConfigValue>> {
    using std::vector<std::pair<std::string, ConfigValue>>::vector;
  };
  using Storage = std::variant<std::monostate, bool, int64_t, double, std::string, List, Table>;

  ConfigValue() = default;  // nothing
  template <typename T>
  explicit ConfigValue(T value) : storage_(std::move(value)) {}

  bool empty() const { return std::holds_alternative<std::monostate>(storage_); }
  const bool* AsBool() const { return std::get_if<bool>(&storage_); }
  const int64_t* AsInt() const { return std::get_if<int64_t>(&storage_); }
  const double* AsFloat() const { return std::get_if<double>(&storage_); }
  const std::string* AsText() const { return std::get_if<std::string>(&storage_); }
  const List* AsList() const { return std::get_if<List>(&storage_); }
  const Table* AsTable() const { return std::get_if<Table>(&storage_); }
  List* AsList() { return std::get_if<List>(&storage_); }
  Table* AsTable() { return std::get_if<Table>(&storage_); }

  // The entry of a table, or nullptr.
  const ConfigValue* Find(std::string_view name) const;
  ConfigValue* Find(std::string_view name);

  // JSON on one line: true, 3, 0.0001, "text", [1, 2], {"match": "**/bias"}. Reads back as the same
  // value where the field's type is known.
  std::string ToJson() const;

  bool operator==(const ConfigValue& other) const { return storage_ == other.storage_; }

 private:
  Storage storage_;
};

// `text` as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD.
std::string JsonQuoted(std::string_view text);

enum class FieldState { kUnset, kDefault, kSet };

// Where a value came from. Kept beside the tree: never part of its bytes, hash or equality.
struct ConfigOrigin {
  std::shared_ptr<const std::string> source;  // file name, or the text of a call ("--set a.b=1")
  int line = 0;                               // from 1; 0: the source is not a file
  int column = 0;
  int modifier = 0;                           // from 1: number of the modifier in that source

  static ConfigOrigin Call(std::string text);
  // "gpt.json:12:5", "moe.json:1:40 (modifier 1)", "--set a.b=1", "default"
  std::string ToText() const;
};

}  // namespace tessera
