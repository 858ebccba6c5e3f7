// Interpreter: runs a function node by node, each value in memory of its own; the yardstick for the
// executor, the case tables and the fuzzer.
//
// It shares with the executor only the choice of kernels: there is no plan, no reuse of memory, no
// thread. Memory that a kernel must not rely on (results, workspace) is filled with ones bits
// first, and tasks may be run in reverse order, since kernels promise that order does not matter.
// InFp64 gives the same function with all floats as f64. Header only; not thread-safe.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/device/kernel_sink.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"
#include "cpp/tensor/tensor.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/support/thread_room.h"

namespace tessera::cpu {
void RegisterAllCpuKernels(KernelSink& sink);
}

namespace tessera {

struct InterpretOptions {
  SymbolSizes sizes;
  int isa = TSR_ISA_REFERENCE;
  bool reverse_tasks = false;
  bool in_place = false;  // outputs over operands where op and kernel allow it
  // Asked first, when set; NOT_FOUND means that a kernel should do it (tests/ops/oracle.h).
  absl::StatusOr<std::vector<Tensor>> (*oracle)(const Node&, const std::vector<Tensor>&,
                                                std::vector<Tensor>) = nullptr;
  const KernelTable* kernels = nullptr;  // nullptr: all CPU kernels
};

inline const KernelTable& CpuKernels() {
  static const KernelTable* const table = [] {
    KernelSink sink;
    cpu::RegisterAllCpuKernels(sink);
    return new KernelTable(sink.defs());
  }();
  return *table;
}

// The same numbers in another dtype, or the tensor itself when it has that dtype.
inline absl::StatusOr<Tensor> Converted(const Tensor& from, DType dtype) {
  if (from.dtype == dtype) return from;
  ASSIGN_OR_RETURN(Tensor to, Tensor::Zeros(dtype, from.dims));
  for (int64_t i = 0; i < from.count(); ++i) to.Put(i, from.At(i));
  return to;
}

inline absl::StatusOr<Tensor> Cloned(const Tensor& from) {
  ASSIGN_OR_RETURN(Tensor to, Tensor::Zeros(from.dtype, from.dims));
  if (from.bytes() > 0) std::memcpy(to.data(), from.data(), from.bytes());
  return to;
}

// Outputs and the operands that they may overwrite, each once: by the word of a fused node for all
// of them, by the op's and the kernel's for output 0.
inline std::vector<std::pair<int, int>> SharedPairs(const Node& node,
                                                    const PreparedKernel& kernel) {
  const bool fused = kernel.in_place.has_value();
  std::vector<std::pair<int, int>> shared;
  for (const auto& [output, input] : fused ? *kernel.in_place : node.op->in_place()) {
    if (input >= kernel.call.input_count || (!fused && (output != 0 || input > 2))) continue;
    const tsr_operand &in = kernel.call.inputs[input], &out = kernel.call.outputs[output];
    const bool same = in.rank == out.rank && std::equal(in.dims, in.dims + in.rank, out.dims) &&
                      SizeOf(static_cast<DType>(in.dtype)) == SizeOf(static_cast<DType>(out.dtype));
    const bool taken = std::any_of(shared.begin(), shared.end(), [&](const auto& pair) {
      return pair.first == output || pair.second == input;
    });
    if (!same || taken) continue;
    if (fused || (kernel.def.flags & (TSR_KERNEL_IN_PLACE_0 << input)) != 0) {
      shared.push_back({output, input});
    }
  }
  return shared;
}

inline void RunTasks(PreparedKernel& kernel, bool reverse) {
  std::vector<unsigned char> workspace(kernel.plan.workspace_bytes + 64, 0xff);
  const auto start = reinterpret_cast<uintptr_t>(workspace.data());
  kernel.call.thread_room = &TestRoom;
  kernel.call.workspace = workspace.data() + (64 - start % 64) % 64;
  for (int32_t phase = 0; phase < kernel.plan.phase_count; ++phase) {
    const int64_t tasks = kernel.plan.tasks[phase];
    for (int64_t i = 0; i < tasks; ++i) {
      kernel.plan.run(&kernel.call, &kernel.plan, phase, reverse ? tasks - 1 - i : i);
    }
  }
}

// Runs one node on tensors; `kernel_name` (may be null) receives which kernel did it.
inline absl::StatusOr<std::vector<Tensor>> InterpretNode(const Node& node,
                                                         std::vector<Tensor> inputs,
                                                         const std::vector<ValueType>& out_types,
                                                         const InterpretOptions& options,
                                                         std::string* kernel_name = nullptr) {
  std::vector<Tensor> outputs;
  std::vector<SizedType> in, out;
  for (const Tensor& tensor : inputs) {
    in.push_back({tensor.dtype, tensor.dims, tensor.count(), static_cast<int64_t>(tensor.bytes())});
  }
  for (const ValueType& type : out_types) {
    ASSIGN_OR_RETURN(out.emplace_back(), SizeType(type, options.sizes));
    ASSIGN_OR_RETURN(outputs.emplace_back(), Tensor::Zeros(out.back().dtype, out.back().dims));
    if (out.back().bytes > 0) std::memset(outputs.back().data(), 0xff, out.back().bytes);
  }
  if (node.op->is_view()) {
    outputs[0].buffer = inputs[0].buffer;
    outputs[0].offset_bytes = inputs[0].offset_bytes;
    if (kernel_name != nullptr) *kernel_name = "view";
    return outputs;
  }
  if (options.oracle != nullptr) {
    auto results = options.oracle(node, inputs, outputs);
    if (results.ok() || results.status().code() != absl::StatusCode::kNotFound) return results;
  }
  std::vector<const SizedType*> in_types, kernel_out;
  for (const SizedType& type : in) in_types.push_back(&type);
  for (const SizedType& type : out) kernel_out.push_back(&type);
  const KernelTable& kernels = options.kernels == nullptr ? CpuKernels() : *options.kernels;
  ASSIGN_OR_RETURN(std::unique_ptr<PreparedKernel> kernel,
                   ChooseKernel(node, in_types, kernel_out, kernels, options.isa));
  std::vector<std::pair<int, int>> shared;
  if (node.op->must_alias()) {
    shared.push_back({0, 0});
  } else if (options.in_place) {
    shared = SharedPairs(node, *kernel);
  }
  for (const auto& [output, input] : shared) {
    ASSIGN_OR_RETURN(const Tensor clone, Cloned(inputs[input]));
    inputs[input].buffer = clone.buffer;
    inputs[input].offset_bytes = 0;
    outputs[output].buffer = clone.buffer;
  }
  for (size_t i = 0; i < inputs.size(); ++i) kernel->input(i)->data = inputs[i].data();
  for (size_t o = 0; o < outputs.size(); ++o) kernel->output(o)->data = outputs[o].data();
  RunTasks(*kernel, options.reverse_tasks);
  if (kernel_name != nullptr) *kernel_name = kernel->def.name;
  return outputs;
}

// Values of the outputs, given one tensor per input. No calls: flatten first.
inline absl::StatusOr<std::vector<Tensor>> Interpret(const Function& function,
                                                     const std::vector<Tensor>& inputs,
                                                     const InterpretOptions& options) {
  RET_CHECK_EQ(inputs.size(), function.inputs().size());
  std::vector<Tensor> values(function.values().size());
  for (size_t i = 0; i < inputs.size(); ++i) values[function.inputs()[i].value] = inputs[i];
  for (const Node& node : function.nodes()) {
    RET_CHECK(!node.is_call());
    std::vector<Tensor> operands;
    std::vector<ValueType> types;
    for (ValueId id : node.inputs) operands.push_back(values[id]);
    for (ValueId id : node.outputs) types.push_back(function.type(id));
    ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                     InterpretNode(node, std::move(operands), types, options));
    for (size_t o = 0; o < results.size(); ++o) values[node.outputs[o]] = results[o];
  }
  std::vector<Tensor> outputs;
  for (const FunctionOutput& output : function.outputs()) outputs.push_back(values[output.value]);
  return outputs;
}

