// TrainStep: one optimizer step of a compiled program: from a batch to gradients, from gradients to
// new parameters.
//
// It is the trainer's hot path: everything it touches is found and allocated when it is made, and a
// step allocates nothing. It knows no loop, no files and no schedule of learning rates. The loss is
// the mean over the target tokens of the global batch: denominators are summed over micro-batches
// and ranks before the first forward and give the seeds of the backward. What a model carries on
// from step to step (state: a memory of the sequence before) it carries for every row of the batch;
// rows that begin anew find zeros, and no gradient goes into it.
// One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/data/batch.h"
#include "cpp/exec/executor.h"
#include "cpp/generate/environment.h"

namespace tessera {

struct TrainStepOptions {
  int64_t micro_rows = 1;    // rows of a micro-batch
  int64_t sequence = 1;
  uint64_t seed = 0;         // of random keys
  double clip_norm = 0;      // 0: gradients are not clipped
  bool profile = false;
  std::vector<std::string> others;   // inputs that the data add (Batch::others)
  // Results of the program that are kept, in its order: choices of mixtures of experts.
  std::vector<std::string> recorded;
  std::vector<std::string> replayed;  // inputs that whoever steps fills: such choices
};

struct StepGradients {
  double loss = 0;
  double grad_norm = 0;
  bool is_finite = true;      // the same on all ranks
  int64_t target_count = 0;   // of the global batch
};

class TrainStep {
 public:
  // `program`: compiled with gradients and an update rule. Parameters and optimizer slots are made
  // in `store`, zeroed; weights in compute dtype follow them with Refresh. INVALID_ARGUMENT names
  // an input of the model for which there are no data; otherwise as Executor::Create.
  static absl::StatusOr<std::unique_ptr<TrainStep>> Create(std::shared_ptr<const Program> program,
                                                           const Environment& environment,
                                                           std::shared_ptr<SlotStore> store,
                                                           const TrainStepOptions& options);

  // Makes the weights from the parameters: after the first values and after loading.
  absl::Status Refresh();

  // Everything up to the norm of the gradients, summed over ranks. `step` counts from 1 and keys
  // the random numbers. Parameters do not change. A collective.
  absl::StatusOr<StepGradients> ComputeGradients(const Batch& batch, int64_t step);

  // Moves the parameters by the gradients at hand, and state to what the forwards made of it: a
  // step that is not committed leaves both, and what it read is not remembered. `update` counts
  // applied updates from 1.
  absl::Status Commit(double learning_rate, int64_t update, double grad_norm);

  // After gradients that are not finite: the first op on this rank whose result is not, though its
  // operands are; "" when there is none. Slow.
  absl::StatusOr<std::string> FirstNonFinite() { return executor_->FirstNonFinite(); }

  // Losses and metrics of the model by name, of the last ComputeGradients: each a mean over the
  // global batch, losses without their weights.
  struct Sum {
    std::string name;
    bool is_loss = false;
    double mean = 0;
  };
  absl::Span<const Sum> sums() const { return sums_; }

  // Options' `recorded`, as ComputeGradients left them, or `replayed`, to be filled before it.
  struct Choices {
    std::string name;
    std::vector<Tensor> parts;   // per micro-batch
  };
  std::vector<Choices>& choices() { return choices_; }

  // What is carried from step to step; the parts, one a micro-batch, are this rank's rows in order.
  struct Carried {
    std::string path;
    std::vector<Tensor> parts;
  };
  absl::Span<const Carried> carried() const { return carried_; }

  Executor& executor() { return *executor_; }
  const Executor& executor() const { return *executor_; }
  const Program& program() const { return *program_; }

 private:
  struct SumPlace {  // per loss or metric
    double weight = 1;
    bool is_loss = false;
    // Per micro-batch. What no batch dim enters is the same in all of them and on all ranks and
    // counts once: then only the first rank has it here, once.
    std::vector<Tensor> numerators, denominators;
    double seed_parts = 1;                         // how often the backward adds up the seed
    Tensor seed;                                   // undefined for metrics
  };
  struct Key {
    const char* path = "";
    uint32_t* words = nullptr;
  };
  TrainStep(std::shared_ptr<const Program> program, const TrainStepOptions& options,
            const Environment& environment)
      : program_(std::move(program)),
        options_(options),
        communicator_(environment.communicator),
        rank_(environment.rank()),
        world_(environment.world()) {}
  absl::Status FindSlots();
  absl::Status FindInput(int slot);
  absl::Status FindState(int slot);
  absl::Status FindRecorded();
  absl::Status FindSums();
  absl::StatusOr<std::vector<Tensor>> Parts(int slot, bool is_reduced, bool is_statistic) const;
  void FillInputs(const Batch& batch, int64_t step);
  void ForgetRows(const Batch& batch);
  absl::Status RunPrologue(const Batch& batch, int64_t& target_count);
  absl::Status SumLosses(double& loss);
  double GradientNorm() const;

  const std::shared_ptr<const Program> program_;
  const TrainStepOptions options_;
  Communicator* const communicator_;
  const int rank_, world_;
  std::unique_ptr<Executor> executor_;

  // Per micro-batch; empty when the model does not read it.
  std::vector<Tensor> tokens_, targets_, positions_, segments_, batch_offsets_;
  std::map<std::string, std::vector<Tensor>> others_;
  std::vector<SumPlace> places_;
  std::vector<Sum> sums_;
  std::vector<Choices> choices_;
  std::vector<Key> keys_;
  std::vector<Carried> carried_;
  std::vector<Tensor> norms_;
  Tensor learning_rate_, update_, clip_;
  std::vector<double> exchange_;  // what ranks add up: sized once
};

}  // namespace tessera
