// SplitPattern: the regular expressions by which tokenizers cut text into words.
//
// What the patterns of published tokenizers use, over code points: literals, escapes, classes with
// Unicode categories, groups, alternatives, greedy, lazy and possessive repeats, lookahead and
// (?i:...); anything else is UNIMPLEMENTED with its place. Alternatives are tried in order, as in
// Perl. The matcher has a stack of its own and a limit of steps, since patterns come from
// strangers. Constant use from several threads is safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {

// A set of code points.
struct CodeSet {
  std::vector<std::pair<uint32_t, uint32_t>> ranges;  // inclusive
  CategoryMask categories = 0;
  bool has_space = false, has_not_space = false;
  bool is_negated = false;

  bool Has(uint32_t code) const;
};

class SplitPattern {
 public:
  // INVALID_ARGUMENT for what is no pattern.
  static absl::StatusOr<SplitPattern> Compile(std::string_view pattern);

  // The first match that begins at `from` or later; false when there is none.
  // RESOURCE_EXHAUSTED when the pattern takes too many steps on this text.
  absl::StatusOr<bool> Find(absl::Span<const uint32_t> codes, size_t from, size_t* begin,
                            size_t* end) const;

 private:
  friend class PatternCompiler;
  enum class Kind : uint8_t {
    kSet,        // one code point of sets_[a]
    kRepeatSet,  // `least` to `most` of sets_[a]: greedy, lazy or possessive
    kSplit,      // go on at a, else at b
    kJump,       // to a
    kLook,       // the program from the next instruction to a, without moving; then on at a
    kLookNot,    // the same, must fail
    kCut,        // end of a lookahead
    kStart,      // the beginning of the text
    kEnd,        // the end of the text
    kMatch,
  };
  enum class Greed : uint8_t { kGreedy, kLazy, kPossessive };
  struct Instruction {
    Kind kind;
    Greed greed = Greed::kGreedy;
    uint32_t a = 0, b = 0;
    uint32_t least = 0, most = 0;
  };
  class Run;

  std::vector<Instruction> program_;
  std::vector<CodeSet> sets_;
};

}  // namespace tessera
