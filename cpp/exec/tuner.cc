#include "cpp/exec/tuner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>

#include "cpp/base/status_macros.h"
#include "cpp/exec/call_timer.h"
#include "cpp/exec/cost_model.h"
#include "cpp/exec/tunable_calls.h"

namespace tessera {
namespace {

constexpr size_t kFirstTimed = 5;        // that differ most, before the model is asked
constexpr size_t kLeastTimed = 10;       // before the model may say that it expects no more
constexpr double kWorthwhile = 0.01;     // a gain that is looked for
constexpr int kRounds = 2;               // of a measurement
constexpr size_t kFinalists = 4;         // timed again
constexpr int kFinalRounds = 5;
constexpr int kPairs = 21;
constexpr double kPairsWon = 0.75;       // so many by chance: 1 in 75
constexpr double kOtherCallsWeight = 0.2;
constexpr double kSearchShare = 0.7;     // of a call's budget; the rest confirms

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Candidate {
  std::vector<int64_t> knobs;
  std::vector<double> features;
  double log_ratio = std::numeric_limits<double>::quiet_NaN();   // measured
  bool is_timed() const { return !std::isnan(log_ratio); }
};

// What is learned of one kernel is of use for its other calls.
using Lessons = std::map<std::string, std::vector<CostSample>>;

class CallSearch {
 public:
  CallSearch(TunableCall& call, ThreadPool& pool, const TuneOptions& options)
      : call_(call), kernel_(*call.kernel), pool_(pool), options_(options) {}

  // Everything but times, and how long the own choice takes.
  absl::Status Open();
  // Looks until `deadline`. `told` is called after each measurement.
  absl::Status Run(double deadline, Lessons& lessons, const std::function<absl::Status()>& told);
  // Lets go of the operands.
  void Close() { timer_.reset(); }

  double weight() const { return own_s_ * static_cast<double>(call_.uses); }
  int64_t most_measurements() const {
    const auto valid = static_cast<int64_t>(candidates_.size());
    return options_.exhaustive ? valid : std::min(valid, options_.most_timed);
  }
  int64_t measured() const { return measured_; }
  const TuneResult& result() const { return result_; }

 private:
  absl::Status ListCandidates();
  absl::Status AddPlanFeatures(Candidate& candidate);
  absl::Status MakeTimer();
  absl::Status Measure(Candidate& candidate, int rounds);
  absl::Status Search(double deadline, Lessons& lessons);
  size_t MostDifferent() const;
  // The next to time, or none: candidates_.size().
  size_t Choose(const CostModel& model) const;
  double BestSoFar() const;
  // Times the best of those that were timed once more.
  absl::StatusOr<size_t> Final();
  // Ratios of the times of a and b, run in turn.
  absl::StatusOr<std::vector<double>> Pairs(size_t a, size_t b);
  absl::Status Confirm(size_t found);
  absl::Status TimeAll(size_t found, const CostModel& model);
  NamedKnobs Named(size_t candidate) const;
  std::vector<CostSample> Samples(double weight) const;
  CostModel Learn(const std::vector<CostSample>& others) const;

