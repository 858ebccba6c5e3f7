#include "cpp/train/recompute.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/optim/param_groups.h"

namespace tessera {
namespace {

// The policies of the ladder from `first` on.
std::vector<RecomputePolicy> PoliciesFrom(RecomputePolicy first) {
  std::vector<RecomputePolicy> policies = {first};
  for (const RecomputePolicy policy : {RecomputePolicy::kSelective, RecomputePolicy::kFull}) {
    if (policy > first) policies.push_back(policy);
  }
  return policies;
}

std::string_view NameOf(RecomputePolicy policy) {
  return policy == RecomputePolicy::kNone        ? "none"
         : policy == RecomputePolicy::kSelective ? "selective"
                                                 : "full";
}

class StepCompiler {
 public:
  StepCompiler(const Function& main, const RunSettings& settings, const Environment& environment,
               const CompileOptions& options)
      : main_(main), settings_(settings), environment_(environment), options_(options) {}

  absl::StatusOr<StepProgram> Run() {
    RETURN_IF_ERROR(ReadRules());
    ASSIGN_OR_RETURN(std::shared_ptr<const Program> program, CompileAt(0));
    FindSegments(*program);
    RETURN_IF_ERROR(CheckRules());
    const int64_t budget = settings_.trainer.memory_budget;
    if (budget == 0) return StepProgram{std::move(program), ""};
    ASSIGN_OR_RETURN(int64_t bytes, BytesOf(program));
    if (bytes <= budget) return StepProgram{std::move(program), "nothing more than the policy"};
    return FitIn(budget);
  }

 private:
  absl::Status ReadRules() {
    const std::vector<RecomputeRuleConfig>& rules = settings_.trainer.recompute_rules;
    for (size_t i = 0; i < rules.size(); ++i) {
      RecomputeChoice choice;
      ASSIGN_OR_RETURN(choice.policy, RecomputePolicyFromName(Name(rules[i].policy)));
      for (const std::string& op : rules[i].ops) {
        const absl::Status known = environment_.ops->Get(op).status();
        if (!known.ok()) {
          return absl::InvalidArgumentError(
              absl::StrCat("trainer.recompute_rules[", i, "].ops: ", known.message()));
        }
        choice.ops.push_back(op);
      }
      std::sort(choice.ops.begin(), choice.ops.end());
      choices_.push_back(std::move(choice));
    }
    return absl::OkStatus();
  }

  // -1: none.
  int RuleOf(std::string_view at) const {
    const std::vector<RecomputeRuleConfig>& rules = settings_.trainer.recompute_rules;
    for (size_t i = 0; i < rules.size(); ++i) {
      if (MatchesPath(rules[i].at, at)) return static_cast<int>(i);
    }
    return -1;
  }

  // In the order in which they run forward.
  void FindSegments(const Program& program) {
    std::set<std::string> seen;
    for (const Action& action : program.schedule) {
      if (action.kind != ActionKind::kForward || action.call < 0) continue;
      const std::string& at = program.calls[action.call].at;
      if (!seen.insert(at).second) continue;
      segments_.push_back(at);
      if (RuleOf(at) < 0) place_.emplace(at, static_cast<int>(place_.size()));
    }
  }

  absl::Status CheckRules() const {
    const std::vector<RecomputeRuleConfig>& rules = settings_.trainer.recompute_rules;
    std::set<int> used;
    for (const std::string& at : segments_) used.insert(RuleOf(at));
    for (size_t i = 0; i < rules.size(); ++i) {
      if (used.contains(static_cast<int>(i))) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("trainer.recompute_rules[", i, "].at: expected to match one of ",
                       segments_.size(), " segments that no earlier rule matches, got '",
                       rules[i].at, "'", SuggestionText(rules[i].at, segments_)));
    }
    return absl::OkStatus();
  }

  // `rung` counts, over all free segments, steps to the next policy.
  RecomputePolicy PolicyAt(int rung, std::string_view at) const {
    const std::vector<RecomputePolicy> policies = PoliciesFrom(settings_.recompute);
    const auto place = place_.find(std::string(at));
    if (place == place_.end() || rung == 0) return policies.front();
    const auto count = static_cast<int>(place_.size());
    const int raised = rung / count + (place->second < rung % count ? 1 : 0);
    return policies[static_cast<size_t>(raised)];
  }

  absl::StatusOr<std::shared_ptr<const Program>> CompileAt(int rung) const {
    CompileOptions options = options_;
    options.recompute_at = [this, rung](std::string_view at) {
      const int rule = RuleOf(at);
      return rule >= 0 ? choices_[static_cast<size_t>(rule)]
                       : RecomputeChoice{PolicyAt(rung, at), {}};
    };
    return Compile(main_, *environment_.ops, options);
  }

  absl::StatusOr<int64_t> BytesOf(const std::shared_ptr<const Program>& program) const {
    ExecutorOptions options;
    options.sizes = settings_.StepSizes();
    options.isa = environment_.isa;
    ASSIGN_OR_RETURN(const MemoryReport memory,
                     Executor::PlanOnly(program, *environment_.kernels, options));
    return memory.total_bytes();
  }

  absl::StatusOr<StepProgram> FitIn(int64_t budget) const {
    const auto rungs = static_cast<int>(place_.size() *
                                        (PoliciesFrom(settings_.recompute).size() - 1));
    ASSIGN_OR_RETURN(std::shared_ptr<const Program> best, CompileAt(rungs));
    ASSIGN_OR_RETURN(const int64_t least, BytesOf(best));
    if (least > budget) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "trainer.memory_budget: expected at least ", least,
          " bytes, what a step needs that computes everything again, got ", budget,
          "; a smaller micro-batch (trainer.micro_batches) needs less"));
    }
    int low = 0;        // does not fit
    int high = rungs;   // fits
    while (high - low > 1) {
      const int middle = low + (high - low) / 2;
      ASSIGN_OR_RETURN(std::shared_ptr<const Program> program, CompileAt(middle));
      ASSIGN_OR_RETURN(const int64_t bytes, BytesOf(program));
      if (bytes <= budget) {
        high = middle;
        best = std::move(program);
      } else {
        low = middle;
      }
    }
    return StepProgram{std::move(best), TextOf(high)};
  }

  std::string TextOf(int rung) const {
    std::map<RecomputePolicy, int> counts;
    for (const auto& [at, place] : place_) ++counts[PolicyAt(rung, at)];
    std::string text;
    for (const auto& [policy, count] : counts) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", NameOf(policy), " in ", count);
    }
    return absl::StrCat(text, " of ", segments_.size(), " segments");
  }

  const Function& main_;
  const RunSettings& settings_;
  const Environment& environment_;
  const CompileOptions& options_;
  std::vector<RecomputeChoice> choices_;   // of the rules
  std::vector<std::string> segments_;
  std::map<std::string, int> place_;       // of segments that no rule names: which one it is
};

}  // namespace

absl::StatusOr<StepProgram> CompileStepProgram(const Function& main, const RunSettings& settings,
                                               const Environment& environment,
                                               const CompileOptions& options) {
  return StepCompiler(main, settings, environment, options).Run();
}

}  // namespace tessera
