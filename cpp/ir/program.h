// Program: flat functions, the slots they read and write, and a static schedule of calls.
//
// This is what the compiler hands to the executor. A *slot* is a named place for one value that
// lives outside functions: an input, a parameter, a gradient, what a forward call saves for its
// backward. A *call* binds every input and output of one function to slots. An *action* is one row
// of the schedule: which call, for which micro-batch. Slots marked `per_micro_batch` exist once for
// every micro-batch that is in flight at the same time; how many follows from the schedule.
// Plain data; immutable once compiled.
#pragma once

#include <string>
#include <vector>

#include "cpp/ir/function.h"

namespace tessera {

enum class SlotKind : uint8_t {
  kInput,       // given by the caller before the step, per micro-batch
  kParam,       // master value of a parameter; lives from step to step
  kWeight,      // the parameter in compute dtype; derived, refreshed when the parameter changes
  kState,       // carried from step to step, for each micro-batch its own
  kOptimizer,   // optimizer slot of a parameter ("m", "v"); lives from step to step
  kKey,         // u32[4] random key, written by the driver before the step
  kScalar,      // written by the driver (learning rate, clip factor, loss seeds)
  kGradient,    // of a parameter; lives from the first micro-batch to the commit
  kResult,      // read by the driver after the actions (losses, metrics, logits)
  kTemporary,   // lives between the actions that use it
};

struct Slot {
  std::string name;   // absolute path for parameters, state, keys; otherwise for reports only
  SlotKind kind = SlotKind::kTemporary;
  ValueType type;
  bool per_micro_batch = false;
  int param = -1;     // index in Program::params for kParam, kWeight, kGradient, kOptimizer
};

struct ProgramParam {
  std::string path;
  Dims dims;          // constants
  DType dtype = DType::kF32;          // of the master value
  DType compute_dtype = DType::kF32;  // of the weight that functions read
  ParamSpec spec;
  bool trainable = true;
  int param_slot = -1;
  int weight_slot = -1;    // == param_slot when dtypes are equal
  int gradient_slot = -1;  // -1 when not trainable
  bool reduce_gradient = true;  // each rank's is a term of it (shard/data_parallel.h decides)
};

struct ProgramCall {
  int function = -1;
  std::string at;              // "decoder/layers/3", for reports and profiles
  std::vector<int> inputs;     // slot per function input
  std::vector<int> outputs;    // slot per function output; -1: not wanted
};

enum class ActionKind : uint8_t {
  kPrologue,        // sums over inputs only, all micro-batches, before the first forward
  kForward,
  kBackward,        // input and weight gradients in one call
  kInputGradient,
  kWeightGradient,
  kCollect,         // after the last micro-batch: adds the uses of shared parameters
  kReduce,          // all-reduce of gradients over the data axis
  kReduceSlot,      // the same of one small value in the middle of a step (sums over tokens)
  kNorm,            // sum of squares of each whole gradient
  kCommit,          // optimizer update
  kRefresh,         // weights from parameters (after load or commit)
  kSend,            // one value to another stage of a pipeline (shard/pipeline.h); does not wait
  kReceive,         // one value from another stage; waits
};

struct Action {
  ActionKind kind = ActionKind::kForward;
  int call = -1;           // kReduce, kReduceSlot, kSend, kReceive: -1
  int micro_batch = 0;
  int segment = -1;
  int slot = -1;           // kReduceSlot, kSend, kReceive only
  int peer = -1;           // kSend, kReceive: the other rank
  int tag = 0;             // the same at both ends, different for every value of a step
};

// Values of main that the driver reads: where a loss or metric lies.
struct SumSpec {
  std::string name;
  bool is_loss = false;
  double weight = 1;        // of a loss
  int numerator_slot = -1;      // per micro-batch scalar
  int denominator_slot = -1;    // per micro-batch scalar, from the prologue when is_loss
  int seed_slot = -1;           // losses with gradients: weight / denominator, written by driver
  // Each rank's is a term of it, to be summed (shard/data_parallel.h decides). Otherwise it is the
  // same on every rank and counts once; without reduce_numerator the seed is divided by the ranks.
  bool reduce_numerator = true;
  bool reduce_denominator = true;
  // A loss of a micro-batch's sums over the tokens of all ranks: the same on every rank, another in
  // every micro-batch. The loss is the mean over micro-batches.
  bool is_statistic = false;
};

struct Program {
  std::vector<FunctionRef> functions;
  std::vector<Slot> slots;
  std::vector<ProgramParam> params;
  std::vector<ProgramCall> calls;
  std::vector<Action> schedule;       // in order; the executor runs ranges of one or more kinds
  std::vector<SumSpec> sums;
  std::vector<int> result_slots;      // ordinary results of main, in order
  std::vector<int> norm_slots;        // scalar sums of squares, one per trainable parameter
  std::vector<std::string> symbols;   // "B", "T"
  int micro_batches = 1;
  // Why ranks cannot share the batch of this program; "" when they can.
  std::string not_data_parallel;

  int FindSlot(std::string_view name, SlotKind kind) const {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].kind == kind && slots[i].name == name) return static_cast<int>(i);
    }
    return -1;
  }
};

}  // namespace tessera
