// ReferenceModel: reads a folder of the published-numbers set (config.json, model.safetensors,
// io.safetensors, as its README describes them) and says what it means in our terms.
//
// The JSON of our model, and for each of our parameters how it is made of theirs: linear weights
// are stored [out, in] there (Llama) or [in, out] (GPT-2, with query, key and value side by side).
// Test-side only: the product's importer is another thing. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ckpt/safetensors.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// A parameter of ours: columns [begin, begin + width) of their tensor, transposed or not.
struct ParamSource {
  std::string path;      // ours
  std::string name;      // theirs
  bool transposed = false;
  int64_t begin = 0;
  int64_t width = 0;     // 0: all of it
  int64_t copies = 0;    // stacked along a new leading dim: `name` has a * for the number of each
};

struct ReferenceModel {
  std::string json;                  // our config, a LanguageModel
  std::string total_json;            // the same with its balance loss; empty: it has none
  std::vector<ParamSource> sources;  // one per parameter of ours
  int64_t rows = 0, length = 0, vocab = 0;
  std::unique_ptr<SafetensorsReader> weights, io;

  // Next-token targets of one row range: labels moved by one, the last one not counted.
  absl::StatusOr<std::vector<double>> Targets() const;
  absl::StatusOr<std::vector<double>> Tokens() const;
};

// NOT_FOUND when the folder is absent.
absl::StatusOr<ReferenceModel> LoadReferenceModel(const std::string& folder);

// Our parameter from theirs (or our gradient from theirs, which transform alike); `prefix` stands
// before their name. `whole`, when given, is set to the largest magnitude in their whole tensors.
absl::StatusOr<Tensor> TakeParam(const ParamSource& source, SafetensorsReader& reader,
                                 const std::string& prefix, double* whole = nullptr);

}  // namespace tessera
