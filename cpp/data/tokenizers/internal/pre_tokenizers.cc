// Pre-tokenizers: how a text is cut into words, within which a model may join characters.
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/tokenizers/internal/bert.h"
#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/split_pattern.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

// GPT-2's pattern, as its published source has it.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// What happens with what a pattern matches.
enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct Range {
  size_t begin, end;  // of code points
  bool is_match;
};

std::vector<Range> Merged(const std::vector<Range>& ranges, Behavior behavior) {
  std::vector<Range> merged;
  bool previous_match = false;
  for (const Range& range : ranges) {
    const bool joins =
        !merged.empty() &&
        ((behavior == Behavior::kMergedWithPrevious && range.is_match && !previous_match) ||
         (behavior == Behavior::kMergedWithNext && previous_match && !range.is_match) ||
         (behavior == Behavior::kContiguous && range.is_match == previous_match));
    previous_match = range.is_match;
    if (joins) {
      merged.back().end = range.end;
    } else if (behavior != Behavior::kRemoved || !range.is_match) {
      merged.push_back(range);
    }
  }
  return merged;
}

// The code points of a piece with the place of each in its text.
struct Decoded {
  explicit Decoded(std::string_view text) : text(text), codes(CodePoints(text)) {
    size_t at = 0;
    for (size_t i = 0; i < codes.size(); ++i) {
      places.push_back(at);
      at += Utf8Length(text[at]);
    }
    places.push_back(text.size());
  }
  std::string Part(size_t begin, size_t end) const {
    return std::string(text.substr(places[begin], places[end] - places[begin]));
  }
  std::string_view text;
  std::vector<uint32_t> codes;
  std::vector<size_t> places;
};

void AddParts(const TextPiece& piece, const Decoded& decoded, const std::vector<Range>& ranges,
              std::vector<TextPiece>& out) {
  for (const Range& range : ranges) {
    if (range.begin == range.end) continue;
    out.push_back({decoded.Part(range.begin, range.end), piece.is_first && range.begin == 0});
  }
}

absl::StatusOr<std::vector<Range>> RangesOf(const SplitPattern& pattern,
                                            const std::vector<uint32_t>& codes, bool inverts) {
  std::vector<Range> ranges;
  size_t done = 0, from = 0;
  while (from <= codes.size()) {
    size_t begin, end;
    ASSIGN_OR_RETURN(const bool found, pattern.Find(codes, from, &begin, &end));
    if (!found) break;
    if (end == begin) {  // an empty match cuts nothing
      from = begin + 1;
      continue;
    }
    if (begin > done) ranges.push_back({done, begin, inverts});
    ranges.push_back({begin, end, !inverts});
    done = from = end;
  }
  if (done < codes.size()) ranges.push_back({done, codes.size(), inverts});
  return ranges;
}

class SplitPreTokenizer : public PreTokenizer {
 public:
  SplitPreTokenizer(SplitPattern pattern, Behavior behavior, bool inverts)
      : pattern_(std::move(pattern)), behavior_(behavior), inverts_(inverts) {}

  absl::StatusOr<std::vector<TextPiece>> Split(std::vector<TextPiece> pieces) const override {
    std::vector<TextPiece> parts;
    for (const TextPiece& piece : pieces) {
      const Decoded decoded(piece.text);
      ASSIGN_OR_RETURN(const std::vector<Range> ranges,
                       RangesOf(pattern_, decoded.codes, inverts_));
      AddParts(piece, decoded, Merged(ranges, behavior_), parts);
    }
    return parts;
  }

 private:
  const SplitPattern pattern_;
  const Behavior behavior_;
  const bool inverts_;
};

class ByteLevelPreTokenizer : public PreTokenizer {
 public:
  ByteLevelPreTokenizer(bool adds_space, std::optional<SplitPattern> pattern)
      : adds_space_(adds_space), pattern_(std::move(pattern)) {}

