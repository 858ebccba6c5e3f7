#include "cpp/config/plain_json.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/text.h"
#include "rapidjson/error/en.h"
#include "rapidjson/memorystream.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/reader.h"
#include "rapidjson/stringbuffer.h"

namespace tessera {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseCommentsFlag |
                            rapidjson::kParseTrailingCommasFlag |
                            rapidjson::kParseValidateEncodingFlag |
                            rapidjson::kParseNumbersAsStringsFlag;

// Builds the tree from the parser's events. A value is moved into its parent when it is complete.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  explicit Builder(int64_t max_values) : left_(max_values) {}

  bool Null() { return Add(ConfigValue()); }
  bool Bool(bool value) { return Add(ConfigValue(value)); }
  // Numbers come as their digits: the parser's full precision takes 184467440737095516155, whose
  // first 20 digits are 2^64 - 1, for 0.
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    const std::string_view digits(text, length);
    int64_t integer = 0;
    if (absl::SimpleAtoi(digits, &integer)) return Add(ConfigValue(integer));
    double number = 0;
    if (absl::SimpleAtod(digits, &number) && std::isfinite(number)) {
      return Add(ConfigValue(number));
    }
    problem_ = absl::StrCat("expected a number of at most about 1.8e308, got ", Quoted(digits));
    return false;
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return Add(ConfigValue(std::string(text, length)));
  }
  bool StartObject() { return Open(ConfigValue(ConfigValue::Table())); }
  bool StartArray() { return Open(ConfigValue(ConfigValue::List())); }
  bool Key(const char* name, rapidjson::SizeType length, bool) {
    Level& level = open_.back();
    level.key.assign(name, length);
    if (level.keys.insert(level.key).second) return true;
    problem_ = absl::StrCat("expected each name once, got ", Quoted(level.key), " twice");
    return false;
  }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

  const std::string& problem() const { return problem_; }
  ConfigValue Take() { return std::move(root_); }

 private:
  struct Level {
    ConfigValue value;
    std::string key;
    std::set<std::string> keys;
  };

  bool Count() {
    if (--left_ >= 0) return true;
    problem_ = "expected fewer values";
    return false;
  }
  bool Open(ConfigValue value) {
    if (!Count()) return false;
    if (open_.size() >= kMaxDepth) {
      problem_ = absl::StrCat("expected at most ", kMaxDepth, " levels");
      return false;
    }
    open_.push_back({std::move(value), "", {}});
    return true;
  }
  bool Close() {
    ConfigValue value = std::move(open_.back().value);
    open_.pop_back();
    Put(std::move(value));
    return true;
  }
  bool Add(ConfigValue value) {
    if (!Count()) return false;
    Put(std::move(value));
    return true;
  }
  void Put(ConfigValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (ConfigValue::Table* table = open_.back().value.AsTable()) {
      table->emplace_back(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().value.AsList()->push_back(std::move(value));
    }
  }

  int64_t left_;
  std::vector<Level> open_;
  ConfigValue root_;
  std::string problem_;
};

std::string Place(std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset),
                                   '\n');
  const size_t start = text.rfind('\n', offset == 0 ? 0 : offset - 1);
  const size_t column =
      start == std::string_view::npos || start >= offset ? offset + 1 : offset - start;
  return absl::StrCat(line, ":", column);
}

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void Write(const ConfigValue& value, Writer& writer) {
  if (const bool* boolean = value.AsBool()) {
    writer.Bool(*boolean);
  } else if (const int64_t* integer = value.AsInt()) {
    writer.Int64(*integer);
  } else if (const double* number = value.AsFloat()) {
    const std::string digits = ShortestNumber(*number);
    const bool looks_whole = digits.find_first_not_of("-0123456789") == std::string::npos;
    const std::string text = looks_whole ? absl::StrCat(digits, ".0") : digits;
    writer.RawValue(text.data(), text.size(), rapidjson::kNumberType);
  } else if (const std::string* text = value.AsText()) {
    writer.String(*text);
  } else if (const ConfigValue::List* list = value.AsList()) {
    writer.StartArray();
    for (const ConfigValue& item : *list) Write(item, writer);
    writer.EndArray();
  } else if (const ConfigValue::Table* table = value.AsTable()) {
    writer.StartObject();
    for (const auto& [name, member] : *table) {
      writer.Key(name);
      Write(member, writer);
    }
    writer.EndObject();
  } else {
    writer.Null();
  }
}

}  // namespace

absl::StatusOr<ConfigValue> ParseJson(std::string_view text, std::string_view name,
                                      int64_t max_values) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  Builder builder(max_values);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (!result.IsError()) return builder.Take();
  const std::string problem = builder.problem().empty()
                                  ? rapidjson::GetParseError_En(result.Code())
                                  : builder.problem();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ":", Place(text, result.Offset()), ": ", problem));
}

std::string IndentedJson(const ConfigValue& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.SetIndent(' ', 2);
  Write(value, writer);
  return absl::StrCat(std::string_view(buffer.GetString(), buffer.GetSize()), "\n");
}

const ConfigValue* FindAt(const ConfigValue& root, std::string_view path) {
  const ConfigValue* value = &root;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    value = value->Find(path.substr(0, dot));
    if (value == nullptr) return nullptr;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return value->empty() ? nullptr : value;
}

void PutAt(ConfigValue& root, std::string_view path, ConfigValue value) {
  const size_t dot = path.find('.');
  const std::string_view name = path.substr(0, dot);
  if (root.AsTable() == nullptr) root = ConfigValue(ConfigValue::Table());
  ConfigValue* member = root.Find(name);
  if (member == nullptr) {
    root.AsTable()->emplace_back(std::string(name), ConfigValue());
    member = &root.AsTable()->back().second;
  }
  if (dot == std::string_view::npos) {
    *member = std::move(value);
  } else {
    PutAt(*member, path.substr(dot + 1), std::move(value));
  }
}

bool SameValue(const ConfigValue& a, const ConfigValue& b) {
  const auto number = [](const ConfigValue& value, double* out) {
    if (const int64_t* integer = value.AsInt()) {
      *out = static_cast<double>(*integer);
    } else if (const double* real = value.AsFloat()) {
      *out = *real;
    } else {
      return false;
    }
    return true;
  };
  double left, right;
  if (number(a, &left) && number(b, &right)) return left == right;
  if (a.AsList() != nullptr && b.AsList() != nullptr) {
    return std::equal(a.AsList()->begin(), a.AsList()->end(), b.AsList()->begin(),
                      b.AsList()->end(), SameValue);
  }
  if (a.AsTable() == nullptr || b.AsTable() == nullptr) return a == b;
  if (a.AsTable()->size() != b.AsTable()->size()) return false;
  return std::all_of(a.AsTable()->begin(), a.AsTable()->end(), [&](const auto& member) {
    const ConfigValue* other = b.Find(member.first);
    return other != nullptr && SameValue(member.second, *other);
  });
}

}  // namespace tessera
