// RunSettings: the fields of a resolved config that a run needs, as plain data, checked together.
//
// What one field alone may be is the schema's matter; here are the rules between fields and the
// group of ranks. Immutable once read.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "cpp/autodiff/cut.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/data/dataset.h"
#include "cpp/data/loader.h"
#include "cpp/data/objective.h"
#include "cpp/generate/environment.h"
#include "cpp/optim/optimizer.h"
#include "gen/config/data.h"
#include "gen/config/runtime.h"
#include "gen/config/trainer.h"

namespace tessera {

struct RunSettings {
  TrainerConfig trainer;
  DataConfig data;
  RuntimeConfig runtime;
  std::shared_ptr<const Objective> objective;  // null: next tokens
  RecomputePolicy recompute = RecomputePolicy::kNone;
  int64_t micro_rows = 0;      // rows of one micro-batch on this rank
  int64_t vocab_size = 0;      // ids that the model has room for; 0 when it does not say
  int rank = 0;
  int world = 1;

  // INVALID_ARGUMENT: sections that are missing, a batch that ranks and micro-batches do not
  // divide or that is beyond all memory, another number of ranks than parallel.data. REQUIRES:
  // `config` is resolved.
  static absl::StatusOr<RunSettings> Read(const Config& config, const Environment& environment);

  // `packed_tokenizer`: from a checkpoint, or empty.
  DataOptions ForDataset(const Config& config, std::string packed_tokenizer) const;
  LoaderOptions ForTraining() const;
  LoaderOptions ForValidation() const;
  // Of the symbols of a step's program; a source sequence (U) is as long as its target.
  SymbolSizes StepSizes() const;
  // How the step of this run is compiled; `optimizer` is borrowed by the options.
  CompileOptions ForStep(const Optimizer& optimizer) const;
};

// INVALID_ARGUMENT when the program carries state on, but rows of the data do not go on.
absl::Status CheckSampling(const RunSettings& settings, const Program& program);

// INVALID_ARGUMENT when the model has fewer ids than the data use.
absl::Status CheckVocabulary(const Config& config, const RunSettings& settings,
                             const Dataset& dataset);

}  // namespace tessera
