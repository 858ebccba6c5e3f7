// TextScanner: the words, numbers and quoted texts of a printed function, with line numbers.
//
// All readers skip white space and `#` comments first. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tessera {

class TextScanner {
 public:
  explicit TextScanner(std::string_view text) : text_(text) {}

  bool AtEnd();
  // True, and past it, when the text goes on with exactly this: a word only as a whole word.
  bool Eat(std::string_view token);
  absl::Status Expect(std::string_view token);
  // Letters, digits, `_`, `/` and `.`; "" when there are none.
  std::string_view Word();
  // A word, or a quoted text as C quotes it.
  absl::StatusOr<std::string> NameOrText(std::string_view what);
  absl::StatusOr<std::string> QuotedText();
  // "-1", "1e-06", "inf": what a number may consist of, "" when there is none.
  std::string_view NumberWord();
  absl::StatusOr<int64_t> Integer();
  absl::StatusOr<double> Number();
  // Everything up to and including `end`; an error when it is not in this line.
  absl::StatusOr<std::string_view> Through(char end);

  bool PeekIs(char c);
  int line() const { return line_; }
  // "line 3: expected X, got '...'".
  absl::Status Error(std::string_view expected);
  // "line 3: " before the message of `status`.
  absl::Status AtLine(const absl::Status& status, int line) const;

 private:
  void Skip();

  std::string_view text_;
  size_t pos_ = 0;
  int line_ = 1;
};

}  // namespace tessera
