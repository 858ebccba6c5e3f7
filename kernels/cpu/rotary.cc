// rotary(x[B, T, H, D], positions[B, T]) {theta, rotary_dim, inverse, interleaved}: turns pairs.
//
//   angle = position * theta^(-2i / rotary_dim), for pair i of rotary_dim / 2, or * frequencies[i]
//   y_a = x_a cos - x_b sin,  y_b = x_b cos + x_a sin  (inverse: the angle negated)
// both times the amplitude when there is one.
// Pairs are (i, i + rotary_dim / 2), or neighbours when interleaved; the rest of D passes through.
// Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021. The gradient
// is the op itself with `inverse` turned. fp64 tensors are turned with the C library's fp64
// functions; f32 and bf16 with a table in fp32 (internal/rotary_shape.h).
#include <algorithm>
#include <cmath>

#include "cpp/device/kernel_sink.h"
#include "kernels/cpu/internal/rotary_shape.h"
#include "kernels/cpu/vector/rotary.h"

namespace tessera::cpu {
namespace {

using dense::BF16;
using dense::BoolAttr;
using dense::CeilDiv;
using dense::Decline;
using dense::F16;
using dense::RotaryConstants;
using dense::RotaryShape;
using dense::RotaryTable;

int32_t ReadConstants(const tsr_kernel_call* call, RotaryShape* shape, char* reason) {
  if (call->input_count > 4 || call->output_count != 1) {
    return Decline(reason, "rotary: takes x, positions, frequencies and amplitude");
  }
  if (call->input_count > 2) shape->frequencies = 2;
  if (call->input_count > 3) shape->amplitude = 3;
  for (int32_t i = 2; i < call->input_count; ++i) {
    const tsr_operand& constant = call->inputs[i];
    const bool fits = i == shape->frequencies
                          ? constant.rank == 1 && constant.dims[0] == shape->half
                          : constant.rank == 0;
    if (!fits || dense::TypeOf(constant) != DType::kF64) {
      return Decline(reason, "rotary: needs f64 frequencies [rotary_dim / 2], a f64 amplitude");
    }
  }
  return 0;
}

RotaryConstants ConstantsOf(const tsr_kernel_call* call, const RotaryShape& shape) {
  const auto at = [call](int8_t i) {
    return i < 0 ? nullptr : static_cast<const double*>(call->inputs[i].data);
  };
  const double* amplitude = at(shape.amplitude);
  return {at(shape.frequencies), amplitude == nullptr ? 1 : *amplitude};
}

int32_t ReadShape(const tsr_kernel_call* call, RotaryShape* shape, char* reason) {
  if (call->input_count < 2) return Decline(reason, "rotary: takes x and positions");
  const tsr_operand& x = call->inputs[0];
  const tsr_operand& positions = call->inputs[1];
  if (x.rank != 4 || positions.rank != 2 || positions.dims[0] != x.dims[0] ||
      positions.dims[1] != x.dims[1] || dense::TypeOf(positions) != DType::kI32) {
    return Decline(reason, "rotary: needs x[B, T, H, D] and i32 positions[B, T]");
  }
  shape->batch = x.dims[0];
  shape->positions = x.dims[1];
  shape->heads = x.dims[2];
  shape->depth = x.dims[3];
  shape->dtype = dense::TypeOf(x);
  int64_t rotary_dim = dense::IntAttr(call, "rotary_dim", shape->depth);
  if (rotary_dim <= 0) rotary_dim = shape->depth;
  if (rotary_dim > shape->depth || rotary_dim % 2 != 0) {
    return Decline(reason, "rotary: rotary_dim must be even and at most the head's depth");
  }
  shape->half = rotary_dim / 2;
  shape->theta = dense::FloatAttr(call, "theta", 10000.0);
  shape->inverse = BoolAttr(call, "inverse");
  shape->interleaved = BoolAttr(call, "interleaved");
  return ReadConstants(call, shape, reason);
}

// One position, all heads, plain and in the sum type.
template <class T>
void RunReference(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t,
                  int64_t task) {
  const auto shape = dense::Params<RotaryShape>(plan);
  using S = dense::Sum<T>;
  const int64_t row_size = shape.heads * shape.depth;
  const T* x = static_cast<const T*>(call->inputs[0].data) + task * row_size;
  T* y = static_cast<T*>(call->outputs[0].data) + task * row_size;
  const double position = static_cast<const int32_t*>(call->inputs[1].data)[task];
  std::copy(x, x + row_size, y);
  const RotaryConstants constants = ConstantsOf(call, shape);
  for (int64_t i = 0; i < shape.half; ++i) {
    const double frequency = constants.frequencies != nullptr
                                 ? constants.frequencies[i]
                                 : std::pow(shape.theta, -static_cast<double>(i) / shape.half);
    const double angle = position * frequency * (shape.inverse ? -1 : 1);
    const S c = static_cast<S>(constants.amplitude * std::cos(angle));
    const S s = static_cast<S>(constants.amplitude * std::sin(angle));
    for (int64_t head = 0; head < shape.heads; ++head) {
      const int64_t first = head * shape.depth + (shape.interleaved ? 2 * i : i);
      const int64_t second = first + (shape.interleaved ? 1 : shape.half);
      const S a = dense::Load(x[first]);
      const S b = dense::Load(x[second]);
      dense::Store(a * c - b * s, &y[first]);
      dense::Store(b * c + a * s, &y[second]);
    }
  }
}

int32_t PrepareReference(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  RotaryShape shape;
  if (ReadShape(call, &shape, reason) != 0) return 1;
  switch (shape.dtype) {
    case DType::kF64:
      plan->run = RunReference<double>;
      break;
    case DType::kF32:
      plan->run = RunReference<float>;
      break;
    case DType::kBF16:
      plan->run = RunReference<BF16>;
      break;
    case DType::kF16:
      plan->run = RunReference<F16>;
      break;
    default:
      return Decline(reason, "rotary: float dtypes only");
  }
  plan->phase_count = 1;
  plan->tasks[0] = shape.batch * shape.positions;
  plan->workspace_bytes = 0;
  dense::SetParams(plan, shape);
  return 0;
}

// Tasks of both phases are blocks of kRotaryRows positions of one batch.
template <const RotaryTable& kTable>
void RunTable(const tsr_kernel_call* call, const tsr_kernel_plan* plan, int32_t phase,
              int64_t task) {
  const auto shape = dense::Params<RotaryShape>(plan);
  const int64_t blocks = CeilDiv(shape.positions, dense::kRotaryRows);
  const int64_t batch = task / blocks;
  const int64_t begin = task % blocks * dense::kRotaryRows;
  const int64_t rows = std::min(dense::kRotaryRows, shape.positions - begin);
  const int32_t* first = static_cast<const int32_t*>(call->inputs[1].data);
  const int32_t* positions = first + batch * shape.positions + begin;
  // Compared block by block: a block like that of batch 0 uses its table.
  const bool shared = batch > 0 && std::equal(positions, positions + rows, first + begin);
  const int64_t table_rows = shape.batch * shape.positions;
  float* cos = static_cast<float*>(call->workspace) +
               ((shared ? 0 : batch * shape.positions) + begin) * shape.half;
  float* sin = cos + table_rows * shape.half;
  if (phase == 0) {
    if (shared) return;
    kTable(positions, rows, shape, ConstantsOf(call, shape), cos, sin);
    if (!shape.inverse) return;
    for (int64_t i = 0; i < rows * shape.half; ++i) sin[i] = -sin[i];
    return;
  }
  const int64_t row_bytes =
      shape.heads * shape.depth * static_cast<int64_t>(SizeOf(shape.dtype));
  const int64_t at = (batch * shape.positions + begin) * row_bytes;
  shape.turn(static_cast<const char*>(call->inputs[0].data) + at, cos, sin, rows, shape,
             static_cast<char*>(call->outputs[0].data) + at);
}

template <const RotaryTable& kTable>
int32_t PrepareTable(const tsr_kernel_call* call, tsr_kernel_plan* plan, char* reason) {
  RotaryShape shape;
  if (ReadShape(call, &shape, reason) != 0) return 1;
  shape.turn = vector::PickRotaryTurn(call, shape.dtype, shape.interleaved);
  if (shape.turn == nullptr) {
    return Decline(reason, "rotary: the table kernel takes f32 and bf16");
  }
  plan->run = RunTable<kTable>;
  plan->phase_count = 2;
  plan->tasks[0] = shape.batch * CeilDiv(shape.positions, dense::kRotaryRows);
  plan->tasks[1] = plan->tasks[0];
  plan->workspace_bytes =
      static_cast<size_t>(shape.batch * shape.positions * shape.half) * 2 * sizeof(float);
  dense::SetParams(plan, shape);
  return 0;
}

void Add(KernelSink& sink, int32_t isa, const char* name,
         int32_t (*prepare)(const tsr_kernel_call*, tsr_kernel_plan*, char*)) {
  sink.Add({.struct_size = sizeof(tsr_kernel_def),
            .isa = isa,
            .op = "rotary",
            .name = name,
            .prepare = prepare,
            .version = 1,
            .flags = 0});
}

}  // namespace

void RegisterRotaryKernels(KernelSink& sink) {
#if defined(__x86_64__)
  Add(sink, TSR_ISA_AVX512_BF16, "rotary.avx512_bf16", PrepareTable<dense::kRotaryAvx512>);
  Add(sink, TSR_ISA_AVX512, "rotary.avx512", PrepareTable<dense::kRotaryAvx512>);
  Add(sink, TSR_ISA_AVX2, "rotary.avx2", PrepareTable<dense::kRotaryAvx2>);
#endif
  Add(sink, TSR_ISA_BASELINE, "rotary.baseline", PrepareTable<dense::kRotaryBaseline>);
  Add(sink, TSR_ISA_REFERENCE, "rotary.reference", PrepareReference);
}

}  // namespace tessera::cpu
