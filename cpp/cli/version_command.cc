// `tessera version`: versions of the program and of the library it found, and how that was built.
#include <cstdio>
#include <string>

#include "cpp/cli/arguments.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"
#include "cpp/cli/table.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

std::string VersionText(uint32_t version) {
  return Format("%u.%u.%u", version >> 16, (version >> 8) & 0xFF, version & 0xFF);
}

Error PrintVersion(const Arguments& arguments) {
  std::string text;
  CLI_RETURN_IF_ERROR(CallText(&text, tsr_build_info));
  Json info;
  if (!Json::Parse(text, &info)) return Error("tsr_build_info: no JSON", TSR_INTERNAL);
  const std::string program =
      Format("%d.%d.%d", TSR_VERSION_MAJOR, TSR_VERSION_MINOR, TSR_VERSION_PATCH);
  if (arguments.Has("--json")) {
    Json all = Json::Object();
    all.Set("program", Json::Text(program));
    all.Set("library", Json::Text(VersionText(tsr_version())));
    all.Set("build", std::move(info));
    std::fputs(all.ToIndentedText().c_str(), stdout);
    return Error();
  }
  std::printf("tessera %s, library %s\n", program.c_str(), VersionText(tsr_version()).c_str());
  for (const auto& [name, value] : info.members()) {
    std::printf("%s: %s\n", name.c_str(), value.ToCell().c_str());
  }
  return Error();
}

}  // namespace

Command VersionCommand() {
  Command command;
  command.name = "version";
  command.summary = "prints the version and how the library was built";
  command.flags = {{"--json", "", "as JSON"}};
  command.run = &PrintVersion;
  return command;
}

}  // namespace tessera::cli
