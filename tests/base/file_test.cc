#include "cpp/base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tessera_file_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    const std::string command = "rm -rf '" + folder_ + "'";
    EXPECT_EQ(system(command.c_str()), 0);
  }
  std::string In(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(WriteFile(In("x"), bytes).ok());
  EXPECT_EQ(ReadFile(In("x")).value(), bytes);
  ASSERT_TRUE(WriteFile(In("x"), "").ok());
  EXPECT_EQ(ReadFile(In("x")).value(), "");
}

TEST_F(FileTest, ErrorsNameThePathAndTheReason) {
  const absl::Status missing = ReadFile(In("none")).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(), "open " + In("none") + ": No such file or directory");
  EXPECT_EQ(ReadFile(folder_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteFile(In("no/folder"), "x").code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, RefusesFilesLargerThanTheBound) {
  ASSERT_TRUE(WriteFile(In("x"), std::string(101, 'x')).ok());
  const absl::Status status = ReadFile(In("x"), 100).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("larger than the 100 bytes allowed"));
  EXPECT_TRUE(ReadFile(In("x"), 101).ok());
}

// Method: /proc files give their size as zero.
TEST_F(FileTest, ReadsFilesThatDoNotKnowTheirSize) {
  EXPECT_THAT(ReadFile("/proc/self/status").value(), HasSubstr("Pid:"));
}

TEST_F(FileTest, AtomicWriteReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(WriteFileAtomically(In("x"), "old").ok());
  ASSERT_TRUE(WriteFileAtomically(In("x"), "new").ok());
  EXPECT_EQ(ReadFile(In("x")).value(), "new");
  EXPECT_THAT(ListFolder(folder_).value(), ElementsAre("x"));
  ASSERT_TRUE(MakeFolders(In("taken/by")).ok());
  EXPECT_FALSE(WriteFileAtomically(In("taken"), "new").ok());
  EXPECT_THAT(ListFolder(folder_).value(), ElementsAre("taken", "x"));
}

TEST_F(FileTest, MakesFoldersAndAcceptsThoseThatAre) {
  EXPECT_TRUE(MakeFolders(In("a/b/c")).ok());
  EXPECT_TRUE(MakeFolders(In("a/b/c")).ok());
  EXPECT_TRUE(IsFolder(In("a/b/c")));
  ASSERT_TRUE(WriteFile(In("file"), "x").ok());
  EXPECT_FALSE(MakeFolders(In("file/below")).ok());
}

TEST_F(FileTest, ExpandsFilesFoldersAndGlobsInOrder) {
  ASSERT_TRUE(MakeFolders(In("d/e")).ok());
  for (const char* name : {"d/b.txt", "d/a.txt", "d/e/c.txt", "d/skip.md"}) {
    ASSERT_TRUE(WriteFile(In(name), "x").ok());
  }
  EXPECT_THAT(ExpandFiles(In("d/a.txt")).value(), ElementsAre(In("d/a.txt")));
  EXPECT_THAT(ExpandFiles(In("d")).value(),
              ElementsAre(In("d/a.txt"), In("d/b.txt"), In("d/e/c.txt"), In("d/skip.md")));
  EXPECT_THAT(ExpandFiles(In("d/*.txt")).value(), ElementsAre(In("d/a.txt"), In("d/b.txt")));
  EXPECT_EQ(ExpandFiles(In("d/*.none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ExpandFiles(In("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, ExpandingEndsInALoopOfLinks) {
  ASSERT_TRUE(MakeFolders(In("d")).ok());
  ASSERT_EQ(symlink(".", In("d/loop").c_str()), 0);
  EXPECT_FALSE(ExpandFiles(In("d")).ok());
}

TEST_F(FileTest, MapsFilesAndEmptyFiles) {
  ASSERT_TRUE(WriteFile(In("x"), "hello").ok());
  absl::StatusOr<MappedFile> map = MappedFile::Open(In("x"));
  ASSERT_TRUE(map.ok());
  MappedFile moved = *std::move(map);
  EXPECT_EQ(moved.bytes(), "hello");
  ASSERT_TRUE(WriteFile(In("empty"), "").ok());
  EXPECT_EQ(MappedFile::Open(In("empty"))->bytes(), "");
  EXPECT_EQ(MappedFile::Open(folder_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FileTest, PathsJoinAndSplit) {
  EXPECT_EQ(FolderOf("a/b"), "a");
  EXPECT_EQ(FolderOf("a/b/"), "a");
  EXPECT_EQ(FolderOf("b"), ".");
  EXPECT_EQ(FolderOf("/b"), "/");
  EXPECT_EQ(FolderOf("store://a/b"), "store://a");
  EXPECT_EQ(FolderOf("store://a"), "store://");
  EXPECT_EQ(FolderOf("store:/a"), "store:/");
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

}  // namespace
}  // namespace tessera
