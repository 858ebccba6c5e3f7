// `tessera tune`: looks for what makes the kernels of a config's step faster on this machine.
//
// The search is a job of the library; this thread draws its progress, and turns SIGINT and SIGTERM
// into a cancel, which writes nothing.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/config_file.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/job_report.h"
#include "cpp/cli/json.h"
#include "cpp/cli/table.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

// Nothing while there are none to count.
std::string Combinations(int64_t step, int64_t total) {
  if (total <= 1) return "";
  return Format("%lld of at most %lld combinations", static_cast<long long>(step),
                static_cast<long long>(total));
}

double Share(const Json& part, const Json& whole) {
  return 100 * part.AsNumber() / std::max(whole.AsNumber(), 1.0);
}

std::string KnobsText(const Json& knobs) {
  std::string text;
  for (const auto& [name, value] : knobs.members()) {
    text += (text.empty() ? "" : " ") + name + "=" + value.ToCell();
  }
  return text;
}

// How many times as fast what was found is, where it is kept.
std::string GainText(const Json& result) {
  if (!result["kept"].AsBool()) return "own";
  return Format("%.3f", result["speedup"].AsNumber());
}

std::string ReportText(const Json& report) {
  const Json& machine = report["machine"];
  const bool exhaustive = report["exhaustive"].AsBool();
  std::string text = Format("%s, %s, %d threads: %lld calls with blocks to choose, %.1f s\n",
                            machine["cpu"].AsText().c_str(), machine["isa"].AsText().c_str(),
                            static_cast<int>(machine["threads"].AsInteger()),
                            static_cast<long long>(report["calls"].AsInteger()),
                            report["seconds"].AsNumber());
  text += Format("search space  %lld of %lld combinations are legal (%.2f %%)\n",
                 static_cast<long long>(report["valid"].AsInteger()),
                 static_cast<long long>(report["box"].AsInteger()),
                 Share(report["valid"], report["box"]));
  text += Format("timed         %lld of these (%.1f %%)\n\n",
                 static_cast<long long>(report["timed"].AsInteger()),
                 Share(report["timed"], report["valid"]));
  std::vector<std::string> headings = {"kernel", "call",   ">uses",    ">ms",   ">GFLOP/s",
                                       ">legal", ">timed", ">speedup", ">pairs won"};
  if (exhaustive) headings.insert(headings.end(), {">regret", ">ranks"});
  headings.push_back("found");
  Table table(headings);
  for (const Json& row : report["results"].items()) {
    std::vector<std::string> cells = {
        row["kernel"].ToCell(), row["call"].AsText(), row["uses"].ToCell(),
        Format("%.3f", 1e3 * row["own_s"].AsNumber()),
        Format("%.1f", row["gflops_per_s"].AsNumber()), row["valid"].ToCell(),
        row["timed"].ToCell(), GainText(row),
        Format("%.0f %%", 100 * row["pairs_won"].AsNumber())};
    if (exhaustive) {
      cells.push_back(Format("%.1f %%", 100 * row["regret"].AsNumber()));
      cells.push_back(Format("%.2f", row["rank_correlation"].AsNumber()));
    }
    cells.push_back(KnobsText(row["found"]));
    table.AddRow(cells);
  }
  text += table.ToText();
  const int64_t missed = report["calls"].AsInteger() - report["reached"].AsInteger();
  if (missed > 0) {
    text += Format("\nThe budget did not reach %lld calls; they keep the kernels' own values.\n",
                   static_cast<long long>(missed));
  }
  text += Format("\n%lld calls are faster; all of these calls in a step: %.1f ms, by pairs %.1f\n",
                 static_cast<long long>(report["kept"].AsInteger()),
                 1e3 * report["own_s"].AsNumber(), 1e3 * report["tuned_s"].AsNumber());
  const std::string out = report["out"].AsText();
  if (!out.empty()) {
    text += Format("%s: written; used with --set runtime.tuning=%s\n", out.c_str(), out.c_str());
  }
  return text;
}

Error Tune(const Arguments& arguments) {
  double budget_s = 0;
  int64_t most_timed = 32;
  CLI_RETURN_IF_ERROR(arguments.Number("--budget", 0.001, 1e6, &budget_s));
  CLI_RETURN_IF_ERROR(arguments.Integer("--timed", 1, 1'000'000, &most_timed));
  ConfigUse use;
  use.computes = true;
  ConfigFile file;
  CLI_RETURN_IF_ERROR(OpenConfigFile(arguments, use, &file));
  Json options = Json::Object();
  options.Set("budget_s", Json::Number(budget_s));
  options.Set("exhaustive", Json::Bool(arguments.Has("--exhaustive")));
  options.Set("most_timed", Json::Integer(most_timed));
  options.Set("out", Json::Text(arguments.Text("--out")));
  const std::string text = options.ToText();
  Job job;
  CLI_RETURN_IF_ERROR(CallHandle(&job, tsr_config_tune,
                                 static_cast<const tsr_config*>(file.config.get()), text.data(),
                                 text.size()));
  Json report;
  CLI_RETURN_IF_ERROR(WaitForReport(job, Combinations, &report));
  if (!file.is_first_rank()) return Error();
  std::fputs((arguments.Has("--json") ? report.ToIndentedText() : ReportText(report)).c_str(),
             stdout);
  return Error();
}

}  // namespace

Command TuneCommand() {
  Command command;
  command.name = "tune";
  command.summary = "looks for what makes the kernels of a config's step faster here";
  command.details =
      "Times blocks of the products of a training step on memory of their own, at the sizes and "
      "with the threads of the config; nothing is trained and no data are read. A cost model that "
      "learns on the way says what to time next. What is faster beyond doubt goes to --out, for "
      "runtime.tuning; no result changes by a bit, and the file may be deleted.\n";
  command.positionals = {ConfigPositional()};
  command.flags = ConfigFlags({
      {"--out", "FILE", "takes what was found up, beside what it has of other machines and calls"},
      {"--exhaustive", "", "then times all legal combinations too, to know what was missed"},
      {"--budget", "SECONDS", "how long to search, about; as long as it takes when not given"},
      {"--timed", "N", "combinations of one call to time at most, default 32"},
      {"--json", "", "the report as JSON"},
  });
  command.examples = {"tessera tune samples/bench/dense.json --out tuning.json",
                      "tessera train samples/bench/dense.json --set runtime.tuning=tuning.json"};
  command.run = &Tune;
  return command;
}

}  // namespace tessera::cli
