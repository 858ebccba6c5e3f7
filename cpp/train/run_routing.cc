#include "cpp/train/run_routing.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing_tape.h"
#include "cpp/train/agreement.h"
#include "cpp/train/model.h"

namespace tessera {
namespace {

absl::Status InField(bool records, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(records ? "trainer.record_routing: "
                                                          : "trainer.replay_routing: ",
                                                  status.message()));
}

bool Records(const RunSettings& settings) { return !settings.trainer.record_routing.empty(); }
bool Replays(const RunSettings& settings) { return !settings.trainer.replay_routing.empty(); }

// Choices of a step of all ranks: rows come first.
absl::StatusOr<std::vector<RoutingFile::Mixture>> MixturesOf(
    const RunSettings& settings, const std::vector<TrainStep::Choices>& choices) {
  std::vector<RoutingFile::Mixture> mixtures;
  for (const TrainStep::Choices& of_mixture : choices) {
    std::vector<int64_t> dims = of_mixture.parts[0].dims;
    if (dims.size() < 2 || dims[0] != settings.micro_rows) {
      return absl::UnimplementedError(absl::StrCat(
          of_mixture.name, ": expected choices for each row of the batch, got ",
          of_mixture.parts[0].TypeText(), " for ", settings.micro_rows, " rows"));
    }
    dims[0] = settings.trainer.batch_size;
    mixtures.push_back({of_mixture.name, std::move(dims)});
  }
  return mixtures;
}

}  // namespace

absl::StatusOr<FunctionRef> TraceStep(const Config& config, const RunSettings& settings,
                                      const Environment& environment) {
  ASSIGN_OR_RETURN(FunctionRef main, TraceModel(config, environment, {.mode = Mode::kTrain}));
  const bool records = Records(settings);
  if (!records && !Replays(settings)) return main;
  if (records && Replays(settings)) {
    return absl::InvalidArgumentError(
        "trainer.record_routing: expected without trainer.replay_routing, whose file has the "
        "record");
  }
  absl::StatusOr<FunctionRef> taped = records ? WithRoutingRecorded(main)
                                              : WithRoutingReplayed(main);
  if (!taped.ok()) return InField(records, taped.status());
  return taped;
}

void KeepChoices(const RunSettings& settings, const Function& main, CompileOptions& compile,
                 TrainStepOptions& step) {
  if (Records(settings)) {
    compile.kept_results = kRoutingPrefix;
    for (const FunctionOutput& output : main.outputs()) {
      const bool is_kept = output.kind == OutputKind::kResult &&
                           absl::StartsWith(output.name, kRoutingPrefix);
      if (is_kept) step.recorded.push_back(output.name);
    }
  }
  if (!Replays(settings)) return;
  for (const FunctionInput& input : main.inputs()) {
    if (absl::StartsWith(input.name, kRoutingPrefix)) step.replayed.push_back(input.name);
  }
}

absl::StatusOr<std::unique_ptr<RunRouting>> RunRouting::Open(const RunSettings& settings,
                                                             Communicator* communicator,
                                                             bool is_begun, TrainStep& step) {
  const bool records = Records(settings);
  if (!records && !Replays(settings)) return nullptr;
  const std::string& path =
      records ? settings.trainer.record_routing : settings.trainer.replay_routing;
  auto routing = std::unique_ptr<RunRouting>(new RunRouting(step.choices(), records));
  absl::StatusOr<std::vector<RoutingFile::Mixture>> mixtures =
      MixturesOf(settings, step.choices());
  absl::Status made = mixtures.status();
  if (made.ok() && records && settings.rank == 0) {
    made = RoutingFile::Create(path, settings.trainer.steps, *mixtures);
    if (is_begun && absl::IsAlreadyExists(made)) made = absl::OkStatus();
  }
  RETURN_IF_ERROR(InField(records, AgreeOnStatus(communicator, made)));
  absl::StatusOr<std::unique_ptr<RoutingFile>> file = RoutingFile::Open(path, records, *mixtures);
  RETURN_IF_ERROR(InField(records, AgreeOnStatus(communicator, file.status())));
  routing->file_ = *std::move(file);
  return routing;
}

absl::Status RunRouting::BeforeStep(const Batch& batch, int64_t step) {
  if (records_) return absl::OkStatus();
  RETURN_IF_ERROR(InField(false, file_->CheckRecorded(step, batch.first_row, batch.rows())));
  for (size_t i = 0; i < choices_.size(); ++i) {
    int64_t row = batch.first_row;
    for (Tensor& part : choices_[i].parts) {
      RETURN_IF_ERROR(InField(false, file_->Read(i, step, row, part)));
      row += part.dims[0];
    }
  }
  return absl::OkStatus();
}

absl::Status RunRouting::AfterStep(const Batch& batch, int64_t step) {
  if (!records_) return absl::OkStatus();
  for (size_t i = 0; i < choices_.size(); ++i) {
    int64_t row = batch.first_row;
    for (const Tensor& part : choices_[i].parts) {
      RETURN_IF_ERROR(InField(true, file_->Write(i, step, row, part)));
      row += part.dims[0];
    }
  }
  return InField(true, file_->MarkRecorded(step, batch.first_row, batch.rows()));
}

}  // namespace tessera
