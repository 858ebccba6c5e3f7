#include "cpp/config/glob.h"

#include <algorithm>

#include "absl/strings/str_split.h"

namespace tessera {
namespace {

using Parts = std::vector<std::string_view>;

Parts PartsOf(std::string_view text) {
  if (text.empty()) return {};
  return absl::StrSplit(text, '.');
}

// `*` for any characters. Goes back to the last star only, so the time is at most the product of
// the lengths.
bool MatchesWord(std::string_view pattern, std::string_view word) {
  size_t p = 0, w = 0, star = std::string_view::npos, mark = 0;
  while (w < word.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = w;
    } else if (p < pattern.size() && pattern[p] == word[w]) {
      ++p;
      ++w;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      w = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

bool MatchesConfigPath(std::string_view pattern, std::string_view path) {
  const Parts want = PartsOf(pattern), have = PartsOf(path);
  // The same walk with parts for characters.
  size_t p = 0, w = 0, star = want.size(), mark = 0;
  while (w < have.size()) {
    if (p < want.size() && want[p] == "**") {
      star = p++;
      mark = w;
    } else if (p < want.size() && MatchesWord(want[p], have[w])) {
      ++p;
      ++w;
    } else if (star < want.size()) {
      p = star + 1;
      w = ++mark;
    } else {
      return false;
    }
  }
  while (p < want.size() && want[p] == "**") ++p;
  return p == want.size();
}

size_t MatchedParts(std::string_view pattern, std::string_view path) {
  const Parts want = PartsOf(pattern), have = PartsOf(path);
  size_t count = 0;
  while (count < want.size() && count < have.size() && want[count] != "**" &&
         MatchesWord(want[count], have[count])) {
    ++count;
  }
  return count;
}

}  // namespace tessera
