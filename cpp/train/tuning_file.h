// Tuning files: values of kernels' knobs that were faster, by machine and call, as JSON.
//
//   {"type": "Tuning", "version": 1, "machines": [{"cpu": "...", "isa": "avx512", "threads": 2,
//     "calls": [{"kernel": "matmul.f32.avx512", "version": 2, "call": "f32[64,64] ...",
//                "knobs": {"task_row_panels": 12, ...}, "speedup": 1.04}]}]}
// A file may hold several machines and may be deleted at any time: kernels then take their own
// values, and no result changes. What is in one is not trusted: it is bounded, checked here for its
// form and by the kernels for what is legal. Pure functions but for the file; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/exec/executor.h"
#include "cpp/exec/tuning_table.h"

namespace tessera {

inline constexpr int64_t kMostTuningBytes = 4 << 20;

// Times hold for one of these only.
struct TuningMachine {
  std::string cpu;    // its model
  std::string isa;    // that kernels may use
  int threads = 1;

  bool operator==(const TuningMachine&) const = default;
};

struct TunedEntry {
  TuningMachine machine;
  std::string kernel;
  uint32_t version = 0;
  std::string text;      // of the call: TuningText
  NamedKnobs knobs;
  double speedup = 1;    // over the kernel's own choice, when it was measured
};

// INVALID_ARGUMENT with `name`, the place and what is wrong there; a call that stands twice is
// wrong.
absl::StatusOr<std::vector<TunedEntry>> ParseTuning(std::string_view text, std::string_view name);
std::string PrintTuning(const std::vector<TunedEntry>& entries);

// Also NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED (more than kMostTuningBytes).
absl::StatusOr<std::vector<TunedEntry>> LoadTuning(const std::string& path);

// Forgets what `entries` has of the machine for one of `calls` (kernel and text), then takes
// `found` in.
struct TunedCallName {
  std::string kernel, text;
};
void ReplaceTuning(const TuningMachine& machine, const std::vector<TunedCallName>& calls,
                   const std::vector<TunedEntry>& found, std::vector<TunedEntry>& entries);

// What of `entries` is for this machine and these versions of kernels.
struct ChosenTuning {
  std::shared_ptr<const TuningTable> table;
  std::string note;   // how many are, and how many are not and why: "tuning.json: 9 calls"
};
ChosenTuning ChooseTuning(const std::vector<TunedEntry>& entries, const TuningMachine& machine,
                          const KernelTable& kernels, const std::string& source);

// The file that ships with the library.
std::string_view ShippedTuning();

}  // namespace tessera
