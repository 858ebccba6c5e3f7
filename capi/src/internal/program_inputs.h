// ProgramInputs: what a program is given for a run: names, types, sizes, and usual values.
//
// It knows what main takes and no executor. Binding checks every tensor against its input and finds
// out the sizes of symbols; what may be left out is made from them. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/function.h"
#include "cpp/ir/program.h"
#include "cpp/tensor/tensor.h"

namespace tessera::capi {

// What stands for an input that is left out.
enum class UsualValue { kNone, kPositions, kZeros, kIgnored, kStart };
// "", "0, 1, 2, ... in each row", ...
std::string_view Explain(UsualValue usual);

struct InputSpec {
  std::string name;
  ValueType type;
  UsualValue usual = UsualValue::kNone;   // kNone: must be given
};

struct NamedTensor {
  std::string_view name;
  Tensor tensor;
};

// The tensors of one run by name, and the sizes that follow from them.
struct BoundInputs {
  std::map<std::string, Tensor, std::less<>> tensors;
  SymbolSizes sizes;
  int64_t step = 0;   // of random keys
};

class ProgramInputs {
 public:
  // The usual values are those of language models (`is_model`); a graph's inputs have none.
  ProgramInputs(const Function& main, bool is_model, bool has_keys, int64_t ignored_target);

  const std::vector<InputSpec>& specs() const { return specs_; }
  bool Has(std::string_view name) const;

  // Checks names, dtypes and dims. INVALID_ARGUMENT names every input that is wrong or missing.
  // `needs_targets`: targets cannot be left out.
  absl::StatusOr<BoundInputs> Bind(absl::Span<const NamedTensor> given, bool needs_targets) const;

  // Adds what was left out. `lengths`: tokens that caches hold by row, where there are caches.
  absl::Status AddUsual(absl::Span<const int64_t> lengths, BoundInputs& bound) const;

 private:
  absl::StatusOr<std::vector<const InputSpec*>> Match(absl::Span<const NamedTensor> given,
                                                      bool needs_targets) const;
  absl::StatusOr<int64_t> ReadStep(const Tensor& tensor) const;

  std::vector<InputSpec> specs_;
  bool takes_step_ = false;
  int64_t ignored_target_ = 0;
};

}  // namespace tessera::capi
