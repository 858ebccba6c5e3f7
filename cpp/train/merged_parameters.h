// MergedParameters: a model with adapters, said without them, as other programs want it.
//
// A wrapper of the role linear (LowRankAdapter and its kin) that takes x to f(x) and is affine is
// the projection x W + b with W = f(1) - f(0) and b = f(0), 1 the identity matrix; so it is run
// on these, in fp32, and no wrapper is known by name. One projection is in memory at a time.
// Constant use from several threads is safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/config/config.h"
#include "cpp/generate/environment.h"
#include "cpp/interop/tensor_map.h"
#include "cpp/ir/function.h"

namespace tessera {

// The JSON of a model (every value, as Config::NodeJson) without its wrappers of the role linear.
absl::StatusOr<std::string> WithoutAdapters(std::string_view model_json,
                                            const SchemaRegistry& registry);

class MergedParameters {
 public:
  // `model` is resolved and has the wrappers; `params` are those of the model without them.
  // UNIMPLEMENTED, with the paths, when parameters are left that nothing can be merged into, such
  // as adapters of the experts of a mixture.
  static absl::StatusOr<std::unique_ptr<MergedParameters>> Create(
      const Config& model, const std::vector<NamedDims>& params, const CheckpointReader& reader,
      const Environment& environment);

  // How many projections had a wrapper.
  size_t count() const { return wrapped_.size(); }
  // A parameter of the model without wrappers, in the dtype that the checkpoint has it in.
  absl::StatusOr<Tensor> Read(const std::string& path) const;

 private:
  // A wrapper's function, and what its parameters are called in the model.
  struct Wrapped {
    FunctionRef function;
    std::map<std::string, std::string> paths;  // by their names in the function
  };
  class Walk;

  MergedParameters(const CheckpointReader& reader, const Environment& environment)
      : reader_(reader), environment_(environment) {}
  // f of the identity matrix, or of 0 (then one row).
  absl::StatusOr<Tensor> Run(const Wrapped& wrapped, int64_t width, bool of_identity) const;

  const CheckpointReader& reader_;
  const Environment& environment_;
  std::vector<Wrapped> wrapped_;
  std::map<std::string, size_t> by_weight_, by_bias_;  // paths -> index in wrapped_
};

}  // namespace tessera
