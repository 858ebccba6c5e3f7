// GgufFile: a model file of llama.cpp and its kin: metadata and tensors, many of them quantised.
//
// The format: "GGUF", version, counts; metadata (key, type, value); for each tensor its name, dims
// (fastest first), type and offset; the data, aligned. Versions 2 and 3, little-endian. Quantised
// tensors are read as bf16, others as they are. Nothing is trusted: every count is held against the
// bytes that are left before memory is taken. Constant use from several threads is safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/ckpt/file_store.h"
#include "cpp/config/value.h"
#include "cpp/interop/weight_source.h"

namespace tessera {

class GgufFile : public WeightSource {
 public:
  // NOT_FOUND; DATA_LOSS when it is no such file or a damaged one; UNIMPLEMENTED for a tensor type
  // that is not read here (with its name). A null store is the local file system.
  static absl::StatusOr<std::unique_ptr<GgufFile>> Open(const std::string& path,
                                                        FileStore* store = nullptr);

  // Keys with dots are nested tables: {"llama": {"block_count": 30}}. Long lists are not in it.
  const ConfigValue& metadata() const { return metadata_; }
  // The lists that metadata() leaves out, by key ("tokenizer.ggml.tokens"), or null.
  const ConfigValue::List* LongList(std::string_view key) const;

  const std::vector<WeightInfo>& weights() const override { return weights_; }
  absl::StatusOr<Tensor> Read(std::string_view name) const override;

 private:
  struct Place {
    uint32_t type = 0;
    int64_t offset = 0, bytes = 0;
  };
  absl::Status ReadHead();
  // Offsets of tensors, which count from the end of the head, become those in the file.
  absl::Status PlaceTensors(int64_t head_bytes);

  std::unique_ptr<ReadableFile> file_;
  std::string path_;
  ConfigValue metadata_;
  std::map<std::string, ConfigValue::List, std::less<>> lists_;
  std::vector<WeightInfo> weights_;
  std::map<std::string, Place, std::less<>> places_;
};

// The tokenizer of a file as a tokenizer.json; "" and the reason in `why_not` for a kind that is
// not known here.
std::string GgufTokenizerJson(const GgufFile& file, std::string* why_not);

}  // namespace tessera
