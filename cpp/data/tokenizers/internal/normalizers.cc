// Normalizers: what is done to a text before it is cut.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/tokenizers/internal/bert.h"
#include "cpp/data/tokenizers/internal/pipeline.h"
#include "cpp/data/tokenizers/internal/unicode.h"

namespace tessera {

absl::StatusOr<bool> ReadBool(const ConfigValue& object, std::string_view name, bool fallback) {
  const ConfigValue* value = object.Find(name);
  if (value == nullptr || value->empty()) return fallback;
  if (value->AsBool() != nullptr) return *value->AsBool();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": expected true or false, got ", value->ToJson()));
}

absl::StatusOr<std::string> ReadText(const ConfigValue& object, std::string_view name,
                                     std::string_view fallback) {
  const ConfigValue* value = object.Find(name);
  if (value == nullptr || value->empty()) return std::string(fallback);
  if (value->AsText() != nullptr) return *value->AsText();
  return absl::InvalidArgumentError(absl::StrCat(name, ": expected a text, got ", value->ToJson()));
}

std::string TypeOf(const ConfigValue& object) {
  const ConfigValue* type = object.AsTable() == nullptr ? nullptr : object.Find("type");
  return type == nullptr || type->AsText() == nullptr ? "" : *type->AsText();
}

namespace {

// One function of the whole text.
class FunctionNormalizer : public Normalizer {
 public:
  using Function = std::string (*)(std::string_view text);
  explicit FunctionNormalizer(Function function) : function_(function) {}
  std::string Normalize(std::string text) const override { return function_(text); }

 private:
  const Function function_;
};

constexpr std::pair<std::string_view, FunctionNormalizer::Function> kFunctions[] = {
    {"NFC", ToNfc}, {"NFD", ToNfd}, {"NFKC", ToNfkc}, {"NFKD", ToNfkd}, {"Lowercase", ToLower}};

class BertNormalizer : public Normalizer {
 public:
  BertNormalizer(bool cleans, bool separates, bool strips, bool lowers)
      : cleans_(cleans), separates_(separates), strips_(strips), lowers_(lowers) {}
  std::string Normalize(std::string text) const override {
    std::string out;
    for (uint32_t code : CodePoints(text)) {
      if (cleans_ && IsBertRemoved(code)) continue;
      if (cleans_ && IsUnicodeSpace(code)) code = ' ';
      const bool stands_alone = separates_ && IsBertIdeograph(code);
      if (stands_alone) out.push_back(' ');
      AppendUtf8(code, out);
      if (stands_alone) out.push_back(' ');
    }
    if (strips_) {
      const std::vector<uint32_t> codes = CodePoints(ToNfd(out));
      out.clear();
      for (const uint32_t code : codes) {
        if (!IsBertAccent(code)) AppendUtf8(code, out);
      }
    }
    return lowers_ ? ToLower(out) : out;
  }

 private:
  const bool cleans_, separates_, strips_, lowers_;
};

class PrependNormalizer : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string Normalize(std::string text) const override {
    return text.empty() ? text : absl::StrCat(prefix_, text);
  }

 private:
  const std::string prefix_;
};

class ReplaceNormalizer : public Normalizer {
 public:
  ReplaceNormalizer(std::string from, std::string to)
      : from_(std::move(from)), to_(std::move(to)) {}
  std::string Normalize(std::string text) const override {
    return absl::StrReplaceAll(text, {{from_, to_}});
  }

 private:
  const std::string from_, to_;
};

class StripNormalizer : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}
  std::string Normalize(std::string text) const override {
    const std::vector<uint32_t> codes = CodePoints(text);
    size_t begin = 0, end = codes.size();
    while (left_ && begin < end && IsUnicodeSpace(codes[begin])) ++begin;
    while (right_ && end > begin && IsUnicodeSpace(codes[end - 1])) --end;
    std::string stripped;
    for (size_t i = begin; i < end; ++i) AppendUtf8(codes[i], stripped);
    return stripped;
  }

 private:
  const bool left_, right_;
};

class SequenceNormalizer : public Normalizer {
 public:
  explicit SequenceNormalizer(std::vector<std::unique_ptr<Normalizer>> steps)
      : steps_(std::move(steps)) {}
  std::string Normalize(std::string text) const override {
    for (const auto& step : steps_) text = step->Normalize(std::move(text));
    return text;
  }

 private:
  const std::vector<std::unique_ptr<Normalizer>> steps_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Normalizer>> NewNormalizer(const ConfigValue& described) {
  if (described.empty()) return std::unique_ptr<Normalizer>();
  const std::string type = TypeOf(described);
  if (type == "Sequence") {
    ASSIGN_OR_RETURN(auto steps, ReadSteps(described, "normalizers", NewNormalizer));
    return std::make_unique<SequenceNormalizer>(std::move(steps));
  }
  for (const auto& [name, function] : kFunctions) {
    if (type == name) return std::make_unique<FunctionNormalizer>(function);
  }
  if (type == "BertNormalizer") {
    ASSIGN_OR_RETURN(const bool cleans, ReadBool(described, "clean_text", true));
    ASSIGN_OR_RETURN(const bool separates, ReadBool(described, "handle_chinese_chars", true));
    ASSIGN_OR_RETURN(const bool lowers, ReadBool(described, "lowercase", true));
    // Unsaid, accents go with the capitals.
    ASSIGN_OR_RETURN(const bool strips, ReadBool(described, "strip_accents", lowers));
    return std::make_unique<BertNormalizer>(cleans, separates, strips, lowers);
  }
  if (type == "Prepend") {
    ASSIGN_OR_RETURN(std::string prefix, ReadText(described, "prepend", ""));
    return std::make_unique<PrependNormalizer>(std::move(prefix));
  }
  if (type == "Replace") {
    const ConfigValue* pattern = described.Find("pattern");
    const ConfigValue* from = pattern == nullptr ? nullptr : pattern->Find("String");
    if (from == nullptr || from->AsText() == nullptr || from->AsText()->empty()) {
      return absl::UnimplementedError("Replace: expected a pattern that is a text");
    }
    ASSIGN_OR_RETURN(std::string to, ReadText(described, "content", ""));
    return std::make_unique<ReplaceNormalizer>(*from->AsText(), std::move(to));
  }
  if (type == "Strip") {
    ASSIGN_OR_RETURN(const bool left, ReadBool(described, "strip_left", true));
    ASSIGN_OR_RETURN(const bool right, ReadBool(described, "strip_right", true));
    return std::make_unique<StripNormalizer>(left, right);
  }
  return absl::UnimplementedError(absl::StrCat(
      "normalizer: expected Sequence, NFC, NFD, NFKC, NFKD, Lowercase, BertNormalizer, Prepend, "
      "Replace or Strip, got '", type, "'"));
}

}  // namespace tessera
