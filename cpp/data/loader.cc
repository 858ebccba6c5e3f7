#include "cpp/data/loader.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

constexpr std::string_view kStateHeading = "tessera data position 1";

std::string_view SamplingName(const WindowOptions& window) {
  switch (window.sampling) {
    case Sampling::kRandomWindow:
      return "random_window";
    case Sampling::kEpoch:
      return window.shuffle ? "epoch shuffled" : "epoch in order";
    case Sampling::kStreams:
      return "streams";
    case Sampling::kOnce:
      return "once";
    case Sampling::kStreamsOnce:
      return "streams once";
  }
  return "";
}

// Where a row goes on depends on how many rows there are.
std::string SamplingText(const WindowOptions& window) {
  if (!IsStreams(window.sampling)) return std::string(SamplingName(window));
  return absl::StrCat(SamplingName(window), " of ", window.rows, " rows");
}

absl::Status CheckOptions(const LoaderOptions& options) {
  if (options.world < 1 || options.rank < 0 || options.rank >= options.world) {
    return absl::InvalidArgumentError(absl::StrCat("rank: expected 0 to world size - 1, got rank ",
                                                   options.rank, " of ", options.world));
  }
  if (options.micro_batches < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("micro_batches: expected at least 1, got ", options.micro_batches));
  }
  const int64_t parts = options.world * options.micro_batches;
  if (options.global_rows < 1 || options.global_rows % parts != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch size: expected a multiple of ", parts, " (", options.world,
                     " ranks, ", options.micro_batches, " micro-batches), got ",
                     options.global_rows));
  }
  if (options.prefetch < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("prefetch: expected at least 1 batch, got ", options.prefetch));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Loader>> Loader::Make(std::shared_ptr<const Dataset> dataset,
                                                     TokenRange range,
                                                     LoaderOptions options) {
  RETURN_IF_ERROR(CheckOptions(options));
  options.window.rows = options.global_rows;
  ASSIGN_OR_RETURN(WindowSampler sampler, WindowSampler::Make(range.size(), options.window));
  std::unique_ptr<Loader> loader(
      new Loader(std::move(dataset), range, options, std::move(sampler)));
  RETURN_IF_ERROR(loader->Start());
  return loader;
}

absl::StatusOr<std::unique_ptr<Loader>> Loader::ForTraining(std::shared_ptr<const Dataset> dataset,
                                                            const LoaderOptions& options) {
  const TokenRange range = dataset->train();
  return Make(std::move(dataset), range, options);
}

absl::StatusOr<std::unique_ptr<Loader>> Loader::ForValidation(
    std::shared_ptr<const Dataset> dataset, const LoaderOptions& options) {
  const TokenRange range = dataset->validation();
  if (range.size() == 0) {
    return absl::FailedPreconditionError(
        "validation: no tokens; name validation files or keep a share of the training text");
  }
  LoaderOptions once = options;
  once.window.sampling =
      IsStreams(options.window.sampling) ? Sampling::kStreamsOnce : Sampling::kOnce;
  return Make(std::move(dataset), range, once);
}

Loader::Loader(std::shared_ptr<const Dataset> dataset, TokenRange range,
               const LoaderOptions& options, WindowSampler sampler)
    : dataset_(std::move(dataset)),
      range_(range),
      options_(options),
      sampler_(std::move(sampler)),
      fingerprint_(range.stream->Fingerprint()) {}

Loader::~Loader() { Stop(); }

absl::Status Loader::Start() {
  if (slots_.empty()) {
    // One more than is prepared ahead: the batch the caller holds.
    slots_.resize(static_cast<size_t>(options_.prefetch) + 1);
    for (Slot& slot : slots_) {
      ASSIGN_OR_RETURN(slot.batch, Batch::Make(options_.global_rows / options_.world,
                                               options_.window.sequence));
      if (options_.objective != nullptr) {
        RETURN_IF_ERROR(options_.objective->Prepare(slot.batch));
      }
    }
    scratch_.reserve(static_cast<size_t>(options_.window.sequence) + 1);
  }
  {
    absl::MutexLock lock(&mutex_);
    filled_ = 0;
    taken_ = 0;
    stopping_ = false;
  }
  error_ = absl::OkStatus();
  ended_ = false;
  try {
    thread_ = std::thread([this, position = position_] { Work(position); });
  } catch (const std::exception& e) {
    return absl::ResourceExhaustedError(absl::StrCat("data loader: no thread: ", e.what()));
  }
  return absl::OkStatus();
}

void Loader::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Loader::Work(int64_t position) {
  for (;;) {
    Slot* slot;
    {
      absl::MutexLock lock(&mutex_);
      // taken_ - 1 is in the caller's hands, so it is not free yet.
      mutex_.Await(absl::Condition(
          +[](Loader* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mutex_) {
            const int64_t held = std::max<int64_t>(self->taken_ - 1, 0);
            return self->stopping_ ||
                   self->filled_ - held < static_cast<int64_t>(self->slots_.size());
          },
          this));
      if (stopping_) return;
      slot = &slots_[static_cast<size_t>(filled_) % slots_.size()];
    }
    Prepare(position, *slot);
    position += options_.global_rows;
    const bool is_last = slot->is_end || !slot->status.ok();
    absl::MutexLock lock(&mutex_);
    ++filled_;
    if (is_last) return;
  }
}

