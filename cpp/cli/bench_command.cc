// `tessera bench`: how long a training step takes, and what share of the machine that is.
//
// The first steps are warm-up and not counted. The peak of the machine is measured after the steps,
// in the same run; peak memory is read before that.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/config_file.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/machine_peak.h"
#include "cpp/cli/roofline.h"
#include "cpp/cli/table.h"
#include "cpp/cli/text.h"
#include "cpp/cli/text_file.h"

namespace tessera::cli {
namespace {

struct Measured {
  std::vector<double> step_s;
  double tokens_per_step = 0;
  double loss = 0;
  double flops_per_step = 0;
  double parameters = 0;
  double peak_rss_mb = 0;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double PeakRssMb() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;  // Linux counts KiB
}

Error Step(const Trainer& trainer, tsr_step_result* result) {
  *result = {};
  result->struct_size = sizeof(*result);
  return Error::Take(tsr_trainer_step(trainer.get(), result));
}

Error RunSteps(const Trainer& trainer, int64_t warm_up, int64_t steps, bool profiles,
               Measured* measured) {
  tsr_step_result result;
  int64_t tokens_before = 0;
  for (int64_t i = 0; i < warm_up; ++i) {
    CLI_RETURN_IF_ERROR(Step(trainer, &result));
    tokens_before = result.tokens;
  }
  // What the warm-up spent is not part of the profile.
  std::string ignored;
  if (profiles) CLI_RETURN_IF_ERROR(CallText(&ignored, tsr_trainer_profile, trainer.get()));
  for (int64_t i = 0; i < steps; ++i) {
    CLI_RETURN_IF_ERROR(Step(trainer, &result));
    measured->step_s.push_back(result.step_s);
  }
  measured->tokens_per_step =
      static_cast<double>(result.tokens - tokens_before) / static_cast<double>(steps);
  measured->loss = result.loss;
  measured->peak_rss_mb = PeakRssMb();
  return Error();
}

Error PlanOf(const Config& config, Measured* measured) {
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_config_plan, static_cast<const tsr_config*>(config.get()),
                               "{}", size_t{2}));
  Json plan;
  if (!Json::Parse(text, &plan)) return Error("tsr_config_plan: no JSON", TSR_INTERNAL);
  measured->flops_per_step = plan["step"]["flops"].AsNumber();
  measured->parameters = plan["parameters"]["count"].AsNumber();
  return Error();
}

Json ResultJson(const Measured& measured) {
  const double best = *std::min_element(measured.step_s.begin(), measured.step_s.end());
  const double median = Median(measured.step_s);
  Json json = Json::Object();
  json.Set("step_s_min", Json::Number(best));
  json.Set("step_s_median", Json::Number(median));
  json.Set("tokens_per_s", Json::Number(measured.tokens_per_step / median));
  json.Set("gflops_per_s", Json::Number(measured.flops_per_step / median / 1e9));
  json.Set("peak_rss_mb", Json::Number(measured.peak_rss_mb));
  json.Set("loss", Json::Number(measured.loss));
  json.Set("steps", Json::Integer(static_cast<int64_t>(measured.step_s.size())));
  json.Set("parameters", Json::Number(measured.parameters));
  json.Set("flops_per_step", Json::Number(measured.flops_per_step));
  return json;
}

