#include "cpp/config/json_document.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "cpp/base/text.h"
#include "cpp/config/config.h"
#include "rapidjson/memorystream.h"
#include "rapidjson/reader.h"

namespace tessera {
namespace {

constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseCommentsFlag |
                            rapidjson::kParseTrailingCommasFlag |
                            rapidjson::kParseValidateEncodingFlag |
                            rapidjson::kParseNumbersAsStringsFlag;

// Past blanks, comments, commas and colons: where the token that follows begins.
size_t TokenStart(std::string_view text, size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':') {
      ++at;
    } else if (absl::StartsWith(text.substr(at), "//")) {
      at = std::min(text.find('\n', at), text.size());
    } else if (absl::StartsWith(text.substr(at), "/*")) {
      const size_t end = text.find("*/", at + 2);
      at = end == std::string_view::npos ? text.size() : end + 2;
    } else {
      break;
    }
  }
  return at;
}

// Builds the tree. Where a token ends is known from the stream, and where it starts from the end of
// the one before.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  Builder(std::string_view text, const rapidjson::MemoryStream& stream, JsonValue& root)
      : text_(text), stream_(stream), root_(root) {}

  bool Null() { return Scalar(JsonValue::Kind::kNull, ""); }
  bool Bool(bool value) {
    if (!Scalar(JsonValue::Kind::kBool, "")) return false;
    last_->boolean = value;
    return true;
  }
  // Numbers come as their digits (RawNumber).
  bool RawNumber(const char* digits, rapidjson::SizeType length, bool) {
    return Scalar(JsonValue::Kind::kNumber, std::string_view(digits, length));
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return Scalar(JsonValue::Kind::kText, std::string_view(text, length));
  }
  bool StartObject() { return Open(JsonValue::Kind::kObject); }
  bool Key(const char* name, rapidjson::SizeType length, bool) {
    JsonMember member;
    member.name.assign(name, length);
    member.offset = static_cast<uint32_t>(TokenStart(text_, end_));
    open_.back()->members.push_back(std::move(member));
    is_pending_ = true;
    end_ = stream_.Tell();
    return Count();
  }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool StartArray() { return Open(JsonValue::Kind::kList); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

  // After an error: drops a name that got no value.
  void DropPending() {
    if (is_pending_) open_.back()->members.pop_back();
  }

  bool has_root() const { return has_root_; }
  bool too_deep() const { return too_deep_; }
  bool too_many() const { return count_ > ConfigLimits::kValues; }
  // "model.decoder[2]": where the parser stands.
  std::string Path() const {
    std::string path;
    for (const JsonValue* value : open_) {
      if (value->kind == JsonValue::Kind::kList) {
        if (!value->items.empty()) absl::StrAppend(&path, "[", value->items.size() - 1, "]");
      } else if (!value->members.empty()) {
        absl::StrAppend(&path, path.empty() ? "" : ".", value->members.back().name);
      }
      if (path.size() > 200) {
        path.resize(200);
        path.append("...");
        return path;
      }
    }
    return path;
  }

 private:
  bool Count() { return ++count_ <= ConfigLimits::kValues; }

  JsonValue* Place() {
    has_root_ = true;
    is_pending_ = false;
    if (open_.empty()) return &root_;
    JsonValue& parent = *open_.back();
    if (parent.kind == JsonValue::Kind::kObject) return &parent.members.back().value;
    return &parent.items.emplace_back();
  }

  bool Scalar(JsonValue::Kind kind, std::string_view text) {
    last_ = Place();
    last_->kind = kind;
    last_->text = std::string(text);
    last_->offset = static_cast<uint32_t>(TokenStart(text_, end_));
    end_ = stream_.Tell();
    return Count();
  }

  bool Open(JsonValue::Kind kind) {
    const size_t start = TokenStart(text_, end_);
    end_ = start + 1;
    if (open_.size() >= ConfigLimits::kDepth) {
      too_deep_ = true;
      return false;
    }
    JsonValue* value = Place();
    value->kind = kind;
    value->offset = static_cast<uint32_t>(start);
    open_.push_back(value);
    return Count();
  }

  bool Close() {
    end_ = TokenStart(text_, end_) + 1;
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const rapidjson::MemoryStream& stream_;
  JsonValue& root_;
  JsonValue* last_ = nullptr;
  // Parents do not move while they are open: only their last child grows.
  std::vector<JsonValue*> open_;
  size_t end_ = 0;
  int64_t count_ = 0;
  bool has_root_ = false;
  bool is_pending_ = false;   // a name has come, its value not yet
  bool too_deep_ = false;
};

std::string ExpectedFor(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorDocumentEmpty:
      return "a JSON object";
    case rapidjson::kParseErrorDocumentRootNotSingular:
      return "the end of the text after the object";
    case rapidjson::kParseErrorObjectMissName:
      return "a field name in double quotes or '}'";
    case rapidjson::kParseErrorObjectMissColon:
      return "':' after the field name";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
      return "',' or '}' after the value";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
      return "',' or ']' after the item";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
      return "four hexadecimal digits after \\u";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return "a second \\u escape that completes the surrogate pair";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u";
    case rapidjson::kParseErrorStringMissQuotationMark:
      return "a closing '\"'";
    case rapidjson::kParseErrorNumberTooBig:
      return "a number of at most about 1.8e308";
    case rapidjson::kParseErrorNumberMissFraction:
      return "digits after the decimal point";
    case rapidjson::kParseErrorNumberMissExponent:
      return "digits in the exponent";
    default:
      return "a JSON value (text in double quotes, number, true, false, null, list or object)";
  }
}

}  // namespace

