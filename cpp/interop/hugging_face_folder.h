// HuggingFaceFolder: a model folder as the Hub has them: config.json and model.safetensors, or
// several files and model.safetensors.index.json.
//
// Nothing in it is trusted: files are bounded, an index may only name plain files of the same
// folder, links that lead out of it are refused. Says what is there, not what it means (family.h).
// Constant use from several threads is safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cpp/ckpt/safetensors.h"
#include "cpp/config/value.h"
#include "cpp/interop/weight_source.h"

namespace tessera {

class HuggingFaceFolder : public WeightSource {
 public:
  // NOT_FOUND without a config.json or weights (UNIMPLEMENTED when the weights are pickled ones);
  // INVALID_ARGUMENT, DATA_LOSS when a file is no such file.
  static absl::StatusOr<std::unique_ptr<HuggingFaceFolder>> Open(const std::string& path);

  const std::string& config_path() const { return config_path_; }
  const ConfigValue& config() const { return config_; }
  // The text of tokenizer.json; empty when there is none.
  const std::string& tokenizer_json() const { return tokenizer_json_; }

  const std::vector<WeightInfo>& weights() const override { return weights_; }
  absl::StatusOr<Tensor> Read(std::string_view name) const override;

 private:
  absl::Status OpenWeights(const std::string& path);
  absl::Status OpenIndex(const std::string& path);
  absl::Status AddFile(const std::string& folder, const std::string& name);
  absl::Status CheckIndex(const std::map<std::string, std::string>& index,
                          const std::string& path) const;

  std::string config_path_;
  ConfigValue config_;
  std::string tokenizer_json_;
  std::vector<std::unique_ptr<SafetensorsReader>> files_;
  std::vector<std::string> file_names_;
  std::vector<WeightInfo> weights_;
  std::map<std::string, size_t, std::less<>> file_of_;
};

// The files that an index names, by tensor. INVALID_ARGUMENT for anything but plain names of
// safetensors files.
absl::StatusOr<std::map<std::string, std::string>> ParseWeightIndex(std::string_view json,
                                                                    std::string_view name);

}  // namespace tessera