void Loader::Prepare(int64_t position, Slot& slot) {
  slot.is_end = sampler_.ends() && position >= sampler_.windows_per_epoch();
  if (slot.is_end) {
    slot.status = absl::OkStatus();
    return;
  }
  // Nothing may leave a thread as an exception: the host would die of it.
  try {
    slot.status = FillBatch(position, slot.batch);
  } catch (const std::exception& e) {
    slot.status = absl::InternalError(absl::StrCat("data loader: ", e.what()));
  } catch (...) {
    slot.status = absl::InternalError("data loader: exception of unknown type");
  }
}

absl::Status Loader::FillBatch(int64_t position, Batch& batch) {
  const int64_t rows = batch.rows();
  batch.global_rows = options_.global_rows;
  batch.first_row = options_.rank * rows;
  batch.position = position;
  batch.target_count = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t sample_index = position + batch.first_row + row;
    const Window window = sampler_.At(sample_index);
    batch.continues[static_cast<size_t>(row)] = sampler_.Continues(sample_index) ? 1 : 0;
    RETURN_IF_ERROR(
        FillRow(range_, window, options_.isolate_documents, row, scratch_, batch));
    if (options_.objective == nullptr) continue;
    const Sample sample = {options_.window.seed, sample_index, dataset_->vocab_size(),
                           window.targets};
    RETURN_IF_ERROR(options_.objective->Fill(sample, row, batch));
  }
  if (options_.objective == nullptr) return absl::OkStatus();
  const auto* targets = batch.targets.data_as<int32_t>();
  const int64_t count = batch.targets.count();
  batch.target_count = count - std::count(targets, targets + count, kIgnoreTarget);
  return absl::OkStatus();
}

absl::StatusOr<const Batch*> Loader::Next() {
  if (!error_.ok()) return error_;
  if (ended_) return nullptr;
  Slot* slot;
  {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](Loader* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mutex_) {
          return self->filled_ > self->taken_;
        },
        this));
    slot = &slots_[static_cast<size_t>(taken_) % slots_.size()];
    ++taken_;
  }
  if (!slot->status.ok()) {
    error_ = slot->status;
    return error_;
  }
  if (slot->is_end) {
    ended_ = true;
    return nullptr;
  }
  position_ += options_.global_rows;
  return &slot->batch;
}

int64_t Loader::batches_per_epoch() const {
  return (windows_per_epoch() + options_.global_rows - 1) / options_.global_rows;
}

absl::Status Loader::Seek(int64_t position) {
  if (position < 0) {
    return absl::OutOfRangeError(
        absl::StrCat("data position: expected at least 0, got ", position));
  }
  Stop();
  position_ = position;
  return Start();
}

std::string Loader::SaveState() const {
  return absl::StrCat(kStateHeading, "\nposition ", position_, "\nsampling ",
                      SamplingText(options_.window), "\nseed ", options_.window.seed,
                      "\nsequence ", options_.window.sequence, "\nisolate_documents ",
                      options_.isolate_documents ? 1 : 0, "\ntokens ", range_.size(),
                      "\ncorpus ", fingerprint_, "\n",
                      options_.objective == nullptr
                          ? ""
                          : absl::StrCat("objective ", options_.objective->name(), "\n"));
}

absl::Status Loader::RestoreState(std::string_view state) {
  // Everything but the position must be as it is here; so compare line by line with our own.
  const std::string own_state = SaveState();
  const std::vector<std::string_view> saved = absl::StrSplit(state, '\n');
  const std::vector<std::string_view> own = absl::StrSplit(own_state, '\n');
  if (saved[0] != kStateHeading) {
    return absl::DataLossError(absl::StrCat("data position: expected a state that begins with '",
                                            kStateHeading, "'"));
  }
  const auto with_objective = [](std::string_view text) {
    return absl::StrContains(text, "\nobjective ");
  };
  if (with_objective(state) != with_objective(own_state)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "data position: it was saved ", with_objective(state) ? "with" : "without",
        " an objective, this run has ", with_objective(own_state) ? "one" : "none",
        "; the samples would be others"));
  }
  if (saved.size() != own.size()) {
    return absl::DataLossError(absl::StrCat("data position: expected ", own.size(),
                                            " lines, got ", saved.size()));
  }
  int64_t position = -1;
  for (size_t i = 1; i < own.size(); ++i) {
    const std::pair<std::string_view, std::string_view> saved_field =
        absl::StrSplit(saved[i], absl::MaxSplits(' ', 1));
    const std::pair<std::string_view, std::string_view> own_field =
        absl::StrSplit(own[i], absl::MaxSplits(' ', 1));
    if (saved_field.first != own_field.first) {
      return absl::DataLossError(absl::StrCat("data position: line ", i + 1, ": expected '",
                                              own_field.first, "', got '", saved_field.first,
                                              "'"));
    }
    if (own_field.first == "position") {
      if (!absl::SimpleAtoi(saved_field.second, &position) || position < 0) {
        return absl::DataLossError(absl::StrCat("data position: expected a number, got '",
                                                saved_field.second, "'"));
      }
    } else if (saved_field.second != own_field.second) {
      return absl::FailedPreconditionError(
          absl::StrCat("data position: ", own_field.first, " was '", saved_field.second,
                       "' when it was saved, is '", own_field.second,
                       "' now; the samples would be others"));
    }
  }
  return Seek(position);
}

}  // namespace tessera
