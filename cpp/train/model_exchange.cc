#include "cpp/train/model_exchange.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/ckpt/checkpoint_writer.h"
#include "cpp/ckpt/store_table.h"
#include "cpp/data/tokenizer.h"
#include "cpp/interop/foreign_model.h"
#include "cpp/interop/hugging_face_export.h"
#include "cpp/train/merged_parameters.h"
#include "cpp/train/model.h"
#include "cpp/train/run_state.h"

namespace tessera {
namespace {

absl::StatusOr<Config> ModelConfig(const Config::Registry& registry, std::string_view json,
                                   std::string_view name) {
  ASSIGN_OR_RETURN(const Config parsed, Config::FromJson(registry, json, name));
  return parsed.Resolve();
}

absl::StatusOr<std::vector<NamedDims>> TracedParams(const Config& config,
                                                    const Environment& environment) {
  ModelOptions options;
  options.mode = Mode::kEvaluate;
  ASSIGN_OR_RETURN(const std::shared_ptr<const Program> program,
                   CompileModel(config, environment, options, CompileOptions()));
  return ParamDims(*program);
}

int64_t BytesOf(const TensorToSave& tensor) {
  int64_t bytes = static_cast<int64_t>(SizeOf(tensor.dtype));
  for (int64_t dim : tensor.dims) bytes *= dim;
  return bytes;
}

constexpr std::string_view kTokenizer = "PretrainedTokenizer";

// The tokenizer of a tokenizer.json, packed; "" with a note for a kind that is not known here.
absl::StatusOr<std::string> PackedFromJson(const std::string& json, const std::string& source,
                                           std::vector<std::string>& notes) {
  if (json.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer, NewTokenizer(kTokenizer));
  const absl::Status restored = tokenizer->RestoreState(json);
  if (absl::IsUnimplemented(restored)) {
    notes.push_back(absl::StrCat(source, ": tokenizer left out: ", restored.message()));
    return std::string();
  }
  if (!restored.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source, ": ", restored.message()));
  }
  return PackTokenizer(*tokenizer);
}

// Writes the checkpoint's tokenizer beside the model where it came from such a file.
absl::Status WriteTokenizer(const CheckpointReader& reader, const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string packed, PackedTokenizerOf(reader.info()));
  const size_t end = packed.find('\n');
  if (end == std::string::npos || std::string_view(packed).substr(0, end) != kTokenizer) {
    return absl::OkStatus();
  }
  return WriteFileAtomically(JoinPath(folder, "tokenizer.json"),
                             std::string_view(packed).substr(end + 1));
}

