// Error: what a command could not do, in the one line that a user reads.
//
// A value; the program uses no exceptions. Made from a tsr_status or from a text. Not for bad
// programming. One thread per object.
#pragma once

#include <string>
#include <utility>

#include "capi/include/tessera.h"

namespace tessera::cli {

class [[nodiscard]] Error {
 public:
  Error() = default;  // nothing went wrong
  explicit Error(std::string message, tsr_code code = TSR_INVALID_ARGUMENT)
      : code_(code), message_(std::move(message)) {}

  // The error in a status, which is freed; nothing went wrong when it is NULL.
  static Error Take(tsr_status* status);

  // Has something gone wrong?
  explicit operator bool() const { return code_ != TSR_OK; }

  tsr_code code() const { return code_; }
  const std::string& message() const { return message_; }
  int rank() const { return rank_; }

  // For stderr: one line, or for a config one line an error as "file:line:column: ...".
  std::string ToLines(const std::string& command) const;
  // {"error": {code, message, path, file, line, rank, retryable, details}}, with a line break.
  std::string ToJson() const;

 private:
  tsr_code code_ = TSR_OK;
  std::string message_, path_, file_, payload_;
  int line_ = 0;
  int rank_ = -1;
  bool is_retryable_ = false;
};

// "INVALID_ARGUMENT".
const char* CodeName(tsr_code code);

}  // namespace tessera::cli

// Returns the Error of an expression from the calling function when there is one.
#define CLI_RETURN_IF_ERROR(...)                              \
  do {                                                        \
    if (::tessera::cli::Error cli_error = (__VA_ARGS__)) {    \
      return cli_error;                                       \
    }                                                         \
  } while (false)
