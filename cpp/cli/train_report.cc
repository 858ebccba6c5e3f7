#include "cpp/cli/train_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "cpp/cli/json.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();  // JSON has none: null

}  // namespace

TrainReport::TrainReport(int64_t total_steps, int64_t log_every, bool is_quiet)
    : total_steps_(total_steps), log_every_(std::max<int64_t>(log_every, 1)), is_quiet_(is_quiet) {}

void TrainReport::OnRecord(std::string_view record) {
  Json json;
  if (!Json::Parse(record, &json)) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  const int64_t step = json["step"].AsInteger();
  std::string line;
  if (json.Find("eval_loss") != nullptr) {
    eval_loss_ = json["eval_loss"].AsNumber(kNotANumber);
    has_eval_ = true;
    chart_.AddMark(static_cast<double>(step), eval_loss_);
    line = Format("step %lld: validation loss %.4f", static_cast<long long>(step), eval_loss_);
  }
  if (json.Find("loss") != nullptr) {
    const double step_s = json["step_s"].AsNumber();
    loss_ = json["loss"].AsNumber(kNotANumber);
    tokens_ = json["tokens"].AsInteger();
    learning_rate_ = json["lr"].AsNumber();
    grad_norm_ = json["grad_norm"].AsNumber();
    tokens_per_s_ = json["tokens_per_s"].AsNumber();
    if (first_step_ < 0) {
      first_step_ = step - 1;
      first_tokens_ = tokens_ - static_cast<int64_t>(tokens_per_s_ * step_s + 0.5);
      smooth_loss_ = loss_;
    }
    if (!std::isfinite(smooth_loss_)) smooth_loss_ = loss_;
    if (std::isfinite(loss_)) smooth_loss_ += 0.1 * (loss_ - smooth_loss_);
    if (json["skipped"].AsBool() || json["skipped"].AsInteger() != 0) ++skipped_;
    step_ = step;
    seconds_ += step_s;
    chart_.AddLine(static_cast<double>(step), loss_);
    if (step % log_every_ == 0 || step == total_steps_ || step == first_step_ + 1) {
      if (!line.empty()) line.insert(0, "\n");
      line.insert(0, Format("step %lld/%lld  loss %.4f  grad norm %.3f  lr %.2e  %s tokens/s",
                            static_cast<long long>(step), static_cast<long long>(total_steps_),
                            loss_, grad_norm_, learning_rate_,
                            ReadableCount(tokens_per_s_).c_str()));
    }
  }
  const std::string& note = json["note"].AsText();
  if (!note.empty()) {
    bar_.Clear();
    line = Format("step %lld: ", static_cast<long long>(step)) + note;
  } else if (bar_.is_shown()) {
    return;
  }
  if (is_quiet_ || line.empty()) return;
  std::fprintf(stdout, "%s\n", line.c_str());
  std::fflush(stdout);
}

std::string TrainReport::BarText() const {
  std::string text = Format("step %lld/%lld  loss %.3f", static_cast<long long>(step_),
                            static_cast<long long>(total_steps_), smooth_loss_);
  if (has_eval_) text += Format("  validation %.3f", eval_loss_);
  text += Format("  %s tokens/s", ReadableCount(tokens_per_s_).c_str());
  const auto done = static_cast<double>(step_ - std::max<int64_t>(first_step_, 0));
  if (done > 0 && step_ < total_steps_) {
    text += "  " + ReadableDuration(seconds_ / done * static_cast<double>(total_steps_ - step_)) +
            " left";
  }
  return text;
}

void TrainReport::Tick() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_quiet_ || is_finished_) return;
  const double share =
      total_steps_ > 0 ? static_cast<double>(step_) / static_cast<double>(total_steps_) : 0;
  bar_.Draw(share, step_ == 0 ? "preparing the first step" : BarText());
}

void TrainReport::Finish() {
  const std::lock_guard<std::mutex> lock(mutex_);
  bar_.Clear();
  is_finished_ = true;
}

std::string TrainReport::ChartText() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!chart_.is_drawable()) return "";
  const size_t columns = std::clamp<size_t>(TerminalColumns(), 40, 100) - 12;
  std::string text = has_eval_ ? "\nloss over steps (● validation)\n" : "\nloss over steps\n";
  return text + chart_.Draw(columns, 12);
}

std::string TrainReport::Summary() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (first_step_ < 0) return "";
  std::string text = Format("%lld steps in %s", static_cast<long long>(step_ - first_step_),
                            ReadableDuration(seconds_).c_str());
  if (seconds_ > 0) {
    text += Format(", %s tokens/s",
                   ReadableCount(static_cast<double>(tokens_ - first_tokens_) / seconds_).c_str());
  }
  text += Format(", loss %.4f", loss_);
  if (has_eval_) text += Format(", validation loss %.4f", eval_loss_);
  if (skipped_ > 0) text += Format(", %lld steps skipped", static_cast<long long>(skipped_));
  return text;
}

}  // namespace tessera::cli
