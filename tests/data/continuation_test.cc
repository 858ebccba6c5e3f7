// Method: small tokenizers whose characters are split over tokens; pieces against the text of all
// ids decoded at once, for every sequence of ids up to a length.
#include "cpp/data/continuation.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::ElementsAre;

std::unique_ptr<Tokenizer> Restored(std::string_view json) {
  auto tokenizer = NewTokenizer("PretrainedTokenizer");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  const absl::Status status = (*tokenizer)->RestoreState(json);
  EXPECT_TRUE(status.ok()) << status;
  return *std::move(tokenizer);
}

// SentencePiece's: blanks before words, bytes where there is no token.
constexpr char kSentencePiece[] = R"({
    "added_tokens": [{"id": 8, "content": "</s>", "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
              "vocab": {"<unk>": 0, "▁": 1, "a": 2, "▁a": 3, "<0xE2>": 4, "<0x82>": 5,
                        "<0xAC>": 6, "é": 7},
              "merges": ["▁ a"]}})";
// GPT-2's: every token is bytes, "â" is 0xE2, "Ĥ" is 0x82, "¬" is 0xAC, "Ġ" the blank.
constexpr char kByteLevel[] = R"({
    "added_tokens": [{"id": 5, "content": "<|end|>", "special": true}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "Ġ": 1, "â": 2, "Ĥ": 3, "¬": 4, "¬a": 6},
              "merges": []}})";
constexpr char kMetaspace[] = R"({
    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
    "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
    "model": {"type": "Unigram", "unk_id": 0,
              "vocab": [["<unk>", 0], ["▁", -3], ["a", -2], ["▁a", -3.5]]}})";
// No decoder: tokens with blanks between them.
constexpr char kWords[] = R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})";
// The end of the text is cut, so that no text is known before the end.
constexpr char kCutsTheEnd[] = R"({
    "decoder": {"type": "Sequence", "decoders": [
        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 0, "stop": 1}]},
    "model": {"type": "BPE", "vocab": {"a": 0, " ": 1}, "merges": []}})";

std::vector<std::string> Pieces(const Tokenizer& tokenizer, const std::vector<int32_t>& prompt,
                                const std::vector<int32_t>& ids) {
  Continuation continuation(tokenizer, prompt);
  std::vector<std::string> pieces;
  for (int32_t id : ids) pieces.push_back(continuation.Append(id));
  pieces.push_back(continuation.Finish());
  return pieces;
}

// All ids below `vocab`, in every order up to `length`.
void ExpectEverySequence(const Tokenizer& tokenizer, const std::vector<int32_t>& prompt,
                         int32_t vocab, int length) {
  const std::string before = tokenizer.Decode(prompt);
  std::vector<int32_t> ids;
  const std::function<void()> extend = [&] {
    std::vector<int32_t> all = prompt;
    all.insert(all.end(), ids.begin(), ids.end());
    const std::vector<std::string> pieces = Pieces(tokenizer, prompt, ids);
    ASSERT_EQ(absl::StrCat(before, absl::StrJoin(pieces, "")), tokenizer.Decode(all))
        << "prompt " << absl::StrJoin(prompt, " ") << ", ids " << absl::StrJoin(ids, " ");
    for (const std::string& piece : pieces) ASSERT_TRUE(IsValidUtf8(piece));
    if (static_cast<int>(ids.size()) == length) return;
    for (int32_t id = 0; id < vocab && !testing::Test::HasFatalFailure(); ++id) {
      ids.push_back(id);
      extend();
      ids.pop_back();
    }
  };
  extend();
}

TEST(ContinuationTest, PiecesAreTheTextOfAllIds) {
  const auto sentence_piece = Restored(kSentencePiece);
  for (const std::vector<int32_t>& prompt : {std::vector<int32_t>{}, {1}, {3}, {1, 8}, {3, 7}}) {
    ExpectEverySequence(*sentence_piece, prompt, 10, 4);  // 9 is no id
  }
  const auto byte_level = Restored(kByteLevel);
  ExpectEverySequence(*byte_level, {}, 7, 5);
  ExpectEverySequence(*byte_level, {0, 2, 3, 4}, 7, 4);
  ExpectEverySequence(*Restored(kMetaspace), {}, 4, 5);
  ExpectEverySequence(*Restored(kMetaspace), {3}, 4, 5);
  ExpectEverySequence(*Restored(kWords), {}, 2, 5);
  ExpectEverySequence(*Restored(kWords), {1}, 2, 5);
  ExpectEverySequence(*Restored(kCutsTheEnd), {}, 2, 6);
}

TEST(ContinuationTest, BlanksStayAndCharactersComeWhole) {
  const auto sentence_piece = Restored(kSentencePiece);
  EXPECT_THAT(Pieces(*sentence_piece, {3}, {3, 2, 1, 7, 4, 5, 6, 2}),
              ElementsAre(" a", "a", " ", "é", "", "", "", "€a", ""));
  EXPECT_THAT(Pieces(*sentence_piece, {3}, {4, 5, 6}), ElementsAre("", "", "", "€"));
  EXPECT_THAT(Pieces(*sentence_piece, {3}, {4, 5, 3}),
              ElementsAre("", "", "\xEF\xBF\xBD\xEF\xBF\xBD a", ""));
  const auto byte_level = Restored(kByteLevel);
  EXPECT_THAT(Pieces(*byte_level, {0}, {1, 0, 2, 3, 4, 2, 5}),
              ElementsAre(" ", "a", "", "", "€", "", "", "\xEF\xBF\xBD"));
}

TEST(ContinuationTest, BytesOfThePromptAreWholeCharacters) {
  const auto tokenizer = Restored(kSentencePiece);
  EXPECT_THAT(Pieces(*tokenizer, {3, 4, 5, 6}, {5, 3}), ElementsAre("", "\xEF\xBF\xBD a", ""));
}

TEST(ContinuationTest, ByteTokensAreGivenOutAsTheyCome) {
  const auto tokenizer = NewTokenizer("ByteTokenizer");
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_THAT(Pieces(**tokenizer, {'a'}, {0xE2, 0x82, 0xAC, ' '}),
              ElementsAre("\xE2", "\x82", "\xAC", " ", ""));
}

}  // namespace
}  // namespace tessera
