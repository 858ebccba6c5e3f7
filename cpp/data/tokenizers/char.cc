// CharTokenizer: the distinct characters (Unicode code points) of the training text, in rising
// order; the id of a character is its place in that order. This is nanoGPT's character-level
// recipe, which gives 65 ids for the Shakespeare text.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/tokenizer.h"

namespace tessera {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;
constexpr uint32_t kAsciiCount = 128;
constexpr uint32_t kCodeCount = 0x110000;

// Reads the code point at `*at` and moves past it. False for anything that is not UTF-8 as
// RFC 3629 has it: overlong forms, surrogates, above U+10FFFF, cut off.
bool ReadCodePoint(std::string_view text, size_t* at, uint32_t* code) {
  const auto lead = static_cast<uint8_t>(text[*at]);
  if (lead < 0x80) {
    *code = lead;
    ++*at;
    return true;
  }
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - *at <= static_cast<size_t>(more)) return false;
  uint32_t value = lead & (0x3Fu >> more);
  for (int i = 1; i <= more; ++i) {
    const auto next = static_cast<uint8_t>(text[*at + static_cast<size_t>(i)]);
    if ((next & 0xC0) != 0x80) return false;
    value = (value << 6) | (next & 0x3Fu);
  }
  constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (value < kLeast[more] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return false;
  }
  *code = value;
  *at += static_cast<size_t>(more) + 1;
  return true;
}

void AppendCodePoint(uint32_t code, std::string& text) {
  if (code < 0x80) {
    text.push_back(static_cast<char>(code));
    return;
  }
  const int more = code >= 0x10000 ? 3 : code >= 0x800 ? 2 : 1;
  constexpr uint8_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  text.push_back(static_cast<char>(kLead[more] | (code >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) {
    text.push_back(static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F)));
  }
}

absl::Status NotUtf8(std::string_view text, size_t at) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "byte %d: not UTF-8 (0x%02X); a character tokenizer needs UTF-8 text, ByteTokenizer takes "
      "anything",
      at, static_cast<unsigned>(static_cast<uint8_t>(text[at]))));
}

class CharTokenizer : public Tokenizer {
 public:
  std::string_view name() const override { return "CharTokenizer"; }
  int64_t vocab_size() const override { return static_cast<int64_t>(codes_.size()); }
  bool learns() const override { return true; }

  absl::Status Learn(std::string_view text) override {
    seen_.resize(kCodeCount, false);
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      uint32_t code;
      if (!ReadCodePoint(text, &at, &code)) return NotUtf8(text, start);
      seen_[code] = true;
    }
    return absl::OkStatus();
  }

  absl::Status FinishLearning() override {
    std::vector<uint32_t> codes;
    for (uint32_t code = 0; code < seen_.size(); ++code) {
      if (seen_[code]) codes.push_back(code);
    }
    seen_ = {};
    SetCodes(std::move(codes));
    return absl::OkStatus();
  }

  absl::Status Encode(std::string_view text, TokenBuffer& ids) const override {
    ids.Reserve(static_cast<int64_t>(text.size()));
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      uint32_t code;
      if (!ReadCodePoint(text, &at, &code)) return NotUtf8(text, start);
      const int32_t id = IdOf(code);
      if (id < 0) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "byte %d: character U+%04X does not occur in the training text", start, code));
      }
      ids.Put(static_cast<uint32_t>(id));
    }
    return absl::OkStatus();
  }

  std::string Decode(absl::Span<const int32_t> ids) const override {
    std::string text;
    text.reserve(ids.size());
    for (int32_t id : ids) {
      const bool is_known = id >= 0 && static_cast<size_t>(id) < codes_.size();
      AppendCodePoint(is_known ? codes_[static_cast<size_t>(id)] : kReplacement, text);
    }
    return text;
  }

  // The characters themselves, as UTF-8.
  std::string SaveState() const override {
    std::string state;
    for (uint32_t code : codes_) AppendCodePoint(code, state);
    return state;
  }

  absl::Status RestoreState(std::string_view state) override {
    std::vector<uint32_t> codes;
    for (size_t at = 0; at < state.size();) {
      const size_t start = at;
      uint32_t code;
      if (!ReadCodePoint(state, &at, &code)) {
        return absl::DataLossError(absl::StrCat("CharTokenizer: state: byte ", start,
                                                ": not UTF-8"));
      }
      if (!codes.empty() && code <= codes.back()) {
        return absl::DataLossError(absl::StrCat("CharTokenizer: state: byte ", start,
                                                ": characters are not in rising order"));
      }
      codes.push_back(code);
    }
    SetCodes(std::move(codes));
    return absl::OkStatus();
  }

 private:
  void SetCodes(std::vector<uint32_t> codes) {
    codes_ = std::move(codes);
    std::fill(std::begin(ascii_ids_), std::end(ascii_ids_), -1);
    for (size_t i = 0; i < codes_.size(); ++i) {
      if (codes_[i] < kAsciiCount) ascii_ids_[codes_[i]] = static_cast<int32_t>(i);
    }
  }

  int32_t IdOf(uint32_t code) const {
    if (code < kAsciiCount) return ascii_ids_[code];
    const auto found = std::lower_bound(codes_.begin(), codes_.end(), code);
    if (found == codes_.end() || *found != code) return -1;
    return static_cast<int32_t>(found - codes_.begin());
  }

  std::vector<uint32_t> codes_;  // rising; the id is the place
  std::vector<bool> seen_;       // by code point, while learning
  // Most characters are ASCII; this spares them the search.
  int32_t ascii_ids_[kAsciiCount] = {};
};

}  // namespace

std::unique_ptr<Tokenizer> NewCharTokenizer() {
  auto tokenizer = std::make_unique<CharTokenizer>();
  // An empty vocabulary, so that encoding before learning is an error and not id 0.
  (void)tokenizer->RestoreState("");
  return tokenizer;
}

}  // namespace tessera
