// Method: encode and decode texts of all lengths of UTF-8, save and restore, and feed both
// tokenizers ids and bytes that mean nothing.
#include "cpp/data/tokenizer.h"

#include "absl/strings/str_replace.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Tokenizer> Learned(std::string_view text) {
  auto tokenizer = *NewTokenizer("CharTokenizer");
  EXPECT_TRUE(tokenizer->Learn(text).ok());
  EXPECT_TRUE(tokenizer->FinishLearning().ok());
  return tokenizer;
}

TEST(ByteTokenizerTest, EveryByteIsItsOwnId) {
  const auto tokenizer = *NewTokenizer("byte");
  EXPECT_EQ(tokenizer->vocab_size(), 256);
  EXPECT_FALSE(tokenizer->learns());
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const std::vector<int32_t> ids = *tokenizer->EncodeIds(all);
  for (int i = 0; i < 256; ++i) EXPECT_EQ(ids[static_cast<size_t>(i)], i);
  EXPECT_EQ(tokenizer->Decode(ids), all);
}

TEST(CharTokenizerTest, IdsAreTheRankOfTheCharacter) {
  const auto tokenizer = Learned("hello é€😀\n");
  // \n, space, e, h, l, o, é, €, 😀
  EXPECT_EQ(tokenizer->vocab_size(), 9);
  EXPECT_THAT(*tokenizer->EncodeIds("hé😀\n"), ElementsAre(3, 6, 8, 0));
  EXPECT_EQ(tokenizer->Decode({3, 6, 7, 8, 0}), "hé€😀\n");
}

TEST(CharTokenizerTest, LearnsFromSeveralDocuments) {
  auto tokenizer = *NewTokenizer("char");
  EXPECT_TRUE(tokenizer->Learn("ba").ok());
  EXPECT_TRUE(tokenizer->Learn("cä").ok());
  EXPECT_TRUE(tokenizer->FinishLearning().ok());
  EXPECT_THAT(*tokenizer->EncodeIds("abcä"), ElementsAre(0, 1, 2, 3));
}

TEST(CharTokenizerTest, ASavedStateGivesTheSameIds) {
  const auto tokenizer = Learned("zoo\nñ");
  const auto restored = UnpackTokenizer(PackTokenizer(*tokenizer));
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ((*restored)->name(), "CharTokenizer");
  EXPECT_EQ((*restored)->vocab_size(), 4);
  EXPECT_EQ(*(*restored)->EncodeIds("oñz\n"), *tokenizer->EncodeIds("oñz\n"));
}

TEST(CharTokenizerTest, TextItCannotEncodeIsAnErrorWithTheOffset) {
  const auto tokenizer = Learned("abc");
  EXPECT_EQ(tokenizer->EncodeIds("abé").status().message(),
            "byte 2: character U+00E9 does not occur in the training text");
  EXPECT_EQ((*NewTokenizer("char"))->EncodeIds("a").status().message(),
            "byte 0: character U+0061 does not occur in the training text");
}

TEST(CharTokenizerTest, BytesThatAreNotUtf8AreNamedWithTheirOffset) {
  // Cut off, stray continuation, overlong, surrogate, above the last code point, no lead byte.
  for (const std::string& bad : {std::string("\xC3"), std::string("\x80"), std::string("\xC0\xAF"),
                                 std::string("\xE0\x80\xAF"), std::string("\xED\xA0\x80"),
                                 std::string("\xF4\x90\x80\x80"), std::string("\xFF"),
                                 std::string("\xE2\x82")}) {
    auto tokenizer = *NewTokenizer("char");
    const absl::Status status = tokenizer->Learn("ok " + bad);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("byte 3: not UTF-8 (0x"));
  }
}

TEST(TokenizerTest, DecodingNeverFails) {
  for (const std::string& name : TokenizerNames()) {
    auto tokenizer = *NewTokenizer(name);
    EXPECT_TRUE(tokenizer->Learn("a").ok());
    EXPECT_TRUE(tokenizer->FinishLearning().ok());
    // One that says nothing about decoding has blanks between tokens, as in its public library.
    EXPECT_EQ(absl::StrReplaceAll(tokenizer->Decode({-1, 256, INT32_MIN, INT32_MAX}), {{" ", ""}}),
              "\uFFFD\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(tokenizer->Decode({}), "");
  }
}

TEST(TokenizerTest, StatesThatMeanNothingAreRefused) {
  EXPECT_EQ(UnpackTokenizer("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(UnpackTokenizer("ByteTokenizer\nx").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(UnpackTokenizer("CharTokenizer\nba").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(UnpackTokenizer("CharTokenizer\n\xFF").status().code(), absl::StatusCode::kDataLoss);
  const auto unknown = UnpackTokenizer("WordTokenizer\n");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(unknown.status().message(), HasSubstr("ByteTokenizer"));
  EXPECT_THAT(unknown.status().message(), HasSubstr("got 'WordTokenizer'"));
}

}  // namespace
}  // namespace tessera
