// StoredModel: the model of a checkpoint, as a function ready to be compiled.
//
// Functions stored in the checkpoint are preferred, so that the code of its modules is not needed;
// where they do not fit (another dtype, none stored) the model is traced from the stored config.
// Plain data from a pure function; thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "capi/src/internal/runtime_object.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/config/config.h"
#include "cpp/data/tokenizer.h"
#include "cpp/ir/function.h"
#include "cpp/train/model.h"

namespace tessera::capi {

struct StoredModel {
  std::unique_ptr<CheckpointReader> reader;
  Config config;                               // resolved
  FunctionRef main;
  bool is_stored = false;                      // main comes from the checkpoint
  std::shared_ptr<const Tokenizer> tokenizer;  // null when the checkpoint has none
};

// `path` is a checkpoint or a folder of some. NOT_FOUND, DATA_LOSS; FAILED_PRECONDITION when the
// checkpoint holds no config; errors of tracing.
absl::StatusOr<StoredModel> OpenStoredModel(RuntimeObject& runtime, const std::string& path,
                                            const ModelOptions& options);

}  // namespace tessera::capi
