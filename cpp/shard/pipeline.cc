#include "cpp/shard/pipeline.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/printer.h"
#include "cpp/ir/verifier.h"
#include "cpp/shard/stage_program.h"

namespace tessera {
namespace {

bool IsStep(ActionKind kind) {
  return kind == ActionKind::kForward || kind == ActionKind::kBackward ||
         kind == ActionKind::kInputGradient || kind == ActionKind::kWeightGradient;
}

// A value on its way from the stage that writes it to one that reads it.
struct Transfer {
  int slot = -1;
  int micro_batch = 0;
  int from = 0, to = 0;
};

class Splitter {
 public:
  Splitter(const Program& program, const PipelineOptions& options)
      : program_(program), options_(options) {}

  absl::StatusOr<StagePrograms> Run() {
    RETURN_IF_ERROR(CheckSegments());
    RETURN_IF_ERROR(PlaceActions());
    FindUsers();
    RETURN_IF_ERROR(FindTransfers());
    StagePrograms stages;
    for (int stage = 0; stage < stage_count_; ++stage) {
      ASSIGN_OR_RETURN(std::shared_ptr<const Program> built, Build(stage));
      stages.push_back(std::move(built));
    }
    RETURN_IF_ERROR(CheckStages(stages));
    return stages;
  }

 private:
  using Instance = std::pair<int, int>;   // slot, micro-batch

  absl::Status CheckSegments() {
    for (const Slot& slot : program_.slots) {
      if (slot.kind != SlotKind::kState) continue;
      return absl::UnimplementedError(absl::StrCat(
          "pipeline: state '", slot.name, "' is carried from step to step, which stages cannot "
          "do yet"));
    }
    int segments = 0;
    for (const Action& action : program_.schedule) {
      if (action.kind == ActionKind::kForward) segments = std::max(segments, action.segment + 1);
      if (action.kind == ActionKind::kReduceSlot) {
        return absl::UnimplementedError(absl::StrCat(
            "pipeline: '", program_.slots[action.slot].name,
            "' is summed over the ranks in the middle of a step, which stages cannot do"));
      }
    }
    const std::vector<int>& stage_of = options_.stage_of_segment;
    if (static_cast<int>(stage_of.size()) != segments) {
      return absl::InvalidArgumentError(absl::StrCat("pipeline: stage_of_segment: expected ",
                                                     segments, " segments, got ",
                                                     stage_of.size()));
    }
    int last = 0;
    for (size_t i = 0; i < stage_of.size(); ++i) {
      const bool fits = i == 0 ? stage_of[i] == 0 : stage_of[i] == last || stage_of[i] == last + 1;
      if (!fits) {
        return absl::InvalidArgumentError(absl::StrCat(
            "pipeline: stage_of_segment[", i, "]: expected ", i == 0 ? "0" : absl::StrCat(
            last, " or ", last + 1), ", got ", stage_of[i]));
      }
      last = stage_of[i];
    }
    stage_count_ = last + 1;
    return absl::OkStatus();
  }

  Instance InstanceOf(int slot, const Action& action) const {
    return {slot, program_.slots[slot].per_micro_batch ? action.micro_batch : 0};
  }

  // The stage of every forward and backward action. Sums of gradients belong to no segment: they
  // are made where they are read, or else where their terms are.
  absl::Status PlaceActions() {
    const std::vector<Action>& schedule = program_.schedule;
    stage_of_.assign(schedule.size(), -1);
    std::map<Instance, int> read_at, written_at;
    for (size_t i = schedule.size(); i-- > 0;) {
      if (!IsStep(schedule[i].kind)) continue;
      const ProgramCall& call = program_.calls[schedule[i].call];
      int& stage = stage_of_[i];
      if (schedule[i].segment >= 0) stage = options_.stage_of_segment[schedule[i].segment];
      for (int slot : call.outputs) {
        const auto it = read_at.find(InstanceOf(slot, schedule[i]));
        if (stage < 0 && slot >= 0 && it != read_at.end()) stage = it->second;
      }
      if (stage < 0) continue;
      for (int slot : call.inputs) read_at[InstanceOf(slot, schedule[i])] = stage;
    }
    for (size_t i = 0; i < schedule.size(); ++i) {
      if (!IsStep(schedule[i].kind)) continue;
      const ProgramCall& call = program_.calls[schedule[i].call];
      for (int slot : call.inputs) {
        const auto it = written_at.find(InstanceOf(slot, schedule[i]));
        if (stage_of_[i] < 0 && it != written_at.end()) stage_of_[i] = it->second;
      }
      RET_CHECK(stage_of_[i] >= 0) << "no stage for the call at '" << call.at << "'";
      for (int slot : call.outputs) {
        if (slot >= 0) written_at[InstanceOf(slot, schedule[i])] = stage_of_[i];
      }
    }
    return absl::OkStatus();
  }

