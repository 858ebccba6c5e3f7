#include "cpp/exec/fused_kernel.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/op_table.h"
#include "cpp/tensor/fused_program.h"

namespace tessera {
namespace {

constexpr int64_t kScratchBytes = 256 << 10;  // of a task, in its thread's room: fits L2
constexpr int64_t kWantedBytes = 64 << 10;    // of a tile's own values
constexpr int64_t kTileElements = 16384;       // at most, of the widest value
constexpr int64_t kTaskElements = 32768;
constexpr int64_t kAlign = 64;

int64_t Aligned(int64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// Where a value of the program lies.
struct Place {
  enum Kind { kInput, kOutput, kScratch } kind = kScratch;
  int index = 0;          // of the node's operand or result
  int64_t row_bytes = 0;  // from row to row; 0: whole
  int64_t offset = 0;     // kScratch: in the task's room, for tiles of full size
};

struct Step {
  std::unique_ptr<PreparedKernel> full;  // of whole tiles
  std::unique_ptr<PreparedKernel> last;  // of the last tile; null when all are whole
  std::vector<Place> places;             // inputs, then outputs
  int row_offset = -1;                   // operand that counts the rows before those of a tile
};

struct FusedKernel : PreparedKernel {
  FusedProgram program;  // the steps' kernels point to its attributes
  std::string name;
  std::vector<Step> steps;
  int64_t rows = 0;
  int64_t rows_per_slice = 1;    // of the leading dim
  int64_t tile_rows = 0;
  int64_t tiles_per_task = 1;
  int64_t workspace_offset = 0;  // in the task's room

  void RunTile(const tsr_kernel_call& call, int64_t tile, char* room) const;
  void RunStep(const Step& step, bool is_last, const tsr_kernel_call& call, int64_t first_row,
               char* room) const;
};

// Rows before `first_row` and before the operand's first slice: a tile is a tensor whose slices are
// rows. Wraps as the index of an element does.
int64_t RowsBefore(const void* offset, int64_t rows_per_slice, int64_t first_row) {
  uint64_t slices;
  std::memcpy(&slices, offset, sizeof(slices));
  return static_cast<int64_t>(slices * static_cast<uint64_t>(rows_per_slice) +
                              static_cast<uint64_t>(first_row));
}

void FusedKernel::RunStep(const Step& step, bool is_last, const tsr_kernel_call& call,
                          int64_t first_row, char* room) const {
  const PreparedKernel& kernel = is_last ? *step.last : *step.full;
  const std::vector<Place>& places = step.places;
  tsr_operand operands[2 * FusedProgram::kMostOperands];
  const int32_t inputs = kernel.call.input_count;
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    operands[i] = kernel.operands[i];
    char* base = place.kind == Place::kScratch
                     ? room + place.offset
                     : static_cast<char*>(place.kind == Place::kInput
                                              ? call.inputs[place.index].data
                                              : call.outputs[place.index].data);
    operands[i].data = place.kind == Place::kScratch ? base : base + first_row * place.row_bytes;
  }
  int64_t rows_before;
  if (step.row_offset >= 0) {
    tsr_operand& offset = operands[step.row_offset];
    rows_before = RowsBefore(offset.data, rows_per_slice, first_row);
    offset.data = &rows_before;
  }
  tsr_kernel_call now = kernel.call;
  now.inputs = operands;
  now.outputs = operands + inputs;
  now.workspace = room + workspace_offset;
  now.thread_room = nullptr;
  now.failure = call.failure;
  now.fail = call.fail;
  for (int32_t phase = 0; phase < kernel.plan.phase_count; ++phase) {
    for (int64_t task = 0; task < kernel.plan.tasks[phase]; ++task) {
      kernel.plan.run(&now, &kernel.plan, phase, task);
    }
  }
}

void FusedKernel::RunTile(const tsr_kernel_call& call_now, int64_t tile, char* room) const {
  const int64_t first = tile * tile_rows;
  const bool is_last = first + tile_rows > rows;
  for (const Step& step : steps) RunStep(step, is_last, call_now, first, room);
}

void RunFused(const tsr_kernel_call* call, const tsr_kernel_plan*, int32_t, int64_t task) {
  const auto& fused = *static_cast<const FusedKernel*>(call->user);
  char* const room = static_cast<char*>(call->thread_room());
  const int64_t tiles = (fused.rows + fused.tile_rows - 1) / fused.tile_rows;
  const int64_t begin = task * fused.tiles_per_task;
  const int64_t end = std::min(tiles, begin + fused.tiles_per_task);
  for (int64_t tile = begin; tile < end; ++tile) fused.RunTile(*call, tile, room);
}

int32_t PrepareFused(const tsr_kernel_call*, tsr_kernel_plan*, char*) { return 0; }

class FusedBuilder {
 public:
  FusedBuilder(const Node& node, FusedProgram program,
               const std::vector<const SizedType*>& inputs,
               const std::vector<const SizedType*>& outputs, const KernelTable& kernels, int isa)
      : node_(node), inputs_(inputs), outputs_(outputs), kernels_(kernels), isa_(isa),
        fused_(std::make_unique<FusedKernel>()), program_(fused_->program) {
    fused_->program = std::move(program);
  }

