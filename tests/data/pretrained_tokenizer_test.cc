// Method: small tokenizer.json texts whose encodings are worked out by hand, and files that are
// none. Against the public library, on texts of every Unicode block, a script makes cases and this
// binary reads them (tokenizers_library_test.py).
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cpp/data/tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Tokenizer> Restored(std::string_view json) {
  auto tokenizer = NewTokenizer("PretrainedTokenizer");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  const absl::Status status = (*tokenizer)->RestoreState(json);
  EXPECT_TRUE(status.ok()) << status;
  return *std::move(tokenizer);
}

std::vector<int32_t> Encoded(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.EncodeIds(text);
  EXPECT_TRUE(ids.ok()) << ids.status();
  return ids.ok() ? *ids : std::vector<int32_t>();
}

std::string Refusal(std::string_view json) {
  auto tokenizer = NewTokenizer("PretrainedTokenizer");
  return std::string((*tokenizer)->RestoreState(json).message());
}

// GPT-2's: U+0120 stands for the blank.
constexpr char kByteLevel[] = R"({
  "added_tokens": [{"id": 9, "content": "<|end|>", "special": true}],
  "normalizer": null,
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
  "decoder": {"type": "ByteLevel"},
  "model": {"type": "BPE",
            "vocab": {"a": 0, "b": 1, "c": 2, "Ġ": 3, "ab": 4, "abc": 5, "Ġa": 6, "bc": 7,
                      "Ã": 8},
            "merges": [["a", "b"], "b c", ["ab", "c"], "Ġ a"]}})";

TEST(PretrainedTokenizerTest, MergesInTheOrderLearnedWithinWords) {
  const auto tokenizer = Restored(kByteLevel);
  EXPECT_EQ(tokenizer->vocab_size(), 10);
  EXPECT_THAT(Encoded(*tokenizer, "abc"), ElementsAre(5));
  EXPECT_THAT(Encoded(*tokenizer, "bcab"), ElementsAre(7, 4));
  EXPECT_THAT(Encoded(*tokenizer, "a ab"), ElementsAre(0, 3, 4));   // "a b" comes before " a"
  EXPECT_THAT(Encoded(*tokenizer, "a a"), ElementsAre(0, 6));
  EXPECT_THAT(Encoded(*tokenizer, ""), ElementsAre());
}

TEST(PretrainedTokenizerTest, SpecialTokensAreFoundInTheTextAndLeftOutOfIt) {
  const auto tokenizer = Restored(kByteLevel);
  EXPECT_THAT(Encoded(*tokenizer, "ab<|end|>c"), ElementsAre(4, 9, 2));
  EXPECT_EQ(tokenizer->Decode({4, 9, 3, 2}), "ab c");
  EXPECT_EQ(tokenizer->Decode({77, -1}), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(tokenizer->Decode({8, 0}), "\xEF\xBF\xBD" "a");  // half a character
}

TEST(PretrainedTokenizerTest, TheStateIsTheFile) {
  const auto tokenizer = Restored(kByteLevel);
  EXPECT_EQ(tokenizer->SaveState(), kByteLevel);
  const auto again = UnpackTokenizer(PackTokenizer(*tokenizer));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(Encoded(**again, "abc"), ElementsAre(5));
}

TEST(PretrainedTokenizerTest, BytesThatAreNoTextAreRefusedWithTheirPlace) {
  const auto tokenizer = Restored(kByteLevel);
  const auto ids = tokenizer->EncodeIds("ab\xFF");
  EXPECT_THAT(std::string(ids.status().message()), HasSubstr("byte 2"));
}

TEST(PretrainedTokenizerTest, BeforeItHasAStateItEncodesNothing) {
  auto tokenizer = NewTokenizer("PretrainedTokenizer");
  EXPECT_FALSE((*tokenizer)->EncodeIds("a").ok());
}

// SentencePiece's: U+2581 stands for the blank; unknown characters become bytes.
TEST(PretrainedTokenizerTest, UnknownCharactersBecomeBytes) {
  const auto tokenizer = Restored(R"({
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
              "vocab": {"<unk>": 0, "▁": 1, "a": 2, "▁a": 3, "<0xC3>": 4, "<0xA9>": 5},
              "merges": ["▁ a"]}})");
  EXPECT_THAT(Encoded(*tokenizer, "a a\xC3\xA9"), ElementsAre(3, 3, 4, 5));
  EXPECT_THAT(Encoded(*tokenizer, "aZZ"), ElementsAre(3, 0));
  EXPECT_EQ(tokenizer->Decode({3, 3, 4, 5}), "a a\xC3\xA9");
  EXPECT_EQ(tokenizer->Decode({3, 4}), "a\xEF\xBF\xBD");
}

