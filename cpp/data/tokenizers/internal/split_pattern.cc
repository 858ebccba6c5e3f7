#include "cpp/data/tokenizers/internal/split_pattern.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"

namespace tessera {
namespace {

constexpr uint32_t kNoLimit = UINT32_MAX;
constexpr uint32_t kMostRepeats = 1000;
constexpr size_t kMostInstructions = 20000;
constexpr size_t kMostPatternBytes = 20000;
constexpr int kMaxDepth = 50;

}  // namespace

bool CodeSet::Has(uint32_t code) const {
  bool has = false;
  for (const auto& [low, high] : ranges) has = has || (code >= low && code <= high);
  if (!has && categories != 0) has = (categories & MaskOf(CategoryOf(code))) != 0;
  if (!has && (has_space || has_not_space)) has = IsUnicodeSpace(code) ? has_space : has_not_space;
  return has != is_negated;
}

// Recursive descent: writes instructions as it reads.
class PatternCompiler {
 public:
  using Kind = SplitPattern::Kind;
  using Greed = SplitPattern::Greed;
  using Instruction = SplitPattern::Instruction;

  PatternCompiler(std::string_view text, SplitPattern& out)
      : text_(text), codes_(CodePoints(text)), out_(out) {}

  absl::Status Compile() {
    RETURN_IF_ERROR(Alternatives(0));
    if (at_ < codes_.size()) return Wrong("unexpected ')'");
    return Emit({Kind::kMatch});
  }

 private:
  absl::Status Wrong(std::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("pattern ", Quoted(text_, 200), ": character ", at_ + 1, ": ", what));
  }
  absl::Status Unknown(std::string_view what) const {
    return absl::UnimplementedError(absl::StrCat("pattern ", Quoted(text_, 200), ": character ",
                                                 at_ + 1, ": ", what, " is not supported"));
  }
  bool More() const { return at_ < codes_.size(); }
  bool Looks(std::string_view ascii) const {
    if (codes_.size() - at_ < ascii.size()) return false;
    for (size_t i = 0; i < ascii.size(); ++i) {
      if (codes_[at_ + i] != static_cast<unsigned char>(ascii[i])) return false;
    }
    return true;
  }
  bool Take(std::string_view ascii) {
    if (!Looks(ascii)) return false;
    at_ += ascii.size();
    return true;
  }
  absl::Status Emit(Instruction instruction) {
    if (out_.program_.size() >= kMostInstructions) return Wrong("the pattern is too long");
    out_.program_.push_back(instruction);
    return absl::OkStatus();
  }
  uint32_t Here() const { return static_cast<uint32_t>(out_.program_.size()); }

  // Code after `start` moves by one for an instruction put in front of it.
  void Insert(uint32_t start, Instruction instruction) {
    auto& program = out_.program_;
    for (size_t i = start; i < program.size(); ++i) {
      Instruction& one = program[i];
      if (one.kind == Kind::kSplit || one.kind == Kind::kJump || one.kind == Kind::kLook ||
          one.kind == Kind::kLookNot) {
        if (one.a >= start) ++one.a;
        if (one.kind == Kind::kSplit && one.b >= start) ++one.b;
      }
    }
    program.insert(program.begin() + start, instruction);
  }

  absl::Status Alternatives(int depth) {
    if (depth > kMaxDepth) return Wrong("too many levels");
    const uint32_t start = Here();
    RETURN_IF_ERROR(Sequence(depth));
    if (!Take("|")) return absl::OkStatus();
    Insert(start, {Kind::kSplit, Greed::kGreedy, start + 1, 0});
    const uint32_t jump = Here();
    RETURN_IF_ERROR(Emit({Kind::kJump}));
    out_.program_[start].b = Here();
    RETURN_IF_ERROR(Alternatives(depth + 1));
    out_.program_[jump].a = Here();
    return absl::OkStatus();
  }

  absl::Status Sequence(int depth) {
    while (More() && !Looks("|") && !Looks(")")) {
      const uint32_t start = Here();
      RETURN_IF_ERROR(Atom(depth));
      RETURN_IF_ERROR(Repeats(start));
    }
    return absl::OkStatus();
  }