  // Which stages hold a parameter: those with a call that reads its weight.
  void FindUsers() {
    users_.resize(program_.params.size());
    for (size_t i = 0; i < program_.schedule.size(); ++i) {
      if (stage_of_[i] < 0) continue;
      for (int slot : program_.calls[program_.schedule[i].call].inputs) {
        const Slot& info = program_.slots[slot];
        const bool is_weight = info.kind == SlotKind::kParam || info.kind == SlotKind::kWeight;
        if (is_weight && info.param >= 0) users_[info.param].insert(stage_of_[i]);
      }
    }
    // What no step reads, such as a counter, is kept by the first stage.
    for (std::set<int>& users : users_) {
      if (users.empty()) users.insert(0);
    }
  }

  // The stages that run an action of the whole schedule.
  std::set<int> StagesOf(size_t index) const {
    const Action& action = program_.schedule[index];
    if (action.kind == ActionKind::kReduce) return {};
    if (stage_of_[index] >= 0) return {stage_of_[index]};
    std::set<int> all;
    for (int stage = 0; stage < stage_count_; ++stage) all.insert(stage);
    const ProgramCall& call = program_.calls[action.call];
    for (const std::vector<int>* slots : {&call.outputs, &call.inputs}) {
      for (int slot : *slots) {
        if (slot < 0 || program_.slots[slot].param < 0) continue;
        const std::set<int>& users = users_[program_.slots[slot].param];
        if (action.kind == ActionKind::kNorm) return {*users.begin()};
        return users;
      }
    }
    return all;   // the prologue
  }

  absl::Status FindTransfers() {
    std::map<Instance, std::pair<int, std::set<int>>> writers;   // action, stages that have it
    sent_after_.resize(program_.schedule.size());
    received_before_.resize(program_.schedule.size());
    for (size_t i = 0; i < program_.schedule.size(); ++i) {
      const Action& action = program_.schedule[i];
      if (action.call < 0) continue;
      const ProgramCall& call = program_.calls[action.call];
      const std::set<int> stages = StagesOf(i);
      for (int slot : call.inputs) {
        const auto it = writers.find(InstanceOf(slot, action));
        if (it == writers.end()) continue;
        auto& [writer, holders] = it->second;
        for (int stage : stages) {
          if (!holders.insert(stage).second) continue;
          const int from = *StagesOf(static_cast<size_t>(writer)).begin();
          const int transfer = static_cast<int>(transfers_.size());
          transfers_.push_back({slot, it->first.second, from, stage});
          sent_after_[static_cast<size_t>(writer)].push_back(transfer);
          received_before_[i].push_back(transfer);
        }
      }
      for (int slot : call.outputs) {
        if (slot < 0) continue;
        writers[InstanceOf(slot, action)] = {static_cast<int>(i), stages};
        made_at_[slot] = stages;
      }
    }
    return absl::OkStatus();
  }

  // The order in which a stage goes through its forward and backward work.
  std::vector<std::pair<bool, int>> Units(int stage) const {   // is forward, micro-batch
    const int count = program_.micro_batches;
    const int ahead = options_.order == PipelineOrder::kAllForwardsFirst
                          ? count
                          : std::min(count, stage_count_ - 1 - stage);
    std::vector<std::pair<bool, int>> units;
    for (int m = 0; m < ahead; ++m) units.push_back({true, m});
    for (int m = ahead; m < count; ++m) {
      units.push_back({true, m});
      units.push_back({false, m - ahead});
    }
    for (int m = count - ahead; m < count; ++m) units.push_back({false, m});
    return units;
  }

