// Method: open small corpora of every kind, well-formed and damaged, and read the texts of the
// errors. The Shakespeare text is checked against the figures that nanoGPT publishes, where the
// shared data folder is at hand.
#include "cpp/data/dataset.h"

#include <cstdlib>

#include "cpp/data/source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/data/corpus.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::vector<int32_t> Ids(const TokenRange& range) {
  std::vector<int32_t> ids(static_cast<size_t>(range.size()));
  EXPECT_TRUE(range.stream->Read(range.begin, range.size(), ids.data()).ok());
  return ids;
}

std::string TextOf(const Dataset& dataset, const TokenRange& range) {
  return dataset.tokenizer()->Decode(Ids(range));
}

absl::Status OpenStatus(const DataOptions& options) { return Dataset::Open(options).status(); }

TEST(DatasetTest, SplitsTheLastPartOffForValidation) {
  TestFolder folder;
  const auto dataset = Dataset::Open({.train = {folder.Write("a.txt", "0123456789")}});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(TextOf(**dataset, (*dataset)->train()), "012345678");
  EXPECT_EQ(TextOf(**dataset, (*dataset)->validation()), "9");
  EXPECT_EQ((*dataset)->vocab_size(), 256);
}

TEST(DatasetTest, ValidationFilesLeaveTheTrainingTextWhole) {
  TestFolder folder;
  const auto dataset = Dataset::Open({.train = {folder.Write("a.txt", "abc")},
                                      .validation = {folder.Write("b.txt", "cab")},
                                      .tokenizer = "CharTokenizer"});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(TextOf(**dataset, (*dataset)->train()), "abc");
  EXPECT_EQ(TextOf(**dataset, (*dataset)->validation()), "cab");
}

TEST(DatasetTest, FoldersAreReadRecursivelyInOrder) {
  TestFolder folder;
  folder.Write("b.txt", "B");
  folder.Write("a/z.txt", "Z");
  folder.Write("a/c.py", "C");
  folder.Write(".hidden", "H");
  folder.Write(".git/config", "G");
  folder.Write("picture.raw", std::string("\x89P\0G", 4));
  folder.Write("empty.txt", "");
  const auto dataset = Dataset::Open(
      {.train = {folder.path()}, .validation_fraction = 0, .separator = "|"});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(TextOf(**dataset, (*dataset)->train()), "C|Z|B|");
  EXPECT_THAT((*dataset)->train().stream->document_starts(), ElementsAre(0, 2, 4));
  EXPECT_EQ((*dataset)->validation().size(), 0);
}

TEST(DatasetTest, GlobsAndSeveralSpecsKeepTheirOrder) {
  TestFolder folder;
  folder.Write("x1.txt", "1");
  folder.Write("x2.txt", "2");
  folder.Write("y.txt", "Y");
  const auto dataset = Dataset::Open({.train = {folder.path("y.txt"), folder.path("x*.txt")},
                                      .validation_fraction = 0});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(TextOf(**dataset, (*dataset)->train()), "Y12");
}

