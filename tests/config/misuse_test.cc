// Deliberately wrong modifiers and recipes, each with the whole text that a user sees.
//
// Method: misuse.txt holds the cases: "== name", files ("@ name.json" and their text), and after
// "--" the exact error. run.json is read, m.json (when there) applied, and the result resolved.
// Every error must name a file and line; lists of names are written "...".
// TESSERA_UPDATE_GOLDEN=1 writes the texts anew, to be looked at.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cpp/base/file.h"
#include "gtest/gtest.h"
#include "tests/config/modifier_testing.h"

namespace tessera {
namespace {

constexpr char kCases[] = TESSERA_SOURCE_DIR "/tests/config/misuse.txt";

struct NamedText {
  std::string name, text;
};

struct MisuseCase {
  std::string name, body, error;   // body: as it stands in the file
  std::vector<NamedText> files;
};

std::vector<MisuseCase> ReadCases(std::string* head) {
  const auto text = ReadFile(kCases);
  EXPECT_TRUE(text.ok()) << text.status();
  std::vector<MisuseCase> cases;
  std::string* target = head;
  for (const std::string_view line : absl::StrSplit(text.value_or(""), '\n')) {
    if (absl::StartsWith(line, "== ")) {
      cases.emplace_back();
      cases.back().name = std::string(line.substr(3));
      target = &cases.back().body;
    } else if (line == "--") {
      target = &cases.back().error;
    } else {
      absl::StrAppend(target, line, "\n");
    }
  }
  for (MisuseCase& entry : cases) {
    for (const std::string_view line : absl::StrSplit(entry.body, '\n')) {
      if (absl::StartsWith(line, "@ ")) {
        entry.files.push_back({std::string(line.substr(2)), ""});
      } else if (!entry.files.empty()) {
        absl::StrAppend(&entry.files.back().text, line, "\n");
      }
    }
    entry.error = std::string(absl::StripSuffix(absl::StripSuffix(entry.error, "\n"), "\n"));
  }
  return cases;
}

// The error of reading, modifying and resolving, "" when there is none.
std::string ErrorOf(const MisuseCase& entry, const std::string& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::string run(kSmall), modifier;
  for (const NamedText& file : entry.files) {
    if (file.name == "run.json") run = file.text;
    if (file.name == "m.json") modifier = file.text;
    EXPECT_TRUE(WriteFile(absl::StrCat(folder, "/", file.name), file.text).ok());
  }
  const std::string path = absl::StrCat(folder, "/run.json");
  EXPECT_TRUE(WriteFile(path, run).ok());
  const Config hardware = Resolved(*Config::OfType(TestTypes(), "Hardware"));
  auto config = Config::Load(TestTypes(), path, &hardware);
  absl::Status status = config.status();
  if (status.ok() && !modifier.empty()) {
    status = config->Modify(modifier, "m.json", &hardware).status();
  }
  if (status.ok()) status = config->Resolve().status();
  return absl::StrReplaceAll(status.message(), {{absl::StrCat(folder, "/"), ""}});
}

TEST(MisuseTest, EachErrorSaysWhatWhereAndWhatIsNearest) {
  const std::string folder = absl::StrCat(absl::StripSuffix(testing::TempDir(), "/"), "/misuse");
  std::string head;
  std::vector<MisuseCase> cases = ReadCases(&head);
  EXPECT_GE(cases.size(), 40);
  std::string rewritten = head;
  for (const MisuseCase& entry : cases) {
    const std::string error = WithoutLists(ErrorOf(entry, folder));
    EXPECT_NE(error, "") << entry.name;
    EXPECT_TRUE(absl::StrContains(error, ".json:")) << entry.name << ": " << error;
    absl::StrAppend(&rewritten, "== ", entry.name, "\n", entry.body, "--\n", error, "\n\n");
    if (std::getenv("TESSERA_UPDATE_GOLDEN") == nullptr) {
      EXPECT_EQ(error, entry.error) << entry.name;
    }
  }
  if (std::getenv("TESSERA_UPDATE_GOLDEN") != nullptr) {
    rewritten.pop_back();
    ASSERT_TRUE(WriteFile(kCases, rewritten).ok());
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tessera
