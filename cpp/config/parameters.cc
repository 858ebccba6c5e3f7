#include "cpp/config/parameters.h"

#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"
#include "cpp/config/config.h"
#include "cpp/config/field_check.h"
#include "cpp/config/json_reader.h"

namespace tessera {
namespace {

using Kind = JsonValue::Kind;

constexpr int kDeepest = 16;   // parameters whose values are parameters

struct Reference {
  std::string name;
  char op = 0;          // '*', '/' or none
  int64_t factor = 1;
};

bool IsName(std::string_view text) {
  if (text.empty() || !absl::ascii_islower(static_cast<unsigned char>(text[0]))) return false;
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (!absl::ascii_islower(byte) && !absl::ascii_isdigit(byte) && c != '_') return false;
  }
  return true;
}

// Of the text after the '$'. False when it is malformed.
bool Parse(std::string_view text, Reference& out) {
  const size_t op = text.find_first_of("*/");
  out.name = std::string(absl::StripAsciiWhitespace(text.substr(0, op)));
  if (op == std::string_view::npos) return IsName(out.name);
  out.op = text[op];
  return IsName(out.name) &&
         absl::SimpleAtoi(absl::StripAsciiWhitespace(text.substr(op + 1)), &out.factor) &&
         out.factor > 0;
}

// The result, or "" when it is no integer of 64 bits.
std::string Computed(const Reference& reference, const std::string& digits) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(digits, &value)) return "";
  int64_t result = 0;
  if (reference.op == '/') {
    if (value % reference.factor != 0) return "";
    result = value / reference.factor;
  } else if (__builtin_mul_overflow(value, reference.factor, &result)) {
    return "";
  }
  return absl::StrCat(result);
}

void Fail(const JsonDocument& document, size_t offset, const std::string& path,
          std::string expected, std::string got, ConfigErrors& errors, std::string nearest = "",
          std::string hint = "") {
  const ConfigOrigin origin = document.OriginAt(offset);
  errors.Add({*origin.source, origin.line, origin.column, path, std::move(expected),
              std::move(got), std::move(nearest), std::move(hint), ""});
}

// A value that stands where it is used: errors point there.
void MoveTo(JsonValue& value, uint32_t offset, size_t& count) {
  value.offset = offset;
  ++count;
  for (JsonValue& item : value.items) MoveTo(item, offset, count);
  for (JsonMember& member : value.members) {
    member.offset = offset;
    MoveTo(member.value, offset, count);
  }
}

}  // namespace

void Parameters::Declare(const JsonDocument& document, const JsonValue& value,
                         ConfigErrors& errors) {
  if (value.kind != Kind::kObject) {
    Fail(document, value.offset, "parameters", "an object of names and values", Describe(value),
         errors);
    return;
  }
  for (const JsonMember& member : value.members) {
    if (!IsName(member.name)) {
      Fail(document, member.offset, "parameters",
           "a name of small letters, digits and '_'", Quoted(member.name), errors);
      continue;
    }
    entries_.try_emplace(member.name,
                         Entry{member.value, document.OriginAt(member.offset), false});
  }
}

void Parameters::Substitute(const JsonDocument& document, JsonValue& value,
                            const std::string& path, ConfigErrors& errors) {
  Resolve(document, value, path, errors, 0);
}

void Parameters::Resolve(const JsonDocument& document, JsonValue& value, const std::string& path,
                         ConfigErrors& errors, int depth) {
  if (errors.full()) return;
  for (size_t i = 0; i < value.items.size(); ++i) {
    Resolve(document, value.items[i], absl::StrCat(path, "[", i, "]"), errors, depth);
  }
  for (JsonMember& member : value.members) {
    Resolve(document, member.value, JoinConfigPath(path, member.name.substr(0, 80)), errors,
            depth);
  }
  if (value.kind != Kind::kText || value.text.empty() || value.text[0] != '$') return;
  if (value.text.size() > 1 && value.text[1] == '$') {
    if (depth == 0) value.text.erase(0, 1);
    return;
  }
  Reference reference;
  if (!Parse(std::string_view(value.text).substr(1), reference)) {
    Fail(document, value.offset, path, "a parameter such as $width, $width*4 or $width/64",
         Quoted(value.text), errors, "", "a text that starts with '$' is written with '$$'");
    return;
  }
  const auto found = entries_.find(reference.name);
  if (found == entries_.end()) {
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_) names.push_back(name);
    Fail(document, value.offset, path,
         names.empty() ? "a declared parameter (there are none)"
                       : absl::StrCat("a declared parameter (", absl::StrJoin(names, ", "), ")"),
         Quoted(value.text), errors, MeantName(reference.name, names),
         "a text that starts with '$' is written with '$$'");
    return;
  }
  Entry& entry = found->second;
  entry.is_used = true;
  JsonValue copy = entry.value;
  const std::string name = reference.name;
  if (depth >= kDeepest || copied_ > static_cast<size_t>(ConfigLimits::kValues)) {
    Fail(document, value.offset, path, "a parameter with a value of its own",
         absl::StrCat("'$", name, "', which leads back to itself or too far"), errors);
    return;
  }
  MoveTo(copy, value.offset, copied_);
  Resolve(document, copy, path, errors, depth + 1);
  if (copy.kind == Kind::kNull) {
    Fail(document, value.offset, path, absl::StrCat("a value of the parameter ", name), "null",
         errors, "", absl::StrCat("give it in \"parameters\" of the file that extends this one"));
    return;
  }
  if (reference.op != 0) {
    const std::string digits =
        copy.kind == Kind::kNumber ? Computed(reference, copy.text) : std::string();
    if (digits.empty()) {
      Fail(document, value.offset, path,
           absl::StrCat("an integer from ", Quoted(value.text)),
           absl::StrCat("$", name, " = ", Describe(copy)), errors);
      return;
    }
    copy.text = digits;
  }
  if (copy.given == nullptr) copy.given = std::make_shared<const ConfigOrigin>(entry.origin);
  value = std::move(copy);
}

void Parameters::CheckAllUsed(ConfigErrors& errors) const {
  std::vector<std::string> used;
  for (const auto& [name, entry] : entries_) {
    if (entry.is_used) used.push_back(name);
  }
  for (const auto& [name, entry] : entries_) {
    if (entry.is_used) continue;
    errors.Add({*entry.origin.source, entry.origin.line, entry.origin.column,
                absl::StrCat("parameters.", name),
                used.empty() ? "a parameter that is used (none is)"
                             : absl::StrCat("a parameter that is used (", absl::StrJoin(used, ", "),
                                            ")"),
                "one that nothing uses", MeantName(name, used), "", ""});
  }
}

}  // namespace tessera
