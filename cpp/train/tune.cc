#include "cpp/train/tune.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/exec/tuner.h"
#include "cpp/optim/optimizer.h"
#include "cpp/train/json_text.h"
#include "cpp/train/model.h"
#include "cpp/train/recompute.h"
#include "cpp/train/run_environment.h"
#include "cpp/train/run_settings.h"
#include "cpp/train/tuning_file.h"

namespace tessera {
namespace {

absl::StatusOr<std::shared_ptr<const Program>> CompileStep(const Config& config,
                                                           const RunSettings& settings,
                                                           const Environment& environment) {
  const ConfigNode* optimizer_node = config.Section("optimizer");
  RET_CHECK(optimizer_node != nullptr) << "a resolved experiment has an optimizer";
  ASSIGN_OR_RETURN(const std::unique_ptr<Optimizer> optimizer,
                   NewOptimizer(*optimizer_node, environment.optimizers));
  ASSIGN_OR_RETURN(const FunctionRef main,
                   TraceModel(config, environment, {.mode = Mode::kTrain}));
  ASSIGN_OR_RETURN(StepProgram step,
                   CompileStepProgram(*main, settings, environment, settings.ForStep(*optimizer)));
  return std::move(step.program);
}

void WriteKnobs(std::string_view name, const NamedKnobs& knobs, JsonText& json) {
  json.Name(name).BeginObject();
  for (const auto& [knob, value] : knobs) json.Integer(knob, value);
  json.EndObject();
}

void WriteResult(const TuneResult& result, bool exhaustive, JsonText& json) {
  json.BeginObject()
      .Text("kernel", result.kernel)
      .Text("call", result.text)
      .Integer("uses", result.uses)
      .Number("flops", result.flops)
      .Integer("box", result.box_count)
      .Integer("valid", result.valid_count)
      .Integer("timed", result.timed_count)
      .Number("own_s", result.own_s)
      .Number("gflops_per_s", result.own_s > 0 ? result.flops / result.own_s * 1e-9 : 0)
      .Number("speedup", result.speedup)
      .Number("pairs_won", result.pairs_won)
      .Bool("kept", result.is_kept);
  WriteKnobs("own", result.own, json);
  WriteKnobs("found", result.found, json);
  if (exhaustive) {
    WriteKnobs("best", result.best, json);
    json.Number("regret", result.regret).Number("rank_correlation", result.rank_correlation);
  }
  json.EndObject();
}

std::vector<TunedEntry> KeptEntries(const TuningMachine& machine, const TuneReport& report) {
  std::vector<TunedEntry> kept;
  for (const TuneResult& result : report.results) {
    if (!result.is_kept) continue;
    kept.push_back({machine, result.kernel, result.version, result.text, result.found,
                    std::round(result.speedup * 1000) / 1000});
  }
  return kept;
}

// The file with what was found in it.
absl::StatusOr<std::string> TakeUp(const TuningMachine& machine, const TuneReport& report,
                                   const std::string& out) {
  std::vector<TunedEntry> entries;
  if (!out.empty() && FileExists(out)) {
    ASSIGN_OR_RETURN(entries, LoadTuning(out));
  }
  std::vector<TunedCallName> calls;
  for (const TuneResult& result : report.results) calls.push_back({result.kernel, result.text});
  ReplaceTuning(machine, calls, KeptEntries(machine, report), entries);
  std::string text = PrintTuning(entries);
  if (!out.empty()) RETURN_IF_ERROR(WriteFileAtomically(out, text));
  return text;
}

std::string ReportJson(const TuningMachine& machine, const TuneReport& report,
                       const TuneConfigOptions& options, const std::string& file) {
  JsonText json;
  int64_t box = 0, valid = 0, timed = 0, kept = 0;
  double own_s = 0, tuned_s = 0;
  for (const TuneResult& result : report.results) {
    box += result.box_count;
    valid += result.valid_count;
    timed += result.timed_count;
    kept += result.is_kept ? 1 : 0;
    const double seconds = result.own_s * static_cast<double>(result.uses);
    own_s += seconds;
    tuned_s += result.is_kept ? seconds / result.speedup : seconds;
  }
  json.BeginObject().Name("machine").BeginObject();
  json.Text("cpu", machine.cpu).Text("isa", machine.isa).Integer("threads", machine.threads);
  json.EndObject()
      .Integer("calls", report.call_count)
      .Integer("reached", static_cast<int64_t>(report.results.size()))
      .Number("seconds", report.seconds)
      .Integer("box", box)
      .Integer("valid", valid)
      .Integer("timed", timed)
      .Integer("kept", kept)
      .Number("own_s", own_s)
      .Number("tuned_s", tuned_s)
      .Bool("exhaustive", options.exhaustive)
      .Name("results")
      .BeginList();
  for (const TuneResult& result : report.results) WriteResult(result, options.exhaustive, json);
  json.EndList().Text("out", options.out).Name("tuning").Raw(file).EndObject();
  return json.text();
}

}  // namespace

absl::StatusOr<std::string> TuneConfig(
    const Config& config, const Environment& environment, const TuneConfigOptions& options,
    const std::function<absl::Status(int64_t done, int64_t total)>& progress) {
  if (environment.cpu.empty()) {
    return absl::FailedPreconditionError(
        "tune: the model of this processor is not known, so that nothing could be kept for it");
  }
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  ASSIGN_OR_RETURN(const RunSettings settings, RunSettings::Read(resolved, environment));
  ASSIGN_OR_RETURN(RunEnvironment run, NarrowEnvironment(resolved, environment));
  run.environment.kernels = environment.kernels;   // without what was tuned before
  RET_CHECK(run.environment.pool != nullptr);
  // What cannot be taken up is told before hours are spent.
  if (!options.out.empty() && FileExists(options.out)) {
    RETURN_IF_ERROR(LoadTuning(options.out).status());
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const Program> program,
                   CompileStep(resolved, settings, run.environment));
  ExecutorOptions executor;
  executor.sizes = settings.StepSizes();
  executor.isa = run.environment.isa;
  TuneOptions tune;
  tune.budget_s = options.budget_s;
  tune.exhaustive = options.exhaustive;
  tune.most_timed = options.most_timed;
  tune.progress = progress;
  ASSIGN_OR_RETURN(const TuneReport report,
                   TuneProgram(*program, *run.environment.kernels, *run.environment.pool, executor,
                               tune));
  const TuningMachine machine = {environment.cpu, IsaName(run.environment.isa),
                                 run.environment.pool->threads()};
  ASSIGN_OR_RETURN(const std::string file, TakeUp(machine, report, options.out));
  return ReportJson(machine, report, options, file);
}

}  // namespace tessera