TEST(PretrainedTokenizerTest, UnigramTakesTheLikeliestWay) {
  const auto tokenizer = Restored(R"({
    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
    "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [
        ["<unk>", 0], ["▁", -3], ["a", -2], ["b", -2], ["ab", -5], ["▁a", -3.5],
        ["ba", -1]]}})");
  EXPECT_THAT(Encoded(*tokenizer, "ab"), ElementsAre(5, 3));        // -5.5: "▁a b"
  EXPECT_THAT(Encoded(*tokenizer, "aba"), ElementsAre(5, 6));
  EXPECT_THAT(Encoded(*tokenizer, "axyb"), ElementsAre(5, 0, 3));   // unknown ones are one
  EXPECT_EQ(tokenizer->Decode({5, 3, 5}), "ab a");
}

constexpr char kBert[] = R"({
  "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                 "strip_accents": null, "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 6,
            "vocab": {"[UNK]": 0, "un": 1, "##aff": 2, "##able": 3, ",": 4, "a": 5, "##a": 6,
                      "cafe": 7, "\u4e00": 8, "##b": 9}}})";

TEST(PretrainedTokenizerTest, WordsAreCutIntoTheLongestPieces) {
  const auto tokenizer = Restored(kBert);
  EXPECT_THAT(Encoded(*tokenizer, "unaff"), ElementsAre(1, 2));
  EXPECT_THAT(Encoded(*tokenizer, "  UNABLE,caf\u00e9\t"), ElementsAre(1, 3, 4, 7));
  EXPECT_THAT(Encoded(*tokenizer, "a\u4e00aa"), ElementsAre(5, 8, 5, 6)) << "ideographs alone";
  // A word of which a part has no token is unknown as a whole, and so is a long one.
  EXPECT_THAT(Encoded(*tokenizer, "unx aaaaaa aaaaaaa"), ElementsAre(0, 5, 6, 6, 6, 6, 6, 0));
  EXPECT_THAT(Encoded(*tokenizer, ""), ElementsAre());
  EXPECT_THAT(Encoded(*tokenizer, "\ufffd\u0001"), ElementsAre());
  EXPECT_EQ(tokenizer->Decode({1, 3, 4, 5}), "unable, a");
}

TEST(PretrainedTokenizerTest, WordPieceFilesThatAreNone) {
  const auto with = [](std::string_view model) {
    return Refusal(absl::StrCat(R"({"model": {"type": "WordPiece", )", model, "}}"));
  };
  EXPECT_THAT(with(R"("vocab": [1])"), HasSubstr("expected an object 'vocab'"));
  EXPECT_THAT(with(R"("vocab": {"a": "b"})"), HasSubstr("expected an id, got \"b\""));
  EXPECT_THAT(with(R"("vocab": {"a": 0}, "max_input_chars_per_word": -1)"),
              HasSubstr("max_input_chars_per_word"));
  const auto tokenizer = Restored(R"({"model": {"type": "WordPiece", "vocab": {"a": 0}}})");
  EXPECT_THAT(std::string(tokenizer->EncodeIds("b").status().message()), HasSubstr("[UNK]"));
}