  absl::StatusOr<std::shared_ptr<const Program>> Build(int stage) const {
    const std::vector<Action>& schedule = program_.schedule;
    std::vector<Action> table;
    const auto take = [&](size_t index) {
      for (int tag : received_before_[index]) {
        const Transfer& transfer = transfers_[tag];
        if (transfer.to != stage) continue;
        table.push_back({ActionKind::kReceive, -1, transfer.micro_batch, -1, transfer.slot,
                         transfer.from, tag});
      }
      table.push_back(schedule[index]);
      for (int tag : sent_after_[index]) {
        const Transfer& transfer = transfers_[tag];
        if (transfer.from != stage) continue;
        table.push_back({ActionKind::kSend, -1, transfer.micro_batch, -1, transfer.slot,
                         transfer.to, tag});
      }
    };
    const auto is_mine = [&](size_t index) { return StagesOf(index).contains(stage); };
    size_t first_step = 0, end_step = 0;
    for (size_t i = 0; i < schedule.size(); ++i) {
      if (!IsStep(schedule[i].kind)) continue;
      if (end_step == 0) first_step = i;
      end_step = i + 1;
    }
    for (size_t i = 0; i < first_step; ++i) {
      if (is_mine(i)) take(i);
    }
    for (const auto& [is_forward, micro_batch] : Units(stage)) {
      for (size_t i = first_step; i < end_step; ++i) {
        const bool forward = schedule[i].kind == ActionKind::kForward;
        if (forward == is_forward && schedule[i].micro_batch == micro_batch && is_mine(i)) take(i);
      }
    }
    for (size_t i = end_step; i < schedule.size(); ++i) {
      if (is_mine(i)) take(i);
    }
    return ProgramOfStage(program_, std::move(table), KeptBy(stage));
  }

  StageKeeps KeptBy(int stage) const {
    StageKeeps keeps;
    for (const std::set<int>& users : users_) keeps.params.push_back(users.contains(stage));
    const auto is_here = [&](int slot) {
      const auto it = made_at_.find(slot);
      return it != made_at_.end() && it->second.contains(stage);
    };
    for (const SumSpec& sum : program_.sums) {
      keeps.sums.push_back(is_here(sum.numerator_slot));
      keeps.sum_is_whole.push_back(is_here(sum.denominator_slot));
    }
    for (int slot : program_.result_slots) keeps.results.push_back(is_here(slot));
    for (int slot : program_.norm_slots) keeps.norms.push_back(is_here(slot));
    return keeps;
  }

  const Program& program_;
  const PipelineOptions& options_;
  int stage_count_ = 0;
  std::vector<int> stage_of_;          // per action; -1: not of one stage
  std::vector<std::set<int>> users_;   // per parameter
  std::vector<Transfer> transfers_;    // their index is their tag
  std::vector<std::vector<int>> sent_after_, received_before_;   // per action: tags
  std::map<int, std::set<int>> made_at_;   // per slot: the stages whose calls write it
};

// What has been sent and not received: peer, tag -> how many.
using Post = std::map<std::tuple<int, int, int>, int>;   // from, to, tag

std::string Describe(size_t stage, const Action& action, const Program& program) {
  return absl::StrCat("stage ", stage, ": ", Name(action.kind), " of '",
                      program.slots[action.slot].name, "' micro-batch ", action.micro_batch,
                      action.kind == ActionKind::kSend ? " to stage " : " from stage ",
                      action.peer);
}

}  // namespace

absl::StatusOr<StagePrograms> SplitIntoStages(const Program& program,
                                              const PipelineOptions& options) {
  return Splitter(program, options).Run();
}

absl::Status CheckStages(absl::Span<const std::shared_ptr<const Program>> stages) {
  Post post;
  std::vector<size_t> next(stages.size(), 0);
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t s = 0; s < stages.size(); ++s) {
      const std::vector<Action>& table = stages[s]->schedule;
      for (; next[s] < table.size(); ++next[s], moved = true) {
        const Action& action = table[next[s]];
        const int self = static_cast<int>(s);
        if (action.kind == ActionKind::kSend) ++post[{self, action.peer, action.tag}];
        if (action.kind != ActionKind::kReceive) continue;
        int& waiting = post[{action.peer, self, action.tag}];
        if (waiting == 0) break;
        --waiting;
      }
    }
  }
  for (size_t s = 0; s < stages.size(); ++s) {
    if (next[s] == stages[s]->schedule.size()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("pipeline: waits for ever: ",
                     Describe(s, stages[s]->schedule[next[s]], *stages[s])));
  }
  for (size_t s = 0; s < stages.size(); ++s) {
    for (const Action& action : stages[s]->schedule) {
      if (action.kind != ActionKind::kSend) continue;
      if (post[{static_cast<int>(s), action.peer, action.tag}] == 0) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("pipeline: never received: ", Describe(s, action, *stages[s])));
    }
  }
  return absl::OkStatus();
}

}  // namespace tessera
