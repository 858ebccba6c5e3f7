// Decoders: texts of tokens back to text.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {
namespace {

using Texts = std::vector<std::string>;

// Whether more bytes may make a character of the last ones.
bool EndsInsideCharacter(std::string_view bytes) {
  size_t lead = bytes.size();
  while (lead > 0 && bytes.size() - lead < 3) {
    --lead;
    const auto byte = static_cast<unsigned char>(bytes[lead]);
    if (byte >= 0xC0) return Utf8Length(bytes[lead]) > bytes.size() - lead;
    if (byte < 0x80) return false;
  }
  return false;
}

class ByteLevelDecoder : public TokenDecoder {
 public:
  Texts Decode(Texts tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += BytesOf(token);
    return {WithReplacements(bytes)};
  }
  size_t Settled(const Texts& tokens, bool joined) const override {
    if (joined) return 0;
    std::string bytes;
    size_t settled = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      bytes += BytesOf(tokens[i]);
      if (!EndsInsideCharacter(bytes)) settled = i + 1;
    }
    return settled;
  }
  Shape shape() const override { return Shape::kJoined; }

 private:
  static std::string BytesOf(const std::string& token) {
    std::string bytes;
    for (uint32_t code : CodePoints(token)) {
      const int byte = ByteOfChar(code);
      if (byte < 0) return token;  // a token of other characters stands for itself
      bytes.push_back(static_cast<char>(byte));
    }
    return bytes;
  }
};

// "<0x0A>" to bytes; bytes that make no text become U+FFFD, one each.
class ByteFallbackDecoder : public TokenDecoder {
 public:
  Texts Decode(Texts tokens) const override {
    Texts out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (WithReplacements(bytes) == bytes) {
        out.push_back(bytes);
      } else {
        for (size_t i = 0; i < bytes.size(); ++i) out.emplace_back("\xEF\xBF\xBD");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      uint32_t byte = 0;
      if (IsByte(token, &byte)) {
        bytes.push_back(static_cast<char>(byte));
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    return out;
  }
  // One wrong byte spoils all those beside it, so that they wait for a token that is no byte.
  size_t Settled(const Texts& tokens, bool joined) const override {
    if (joined) return 0;
    size_t settled = tokens.size();
    uint32_t byte = 0;
    while (settled > 0 && IsByte(tokens[settled - 1], &byte)) --settled;
    return settled;
  }
  Shape shape() const override { return Shape::kOther; }

 private:
  static bool IsByte(std::string_view token, uint32_t* byte) {
    return token.size() == 6 && absl::StartsWith(token, "<0x") && token[5] == '>' &&
           absl::SimpleHexAtoi(token.substr(3, 2), byte);
  }
};

class ReplaceDecoder : public TokenDecoder {
 public:
  ReplaceDecoder(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  Texts Decode(Texts tokens) const override {
    for (std::string& token : tokens) token = absl::StrReplaceAll(token, {{from_, to_}});
    return tokens;
  }
  // A single character does not lie across the end of a text.
  size_t Settled(const Texts& tokens, bool joined) const override {
    return joined && Utf8Length(from_[0]) != from_.size() ? 0 : tokens.size();
  }

 private:
  const std::string from_, to_;
};

class FuseDecoder : public TokenDecoder {
 public:
  Texts Decode(Texts tokens) const override { return {absl::StrJoin(tokens, "")}; }
  size_t Settled(const Texts& tokens, bool) const override { return tokens.size(); }
  Shape shape() const override { return Shape::kJoined; }
};

// Takes up to so many of a character off the beginning and the end of every part.
class StripDecoder : public TokenDecoder {
 public:
  StripDecoder(std::string content, int64_t start, int64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  Texts Decode(Texts tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (int64_t i = 0; i < start_ && absl::StartsWith(rest, content_); ++i) {
        rest.remove_prefix(content_.size());
      }
      for (int64_t i = 0; i < stop_ && absl::EndsWith(rest, content_); ++i) {
        rest.remove_suffix(content_.size());
      }
      token = std::string(rest);
    }
    return tokens;
  }
  // The end of a text that grows is not known.
  size_t Settled(const Texts& tokens, bool joined) const override {
    return joined && stop_ > 0 ? 0 : tokens.size();
  }

 private:
  const std::string content_;
  const int64_t start_, stop_;
};

class MetaspaceDecoder : public TokenDecoder {
 public:
  MetaspaceDecoder(std::string replacement, bool prepends)
      : replacement_(std::move(replacement)), prepends_(prepends) {}
  Texts Decode(Texts tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string_view rest = tokens[i];
      if (i == 0 && prepends_ && absl::StartsWith(rest, replacement_)) {
        rest.remove_prefix(replacement_.size());
      }
      tokens[i] = absl::StrReplaceAll(rest, {{replacement_, " "}});
    }
    return tokens;
  }
  size_t Settled(const Texts& tokens, bool joined) const override {
    return joined ? 0 : tokens.size();
  }

 private:
  const std::string replacement_;
  const bool prepends_;
};

// Tokens that go on from the one before lose their prefix, others get a blank before them; with
// `cleans` blanks before marks and parts of words go, token by token.
class WordPieceDecoder : public TokenDecoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleans)
      : prefix_(std::move(prefix)), cleans_(cleans) {}
  Texts Decode(Texts tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) {
        tokens[i] = absl::StartsWith(tokens[i], prefix_) ? tokens[i].substr(prefix_.size())
                                                         : absl::StrCat(" ", tokens[i]);
      }
      if (!cleans_) continue;
      for (const auto& [from, to] : kCleaned) {   // one after the other
        tokens[i] = absl::StrReplaceAll(tokens[i], {{from, to}});
      }
    }
    return tokens;
  }
  size_t Settled(const Texts& tokens, bool joined) const override {
    return joined ? 0 : tokens.size();
  }

 private:
  static constexpr std::pair<std::string_view, std::string_view> kCleaned[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},           {" ,", ","},
      {" ' ", "'"},    {" n't", "n't"}, {" 'm", "'m"},       {" do not", " don't"},
      {" 's", "'s"},   {" 've", "'ve"}, {" 're", "'re"}};
  const std::string prefix_;
  const bool cleans_;
};

