// ExpertLoads: how often each expert of a mixture was chosen, over time.
//
// From the metrics of a run (LoadMetrics with `loads`: time is the step), from what
// trainer.record_routing wrote (the same), or from the recorded routing of an evaluation (time is
// the place in the text). Plain data; what is read may be anybody's and is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cpp/cli/error.h"

namespace tessera::cli {

struct ExpertLoads {
  std::string name;                          // path of the mixture in the model
  size_t experts = 0;
  std::vector<double> times;                 // first step or place of each column
  std::vector<std::vector<double>> columns;  // by time: the share of every expert in all choices
  std::vector<double> whole;                 // the shares over all times

  // The busiest expert's load above the mean, in means; 0 when all are even.
  static double MaxViolation(const std::vector<double>& shares);
};

struct LoadsOfFile {
  std::string time_name;   // "step", "token"
  std::vector<ExpertLoads> layers;
};

// `path`: the folder of a run, its metrics.jsonl, or a safetensors file with routing/... tensors.
// Times are put together so that there are at most `most_columns`. NOT_FOUND when it holds no
// loads, with what would make it hold some; DATA_LOSS for what is not as it should be.
Error ReadExpertLoads(const std::string& path, size_t most_columns, LoadsOfFile* out);

}  // namespace tessera::cli