  TunableCall& call_;
  PreparedKernel& kernel_;
  ThreadPool& pool_;
  const TuneOptions& options_;
  tsr_kernel_space space_ = {};
  std::vector<Candidate> candidates_;
  std::vector<double> scales_;
  size_t own_ = 0;
  std::unique_ptr<CallTimer> timer_;
  std::function<absl::Status()> told_;
  double own_s_ = std::numeric_limits<double>::infinity();
  int64_t measured_ = 0;
  TuneResult result_;
};

absl::Status CallSearch::Open() {
  RETURN_IF_ERROR(ListCandidates());
  result_.kernel = kernel_.def.name;
  result_.version = kernel_.def.version;
  result_.text = call_.text;
  result_.uses = call_.uses;
  result_.flops = call_.flops;
  result_.box_count = space_.box_count;
  result_.valid_count = static_cast<int64_t>(candidates_.size());
  result_.own = result_.found = Named(own_);
  result_.regret = result_.rank_correlation = std::numeric_limits<double>::quiet_NaN();
  RETURN_IF_ERROR(MakeTimer());
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(const double seconds, timer_->Seconds(candidates_[own_].knobs));
    own_s_ = std::min(own_s_, seconds);
  }
  Close();
  return absl::OkStatus();
}

absl::Status CallSearch::MakeTimer() {
  ASSIGN_OR_RETURN(timer_, CallTimer::Create(kernel_, pool_));
  return absl::OkStatus();
}

absl::Status CallSearch::ListCandidates() {
  struct Visit {
    std::vector<Candidate>* out;
    size_t knobs, traits;
  };
  ASSIGN_OR_RETURN(space_, ExploreKernel(kernel_, nullptr, nullptr));
  Visit visit{&candidates_, static_cast<size_t>(space_.knob_count),
              static_cast<size_t>(space_.trait_count)};
  const auto take = [](void* user, const int64_t* knobs, const double* traits) {
    auto* to = static_cast<Visit*>(user);
    Candidate candidate;
    candidate.knobs.assign(knobs, knobs + to->knobs);
    candidate.features.assign(traits, traits + to->traits);
    to->out->push_back(std::move(candidate));
  };
  RETURN_IF_ERROR(ExploreKernel(kernel_, take, &visit).status());
  const std::vector<int64_t> own(space_.own, space_.own + space_.knob_count);
  own_ = candidates_.size();
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].knobs == own) own_ = i;
    RETURN_IF_ERROR(AddPlanFeatures(candidates_[i]));
  }
  RET_CHECK(own_ < candidates_.size())
      << "kernel " << kernel_.def.name << ": its own choice is not in its space";
  candidates_[own_].log_ratio = 0;
  const size_t count = candidates_[own_].features.size();
  scales_.assign(count, 0);
  for (const Candidate& candidate : candidates_) {
    for (size_t f = 0; f < count; ++f) {
      const double apart = candidate.features[f] - candidates_[own_].features[f];
      scales_[f] += apart * apart / static_cast<double>(candidates_.size());
    }
  }
  for (double& scale : scales_) scale = std::sqrt(scale);
  return absl::OkStatus();
}

// What the plan says: threads that wait for the last tasks, how many tasks, scratch in memory.
absl::Status CallSearch::AddPlanFeatures(Candidate& candidate) {
  RETURN_IF_ERROR(SetKnobs(kernel_, candidate.knobs));
  const int64_t threads = pool_.threads();
  double idle = 0, tasks = 0;
  for (int32_t phase = 0; phase < kernel_.plan.phase_count; ++phase) {
    const int64_t count = kernel_.plan.tasks[phase];
    if (count == 0) continue;
    // The last phase is where the work is; those before it prepare.
    idle = static_cast<double>((count + threads - 1) / threads * threads) /
               static_cast<double>(count) - 1;
    tasks += static_cast<double>(count);
  }
  candidate.features.push_back(std::log1p(idle));
  candidate.features.push_back(std::log1p(tasks));
  candidate.features.push_back(
      std::log1p(static_cast<double>(kernel_.plan.workspace_bytes) / (1 << 20)));
  return absl::OkStatus();
}

// Least times of both, run in turn.
absl::Status CallSearch::Measure(Candidate& candidate, int rounds) {
  double own = std::numeric_limits<double>::infinity(), other = own;
  for (int round = 0; round < rounds; ++round) {
    for (const bool is_own : {round % 2 == 0, round % 2 != 0}) {
      ASSIGN_OR_RETURN(const double seconds,
                       timer_->Seconds(is_own ? candidates_[own_].knobs : candidate.knobs));
      (is_own ? own : other) = std::min(is_own ? own : other, seconds);
    }
  }
  if (!candidate.is_timed()) ++measured_;
  candidate.log_ratio = std::log(std::max(other, 1e-12) / std::max(own, 1e-12));
  own_s_ = std::min(own_s_, own);
  return told_();
}

// Farthest from all that were timed, each feature in units of its spread.
size_t CallSearch::MostDifferent() const {
  size_t best = candidates_.size();
  double most = -1;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].is_timed()) continue;
    double nearest = std::numeric_limits<double>::infinity();
    for (const Candidate& timed : candidates_) {
      if (!timed.is_timed()) continue;
      double apart = 0;
      for (size_t f = 0; f < scales_.size(); ++f) {
        if (scales_[f] == 0) continue;
        const double x = (candidates_[i].features[f] - timed.features[f]) / scales_[f];
        apart += x * x;
      }
      nearest = std::min(nearest, apart);
    }
    if (nearest > most) {
      most = nearest;
      best = i;
    }
  }
  return best;
}

