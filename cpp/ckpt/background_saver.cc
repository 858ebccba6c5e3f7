#include "cpp/ckpt/background_saver.h"

#include <cstring>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/box.h"

namespace tessera {
namespace {

constexpr size_t kAlign = 64;

// Bytes that a tensor takes in the copy, or an error for what SaveCheckpoint would refuse later:
// here it would mean copying from nowhere.
absl::StatusOr<size_t> BytesToCopy(const TensorToSave& tensor) {
  const auto bytes =
      BoxBytes(tensor.dtype, tensor.box_size.empty() ? tensor.dims : tensor.box_size);
  if (!bytes.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoint: tensor ", tensor.path,
                                                   ": bad dims [",
                                                   absl::StrJoin(tensor.dims, ","), "]"));
  }
  if (tensor.data == nullptr && *bytes > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("checkpoint: tensor ", tensor.path, " has no data"));
  }
  return static_cast<size_t>(*bytes);
}

}  // namespace

BackgroundSaver::BackgroundSaver(std::string directory, SaveOptions options)
    : directory_(std::move(directory)), options_(options) {}

BackgroundSaver::~BackgroundSaver() {
  if (thread_.joinable()) thread_.join();
}

bool BackgroundSaver::busy() const {
  absl::MutexLock lock(&mutex_);
  return busy_;
}

absl::StatusOr<std::optional<SaveResult>> BackgroundSaver::Wait() {
  if (thread_.joinable()) thread_.join();
  absl::MutexLock lock(&mutex_);
  if (!result_.has_value()) return std::optional<SaveResult>();
  absl::StatusOr<SaveResult> result = *std::move(result_);
  result_.reset();
  RETURN_IF_ERROR(result.status());
  return std::optional<SaveResult>(*std::move(result));
}

absl::Status BackgroundSaver::Save(SaveRequest request) {
  if (thread_.joinable()) thread_.join();
  {
    // A good result stays for Wait until this save's own replaces it; a bad one must be heard of.
    absl::MutexLock lock(&mutex_);
    if (result_.has_value() && !result_->ok()) {
      const absl::Status status = result_->status();
      result_.reset();
      return status;
    }
  }
  size_t total = 0;
  for (const TensorToSave& tensor : request.tensors) {
    ASSIGN_OR_RETURN(const size_t bytes, BytesToCopy(tensor));
    const size_t padded = bytes + (kAlign - bytes % kAlign) % kAlign;
    if (padded < bytes || __builtin_add_overflow(total, padded, &total)) {
      return absl::InvalidArgumentError("checkpoint: more bytes than there are addresses");
    }
  }
  if (total > copy_bytes_) {
    copy_.reset();
    copy_bytes_ = 0;
    copy_.reset(new (std::nothrow) char[total]);
    if (copy_ == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("checkpoint: no memory for a copy of ", total, " bytes"));
    }
    copy_bytes_ = total;
  }
  char* to = copy_.get();
  for (TensorToSave& tensor : request.tensors) {
    ASSIGN_OR_RETURN(const size_t bytes, BytesToCopy(tensor));
    if (bytes > 0) std::memcpy(to, tensor.data, bytes);
    tensor.data = to;
    to += bytes + (kAlign - bytes % kAlign) % kAlign;
  }
  request_ = std::move(request);
  {
    absl::MutexLock lock(&mutex_);
    busy_ = true;
  }
  try {
    thread_ = std::thread([this] { Write(); });
  } catch (const std::system_error& error) {
    absl::MutexLock lock(&mutex_);
    busy_ = false;
    return absl::ResourceExhaustedError(
        absl::StrCat("checkpoint: no thread to write with: ", error.what()));
  }
  return absl::OkStatus();
}

void BackgroundSaver::Write() {
  absl::StatusOr<SaveResult> result = absl::UnknownError("checkpoint: not written");
  try {
    result = SaveCheckpoint(directory_, request_, options_);
  } catch (const std::bad_alloc&) {
    result = absl::ResourceExhaustedError("checkpoint: no memory while writing");
  } catch (const std::exception& error) {
    result = absl::InternalError(absl::StrCat("checkpoint: ", error.what()));
  }
  absl::MutexLock lock(&mutex_);
  result_ = std::move(result);
  busy_ = false;
}

}  // namespace tessera
