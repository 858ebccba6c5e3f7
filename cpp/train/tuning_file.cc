#include "cpp/train/tuning_file.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/config/plain_json.h"
#include "cpp/config/value.h"

namespace tessera {
namespace {

constexpr int64_t kFileVersion = 1;
constexpr int64_t kMostThreads = 4096;
constexpr size_t kMostTextBytes = 4096;   // of a name or a call

std::string Got(const ConfigValue* value) {
  return value == nullptr ? "nothing" : Quoted(value->ToJson());
}

// Reads one file; says where something is that does not fit.
class TuningReader {
 public:
  explicit TuningReader(std::string_view name) : name_(name) {}

  absl::StatusOr<std::vector<TunedEntry>> Read(const ConfigValue& root) {
    RETURN_IF_ERROR(CheckNames(root, "", {"type", "version", "machines"}));
    ASSIGN_OR_RETURN(const std::string type, Text(root, "", "type"));
    if (type != "Tuning") return Wrong("type", "\"Tuning\"", root.Find("type"));
    ASSIGN_OR_RETURN(const int64_t version, Integer(root, "", "version", 1, INT32_MAX));
    if (version != kFileVersion) {
      return Wrong("version", absl::StrCat(kFileVersion), root.Find("version"));
    }
    ASSIGN_OR_RETURN(const ConfigValue::List* machines, List(root, "", "machines"));
    for (size_t m = 0; m < machines->size(); ++m) {
      RETURN_IF_ERROR(ReadMachine((*machines)[m], absl::StrCat("machines[", m, "].")));
    }
    return std::move(entries_);
  }

 private:
  absl::Status Wrong(std::string_view path, std::string_view expected,
                     const ConfigValue* got) const {
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ": ", path, ": expected ", expected, ", got ", Got(got)));
  }

  absl::Status CheckNames(const ConfigValue& value, const std::string& at,
                          const std::vector<std::string_view>& known) const {
    const ConfigValue::Table* table = value.AsTable();
    if (table == nullptr) {
      const std::string path = at.empty() ? "the file" : at.substr(0, at.size() - 1);
      return Wrong(path, "an object", &value);
    }
    for (const auto& [name, member] : *table) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(name_, ": ", at, "...: unknown name ", Quoted(name)));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Text(const ConfigValue& table, const std::string& at,
                                   std::string_view name) const {
    const ConfigValue* value = table.Find(name);
    const std::string* text = value == nullptr ? nullptr : value->AsText();
    if (text != nullptr && !text->empty() && text->size() <= kMostTextBytes) return *text;
    return Wrong(absl::StrCat(at, name),
                 absl::StrCat("a text of 1 to ", kMostTextBytes, " bytes"), value);
  }

  absl::StatusOr<int64_t> Integer(const ConfigValue& table, const std::string& at,
                                  std::string_view name, int64_t least, int64_t most) const {
    const ConfigValue* value = table.Find(name);
    const int64_t* number = value == nullptr ? nullptr : value->AsInt();
    if (number != nullptr && *number >= least && *number <= most) return *number;
    return Wrong(absl::StrCat(at, name), absl::StrCat("an integer from ", least, " to ", most),
                 value);
  }

  absl::StatusOr<const ConfigValue::List*> List(const ConfigValue& table, const std::string& at,
                                                std::string_view name) const {
    const ConfigValue* value = table.Find(name);
    const ConfigValue::List* list = value == nullptr ? nullptr : value->AsList();
    if (list == nullptr) return Wrong(absl::StrCat(at, name), "a list", value);
    return list;
  }

  absl::Status ReadMachine(const ConfigValue& value, const std::string& at) {
    RETURN_IF_ERROR(CheckNames(value, at, {"cpu", "isa", "threads", "calls"}));
    TuningMachine machine;
    ASSIGN_OR_RETURN(machine.cpu, Text(value, at, "cpu"));
    ASSIGN_OR_RETURN(machine.isa, Text(value, at, "isa"));
    ASSIGN_OR_RETURN(const int64_t threads, Integer(value, at, "threads", 1, kMostThreads));
    machine.threads = static_cast<int>(threads);
    ASSIGN_OR_RETURN(const ConfigValue::List* calls, List(value, at, "calls"));
    for (size_t c = 0; c < calls->size(); ++c) {
      RETURN_IF_ERROR(ReadCall((*calls)[c], machine, absl::StrCat(at, "calls[", c, "].")));
    }
    return absl::OkStatus();
  }

  absl::Status ReadCall(const ConfigValue& value, const TuningMachine& machine,
                        const std::string& at) {
    RETURN_IF_ERROR(CheckNames(value, at, {"kernel", "version", "call", "knobs", "speedup"}));
    TunedEntry entry;
    entry.machine = machine;
    ASSIGN_OR_RETURN(entry.kernel, Text(value, at, "kernel"));
    ASSIGN_OR_RETURN(const int64_t version, Integer(value, at, "version", 0, UINT32_MAX));
    entry.version = static_cast<uint32_t>(version);
    ASSIGN_OR_RETURN(entry.text, Text(value, at, "call"));
    RETURN_IF_ERROR(ReadKnobs(value, at, entry));
    if (const ConfigValue* speedup = value.Find("speedup")) {
      const double* number = speedup->AsFloat();
      const int64_t* whole = speedup->AsInt();
      if (number == nullptr && whole == nullptr) {
        return Wrong(absl::StrCat(at, "speedup"), "a number", speedup);
      }
      entry.speedup = number != nullptr ? *number : static_cast<double>(*whole);
    }
    if (!seen_.insert({machine.cpu, machine.isa, machine.threads, entry.kernel, version,
                       entry.text}).second) {
      return Wrong(absl::StrCat(at, "call"), "each call of a kernel once", value.Find("call"));
    }
    entries_.push_back(std::move(entry));
    return absl::OkStatus();
  }

