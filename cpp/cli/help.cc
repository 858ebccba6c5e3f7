// The help texts, from the descriptions of the commands.
#include <algorithm>

#include "cpp/cli/command.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr size_t kColumns = 100;
constexpr char kFirmBlank = '\x01';

// "  left           right, wrapped and aligned".
std::string Row(std::string_view left, std::string_view right, size_t width) {
  std::string row = "  ";
  row += left;
  const size_t indent = width + 4;
  if (TextColumns(left) > width) {
    row += '\n';
    row.append(indent, ' ');
  } else {
    row.append(indent - 2 - TextColumns(left), ' ');
  }
  std::string wrapped = Wrapped(right, indent, kColumns);
  return row + (wrapped.size() > indent ? wrapped.substr(indent) : "\n");
}

std::string FlagText(const Flag& flag) {
  std::string text(flag.name);
  if (flag.value.empty()) return text;
  if (flag.may_stand_alone) return text.append(" [").append(flag.value).append("]");
  return text.append(" ").append(flag.value);
}

std::string UsageLine(const Command& command) {
  std::string line = "usage: tessera ";
  line += command.name;
  for (const Positional& positional : command.positionals) {
    line += positional.is_required ? " " : " [";
    line += positional.name;
    if (!positional.is_required) line += "]";
  }
  for (const Flag& flag : command.flags) {
    if (flag.help.empty()) continue;
    // A flag stays on one line with its value: a blank that is no break, until all is wrapped.
    std::string text = FlagText(flag);
    std::replace(text.begin(), text.end(), ' ', kFirmBlank);
    line += flag.is_required ? " " : " [";
    line += text;
    if (!flag.is_required) line += "]";
    if (flag.is_repeated) line += "...";
  }
  if (!command.rest.empty()) line.append(" -- ").append(command.rest);
  std::string wrapped = Wrapped(line, 6, kColumns).substr(6);
  std::replace(wrapped.begin(), wrapped.end(), kFirmBlank, ' ');
  return wrapped;
}

}  // namespace

std::string ProgramHelp() {
  std::string help =
      "tessera: compose, train and run large models\n\n"
      "usage: tessera COMMAND [ARGUMENTS]\n\n";
  for (const Command& command : AllCommands()) help += Row(command.name, command.summary, 10);
  help +=
      "\n`tessera COMMAND --help` says what a command takes. Environment: TESSERA_ISA (the best\n"
      "instruction set that kernels may use), and RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT,\n"
      "which `tessera launch` and other launchers set for runs of several processes.\n"
      "Exit code: 0, or 1 with the reason on stderr.\n";
  return help;
}

std::string CommandHelp(const Command& command) {
  std::string help = "tessera ";
  help.append(command.name).append(": ").append(command.summary).append("\n\n");
  help += UsageLine(command);
  size_t width = 6;
  for (const Positional& positional : command.positionals) {
    width = std::max(width, positional.name.size());
  }
  for (const Flag& flag : command.flags) {
    if (!flag.help.empty()) width = std::max(width, FlagText(flag).size());
  }
  width = std::min<size_t>(width, 26);
  help += '\n';
  for (const Positional& positional : command.positionals) {
    help += Row(positional.name, positional.help, width);
  }
  for (const Flag& flag : command.flags) {
    if (flag.help.empty()) continue;
    std::string text(flag.help);
    if (flag.is_repeated) text += "; may be given several times";
    help += Row(FlagText(flag), text, width);
  }
  help += Row("--help", "this text", width);
  if (!command.details.empty()) help += "\n" + Wrapped(command.details, 0, kColumns);
  if (!command.examples.empty()) help += '\n';
  for (const std::string_view example : command.examples) {
    help.append("  ").append(example).append("\n");
  }
  return help;
}

}  // namespace tessera::cli
