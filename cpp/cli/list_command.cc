// `tessera list`: the catalogue of what can be composed.
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/environment.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/table.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr size_t kWidest = 90;

// One row an entry; the columns are the members that entries have, docs last and cut to fit.
std::string EntriesText(const Json& entries) {
  std::vector<std::string> columns;
  for (const Json& entry : entries.items()) {
    for (const auto& [name, value] : entry.members()) {
      const bool is_shown = !value.is_object() && name != "doc" && name != "builtin";
      if (is_shown && std::find(columns.begin(), columns.end(), name) == columns.end()) {
        columns.push_back(name);
      }
    }
  }
  columns.push_back("doc");
  Table table(columns);
  for (const Json& entry : entries.items()) {
    std::vector<std::string> cells;
    for (const std::string& column : columns) {
      const std::string cell = entry[column].ToCell();
      cells.emplace_back(CutColumns(cell, kWidest));
      if (cells.back().size() < cell.size()) cells.back() += "...";
    }
    if (!entry.is_object()) cells[0] = entry.ToCell();
    table.AddRow(std::move(cells));
  }
  return table.ToText();
}

Error PrintList(const Arguments& arguments) {
  Runtime runtime;
  CLI_RETURN_IF_ERROR(NewSmallRuntime(&runtime));
  const std::string kind = arguments.Word(0);
  std::string text;
  CLI_RETURN_IF_ERROR(
      CallText(&text, tsr_runtime_list, runtime.get(), kind.data(), kind.size()));
  Json catalogue;
  if (!Json::Parse(text, &catalogue)) return Error("tsr_runtime_list: no JSON", TSR_INTERNAL);
  if (arguments.Has("--json")) {
    text = catalogue.ToIndentedText();
  } else if (catalogue.is_object()) {  // all of them
    text.clear();
    for (const auto& [name, entries] : catalogue.members()) {
      if (!text.empty()) text += '\n';
      text.append(name).append("\n").append(EntriesText(entries));
    }
  } else {
    text = EntriesText(catalogue);
  }
  std::fputs(text.c_str(), stdout);
  return Error();
}

}  // namespace

Command ListCommand() {
  Command command;
  command.name = "list";
  command.summary = "prints the catalogue of modules, ops, optimizers and so on";
  command.positionals = {
      {"KIND", "modules, ops, optimizers, schedules, kernels, data or all"}};
  command.flags = {{"--json", "", "as JSON"}};
  command.examples = {"tessera list modules", "tessera list ops --json"};
  command.run = &PrintList;
  return command;
}

}  // namespace tessera::cli
