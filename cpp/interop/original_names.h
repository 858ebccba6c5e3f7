// OriginalNames: an imported model's tensors under the names they had where it comes from.
//
// Made from what the checkpoint keeps of its origin and from the parameters that the model has now:
// a model that has been changed since has none. Used to export, and to show gradients as the
// other library would. Constant use from several threads is safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/interop/family.h"
#include "cpp/interop/tensor_map.h"

namespace tessera {

class OriginalNames {
 public:
  // `origin` as ForeignModel::origin gives it. INVALID_ARGUMENT when the parameters are not those
  // of such a model, DATA_LOSS when the text is none.
  static absl::StatusOr<std::unique_ptr<OriginalNames>> Create(
      std::string_view origin, const std::vector<NamedDims>& params);
  // Of a family and the values of its fields, with names as the family has them.
  static absl::StatusOr<std::unique_ptr<OriginalNames>> OfFamily(
      const Family& family, const FieldValues& values, const std::vector<NamedDims>& params,
      bool has_prefix = true);

  // All tensors of theirs, in the order of the family's rules.
  const std::vector<NamedDims>& tensors() const { return tensors_; }
  bool Has(std::string_view name) const { return places_.contains(name); }
  // The tensor of theirs, made of ours. NOT_FOUND.
  absl::StatusOr<Tensor> Make(std::string_view name, const ReadTensor& read_ours) const;
  // The parameter of ours that the tensor begins with.
  absl::StatusOr<std::string> FirstOfOurs(std::string_view name) const;

 private:
  OriginalNames() = default;
  struct Place {
    size_t pair = 0, index = 0;
  };
  absl::StatusOr<Place> Find(std::string_view name) const;

  TensorMap map_;
  std::vector<Correspondence> pairs_;
  std::vector<NamedDims> tensors_;
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace tessera
