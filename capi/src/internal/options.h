// Options: a JSON object of named values, as many functions of tessera.h take.
//
//   OptionReader reader(text, "options");
//   reader.Bool("resume", &resume);
//   reader.Int("max_tokens", 1, 1 << 20, &max_tokens);
//   RETURN_IF_ERROR(reader.Finish());
// Empty text is an empty object, absent keys leave their variable alone. Finish reports everything
// at once: keys that nobody asked for (with the nearest one that somebody did), wrong types and
// ranges, keys given twice, and what is not JSON. One thread per object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/tensor/attr.h"

namespace tessera::capi {

class OptionReader {
 public:
  // `text` must outlive the reader; `what` names it in errors ("options", "init").
  OptionReader(std::string_view text, std::string_view what);

  // Each says whether the key was there with a fitting value.
  bool Bool(std::string_view key, bool* value);
  bool Int(std::string_view key, int64_t least, int64_t most, int64_t* value);
  bool Float(std::string_view key, double least, double most, double* value);
  bool Text(std::string_view key, std::string* value);
  // One of `choices`.
  bool Choice(std::string_view key, absl::Span<const std::string_view> choices,
              std::string* value);
  // Any value; nullptr when absent. It lives as long as the reader.
  const JsonValue* Any(std::string_view key);
  // All members, which then all count as asked for.
  const std::vector<JsonMember>& All();
  // An error of the caller's own at the value of `key`.
  void Fail(std::string_view key, std::string expected, std::string got);

  absl::Status Finish();

 private:
  const JsonMember* Find(std::string_view key);
  void AddError(uint32_t offset, std::string_view path, std::string expected, std::string got,
                std::string nearest = "");

  JsonDocument document_;
  ConfigErrors errors_;
  std::vector<std::string> asked_;
  bool takes_all_ = false;
  bool is_broken_ = false;   // not JSON: no more is said
};

}  // namespace tessera::capi
