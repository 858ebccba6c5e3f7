// Attr: the one type of attribute value, for ops, modules, optimizers and kernels.
//
// Because there is one type, equality, hashing, printing, storing and checking of
// attributes are written once. An attribute list is sorted by name; names are unique.
// Values are plain data and may be copied freely between threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tessera {

// A list of integers. A type of its own, because a std::variant of scalars, std::string and
// std::vector alone is destroyed by libstdc++ 12 as if it held something when a copy of it runs out
// of memory.
struct IntList : std::vector<int64_t> {
  using std::vector<int64_t>::vector;
  IntList(std::vector<int64_t> values)  // NOLINT: such a list is one of these
      : std::vector<int64_t>(std::move(values)) {}
};

using AttrValue = std::variant<bool, int64_t, double, std::string, IntList>;

class Attrs {
 public:
  using Entry = std::pair<std::string, AttrValue>;

  Attrs() = default;
  Attrs(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) Set(entry.first, entry.second);
  }

  void Set(std::string_view name, AttrValue value);
  // The value, or nullptr when there is none of that name.
  const AttrValue* Find(std::string_view name) const;

  // Typed reads; the fallback stands for a missing attribute or one of another type. The types
  // of an op's attributes are checked against its declaration when the node is made.
  int64_t Int(std::string_view name, int64_t fallback = 0) const;
  double Float(std::string_view name, double fallback = 0) const;
  bool Bool(std::string_view name, bool fallback = false) const;
  std::string Text(std::string_view name, std::string_view fallback = "") const;
  std::vector<int64_t> Ints(std::string_view name) const;

  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  bool operator==(const Attrs& other) const = default;

 private:
  std::vector<Entry> entries_;
};

// Text that reads back to the same value: true, 3, 1e-06 (always with '.', 'e', inf or nan),
// "text", [1, 2].
std::string ToText(const AttrValue& value);
// {causal: true, scale: 0.125}; "" when empty.
std::string ToText(const Attrs& attrs);
uint64_t HashOf(const Attrs& attrs, uint64_t seed);

}  // namespace tessera