// The ops that took longest.
std::string ProfileText(const Json& profile) {
  std::vector<const Json*> rows;
  double total = 0;
  for (const Json& row : profile["ops"].items()) {
    rows.push_back(&row);
    total += row["seconds"].AsNumber();
  }
  std::sort(rows.begin(), rows.end(), [](const Json* a, const Json* b) {
    return (*a)["seconds"].AsNumber() > (*b)["seconds"].AsNumber();
  });
  constexpr size_t kMost = 20;
  Table table({"op", "phase", "kernel", ">uses", ">ms", ">share", ">GFLOP/s", ">GB/s"});
  for (size_t i = 0; i < std::min(rows.size(), kMost); ++i) {
    const Json& row = *rows[i];
    const double seconds = std::max(row["seconds"].AsNumber(), 1e-12);
    table.AddRow({row["op"].ToCell(), row["phase"].ToCell(), row["kernel"].ToCell(),
                  row["uses"].ToCell(), Format("%.2f", seconds * 1e3),
                  Format("%.1f %%", 100 * seconds / total),
                  Format("%.1f", row["flops"].AsNumber() / seconds / 1e9),
                  Format("%.1f", row["bytes"].AsNumber() / seconds / 1e9)});
  }
  return rows.empty() ? "" : "\n" + table.ToText();
}

std::string ResultText(const Json& result, const MachinePeak& peak, int threads) {
  const double gflops = result["gflops_per_s"].AsNumber();
  std::string text = Format("%s parameters, %s flops a step, %d threads\n",
                            ReadableCount(result["parameters"].AsNumber()).c_str(),
                            ReadableCount(result["flops_per_step"].AsNumber()).c_str(), threads);
  text += Format("step        %.4f s (median of %lld), %.4f s (best)\n",
                 result["step_s_median"].AsNumber(),
                 static_cast<long long>(result["steps"].AsInteger()),
                 result["step_s_min"].AsNumber());
  text += Format("tokens      %.0f a second\n", result["tokens_per_s"].AsNumber());
  text += Format("compute     %.1f GFLOP/s, %.1f %% of the %.1f that this machine gives now (%s)\n",
                 gflops, 100 * gflops / std::max(peak.gflops_per_s, 1e-9), peak.gflops_per_s,
                 peak.instructions.c_str());
  text += Format("memory      %.1f GB/s is what this machine copies now (read and written)\n",
                 peak.gbytes_per_s);
  text += Format("peak memory %.0f MB\n", result["peak_rss_mb"].AsNumber());
  text += Format("loss        %.4f\n", result["loss"].AsNumber());
  return text;
}

Json PeakJson(const MachinePeak& peak) {
  Json json = Json::Object();
  json.Set("gflops_per_s", Json::Number(peak.gflops_per_s));
  json.Set("instructions", Json::Text(peak.instructions));
  json.Set("copy_gbytes_per_s", Json::Number(peak.gbytes_per_s));
  return json;
}

std::vector<RooflinePoint> PointsOf(const Json& profile) {
  std::vector<RooflinePoint> points;
  for (const Json& row : profile["ops"].items()) {
    points.push_back({.name = row["op"].AsText(),
                      .seconds = row["seconds"].AsNumber(),
                      .flops = row["flops"].AsNumber(),
                      .bytes = row["bytes"].AsNumber()});
  }
  return points;
}

// What the runtime uses at most, narrowed as the config says.
Error MeasurePeak(const ConfigFile& file, MachinePeak* peak, int* threads) {
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_runtime_describe, file.runtime.get()));
  Json runtime;
  if (!Json::Parse(text, &runtime)) return Error("tsr_runtime_describe: no JSON", TSR_INTERNAL);
  *threads = static_cast<int>(runtime["threads"].AsInteger(1));
  std::string isa = runtime["isa"].AsText();
  std::string dtype;
  std::string narrowed;
  const auto field = [&](const std::string& path, std::string* out) {
    std::string json_text;
    Json value;
    CLI_RETURN_IF_ERROR(CallText(&json_text, tsr_config_get,
                                 static_cast<const tsr_config*>(file.config.get()), path.data(),
                                 path.size()));
    if (Json::Parse(json_text, &value)) *out = value.AsText();
    return Error();
  };
  CLI_RETURN_IF_ERROR(field("runtime.dtype", &dtype));
  CLI_RETURN_IF_ERROR(field("runtime.isa", &narrowed));
  if (!narrowed.empty()) isa = narrowed;
  *peak = MeasureMachinePeak(isa, dtype == "bf16", *threads);
  return Error();
}