double CallSearch::BestSoFar() const {
  double best = 0;
  for (const Candidate& each : candidates_) {
    if (each.is_timed()) best = std::min(best, each.log_ratio);
  }
  return best;
}

// Odd turns ask for the best guess, even ones for the best that is still possible.
size_t CallSearch::Choose(const CostModel& model) const {
  const double daring = measured_ % 2 == 0 ? 1.0 : 0.0;
  size_t best = candidates_.size();
  double least = std::numeric_limits<double>::infinity();
  double least_possible = least;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].is_timed()) continue;
    const CostModel::Guess guess =
        model.Predict(candidates_[i].features, candidates_[own_].features);
    least_possible = std::min(least_possible, guess.log_ratio - guess.deviation);
    const double value = guess.log_ratio - daring * guess.deviation;
    if (value >= least) continue;
    least = value;
    best = i;
  }
  const bool hopes = least_possible < BestSoFar() - kWorthwhile;
  return hopes || measured_ < static_cast<int64_t>(kLeastTimed) ? best : candidates_.size();
}

std::vector<CostSample> CallSearch::Samples(double weight) const {
  std::vector<CostSample> samples;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& each = candidates_[i];
    if (!each.is_timed() || i == own_) continue;
    samples.push_back({each.features, candidates_[own_].features, each.log_ratio, weight});
  }
  return samples;
}

CostModel CallSearch::Learn(const std::vector<CostSample>& others) const {
  std::vector<CostSample> samples = Samples(1);
  samples.insert(samples.end(), others.begin(), others.end());
  CostModel model;
  model.Fit(samples, scales_);
  return model;
}

absl::Status CallSearch::Search(double deadline, Lessons& lessons) {
  const int64_t most = std::min(options_.most_timed, most_measurements());
  for (size_t i = 0; i < kFirstTimed && measured_ < most; ++i) {
    // The own choice counts as timed from the start.
    const size_t next = MostDifferent();
    if (Now() > deadline || next == candidates_.size()) return absl::OkStatus();
    RETURN_IF_ERROR(Measure(candidates_[next], kRounds));
  }
  while (measured_ < most && Now() < deadline) {
    const size_t next = Choose(Learn(lessons[result_.kernel]));
    if (next == candidates_.size()) break;
    RETURN_IF_ERROR(Measure(candidates_[next], kRounds));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> CallSearch::Final() {
  std::vector<size_t> order;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].is_timed() && i != own_) order.push_back(i);
  }
  const size_t count = std::min(kFinalists, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) {
                      return candidates_[a].log_ratio < candidates_[b].log_ratio;
                    });
  size_t best = own_;
  for (size_t i = 0; i < count; ++i) {
    RETURN_IF_ERROR(Measure(candidates_[order[i]], kFinalRounds));
    if (candidates_[order[i]].log_ratio < candidates_[best].log_ratio) best = order[i];
  }
  return best;
}

absl::StatusOr<std::vector<double>> CallSearch::Pairs(size_t a, size_t b) {
  std::vector<double> ratios;
  for (int pair = 0; pair < kPairs; ++pair) {
    double seconds[2] = {};
    for (const int which : {pair % 2, 1 - pair % 2}) {
      ASSIGN_OR_RETURN(seconds[which], timer_->Seconds(candidates_[which == 0 ? a : b].knobs));
    }
    ratios.push_back(seconds[0] / std::max(seconds[1], 1e-12));
    RETURN_IF_ERROR(told_());
  }
  std::sort(ratios.begin(), ratios.end());
  return ratios;
}

absl::Status CallSearch::Confirm(size_t found) {
  result_.found = Named(found);
  if (found == own_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<double> ratios, Pairs(own_, found));
  result_.speedup = ratios[kPairs / 2];
  const auto won = std::count_if(ratios.begin(), ratios.end(), [](double r) { return r > 1; });
  result_.pairs_won = static_cast<double>(won) / kPairs;
  result_.is_kept = result_.speedup >= 1 + kWorthwhile && result_.pairs_won >= kPairsWon;
  return absl::OkStatus();
}

