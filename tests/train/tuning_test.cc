// Tuning: what is found is for the calls of the step, changes no bit of it, and a file that does
// not fit is told, never used.
//
// Method: the calls that a tiny search reports get other legal values by a file written here (one
// panel a task is always legal); runs with it and without it are compared bit by bit.
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cpp/base/file.h"
#include "cpp/config/plain_json.h"
#include "cpp/train/tune.h"
#include "cpp/train/tuning_file.h"
#include "gmock/gmock.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

const Changes kWide = {{"trainer.sequence_length", "32"}, {"runtime.tuning", "none"}};

Changes With(const std::string& tuning) {
  Changes changes = kWide;
  changes.back().second = tuning;
  return changes;
}

// The report of a search that times next to nothing.
ConfigValue Search(const Config& config, const TestEnvironment& environment,
                   const TuneConfigOptions& options) {
  const auto report = TuneConfig(config, environment.get(), options,
                                 [](int64_t, int64_t) { return absl::OkStatus(); });
  EXPECT_TRUE(report.ok()) << report.status();
  const auto json = ParseJson(report.ok() ? *report : "{}", "report", kMaxManyValues);
  EXPECT_TRUE(json.ok()) << json.status();
  return *json;
}

// A file with one panel a task for all calls of the config's step; their number.
size_t WriteOnePanel(const Config& config, const TestEnvironment& environment,
                     const std::string& path) {
  const ConfigValue report = Search(config, environment, {.most_timed = 1});
  const ConfigValue& machine = *report.Find("machine");
  std::vector<TunedEntry> entries;
  for (const ConfigValue& result : *report.Find("results")->AsList()) {
    TunedEntry entry;
    entry.machine = {*machine.Find("cpu")->AsText(), *machine.Find("isa")->AsText(),
                     static_cast<int>(*machine.Find("threads")->AsInt())};
    entry.kernel = *result.Find("kernel")->AsText();
    entry.version = 3;   // of matmul kernels
    entry.text = *result.Find("call")->AsText();
    entry.knobs = {{"task_row_panels", 1}, {"task_column_panels", 1}, {"tasks_pack_right", 1}};
    entries.push_back(std::move(entry));
  }
  EXPECT_TRUE(WriteFile(path, PrintTuning(entries)).ok());
  return entries.size();
}

// The bits of the losses of some steps, and of all parameters after them.
std::string Bits(Trainer& trainer) {
  std::string bits;
  for (int i = 0; i < 3; ++i) {
    const auto step = trainer.Step();
    EXPECT_TRUE(step.ok()) << step.status();
    if (!step.ok()) return "";
    char text[64];
    std::snprintf(text, sizeof(text), "%a %a;", step->loss, step->grad_norm);
    bits += text;
  }
  for (const auto& [name, bytes] : TensorBytes(trainer)) bits += name + bytes;
  return bits;
}

int64_t TunedKernels(const Trainer& trainer) {
  const auto json = ParseJson(*trainer.DescribeJson(), "description", kMaxManyValues);
  return *json->Find("runtime")->Find("tuned_kernels")->AsInt();
}

// The notes and the error of making a trainer with a tuning file of this text.
std::string Outcome(const RunFolder& folder, const std::string& text, bool fits = true) {
  const TestEnvironment environment;
  const std::string path = folder.path("outcome.json");
  EXPECT_TRUE(WriteFile(path, text).ok());
  const auto trainer = Trainer::Create(SmallConfig(folder.WriteText(), With(path)),
                                       environment.get(), {});
  EXPECT_EQ(trainer.ok(), fits) << trainer.status();
  if (!trainer.ok()) return trainer.status().ToString();
  const auto json = ParseJson(*(*trainer)->DescribeJson(), "description", kMaxManyValues);
  return json->Find("notes")->ToJson();
}

