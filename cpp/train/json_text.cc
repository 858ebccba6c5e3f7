#include "cpp/train/json_text.h"

#include <charconv>
#include <cmath>

#include "cpp/config/value.h"

namespace tessera {

void JsonText::Clear() {
  text_.clear();
  needs_comma_ = false;
}

void JsonText::Separate() {
  if (needs_comma_) text_.push_back(',');
  needs_comma_ = true;
}

JsonText& JsonText::Open(char bracket) {
  Separate();
  text_.push_back(bracket);
  needs_comma_ = false;
  return *this;
}

JsonText& JsonText::Close(char bracket) {
  text_.push_back(bracket);
  needs_comma_ = true;
  return *this;
}

JsonText& JsonText::Name(std::string_view name) {
  Separate();
  text_.push_back('"');
  text_.append(name);
  text_.append("\":");
  needs_comma_ = false;
  return *this;
}

JsonText& JsonText::Number(double value) {
  if (!std::isfinite(value)) return Raw("null");
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof(digits), value);
  return Raw(std::string_view(digits, static_cast<size_t>(result.ptr - digits)));
}

JsonText& JsonText::Integer(int64_t value) {
  char digits[24];
  const auto result = std::to_chars(digits, digits + sizeof(digits), value);
  return Raw(std::string_view(digits, static_cast<size_t>(result.ptr - digits)));
}

JsonText& JsonText::Text(std::string_view value) { return Raw(JsonQuoted(value)); }

JsonText& JsonText::Raw(std::string_view json) {
  Separate();
  text_.append(json);
  return *this;
}

}  // namespace tessera