  absl::StatusOr<std::unique_ptr<PreparedKernel>> Build() {
    fused_->rows = RowsOf();
    if (fused_->rows > 0) fused_->rows_per_slice = fused_->rows / inputs_[0]->dims[0];
    CollectValues();
    RETURN_IF_ERROR(FitTile());
    NameIt();
    SetUpCall();
    return std::unique_ptr<PreparedKernel>(std::move(fused_));
  }

 private:
  struct ValueInfo {
    DType dtype = DType::kF32;
    int64_t columns = 0;
    bool whole = false;
    int made = -1;   // step that makes it; -1: an operand
    int result = 0;  // of that step
    int last = -1;   // last step that reads it, or that makes it
    Place place;

    int64_t row_bytes() const {
      return std::max<int64_t>(1, columns) * static_cast<int64_t>(SizeOf(dtype));
    }
  };

  int64_t RowsOf() const {
    const int64_t columns = std::max<int64_t>(1, program_.operands[0].columns);
    return inputs_[0]->count / columns;
  }

  void CollectValues() {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      ValueInfo info = {.dtype = inputs_[i]->dtype, .columns = program_.operands[i].columns,
                        .whole = program_.operands[i].whole};
      info.place = {Place::kInput, static_cast<int>(i), info.whole ? 0 : info.row_bytes(), 0};
      values_.push_back(info);
    }
    for (size_t s = 0; s < program_.steps.size(); ++s) {
      const FusedProgram::Step& step = program_.steps[s];
      for (int input : step.inputs) values_[input].last = static_cast<int>(s);
      for (size_t r = 0; r < step.results.size(); ++r) {
        values_.push_back({.dtype = step.results[r].dtype, .columns = step.results[r].columns,
                           .made = static_cast<int>(s), .result = static_cast<int>(r),
                           .last = static_cast<int>(s)});
      }
    }
    for (size_t o = 0; o < program_.outputs.size(); ++o) {
      ValueInfo& value = values_[program_.outputs[o]];
      value.place = {Place::kOutput, static_cast<int>(o), value.row_bytes(), 0};
    }
    for (const ValueInfo& value : values_) {
      widest_ = std::max(widest_, value.whole ? 1 : value.columns);
    }
  }

  // The largest tile whose own values fit; its kernels are prepared on the way.
  absl::Status FitTile() {
    int64_t rows = std::clamp<int64_t>(kTileElements / widest_, 1,
                                       std::max<int64_t>(1, fused_->rows));
    while (rows > 1 && PlaceScratch(rows) > kWantedBytes) rows = (rows + 1) / 2;
    for (;; rows = (rows + 1) / 2) {
      const int64_t own = PlaceScratch(rows);
      RETURN_IF_ERROR(ChooseSteps(rows));
      fused_->workspace_offset = own;
      if (own + workspace_ <= kScratchBytes) break;
      if (rows == 1) {
        return absl::ResourceExhaustedError(
            absl::StrCat("fused: a row needs ", own + workspace_, " bytes beside its operands, ",
                         "expected at most ", kScratchBytes));
      }
    }
    fused_->tile_rows = rows;
    fused_->tiles_per_task = std::max<int64_t>(1, kTaskElements / (rows * widest_));
    return absl::OkStatus();
  }

  // Gives values that only steps see their room, reused after their last reader; the bytes.
  int64_t PlaceScratch(int64_t rows) {
    std::vector<ValueInfo*> live;
    int64_t total = 0;
    for (ValueInfo& value : values_) {
      if (value.place.kind != Place::kScratch) continue;
      std::erase_if(live, [&](const ValueInfo* other) { return other->last < value.made; });
      std::sort(live.begin(), live.end(), [](const ValueInfo* a, const ValueInfo* b) {
        return a->place.offset < b->place.offset;
      });
      const int64_t bytes = Aligned(value.row_bytes() * rows);
      int64_t offset = 0;
      for (const ValueInfo* other : live) {
        if (offset + bytes <= other->place.offset) break;
        offset = std::max(offset, other->place.offset + Aligned(other->row_bytes() * rows));
      }
      value.place.offset = offset;
      value.place.row_bytes = value.row_bytes();
      total = std::max(total, offset + bytes);
      live.push_back(&value);
    }
    return total;
  }

