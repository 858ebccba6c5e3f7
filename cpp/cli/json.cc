#include "cpp/cli/json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "rapidjson/memorystream.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/reader.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace tessera::cli {

// Builds a tree from RapidJSON's events; what is open stands on a stack, so depth costs no C++
// stack while reading. Depth is bounded, because freeing and printing a tree do recur.
class JsonBuilder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, JsonBuilder> {
 public:
  explicit JsonBuilder(Json* root) : root_(root) {}

  bool Null() { return Put(Json()); }
  bool Bool(bool value) { return Put(Json::Bool(value)); }
  // Numbers come as their digits: the parser's full precision takes 184467440737095516155 for 0.
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    const char* end = text + length;
    int64_t integer = 0;
    const auto whole = std::from_chars(text, end, integer);
    if (whole.ec == std::errc() && whole.ptr == end) return Put(Json::Integer(integer));
    const double number = std::strtod(std::string(text, end).c_str(), nullptr);
    return std::isfinite(number) && Put(Json::Number(number));
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return Put(Json::Text(std::string_view(text, size)));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    key_.assign(text, size);
    return true;
  }
  bool StartObject() { return Open(Json::Object()); }
  bool StartArray() { return Open(Json::List()); }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

 private:
  static constexpr size_t kDeepest = 512;

  bool Put(Json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Json value) {
    if (open_.size() >= kDeepest) return false;
    open_.push_back(Place(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  // A parent's list does not grow while a child of it is open, so the pointers stay valid.
  Json* Place(Json value) {
    if (open_.empty()) {
      *root_ = std::move(value);
      return root_;
    }
    Json& parent = *open_.back();
    if (parent.is_list()) {
      parent.items_.push_back(std::move(value));
      return &parent.items_.back();
    }
    parent.members_.emplace_back(key_, std::move(value));
    return &parent.members_.back().second;
  }

  Json* root_;
  std::vector<Json*> open_;
  std::string key_;
};

Json Json::Bool(bool value) {
  Json json;
  json.kind_ = Kind::kBool;
  json.bool_ = value;
  return json;
}

Json Json::Integer(int64_t value) {
  Json json;
  json.kind_ = Kind::kInteger;
  json.integer_ = value;
  return json;
}

Json Json::Number(double value) {
  Json json;
  if (!std::isfinite(value)) return json;
  json.kind_ = Kind::kNumber;
  json.number_ = value;
  return json;
}

Json Json::Text(std::string_view value) {
  Json json;
  json.kind_ = Kind::kText;
  json.text_ = value;
  return json;
}

Json Json::List() {
  Json json;
  json.kind_ = Kind::kList;
  return json;
}

Json Json::Object() {
  Json json;
  json.kind_ = Kind::kObject;
  return json;
}

bool Json::Parse(std::string_view text, Json* out) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  Json result;
  JsonBuilder builder(&result);
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseValidateEncodingFlag;
  if (!reader.Parse<kFlags>(stream, builder)) return false;
  *out = std::move(result);
  return true;
}

void Json::Set(std::string_view name, Json value) {
  for (auto& [key, held] : members_) {
    if (key == name) {
      held = std::move(value);
      return;
    }
  }
  members_.emplace_back(name, std::move(value));
}

const Json* Json::Find(std::string_view name) const {
  for (const auto& [key, value] : members_) {
    if (key == name) return &value;
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view name) const {
  static const Json kNull;
  const Json* found = Find(name);
  return found != nullptr ? *found : kNull;
}

bool Json::AsBool(bool otherwise) const { return kind_ == Kind::kBool ? bool_ : otherwise; }

int64_t Json::AsInteger(int64_t otherwise) const {
  return kind_ == Kind::kInteger ? integer_ : otherwise;
}

double Json::AsNumber(double otherwise) const {
  if (kind_ == Kind::kInteger) return static_cast<double>(integer_);
  return kind_ == Kind::kNumber ? number_ : otherwise;
}

template <typename Writer>
void Json::Write(Writer& writer) const {
  switch (kind_) {
    case Kind::kNull: writer.Null(); break;
    case Kind::kBool: writer.Bool(bool_); break;
    case Kind::kInteger: writer.Int64(integer_); break;
    case Kind::kNumber: writer.Double(number_); break;
    case Kind::kText:
      writer.String(text_.data(), static_cast<rapidjson::SizeType>(text_.size()));
      break;
    case Kind::kList:
      writer.StartArray();
      for (const Json& item : items_) item.Write(writer);
      writer.EndArray();
      break;
    case Kind::kObject:
      writer.StartObject();
      for (const auto& [name, value] : members_) {
        writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
        value.Write(writer);
      }
      writer.EndObject();
      break;
  }
}

std::string Json::ToText() const {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  Write(writer);
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

std::string Json::ToIndentedText() const {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  Write(writer);
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

std::string Json::ToCell() const {
  if (kind_ == Kind::kNull) return "";
  if (kind_ == Kind::kText) return text_;
  if (kind_ == Kind::kList) {
    std::string cell;
    for (const Json& item : items_) {
      if (!cell.empty()) cell += ", ";
      cell += item.ToCell();
    }
    return cell;
  }
  std::string cell = ToText();
  cell.pop_back();
  return cell;
}

}  // namespace tessera::cli
