#include "capi/src/internal/inspection.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "capi/src/internal/status.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/inspect.h"
#include "cpp/config/value.h"

namespace tessera::capi {
namespace {

std::string_view WithoutSlash(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

// The others in the folder of a checkpoint that was found there, as further members of its JSON.
absl::StatusOr<std::string> OthersJson(FileStore& store, const std::string& checkpoint) {
  ASSIGN_OR_RETURN(const CheckpointList all,
                   ListCheckpoints(FolderOf(checkpoint), VerifyDepth::kFiles, &store));
  std::string text = "\"complete_checkpoints\": [";
  const char* comma = "";
  for (const CheckpointRef& other : all.complete) {
    absl::StrAppend(&text, comma, JsonQuoted(other.path));
    comma = ", ";
  }
  absl::StrAppend(&text, "], \"refused\": [");
  comma = "";
  for (const DamagedCheckpoint& other : all.damaged) {
    absl::StrAppend(&text, comma, "{\"path\": ", JsonQuoted(other.path));
    absl::StrAppend(&text, ", \"reason\": ", JsonQuoted(other.reason), "}");
    comma = ", ";
  }
  absl::StrAppend(&text, "], \"unfinished\": [");
  comma = "";
  for (const std::string& other : all.unfinished) {
    absl::StrAppend(&text, comma, JsonQuoted(other));
    comma = ", ";
  }
  return absl::StrCat(text, "]");
}

}  // namespace

absl::StatusOr<std::string> Inspect(const StoreTable* stores, const std::string& path,
                                    bool verify) {
  ASSIGN_OR_RETURN(FileStore* const store, StoreOfPath(stores, path));
  ASSIGN_OR_RETURN(const CheckpointInspection found, InspectCheckpoint(path, verify, store));
  std::string json = InspectionJson(found);
  if (WithoutSlash(found.path) != WithoutSlash(path)) {
    ASSIGN_OR_RETURN(const std::string others, OthersJson(*store, found.path));
    const size_t end = json.rfind('}');
    RET_CHECK(end != std::string::npos) << "no object: " << json;
    json.resize(end);
    absl::StrAppend(&json, ", ", others, "}");
  }
  if (found.is_complete) return json;
  absl::Status damage =
      absl::DataLossError(absl::StrCat(found.path, ": ", found.problem));
  return WithPayload(WithFile(std::move(damage), found.path), json);
}

}  // namespace tessera::capi
