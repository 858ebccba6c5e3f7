// ProgramObject: a compiled program with its parameters, run at whatever sizes its inputs have.
//
// Executors are made per sizes of symbols and the latest few kept; they share parameters. Programs
// that decode keep caches from run to run, which grow as they fill and start anew when the batch
// changes. One thread at a time (OneThread).
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "capi/src/internal/handle.h"
#include "capi/src/internal/one_thread.h"
#include "capi/src/internal/program_inputs.h"
#include "capi/src/internal/runtime_object.h"
#include "cpp/autodiff/cut.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/exec/executor.h"
#include "cpp/interop/original_names.h"
#include "cpp/ir/program.h"
#include "cpp/train/run_environment.h"

namespace tessera::capi {

// What a program is made from.
struct ProgramSource {
  std::shared_ptr<RuntimeObject> runtime;
  RunEnvironment run;                   // what of the runtime it uses
  FunctionRef main;
  bool is_model = false;                // main is a language model: inputs have usual values
  std::string mode = "evaluate";
  int64_t ignored_target = -100;
  uint64_t seed = 0;
  bool gradients = false;
  RecomputePolicy recompute = RecomputePolicy::kSelective;
  const CheckpointReader* reader = nullptr;   // parameters come from there; null: initialisers
};

class ProgramObject {
 public:
  static absl::StatusOr<std::shared_ptr<ProgramObject>> Create(ProgramSource source);
  ~ProgramObject();

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }
  OneThread& threads() { return threads_; }
  const Program& program() const { return *program_; }

  std::string DescribeJson() const;

  // Forward only: results of main, then each loss.
  absl::StatusOr<std::vector<Tensor>> Run(absl::Span<const NamedTensor> given);
  // Forward and backward. `loss` is the weighted sum of the losses.
  absl::StatusOr<std::vector<Tensor>> RunWithGradients(absl::Span<const NamedTensor> given,
                                                       double& loss);

  absl::StatusOr<Tensor> GetParam(std::string_view path) const;
  absl::Status SetParam(std::string_view path, const Tensor& tensor);
  absl::StatusOr<Tensor> GetGradient(std::string_view path) const;

 private:
  struct Sized {
    SymbolSizes sizes;
    std::shared_ptr<Executor> executor;
  };

  ProgramObject() = default;
  absl::Status FillParameters(const ProgramSource& source);
  // The names of an imported model; none when it has been changed since.
  absl::Status FindOriginalNames(const CheckpointReader& reader);
  // By a name of ours.
  absl::StatusOr<Tensor> GetOwnParam(std::string_view path) const;
  absl::StatusOr<Tensor> GetOwnGradient(std::string_view path) const;
  // Whether it is an original name, and no path of ours.
  bool IsOriginal(std::string_view name) const;
  absl::StatusOr<const ProgramParam*> FindParam(std::string_view path) const;
  // Binds, makes room in the caches, finds the executor and hands it everything.
  absl::StatusOr<std::shared_ptr<Executor>> Prepare(absl::Span<const NamedTensor> given,
                                                    bool needs_targets);
  absl::Status PrepareState();
  absl::Status NewState(int64_t batch, int64_t capacity);
  absl::StatusOr<std::shared_ptr<Executor>> ExecutorFor(const SymbolSizes& sizes);
  absl::Status CopyInputs(const Executor& executor) const;
  absl::Status RunForward(Executor& executor);
  // Counts the tokens that are now in the caches.
  void Advance();

  absl::StatusOr<Tensor> ReadSlot(const Executor& executor, int slot) const;
  // Numerator over denominator; 0 where nothing was counted.
  absl::StatusOr<double> MeanOf(const Executor& executor, const SumSpec& sum) const;
  absl::StatusOr<std::vector<Tensor>> TakeOutputs(const Executor& executor) const;

  std::shared_ptr<RuntimeObject> runtime_;
  RunEnvironment run_;
  OneThread threads_;
  FunctionRef main_;
  std::string mode_;
  bool is_model_ = false;
  bool gradients_ = false;
  uint64_t seed_ = 0;
  std::shared_ptr<const Program> program_;
  std::unique_ptr<OriginalNames> original_names_;  // null for a model of our own
  std::unique_ptr<ProgramInputs> inputs_;
  std::shared_ptr<SlotStore> store_;
  bool weights_are_stale_ = true;

  BoundInputs bound_;               // of the run at hand
  bool has_state_ = false;
  std::vector<int64_t> lengths_;    // tokens in the caches, by row
  int64_t capacity_ = 0;            // S
  std::list<Sized> executors_;      // latest first
  std::shared_ptr<Executor> with_gradients_;   // of the last run with gradients
};

}  // namespace tessera::capi

struct tsr_program
    : tessera::capi::ShellOf<tessera::capi::ProgramObject, tessera::capi::HandleKind::kProgram> {};
