// `tessera train`: trains a config, watched by a person or by nobody.
//
// The run is a job of the library; this thread waits for it, draws, and turns SIGINT and SIGTERM
// into a cancel: the step at hand is finished and saved, and the exit code is 0.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/config_file.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/signals.h"
#include "cpp/cli/text.h"
#include "cpp/cli/train_report.h"

namespace tessera::cli {
namespace {

void OnRecord(void* user, const char* record, size_t record_len) {
  static_cast<TrainReport*>(user)->OnRecord(std::string_view(record, record_len));
}

// What the run starts with: size, and what was found or refused in the folder.
Error DescribeStart(const Trainer& trainer, bool is_quiet) {
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_trainer_describe, trainer.get()));
  Json state;
  if (!Json::Parse(text, &state)) return Error("tsr_trainer_describe: no JSON", TSR_INTERNAL);
  for (const Json& refused : state["checkpoints"]["refused"].items()) {
    const std::string& reason =
        refused.is_text() ? refused.AsText() : refused["reason"].AsText();
    std::fprintf(stderr, "tessera train: warning: checkpoint left alone: %s\n", reason.c_str());
  }
  for (const Json& note : state["notes"].items()) {
    std::fprintf(stderr, "tessera train: note: %s\n", note.AsText().c_str());
  }
  if (is_quiet) return Error();
  const Json& parameters = state["parameters"];
  const double count =
      parameters.is_object() ? parameters["count"].AsNumber() : parameters.AsNumber();
  std::string line = Format("%s parameters", ReadableCount(count).c_str());
  const int64_t step = state["step"].AsInteger();
  if (step > 0) line += Format(", going on from step %lld", static_cast<long long>(step));
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  return Error();
}

// Waits for the job; a stop signal cancels it. CANCELLED when it came to that.
Error WaitForJob(const Job& job, TrainReport& report) {
  const StopSignal signal;
  bool is_cancelled = false;
  for (;;) {
    Error error = Error::Take(tsr_job_wait(job.get(), 0.05));
    if (error.code() != TSR_DEADLINE_EXCEEDED) return error;
    tsr_progress progress = {};
    progress.struct_size = sizeof(progress);
    CLI_RETURN_IF_ERROR(Error::Take(tsr_job_progress(job.get(), &progress)));
    if (progress.done != 0) return Error::Take(tsr_job_wait(job.get(), -1));
    if (signal.received() != 0 && !is_cancelled) {
      is_cancelled = true;
      tsr_job_cancel(job.get());
    }
    report.Tick();
  }
}

// The newest checkpoint of the run, or "".
std::string NewestCheckpoint(const Trainer& trainer) {
  std::string text;
  Json state;
  Json found;
  if (CallText(&text, tsr_trainer_describe, trainer.get())) return "";
  if (!Json::Parse(text, &state)) return "";
  const std::string folder = state["checkpoints"]["folder"].AsText();
  if (CallText(&text, tsr_checkpoint_inspect, folder.data(), folder.size(), 0)) return "";
  return Json::Parse(text, &found) ? found["path"].AsText() : "";
}

Error Train(const Arguments& arguments) {
  ConfigUse use;
  use.computes = true;
  CLI_RETURN_IF_ERROR(arguments.Integer("--steps", 0, 1'000'000'000, &use.steps));
  ConfigFile file;
  CLI_RETURN_IF_ERROR(OpenConfigFile(arguments, use, &file));

  double total_steps = 0;
  double log_every = 0;
  CLI_RETURN_IF_ERROR(GetNumber(file.config, "trainer.steps", &total_steps));
  CLI_RETURN_IF_ERROR(GetNumber(file.config, "trainer.log_every", &log_every));
  const bool is_quiet = arguments.Has("--quiet") || !file.is_first_rank();
  TrainReport report(static_cast<int64_t>(total_steps), static_cast<int64_t>(log_every), is_quiet);

  const std::string out_dir = arguments.Text("--out");
  const std::string options = arguments.Has("--resume") ? "{\"resume\": true}" : "{}";
  // After the report, so that the run ends before what it reports to.
  Trainer trainer;
  CLI_RETURN_IF_ERROR(CallHandle(&trainer, tsr_trainer_new, file.config.get(), out_dir.data(),
                                 out_dir.size(), options.data(), options.size()));
  CLI_RETURN_IF_ERROR(DescribeStart(trainer, is_quiet));
  CLI_RETURN_IF_ERROR(
      Error::Take(tsr_trainer_add_sink(trainer.get(), &OnRecord, &report, nullptr)));
  Job job;
  CLI_RETURN_IF_ERROR(CallHandle(&job, tsr_trainer_run, trainer.get(), int64_t{0}));
  const Error error = WaitForJob(job, report);
  report.Finish();
  const bool is_stopped = error.code() == TSR_CANCELLED;
  if (error && !is_stopped) return error;
  if (is_quiet) return Error();

  std::fputs(report.ChartText().c_str(), stdout);
  const std::string summary = report.Summary();
  if (!summary.empty()) std::printf("\n%s\n", summary.c_str());
  const std::string checkpoint = NewestCheckpoint(trainer);
  if (!checkpoint.empty()) std::printf("checkpoint %s\n", checkpoint.c_str());
  if (is_stopped) std::printf("stopped by a signal; the same command with --resume goes on\n");
  return Error();
}

}  // namespace

Command TrainCommand() {
  Command command;
  command.name = "train";
  command.summary = "trains a config";
  command.details =
      "Writes DIR/metrics.jsonl, one object a step, and checkpoints under DIR/checkpoints/step_N "
      "(or trainer.checkpoint_folder). "
      "SIGINT and SIGTERM finish the step, save a checkpoint and exit with 0; --resume goes on "
      "from the newest complete checkpoint, to the same bits as a run that was never "
      "interrupted.\n";
  command.positionals = {ConfigPositional()};
  command.flags = ConfigFlags({
      {"--out", "DIR", "folder of the run", false, true},
      {"--steps", "N", "stop after step N: trainer.steps"},
      {"--resume", "", "go on from the newest complete checkpoint of DIR, if there is one"},
      {"--quiet", "", "no log lines, bar or chart"},
  });
  command.examples = {
      "tessera train samples/text/gpt.json --out out/gpt --steps 200",
      "tessera train samples/text/gpt.json --out out/gpt --resume",
      "tessera launch --ranks 2 -- tessera train samples/text/gpt.json --out out/two",
  };
  command.run = &Train;
  return command;
}

}  // namespace tessera::cli
