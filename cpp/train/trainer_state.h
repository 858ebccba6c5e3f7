// What a Trainer holds, and the parts of its work. Used by trainer*.cc only.
//
// trainer_setup.cc makes it, trainer.cc steps and loops, trainer_checkpoint.cc saves and loads,
// trainer_report.cc describes. Methods marked "collective" are called by all ranks together.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "cpp/ckpt/background_saver.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/data/dataset.h"
#include "cpp/data/loader.h"
#include "cpp/optim/optimizer.h"
#include "cpp/optim/schedule.h"
#include "cpp/train/carried_state.h"
#include "cpp/train/evaluator.h"
#include "cpp/train/metrics.h"
#include "cpp/train/run_environment.h"
#include "cpp/train/run_routing.h"
#include "cpp/train/run_settings.h"
#include "cpp/train/run_state.h"
#include "cpp/train/train_step.h"
#include "cpp/train/trainer.h"

namespace tessera {

struct Trainer::State {
  State(Config resolved, TrainerOptions trainer_options)
      : config(std::move(resolved)), options(std::move(trainer_options)) {}

  // --- What the run is made of. ---
  Config config;
  const TrainerOptions options;
  RunEnvironment run;
  RunSettings settings;
  DType dtype = DType::kF32;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Schedule> schedule;
  std::shared_ptr<const Dataset> dataset;
  std::shared_ptr<SlotStore> store = std::make_shared<SlotStore>();
  std::unique_ptr<TrainStep> train_step;
  std::unique_ptr<RunRouting> routing;        // null: neither recorded nor replayed
  std::unique_ptr<Loader> loader;
  std::unique_ptr<Loader> validation_loader;  // made by the first evaluation
  std::unique_ptr<Evaluator> evaluator;       // the same
  std::shared_ptr<const Program> decode_program;  // made by the first generator
  MetricsLog metrics;
  std::unique_ptr<BackgroundSaver> saver;  // rank 0 with a checkpoint folder
  std::string stored_functions;            // for checkpoints; made by the first save
  bool has_stored_functions = false;

  // --- Where it stands. ---
  int64_t step = 0;
  int64_t update_count = 0;
  int64_t tokens = 0;
  WholeStates carried;       // rank 0, while a checkpoint is saved or loaded
  int64_t saved_step = -1;   // newest step saved into checkpoint_folder, or resumed from there

  // --- What was found and noticed. ---
  double flops = 0;                // of a step on this rank, without recomputation
  double peak_flops_per_s = -1;    // measured at the first step; below 0: not yet
  std::string resumed_from;
  std::string resumed_fingerprint;  // numerics of the checkpoint; empty: none was loaded
  std::vector<DamagedCheckpoint> damaged;
  std::vector<std::string> notes;
  std::string origin;  // CheckpointInfo::origin of what the run began with; "" of none
  size_t notes_written = 0;        // of notes, into the metrics
  using ProfileKey = std::tuple<std::string, std::string, ActionKind>;  // op, kernel, phase
  std::map<ProfileKey, NodeProfile> profiled;  // at the last ProfileJson

  Communicator* communicator() const { return run.environment.communicator; }
  bool is_alone() const { return settings.world <= 1; }
  bool is_first_rank() const { return settings.rank == 0; }
  // trainer.checkpoint_folder, or that in out_dir; empty when there is neither.
  std::string checkpoint_folder() const;
  // Where a path of a checkpoint is: a store of the host, or the local file system.
  absl::StatusOr<FileStore*> StoreOf(const std::string& path) const;

  // --- trainer_setup.cc ---
  absl::Status Open(const Environment& environment);  // collective
  absl::Status Prepare(const Environment& environment);
  absl::Status Build(const std::string& packed_tokenizer);
  // trainer.init_from on rank 0, null when unset, and its tokenizer.
  absl::Status OpenInitial(std::unique_ptr<CheckpointReader>* reader,
                           std::string* packed_tokenizer);  // collective
  absl::Status Begin(const CheckpointReader* initial);      // collective
  absl::Status CompileStep();
  absl::Status OpenMetrics();

  // --- trainer.cc ---
  absl::StatusOr<StepResult> Step();  // collective
  absl::StatusOr<StepResult> TakeStep();
  // With its routing, if it is recorded or replayed.
  absl::StatusOr<StepGradients> Gradients(const Batch& batch, int64_t attempt);
  absl::Status WriteTrace();
  absl::Status OnNonFinite(const StepGradients& gradients, int64_t attempt);
  absl::StatusOr<std::string> NameNonFinite();
  absl::Status WriteStep(const StepResult& result);
  absl::StatusOr<double> Evaluate(const std::function<bool()>& cancelled);  // collective
  absl::Status MakeEvaluator();
  absl::Status Run(int64_t steps, const std::function<bool()>& cancelled,
                   const Progress& progress);  // collective
  bool IsEvaluationDue() const;
  // Tells the other ranks when this one fails alone, so that they do not wait for it.
  absl::Status Fail(const absl::Status& status);

  // --- trainer_checkpoint.cc ---
  // The checkpoint to go on from, on rank 0; null when there is none.
  absl::StatusOr<std::unique_ptr<CheckpointReader>> FindResume();
  absl::StatusOr<SaveRequest> MakeSaveRequest();
  absl::Status Gather();            // fills `carried`; collective
  absl::Status SaveInBackground();  // collective
  absl::Status StartSave();
  absl::Status Save(const std::string& path);  // collective
  absl::Status SaveFirstRank(const std::string& path);
  // Waits for the pending save and takes in what it noticed.
  absl::Status FinishSave();
  absl::Status Load(const std::string& path);  // collective
  // Tensors from `reader` (rank 0) to all ranks, then everything that follows from `saved`.
  absl::Status Restore(const CheckpointReader* reader, const RunState& saved);  // collective
  absl::Status LoadTensors(const CheckpointReader& reader);
  absl::Status BroadcastTensors();
  absl::Status Continue(const RunState& saved);
  void NoteDifferences(const RunState& saved);

  absl::Status WriteNotes();
  std::string PackedTokenizer() const;
};

}  // namespace tessera
