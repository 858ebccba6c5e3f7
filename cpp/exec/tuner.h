// TuneProgram: looks for faster values of the knobs of a program's kernels, by timing them.
//
// For each call the kernel hands out every legal combination of its knobs; nothing else is ever
// prepared or timed. A cost model (cost_model.h) is trained on the way: a few combinations that
// differ most are timed first, then, one at a time, that which the model expects most of, or knows
// least about, until it expects nothing more. Each is timed in turn with the kernel's own choice,
// so that neighbours trouble both alike. What wins must also win against the own choice in pairs
// of runs in a row, or the own choice stays. One thread drives it; it may use the pool meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/exec/executor.h"
#include "cpp/exec/tuning_table.h"

namespace tessera {

struct TuneOptions {
  int64_t most_timed = 32;   // combinations of one call that the search times at most
  double budget_s = 0;       // of all calls, shared by how much of a step they are; 0: none
  bool exhaustive = false;   // afterwards times all others too, to know what was missed
  // Told how many combinations are done, of how many at most; an error ends all with it.
  std::function<absl::Status(int64_t done, int64_t total)> progress;
};

struct TuneResult {
  std::string kernel;
  uint32_t version = 0;
  std::string text;            // TuningText
  int64_t uses = 0;            // in a step
  double flops = 0;            // of one use
  int64_t box_count = 0;       // combinations of what each knob may be by itself
  int64_t valid_count = 0;     // those that are legal
  int64_t timed_count = 0;     // those that the search timed
  double own_s = 0;            // least seconds with the kernel's own choice
  NamedKnobs own;
  NamedKnobs found;            // the best that the search saw; may be the own choice
  double speedup = 1;          // of `found` over the own choice: median of the ratios of pairs
  double pairs_won = 0;        // share of the pairs in which it was faster
  bool is_kept = false;        // it is faster beyond doubt
  // After an exhaustive search; otherwise empty and not a number.
  NamedKnobs best;             // of all
  double regret = 0;           // how much longer what is used takes than it, as a share; from pairs
  double rank_correlation = 0; // of what the model said of those it had not seen with their times
};

// In the order of what they take of a step, most first; calls that the budget did not reach are
// left out, `call_count` counts them too.
struct TuneReport {
  std::vector<TuneResult> results;
  int64_t call_count = 0;
  double seconds = 0;
};

// `options.profile` and limits do not matter. Errors as Executor::PlanOnly, and what kernels fail
// with. REQUIRES: `kernels` has no tuning.
absl::StatusOr<TuneReport> TuneProgram(const Program& program, const KernelTable& kernels,
                                       ThreadPool& pool, const ExecutorOptions& executor,
                                       const TuneOptions& options);

}  // namespace tessera