  absl::StatusOr<std::vector<TextPiece>> Split(std::vector<TextPiece> pieces) const override {
    std::vector<TextPiece> parts;
    for (TextPiece& piece : pieces) {
      if (adds_space_ && !absl::StartsWith(piece.text, " ")) piece.text.insert(0, " ");
      if (!pattern_.has_value()) {
        parts.push_back(std::move(piece));
        continue;
      }
      const Decoded decoded(piece.text);
      ASSIGN_OR_RETURN(const std::vector<Range> ranges,
                       RangesOf(*pattern_, decoded.codes, false));
      AddParts(piece, decoded, ranges, parts);
    }
    for (TextPiece& part : parts) {
      std::string chars;
      for (char byte : part.text) chars += CharOfByte(static_cast<unsigned char>(byte));
      part.text = std::move(chars);
    }
    return parts;
  }

 private:
  const bool adds_space_;
  const std::optional<SplitPattern> pattern_;
};

class MetaspacePreTokenizer : public PreTokenizer {
 public:
  MetaspacePreTokenizer(std::string replacement, std::string scheme, bool splits)
      : replacement_(std::move(replacement)), scheme_(std::move(scheme)), splits_(splits) {}

  absl::StatusOr<std::vector<TextPiece>> Split(std::vector<TextPiece> pieces) const override {
    std::vector<TextPiece> parts;
    for (TextPiece& piece : pieces) {
      std::string text = absl::StrReplaceAll(piece.text, {{" ", replacement_}});
      const bool prepends = scheme_ == "always" || (scheme_ == "first" && piece.is_first);
      if (prepends && !absl::StartsWith(text, replacement_)) text.insert(0, replacement_);
      if (!splits_) {
        parts.push_back({std::move(text), piece.is_first});
        continue;
      }
      // A new piece begins at every replacement.
      size_t begin = 0;
      while (begin < text.size()) {
        const size_t next =
            std::min(text.find(replacement_, begin + (absl::StartsWith(
                                                          std::string_view(text).substr(begin),
                                                          replacement_)
                                                          ? replacement_.size()
                                                          : 0)),
                     text.size());
        parts.push_back({text.substr(begin, next - begin), piece.is_first && begin == 0});
        begin = next;
      }
    }
    return parts;
  }

 private:
  const std::string replacement_, scheme_;
  const bool splits_;
};

// Words are what blanks separate, and each mark of punctuation.
class BertPreTokenizer : public PreTokenizer {
 public:
  absl::StatusOr<std::vector<TextPiece>> Split(std::vector<TextPiece> pieces) const override {
    std::vector<TextPiece> parts;
    for (const TextPiece& piece : pieces) {
      const Decoded decoded(piece.text);
      std::vector<Range> ranges;
      size_t begin = 0;
      for (size_t i = 0; i < decoded.codes.size(); ++i) {
        const bool is_mark = IsBertPunctuation(decoded.codes[i]);
        if (!is_mark && !IsUnicodeSpace(decoded.codes[i])) continue;
        ranges.push_back({begin, i, false});
        if (is_mark) ranges.push_back({i, i + 1, true});
        begin = i + 1;
      }
      ranges.push_back({begin, decoded.codes.size(), false});
      AddParts(piece, decoded, ranges, parts);
    }
    return parts;
  }
};

class SequencePreTokenizer : public PreTokenizer {
 public:
  explicit SequencePreTokenizer(std::vector<std::unique_ptr<PreTokenizer>> steps)
      : steps_(std::move(steps)) {}
  absl::StatusOr<std::vector<TextPiece>> Split(std::vector<TextPiece> pieces) const override {
    for (const auto& step : steps_) {
      ASSIGN_OR_RETURN(pieces, step->Split(std::move(pieces)));
    }
    return pieces;
  }

