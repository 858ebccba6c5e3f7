// TuningTable: values of kernels' knobs that were found to be faster, by call.
//
// Knobs (cpp/device/backend.h) change no bit of a result, so a table changes only how long a step
// takes. One table is for one machine: who makes it has left out what was measured elsewhere. It is
// read while kernels are chosen; files and what is in them are cpp/train/tuning_file.h. Filled by
// one thread, then constant and thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/device/backend.h"

namespace tessera {

// A value by the name of its knob.
using NamedKnobs = std::vector<std::pair<std::string, int64_t>>;

// What a call is known by, without its kernel: "bf16[4096,512] bf16[512,1408] -> bf16[4096,1408]
// {transpose_lhs: false, transpose_rhs: false}".
std::string TuningText(const tsr_kernel_call& call);

// Values in the order of the space. INVALID_ARGUMENT, with the names that the kernel has, when
// others are given, or one is missing or given twice.
absl::StatusOr<std::vector<int64_t>> OrderKnobs(const tsr_kernel_space& space,
                                                const NamedKnobs& knobs);

class TuningTable {
 public:
  // `source` stands in errors for the file.
  explicit TuningTable(std::string source) : source_(std::move(source)) {}

  // The first entry of a call counts.
  void Add(std::string_view kernel, uint32_t version, std::string_view text, NamedKnobs knobs);
  // nullptr when there is none.
  const NamedKnobs* Find(const tsr_kernel_def& def, const tsr_kernel_call& call) const;

  const std::string& source() const { return source_; }
  size_t size() const { return entries_.size(); }

 private:
  std::string source_;
  std::map<std::string, NamedKnobs, std::less<>> entries_;
};

}  // namespace tessera