TEST(TuningTest, TunedRunsHaveTheSameBitsAndKnowNothingOfEachOther) {
  const RunFolder folder;
  const std::string text = folder.WriteText();
  for (const char* dtype : {"fp32", "bf16"}) {
    for (const int threads : {1, 2}) {
      const TestEnvironment environment(threads), other(threads);
      Changes plain = kWide;
      plain.emplace_back("runtime.dtype", absl::StrCat("\"", dtype, "\""));
      const std::string file = folder.path(absl::StrCat(dtype, threads, ".json"));
      if (WriteOnePanel(SmallConfig(text, plain), environment, file) == 0) {
        GTEST_SKIP() << "no kernel of this machine has knobs";
      }
      Changes tuned = With(file);
      tuned.push_back(plain.back());
      // Both at the same time, in one process.
      const auto a = MakeTrainer(SmallConfig(text, tuned), environment);
      const auto b = MakeTrainer(SmallConfig(text, plain), other);
      ASSERT_TRUE(a != nullptr && b != nullptr);
      EXPECT_GT(TunedKernels(*a), 0) << dtype << " " << threads;
      EXPECT_EQ(TunedKernels(*b), 0);
      EXPECT_EQ(Bits(*a), Bits(*b)) << dtype << " " << threads;
    }
  }
}

TEST(TuningTest, FilesThatDoNotFitAreToldAndNotUsed) {
  const RunFolder folder;
  const TestEnvironment environment;
  const std::string path = folder.path("tuning.json");
  const Config config = SmallConfig(folder.WriteText(), kWide);
  if (WriteOnePanel(config, environment, path) == 0) {
    GTEST_SKIP() << "no kernel of this machine has knobs";
  }
  const std::string text = ReadText(path);
  const auto changed = [&](std::string_view from, std::string_view to) {
    EXPECT_NE(text.find(from), std::string::npos) << from;
    return absl::StrReplaceAll(text, {{from, to}});
  };
  using testing::HasSubstr;
  EXPECT_THAT(Outcome(folder, text), HasSubstr("outcome.json: tuned values of "));
  EXPECT_THAT(Outcome(folder, changed("\"threads\": 1", "\"threads\": 3")),
              HasSubstr("are not for this machine (a processor of the tests, "));
  EXPECT_THAT(Outcome(folder, changed("of the tests", "of others")),
              HasSubstr("tuned values of 0 calls; "));
  EXPECT_THAT(Outcome(folder, changed("\"version\": 3", "\"version\": 1")),
              HasSubstr("are for other versions of kernels"));
  EXPECT_THAT(Outcome(folder, changed("\"task_row_panels\": 1", "\"task_row_panels\": 77"), false),
              HasSubstr("these blocks are not legal for the shape: 77, 1, 1; take the entry out"));
  EXPECT_THAT(Outcome(folder, changed("task_row_panels", "rows"), false),
              HasSubstr("expected a value for each of task_row_panels, task_column_panels, "
                        "tasks_pack_right, got rows = 1"));
  EXPECT_THAT(Outcome(folder, text.substr(0, text.size() / 2), false),
              HasSubstr("runtime.tuning: "));
  const auto missing = MakeTrainer(
      SmallConfig(folder.WriteText(), With(folder.path("none/there.json"))), environment);
  ASSERT_NE(missing, nullptr);
  EXPECT_THAT(*missing->DescribeJson(), HasSubstr("there.json: not there"));
}

