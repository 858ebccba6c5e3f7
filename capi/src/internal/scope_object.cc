#include "capi/src/internal/scope_object.h"

#include <exception>
#include <new>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/status.h"
#include "cpp/base/status_macros.h"

namespace tessera::capi {

absl::StatusOr<Scope*> ScopeObject::scope(std::string_view what) {
  if (scope_ != nullptr) return scope_;
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": expected the scope of a module, got that of a gradient or an update, "
                         "where only ops can be added"));
}

absl::StatusOr<Values> ScopeObject::Do(std::string request, const Act& act) {
  if (is_replaying_) return AnswerAgain(std::move(request));
  absl::StatusOr<Values> values = act();
  if (is_recording_) {
    recorded_.push_back(
        {std::move(request), values.status(), values.ok() ? *values : Values()});
  }
  return values;
}

void ScopeObject::Replay() {
  is_replaying_ = true;
  next_ = 0;
}

absl::StatusOr<Values> ScopeObject::AnswerAgain(std::string request) {
  if (difference_.ok() && (next_ == recorded_.size() || recorded_[next_].request != request)) {
    difference_ = absl::InvalidArgumentError(absl::StrCat(
        "is not pure: call ", next_ + 1, " of the scope was ",
        next_ == recorded_.size() ? "none" : recorded_[next_].request,
        " the first time and ", request, " the second"));
  }
  RETURN_IF_ERROR(difference_);
  const Recorded& before = recorded_[next_++];
  RETURN_IF_ERROR(before.status);
  return before.values;
}

absl::Status ScopeObject::CheckReplayed() const {
  if (!difference_.ok() || next_ == recorded_.size()) return difference_;
  return absl::InvalidArgumentError(
      absl::StrCat("is not pure: it made ", recorded_.size(), " calls of the scope the first time ",
                   "and ", next_, " the second; the next was ", recorded_[next_].request));
}

absl::Status CallHost(std::string_view what, const std::function<tsr_status*()>& callback) {
  absl::Status status;
  try {
    status = TakeHostStatus(callback());
  } catch (const std::bad_alloc&) {
    status = MarkAsHost(absl::ResourceExhaustedError("the callback found no memory"));
  } catch (const std::exception& error) {
    status = MarkAsHost(absl::UnknownError(absl::StrCat("the callback threw: ", error.what())));
  } catch (...) {
    status = MarkAsHost(absl::UnknownError("the callback threw"));
  }
  if (status.ok() || what.empty()) return status;
  return MarkAsHost(absl::Status(status.code(), absl::StrCat(what, ": ", status.message())));
}

namespace {

std::string ListText(const std::vector<tsr_value>& values, size_t count) {
  return absl::StrCat("(", absl::StrJoin(values.begin(), values.begin() + count, ", "), ")");
}

// One call of the callback, the handle ending with it.
absl::Status CallOnce(const std::shared_ptr<ScopeObject>& object, std::string_view what,
                      const std::function<tsr_status*(tsr_scope* scope)>& callback) {
  tsr_scope* const scope = NewHandle<tsr_scope>(object);
  const absl::Status status = CallHost(what, [&] { return callback(scope); });
  FreeHandle(scope);
  return status;
}

}  // namespace

absl::Status CallWithScope(const std::shared_ptr<ScopeObject>& object, std::string_view what,
                           std::vector<tsr_value>& outputs, size_t& output_count,
                           const std::function<tsr_status*(tsr_scope* scope)>& callback) {
  const bool is_checked = object->runtime()->options().checked;
  const size_t room = output_count;
  if (is_checked) object->Record();
  RETURN_IF_ERROR(CallOnce(object, what, callback));
  if (output_count > room) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": expected at most ", room,
                                                   " outputs, got ", output_count));
  }
  if (!is_checked) return absl::OkStatus();
  const std::vector<tsr_value> first_outputs = outputs;
  const size_t first_count = output_count;
  std::fill(outputs.begin(), outputs.end(), kNoValue);
  output_count = room;
  object->Replay();
  const absl::Status again = CallOnce(object, what, callback);
  const absl::Status same = object->CheckReplayed();
  if (!same.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": the callback ", same.message()));
  }
  RETURN_IF_ERROR(again);
  if (output_count != first_count ||
      ListText(outputs, output_count) != ListText(first_outputs, first_count)) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": the callback is not pure: its results were ",
        ListText(first_outputs, first_count), " the first time and ",
        output_count > room ? absl::StrCat(output_count, " of them")
                            : ListText(outputs, output_count),
        " the second"));
  }
  return absl::OkStatus();
}

}  // namespace tessera::capi
