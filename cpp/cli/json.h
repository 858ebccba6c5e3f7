// Json: a JSON value as a tree, to read what the library returns and to print what scripts read.
//
// Members keep their order. Reading and number formatting are RapidJSON's. Not for configs: the
// library reads those itself. Constant use from several threads is safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::cli {

class Json {
 public:
  Json() = default;  // null
  static Json Bool(bool value);
  static Json Integer(int64_t value);
  static Json Number(double value);  // null when it is not finite: JSON has no other
  static Json Text(std::string_view value);
  static Json List();
  static Json Object();

  // False, and `out` untouched, when `text` is not JSON.
  static bool Parse(std::string_view text, Json* out);

  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_text() const { return kind_ == Kind::kText; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_number() const { return kind_ == Kind::kInteger || kind_ == Kind::kNumber; }

  const std::vector<Json>& items() const { return items_; }
  const std::vector<std::pair<std::string, Json>>& members() const { return members_; }
  void Add(Json item) { items_.push_back(std::move(item)); }
  void Set(std::string_view name, Json value);

  // The member, or nullptr.
  const Json* Find(std::string_view name) const;
  // The member, or null when there is none.
  const Json& operator[](std::string_view name) const;

  // The value itself, or what is given when it is of another kind.
  bool AsBool(bool otherwise = false) const;
  int64_t AsInteger(int64_t otherwise = 0) const;
  double AsNumber(double otherwise = 0) const;
  const std::string& AsText() const { return text_; }  // "" when it is no text

  // On one line, or indented by two spaces; both end with a line break.
  std::string ToText() const;
  std::string ToIndentedText() const;
  // As a cell of a table: texts without quotes, lists as "a, b".
  std::string ToCell() const;

 private:
  enum class Kind { kNull, kBool, kInteger, kNumber, kText, kList, kObject };
  friend class JsonBuilder;
  template <typename Writer>
  void Write(Writer& writer) const;

  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  int64_t integer_ = 0;
  double number_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
};

}  // namespace tessera::cli
