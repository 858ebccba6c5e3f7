#include "cpp/train/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

constexpr size_t kRecordBytes = 1024;
constexpr std::string_view kStepField = "{\"step\":";

}  // namespace

KeptMetrics MetricsToKeep(std::string_view text, int64_t last_step) {
  KeptMetrics kept;
  while (kept.bytes < text.size()) {
    const size_t end = text.find('\n', kept.bytes);
    if (end == std::string_view::npos) break;  // cut off by a crash
    const std::string_view line = text.substr(kept.bytes, end - kept.bytes);
    int64_t step = 0;
    const char* digits = line.data() + kStepField.size();
    kept.is_records = absl::StartsWith(line, kStepField) &&
                      std::from_chars(digits, line.data() + line.size(), step).ec == std::errc();
    if (!kept.is_records || step > last_step) break;
    kept.bytes = end + 1;
  }
  return kept;
}

MetricsLog::MetricsLog() : json_(kRecordBytes) { line_.reserve(kRecordBytes); }

MetricsLog::~MetricsLog() { Close(); }

void MetricsLog::Close() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
}

absl::Status MetricsLog::Open(const std::string& path, int64_t last_step) {
  Close();
  path_ = path;
  size_t kept_bytes = 0;
  if (FileExists(path)) {
    ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
    const KeptMetrics kept = MetricsToKeep(file.bytes(), last_step);
    if (!kept.is_records) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expected metrics records, got another line at byte ", kept.bytes,
                       "; move the file away or choose another folder"));
    }
    kept_bytes = kept.bytes;
  }
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) return FileError(errno, "open", path);
  if (::ftruncate(file_, static_cast<off_t>(kept_bytes)) != 0) {
    return FileError(errno, "cut", path);
  }
  return absl::OkStatus();
}

void MetricsLog::Begin(int64_t step) {
  json_.Clear();
  json_.BeginObject().Integer("step", step);
}

absl::Status MetricsLog::WriteStep(const StepRecord& record) {
  if (!is_used()) return absl::OkStatus();
  Begin(record.step);
  json_.Number("loss", record.loss)
      .Number("grad_norm", record.grad_norm)
      .Number("lr", record.learning_rate)
      .Integer("tokens", record.tokens)
      .Number("tokens_per_s", record.tokens_per_s)
      .Number("step_s", record.step_s)
      .Number("mfu", record.mfu);
  if (record.skipped) json_.Bool("skipped", true);
  size_t losses = 0;
  for (const TrainStep::Sum& sum : record.sums) losses += sum.is_loss ? 1 : 0;
  for (const TrainStep::Sum& sum : record.sums) {
    if (!sum.is_loss || losses > 1) json_.Number(sum.name, sum.mean);
  }
  return Emit();
}

absl::Status MetricsLog::WriteEvaluation(int64_t step, double loss, int64_t tokens,
                                         double seconds) {
  Begin(step);
  json_.Number("eval_loss", loss).Integer("eval_tokens", tokens).Number("eval_s", seconds);
  return Emit();
}

absl::Status MetricsLog::WriteNote(int64_t step, std::string_view note) {
  Begin(step);
  json_.Text("note", note);
  return Emit();
}

absl::Status MetricsLog::Emit() {
  json_.EndObject();
  const std::string& record = json_.text();
  if (file_ >= 0) {
    line_.assign(record);
    line_.push_back('\n');
    size_t written = 0;
    while (written < line_.size()) {
      const ssize_t bytes = ::write(file_, line_.data() + written, line_.size() - written);
      if (bytes < 0 && errno == EINTR) continue;
      if (bytes < 0) return FileError(errno, "write", path_);
      written += static_cast<size_t>(bytes);
    }
  }
  for (const Sink& sink : sinks_) sink(record);
  return absl::OkStatus();
}

absl::Status MetricsLog::Sync() {
  if (file_ >= 0 && ::fdatasync(file_) != 0) return FileError(errno, "sync", path_);
  return absl::OkStatus();
}

}  // namespace tessera
