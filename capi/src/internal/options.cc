#include "capi/src/internal/options.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"

namespace tessera::capi {
namespace {

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string Range(std::string least, std::string most, bool is_bounded) {
  return is_bounded ? absl::StrCat(" from ", least, " to ", most)
                    : absl::StrCat(" of at least ", least);
}

}  // namespace

OptionReader::OptionReader(std::string_view text, std::string_view what)
    : document_(IsBlank(text) ? std::string_view("{}") : text, what) {
  is_broken_ = !document_.Parse(errors_);
  if (is_broken_) return;
  if (!document_.has_root() || document_.root().kind != JsonValue::Kind::kObject) {
    AddError(0, "", "a JSON object",
             document_.has_root() ? Describe(document_.root()) : std::string("nothing"));
    is_broken_ = true;
  }
}

const JsonMember* OptionReader::Find(std::string_view key) {
  asked_.emplace_back(key);
  if (is_broken_) return nullptr;
  for (const JsonMember& member : document_.root().members) {
    if (member.name == key) return &member;
  }
  return nullptr;
}

void OptionReader::AddError(uint32_t offset, std::string_view path, std::string expected,
                            std::string got, std::string nearest) {
  const ConfigOrigin origin = document_.OriginAt(offset);
  ConfigError error;
  error.file = *origin.source;
  error.line = origin.line;
  error.column = origin.column;
  error.path = path;
  error.expected = std::move(expected);
  error.got = std::move(got);
  error.nearest = std::move(nearest);
  errors_.Add(std::move(error));
}

bool OptionReader::Bool(std::string_view key, bool* value) {
  const JsonMember* member = Find(key);
  if (member == nullptr) return false;
  if (member->value.kind != JsonValue::Kind::kBool) {
    AddError(member->value.offset, key, "true or false", Describe(member->value));
    return false;
  }
  *value = member->value.boolean;
  return true;
}

bool OptionReader::Int(std::string_view key, int64_t least, int64_t most, int64_t* value) {
  const JsonMember* member = Find(key);
  if (member == nullptr) return false;
  int64_t number = 0;
  if (member->value.kind != JsonValue::Kind::kNumber ||
      !absl::SimpleAtoi(member->value.text, &number) || number < least || number > most) {
    AddError(member->value.offset, key,
             absl::StrCat("an integer", Range(absl::StrCat(least), absl::StrCat(most),
                                              most != INT64_MAX)),
             Describe(member->value));
    return false;
  }
  *value = number;
  return true;
}

bool OptionReader::Float(std::string_view key, double least, double most, double* value) {
  const JsonMember* member = Find(key);
  if (member == nullptr) return false;
  double number = 0;
  // Not a number compares as false, so it is refused here too.
  if (member->value.kind != JsonValue::Kind::kNumber ||
      !absl::SimpleAtod(member->value.text, &number) || !(number >= least && number <= most)) {
    AddError(member->value.offset, key,
             absl::StrCat("a number", Range(ShortestNumber(least), ShortestNumber(most),
                                            std::isfinite(most))),
             Describe(member->value));
    return false;
  }
  *value = number;
  return true;
}

bool OptionReader::Text(std::string_view key, std::string* value) {
  const JsonMember* member = Find(key);
  if (member == nullptr) return false;
  if (member->value.kind != JsonValue::Kind::kText) {
    AddError(member->value.offset, key, "text", Describe(member->value));
    return false;
  }
  *value = member->value.text;
  return true;
}

bool OptionReader::Choice(std::string_view key, absl::Span<const std::string_view> choices,
                          std::string* value) {
  const JsonMember* member = Find(key);
  if (member == nullptr) return false;
  const JsonValue& given = member->value;
  if (given.kind != JsonValue::Kind::kText ||
      std::find(choices.begin(), choices.end(), given.text) == choices.end()) {
    const std::vector<std::string> names(choices.begin(), choices.end());
    std::vector<std::string> quoted;
    for (const std::string& name : names) quoted.push_back(Quoted(name));
    AddError(given.offset, key, absl::StrCat("one of ", absl::StrJoin(quoted, ", ")),
             Describe(given), NearestName(given.text, names));
    return false;
  }
  *value = given.text;
  return true;
}

const JsonValue* OptionReader::Any(std::string_view key) {
  const JsonMember* member = Find(key);
  return member == nullptr ? nullptr : &member->value;
}

const std::vector<JsonMember>& OptionReader::All() {
  static const auto* const none = new std::vector<JsonMember>();
  takes_all_ = true;
  return is_broken_ ? *none : document_.root().members;
}

void OptionReader::Fail(std::string_view key, std::string expected, std::string got) {
  uint32_t offset = 0;
  if (!is_broken_) {
    for (const JsonMember& member : document_.root().members) {
      if (member.name == key) offset = member.value.offset;
    }
  }
  AddError(offset, key, std::move(expected), std::move(got));
}

absl::Status OptionReader::Finish() {
  if (is_broken_) return errors_.ToStatus();
  std::vector<std::string_view> seen;
  for (const JsonMember& member : document_.root().members) {
    if (std::find(seen.begin(), seen.end(), member.name) != seen.end()) {
      AddError(member.offset, member.name, "each key once", "it a second time");
    } else if (!takes_all_ &&
               std::find(asked_.begin(), asked_.end(), member.name) == asked_.end()) {
      AddError(member.offset, member.name,
               asked_.empty() ? std::string("no keys")
                              : absl::StrCat("one of the keys ", absl::StrJoin(asked_, ", ")),
               absl::StrCat("the key ", Quoted(member.name)), NearestName(member.name, asked_));
    }
    seen.push_back(member.name);
  }
  return errors_.ToStatus();
}

}  // namespace tessera::capi
