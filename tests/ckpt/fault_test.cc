// Method: a save is run once to count its operations on the file system, then once for each of
// them, with that operation failing, or with the writer dying there. Whatever happens, older
// checkpoints are whole, nothing half-written passes for a checkpoint, and the next save works.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "tests/ckpt/ckpt_testing.h"
#include "tests/ckpt/wrapped_store.h"

namespace tessera {
namespace {

constexpr int64_t kRows = 6;

SaveOptions Options(FileStore* store, int keep_last = 0) {
  SaveOptions options;
  options.store = store;
  options.chunk_bytes = 512;
  options.keep_last = keep_last;
  return options;
}

// Fails the operation of one number; with `dies`, all after it too, as when the process is gone.
class FaultStore : public WrappedStore {
 public:
  FaultStore(int64_t fails_at, absl::Status error, bool dies)
      : WrappedStore(PosixFileStore()), fails_at_(fails_at), error_(std::move(error)),
        dies_(dies) {}

  int64_t operations() const { return operations_; }
  const std::string& failed_operation() const { return failed_operation_; }

 protected:
  absl::Status Before(std::string_view operation, const std::string& path) override {
    const int64_t number = operations_++;
    if (number == fails_at_) failed_operation_ = absl::StrCat(operation, " ", path);
    const bool fails = number == fails_at_ || (dies_ && number > fails_at_ && fails_at_ >= 0);
    if (!fails) return absl::OkStatus();
    return absl::Status(error_.code(), absl::StrCat(path, ": ", error_.message()));
  }
  size_t TornBytes(size_t bytes) override { return bytes / 2; }

 private:
  const int64_t fails_at_;
  const absl::Status error_;
  const bool dies_;
  int64_t operations_ = 0;
  std::string failed_operation_;
};

int64_t CountOperations(int keep_last) {
  const TestFolder folder(TestFolder::kMemory);
  EXPECT_TRUE(SaveStep(folder.path(), 1, {}, kRows).ok());
  EXPECT_TRUE(SaveStep(folder.path(), 2, {}, kRows).ok());
  FaultStore store(-1, absl::OkStatus(), false);
  EXPECT_TRUE(SaveStep(folder.path(), 3, Options(&store, keep_last), kRows).ok());
  EXPECT_GT(store.operations(), 20);
  return store.operations();
}

// After a save of step 3, with 2 and (unless deleted) 1 there before, that returned `saved`.
void ExpectSound(const std::string& folder, const absl::Status& saved, const std::string& what) {
  std::vector<DamagedCheckpoint> damaged;
  const auto latest = FindLatestComplete(folder, VerifyDepth::kData, &damaged);
  ASSERT_TRUE(latest.ok()) << what << latest.status();
  EXPECT_TRUE(damaged.empty()) << what << damaged[0].reason;
  // A save that failed may have become a checkpoint all the same, when the failure came after the
  // commit. One that was reported done must be there.
  EXPECT_EQ(latest->step == 3 || latest->step == 2, true) << what;
  EXPECT_TRUE(!saved.ok() || latest->step == 3) << what;
  EXPECT_EQ(DifferenceOfStep(latest->path, latest->step, kRows), "") << what;
  if (latest->step == 3) return;
  EXPECT_EQ(DifferenceOfStep(JoinPath(folder, "step_1"), 1, kRows), "") << what;
}

void RunWithFaultAt(int64_t number, const absl::Status& error, bool dies, int keep_last) {
  const TestFolder folder(TestFolder::kMemory);
  ASSERT_TRUE(SaveStep(folder.path(), 1, {}, kRows).ok());
  ASSERT_TRUE(SaveStep(folder.path(), 2, {}, kRows).ok());
  FaultStore store(number, error, dies);
  const absl::Status saved =
      SaveStep(folder.path(), 3, Options(&store, keep_last), kRows).status();
  const std::string what =
      absl::StrCat("operation ", number, " (", store.failed_operation(), "): ");
  ExpectSound(folder.path(), saved, what);
  if (!saved.ok()) {
    EXPECT_EQ(saved.code(), error.code()) << what << saved;
    EXPECT_NE(saved.message().find(error.message()), std::string_view::npos) << what << saved;
  }
  // The next save finds order, whatever was left behind.
  const auto next = SaveStep(folder.path(), 4, Options(nullptr, 1), kRows);
  ASSERT_TRUE(next.ok()) << what << next.status();
  EXPECT_EQ(PosixFileStore().List(folder.path()).value(), std::vector<std::string>{"step_4"})
      << what;
}

TEST(FaultTest, AFailureAtAnyOperationIsAnErrorAndNothingElse) {
  for (int keep_last : {0, 1}) {
    const int64_t operations = CountOperations(keep_last);
    for (int64_t number = 0; number < operations; ++number) {
      RunWithFaultAt(number, absl::UnknownError("Input/output error"), false, keep_last);
    }
  }
}

TEST(FaultTest, ADiskThatFillsUpAnywhereIsAClearError) {
  const int64_t operations = CountOperations(0);
  for (int64_t number = 0; number < operations; ++number) {
    RunWithFaultAt(number, absl::ResourceExhaustedError("No space left on device"), false, 0);
  }
}

TEST(FaultTest, DeathAtAnyOperationLosesOnlyTheUnfinishedSave) {
  for (int keep_last : {0, 1}) {
    const int64_t operations = CountOperations(keep_last);
    for (int64_t number = 0; number < operations; ++number) {
      RunWithFaultAt(number, absl::CancelledError("the process died"), true, keep_last);
    }
  }
}

TEST(FaultTest, AFailedSaveRemovesItsOwnFolderOnly) {
  const int64_t operations = CountOperations(0);
  int appends = 0;
  for (int64_t number = 0; number < operations; ++number) {
    const TestFolder folder(TestFolder::kMemory);
    FaultStore store(number, absl::ResourceExhaustedError("No space left on device"), false);
    const auto saved = SaveStep(folder.path(), 3, Options(&store), kRows);
    // Some operations may fail without harm, such as clearing away what others left.
    if (saved.ok()) continue;
    if (!store.failed_operation().starts_with("append")) continue;
    ++appends;
    EXPECT_TRUE(PosixFileStore().List(folder.path())->empty());
    EXPECT_NE(saved.status().message().find("save of step 3"), std::string_view::npos);
    EXPECT_NE(saved.status().message().find("the checkpoint needs "), std::string_view::npos)
        << saved.status();
    EXPECT_NE(saved.status().message().find(" are free now"), std::string_view::npos);
  }
  EXPECT_GT(appends, 3);
}

// Says that there is less space, or more, than there is.
class SpaceStore : public WrappedStore {
 public:
  explicit SpaceStore(int64_t free_bytes)
      : WrappedStore(PosixFileStore()), free_bytes_(free_bytes) {}
  absl::StatusOr<int64_t> FreeBytes(const std::string&) override { return free_bytes_; }

