// Trainer: a run from its config: data, model, optimizer, the loop, metrics and checkpoints.
//
// It is the first user of Program and Executor and adds no second way to compute: a step is a row
// of actions of one compiled program (train_step.h), an evaluation is another program over the same
// parameters (evaluator.h). What it writes, all below `out_dir` and on rank 0 only:
//   metrics.jsonl        one JSON object a line: steps and evaluations (metrics.h)
//   checkpoints/step_N   complete checkpoints (ckpt/checkpoint_writer.h), unless the config has a
//                        trainer.checkpoint_folder for them
//
// The same config, seed and number of ranks give the same bits: with any number of threads, and
// whether or not the run was interrupted and resumed. With several ranks every rank makes a Trainer
// of the same config and calls the same methods in the same order; ranks agree on stopping, on
// skipped steps and on errors, which name the rank they come from.
// One thread at a time may use a Trainer. Sinks are called on that thread.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/config/config.h"
#include "cpp/data/tokenizer.h"
#include "cpp/exec/executor.h"
#include "cpp/generate/environment.h"
#include "cpp/generate/generator.h"

namespace tessera {

struct TrainerOptions {
  std::string out_dir;   // empty: no metrics are written, and checkpoints as the config says
  bool resume = false;   // go on from the newest complete checkpoint of the run, if there is one
};

// What one step reports.
struct StepResult {
  bool skipped = false;      // a loss or gradient was not finite and nothing was applied
  int64_t step = 0;          // from 1
  double loss = 0;           // mean over the target tokens of the global batch
  double grad_norm = 0;      // before clipping
  double learning_rate = 0;
  int64_t tokens = 0;        // target tokens of all steps so far, over all ranks
  double tokens_per_s = 0;   // of this step
  double step_s = 0;
  double eval_loss = std::numeric_limits<double>::quiet_NaN();  // NaN: this step did not evaluate
};

class Trainer {
 public:
  // Receives each record of metrics.jsonl: one JSON object without a line break, valid during the
  // call.
  using Sink = std::function<void(std::string_view record)>;
  // Receives each step of Run after it is done, with its evaluation.
  using Progress = std::function<void(const StepResult& result)>;

  // Opens the data, compiles, allocates, and initialises the parameters from runtime.seed, from the
  // checkpoint of trainer.init_from or, with `resume`, from the newest complete one; damaged ones
  // are left alone and listed by DescribeJson. `config` may be resolved or not. `environment` is
  // borrowed; its threads and instruction set are narrowed as runtime.threads and runtime.isa say
  // (run_environment.h).
  //
  // INVALID_ARGUMENT: the config, or parts that do not fit together (a vocabulary smaller than the
  // tokenizer's, a batch that ranks and micro-batches do not divide). NOT_FOUND: data.
  // ALREADY_EXISTS: the folder holds checkpoints and `resume` is false. DATA_LOSS: it holds
  // checkpoints and none is complete. FAILED_PRECONDITION: the checkpoint is of another model,
  // optimizer or data order. RESOURCE_EXHAUSTED: memory.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(const Config& config,
                                                         const Environment& environment,
                                                         const TrainerOptions& options);
  // Waits for a checkpoint that is being written.
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // One optimizer step, with its metrics record. It neither evaluates nor saves.
  // OUT_OF_RANGE: trainer.steps are done. FAILED_PRECONDITION: the loss or a gradient is not finite
  // and trainer.nan_policy is stop; nothing was applied, the message names the step and, with
  // trainer.find_non_finite, the op. ABORTED, UNAVAILABLE: another rank failed or stopped.
  absl::StatusOr<StepResult> Step();

  // Steps until trainer.steps are done, or `steps` more when positive, evaluating and saving as
  // trainer.eval_every, save_every and keep_checkpoints say. Both also happen when trainer.steps
  // are done, not when only `steps` are. Saves are written while training goes on; all are complete
  // on return.
  // When `cancelled` turns true (any rank; asked between steps, any thread may set it) the step at
  // hand is finished, a checkpoint is saved, and the result is CANCELLED. Both callbacks may be
  // null. Errors of Step, Evaluate and Save.
  absl::Status Run(int64_t steps, const std::function<bool()>& cancelled,
                   const Progress& progress);

  // Mean loss over the target tokens of the whole validation split (or of its first
  // trainer.eval_batches batches), with its metrics record. FAILED_PRECONDITION: there is no
  // validation split.
  absl::StatusOr<double> Evaluate();

  // Saves a checkpoint to `path`, or as step_N among those of the run when it is empty, and returns
  // when it is complete. Saving a step of the run twice is one checkpoint, no error.
  // ALREADY_EXISTS: something is at `path`. RESOURCE_EXHAUSTED: space, checked first.
  // FAILED_PRECONDITION: no path, no out_dir and no trainer.checkpoint_folder.
  absl::Status Save(const std::string& path = "");

  // Loads parameters, optimizer, what rows carry on, data position and step from a checkpoint, or
  // from the newest complete one in a folder. What rows carry on begins with zeros, and a note says
  // so, where the checkpoint has none or one of another shape. On NOT_FOUND nothing changes; after
  // DATA_LOSS, FAILED_PRECONDITION (another model, optimizer or data order) parameters may be
  // partly loaded: load again.
  absl::Status Load(const std::string& path);

  // Adds a receiver of metrics records.
  void AddSink(Sink sink);

  // The state as JSON: step, parameters, memory, data, checkpoints found and refused, numerics
  // fingerprint and whether the run was resumed under another one, notes.
  absl::StatusOr<std::string> DescribeJson() const;

  // Time, flops and bytes per op and kernel since the last call, as JSON. FAILED_PRECONDITION
  // unless trainer.profile is set.
  absl::StatusOr<std::string> ProfileJson();

  // A generator over the trainer's parameters, which it shares: it must not run during a step, nor
  // outlive the trainer, whose threads it uses.
  // FAILED_PRECONDITION: the data have no tokenizer, or the model is no language model.
  absl::StatusOr<std::unique_ptr<Generator>> NewGenerator() const;

  int64_t step() const;               // optimizer steps done
  int64_t total_steps() const;        // trainer.steps
  int64_t parameter_count() const;    // elements of all parameters
  const Config& config() const;       // resolved
  // Null when the data are token files without one.
  const std::shared_ptr<const Tokenizer>& tokenizer() const;
  // Parameters (SlotKind::kParam) and optimizer slots by path.
  const std::shared_ptr<SlotStore>& parameters() const;
  const MemoryReport& memory() const;
  // Floating-point operations of one step on this rank.
  double step_flops() const;
  const std::string& out_dir() const;

  struct State;

 private:
  explicit Trainer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tessera
