// How long the update of a config's parameters takes: norm of the gradients, clipping, AdamW or
// another rule, and copies of the weights in compute dtype, as a training step has them.
//
// Parameters and gradients are those that pairs.py makes for a peer. Prints JSON: the least
// seconds, bytes that must be read and written, the gradients' norm, dims of the parameters. FILE
// gets the parameters after ROUNDS + 1 updates (adamw_compare.py compares them). Usage:
//   update_bench [config = samples/bench/dense.json] [threads = 2] [rounds = 5] [FILE]
#include <algorithm>
#include <cmath>

#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/nn/tracer.h"
#include "cpp/optim/optimizer.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/bench/bench_step.h"

namespace tessera {
namespace {

constexpr double kLearningRate = 3e-4, kClipNorm = 1;

class Update {
 public:
  explicit Update(Step& step) : executor_(step.executor()), program_(step.program()) {
    const std::vector<Slot>& slots = program_.slots;
    for (size_t s = 0; s < slots.size(); ++s) {
      const Slot& slot = slots[s];
      const int index = static_cast<int>(s);
      if (slot.kind == SlotKind::kParam) {
        params_.push_back(Need(executor_.SlotTensor(index)));
        Fill(params_.back(), slot.param, 0.06f);
      } else if (slot.kind == SlotKind::kGradient) {
        Fill(Need(executor_.SlotTensor(index)), slot.param + 500, 0.01f);
      } else if (slot.kind == SlotKind::kOptimizer) {
        const Tensor tensor = Need(executor_.SlotTensor(index));
        std::memset(tensor.data(), 0, tensor.bytes());
      } else if (slot.kind == SlotKind::kWeight) {
        weight_bytes_ += Need(executor_.SlotTensor(index)).bytes();
      }
    }
    for (const int slot : program_.norm_slots) {
      norms_.push_back(Need(executor_.SlotTensor(slot)));
    }
    rate_ = Scalar(kLearningRateSlot);
    step_ = Scalar(kStepSlot);
    clip_ = Scalar(kClipSlot);
    rate_.Put(0, kLearningRate);
  }

  double Run(int update) {
    const double start = Now();
    Need(executor_.Run({ActionKind::kNorm}));
    double squares = 0;
    for (const Tensor& norm : norms_) squares += norm.At(0);
    norm_ = std::sqrt(squares);
    step_.Put(0, update);
    clip_.Put(0, std::min(1.0, kClipNorm / (norm_ + 1e-6)));
    Need(executor_.Run({ActionKind::kCommit}));
    return Now() - start;
  }

  void Print(double seconds) const {
    int64_t count = 0;
    for (const Tensor& param : params_) count += param.count();
    // Gradients are read twice; parameter and two moments are read and written.
    const double bytes = static_cast<double>(count) * 4 * (2 + 3 + 3) +
                         static_cast<double>(weight_bytes_);
    std::printf("{\"update_s\": %.6g, \"bytes\": %.6g, \"parameters\": %lld, \"norm\": %.9g, "
                "\"dims\": [",
                seconds, bytes, static_cast<long long>(count), norm_);
    for (size_t i = 0; i < params_.size(); ++i) {
      std::printf("%s[", i == 0 ? "" : ", ");
      for (size_t d = 0; d < params_[i].dims.size(); ++d) {
        std::printf("%s%lld", d == 0 ? "" : ", ", static_cast<long long>(params_[i].dims[d]));
      }
      std::printf("]");
    }
    std::printf("]}\n");
  }

  bool Write(const char* path) const {
    std::FILE* file = std::fopen(path, "wb");
    if (file == nullptr) return false;
    bool ok = true;
    for (const Tensor& param : params_) {
      ok = ok && std::fwrite(param.data(), 1, param.bytes(), file) == param.bytes();
    }
    return std::fclose(file) == 0 && ok;
  }

 private:
  // FillOperand's numbers (bench_kit.h), smaller.
  static void Fill(const Tensor& tensor, int64_t shift, float scale) {
    for (int64_t i = 0; i < tensor.count(); ++i) {
      tensor.data_as<float>()[i] =
          (static_cast<float>((i * 7919 + shift) % 1021) / 1021.0f - 0.5f) * scale;
    }
  }
  Tensor Scalar(const char* name) {
    const int slot = program_.FindSlot(name, SlotKind::kScalar);
    if (slot >= 0) return Need(executor_.SlotTensor(slot));
    std::fprintf(stderr, "the program has no %s\n", name);
    std::exit(1);
  }

  Executor& executor_;
  const Program& program_;
  std::vector<Tensor> params_;
  std::vector<Tensor> norms_;
  Tensor rate_, step_, clip_;
  size_t weight_bytes_ = 0;
  double norm_ = 0;
};

int Main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "samples/bench/dense.json";
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  const Config config = Need(Need(Config::Load(SchemaRegistry::Builtin(), path)).Resolve());
  Step step(config, threads, cpu::DetectIsa(), 50);
  step.Make(false);
  Update update(step);
  update.Run(1);
  double least = 1e30;
  for (int i = 0; i < rounds; ++i) least = std::min(least, update.Run(2 + i));
  update.Print(least);
  if (argc <= 4 || update.Write(argv[4])) return 0;
  std::fprintf(stderr, "%s: cannot be written\n", argv[4]);
  return 1;
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) { return tessera::Main(argc, argv); }
