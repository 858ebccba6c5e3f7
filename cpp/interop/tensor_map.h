// TensorMap: which tensors of a published model are which parameters of ours, in both directions.
//
// From a family's description (family.h), a list of rules:
//   {"theirs": "model.layers.{l}.mlp.{p}.weight",
//    "ours": "decoder/layers/{l}/feed_forward/{p}/weight", "transpose": true}
//   "transpose": true     the last two dims are swapped
//   "ours": [a, b, c]     parts of one tensor of theirs along "dim", counted in our layout, one
//                         after the other, or in turns when "interleaved"
//   "stack": "e"          the place {e} of theirs counts up the first dim of ours
//   "pairs": "num_heads"  our last dim is so many rotary heads (the field's value), whose features
//                         are paired as neighbours there and as halves here
// A rule takes part where the model has its parameters; none needs a condition. What depends on a
// field is written as in the model's template ("theirs": {"$switch": ...}). Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/config/value.h"
#include "cpp/interop/name_pattern.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

struct TensorRule {
  NamePattern theirs;
  std::vector<NamePattern> ours;
  bool is_transposed = false;
  bool is_interleaved = false;
  size_t dim = 0;           // of the parts
  std::string stack;        // the place of theirs that counts; empty: none
  std::string pairs;        // the field with the number of heads; empty: halves there as here
  int64_t heads = 0;        // its value (TensorMap::Parse)
};

// A parameter of ours, or a tensor of theirs, by name.
struct NamedDims {
  std::string name;
  std::vector<int64_t> dims;
};

// One use of a rule: these tensors of theirs are those parameters of ours.
struct Correspondence {
  const TensorRule* rule = nullptr;
  std::vector<NamedDims> theirs;  // several only when stacked
  std::vector<NamedDims> ours;    // several only for parts of one
};

using ReadTensor = std::function<absl::StatusOr<Tensor>(const std::string& name)>;

class TensorMap {
 public:
  // `heads` gives the values of fields that rules name. INVALID_ARGUMENT for rules that are none.
  static absl::StatusOr<TensorMap> Parse(
      const ConfigValue& rules,
      const std::function<absl::StatusOr<int64_t>(std::string_view field)>& heads);

  // What each parameter is made of, and what dims that must have. INVALID_ARGUMENT naming
  // parameters that no rule knows, or parts of which others are missing.
  absl::StatusOr<std::vector<Correspondence>> Find(const std::vector<NamedDims>& params) const;

 private:
  std::vector<TensorRule> rules_;
};

// Parameter number `part` of the correspondence, of theirs.
absl::StatusOr<Tensor> MakeOurs(const Correspondence& pair, size_t part, const ReadTensor& read);
// Tensor number `index` of theirs, of ours.
absl::StatusOr<Tensor> MakeTheirs(const Correspondence& pair, size_t index, const ReadTensor& read);

}  // namespace tessera
