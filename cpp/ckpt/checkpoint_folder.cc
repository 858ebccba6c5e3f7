#include "cpp/ckpt/checkpoint_folder.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/checkpoint_writer.h"
#include "cpp/ckpt/random_suffix.h"

namespace tessera {
namespace {

constexpr std::string_view kStepPrefix = "step_";
constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr std::string_view kDeletingPrefix = ".deleting-";
constexpr size_t kSuffixLength = 9;  // "-" and eight hexadecimal digits
constexpr absl::Duration kLockPatience = absl::Seconds(60);
constexpr absl::Duration kLockPause = absl::Milliseconds(5);

// Whether `name` is `prefix`, a step name, "-" and eight hexadecimal digits.
bool HasForm(std::string_view name, std::string_view prefix) {
  if (!absl::ConsumePrefix(&name, prefix) || name.size() <= kSuffixLength) return false;
  const std::string_view suffix = name.substr(name.size() - kSuffixLength);
  return suffix[0] == '-' &&
         suffix.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos &&
         StepOfName(name.substr(0, name.size() - kSuffixLength)).has_value();
}

}  // namespace

std::string StepName(int64_t step) { return absl::StrCat(kStepPrefix, step); }

std::optional<int64_t> StepOfName(std::string_view name) {
  int64_t step;
  if (!absl::ConsumePrefix(&name, kStepPrefix) || !absl::SimpleAtoi(name, &step) || step < 0 ||
      absl::StrCat(step) != name) {
    return std::nullopt;
  }
  return step;
}

std::string TemporaryName(int64_t step) {
  return absl::StrCat(kTemporaryPrefix, StepName(step), "-", RandomSuffix());
}

bool IsTemporaryName(std::string_view name) { return HasForm(name, kTemporaryPrefix); }

std::string DamagedName(int64_t step) {
  return absl::StrCat(StepName(step), ".damaged-", RandomSuffix());
}

absl::StatusOr<std::unique_ptr<FileLock>> LockFolder(FileStore& store, const std::string& folder) {
  const absl::Time deadline = absl::Now() + kLockPatience;
  while (true) {
    auto lock = store.TryLock(folder);
    if (absl::IsUnimplemented(lock.status())) return std::unique_ptr<FileLock>();
    if (!lock.ok() || *lock != nullptr) return lock;
    if (absl::Now() > deadline) {
      return absl::UnavailableError(absl::StrCat(folder, ": another process has held its lock for ",
                                                 absl::FormatDuration(kLockPatience)));
    }
    absl::SleepFor(kLockPause);
  }
}

absl::StatusOr<std::vector<std::string>> SetAsideLeftovers(FileStore& store,
                                                           const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, store.List(folder));
  std::vector<std::string> dead;
  for (const std::string& name : names) {
    if (!IsTemporaryName(name)) continue;
    const std::string path = JoinPath(folder, name);
    auto lock = store.TryLock(path);
    // Without locks nobody can tell whether the writer lives; not a folder: not ours.
    if (!lock.ok() || *lock == nullptr) continue;
    const std::string renamed =
        absl::StrCat(kDeletingPrefix, absl::StripPrefix(name, kTemporaryPrefix));
    RETURN_IF_ERROR(store.Rename(path, JoinPath(folder, renamed)));
    dead.push_back(name);
  }
  return dead;
}

absl::Status SetAsideForDeletion(FileStore& store, const std::string& folder, int64_t step) {
  const std::string name = StepName(step);
  return store.Rename(
      JoinPath(folder, name),
      JoinPath(folder, absl::StrCat(kDeletingPrefix, name, "-", RandomSuffix())));
}

absl::Status RemoveDeleted(FileStore& store, const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, store.List(folder));
  absl::Status first;
  for (const std::string& name : names) {
    if (HasForm(name, kDeletingPrefix)) first.Update(store.RemoveAll(JoinPath(folder, name)));
  }
  return first;
}

absl::StatusOr<std::vector<std::string>> DeleteOldCheckpointsExcept(FileStore& store,
                                                                    const std::string& folder,
                                                                    int keep_last,
                                                                    int64_t just_saved) {
  if (keep_last < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": expected to keep at least 1 checkpoint, got ", keep_last));
  }
  std::vector<std::string> deleted;
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock, LockFolder(store, folder));
    ASSIGN_OR_RETURN(const CheckpointList list,
                     ListCheckpoints(folder, VerifyDepth::kFiles, &store));
    // The one just saved takes a place even when it is not among the newest: a run that went back
    // to an older step must not lose what it saves.
    int kept = std::any_of(list.complete.begin(), list.complete.end(),
                           [&](const CheckpointRef& ref) { return ref.step == just_saved; })
                   ? 1
                   : 0;
    for (const CheckpointRef& ref : list.complete) {
      const bool is_newest = &ref == &list.complete.front();
      if (ref.step == just_saved) continue;
      if (is_newest || kept < keep_last) {
        ++kept;
        continue;
      }
      RETURN_IF_ERROR(SetAsideForDeletion(store, folder, ref.step));
      deleted.push_back(ref.path);
    }
    if (!deleted.empty()) RETURN_IF_ERROR(store.SyncFolder(folder));
  }
  if (!deleted.empty()) RETURN_IF_ERROR(RemoveDeleted(store, folder));
  return deleted;
}

absl::StatusOr<std::vector<std::string>> DeleteOldCheckpoints(const std::string& directory,
                                                              int keep_last, FileStore* store) {
  return DeleteOldCheckpointsExcept(StoreOrLocal(store), directory, keep_last, -1);
}

absl::Status WithContext(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status with(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&](std::string_view url, const absl::Cord& payload) {
    with.SetPayload(url, payload);
  });
  return with;
}

}  // namespace tessera