  absl::Status Atom(int depth) {
    if (Looks("(")) return Group(depth);
    if (Take("[")) return Class();
    if (Take("^")) return Emit({Kind::kStart});
    if (Take("$")) return Emit({Kind::kEnd});
    if (Looks("*") || Looks("+") || Looks("?") || Looks("{")) {
      return Wrong("expected something to repeat");
    }
    CodeSet set;
    if (Take(".")) {
      set.ranges = {{'\n', '\n'}};
      set.is_negated = true;
    } else if (Take("\\")) {
      RETURN_IF_ERROR(Escape(set, nullptr));
    } else {
      AddLiteral(codes_[at_++], set);
    }
    return EmitSet(std::move(set));
  }

  absl::Status EmitSet(CodeSet set) {
    out_.sets_.push_back(std::move(set));
    return Emit({Kind::kSet, Greed::kGreedy, static_cast<uint32_t>(out_.sets_.size() - 1)});
  }

  absl::Status Group(int depth) {
    const bool before = ignores_case_;
    const bool is_not = Take("(?!");
    if (is_not || Take("(?=")) {
      const uint32_t start = Here();
      RETURN_IF_ERROR(Emit({is_not ? Kind::kLookNot : Kind::kLook}));
      RETURN_IF_ERROR(Alternatives(depth + 1));
      RETURN_IF_ERROR(Emit({Kind::kCut}));
      out_.program_[start].a = Here();
    } else {
      if (Take("(?i:")) {
        ignores_case_ = true;
      } else if (Looks("(?") && !Looks("(?:")) {
        return Unknown("this kind of group");
      } else if (!Take("(?:")) {
        Take("(");
      }
      RETURN_IF_ERROR(Alternatives(depth + 1));
    }
    ignores_case_ = before;
    return Take(")") ? absl::OkStatus() : Wrong("expected ')'");
  }

  void AddLiteral(uint32_t code, CodeSet& set) const {
    set.ranges.push_back({code, code});
    if (!ignores_case_) return;
    const auto add = [&](uint32_t other) { set.ranges.push_back({other, other}); };
    const uint32_t lower = code >= 'A' && code <= 'Z' ? code + 32 : code;
    if (lower < 'a' || lower > 'z') return;
    add(lower);
    add(lower - 32);
    if (lower == 's') add(0x17F);   // the long s
    if (lower == 'k') add(0x212A);  // the sign of Kelvin
  }

