#include "capi/src/internal/stored_model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/store_table.h"
#include "cpp/nn/stored_functions.h"
#include "cpp/train/run_state.h"

namespace tessera::capi {
namespace {

// The stored main that fits, or nullptr.
absl::StatusOr<FunctionRef> StoredMain(RuntimeObject& runtime, const CheckpointInfo& info,
                                       const Config& config, const ModelOptions& options) {
  if (info.program.empty()) return FunctionRef();
  ASSIGN_OR_RETURN(const FunctionArchive stored, ParseFunctions(info.program, runtime.ops()));
  ASSIGN_OR_RETURN(const DType dtype, ModelDType(config, options));
  return FindStored(stored, ModelNode(config), dtype, options.mode);
}

}  // namespace

absl::StatusOr<StoredModel> OpenStoredModel(RuntimeObject& runtime, const std::string& path,
                                            const ModelOptions& options) {
  ASSIGN_OR_RETURN(FileStore* const files, StoreOfPath(&runtime.stores(), path));
  ASSIGN_OR_RETURN(const std::string folder, ResolveCheckpoint(path, files));
  ASSIGN_OR_RETURN(std::unique_ptr<CheckpointReader> reader, CheckpointReader::Open(folder, files));
  const CheckpointInfo& info = reader->info();
  if (info.config.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, ": expected a checkpoint that a trainer saved, got one without a config"));
  }
  ASSIGN_OR_RETURN(const Config read, Config::FromBytes(runtime.schemas(), info.config));
  ASSIGN_OR_RETURN(Config config, read.Resolve());
  ASSIGN_OR_RETURN(FunctionRef main, StoredMain(runtime, info, config, options));
  const bool is_stored = main != nullptr;
  if (!is_stored) {
    ASSIGN_OR_RETURN(main, TraceModel(config, runtime.environment(), options));
  }
  std::shared_ptr<const Tokenizer> tokenizer;
  ASSIGN_OR_RETURN(const std::string packed, PackedTokenizerOf(info));
  if (!packed.empty()) {
    ASSIGN_OR_RETURN(tokenizer, UnpackTokenizer(packed));
  }
  return StoredModel{std::move(reader), std::move(config), std::move(main), is_stored,
                     std::move(tokenizer)};
}

}  // namespace tessera::capi