// Tells of every tensor before it is read.
absl::Status Watch(const ExchangeProgress& progress, SaveRequest& request, int64_t* done) {
  int64_t total = 0;
  for (const TensorToSave& tensor : request.tensors) total += BytesOf(tensor);
  for (TensorToSave& tensor : request.tensors) {
    const int64_t bytes = BytesOf(tensor);
    tensor.read = [&progress, done, total, bytes,
                   read = std::move(tensor.read)]() -> absl::StatusOr<Tensor> {
      if (progress != nullptr) RETURN_IF_ERROR(progress(*done, total));
      *done += bytes;
      return read();
    };
  }
  return progress != nullptr ? progress(0, total) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<NamedDims>> ParamDims(const Program& program) {
  std::vector<NamedDims> params;
  for (const ProgramParam& param : program.params) {
    ASSIGN_OR_RETURN(std::vector<int64_t> dims, Eval(param.dims, {}));
    params.push_back({param.path, std::move(dims)});
  }
  return params;
}

absl::StatusOr<ExchangeReport> ImportModel(const std::string& source, const std::string& path,
                                           const Config::Registry& registry,
                                           const Environment& environment,
                                           const ExchangeProgress& progress) {
  SaveOptions save;
  ASSIGN_OR_RETURN(save.store, StoreOfPath(environment.stores, path));
  ASSIGN_OR_RETURN(const bool is_taken, save.store->Exists(path));
  if (is_taken) return absl::AlreadyExistsError(absl::StrCat(path, " is there already"));
  const bool is_file = FileExists(source) && !IsFolder(source);
  ASSIGN_OR_RETURN(const std::unique_ptr<ForeignModel> model,
                   is_file ? ForeignModel::OpenGguf(source)
                           : ForeignModel::OpenHuggingFace(source));
  ASSIGN_OR_RETURN(const Config config,
                   ModelConfig(registry, model->config_json(), absl::StrCat(source, " as config")));
  ASSIGN_OR_RETURN(const std::vector<NamedDims> params, TracedParams(config, environment));
  ExchangeReport report;
  RunState state;
  state.config_bytes = config.ToBytes(/*everything=*/true);
  ASSIGN_OR_RETURN(state.packed_tokenizer,
                   PackedFromJson(model->tokenizer_json(), source, report.notes));
  SaveRequest request;
  request.info = ToCheckpointInfo(state);
  request.info.config_json = config.ToJson(/*everything=*/true);
  request.info.library_version = TESSERA_VERSION;
  request.info.origin = model->origin();
  ASSIGN_OR_RETURN(request.info.program, StoredFunctions(config, environment));
  ASSIGN_OR_RETURN(request.tensors, model->Tensors(params));
  report.family = model->family();
  report.tensor_count = static_cast<int64_t>(request.tensors.size());
  RETURN_IF_ERROR(Watch(progress, request, &report.bytes));
  ASSIGN_OR_RETURN(SaveResult saved, SaveCheckpointAs(path, request, save));
  report.notes.insert(report.notes.begin(), model->notes().begin(), model->notes().end());
  for (std::string& note : saved.notes) report.notes.push_back(std::move(note));
  return report;
}

absl::StatusOr<ExchangeReport> ExportModel(const std::string& checkpoint,
                                           const std::string& folder, const std::string& family,
                                           int64_t max_file_bytes,
                                           const Config::Registry& registry,
                                           const Environment& environment,
                                           const ExchangeProgress& progress) {
  ASSIGN_OR_RETURN(FileStore* const files, StoreOfPath(environment.stores, checkpoint));
  ASSIGN_OR_RETURN(const std::string found, ResolveCheckpoint(checkpoint, files));
  ASSIGN_OR_RETURN(const std::unique_ptr<CheckpointReader> reader,
                   CheckpointReader::Open(found, files));
  if (reader->info().config.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(found, ": expected a checkpoint with a config, got one without"));
  }
  ASSIGN_OR_RETURN(const Config whole, Config::FromBytes(registry, reader->info().config));
  ASSIGN_OR_RETURN(const Config resolved, whole.Resolve());
  const std::string whole_json = Config::NodeJson(ModelNode(resolved));
  ASSIGN_OR_RETURN(const Config own, ModelConfig(registry, whole_json, "model"));
  ASSIGN_OR_RETURN(const std::string json, WithoutAdapters(whole_json, *registry));
  ASSIGN_OR_RETURN(Config model, ModelConfig(registry, json, "model"));
  ASSIGN_OR_RETURN(std::vector<NamedDims> params, TracedParams(model, environment));
  ASSIGN_OR_RETURN(const std::unique_ptr<MergedParameters> merged,
                   MergedParameters::Create(own, params, *reader, environment));
  const ReadTensor read = [&](const std::string& param) { return merged->Read(param); };
  HuggingFaceExport request{reader.get(), std::move(model), std::move(params), read,
                            family,       folder,           max_file_bytes,    progress};
  ASSIGN_OR_RETURN(const ExportResult written, ExportHuggingFaceFolder(request));
  RETURN_IF_ERROR(WriteTokenizer(*reader, folder));
  ExchangeReport report;
  report.family = written.family;
  report.tensor_count = written.tensor_count;
  report.bytes = written.bytes;
  if (merged->count() > 0) {
    report.notes.push_back(absl::StrCat("adapters of ", merged->count(),
                                        " projections are merged into their weights"));
  }
  return report;
}

}  // namespace tessera