  absl::Status ChooseSteps(int64_t rows) {
    workspace_ = 0;
    fused_->steps.clear();
    const int64_t left = fused_->rows % rows;
    int result = static_cast<int>(program_.operands.size());
    for (const FusedProgram::Step& step : program_.steps) {
      Step chosen;
      ASSIGN_OR_RETURN(const OpDef* op, OpTable::Builtin().Get(step.op));
      chosen.row_offset = op->RowOffset();
      std::vector<int> numbers = step.inputs;
      for (size_t r = 0; r < step.results.size(); ++r) numbers.push_back(result++);
      for (int number : numbers) chosen.places.push_back(values_[number].place);
      ASSIGN_OR_RETURN(chosen.full, Choose(step, numbers, rows));
      if (left != 0) {
        ASSIGN_OR_RETURN(chosen.last, Choose(step, numbers, left));
      }
      fused_->steps.push_back(std::move(chosen));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<PreparedKernel>> Choose(const FusedProgram::Step& step,
                                                         const std::vector<int>& numbers,
                                                         int64_t rows) {
    std::vector<SizedType> types;
    for (int number : numbers) {
      const ValueInfo& value = values_[number];
      SizedType type;
      type.dtype = value.dtype;
      if (!value.whole) type.dims.push_back(rows);
      if (value.columns > 0) type.dims.push_back(value.columns);
      type.count = (value.whole ? 1 : rows) * std::max<int64_t>(1, value.columns);
      type.bytes = type.count * static_cast<int64_t>(SizeOf(type.dtype));
      types.push_back(std::move(type));
    }
    std::vector<const SizedType*> inputs, outputs;
    for (size_t i = 0; i < types.size(); ++i) {
      (i < step.inputs.size() ? inputs : outputs).push_back(&types[i]);
    }
    ASSIGN_OR_RETURN(auto kernel, ChooseKernel(step.op, step.attrs, inputs, outputs, kernels_,
                                               isa_));
    workspace_ = std::max(workspace_, Aligned(static_cast<int64_t>(kernel->plan.workspace_bytes)));
    return kernel;
  }

  // A result may take an operand's memory where no step reads the operand after the one that writes
  // the result, and that one, if it reads it, works in place.
  std::vector<std::pair<int, int>> InPlacePairs() const {
    std::vector<std::pair<int, int>> pairs;
    for (size_t o = 0; o < program_.outputs.size(); ++o) {
      const ValueInfo& out = values_[program_.outputs[o]];
      for (size_t k = 0; k < program_.operands.size(); ++k) {
        const ValueInfo& in = values_[k];
        if (in.whole || in.row_bytes() != out.row_bytes() || in.last > out.made) continue;
        if (StepAllows(out, static_cast<int>(k))) {
          pairs.push_back({static_cast<int>(o), static_cast<int>(k)});
        }
      }
    }
    return pairs;
  }

  // Whether the step that makes `out` may write it over the operand, wherever it reads that.
  bool StepAllows(const ValueInfo& out, int operand) const {
    const FusedProgram::Step& step = program_.steps[out.made];
    const Step& chosen = fused_->steps[out.made];
    const OpDef* op = OpTable::Builtin().Find(step.op);
    for (int i = 0; i < static_cast<int>(step.inputs.size()); ++i) {
      if (step.inputs[i] != operand) continue;
      if (op == nullptr || !AllowsInPlace(*op, *chosen.full, out.result, i)) return false;
      if (chosen.last != nullptr && !AllowsInPlace(*op, *chosen.last, out.result, i)) return false;
    }
    return true;
  }

  void NameIt() {
    fused_->name = absl::StrCat(
        "executor.fused(",
        absl::StrJoin(fused_->steps, ", ",
                      [](std::string* out, const Step& step) {
                        absl::StrAppend(out, step.full->def.name);
                      }),
        ")");
  }

  void SetUpCall() {
    fused_->SetCall(node_.attrs, inputs_, outputs_, isa_);
    fused_->def = {.struct_size = sizeof(tsr_kernel_def),
                   .isa = TSR_ISA_REFERENCE,
                   .op = "fused",
                   .name = fused_->name.c_str(),
                   .prepare = PrepareFused,
                   .version = 1,
                   .flags = 0,
                   .user = fused_.get()};
    fused_->in_place = InPlacePairs();
    fused_->call.user = fused_.get();
    fused_->plan.struct_size = sizeof(tsr_kernel_plan);
    fused_->plan.phase_count = 1;
    const int64_t step = fused_->tile_rows * fused_->tiles_per_task;
    fused_->plan.tasks[0] = (fused_->rows + step - 1) / step;
    fused_->plan.run = RunFused;
  }

  const Node& node_;
  const std::vector<const SizedType*>& inputs_;
  const std::vector<const SizedType*>& outputs_;
  const KernelTable& kernels_;
  const int isa_;
  std::unique_ptr<FusedKernel> fused_;
  const FusedProgram& program_;  // of fused_
  std::vector<ValueInfo> values_;
  int64_t widest_ = 1;     // columns
  int64_t workspace_ = 0;  // bytes that a step's kernel wants
};

}  // namespace

absl::StatusOr<std::unique_ptr<PreparedKernel>> NewFusedKernel(
    const Node& node, const std::vector<const SizedType*>& inputs,
    const std::vector<const SizedType*>& outputs, const KernelTable& kernels, int isa) {
  ASSIGN_OR_RETURN(FusedProgram program, FusedProgram::FromAttrs(node.attrs));
  return FusedBuilder(node, std::move(program), inputs, outputs, kernels, isa).Build();
}

}  // namespace tessera
