// DenseCall: runs one kernel of the matrix family by itself, the way an executor would.
//
// Operands are given as doubles and stored in their dtype; results come back as doubles. Tasks of a
// phase run in a shuffled order, on one thread or several; memory that a kernel must not rely on
// (results, workspace) is filled with NaN patterns first, and bytes around it are checked after.
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cpp/device/kernel_sink.h"
#include "cpp/tensor/dtype.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/support/thread_room.h"

namespace tessera::cpu {

void RegisterMatmulKernels(KernelSink& sink);
void RegisterAttentionKernels(KernelSink& sink);
void RegisterAttentionGradKernels(KernelSink& sink);
void RegisterAttentionBiasGradKernels(KernelSink& sink);
void RegisterRotaryKernels(KernelSink& sink);

namespace testing {

// 64-byte aligned bytes between two guards; |shift| moves the start off that alignment.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t size, size_t shift = 0) : size_(size) {
    bytes_.assign(size + 4 * kGuard, 0xff);
    const auto at = reinterpret_cast<uintptr_t>(bytes_.data()) + kGuard;
    data_ = bytes_.data() + kGuard + (kGuard - at % kGuard) % kGuard + shift;
  }
  GuardedBytes(const GuardedBytes&) = delete;
  unsigned char* data() { return data_; }
  size_t size() const { return size_; }
  void Fill() { std::fill(bytes_.begin(), bytes_.end(), static_cast<unsigned char>(0xff)); }
  bool GuardsIntact() const {
    const auto touched = [](unsigned char b) { return b != 0xff; };
    return std::none_of(bytes_.data(), static_cast<const unsigned char*>(data_), touched) &&
           std::none_of(static_cast<const unsigned char*>(data_) + size_,
                        bytes_.data() + bytes_.size(), touched);
  }

 private:
  static constexpr size_t kGuard = 64;
  size_t size_;
  std::vector<unsigned char> bytes_;
  unsigned char* data_;
};

inline void StoreAs(DType dtype, double value, unsigned char* at) {
  const auto put = [&](auto x) { std::memcpy(at, &x, sizeof(x)); };
  switch (dtype) {
    case DType::kF64:
      return put(value);
    case DType::kF32:
      return put(static_cast<float>(value));
    case DType::kBF16:
      return put(BF16FromFloat(static_cast<float>(value)));
    case DType::kF16:
      return put(F16FromFloat(static_cast<float>(value)));
    default:
      return put(static_cast<int32_t>(value));
  }
}

inline double LoadAs(DType dtype, const unsigned char* at) {
  const auto get = [&](auto x) {
    std::memcpy(&x, at, sizeof(x));
    return x;
  };
  switch (dtype) {
    case DType::kF64:
      return get(double{});
    case DType::kF32:
      return get(float{});
    case DType::kBF16:
      return FloatFromBF16(get(uint16_t{}));
    case DType::kF16:
      return FloatFromF16(get(uint16_t{}));
    default:
      return get(int32_t{});
  }
}

