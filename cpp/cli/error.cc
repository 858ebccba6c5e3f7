#include "cpp/cli/error.h"

#include "cpp/cli/json.h"

namespace tessera::cli {

Error Error::Take(tsr_status* status) {
  Error error;
  if (status == nullptr) return error;
  error.code_ = tsr_status_code(status);
  error.message_ = tsr_status_message(status);
  error.path_ = tsr_status_path(status);
  error.file_ = tsr_status_file(status);
  error.payload_ = tsr_status_payload(status);
  error.line_ = tsr_status_line(status);
  error.rank_ = tsr_status_rank(status);
  error.is_retryable_ = tsr_status_retryable(status) != 0;
  tsr_status_free(status);
  return error;
}

std::string Error::ToLines(const std::string& command) const {
  // The errors of a config are lines of their own that begin with their place, as editors read it.
  Json details;
  const bool is_config_errors = Json::Parse(payload_, &details) && (details.is_list() ||
                                details.Find("errors") != nullptr);
  if (is_config_errors) return message_ + "\n";
  std::string line = "tessera";
  if (!command.empty()) line += " " + command;
  line += ": ";
  for (const char c : message_) {
    if (c == '\n') {
      line += "; ";
    } else {
      line += c;
    }
  }
  if (rank_ >= 0 && message_.find("rank") == std::string::npos) {
    line += " (rank " + std::to_string(rank_) + ")";
  }
  return line + "\n";
}

std::string Error::ToJson() const {
  Json error = Json::Object();
  error.Set("code", Json::Text(CodeName(code_)));
  error.Set("message", Json::Text(message_));
  error.Set("path", Json::Text(path_));
  error.Set("file", Json::Text(file_));
  error.Set("line", Json::Integer(line_));
  error.Set("rank", Json::Integer(rank_));
  error.Set("retryable", Json::Bool(is_retryable_));
  Json details;
  if (!Json::Parse(payload_, &details)) details = Json::Object();
  error.Set("details", std::move(details));
  Json all = Json::Object();
  all.Set("error", std::move(error));
  return all.ToText();
}

const char* CodeName(tsr_code code) {
  static const char* const kNames[] = {
      "OK",           "CANCELLED",           "UNKNOWN",        "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED", "NOT_FOUND",      "ALREADY_EXISTS", "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",  "OUT_OF_RANGE",
      "UNIMPLEMENTED", "INTERNAL",           "UNAVAILABLE",    "DATA_LOSS"};
  const int index = static_cast<int>(code);
  return index >= 0 && index <= TSR_DATA_LOSS ? kNames[index] : "UNKNOWN";
}

}  // namespace tessera::cli
