// ModelRun: a model or a function on its way from config text to numbers, as a driver would do it:
// trace, compile, executor, seeds of the losses, forward, backward.
//
// What tests of nn, golden, compile and autodiff share. Header only; not thread-safe.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"
#include "cpp/base/philox.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/ops/interpreter.h"

namespace tessera {

struct RunOptions {
  DType dtype = DType::kF64;
  Mode mode = Mode::kTrain;
  SymbolSizes sizes = {{"B", 2}, {"T", 4}};
  CompileOptions compile;
  int isa = TSR_ISA_AMX;  // cap; the machine's own set is applied
  int threads = 1;
  Communicator* communicator = nullptr;  // borrowed; for a stage of a pipeline
};

// A resolved config with `json` as its root.
inline absl::StatusOr<Config> ResolvedConfig(std::string_view json) {
  ASSIGN_OR_RETURN(const Config config,
                   Config::FromJson(SchemaRegistry::Builtin(), json, "model.json"));
  return config.Resolve();
}

inline absl::StatusOr<FunctionRef> TraceModel(const ConfigNode& config, const ModuleTable& modules,
                                              TraceOptions options) {
  Tracer tracer(OpTable::Builtin(), modules, options);
  return tracer.TraceModel(config);
}

inline absl::StatusOr<FunctionRef> TraceJson(std::string_view json, TraceOptions options) {
  ASSIGN_OR_RETURN(const Config config, ResolvedConfig(json));
  const ModuleTable modules;
  return TraceModel(config.root(), modules, options);
}

class ModelRun {
 public:
  // A program as it stands, whatever made it.
  static absl::StatusOr<std::unique_ptr<ModelRun>> OfProgram(
      std::shared_ptr<const Program> program, const RunOptions& options,
      std::shared_ptr<SlotStore> store = nullptr) {
    auto run = std::unique_ptr<ModelRun>(new ModelRun());
    run->program_ = std::move(program);
    run->sizes_ = options.sizes;
    run->pool_ = std::make_unique<ThreadPool>(ThreadPoolOptions{.threads = options.threads});
    run->store_ = store != nullptr ? std::move(store) : std::make_shared<SlotStore>();
    ExecutorOptions exec;
    exec.sizes = options.sizes;
    exec.communicator = options.communicator;
    exec.isa = std::min<int>(options.isa, cpu::DetectIsa());
    ASSIGN_OR_RETURN(run->executor_, Executor::Create(run->program_, CpuKernels(),
                                                      run->pool_.get(), run->store_, exec));
    return run;
  }

  static absl::StatusOr<std::unique_ptr<ModelRun>> OfFunction(
      const Function& main, const RunOptions& options, std::shared_ptr<SlotStore> store = nullptr) {
    ASSIGN_OR_RETURN(auto program, Compile(main, OpTable::Builtin(), options.compile));
    return OfProgram(std::move(program), options, std::move(store));
  }

  static absl::StatusOr<std::unique_ptr<ModelRun>> OfJson(
      std::string_view json, const RunOptions& options,
      std::shared_ptr<SlotStore> store = nullptr) {
    ASSIGN_OR_RETURN(const FunctionRef main, TraceJson(json, {options.dtype, options.mode}));
    return OfFunction(*main, options, std::move(store));
  }

  const Program& program() const { return *program_; }
  Executor& executor() { return *executor_; }
  const std::shared_ptr<SlotStore>& store() const { return store_; }

  // Undefined when the model has no such parameter.
  Tensor Param(std::string_view path) const { return store_->Find(SlotKind::kParam, path); }

  // Every parameter: uniform numbers of its path; scales and biases too, so that none hides a bug.
  void FillParams(uint64_t seed, double size = 0.5) {
    for (const ProgramParam& param : program_->params) {
      Tensor tensor = Param(param.path);
      const uint64_t key = HashBytes(param.path, seed);
      const bool is_scale = param.path.ends_with("scale");
      for (int64_t i = 0; i < tensor.count(); ++i) {
        const double u = 2 * philox::UnitDouble(PhiloxU64(key, 0, static_cast<uint64_t>(i))) - 1;
        tensor.Put(i, (is_scale ? 1.0 : 0.0) + size * u);
      }
    }
  }

  // An input of main by name; absent ones (the model does not read them) are ignored.
  absl::Status SetInput(std::string_view name, int micro_batch, const std::vector<double>& values) {
    const int slot = program_->FindSlot(name, SlotKind::kInput);
    if (slot < 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(slot, micro_batch));
    RET_CHECK_EQ(static_cast<size_t>(tensor.count()), values.size());
    for (size_t i = 0; i < values.size(); ++i) tensor.Put(static_cast<int64_t>(i), values[i]);
    return absl::OkStatus();
  }