// Every text attribute that names a float dtype names f64 instead.
inline Attrs AttrsInFp64(const OpDef& op, Attrs attrs) {
  for (const AttrSpec& spec : op.attr_specs()) {
    if (spec.kind != AttrSpec::kText || spec.name != "dtype") continue;
    const std::optional<DType> dtype = DTypeFromName(attrs.Text(spec.name));
    if (dtype.has_value() && IsFloat(*dtype)) attrs.Set(spec.name, "f64");
  }
  return attrs;
}

// The same function with f64 for every float. Value ids are the same.
inline absl::StatusOr<std::shared_ptr<Function>> InFp64(const Function& function) {
  auto copy = std::make_shared<Function>(function.name());
  for (const FunctionInput& input : function.inputs()) {
    ValueType type = function.type(input.value);
    if (IsFloat(type.dtype)) type.dtype = DType::kF64;
    RET_CHECK_EQ(copy->AddInput(input.name, input.kind, type, input.param), input.value);
  }
  for (const Node& node : function.nodes()) {
    RET_CHECK(!node.is_call());
    ASSIGN_OR_RETURN(const std::vector<ValueId> outputs,
                     copy->AddNode(*node.op, AttrsInFp64(*node.op, node.attrs), node.inputs));
    RET_CHECK(outputs == node.outputs);
  }
  for (const FunctionOutput& output : function.outputs()) {
    copy->AddOutput(output.name, output.value, output.kind, output.weight);
  }
  return copy;
}

}  // namespace tessera