  // After a backslash. A single code point is also given to `single`, for ranges.
  absl::Status Escape(CodeSet& set, uint32_t* single) {
    if (!More()) return Wrong("expected something after '\\'");
    const uint32_t code = codes_[at_++];
    const auto literal = [&](uint32_t value) {
      if (single != nullptr) *single = value;
      AddLiteral(value, set);
      return absl::OkStatus();
    };
    switch (code) {
      case 'r': return literal('\r');
      case 'n': return literal('\n');
      case 't': return literal('\t');
      case 'f': return literal('\f');
      case 'v': return literal('\v');
      case 's': set.has_space = true; return absl::OkStatus();
      case 'S': set.has_not_space = true; return absl::OkStatus();
      case 'd': set.categories |= CategoryMaskFromName("Nd"); return absl::OkStatus();
      case 'D': set.categories |= ~CategoryMaskFromName("Nd"); return absl::OkStatus();
      case 'w': AddWord(set); return absl::OkStatus();
      case 'p': return Property(false, set);
      case 'P': return Property(true, set);
      case 'x': case 'u': return Hex(code == 'x' ? 2 : 4, literal);
      default: break;
    }
    if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
        (code >= '0' && code <= '9')) {
      --at_;
      return Unknown("this escape");
    }
    return literal(code);
  }

  // Letters, marks, decimal digits and connectors, and what else is alphabetic.
  static void AddWord(CodeSet& set) {
    for (const char* name : {"L", "M", "Nd", "Nl", "Pc"}) {
      set.categories |= CategoryMaskFromName(name);
    }
    for (const auto& [low, high] : {std::pair<uint32_t, uint32_t>{0x24B6, 0x24E9},
                                    {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}}) {
      set.ranges.push_back({low, high});
    }
  }

  template <typename Literal>
  absl::Status Hex(int digits, const Literal& literal) {
    const bool has_braces = Take("{");
    uint32_t value = 0;
    int count = 0;
    for (; More() && (has_braces ? count < 6 : count < digits); ++count, ++at_) {
      const uint32_t c = codes_[at_];
      if (c >= '0' && c <= '9') {
        value = value * 16 + (c - '0');
      } else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
        value = value * 16 + ((c | 32) - 'a' + 10);
      } else {
        break;
      }
    }
    if (count == 0 || (has_braces && !Take("}")) || value > 0x10FFFF) {
      return Wrong("expected a hexadecimal code point");
    }
    return literal(value);
  }

  absl::Status Property(bool is_negated, CodeSet& set) {
    std::string name;
    if (Take("{")) {
      if (Take("^")) is_negated = !is_negated;
      while (More() && !Looks("}")) AppendUtf8(codes_[at_++], name);
      if (!Take("}")) return Wrong("expected '}'");
    } else if (More()) {
      AppendUtf8(codes_[at_++], name);
    }
    const CategoryMask mask = CategoryMaskFromName(name);
    if (mask == 0) return Unknown(absl::StrCat("the property ", Quoted(name)));
    set.categories |= is_negated ? ~mask : mask;
    return absl::OkStatus();
  }

  // After '['.
  absl::Status Class() {
    CodeSet set;
    set.is_negated = Take("^");
    for (bool is_first = true; !Looks("]") || is_first; is_first = false) {
      if (!More()) return Wrong("expected ']'");
      if (Looks("[") || Looks("&&")) return Unknown("a class within a class");
      uint32_t low = 0;
      bool is_single = true;
      if (Take("\\")) {
        low = kNoLimit;
        RETURN_IF_ERROR(Escape(set, &low));
        is_single = low != kNoLimit;
      } else {
        low = codes_[at_++];
        AddLiteral(low, set);
      }
      if (!is_single || !Looks("-") || at_ + 1 >= codes_.size() || codes_[at_ + 1] == ']') continue;
      ++at_;
      uint32_t high = codes_[at_++];
      if (high == '\\') {
        CodeSet unused;
        high = kNoLimit;
        RETURN_IF_ERROR(Escape(unused, &high));
      }
      if (high == kNoLimit || high < low) return Wrong("expected the end of a range");
      if (ignores_case_) return Unknown("a range without regard to case");
      set.ranges.push_back({low, high});
    }
    Take("]");
    return EmitSet(std::move(set));
  }

  absl::StatusOr<bool> Bounds(uint32_t* least, uint32_t* most) {
    if (Take("?")) {
      *least = 0, *most = 1;
    } else if (Take("*")) {
      *least = 0, *most = kNoLimit;
    } else if (Take("+")) {
      *least = 1, *most = kNoLimit;
    } else if (Take("{")) {
      RETURN_IF_ERROR(Number(least));
      *most = *least;
      if (Take(",")) {
        *most = kNoLimit;
        if (!Looks("}")) RETURN_IF_ERROR(Number(most));
      }
      if (!Take("}") || *most < *least) return Wrong("expected '}' after numbers that rise");
    } else {
      return false;
    }
    return true;
  }
  absl::Status Number(uint32_t* value) {
    *value = 0;
    bool has_digits = false;
    for (; More() && codes_[at_] >= '0' && codes_[at_] <= '9'; ++at_) {
      has_digits = true;
      *value = *value * 10 + (codes_[at_] - '0');
      if (*value > kMostRepeats) return Wrong("expected a smaller number");
    }
    return has_digits ? absl::OkStatus() : Wrong("expected a number");
  }

  absl::Status Repeats(uint32_t start) {
    uint32_t least, most;
    ASSIGN_OR_RETURN(const bool repeats, Bounds(&least, &most));
    if (!repeats) return absl::OkStatus();
    const Greed greed = Take("?")   ? Greed::kLazy
                        : Take("+") ? Greed::kPossessive
                                    : Greed::kGreedy;
    auto& program = out_.program_;
    if (Here() == start + 1 && program[start].kind == Kind::kSet) {
      program[start] = {Kind::kRepeatSet, greed, program[start].a, 0, least, most};
      return absl::OkStatus();
    }
    if (greed != Greed::kGreedy || least > 1 || (most != 1 && most != kNoLimit)) {
      return Unknown("this repeat of a group");
    }
    return RepeatGroup(start, least, most);
  }

  // ?, * and + of what stands from `start` on.
  absl::Status RepeatGroup(uint32_t start, uint32_t least, uint32_t most) {
    if (least == 1 && most == 1) return absl::OkStatus();
    if (least == 1) return Emit({Kind::kSplit, Greed::kGreedy, start, Here() + 1});
    Insert(start, {Kind::kSplit, Greed::kGreedy, start + 1, 0});
    if (most == kNoLimit) RETURN_IF_ERROR(Emit({Kind::kJump, Greed::kGreedy, start}));
    out_.program_[start].b = Here();
    return absl::OkStatus();
  }

  std::string_view text_;
  std::vector<uint32_t> codes_;
  size_t at_ = 0;
  bool ignores_case_ = false;
  SplitPattern& out_;
};