  absl::Status ReadKnobs(const ConfigValue& value, const std::string& at, TunedEntry& entry) {
    const ConfigValue* knobs = value.Find("knobs");
    const ConfigValue::Table* table = knobs == nullptr ? nullptr : knobs->AsTable();
    if (table == nullptr || table->empty() || table->size() > TSR_KERNEL_MAX_KNOBS) {
      return Wrong(absl::StrCat(at, "knobs"),
                   absl::StrCat("an object of 1 to ", int{TSR_KERNEL_MAX_KNOBS}, " values"),
                   knobs);
    }
    for (const auto& [name, knob] : *table) {
      const int64_t* number = knob.AsInt();
      if (number == nullptr) {
        return Wrong(absl::StrCat(at, "knobs.", name), "an integer", &knob);
      }
      entry.knobs.emplace_back(name, *number);
    }
    return absl::OkStatus();
  }

  const std::string name_;
  std::vector<TunedEntry> entries_;
  std::set<std::tuple<std::string, std::string, int, std::string, int64_t, std::string>> seen_;
};

ConfigValue TextValue(const std::string& text) { return ConfigValue(text); }

ConfigValue CallValue(const TunedEntry& entry) {
  ConfigValue::Table knobs;
  for (const auto& [name, value] : entry.knobs) knobs.emplace_back(name, ConfigValue(value));
  ConfigValue::Table call;
  call.emplace_back("kernel", TextValue(entry.kernel));
  call.emplace_back("version", ConfigValue(static_cast<int64_t>(entry.version)));
  call.emplace_back("call", TextValue(entry.text));
  call.emplace_back("knobs", ConfigValue(std::move(knobs)));
  call.emplace_back("speedup", ConfigValue(entry.speedup));
  return ConfigValue(std::move(call));
}

}  // namespace

absl::StatusOr<std::vector<TunedEntry>> ParseTuning(std::string_view text, std::string_view name) {
  ASSIGN_OR_RETURN(const ConfigValue root, ParseJson(text, name, kMaxManyValues));
  return TuningReader(name).Read(root);
}

std::string PrintTuning(const std::vector<TunedEntry>& entries) {
  std::vector<TuningMachine> machines;
  std::vector<ConfigValue::List> calls;
  for (const TunedEntry& entry : entries) {
    const auto it = std::find(machines.begin(), machines.end(), entry.machine);
    const auto index = static_cast<size_t>(it - machines.begin());
    if (it == machines.end()) {
      machines.push_back(entry.machine);
      calls.emplace_back();
    }
    calls[index].push_back(CallValue(entry));
  }
  ConfigValue::List list;
  for (size_t m = 0; m < machines.size(); ++m) {
    ConfigValue::Table machine;
    machine.emplace_back("cpu", TextValue(machines[m].cpu));
    machine.emplace_back("isa", TextValue(machines[m].isa));
    machine.emplace_back("threads", ConfigValue(static_cast<int64_t>(machines[m].threads)));
    machine.emplace_back("calls", ConfigValue(std::move(calls[m])));
    list.emplace_back(std::move(machine));
  }
  ConfigValue::Table root;
  root.emplace_back("type", TextValue("Tuning"));
  root.emplace_back("version", ConfigValue(kFileVersion));
  root.emplace_back("machines", ConfigValue(std::move(list)));
  return IndentedJson(ConfigValue(std::move(root)));
}

absl::StatusOr<std::vector<TunedEntry>> LoadTuning(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostTuningBytes));
  return ParseTuning(text, path);
}

void ReplaceTuning(const TuningMachine& machine, const std::vector<TunedCallName>& calls,
                   const std::vector<TunedEntry>& found, std::vector<TunedEntry>& entries) {
  std::erase_if(entries, [&](const TunedEntry& entry) {
    return entry.machine == machine &&
           std::any_of(calls.begin(), calls.end(), [&](const TunedCallName& call) {
             return call.kernel == entry.kernel && call.text == entry.text;
           });
  });
  entries.insert(entries.end(), found.begin(), found.end());
}

ChosenTuning ChooseTuning(const std::vector<TunedEntry>& entries, const TuningMachine& machine,
                          const KernelTable& kernels, const std::string& source) {
  std::map<std::string, uint32_t, std::less<>> versions;
  for (const tsr_kernel_def& def : kernels.defs()) versions[def.name] = def.version;
  auto table = std::make_shared<TuningTable>(source);
  size_t foreign = 0, stale = 0;
  for (const TunedEntry& entry : entries) {
    if (entry.machine != machine) {
      ++foreign;
      continue;
    }
    const auto version = versions.find(entry.kernel);
    if (version == versions.end() || version->second != entry.version) {
      ++stale;
      continue;
    }
    table->Add(entry.kernel, entry.version, entry.text, entry.knobs);
  }
  ChosenTuning chosen;
  chosen.note = absl::StrCat(source, ": tuned values of ", table->size(), " calls");
  if (foreign > 0) {
    absl::StrAppend(&chosen.note, "; ", foreign, " are not for this machine (", machine.cpu, ", ",
                    machine.isa, ", ", machine.threads, " threads)");
  }
  if (stale > 0) absl::StrAppend(&chosen.note, "; ", stale, " are for other versions of kernels");
  chosen.table = std::move(table);
  return chosen;
}

}  // namespace tessera