inline int64_t CountOf(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

class DenseCall {
 public:
  void Input(DType dtype, const std::vector<int64_t>& dims, const std::vector<double>& values) {
    ASSERT_EQ(CountOf(dims), static_cast<int64_t>(values.size()));
    Add(&inputs_, &input_bytes_, dtype, dims);
    for (size_t i = 0; i < values.size(); ++i) {
      StoreAs(dtype, values[i], input_bytes_.back()->data() + i * SizeOf(dtype));
    }
  }
  void Output(DType dtype, const std::vector<int64_t>& dims) {
    Add(&outputs_, &output_bytes_, dtype, dims);
  }
  void Bool(const char* name, bool value) { Attr(name, 0, value, 0); }
  void Int(const char* name, int64_t value) { Attr(name, 1, value, 0); }
  void Float(const char* name, double value) { Attr(name, 2, 0, value); }
  // For the runs that follow; empty: the kernel's own.
  void SetKnobs(const std::vector<int64_t>& knobs) { knobs_ = knobs; }
  // What the kernel may be tuned by; false when it declines or has no knobs.
  bool Explore(const tsr_kernel_def& def, tsr_kernel_space* space, tsr_kernel_visit visit,
               void* user) const {
    char reason[TSR_REASON_BYTES] = {};
    const tsr_kernel_call call = Call(def.isa);
    *space = {};
    space->struct_size = sizeof(*space);
    return def.explore != nullptr && def.explore(&call, space, visit, user, reason) == 0;
  }
  bool IsTaken(const tsr_kernel_def& def) {
    const tsr_kernel_call call = Call(def.isa);
    tsr_kernel_plan plan = {};
    plan.struct_size = sizeof(plan);
    plan.phase_count = 1;
    char reason[TSR_REASON_BYTES] = {};
    const bool is_taken = def.prepare(&call, &plan, reason) == 0;
    reason_ = reason;
    return is_taken;
  }

  // Runs |def| with tasks in the order of |seed|, on |threads| threads. False when it declines.
  bool Run(const tsr_kernel_def& def, uint32_t seed = 1, int threads = 1) {
    tsr_kernel_call call = Call(def.isa);
    tsr_kernel_plan plan = {};
    plan.struct_size = sizeof(plan);
    plan.phase_count = 1;
    char reason[TSR_REASON_BYTES] = {};
    if (def.prepare(&call, &plan, reason) != 0) {
      EXPECT_STRNE(reason, "") << def.name << " declines without a reason";
      reason_ = reason;
      return false;
    }
    GuardedBytes workspace(plan.workspace_bytes);
    for (auto& bytes : output_bytes_) bytes->Fill();
    for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i].data = input_bytes_[i]->data();
    for (size_t i = 0; i < outputs_.size(); ++i) outputs_[i].data = output_bytes_[i]->data();
    call.workspace = workspace.data();
    for (int32_t phase = 0; phase < plan.phase_count; ++phase) {
      std::vector<int64_t> tasks(plan.tasks[phase]);
      std::iota(tasks.begin(), tasks.end(), 0);
      std::shuffle(tasks.begin(), tasks.end(), std::mt19937(seed));
      std::vector<std::thread> pool;
      for (int t = 0; t < threads; ++t) {
        const auto work = [&, t, phase] {
          OwnTestRoom().Fill();
          for (size_t i = t; i < tasks.size(); i += threads) {
            plan.run(&call, &plan, phase, tasks[i]);
          }
          EXPECT_TRUE(TestRoomIntact()) << def.name << " left its room";
        };
        if (threads == 1) {
          work();
        } else {
          pool.emplace_back(work);
        }
      }
      for (std::thread& thread : pool) thread.join();
    }
    EXPECT_TRUE(workspace.GuardsIntact()) << def.name << " wrote outside its workspace";
    for (auto& bytes : output_bytes_) {
      EXPECT_TRUE(bytes->GuardsIntact()) << def.name << " wrote outside a result";
    }
    return true;
  }

  std::vector<double> Result(size_t index) const {
    return Values(outputs_[index], *output_bytes_[index]);
  }
  // An input as stored, that is rounded to its dtype.
  std::vector<double> Stored(size_t index) const {
    return Values(inputs_[index], *input_bytes_[index]);
  }
  std::vector<unsigned char> ResultBytes() const {
    std::vector<unsigned char> all;
    for (const auto& bytes : output_bytes_) {
      all.insert(all.end(), bytes->data(), bytes->data() + bytes->size());
    }
    return all;
  }
  const std::string& reason() const { return reason_; }

 private:
  using Bytes = std::vector<std::unique_ptr<GuardedBytes>>;

  static void Add(std::vector<tsr_operand>* operands, Bytes* all, DType dtype,
                  const std::vector<int64_t>& dims) {
    tsr_operand operand = {};
    std::copy(dims.begin(), dims.end(), operand.dims);
    operand.rank = static_cast<int32_t>(dims.size());
    operand.dtype = static_cast<int32_t>(dtype);
    operands->push_back(operand);
    // One element off, so that nothing relies on more alignment than an element's.
    all->push_back(std::make_unique<GuardedBytes>(CountOf(dims) * SizeOf(dtype), SizeOf(dtype)));
  }

  void Attr(const char* name, int32_t kind, int64_t i, double f) {
    tsr_attr attr = {};
    attr.name = name;
    attr.kind = kind;
    attr.i = i;
    attr.f = f;
    attrs_.push_back(attr);
  }

  tsr_kernel_call Call(int32_t isa) const {
    tsr_kernel_call call = {};
    call.struct_size = sizeof(call);
    call.input_count = static_cast<int32_t>(inputs_.size());
    call.output_count = static_cast<int32_t>(outputs_.size());
    call.attr_count = static_cast<int32_t>(attrs_.size());
    call.inputs = inputs_.data();
    call.outputs = outputs_.data();
    call.attrs = attrs_.data();
    call.isa = isa;
    call.knobs = knobs_.empty() ? nullptr : knobs_.data();
    call.thread_room = &TestRoom;
    return call;
  }

  static std::vector<double> Values(const tsr_operand& operand, GuardedBytes& bytes) {
    const DType dtype = static_cast<DType>(operand.dtype);
    std::vector<double> values(bytes.size() / SizeOf(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = LoadAs(dtype, bytes.data() + i * SizeOf(dtype));
    }
    return values;
  }

  std::vector<tsr_operand> inputs_;
  std::vector<tsr_operand> outputs_;
  Bytes input_bytes_;
  Bytes output_bytes_;
  std::vector<tsr_attr> attrs_;
  std::vector<int64_t> knobs_;
  std::string reason_;
};

inline std::vector<double> Normal(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& value : values) value = normal(engine);
  return values;
}

// Kernels of a registration function that this machine can run, best first.
inline std::vector<tsr_kernel_def> RunnableKernels(void (*register_kernels)(KernelSink&)) {
  KernelSink sink;
  register_kernels(sink);
  std::vector<tsr_kernel_def> runnable;
  for (const tsr_kernel_def& def : sink.defs()) {
    if (def.isa <= DetectIsa()) runnable.push_back(def);
  }
  return runnable;
}

inline double UnitRoundoff(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 0x1p-53;
    case DType::kF32:
      return 0x1p-24;
    case DType::kF16:
      return 0x1p-11;
    default:
      return 0x1p-8;
  }
}

}  // namespace testing
}  // namespace tessera::cpu
