// JsonText: writes JSON into one string that keeps its memory between records.
//
// It knows nothing of what it writes: commas and nesting are its work, names and values the
// caller's. Numbers are the shortest that read back as the same; what JSON has no number for (NaN,
// infinities) becomes null. Once its string has grown to the longest record, writing allocates
// nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

class JsonText {
 public:
  explicit JsonText(size_t reserved_bytes = 0) { text_.reserve(reserved_bytes); }

  void Clear();
  const std::string& text() const { return text_; }

  JsonText& BeginObject() { return Open('{'); }
  JsonText& EndObject() { return Close('}'); }
  JsonText& BeginList() { return Open('['); }
  JsonText& EndList() { return Close(']'); }

  // Names need no escapes: they are our own, or paths and op names.
  JsonText& Name(std::string_view name);
  JsonText& Number(double value);
  JsonText& Integer(int64_t value);
  JsonText& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonText& Text(std::string_view value);
  // JSON that is there already.
  JsonText& Raw(std::string_view json);

  JsonText& Number(std::string_view name, double value) { return Name(name).Number(value); }
  JsonText& Integer(std::string_view name, int64_t value) { return Name(name).Integer(value); }
  JsonText& Bool(std::string_view name, bool value) { return Name(name).Bool(value); }
  JsonText& Text(std::string_view name, std::string_view value) { return Name(name).Text(value); }

 private:
  JsonText& Open(char bracket);
  JsonText& Close(char bracket);
  void Separate();

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace tessera
