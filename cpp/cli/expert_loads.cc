#include "cpp/cli/expert_loads.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

#include "cpp/cli/json.h"
#include "cpp/cli/safetensors.h"
#include "cpp/cli/text.h"
#include "cpp/cli/text_file.h"

namespace tessera::cli {
namespace {

constexpr size_t kMostMetricsBytes = size_t{1} << 30;
constexpr size_t kMostExperts = 65536;
constexpr std::string_view kRouting = "routing/";
constexpr std::string_view kLoad = "/load_";

bool IsFolder(const std::string& path) {
  struct stat found = {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

// "layers/0/feed_forward/balance/1/load_3": the mixture, and the number of the expert.
bool ReadLoadName(std::string_view name, std::string* layer, size_t* expert) {
  const size_t at = name.rfind(kLoad);
  if (at == std::string_view::npos) return false;
  const std::string digits(name.substr(at + kLoad.size()));
  if (digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return false;
  }
  *expert = static_cast<size_t>(std::atoi(digits.c_str()));
  const std::string_view module = name.substr(0, at);
  const size_t balance = module.rfind("/balance/");
  *layer = std::string(module.substr(0, balance));
  return *expert < kMostExperts;
}

// Of one layer, as they come: sums of shares by time.
struct Rows {
  std::vector<double> times;
  std::vector<std::vector<double>> shares;
  size_t experts = 0;
};

// At most `most` columns of neighbouring times, each the mean of its rows.
ExpertLoads Columns(const std::string& name, const Rows& rows, size_t most) {
  ExpertLoads loads;
  loads.name = name;
  loads.experts = rows.experts;
  loads.whole.assign(rows.experts, 0);
  const size_t count = rows.shares.size(), columns = std::min(most, count);
  for (size_t c = 0; c < columns; ++c) {
    const size_t begin = c * count / columns, end = (c + 1) * count / columns;
    std::vector<double> mean(rows.experts, 0);
    for (size_t r = begin; r < end; ++r) {
      for (size_t e = 0; e < rows.shares[r].size(); ++e) mean[e] += rows.shares[r][e];
    }
    for (size_t e = 0; e < mean.size(); ++e) {
      loads.whole[e] += mean[e] / static_cast<double>(count);
      mean[e] /= static_cast<double>(end - begin);
    }
    loads.times.push_back(rows.times[begin]);
    loads.columns.push_back(std::move(mean));
  }
  return loads;
}

// False when numbers of experts are missing.
bool AddRecord(const Json& record, std::map<std::string, Rows>* layers) {
  std::map<std::string, std::map<size_t, double>> shares;
  std::string layer;
  size_t expert = 0;
  for (const auto& [name, value] : record.members()) {
    if (ReadLoadName(name, &layer, &expert)) shares[layer][expert] = value.AsNumber();
  }
  for (const auto& [name, by_expert] : shares) {
    if (by_expert.rbegin()->first + 1 != by_expert.size()) return false;
    std::vector<double> row;
    for (const auto& [number, share] : by_expert) row.push_back(share);
    Rows& rows = (*layers)[name];
    rows.experts = std::max(rows.experts, row.size());
    rows.times.push_back(static_cast<double>(record["step"].AsInteger()));
    rows.shares.push_back(std::move(row));
  }
  return true;
}

Error ReadMetrics(const std::string& path, std::map<std::string, Rows>* layers) {
  std::string text;
  CLI_RETURN_IF_ERROR(ReadWholeFile(path, kMostMetricsBytes, &text));
  size_t begin = 0;
  for (size_t line = 1; begin < text.size(); ++line) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;   // a run at work has not finished it
    Json record;
    if (!Json::Parse(std::string_view(text).substr(begin, end - begin), &record) ||
        !record.is_object()) {
      return Error(Format("%s: line %zu: expected a JSON object", path.c_str(), line),
                   TSR_DATA_LOSS);
    }
    if (!AddRecord(record, layers)) {
      return Error(Format("%s: line %zu: expected loads of experts from 0 on, without gaps",
                          path.c_str(), line), TSR_DATA_LOSS);
    }
    begin = end + 1;
  }
  if (!layers->empty()) return Error();
  return Error(path + ": it has no loads of experts; set \"loads\": true in the LoadMetrics of the "
               "mixture's `balance` and train", TSR_NOT_FOUND);
}

Error CheckChoices(const std::string& path, const SafetensorsEntry& entry, const int32_t* ids,
                   size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (ids[i] >= -1 && ids[i] < static_cast<int32_t>(kMostExperts)) continue;
    return Error(Format("%s: tensor '%s': expected experts from -1 to %zu, got %d at index %zu",
                        path.c_str(), entry.name.c_str(), kMostExperts - 1, ids[i], i),
                 TSR_DATA_LOSS);
  }
  return Error();
}

// Counts to shares of their sum.
void Scale(std::vector<double>* counts) {
  double sum = 0;
  for (const double n : *counts) sum += n;
  for (double& n : *counts) n = sum > 0 ? n / sum : 0;
}

void Count(const int32_t* ids, size_t count, std::vector<double>* counts) {
  for (size_t i = 0; i < count; ++i) {
    if (ids[i] < 0) continue;
    const auto expert = static_cast<size_t>(ids[i]);
    if (expert >= counts->size()) counts->resize(expert + 1, 0);
    ++(*counts)[expert];
  }
}

// Of an evaluation, into at most `most` rows, whatever the length of the text.
Error AddRouting(const std::string& path, const SafetensorsReader& file,
                 const SafetensorsEntry& entry, size_t most, Rows* rows) {
  if (entry.bytes == 0) return Error();
  Tensor tensor;
  CLI_RETURN_IF_ERROR(file.Read(entry, &tensor));
  const auto* ids = static_cast<const int32_t*>(tsr_tensor_data(tensor.get()));
  const auto choices = static_cast<size_t>(entry.dims.back());
  const auto length = static_cast<size_t>(entry.dims[entry.dims.size() - 2]);
  const size_t count = static_cast<size_t>(entry.bytes) / sizeof(int32_t);
  CLI_RETURN_IF_ERROR(CheckChoices(path, entry, ids, count));
  const size_t count_of_rows = std::min(most, length);
  rows->shares.assign(count_of_rows, {});
  for (size_t i = 0; i < count; i += choices) {
    Count(ids + i, choices, &rows->shares[i / choices % length * count_of_rows / length]);
  }
  for (const auto& counts : rows->shares) rows->experts = std::max(rows->experts, counts.size());
  for (size_t r = 0; r < count_of_rows; ++r) {
    Scale(&rows->shares[r]);
    const size_t first = (r * length + count_of_rows - 1) / count_of_rows;
    rows->times.push_back(static_cast<double>(first));
  }
  return Error();
}

// Of a training run: one row for every step of which something was recorded.
Error AddSteps(const std::string& path, const SafetensorsReader& file,
               const SafetensorsEntry& entry, const std::vector<char>& recorded, Rows* rows) {
  const int64_t steps = entry.dims[0], batch = entry.dims[1];
  const int64_t row_bytes = steps * batch == 0 ? 0 : entry.bytes / (steps * batch);
  std::vector<int32_t> ids(static_cast<size_t>(row_bytes) / sizeof(int32_t));
  for (int64_t step = 0; step < steps; ++step) {
    std::vector<double> counts;
    for (int64_t row = step * batch; row < (step + 1) * batch; ++row) {
      if (recorded[static_cast<size_t>(row)] == 0) continue;
      CLI_RETURN_IF_ERROR(file.ReadPart(entry, row * row_bytes, row_bytes, ids.data()));
      CLI_RETURN_IF_ERROR(CheckChoices(path, entry, ids.data(), ids.size()));
      Count(ids.data(), ids.size(), &counts);
    }
    if (counts.empty()) continue;
    rows->experts = std::max(rows->experts, counts.size());
    Scale(&counts);
    rows->times.push_back(static_cast<double>(step + 1));
    rows->shares.push_back(std::move(counts));
  }
  return Error();
}

// The rows of `recorded`, of a training run; empty in the file of an evaluation.
Error ReadRecorded(const std::string& path, const SafetensorsReader& file,
                   const SafetensorsEntry** found, std::vector<char>* rows) {
  *found = file.Find("recorded");
  if (*found == nullptr) return Error();
  if ((*found)->dtype != TSR_U8 || (*found)->dims.size() != 2) {
    return Error(path + ": tensor 'recorded': expected u8 of steps and rows", TSR_DATA_LOSS);
  }
  rows->resize(static_cast<size_t>((*found)->bytes));
  return file.ReadPart(**found, 0, (*found)->bytes, rows->data());
}

Error ReadRoutings(const std::string& path, size_t most, std::map<std::string, Rows>* layers,
                   bool* are_steps) {
  SafetensorsReader file;
  CLI_RETURN_IF_ERROR(SafetensorsReader::Open(path, &file));
  const SafetensorsEntry* recorded = nullptr;
  std::vector<char> recorded_rows;
  CLI_RETURN_IF_ERROR(ReadRecorded(path, file, &recorded, &recorded_rows));
  *are_steps = recorded != nullptr;
  for (const SafetensorsEntry& entry : file.entries()) {
    if (entry.name.rfind(kRouting, 0) != 0) continue;
    const size_t least_dims = *are_steps ? 3 : 2;
    const bool fits = entry.dtype == TSR_I32 && entry.dims.size() >= least_dims &&
                      (!*are_steps || std::equal(recorded->dims.begin(), recorded->dims.end(),
                                                 entry.dims.begin()));
    if (!fits) {
      return Error(Format("%s: tensor '%s': expected i32 of %stokens and choices, got %zu dims",
                          path.c_str(), entry.name.c_str(), *are_steps ? "steps, rows, " : "",
                          entry.dims.size()), TSR_DATA_LOSS);
    }
    Rows rows;
    CLI_RETURN_IF_ERROR(*are_steps ? AddSteps(path, file, entry, recorded_rows, &rows)
                                   : AddRouting(path, file, entry, most, &rows));
    if (rows.experts > 0) (*layers)[entry.name.substr(kRouting.size())] = std::move(rows);
  }
  if (!layers->empty()) return Error();
  return Error(path + ": it has no recorded routing; `tessera eval --record-routing` and "
               "trainer.record_routing write one", TSR_NOT_FOUND);
}

}  // namespace

double ExpertLoads::MaxViolation(const std::vector<double>& shares) {
  double sum = 0, most = 0;
  for (const double share : shares) {
    sum += share;
    most = std::max(most, share);
  }
  return sum > 0 ? most * static_cast<double>(shares.size()) / sum - 1 : 0;
}

Error ReadExpertLoads(const std::string& path, size_t most_columns, LoadsOfFile* out) {
  std::map<std::string, Rows> layers;
  const std::string file = IsFolder(path) ? path + "/metrics.jsonl" : path;
  constexpr std::string_view kSuffix = ".safetensors";
  const bool is_routing = file.size() > kSuffix.size() &&
                          file.compare(file.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0;
  most_columns = std::max<size_t>(1, most_columns);
  bool are_steps = true;
  CLI_RETURN_IF_ERROR(is_routing ? ReadRoutings(file, most_columns, &layers, &are_steps)
                                 : ReadMetrics(file, &layers));
  out->time_name = are_steps ? "step" : "token";
  for (const auto& [name, rows] : layers) {
    out->layers.push_back(Columns(name, rows, most_columns));
  }
  // layers/2 before layers/10.
  std::stable_sort(out->layers.begin(), out->layers.end(), [](const auto& a, const auto& b) {
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
  });
  return Error();
}

}  // namespace tessera::cli
