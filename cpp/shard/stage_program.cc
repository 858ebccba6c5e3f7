#include "cpp/shard/stage_program.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/verifier.h"

namespace tessera {
namespace {

// New indexes, given out in the order in which old ones are first asked for.
class Renumbering {
 public:
  explicit Renumbering(size_t count) : new_of_(count, -1) {}

  int Of(int old) {
    if (old < 0) return old;
    if (new_of_[old] < 0) {
      new_of_[old] = static_cast<int>(kept_.size());
      kept_.push_back(old);
    }
    return new_of_[old];
  }
  const std::vector<int>& kept() const { return kept_; }

 private:
  std::vector<int> new_of_;
  std::vector<int> kept_;
};

class StageBuilder {
 public:
  explicit StageBuilder(const Program& whole)
      : whole_(whole),
        functions_(whole.functions.size()),
        calls_(whole.calls.size()),
        slots_(whole.slots.size()) {}

  absl::StatusOr<std::shared_ptr<const Program>> Run(std::vector<Action> table,
                                                     const StageKeeps& keeps) {
    AddParams(keeps);
    for (Action& action : table) {
      action.call = calls_.Of(action.call);
      action.slot = slots_.Of(action.slot);
    }
    stage_->schedule = std::move(table);
    for (int old : calls_.kept()) AddCall(whole_.calls[old]);
    RETURN_IF_ERROR(AddResults(keeps));
    for (int old : functions_.kept()) stage_->functions.push_back(whole_.functions[old]);
    for (int old : slots_.kept()) {
      Slot slot = whole_.slots[old];
      if (slot.param >= 0) slot.param = param_of_[slot.param];
      stage_->slots.push_back(std::move(slot));
    }
    stage_->symbols = whole_.symbols;
    stage_->micro_batches = whole_.micro_batches;
    stage_->not_data_parallel = whole_.not_data_parallel;
    RETURN_IF_ERROR(Verify(*stage_));
    return std::shared_ptr<const Program>(std::move(stage_));
  }

 private:
  void AddParams(const StageKeeps& keeps) {
    for (size_t i = 0; i < whole_.params.size(); ++i) {
      param_of_.push_back(keeps.params[i] ? static_cast<int>(stage_->params.size()) : -1);
      if (!keeps.params[i]) continue;
      ProgramParam param = whole_.params[i];
      param.param_slot = slots_.Of(param.param_slot);
      param.weight_slot = slots_.Of(param.weight_slot);
      param.gradient_slot = slots_.Of(param.gradient_slot);
      stage_->params.push_back(std::move(param));
    }
  }

  void AddCall(ProgramCall call) {
    call.function = functions_.Of(call.function);
    for (int& slot : call.inputs) slot = slots_.Of(slot);
    for (int& slot : call.outputs) slot = slots_.Of(slot);
    stage_->calls.push_back(std::move(call));
  }

  absl::Status AddResults(const StageKeeps& keeps) {
    for (size_t i = 0; i < whole_.sums.size(); ++i) {
      if (!keeps.sums[i]) continue;
      SumSpec sum = whole_.sums[i];
      if (!keeps.sum_is_whole[i]) {
        return absl::UnimplementedError(absl::StrCat(
            "pipeline: '", sum.name, "': numerator and denominator are computed on different "
            "stages"));
      }
      sum.numerator_slot = slots_.Of(sum.numerator_slot);
      sum.denominator_slot = slots_.Of(sum.denominator_slot);
      sum.seed_slot = slots_.Of(sum.seed_slot);
      stage_->sums.push_back(std::move(sum));
    }
    for (size_t i = 0; i < whole_.result_slots.size(); ++i) {
      if (keeps.results[i]) stage_->result_slots.push_back(slots_.Of(whole_.result_slots[i]));
    }
    for (size_t i = 0; i < whole_.norm_slots.size(); ++i) {
      if (keeps.norms[i]) stage_->norm_slots.push_back(slots_.Of(whole_.norm_slots[i]));
    }
    return absl::OkStatus();
  }

  const Program& whole_;
  std::shared_ptr<Program> stage_ = std::make_shared<Program>();
  Renumbering functions_, calls_, slots_;
  std::vector<int> param_of_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Program>> ProgramOfStage(const Program& whole,
                                                              std::vector<Action> table,
                                                              const StageKeeps& keeps) {
  return StageBuilder(whole).Run(std::move(table), keeps);
}

}  // namespace tessera