Error Bench(const Arguments& arguments) {
  int64_t steps = 10;
  int64_t warm_up = 2;
  CLI_RETURN_IF_ERROR(arguments.Integer("--steps", 1, 1'000'000, &steps));
  CLI_RETURN_IF_ERROR(arguments.Integer("--warm-up", 0, 1'000'000, &warm_up));
  const bool as_json = arguments.Has("--json");
  const std::string picture = arguments.Text("--roofline");
  const std::string trace = arguments.Text("--trace");
  // Not for the steps that a script times: two readings of the clock for every kernel.
  const bool profiles = !as_json || arguments.Has("--ops") || !picture.empty();
  ConfigUse use;
  use.computes = true;
  use.steps = steps + warm_up;
  if (profiles) use.fields.emplace_back("trainer.profile", "true");
  if (!trace.empty()) {
    use.fields.emplace_back("trainer.trace", Json::Text(trace).ToText());
    use.fields.emplace_back("trainer.trace_step", std::to_string(steps + warm_up));
  }
  ConfigFile file;
  CLI_RETURN_IF_ERROR(OpenConfigFile(arguments, use, &file));
  Measured measured;
  CLI_RETURN_IF_ERROR(PlanOf(file.config, &measured));
  Trainer trainer;
  CLI_RETURN_IF_ERROR(CallHandle(&trainer, tsr_trainer_new, file.config.get(), "", size_t{0}, "{}",
                                 size_t{2}));
  CLI_RETURN_IF_ERROR(RunSteps(trainer, warm_up, steps, profiles, &measured));
  Json profile;
  if (profiles) {
    std::string text;
    CLI_RETURN_IF_ERROR(CallText(&text, tsr_trainer_profile, trainer.get()));
    if (!Json::Parse(text, &profile)) return Error("tsr_trainer_profile: no JSON", TSR_INTERNAL);
  }
  trainer.reset();
  if (!file.is_first_rank()) return Error();
  Json result = ResultJson(measured);
  MachinePeak peak;
  int threads = 1;
  if (profiles) CLI_RETURN_IF_ERROR(MeasurePeak(file, &peak, &threads));
  if (!picture.empty()) {
    CLI_RETURN_IF_ERROR(WriteWholeFile(picture, RooflineSvg(PointsOf(profile), peak)));
  }
  if (!as_json) {
    std::fputs((ResultText(result, peak, threads) + ProfileText(profile)).c_str(), stdout);
    return Error();
  }
  if (profiles) {
    result.Set("peak", PeakJson(peak));
    result.Set("ops", profile["ops"]);
  }
  std::fputs(result.ToIndentedText().c_str(), stdout);
  return Error();
}

}  // namespace

Command BenchCommand() {
  Command command;
  command.name = "bench";
  command.summary = "measures the training step of a config";
  command.details =
      "Steps are real ones, on the data of the config; no checkpoint is written. Without --json "
      "also the share of what the machine gives at its best, measured in the same run, and a table "
      "of the ops that took longest.\n";
  command.positionals = {ConfigPositional()};
  command.flags = ConfigFlags({
      {"--steps", "N", "steps to measure, default 10"},
      {"--warm-up", "N", "steps before that, default 2"},
      {"--json", "", "as JSON: step_s_min, step_s_median, tokens_per_s, gflops_per_s, peak_rss_mb, "
                     "loss"},
      {"--ops", "", "with --json: also the peaks of the machine and what each op took"},
      {"--trace", "FILE", "writes which thread did what in the last step, for chrome://tracing and "
                          "ui.perfetto.dev"},
      {"--roofline", "FILE", "writes a picture, SVG: each op beneath the limits of the machine"},
  });
  command.examples = {"tessera bench samples/bench/dense.json --json",
                      "tessera bench samples/bench/dense.json --trace step.json "
                      "--roofline ops.svg"};
  command.run = &Bench;
  return command;
}

}  // namespace tessera::cli
