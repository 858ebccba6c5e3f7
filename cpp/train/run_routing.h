// RunRouting: trainer.record_routing and trainer.replay_routing of a run: what they make of the
// model's function, and what goes between a step's choices and the file.
//
// One thread at a time. Opening is for all ranks together.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/data/batch.h"
#include "cpp/ir/function.h"
#include "cpp/train/routing_file.h"
#include "cpp/train/run_settings.h"
#include "cpp/train/train_step.h"

namespace tessera {

// The model as a step of this run computes it (Mode::kTrain). INVALID_ARGUMENT: both fields are
// set; NOT_FOUND: one is, and the model has no mixture of experts.
absl::StatusOr<FunctionRef> TraceStep(const Config& config, const RunSettings& settings,
                                      const Environment& environment);

// What compiling and stepping have to know of its choices. `main` is of TraceStep.
void KeepChoices(const RunSettings& settings, const Function& main, CompileOptions& compile,
                 TrainStepOptions& step);

class RunRouting {
 public:
  // Null when neither field is set. `is_begun`: the run goes on from a checkpoint, and with it the
  // file that it records. Errors of RoutingFile, with the field; ALREADY_EXISTS: a new run is to
  // record into a file that is there.
  static absl::StatusOr<std::unique_ptr<RunRouting>> Open(const RunSettings& settings,
                                                          Communicator* communicator,
                                                          bool is_begun, TrainStep& step);

  // Around TrainStep::ComputeGradients; either does nothing when it is not asked for.
  absl::Status BeforeStep(const Batch& batch, int64_t step);
  absl::Status AfterStep(const Batch& batch, int64_t step);

 private:
  RunRouting(std::vector<TrainStep::Choices>& choices, bool records)
      : choices_(choices), records_(records) {}

  std::vector<TrainStep::Choices>& choices_;
  const bool records_;
  std::unique_ptr<RoutingFile> file_;
};

}  // namespace tessera
