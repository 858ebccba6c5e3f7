// TrainReport: what a person sees of a run: log lines or a progress bar, and a chart at the end.
//
// Fed with the records of the run's metrics, on the thread that steps; drawn by the thread that
// waits. Both may be called at the same time.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "cpp/cli/chart.h"
#include "cpp/cli/terminal.h"

namespace tessera::cli {

class TrainReport {
 public:
  // Every `log_every` steps becomes a line on stdout, unless the bar is shown or `is_quiet`.
  TrainReport(int64_t total_steps, int64_t log_every, bool is_quiet);

  // One JSON object: a step or an evaluation.
  void OnRecord(std::string_view record);
  // Draws the bar again.
  void Tick();
  // Takes the bar away, for good.
  void Finish();

  // The chart of the run with a heading, or "" when there is too little to draw.
  std::string ChartText() const;
  // "400 steps in 3:07, 19.9K tokens/s, loss 1.31, validation loss 1.42".
  std::string Summary() const;

 private:
  std::string BarText() const;

  mutable std::mutex mutex_;
  ProgressBar bar_;
  Chart chart_;
  const int64_t total_steps_;
  const int64_t log_every_;
  const bool is_quiet_;
  bool is_finished_ = false;
  int64_t first_step_ = -1, step_ = 0, first_tokens_ = 0, tokens_ = 0, skipped_ = 0;
  double loss_ = 0, smooth_loss_ = 0, learning_rate_ = 0, grad_norm_ = 0, tokens_per_s_ = 0;
  double eval_loss_ = 0;
  bool has_eval_ = false;
  double seconds_ = 0;  // of the steps of this run
};

}  // namespace tessera::cli