class SequenceDecoder : public TokenDecoder {
 public:
  explicit SequenceDecoder(std::vector<std::unique_ptr<TokenDecoder>> steps)
      : steps_(std::move(steps)) {}
  Texts Decode(Texts tokens) const override {
    for (const auto& step : steps_) tokens = step->Decode(std::move(tokens));
    return tokens;
  }
  size_t Settled(const Texts& tokens, bool joined) const override {
    Texts texts = tokens;
    size_t settled = tokens.size();
    Shape shape = joined ? Shape::kJoined : Shape::kEachAlone;
    for (const auto& step : steps_) {
      const size_t good = step->Settled(texts, shape == Shape::kJoined);
      if (good < texts.size()) {
        if (shape != Shape::kEachAlone) return 0;  // texts are no longer tokens
        settled = good;
        texts.resize(good);
      }
      texts = step->Decode(std::move(texts));
      shape = std::max(shape, step->shape());
    }
    return settled;
  }
  Shape shape() const override {
    Shape shape = Shape::kEachAlone;
    for (const auto& step : steps_) shape = std::max(shape, step->shape());
    return shape;
  }

 private:
  const std::vector<std::unique_ptr<TokenDecoder>> steps_;
};

int64_t IntOf(const ConfigValue& object, std::string_view name) {
  const ConfigValue* value = object.Find(name);
  return value == nullptr || value->AsInt() == nullptr ? 0 : *value->AsInt();
}

absl::StatusOr<std::unique_ptr<TokenDecoder>> NewSequence(const ConfigValue& described) {
  ASSIGN_OR_RETURN(auto steps, ReadSteps(described, "decoders", NewTokenDecoder));
  return std::make_unique<SequenceDecoder>(std::move(steps));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenDecoder>> NewTokenDecoder(const ConfigValue& described) {
  if (described.empty()) return std::unique_ptr<TokenDecoder>();
  const std::string type = TypeOf(described);
  if (type == "Sequence") return NewSequence(described);
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "Fuse") return std::make_unique<FuseDecoder>();
  if (type == "Metaspace") {
    ASSIGN_OR_RETURN(std::string replacement,
                     ReadText(described, "replacement", "\xE2\x96\x81"));
    ASSIGN_OR_RETURN(const bool adds_space, ReadBool(described, "add_prefix_space", true));
    ASSIGN_OR_RETURN(const std::string scheme,
                     ReadText(described, "prepend_scheme", adds_space ? "always" : "never"));
    if (replacement.empty()) return absl::InvalidArgumentError("Metaspace: no replacement");
    return std::make_unique<MetaspaceDecoder>(std::move(replacement), scheme != "never");
  }
  if (type == "Replace") {
    const ConfigValue* pattern = described.Find("pattern");
    const ConfigValue* from = pattern == nullptr ? nullptr : pattern->Find("String");
    if (from == nullptr || from->AsText() == nullptr || from->AsText()->empty()) {
      return absl::UnimplementedError("Replace: expected a pattern that is a text");
    }
    ASSIGN_OR_RETURN(std::string to, ReadText(described, "content", ""));
    return std::make_unique<ReplaceDecoder>(*from->AsText(), std::move(to));
  }
  if (type == "WordPiece") {
    ASSIGN_OR_RETURN(std::string prefix, ReadText(described, "prefix", "##"));
    ASSIGN_OR_RETURN(const bool cleans, ReadBool(described, "cleanup", true));
    return std::make_unique<WordPieceDecoder>(std::move(prefix), cleans);
  }
  if (type == "Strip") {
    ASSIGN_OR_RETURN(std::string content, ReadText(described, "content", " "));
    if (content.empty()) return absl::InvalidArgumentError("Strip: expected a character");
    return std::make_unique<StripDecoder>(std::move(content), IntOf(described, "start"),
                                          IntOf(described, "stop"));
  }
  return absl::UnimplementedError(
      absl::StrCat("decoder: expected Sequence, ByteLevel, ByteFallback, Fuse, Metaspace, "
                   "WordPiece, Replace or Strip, got '", type, "'"));
}

}  // namespace tessera
