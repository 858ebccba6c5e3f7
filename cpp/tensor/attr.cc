#include "cpp/tensor/attr.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/hash.h"

namespace tessera {

void Attrs::Set(std::string_view name, AttrValue value) {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), name,
                             [](const Entry& e, std::string_view n) { return e.first < n; });
  if (it != entries_.end() && it->first == name) {
    it->second = std::move(value);
  } else {
    entries_.insert(it, Entry(std::string(name), std::move(value)));
  }
}

const AttrValue* Attrs::Find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

namespace {

template <typename T>
T Get(const AttrValue* value, T fallback) {
  if (value == nullptr) return fallback;
  const T* typed = std::get_if<T>(value);
  return typed == nullptr ? fallback : *typed;
}

}  // namespace

int64_t Attrs::Int(std::string_view name, int64_t fallback) const {
  return Get<int64_t>(Find(name), fallback);
}
double Attrs::Float(std::string_view name, double fallback) const {
  return Get<double>(Find(name), fallback);
}
bool Attrs::Bool(std::string_view name, bool fallback) const {
  return Get<bool>(Find(name), fallback);
}
std::string Attrs::Text(std::string_view name, std::string_view fallback) const {
  return Get<std::string>(Find(name), std::string(fallback));
}
std::vector<int64_t> Attrs::Ints(std::string_view name) const {
  return Get<IntList>(Find(name), {});
}

namespace {

std::string DoubleText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string ToText(const AttrValue& value) {
  if (const bool* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const int64_t* i = std::get_if<int64_t>(&value)) return absl::StrCat(*i);
  if (const double* d = std::get_if<double>(&value)) return DoubleText(*d);
  if (const std::string* s = std::get_if<std::string>(&value)) {
    return absl::StrCat("\"", absl::CEscape(*s), "\"");
  }
  return absl::StrCat("[", absl::StrJoin(std::get<IntList>(value), ", "), "]");
}

std::string ToText(const Attrs& attrs) {
  if (attrs.empty()) return "";
  std::string text = "{";
  for (const auto& [name, value] : attrs.entries()) {
    absl::StrAppend(&text, text.size() > 1 ? ", " : "", name, ": ", ToText(value));
  }
  return text + "}";
}

uint64_t HashOf(const Attrs& attrs, uint64_t seed) { return HashBytes(ToText(attrs), seed); }

}  // namespace tessera