std::string Describe(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      return "null";
    case JsonValue::Kind::kBool:
      return value.boolean ? "true" : "false";
    case JsonValue::Kind::kNumber:
      return value.text.size() <= 40 ? value.text
                                     : absl::StrCat(value.text.substr(0, 40), "...");
    case JsonValue::Kind::kText:
      return absl::StrCat("the text ", Quoted(value.text));
    case JsonValue::Kind::kList:
      return "a list";
    case JsonValue::Kind::kObject:
      return "an object";
  }
  return "";
}

const JsonValue* FindMember(const JsonValue& value, std::string_view name) {
  for (const JsonMember& member : value.members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

std::string ToJsonText(const JsonValue& value) {
  std::string text;
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      return "null";
    case JsonValue::Kind::kBool:
      return value.boolean ? "true" : "false";
    case JsonValue::Kind::kNumber:
      return value.text;
    case JsonValue::Kind::kText:
      return JsonQuoted(value.text);
    case JsonValue::Kind::kList:
      for (const JsonValue& item : value.items) {
        absl::StrAppend(&text, text.empty() ? "" : ",", ToJsonText(item));
      }
      return absl::StrCat("[", text, "]");
    case JsonValue::Kind::kObject: {
      std::map<std::string, std::string> sorted;
      for (const JsonMember& member : value.members) sorted[member.name] = ToJsonText(member.value);
      for (const auto& [name, item] : sorted) {
        absl::StrAppend(&text, text.empty() ? "" : ",", JsonQuoted(name), ":", item);
      }
      return absl::StrCat("{", text, "}");
    }
  }
  return text;
}

JsonDocument::JsonDocument(std::string_view text, std::string_view name)
    : text_(absl::StripPrefix(text, "\xEF\xBB\xBF")),   // a byte order mark says nothing
      name_(std::make_shared<const std::string>(name)) {
  line_starts_.push_back(0);
  if (text_.size() > ConfigLimits::kTextBytes) return;
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(static_cast<uint32_t>(i + 1));
  }
}

ConfigOrigin JsonDocument::OriginAt(size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const size_t start = *(after - 1);
  int column = 1;   // in characters, not bytes
  for (size_t i = start; i < offset; ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++column;
  }
  return {name_, static_cast<int>(after - line_starts_.begin()), column};
}

void JsonDocument::Fail(size_t offset, std::string path, std::string expected, std::string got,
                        ConfigErrors& errors) const {
  const ConfigOrigin origin = OriginAt(offset);
  ConfigError error;
  error.file = *name_;
  error.line = origin.line;
  error.column = origin.column;
  error.path = std::move(path);
  error.expected = std::move(expected);
  error.got = std::move(got);
  errors.Add(std::move(error));
}

// The word that starts at the offset.
std::string JsonDocument::GotAt(size_t offset) const {
  if (offset >= text_.size()) return "the end of the text";
  size_t end = offset + 1;
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  while (is_word(text_[offset]) && end < text_.size() && is_word(text_[end])) ++end;
  while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) ++end;
  return Quoted(text_.substr(offset, end - offset), 40);
}

bool JsonDocument::CheckText(ConfigErrors& errors) const {
  if (text_.size() > ConfigLimits::kTextBytes) {
    Fail(0, "", absl::StrCat("a config of at most ", ReadableBytes(ConfigLimits::kTextBytes)),
         absl::StrCat("a text of ", ReadableBytes(static_cast<int64_t>(text_.size()))), errors);
    return false;
  }
  const size_t valid = ValidUtf8Prefix(text_);
  if (valid < text_.size()) {
    Fail(valid, "", "UTF-8 text",
         absl::StrFormat("the byte 0x%02X", static_cast<unsigned char>(text_[valid])), errors);
    return false;
  }
  const size_t zero = text_.find('\0');
  if (zero != std::string_view::npos) {
    Fail(zero, "", "text", "a zero byte", errors);
    return false;
  }
  return true;
}

bool JsonDocument::Parse(ConfigErrors& errors) {
  if (!CheckText(errors)) return false;
  if (TokenStart(text_, 0) == text_.size()) {
    Fail(0, "", "a JSON object", "an empty text", errors);
    return false;
  }
  rapidjson::MemoryStream stream(text_.data(), text_.size());
  Builder builder(text_, stream, root_);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  has_root_ = builder.has_root();
  if (!result.IsError()) return true;
  const size_t offset = result.Offset();
  const std::string path = builder.Path();
  builder.DropPending();
  if (builder.too_deep() || builder.too_many()) has_root_ = false;   // not worth a further look
  if (result.Code() == rapidjson::kParseErrorStringEscapeInvalid && offset < text_.size() &&
      static_cast<unsigned char>(text_[offset]) < 0x20) {
    Fail(offset, path, "a closing '\"' on the same line (a line break in a text is written \\n)",
         text_[offset] == '\n' ? "a line break" : "a control character", errors);
  } else if (builder.too_deep()) {
    Fail(offset, "", absl::StrCat("at most ", ConfigLimits::kDepth, " nested objects and lists"),
         "more", errors);
  } else if (builder.too_many()) {
    Fail(offset, "", absl::StrCat("at most ", ConfigLimits::kValues, " values"), "more", errors);
  } else {
    // Skipping ahead to the offending token: the reader may stand on the blank before it.
    const size_t token = TokenStart(text_, offset);
    const bool at_comma = offset < text_.size() && (text_[offset] == ',' || text_[offset] == ':');
    Fail(at_comma ? offset : token, path, ExpectedFor(result.Code()),
         GotAt(at_comma ? offset : token), errors);
  }
  return false;
}

}  // namespace tessera