 protected:
  absl::Status Before(std::string_view, const std::string&) override { return absl::OkStatus(); }

 private:
  const int64_t free_bytes_;
};

TEST(FaultTest, SpaceIsCheckedBeforeAnythingIsWritten) {
  const TestFolder folder;
  SpaceStore store(1000);
  const absl::Status saved = SaveStep(folder.path(), 3, Options(&store), kRows).status();
  EXPECT_TRUE(absl::IsResourceExhausted(saved)) << saved;
  EXPECT_NE(saved.message().find("bytes of free space, got 1000"), std::string_view::npos) << saved;
  EXPECT_TRUE(PosixFileStore().List(folder.path())->empty());
}

// A file system without locks: saves work, leftovers stay because nobody can tell whose they are.
class NoLockStore : public WrappedStore {
 public:
  NoLockStore() : WrappedStore(PosixFileStore()) {}
  absl::StatusOr<std::unique_ptr<FileLock>> TryLock(const std::string& folder) override {
    return absl::UnimplementedError("no locks");
  }

 protected:
  absl::Status Before(std::string_view, const std::string&) override { return absl::OkStatus(); }
};

TEST(FaultTest, WithoutLocksNothingIsCleanedUp) {
  const TestFolder folder;
  ASSERT_OK(PosixFileStore().CreateFolder(folder / ".tmp-step_1-0123abcd"));
  NoLockStore store;
  ASSERT_TRUE(SaveStep(folder.path(), 3, Options(&store), kRows).ok());
  EXPECT_EQ(PosixFileStore().List(folder.path()).value(),
            (std::vector<std::string>{".tmp-step_1-0123abcd", "step_3"}));
}

constexpr int kRefused = 77;

// Runs in a child, so that limits and mounts do not touch the other tests. Its exit code.
int RunInChild(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(FaultTest, TheFileSizeLimitOfTheProcessIsAnErrorToo) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder.path(), 1, {}, kRows).ok());
  const int code = RunInChild([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {2000, 2000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return kRefused;
    const auto saved = SaveStep(folder.path(), 2, Options(nullptr), 400);
    if (saved.ok()) return 1;
    return saved.status().message().find("optimizer.safetensors") == std::string_view::npos &&
                   saved.status().message().find("parameters.safetensors") == std::string_view::npos
               ? 2
               : 0;
  });
  if (code == kRefused) GTEST_SKIP() << "setrlimit(RLIMIT_FSIZE) was refused";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(PosixFileStore().List(folder.path()).value(), std::vector<std::string>{"step_1"});
  EXPECT_EQ(DifferenceOfStep(folder / "step_1", 1, kRows), "");
}

TEST(FaultTest, AFullTmpfsLeavesOlderCheckpointsIntact) {
  const TestFolder folder;
  const std::string mount_point = folder / "small";
  ASSERT_OK(PosixFileStore().CreateFolder(mount_point));
  const int code = RunInChild([&] {
    // In a mount namespace of the child's own: nothing to undo, no rights of root needed where
    // user namespaces are allowed.
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      return kRefused;
    }
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=3m") != 0) return kRefused;
    const int64_t rows = 2000;  // 0.8 MB a checkpoint
    if (!SaveStep(mount_point, 1, Options(nullptr), rows).ok()) return 1;
    // Told at once when the check sees it ...
    const auto checked = SaveStep(mount_point, 2, Options(nullptr), 8000);
    if (!absl::IsResourceExhausted(checked.status())) return 2;
    // ... and in the middle when the space goes after the check.
    SpaceStore store(int64_t{1} << 40);
    const auto filled = SaveStep(mount_point, 2, Options(&store), 8000);
    if (!absl::IsResourceExhausted(filled.status())) return 3;
    if (filled.status().message().find("write at byte") == std::string_view::npos) return 4;
    if (PosixFileStore().List(mount_point)->size() != 1) return 5;
    if (!DifferenceOfStep(JoinPath(mount_point, "step_1"), 1, rows).empty()) return 6;
    return SaveStep(mount_point, 3, Options(nullptr, 1), rows).ok() ? 0 : 7;
  });
  if (code == kRefused) GTEST_SKIP() << "mounting a tmpfs was refused (needs root or a namespace)";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace tessera
