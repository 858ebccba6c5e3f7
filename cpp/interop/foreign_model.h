// ForeignModel: a model from elsewhere, as a config of ours and tensors to save.
//
// Opened from a Hugging Face folder or a GGUF file; what its fields and tensors mean is said by its
// family (family.h). Everything is checked before the first tensor is read: names that are missing
// or left over, dims, dtypes. Constant use from several threads is safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ckpt/checkpoint_writer.h"
#include "cpp/interop/family.h"
#include "cpp/interop/tensor_map.h"
#include "cpp/interop/weight_source.h"

namespace tessera {

class ForeignModel {
 public:
  // A folder with config.json. NOT_FOUND, INVALID_ARGUMENT, UNIMPLEMENTED (a family, a variant or a
  // dtype that is not known here), DATA_LOSS.
  static absl::StatusOr<std::unique_ptr<ForeignModel>> OpenHuggingFace(const std::string& path);

  // A GGUF file. As above.
  static absl::StatusOr<std::unique_ptr<ForeignModel>> OpenGguf(const std::string& path);

  // Our config of the model, as JSON; a model, not a whole experiment.
  const std::string& config_json() const { return config_json_; }
  // Where it is from, for the checkpoint (CheckpointInfo::origin): format, family, config.
  const std::string& origin() const { return origin_; }
  const std::string& family() const { return family_.name; }
  const std::string& tokenizer_json() const { return tokenizer_json_; }
  // What a person should be told: fields that were not used, copies that were left out.
  const std::vector<std::string>& notes() const { return notes_; }

  // The parameters of our model, each to be read when it is written. `params` are those of the
  // traced config. INVALID_ARGUMENT with the names of what is missing, left over or of other dims.
  // The tensors refer to this model.
  absl::StatusOr<std::vector<TensorToSave>> Tensors(const std::vector<NamedDims>& params);

 private:
  ForeignModel() = default;
  absl::Status Understand(const ConfigValue& config, const std::string& where);
  absl::Status CheckTheirs(const Correspondence& pair) const;
  absl::Status CheckLeftOver();
  absl::Status CheckCopy(const std::string& copy, const std::string& original);
  // The name in the file of a tensor of the family.
  std::string NameInFile(const std::string& name) const;

  std::string where_;  // the path of the folder or file, for error texts
  Family family_;
  FieldValues values_;
  TensorMap map_;
  std::vector<Correspondence> pairs_;
  std::unique_ptr<WeightSource> weights_;
  bool has_prefix_ = true;
  std::string config_json_, origin_, tokenizer_json_;
  std::vector<std::string> notes_;
};

}  // namespace tessera