TEST(DatasetTest, TokenFilesOfBothWidthsAreRead) {
  TestFolder folder;
  const auto narrow = Dataset::Open({.train = {folder.WriteIds<uint16_t>("a.bin", {1, 65535, 3})},
                                     .validation_fraction = 0});
  ASSERT_TRUE(narrow.ok()) << narrow.status();
  EXPECT_THAT(Ids((*narrow)->train()), ElementsAre(1, 65535, 3));
  EXPECT_EQ((*narrow)->tokenizer(), nullptr);
  const auto wide = Dataset::Open({.train = {folder.WriteIds<uint32_t>("b.bin", {7, 100'000})},
                                   .validation_fraction = 0,
                                   .token_width = 4});
  ASSERT_TRUE(wide.ok()) << wide.status();
  EXPECT_THAT(Ids((*wide)->train()), ElementsAre(7, 100'000));
}

TEST(DatasetTest, AnIdEndsDocumentsInTokenFiles) {
  TestFolder folder;
  folder.WriteIds<uint16_t>("a.bin", {1, 2, 9, 3, 9});
  folder.WriteIds<uint16_t>("b.bin", {4, 9, 9, 5});
  const auto dataset = Dataset::Open(
      {.train = {folder.path("*.bin")}, .validation_fraction = 0, .end_of_document = 9});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT((*dataset)->train().stream->document_starts(), ElementsAre(0, 3, 5, 7, 8));
}

TEST(DatasetTest, ARestoredTokenizerIsNotLearnedAnew) {
  TestFolder folder;
  const auto first = *Dataset::Open(
      {.train = {folder.Write("a.txt", "abcd")}, .tokenizer = "CharTokenizer"});
  const auto second = *Dataset::Open({.train = {folder.Write("b.txt", "dd")},
                                      .validation_fraction = 0,
                                      .packed_tokenizer = PackTokenizer(*first->tokenizer())});
  EXPECT_EQ(second->vocab_size(), 4);
  EXPECT_THAT(Ids(second->train()), ElementsAre(3, 3));
}

TEST(DatasetTest, MissingFilesAreNamed) {
  TestFolder folder;
  EXPECT_THAT(OpenStatus({.train = {folder.path("no.txt")}}).message(),
              HasSubstr(folder.path("no.txt") + "': expected a file"));
  EXPECT_EQ(OpenStatus({.train = {folder.path("*.none")}}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenStatus({.train = {folder.path()}}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenStatus({}).code(), absl::StatusCode::kInvalidArgument);
}

TEST(DatasetTest, EmptyFilesAreAnError) {
  TestFolder folder;
  for (const char* name : {"a.txt", "a.bin"}) {
    const std::string path = folder.Write(name, "");
    EXPECT_EQ(OpenStatus({.train = {path}}).message(),
              path + ": expected text or token ids, got nothing but empty files");
  }
}

TEST(DatasetTest, ATokenFileCutOffInAnIdIsAnError) {
  TestFolder folder;
  const std::string path = folder.Write("a.bin", "12345");
  const absl::Status status = OpenStatus({.train = {path}});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), path + ": byte 4: the last of the ids of 2 bytes each is cut off "
                                     "(the file has 5 bytes)");
  EXPECT_THAT(OpenStatus({.train = {folder.Write("b.bin", "123456")}, .token_width = 4}).message(),
              HasSubstr("byte 4:"));
}

TEST(DatasetTest, IdsOutsideTheVocabularyAreNamedWithTheirOffset) {
  TestFolder folder;
  const std::string path = folder.WriteIds<uint16_t>("a.bin", {1, 2, 50, 3});
  const auto dataset = *Dataset::Open(
      {.train = {path}, .validation_fraction = 0, .vocab_size = 50});
  std::vector<int32_t> ids(4);
  EXPECT_TRUE(dataset->train().stream->Read(0, 2, ids.data()).ok());
  EXPECT_EQ(dataset->train().stream->Read(1, 3, ids.data()).message(),
            path + ": byte 4: token id 50, expected below the vocabulary size 50");
  EXPECT_EQ(dataset->train().stream->Read(2, 3, ids.data()).code(), absl::StatusCode::kOutOfRange);
}

TEST(DatasetTest, TextThatIsNotUtf8IsNamedForACharacterTokenizer) {
  TestFolder folder;
  const std::string path = folder.Write("a.txt", "abc\xE9");
  EXPECT_THAT(OpenStatus({.train = {path}, .tokenizer = "CharTokenizer"}).message(),
              HasSubstr(path + ": byte 3: not UTF-8 (0xE9)"));
  EXPECT_TRUE(OpenStatus({.train = {path}}).ok());  // bytes are bytes
}

TEST(DatasetTest, CharactersThatOnlyValidationHasAreNamed) {
  TestFolder folder;
  const std::string other = folder.Write("b.txt", "bad");
  EXPECT_THAT(OpenStatus({.train = {folder.Write("a.txt", "abc")},
                          .validation = {other},
                          .tokenizer = "CharTokenizer"})
                  .message(),
              EndsWith(other + ": byte 2: character U+0064 does not occur in the training text"));
}

TEST(DatasetTest, TextAndIdsDoNotMix) {
  TestFolder folder;
  folder.WriteIds<uint16_t>("a.bin", {1});
  folder.Write("b.txt", "text");
  EXPECT_THAT(OpenStatus({.train = {folder.path()}}).message(),
              HasSubstr("b.txt: holds text, but " + folder.path("a.bin") + " holds token ids"));
  // Forced to one source, both are read alike.
  EXPECT_TRUE(OpenStatus({.train = {folder.path("*")}, .source = "tokens"}).ok());
}

TEST(DatasetTest, BadOptionsAreNamed) {
  TestFolder folder;
  const std::string path = folder.Write("a.txt", "text");
  EXPECT_THAT(OpenStatus({.train = {path}, .validation_fraction = 1.0}).message(),
              HasSubstr("below 1, got 1"));
  EXPECT_THAT(OpenStatus({.train = {path}, .token_width = 3}).message(), HasSubstr("got 3"));
  EXPECT_THAT(OpenStatus({.train = {path}, .source = "csv"}).message(),
              HasSubstr("expected one of text, tokens, got 'csv'"));
}

// The published figures of nanoGPT's character-level preparation of this text.
TEST(DatasetTest, ShakespeareHasThePublishedFigures) {
  const char* shared = std::getenv("TESSERA_SHARED");
  const std::string path =
      std::string(shared ? shared : "../shared") + "/data/tinyshakespeare.txt";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path << "; set TESSERA_SHARED";
  const auto dataset = Dataset::Open({.train = {path}, .tokenizer = "CharTokenizer"});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->vocab_size(), 65);
  EXPECT_EQ((*dataset)->train().size(), 1'003'854);
  EXPECT_EQ((*dataset)->validation().size(), 111'540);
}

}  // namespace
}  // namespace tessera