TEST(TuningTest, AFileIsCheckedWhereItIsRead) {
  const std::pair<const char*, const char*> wrong[] = {
      {"[]", "f: the file: expected an object"},
      {R"({"type": "Tune"})", "f: type: expected \"Tuning\", got '\"Tune\"'"},
      {R"({"type": "Tuning", "version": 2})", "f: version: expected 1, got '2'"},
      {R"({"type": "Tuning", "version": 1, "machines": [{"cpu": ""}]})",
       "f: machines[0].cpu: expected a text of 1 to 4096 bytes"},
      {R"({"type": "Tuning", "version": 1, "machines": [
          {"cpu": "a", "isa": "b", "threads": 0}]})",
       "f: machines[0].threads: expected an integer from 1 to 4096, got '0'"},
      {R"({"type": "Tuning", "version": 1, "machines": [{"cpu": "a", "isa": "b", "threads": 1,
          "calls": [{"kernel": "k", "version": 1, "call": "c", "knobs": {}}]}]})",
       "f: machines[0].calls[0].knobs: expected an object of 1 to 4 values"},
      {R"({"type": "Tuning", "version": 1, "machines": [{"cpu": "a", "isa": "b", "threads": 1,
          "calls": [{"kernel": "k", "version": 1, "call": "c", "knobs": {"x": 1.5}}]}]})",
       "f: machines[0].calls[0].knobs.x: expected an integer, got '1.5'"},
      {R"({"type": "Tuning", "version": 1, "machines": [], "more": 1})", "unknown name 'more'"},
      {R"({"type": "Tuning", "version": 1, "machines": [{"cpu": "a", "isa": "b", "threads": 1,
          "calls": [{"kernel": "k", "version": 1, "call": "c", "knobs": {"x": 1}},
                    {"kernel": "k", "version": 1, "call": "c", "knobs": {"x": 2}}]}]})",
       "f: machines[0].calls[1].call: expected each call of a kernel once"},
  };
  for (const auto& [text, error] : wrong) {
    const auto entries = ParseTuning(text, "f");
    ASSERT_FALSE(entries.ok()) << text;
    EXPECT_EQ(entries.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(entries.status().message()), testing::HasSubstr(error));
  }
  EXPECT_TRUE(ParseTuning(ShippedTuning(), "shipped").ok());
}

TEST(TuningTest, FindingsReplaceThoseOfTheSameCallsOnly) {
  const auto entry = [](const char* cpu, const char* text, uint32_t version, int64_t value) {
    return TunedEntry{{cpu, "avx2", 2}, "k", version, text, {{"x", value}}, 1.5};
  };
  std::vector<TunedEntry> entries = {entry("a", "one", 1, 1), entry("a", "two", 1, 2),
                                     entry("b", "one", 1, 3)};
  ReplaceTuning({"a", "avx2", 2}, {{"k", "one"}, {"k", "three"}}, {entry("a", "one", 2, 4)},
                entries);
  const auto back = ParseTuning(PrintTuning(entries), "printed");
  ASSERT_TRUE(back.ok()) << back.status();
  std::string values;
  for (const TunedEntry& each : *back) {
    absl::StrAppend(&values, each.machine.cpu, each.text, each.version, each.knobs[0].second, " ");
  }
  EXPECT_EQ(values, "atwo12 aone24 bone13 ");
}

TEST(TuningTest, ASearchCanBeStoppedAndWritesWhatItKeeps) {
  const RunFolder folder;
  const TestEnvironment environment;
  const Config config = SmallConfig(folder.WriteText(), kWide);
  const std::string out = folder.path("out.json");
  const auto stopped = TuneConfig(config, environment.get(), {.out = out},
                                  [](int64_t, int64_t) { return absl::CancelledError("stop"); });
  if (stopped.ok()) GTEST_SKIP() << "no kernel of this machine has knobs";
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(FileExists(out));
  const ConfigValue report = Search(config, environment, {.most_timed = 2, .out = out});
  const auto entries = LoadTuning(out);
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(static_cast<int64_t>(entries->size()), *report.Find("kept")->AsInt());
  EXPECT_LE(*report.Find("timed")->AsInt(), 2 * *report.Find("calls")->AsInt());
  EXPECT_LE(*report.Find("valid")->AsInt(), *report.Find("box")->AsInt());
  // One that holds something else is left alone.
  ASSERT_TRUE(WriteFile(out, "{}").ok());
  const auto refused = TuneConfig(config, environment.get(), {.most_timed = 1, .out = out}, {});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << refused.status();
  EXPECT_EQ(ReadText(out), "{}");
}

}  // namespace
}  // namespace tessera
