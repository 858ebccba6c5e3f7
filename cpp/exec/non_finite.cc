// Executor::FirstNonFinite: runs the step again, node by node, and looks at every result.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/executor_state.h"

namespace tessera {
namespace {

// Index of the first NaN or infinity, or -1. Integers have none.
int64_t FindNonFinite(const void* data, DType dtype, int64_t count) {
  if (!IsFloat(dtype) || data == nullptr) return -1;
  // All ones in the exponent field, in each format.
  const auto scan = [count](const auto* bits, auto exponent) -> int64_t {
    for (int64_t i = 0; i < count; ++i) {
      if ((bits[i] & exponent) == exponent) return i;
    }
    return -1;
  };
  switch (dtype) {
    case DType::kF64:
      return scan(static_cast<const uint64_t*>(data), uint64_t{0x7ff0000000000000});
    case DType::kF32:
      return scan(static_cast<const uint32_t*>(data), uint32_t{0x7f800000});
    case DType::kBF16:
      return scan(static_cast<const uint16_t*>(data), uint16_t{0x7f80});
    default:
      return scan(static_cast<const uint16_t*>(data), uint16_t{0x7c00});
  }
}

int64_t FindNonFinite(const tsr_operand& operand) {
  int64_t count = 1;
  for (int32_t d = 0; d < operand.rank; ++d) count *= operand.dims[d];
  return FindNonFinite(operand.data, static_cast<DType>(operand.dtype), count);
}

bool IsForwardOrBackward(ActionKind kind) {
  return kind == ActionKind::kForward || kind == ActionKind::kBackward ||
         kind == ActionKind::kInputGradient || kind == ActionKind::kWeightGradient;
}

// Text of the first result of this kernel that is not finite, "" when it has none.
std::string Describe(const PlannedKernel& planned, const std::string& at, int micro_batch) {
  const PreparedKernel& kernel = *planned.kernel;
  for (int32_t o = 0; o < kernel.call.output_count; ++o) {
    const tsr_operand& output = kernel.call.outputs[o];
    const int64_t index = FindNonFinite(output);
    if (index < 0) continue;
    Tensor tensor;
    tensor.dtype = static_cast<DType>(output.dtype);
    tensor.dims.assign(output.dims, output.dims + output.rank);
    tensor.buffer = Buffer::Wrap(output.data, tensor.bytes(), {});
    const double value = tensor.At(index);
    return absl::StrCat(planned.op(), " at '", at, "' (node ", planned.node_index, ", kernel ",
                        kernel.def.name, ", micro-batch ", micro_batch, "): result ", o, " ",
                        tensor.TypeText(), " holds ", std::isnan(value) ? "nan" : "inf",
                        " at element ", index, ", its operands are finite");
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> Executor::FirstNonFinite() {
  State& state = *state_;
  // A forward carries state on; it is put back so that looking changes nothing that lasts.
  std::vector<std::pair<Tensor, std::vector<char>>> kept;
  for (size_t s = 0; s < state.program->slots.size(); ++s) {
    if (state.program->slots[s].kind != SlotKind::kState) continue;
    for (int m = 0; m < state.plan.slots.instance_count(static_cast<int>(s)); ++m) {
      ASSIGN_OR_RETURN(Tensor tensor, state.SlotTensor(static_cast<int>(s), m));
      const char* data = tensor.data_as<char>();
      kept.emplace_back(tensor, std::vector<char>(data, data + tensor.bytes()));
    }
  }
  std::string found;
  absl::Status status;
  for (const Action& action : state.program->schedule) {
    if (!IsForwardOrBackward(action.kind)) continue;
    const std::string& at = state.program->calls[action.call].at;
    FunctionPlan& function = state.BindCall(action);
    for (PlannedKernel& planned : function.kernels()) {
      const PreparedKernel& kernel = *planned.kernel;
      bool finite = true;
      for (int32_t i = 0; i < kernel.call.input_count; ++i) {
        finite = finite && FindNonFinite(kernel.call.inputs[i]) < 0;
      }
      status = state.RunKernel(planned, at);
      if (status.ok() && finite) found = Describe(planned, at, action.micro_batch);
      if (!status.ok() || !found.empty()) break;
    }
    if (!status.ok() || !found.empty()) break;
  }
  for (auto& [tensor, bytes] : kept) {
    std::copy(bytes.begin(), bytes.end(), tensor.data_as<char>());
  }
  RETURN_IF_ERROR(status);
  return found;
}

}  // namespace tessera