absl::Status CallSearch::TimeAll(size_t found, const CostModel& model) {
  std::vector<double> said, took;
  for (Candidate& candidate : candidates_) {
    if (candidate.is_timed()) continue;
    said.push_back(model.Predict(candidate.features, candidates_[own_].features).log_ratio);
    RETURN_IF_ERROR(Measure(candidate, kRounds));
    took.push_back(candidate.log_ratio);
  }
  result_.rank_correlation = RankCorrelation(said, took);
  ASSIGN_OR_RETURN(const size_t best, Final());
  result_.best = Named(best);
  // What runs is the own choice where what was found is not kept.
  const size_t used = result_.is_kept ? found : own_;
  result_.regret = 0;
  if (best == used) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<double> ratios, Pairs(used, best));
  result_.regret = ratios[kPairs / 2] - 1;
  return absl::OkStatus();
}

absl::Status CallSearch::Run(double deadline, Lessons& lessons,
                             const std::function<absl::Status()>& told) {
  told_ = told;
  RETURN_IF_ERROR(MakeTimer());
  RETURN_IF_ERROR(Search(deadline, lessons));
  result_.timed_count = measured_;
  const CostModel model = Learn(lessons[result_.kernel]);
  ASSIGN_OR_RETURN(const size_t found, Final());
  RETURN_IF_ERROR(Confirm(found));
  for (CostSample& sample : Samples(kOtherCallsWeight)) {
    lessons[result_.kernel].push_back(std::move(sample));
  }
  if (options_.exhaustive) RETURN_IF_ERROR(TimeAll(found, model));
  result_.own_s = own_s_;
  Close();
  return absl::OkStatus();
}

NamedKnobs CallSearch::Named(size_t candidate) const {
  NamedKnobs named;
  for (int32_t i = 0; i < space_.knob_count; ++i) {
    named.emplace_back(space_.knobs[i], candidates_[candidate].knobs[static_cast<size_t>(i)]);
  }
  return named;
}

}  // namespace

absl::StatusOr<TuneReport> TuneProgram(const Program& program, const KernelTable& kernels,
                                       ThreadPool& pool, const ExecutorOptions& executor,
                                       const TuneOptions& options) {
  RET_CHECK(kernels.tuning() == nullptr) << "tuning begins with the kernels' own choices";
  const double start = Now();
  ASSIGN_OR_RETURN(std::vector<TunableCall> calls, FindTunableCalls(program, kernels, executor));
  std::vector<std::unique_ptr<CallSearch>> searches;
  int64_t total = 0;
  double weight = 0;
  for (TunableCall& call : calls) {
    searches.push_back(std::make_unique<CallSearch>(call, pool, options));
    RETURN_IF_ERROR(searches.back()->Open());
    if (options.progress) RETURN_IF_ERROR(options.progress(0, 1));
    total += searches.back()->most_measurements();
    weight += searches.back()->weight();
  }
  std::stable_sort(searches.begin(), searches.end(),
                   [](const auto& a, const auto& b) { return a->weight() > b->weight(); });
  TuneReport report;
  report.call_count = static_cast<int64_t>(calls.size());
  Lessons lessons;
  int64_t done = 0;
  const bool is_limited = options.budget_s > 0;
  const double end = is_limited ? start + options.budget_s
                                : std::numeric_limits<double>::infinity();
  for (const auto& search : searches) {
    const double now = Now();
    if (now >= end) break;
    const double deadline =
        is_limited
            ? now + kSearchShare * (end - now) * search->weight() / std::max(weight, 1e-12)
            : end;
    weight -= search->weight();
    RETURN_IF_ERROR(search->Run(deadline, lessons, [&]() -> absl::Status {
      if (!options.progress) return absl::OkStatus();
      return options.progress(std::min(total, done + search->measured()), total);
    }));
    done += search->most_measurements();
    report.results.push_back(search->result());
  }
  report.seconds = Now() - start;
  return report;
}

}  // namespace tessera
