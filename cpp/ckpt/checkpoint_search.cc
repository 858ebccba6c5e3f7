// Finding checkpoints in a folder.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/checkpoint_folder.h"
#include "cpp/ckpt/checkpoint_reader.h"

namespace tessera {
namespace {

// Everything that says "this checkpoint cannot be used", of whatever kind.
absl::Status Judge(FileStore& store, const CheckpointRef& ref, VerifyDepth depth) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CheckpointReader> reader,
                   CheckpointReader::Open(ref.path, &store));
  if (reader->info().step != ref.step) {
    return absl::DataLossError(
        absl::StrCat(ref.path, ": its manifest is of step ", reader->info().step));
  }
  return depth == VerifyDepth::kData ? reader->VerifyAll() : absl::OkStatus();
}

// Step folders, newest first. A missing folder has none.
absl::StatusOr<std::vector<CheckpointRef>> StepFolders(FileStore& store,
                                                       const std::vector<std::string>& names,
                                                       const std::string& directory) {
  std::vector<CheckpointRef> refs;
  for (const std::string& name : names) {
    const std::optional<int64_t> step = StepOfName(name);
    if (!step.has_value()) continue;
    const std::string path = JoinPath(directory, name);
    ASSIGN_OR_RETURN(const bool is_folder, store.IsFolder(path));
    if (is_folder) refs.push_back({path, *step});
  }
  std::sort(refs.begin(), refs.end(),
            [](const CheckpointRef& a, const CheckpointRef& b) { return a.step > b.step; });
  return refs;
}

absl::StatusOr<std::vector<std::string>> NamesIn(FileStore& store, const std::string& directory) {
  auto names = store.List(directory);
  if (absl::IsNotFound(names.status())) return std::vector<std::string>();
  return names;
}

}  // namespace

absl::StatusOr<CheckpointList> ListCheckpoints(const std::string& directory, VerifyDepth depth,
                                               FileStore* store_or_null) {
  FileStore& store = StoreOrLocal(store_or_null);
  CheckpointList list;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(store, directory));
  ASSIGN_OR_RETURN(const std::vector<CheckpointRef> refs, StepFolders(store, names, directory));
  for (const CheckpointRef& ref : refs) {
    const absl::Status judged = Judge(store, ref, depth);
    if (judged.ok()) {
      list.complete.push_back(ref);
    } else if (!absl::IsNotFound(judged)) {  // NOT_FOUND: deleted by another process meanwhile
      list.damaged.push_back({ref.path, std::string(judged.message())});
    }
  }
  for (const std::string& name : names) {
    if (IsTemporaryName(name)) list.unfinished.push_back(JoinPath(directory, name));
  }
  return list;
}

absl::StatusOr<CheckpointRef> FindLatestComplete(const std::string& directory, VerifyDepth depth,
                                                 std::vector<DamagedCheckpoint>* damaged,
                                                 FileStore* store_or_null) {
  FileStore& store = StoreOrLocal(store_or_null);
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(store, directory));
  ASSIGN_OR_RETURN(const std::vector<CheckpointRef> refs, StepFolders(store, names, directory));
  std::vector<std::string> reasons;
  for (const CheckpointRef& ref : refs) {
    const absl::Status judged = Judge(store, ref, depth);
    if (judged.ok()) return ref;
    if (absl::IsNotFound(judged)) continue;
    // Going back to an older checkpoint because this library is too old, or because a disk does
    // not answer, would throw work away that is still there.
    if (!absl::IsDataLoss(judged)) return judged;
    if (damaged != nullptr) damaged->push_back({ref.path, std::string(judged.message())});
    reasons.emplace_back(judged.message());
  }
  if (reasons.empty()) return absl::NotFoundError(absl::StrCat(directory, ": no checkpoint"));
  return absl::DataLossError(absl::StrCat(directory, ": none of ", reasons.size(),
                                          " checkpoints is complete: ",
                                          absl::StrJoin(reasons, "; ")));
}

absl::StatusOr<std::string> ResolveCheckpoint(const std::string& path, FileStore* store_or_null) {
  FileStore& store = StoreOrLocal(store_or_null);
  ASSIGN_OR_RETURN(const bool is_folder, store.IsFolder(path));
  if (!is_folder) return absl::NotFoundError(absl::StrCat(path, ": no such folder"));
  ASSIGN_OR_RETURN(const bool is_checkpoint, store.Exists(JoinPath(path, kManifestName)));
  if (is_checkpoint) return path;
  for (const std::string& folder : {path, JoinPath(path, "checkpoints")}) {
    const auto latest = FindLatestComplete(folder, VerifyDepth::kFiles, nullptr, &store);
    if (latest.ok()) return latest->path;
    if (!absl::IsNotFound(latest.status())) return latest.status();
  }
  // A step folder that lost its manifest is better shown than denied.
  const size_t slash = path.rfind('/');
  if (StepOfName(slash == std::string::npos ? path : path.substr(slash + 1)).has_value()) {
    return path;
  }
  return absl::NotFoundError(
      absl::StrCat(path, ": expected a checkpoint or a folder that holds some"));
}

}  // namespace tessera
