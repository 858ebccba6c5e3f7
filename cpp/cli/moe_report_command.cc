// `tessera moe-report`: which experts were busy when, as a table, a picture, or JSON.
#include <algorithm>
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/expert_loads.h"
#include "cpp/cli/heat_map.h"
#include "cpp/cli/json.h"
#include "cpp/cli/table.h"
#include "cpp/cli/text.h"
#include "cpp/cli/text_file.h"

namespace tessera::cli {
namespace {

// Shares, the least and the largest in even shares, and experts that nobody chose.
struct Summary {
  double least = 0, most = 0;
  int64_t idle = 0;
};

Summary SummaryOf(const ExpertLoads& layer) {
  Summary summary;
  const auto [least, most] = std::minmax_element(layer.whole.begin(), layer.whole.end());
  summary.least = *least * static_cast<double>(layer.experts);
  summary.most = *most * static_cast<double>(layer.experts);
  summary.idle = std::count(layer.whole.begin(), layer.whole.end(), 0.0);
  return summary;
}

Json Numbers(const std::vector<double>& values) {
  Json list = Json::List();
  for (const double value : values) list.Add(Json::Number(value));
  return list;
}

Json AsJson(const LoadsOfFile& loads) {
  Json report = Json::Object(), layers = Json::List();
  report.Set("time", Json::Text(loads.time_name));
  for (const ExpertLoads& layer : loads.layers) {
    Json described = Json::Object(), columns = Json::List();
    for (size_t c = 0; c < layer.columns.size(); ++c) {
      Json column = Json::Object();
      column.Set(loads.time_name, Json::Number(layer.times[c]));
      column.Set("max_violation", Json::Number(ExpertLoads::MaxViolation(layer.columns[c])));
      column.Set("shares", Numbers(layer.columns[c]));
      columns.Add(std::move(column));
    }
    described.Set("name", Json::Text(layer.name));
    described.Set("experts", Json::Integer(static_cast<int64_t>(layer.experts)));
    described.Set("idle_experts", Json::Integer(SummaryOf(layer).idle));
    described.Set("max_violation", Json::Number(ExpertLoads::MaxViolation(layer.whole)));
    described.Set("shares", Numbers(layer.whole));
    described.Set("columns", std::move(columns));
    layers.Add(std::move(described));
  }
  report.Set("layers", std::move(layers));
  return report;
}

std::string AsTable(const LoadsOfFile& loads) {
  Table table({"mixture", ">experts", ">idle", ">least", ">most", ">max_violation first", ">last"});
  for (const ExpertLoads& layer : loads.layers) {
    const Summary summary = SummaryOf(layer);
    table.AddRow({layer.name, Format("%zu", layer.experts),
                  Format("%lld", static_cast<long long>(summary.idle)),
                  Format("%.2f", summary.least), Format("%.2f", summary.most),
                  Format("%.2f", ExpertLoads::MaxViolation(layer.columns.front())),
                  Format("%.2f", ExpertLoads::MaxViolation(layer.columns.back()))});
  }
  return table.ToText();
}

// Of a path, whatever slashes are at its end.
std::string LastWord(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path;
  const size_t before = path.find_last_of('/', end);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  return path.substr(begin, end + 1 - begin);
}

Error MoeReport(const Arguments& arguments) {
  int64_t columns = 120;
  CLI_RETURN_IF_ERROR(arguments.Integer("--columns", 1, 1000, &columns));
  LoadsOfFile loads;
  CLI_RETURN_IF_ERROR(
      ReadExpertLoads(arguments.Word(0), static_cast<size_t>(columns), &loads));
  const std::string picture = arguments.Text("--svg");
  if (!picture.empty()) {
    const std::string title = "Load of experts, " + LastWord(arguments.Word(0));
    CLI_RETURN_IF_ERROR(WriteWholeFile(picture, HeatMapSvg(loads, title)));
  }
  const std::string text = arguments.Has("--json") ? AsJson(loads).ToIndentedText()
                                                   : AsTable(loads);
  std::fputs(text.c_str(), stdout);
  return Error();
}

}  // namespace

Command MoeReportCommand() {
  Command command;
  command.name = "moe-report";
  command.summary = "shows the load of every expert over time, as a table and a heat map";
  command.details =
      "Loads are in the metrics of a run whose mixtures of experts have LoadMetrics with "
      "\"loads\": true among their `balance`, and in what trainer.record_routing and "
      "`tessera eval --record-routing` write. "
      "1 is an even share; max_violation is the busiest expert's load above that.\n";
  command.positionals = {
      {"LOADS", "folder of a run, its metrics.jsonl, or a safetensors file with recorded routing"}};
  command.flags = {{"--svg", "FILE", "write the heat map there"},
                   {"--columns", "N", "columns of the heat map at most, default 120"},
                   {"--json", "", "as JSON, with the shares of every column"}};
  command.examples = {"tessera moe-report out/moe --svg out/moe/load.svg",
                      "tessera moe-report out/moe/routing.safetensors --svg load.svg"};
  command.run = &MoeReport;
  return command;
}

}  // namespace tessera::cli
