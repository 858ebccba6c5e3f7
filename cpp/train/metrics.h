// MetricsLog: the records of a run, as JSON lines in a file and to whoever listens.
//
// The file continues over resumes: opening it for a run that stands at step N drops the records of
// later steps and a line that a crash cut off, so no step is there twice. A line is one write, so
// a reader never sees half of one for long. A steady step record allocates nothing.
// Not thread-safe. What is measured is the caller's business.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cpp/train/json_text.h"
#include "cpp/train/train_step.h"

namespace tessera {

struct StepRecord {
  int64_t step = 0;
  bool skipped = false;
  double loss = 0;
  double grad_norm = 0;
  double learning_rate = 0;
  int64_t tokens = 0;
  double tokens_per_s = 0;
  double step_s = 0;
  double mfu = 0;      // NaN: not known
  absl::Span<const TrainStep::Sum> sums;   // losses when there are several, and metrics
};

class MetricsLog {
 public:
  using Sink = std::function<void(std::string_view record)>;

  MetricsLog();
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  // Opens or makes the file, for records of steps after `last_step`. INVALID_ARGUMENT when it is
  // not a file of records; errors of the file system.
  absl::Status Open(const std::string& path, int64_t last_step);
  void AddSink(Sink sink) { sinks_.push_back(std::move(sink)); }
  // Does anybody read?
  bool is_used() const { return file_ >= 0 || !sinks_.empty(); }

  absl::Status WriteStep(const StepRecord& record);
  absl::Status WriteEvaluation(int64_t step, double loss, int64_t tokens, double seconds);
  // Something that a reader of the run should know: a resume, a checkpoint passed over.
  absl::Status WriteNote(int64_t step, std::string_view note);
  // Puts what was written on the disk.
  absl::Status Sync();

 private:
  void Begin(int64_t step);
  absl::Status Emit();
  void Close();

  std::string path_;
  int file_ = -1;
  std::vector<Sink> sinks_;
  JsonText json_;
  std::string line_;
};

// Length of the beginning of a metrics file that a run at `last_step` keeps: whole records of steps
// up to it. `is_records` is false when a line is no record.
struct KeptMetrics {
  size_t bytes = 0;
  bool is_records = true;
};
KeptMetrics MetricsToKeep(std::string_view text, int64_t last_step);

}  // namespace tessera
