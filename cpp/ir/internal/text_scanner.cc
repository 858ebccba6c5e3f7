#include "cpp/ir/internal/text_scanner.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

bool IsWordChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '/' || c == '.';
}

// What is no printable ASCII becomes `?`: an error text may be cut anywhere.
std::string Printable(std::string_view text) {
  std::string printable(text);
  for (char& c : printable) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return printable;
}

bool IsNumberChar(char c) { return IsWordChar(c) || c == '-' || c == '+'; }

}  // namespace

void TextScanner::Skip() {
  bool comment = false;
  for (; pos_ < text_.size(); ++pos_) {
    const char c = text_[pos_];
    if (c == '\n') {
      ++line_;
      comment = false;
    } else if (c == '#') {
      comment = true;
    } else if (!comment && !absl::ascii_isspace(static_cast<unsigned char>(c))) {
      return;
    }
  }
}

bool TextScanner::AtEnd() {
  Skip();
  return pos_ == text_.size();
}

bool TextScanner::PeekIs(char c) { return !AtEnd() && text_[pos_] == c; }

bool TextScanner::Eat(std::string_view token) {
  Skip();
  if (text_.substr(pos_, token.size()) != token) return false;
  const size_t end = pos_ + token.size();
  if (IsWordChar(token.back()) && end < text_.size() && IsWordChar(text_[end])) return false;
  pos_ = end;
  return true;
}

absl::Status TextScanner::Expect(std::string_view token) {
  return Eat(token) ? absl::OkStatus() : Error(absl::StrCat("'", token, "'"));
}

std::string_view TextScanner::Word() {
  Skip();
  const size_t begin = pos_;
  while (pos_ < text_.size() && IsWordChar(text_[pos_])) ++pos_;
  return text_.substr(begin, pos_ - begin);
}

absl::StatusOr<std::string> TextScanner::NameOrText(std::string_view what) {
  if (PeekIs('"')) return QuotedText();
  const std::string_view word = Word();
  if (word.empty()) return Error(what);
  return std::string(word);
}

absl::StatusOr<std::string> TextScanner::QuotedText() {
  if (!PeekIs('"')) return Error("a text in quotes");
  size_t end = pos_ + 1;
  while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') {
    end += text_[end] == '\\' ? 2 : 1;
  }
  if (end >= text_.size() || text_[end] != '"') return Error("a closing quote in this line");
  std::string value;
  std::string wrong;
  if (!absl::CUnescape(text_.substr(pos_ + 1, end - pos_ - 1), &value, &wrong)) {
    return Error(absl::StrCat("a text as C quotes it (", wrong, ")"));
  }
  pos_ = end + 1;
  return value;
}

std::string_view TextScanner::NumberWord() {
  Skip();
  const size_t begin = pos_;
  while (pos_ < text_.size() && IsNumberChar(text_[pos_])) ++pos_;
  return text_.substr(begin, pos_ - begin);
}

absl::StatusOr<int64_t> TextScanner::Integer() {
  Skip();
  const size_t begin = pos_;
  int64_t value = 0;
  if (absl::SimpleAtoi(NumberWord(), &value)) return value;
  pos_ = begin;
  return Error("a 64-bit integer");
}

absl::StatusOr<double> TextScanner::Number() {
  Skip();
  const size_t begin = pos_;
  double value = 0;
  if (absl::SimpleAtod(NumberWord(), &value)) return value;
  pos_ = begin;
  return Error("a number");
}

absl::StatusOr<std::string_view> TextScanner::Through(char end) {
  const size_t found = text_.find_first_of(std::string{end, '\n'}, pos_);
  if (found == std::string_view::npos || text_[found] != end) {
    return Error(absl::StrCat("'", std::string_view(&end, 1), "' in this line"));
  }
  const std::string_view passed = text_.substr(pos_, found + 1 - pos_);
  pos_ = found + 1;
  return passed;
}

absl::Status TextScanner::Error(std::string_view expected) {
  std::string got = "the end";
  if (!AtEnd()) {
    const std::string_view rest = text_.substr(pos_, 24);
    got = absl::StrCat("'", Printable(rest.substr(0, rest.find('\n'))), "'");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line_, ": expected ", expected, ", got ", got));
}

absl::Status TextScanner::AtLine(const absl::Status& status, int line) const {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("line ", line, ": ", status.message()));
}

}  // namespace tessera