  // Tokens and targets of one micro-batch; positions from 0, one segment, rows in order.
  absl::Status SetBatch(int micro_batch, const std::vector<double>& tokens,
                        const std::vector<double>& targets) {
    const int64_t rows = sizes_.at("B"), length = sizes_.at("T");
    std::vector<double> positions, segments(static_cast<size_t>(rows * length), 0.0);
    for (int64_t i = 0; i < rows * length; ++i) {
      positions.push_back(static_cast<double>(i % length));
    }
    RETURN_IF_ERROR(SetInput("tokens", micro_batch, tokens));
    RETURN_IF_ERROR(SetInput("targets", micro_batch, targets));
    RETURN_IF_ERROR(SetInput("positions", micro_batch, positions));
    RETURN_IF_ERROR(SetInput("segments", micro_batch, segments));
    return SetInput("batch_offset", micro_batch, {static_cast<double>(micro_batch * rows)});
  }

  absl::Status SetKeys(uint64_t seed) {
    for (size_t s = 0; s < program_->slots.size(); ++s) {
      const Slot& slot = program_->slots[s];
      if (slot.kind != SlotKind::kKey) continue;
      ASSIGN_OR_RETURN(Tensor tensor, executor_->SlotTensor(static_cast<int>(s)));
      for (int i = 0; i < 4; ++i) {
        tensor.data_as<uint32_t>()[i] =
            static_cast<uint32_t>(HashBytes(slot.name, MixBits(seed) + i));
      }
    }
    return absl::OkStatus();
  }

  // Everything up to the gradients, which are those of Loss().
  absl::Status Step() {
    RETURN_IF_ERROR(executor_->Run({ActionKind::kRefresh}));
    RETURN_IF_ERROR(executor_->Run({ActionKind::kPrologue}));
    for (const SumSpec& sum : program_->sums) {
      if (sum.seed_slot < 0) continue;
      ASSIGN_OR_RETURN(const double count, Total(sum.denominator_slot));
      ASSIGN_OR_RETURN(Tensor seed, executor_->SlotTensor(sum.seed_slot));
      seed.Put(0, count == 0 ? 0 : sum.weight / count);
    }
    return executor_->Run({ActionKind::kForward, ActionKind::kBackward,
                           ActionKind::kInputGradient, ActionKind::kWeightGradient,
                           ActionKind::kSend, ActionKind::kReceive, ActionKind::kCollect});
  }

  // Sum of all losses over the micro-batches.
  absl::StatusOr<double> Loss() const {
    double loss = 0;
    for (const SumSpec& sum : program_->sums) {
      if (!sum.is_loss) continue;
      ASSIGN_OR_RETURN(const double numerator, Total(sum.numerator_slot));
      ASSIGN_OR_RETURN(const double denominator, Total(sum.denominator_slot));
      if (denominator != 0) loss += sum.weight * numerator / denominator;
    }
    return loss;
  }

  // NOT_FOUND when the parameter has no gradient.
  absl::StatusOr<Tensor> Gradient(std::string_view path) const {
    for (const ProgramParam& param : program_->params) {
      if (param.path == path && param.gradient_slot >= 0) {
        return executor_->SlotTensor(param.gradient_slot);
      }
    }
    return absl::NotFoundError(absl::StrCat("no gradient of ", path));
  }

  absl::StatusOr<Tensor> Result(size_t index = 0, int micro_batch = 0) const {
    RET_CHECK(index < program_->result_slots.size());
    return executor_->SlotTensor(program_->result_slots[index], micro_batch);
  }

  // The bytes of all gradients by path, then of the loss numerators.
  absl::StatusOr<std::map<std::string, std::string>> GradientBytes() const {
    std::map<std::string, std::string> bytes;
    for (const ProgramParam& param : program_->params) {
      if (param.gradient_slot < 0) continue;
      ASSIGN_OR_RETURN(const Tensor tensor, executor_->SlotTensor(param.gradient_slot));
      bytes[param.path] = std::string(tensor.data_as<char>(), tensor.bytes());
    }
    for (const SumSpec& sum : program_->sums) {
      for (int m = 0; m < program_->micro_batches; ++m) {
        ASSIGN_OR_RETURN(const Tensor tensor, executor_->SlotTensor(sum.numerator_slot, m));
        bytes[absl::StrCat("sum ", sum.name, " ", m)] =
            std::string(tensor.data_as<char>(), tensor.bytes());
      }
    }
    return bytes;
  }

 private:
  ModelRun() = default;

  absl::StatusOr<double> Total(int slot) const {
    double total = 0;
    for (int m = 0; m < program_->micro_batches; ++m) {
      ASSIGN_OR_RETURN(const Tensor tensor, executor_->SlotTensor(slot, m));
      total += tensor.At(0);
    }
    return total;
  }

  SymbolSizes sizes_;
  std::shared_ptr<const Program> program_;
  std::unique_ptr<ThreadPool> pool_;
  std::shared_ptr<SlotStore> store_;
  std::unique_ptr<Executor> executor_;
};

// Numbers for tokens: a fixed pattern of `count` ids below `vocab`.
inline std::vector<double> SomeIds(int64_t count, int64_t vocab, uint64_t seed) {
  std::vector<double> ids;
  for (int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<double>(PhiloxU64(seed, 9, static_cast<uint64_t>(i)) %
                                      static_cast<uint64_t>(vocab)));
  }
  return ids;
}

}  // namespace tessera
