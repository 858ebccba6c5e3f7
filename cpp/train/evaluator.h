// Evaluator: the mean loss of a model over a validation split, by a program without gradients.
//
// It shares the parameters (and weights) of the store it is given and changes none of them; state
// that forwards carry on is its own and starts from zero in every evaluation.
// One thread at a time. With several ranks every call is a collective.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/data/loader.h"
#include "cpp/exec/executor.h"
#include "cpp/generate/environment.h"

namespace tessera {

struct EvaluatorOptions {
  int64_t rows = 1;        // rows of a batch on this rank
  int64_t sequence = 1;
  uint64_t seed = 0;       // of random keys, should the model want any
  std::vector<std::string> others = {};   // inputs that the data add (Batch::others)
};

struct Evaluation {
  double loss = 0;
  int64_t target_count = 0;
  int64_t batches = 0;     // of this rank
};

class Evaluator {
 public:
  // `program`: compiled from the evaluate mode without gradients.
  static absl::StatusOr<std::unique_ptr<Evaluator>> Create(std::shared_ptr<const Program> program,
                                                           const Environment& environment,
                                                           const SlotStore& parameters,
                                                           const EvaluatorOptions& options);

  // Over `loader` from its beginning: all of it, or `most_batches` when positive. CANCELLED when
  // `cancelled` turns true between batches; several ranks do not ask.
  absl::StatusOr<Evaluation> Run(Loader& loader, int64_t most_batches,
                                 const std::function<bool()>& cancelled = {});

  const Executor& executor() const { return *executor_; }

 private:
  struct SumPlace {
    double weight = 1;
    Tensor numerator, denominator;
  };
  struct Input {
    Tensor tensor;
    Tensor Batch::* source = nullptr;  // null: the batch offset, or
    std::string other = {};            // by its name
  };

  Evaluator(std::shared_ptr<const Program> program, const EvaluatorOptions& options,
            Communicator* communicator)
      : program_(std::move(program)), options_(options), communicator_(communicator) {}
  absl::Status FindSlots();
  absl::Status RunBatch(const Batch& batch, std::vector<double>& totals);

  const std::shared_ptr<const Program> program_;
  const EvaluatorOptions options_;
  Communicator* const communicator_;
  std::unique_ptr<Executor> executor_;
  std::vector<Input> inputs_;
  std::vector<SumPlace> places_;
  std::vector<Tensor> states_;
};

}  // namespace tessera