TEST(PretrainedTokenizerTest, CompatibilityForms) {
  const auto normalized = [](std::string_view form, std::string_view text) {
    const auto tokenizer = Restored(absl::StrCat(
        R"({"normalizer": {"type": ")", form, R"("}, "pre_tokenizer": {"type": "ByteLevel",
        "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE",
        "unk_token": "?", "merges": [], "vocab": {"?": 0, "f": 1, "i": 2, "1": 3, "A": 4, "a": 5,
        "\u00c3": 6, "\u0123": 7, "\u00cc": 8}}})"));
    return tokenizer->Decode(Encoded(*tokenizer, text));
  };
  EXPECT_EQ(normalized("NFKC", "\ufb01\u2460\uff21\u0301"), "fi1\u00c1");
  EXPECT_EQ(normalized("NFKD", "\u00c1"), "A\u0301");
  EXPECT_NE(normalized("NFC", "\ufb01"), "fi");
  EXPECT_EQ(normalized("Lowercase", "A"), "a");
}

TEST(PretrainedTokenizerTest, WrongFilesSayWhatIsWrong) {
  EXPECT_THAT(Refusal("{"), HasSubstr("tokenizer.json:1:"));
  EXPECT_THAT(Refusal("[]"), HasSubstr("expected an object with a 'model'"));
  EXPECT_THAT(Refusal(R"({"model": {"type": "WordLevel"}})"), HasSubstr("'WordLevel'"));
  EXPECT_THAT(Refusal(R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})"),
              HasSubstr("got -1"));
  EXPECT_THAT(Refusal(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}})"),
              HasSubstr("have one id, 0"));
  EXPECT_THAT(Refusal(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}})"),
              HasSubstr("merges[0]"));
  EXPECT_THAT(Refusal(R"({"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 4}})"),
              HasSubstr("unk_id"));
  constexpr char kPattern[] = R"({"model": {"type": "BPE", "vocab": {}, "merges": []},
      "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?<=a)b"},
                        "behavior": "Isolated"}})";
  EXPECT_THAT(Refusal(kPattern), HasSubstr("this kind of group is not supported"));
}

// A pattern that would take for ever stops with an error.
TEST(PretrainedTokenizerTest, PatternsHaveALimit) {
  const auto tokenizer = Restored(R"({
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a|a)*(a|a)*(a|a)*c"},
                      "behavior": "Isolated"},
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})");
  const auto ids = tokenizer->EncodeIds(std::string(300, 'a'));
  EXPECT_TRUE(absl::IsResourceExhausted(ids.status())) << ids.status();
}

// Files NAME.json and NAME.cases of the folder TESSERA_TOKENIZER_CASES: lines of text, ids and the
// text of the ids, in hexadecimal with '|' between.
TEST(PretrainedTokenizerTest, AgreesWithThePublicLibrary) {
  const char* folder = std::getenv("TESSERA_TOKENIZER_CASES");
  if (folder == nullptr) GTEST_SKIP() << "no cases; tokenizers_library_test.py makes them";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".cases") continue;
    ++files;
    SCOPED_TRACE(entry.path().string());
    std::ifstream json(std::filesystem::path(entry.path()).replace_extension(".json"));
    std::stringstream text;
    text << json.rdbuf();
    const auto tokenizer = Restored(text.str());
    std::ifstream cases(entry.path());
    std::string line;
    int count = 0, wrong = 0;
    while (std::getline(cases, line) && wrong < 5) {
      const std::vector<std::string> parts = absl::StrSplit(line, '|');
      ASSERT_EQ(parts.size(), 3u) << line;
      ++count;
      std::string input;
      ASSERT_TRUE(absl::HexStringToBytes(parts[0], &input)) << line;
      const std::vector<int32_t> ids = Encoded(*tokenizer, input);
      EXPECT_EQ(absl::StrJoin(ids, " "), parts[1]) << (++wrong, absl::CHexEscape(input));
      EXPECT_EQ(absl::BytesToHexString(tokenizer->Decode(ids)), parts[2])
          << (++wrong, absl::CHexEscape(input));
    }
    EXPECT_GT(count, 1000);
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace tessera
