// Optim kit: parameters whose gradients a test chooses, moved by a compiled program.
//
// The loss is sum(parameter * argument), so that the gradient of a parameter is the argument, bit
// for bit. Everything else is the path of the trainer: Compile with an update rule, an Executor,
// and the actions forward, backward, collect, norm, commit in turn. Header only.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/device/kernel_sink.h"
#include "cpp/exec/executor.h"
#include "cpp/optim/optimizer.h"
#include "cpp/optim/schedule.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {
void RegisterAllCpuKernels(KernelSink& sink);
}

namespace tessera {

inline const KernelTable& OptimKernels() {
  static const KernelTable* const table = [] {
    KernelSink sink;
    cpu::RegisterAllCpuKernels(sink);
    return new KernelTable(sink.defs());
  }();
  return *table;
}

// A resolved config of one type: {"type": "AdamW", ...}.
inline absl::StatusOr<Config> OptimConfig(std::string_view json) {
  ASSIGN_OR_RETURN(const Config config,
                   Config::FromJson(SchemaRegistry::Builtin(), json, "optim.json"));
  return config.Resolve();
}

inline absl::StatusOr<std::unique_ptr<Optimizer>> OptimizerFromJson(std::string_view json) {
  ASSIGN_OR_RETURN(const Config config, OptimConfig(json));
  return NewOptimizer(config.root());
}

inline absl::StatusOr<std::unique_ptr<Schedule>> ScheduleFromJson(std::string_view json) {
  ASSIGN_OR_RETURN(const Config config, OptimConfig(json));
  return NewSchedule(config.root());
}

struct OptimParam {
  std::string path;
  std::vector<int64_t> dims;
  bool decay = true;
};

class OptimRun {
 public:
  static absl::StatusOr<std::unique_ptr<OptimRun>> Create(const UpdateRule& rule, DType dtype,
                                                          const std::vector<OptimParam>& params,
                                                          DType compute_dtype) {
    auto main = std::make_shared<Function>("main");
    Graph graph(OpTable::Builtin(), *main);
    ValueId loss = kNoValue;
    for (const OptimParam& param : params) {
      const ValueType type{compute_dtype, Dims(param.dims.begin(), param.dims.end())};
      const ValueId weight = main->AddInput(param.path, InputKind::kParam, type,
                                            {Initializer::Constant(0), {}, param.decay});
      const ValueId gradient =
          main->AddInput("gradient/" + param.path, InputKind::kArgument, type);
      std::vector<int64_t> all;
      for (size_t d = 0; d < param.dims.size(); ++d) all.push_back(static_cast<int64_t>(d));
      const ValueId sum =
          graph.Cast(graph.Sum(graph.Mul(weight, gradient), all), DType::kF32);
      loss = loss == kNoValue ? sum : graph.Add(loss, sum);
    }
    main->AddOutput("loss", loss, OutputKind::kLossNumerator);
    main->AddOutput("loss", graph.Constant(1, DType::kF32), OutputKind::kLossDenominator);
    RETURN_IF_ERROR(graph.status());
    CompileOptions options;
    options.gradients = true;
    options.update = &rule;
    auto run = std::make_unique<OptimRun>();
    ASSIGN_OR_RETURN(run->program_, Compile(*main, OpTable::Builtin(), options));
    ThreadPoolOptions pool;
    pool.threads = 2;
    run->pool_ = std::make_unique<ThreadPool>(pool);
    ExecutorOptions executor;
    executor.isa = cpu::DetectIsa();
    ASSIGN_OR_RETURN(run->executor_,
                     Executor::Create(run->program_, OptimKernels(), run->pool_.get(), nullptr,
                                      executor));
    for (const ProgramParam& param : run->program_->params) {
      RET_CHECK(param.dtype == dtype);
    }
    RETURN_IF_ERROR(run->executor_->Run({ActionKind::kRefresh}));
    return run;
  }
  static absl::StatusOr<std::unique_ptr<OptimRun>> Create(const UpdateRule& rule, DType dtype,
                                                          const std::vector<OptimParam>& params) {
    return Create(rule, dtype, params, dtype);
  }

  const Program& program() const { return *program_; }
  Tensor Slot(SlotKind kind, const std::string& name) const {
    const int slot = program_->FindSlot(name, kind);
    EXPECT_GE(slot, 0) << name;
    const absl::StatusOr<Tensor> tensor = executor_->SlotTensor(slot);
    EXPECT_TRUE(tensor.ok()) << tensor.status();
    return *tensor;
  }
  Tensor Param(const std::string& path) const { return Slot(SlotKind::kParam, path); }

  // Step number `step`, from 1, with these gradients by path; `clip_norm` 0: not clipped. What the
  // trainer does. The global norm before clipping is left in `norm`.
  absl::Status Step(const std::map<std::string, std::vector<double>>& gradients, double rate,
                    int64_t step, double clip_norm = 0) {
    for (const auto& [path, values] : gradients) {
      Tensor tensor = Slot(SlotKind::kInput, "gradient/" + path);
      RET_CHECK_EQ(static_cast<size_t>(tensor.count()), values.size());
      for (size_t i = 0; i < values.size(); ++i) tensor.Put(static_cast<int64_t>(i), values[i]);
    }
    RETURN_IF_ERROR(executor_->Run({ActionKind::kPrologue}));
    for (const SumSpec& sum : program_->sums) {
      ASSIGN_OR_RETURN(Tensor seed, executor_->SlotTensor(sum.seed_slot));
      seed.Put(0, 1);
    }
    RETURN_IF_ERROR(executor_->Run({ActionKind::kForward, ActionKind::kBackward,
                                    ActionKind::kCollect, ActionKind::kReduce,
                                    ActionKind::kNorm}));
    double squares = 0;
    for (int slot : program_->norm_slots) {
      ASSIGN_OR_RETURN(const Tensor square, executor_->SlotTensor(slot));
      squares += square.At(0);
    }
    norm = std::sqrt(squares);
    clip = clip_norm > 0 ? std::min(1.0, clip_norm / (norm + 1e-6)) : 1;
    Slot(SlotKind::kScalar, kLearningRateSlot).Put(0, rate);
    Slot(SlotKind::kScalar, kStepSlot).Put(0, static_cast<double>(step));
    Slot(SlotKind::kScalar, kClipSlot).Put(0, clip);
    return executor_->Run({ActionKind::kCommit});
  }

  double norm = 0, clip = 1;

 private:
  std::shared_ptr<const Program> program_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Executor> executor_;
};

inline std::vector<double> Doubles(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
  return values;
}

}  // namespace tessera
