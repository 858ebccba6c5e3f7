// Functions of tessera.h about checkpoints.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/inspect.h"
#include "cpp/config/value.h"

namespace {

using tessera::capi::Call;
using tessera::capi::Guard;

std::string_view WithoutSlash(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

// The others in the folder of a checkpoint that was found there, as further members of its JSON.
absl::StatusOr<std::string> OthersJson(const std::string& checkpoint) {
  ASSIGN_OR_RETURN(const tessera::CheckpointList all,
                   tessera::ListCheckpoints(tessera::FolderOf(checkpoint)));
  std::string text = "\"complete_checkpoints\": [";
  const char* comma = "";
  for (const tessera::CheckpointRef& other : all.complete) {
    absl::StrAppend(&text, comma, tessera::JsonQuoted(other.path));
    comma = ", ";
  }
  absl::StrAppend(&text, "], \"refused\": [");
  comma = "";
  for (const tessera::DamagedCheckpoint& other : all.damaged) {
    absl::StrAppend(&text, comma, "{\"path\": ", tessera::JsonQuoted(other.path));
    absl::StrAppend(&text, ", \"reason\": ", tessera::JsonQuoted(other.reason), "}");
    comma = ", ";
  }
  absl::StrAppend(&text, "], \"unfinished\": [");
  comma = "";
  for (const std::string& other : all.unfinished) {
    absl::StrAppend(&text, comma, tessera::JsonQuoted(other));
    comma = ", ";
  }
  return absl::StrCat(text, "]");
}

absl::StatusOr<std::string> Inspect(const std::string& path, bool verify) {
  ASSIGN_OR_RETURN(const tessera::CheckpointInspection found,
                   tessera::InspectCheckpoint(path, verify));
  std::string json = tessera::InspectionJson(found);
  if (WithoutSlash(found.path) != WithoutSlash(path)) {
    ASSIGN_OR_RETURN(const std::string others, OthersJson(found.path));
    const size_t end = json.rfind('}');
    RET_CHECK(end != std::string::npos) << "no object: " << json;
    json.resize(end);
    absl::StrAppend(&json, ", ", others, "}");
  }
  if (found.is_complete) return json;
  absl::Status damage =
      absl::DataLossError(absl::StrCat(found.path, ": ", found.problem));
  return tessera::capi::WithPayload(tessera::capi::WithFile(std::move(damage), found.path), json);
}

}  // namespace

tsr_status* tsr_checkpoint_inspect(const char* path, size_t path_len, int32_t verify,
                                   char** out_text, size_t* out_len) {
  return Guard([&](Call&) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string folder, tessera::capi::ReadPath(path, path_len, "path"));
    absl::StatusOr<std::string> json = Inspect(folder, verify != 0);
    if (!json.ok()) return std::move(json).status();
    return tessera::capi::GiveText(*json, out_text, out_len);
  });
}