 private:
  const std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

absl::StatusOr<Behavior> BehaviorOf(const ConfigValue& described) {
  ASSIGN_OR_RETURN(const std::string name, ReadText(described, "behavior", ""));
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  return absl::UnimplementedError(absl::StrCat("Split: behavior '", name, "' is not known"));
}

absl::StatusOr<std::unique_ptr<PreTokenizer>> NewSplit(const ConfigValue& described) {
  const ConfigValue* pattern = described.Find("pattern");
  const ConfigValue* regex = pattern == nullptr ? nullptr : pattern->Find("Regex");
  const ConfigValue* text = pattern == nullptr ? nullptr : pattern->Find("String");
  std::string expression;
  if (regex != nullptr && regex->AsText() != nullptr) {
    expression = *regex->AsText();
  } else if (text != nullptr && text->AsText() != nullptr && !text->AsText()->empty()) {
    for (uint32_t code : CodePoints(*text->AsText())) {
      absl::StrAppend(&expression, "\\x{", absl::Hex(code), "}");
    }
  } else {
    return absl::InvalidArgumentError("Split: expected a pattern, a Regex or a String");
  }
  ASSIGN_OR_RETURN(SplitPattern compiled, SplitPattern::Compile(expression));
  ASSIGN_OR_RETURN(const Behavior behavior, BehaviorOf(described));
  ASSIGN_OR_RETURN(const bool inverts, ReadBool(described, "invert", false));
  return std::make_unique<SplitPreTokenizer>(std::move(compiled), behavior, inverts);
}

absl::StatusOr<std::unique_ptr<PreTokenizer>> NewMetaspace(const ConfigValue& described) {
  ASSIGN_OR_RETURN(std::string replacement, ReadText(described, "replacement", "\xE2\x96\x81"));
  ASSIGN_OR_RETURN(const bool adds_space, ReadBool(described, "add_prefix_space", true));
  ASSIGN_OR_RETURN(std::string scheme,
                   ReadText(described, "prepend_scheme", adds_space ? "always" : "never"));
  ASSIGN_OR_RETURN(const bool splits, ReadBool(described, "split", true));
  if (replacement.empty() || (scheme != "always" && scheme != "first" && scheme != "never")) {
    return absl::InvalidArgumentError("Metaspace: expected a replacement and a known scheme");
  }
  return std::make_unique<MetaspacePreTokenizer>(std::move(replacement), std::move(scheme),
                                                 splits);
}

absl::StatusOr<std::unique_ptr<PreTokenizer>> NewByPattern(std::string_view expression,
                                                           Behavior behavior, bool inverts) {
  ASSIGN_OR_RETURN(SplitPattern pattern, SplitPattern::Compile(expression));
  return std::make_unique<SplitPreTokenizer>(std::move(pattern), behavior, inverts);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PreTokenizer>> NewPreTokenizer(const ConfigValue& described) {
  if (described.empty()) return std::unique_ptr<PreTokenizer>();
  const std::string type = TypeOf(described);
  if (type == "Sequence") {
    ASSIGN_OR_RETURN(auto steps, ReadSteps(described, "pretokenizers", NewPreTokenizer));
    return std::make_unique<SequencePreTokenizer>(std::move(steps));
  }
  if (type == "Split") return NewSplit(described);
  if (type == "Metaspace") return NewMetaspace(described);
  if (type == "ByteLevel") {
    ASSIGN_OR_RETURN(const bool adds_space, ReadBool(described, "add_prefix_space", true));
    ASSIGN_OR_RETURN(const bool uses_regex, ReadBool(described, "use_regex", true));
    std::optional<SplitPattern> pattern;
    if (uses_regex) {
      ASSIGN_OR_RETURN(pattern, SplitPattern::Compile(kGpt2Pattern));
    }
    return std::make_unique<ByteLevelPreTokenizer>(adds_space, std::move(pattern));
  }
  if (type == "Digits") {
    ASSIGN_OR_RETURN(const bool alone, ReadBool(described, "individual_digits", false));
    return NewByPattern(R"(\p{N})", alone ? Behavior::kIsolated : Behavior::kContiguous, false);
  }
  if (type == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  if (type == "WhitespaceSplit") return NewByPattern(R"(\s)", Behavior::kRemoved, false);
  if (type == "Whitespace") return NewByPattern(R"(\w+|[^\w\s]+)", Behavior::kRemoved, true);
  return absl::UnimplementedError(
      absl::StrCat("pre_tokenizer: expected Sequence, Split, ByteLevel, Metaspace, Digits, "
                   "BertPreTokenizer, Whitespace or WhitespaceSplit, got '", type, "'"));
}

}  // namespace tessera