absl::StatusOr<SplitPattern> SplitPattern::Compile(std::string_view pattern) {
  if (pattern.size() > kMostPatternBytes || !IsValidUtf8(pattern)) {
    return absl::InvalidArgumentError("pattern: expected UTF-8 of at most 20000 bytes");
  }
  SplitPattern compiled;
  RETURN_IF_ERROR(PatternCompiler(pattern, compiled).Compile());
  return compiled;
}

// One attempt after another, by backtracking with a stack of choices.
class SplitPattern::Run {
 public:
  Run(const SplitPattern& pattern, absl::Span<const uint32_t> codes)
      : pattern_(pattern), codes_(codes), steps_left_(1000000 + 200 * codes.size()) {}

  bool is_exhausted() const { return steps_left_ == 0; }

  // Whether the program from `start` on matches at `from`; `end` is where it ends.
  bool Match(uint32_t start, size_t from, size_t* end) {
    const size_t floor = choices_.size();
    uint32_t pc = start;
    size_t at = from;
    for (;;) {
      if (steps_left_ == 0) return false;
      --steps_left_;
      const Instruction& one = pattern_.program_[pc];
      bool goes_on = true;
      switch (one.kind) {
        case Kind::kMatch:
        case Kind::kCut:
          choices_.resize(floor);
          *end = at;
          return true;
        case Kind::kSet:
          goes_on = at < codes_.size() && Has(one.a, codes_[at]);
          ++at;
          ++pc;
          break;
        case Kind::kRepeatSet:
          goes_on = Repeat(one, pc, &at);
          ++pc;
          break;
        case Kind::kSplit:
          choices_.push_back({one.b, at, at});
          pc = one.a;
          break;
        case Kind::kJump:
          pc = one.a;
          break;
        case Kind::kLook:
        case Kind::kLookNot: {
          size_t unused;
          goes_on = Match(pc + 1, at, &unused) == (one.kind == Kind::kLook);
          pc = one.a;
          break;
        }
        case Kind::kStart:
          goes_on = at == 0;
          ++pc;
          break;
        case Kind::kEnd:
          goes_on = at == codes_.size();
          ++pc;
          break;
      }
      if (!goes_on && !Back(floor, &pc, &at)) return false;
    }
  }

 private:
  // Where to go on when what follows fails: at places from `at` back to `least_at`, one by one (or,
  // for a lazy repeat, forward).
  struct Choice {
    uint32_t pc;
    size_t at, last;
  };

  bool Has(uint32_t set, uint32_t code) const { return pattern_.sets_[set].Has(code); }

  bool Repeat(const Instruction& one, uint32_t pc, size_t* at) {
    const size_t room = codes_.size() - *at;
    const size_t most = one.most == kNoLimit ? room : std::min<size_t>(one.most, room);
    size_t count = 0;
    while (count < most && Has(one.a, codes_[*at + count])) ++count;
    steps_left_ -= std::min(steps_left_, count / 8);
    if (count < one.least) return false;
    const size_t shortest = *at + one.least, longest = *at + count;
    if (one.greed == Greed::kLazy) {
      if (shortest < longest) choices_.push_back({pc + 1, shortest + 1, longest});
      *at = shortest;
      return true;
    }
    if (one.greed == Greed::kGreedy && shortest < longest) {
      choices_.push_back({pc + 1, longest - 1, shortest});
    }
    *at = longest;
    return true;
  }

  bool Back(size_t floor, uint32_t* pc, size_t* at) {
    if (choices_.size() == floor) return false;
    Choice& choice = choices_.back();
    *pc = choice.pc;
    *at = choice.at;
    if (choice.at == choice.last) {
      choices_.pop_back();
    } else {
      choice.at += choice.at < choice.last ? 1 : -1;
    }
    return true;
  }

  const SplitPattern& pattern_;
  absl::Span<const uint32_t> codes_;
  size_t steps_left_;
  std::vector<Choice> choices_;
};

absl::StatusOr<bool> SplitPattern::Find(absl::Span<const uint32_t> codes, size_t from,
                                        size_t* begin, size_t* end) const {
  Run run(*this, codes);
  for (size_t at = from; at <= codes.size(); ++at) {
    if (run.Match(0, at, end)) {
      *begin = at;
      return true;
    }
    if (run.is_exhausted()) {
      return absl::ResourceExhaustedError(
          "pattern: it takes too many steps on this text");
    }
  }
  return false;
}

}  // namespace tessera
