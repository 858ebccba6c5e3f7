// Status macros: RETURN_IF_ERROR, ASSIGN_OR_RETURN and RET_CHECK.
//
// RET_CHECK is for broken invariants of our own: it returns INTERNAL with file and line, in release
// builds too; the host process is never aborted. Bad input of users gets a proper Status instead.
#pragma once

#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tessera {

// Collects the text of a failed RET_CHECK and turns into a Status.
class RetCheckFailure {
 public:
  RetCheckFailure(const char* file, int line, const char* condition) {
    stream_ << file << ":" << line << ": broken invariant: " << condition << " ";
  }
  template <typename T>
  RetCheckFailure&& operator<<(const T& value) && {
    stream_ << value;
    return std::move(*this);
  }
  operator absl::Status() && { return absl::InternalError(stream_.str()); }  // NOLINT
  template <typename T>
  operator absl::StatusOr<T>() && {  // NOLINT
    return absl::InternalError(stream_.str());
  }

 private:
  std::ostringstream stream_;
};

}  // namespace tessera

#define TESSERA_CONCAT_INNER(a, b) a##b
#define TESSERA_CONCAT(a, b) TESSERA_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                          \
  do {                                                       \
    ::absl::Status tessera_status_ = (expression);           \
    if (!tessera_status_.ok()) return tessera_status_;       \
  } while (false)

#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(TESSERA_CONCAT(tessera_or_, __LINE__), target, expression)
#define ASSIGN_OR_RETURN_INNER(holder, target, expression) \
  auto holder = (expression);                              \
  if (!holder.ok()) return std::move(holder).status();     \
  target = *std::move(holder)

#define RET_CHECK(condition) \
  while (!(condition)) return ::tessera::RetCheckFailure(__FILE__, __LINE__, #condition)
#define RET_CHECK_EQ(a, b) RET_CHECK((a) == (b)) << "(" << (a) << " against " << (b) << ") "
