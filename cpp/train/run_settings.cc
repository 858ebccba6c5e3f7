#include "cpp/train/run_settings.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "gen/config/parallel.h"

namespace tessera {
namespace {

absl::StatusOr<const ConfigNode*> SectionOf(const Config& config, std::string_view slot) {
  const ConfigNode* node = config.Section(slot);
  if (node != nullptr) return node;
  return absl::InvalidArgumentError(absl::StrCat("config: expected an Experiment with a section '",
                                                 slot, "', got ", config.root().type(),
                                                 " without one"));
}

absl::Status CheckRanks(const RunSettings& settings, const ParallelConfig& parallel) {
  if (parallel.data != 0 && parallel.data != settings.world) {
    return absl::InvalidArgumentError(
        absl::StrCat("parallel.data: expected 0 or the number of ranks, ", settings.world,
                     ", got ", parallel.data));
  }
  const int64_t parts = settings.world * settings.trainer.micro_batches;
  if (settings.trainer.batch_size % parts != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("trainer.batch_size: expected a multiple of ", parts, " (", settings.world,
                     " ranks with ", settings.trainer.micro_batches, " micro-batches each), got ",
                     settings.trainer.batch_size));
  }
  return absl::OkStatus();
}

Sampling SamplingOf(SamplingMode mode) {
  switch (mode) {
    case SamplingMode::kEpoch:
      return Sampling::kEpoch;
    case SamplingMode::kRandomWindow:
      return Sampling::kRandomWindow;
    case SamplingMode::kStreams:
      return Sampling::kStreams;
  }
  return Sampling::kEpoch;
}

absl::Status CheckSizes(const RunSettings& settings) {
  // Sizes beyond any memory are refused here, before products of them are taken.
  constexpr int64_t kMostTokens = int64_t{1} << 40;
  if (settings.trainer.batch_size > kMostTokens / settings.trainer.sequence_length) {
    return absl::InvalidArgumentError(absl::StrCat(
        "trainer.batch_size: expected at most ", kMostTokens, " tokens in a step, got ",
        settings.trainer.batch_size, " sequences of ", settings.trainer.sequence_length));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunSettings> RunSettings::Read(const Config& config,
                                              const Environment& environment) {
  RunSettings settings;
  ASSIGN_OR_RETURN(const ConfigNode* model, SectionOf(config, "model"));
  ASSIGN_OR_RETURN(const ConfigNode* trainer, SectionOf(config, "trainer"));
  ASSIGN_OR_RETURN(const ConfigNode* data, SectionOf(config, "data"));
  ASSIGN_OR_RETURN(const ConfigNode* runtime, SectionOf(config, "runtime"));
  ASSIGN_OR_RETURN(const ConfigNode* parallel, SectionOf(config, "parallel"));
  ASSIGN_OR_RETURN(settings.trainer, ReadTrainerConfig(*trainer));
  ASSIGN_OR_RETURN(settings.data, ReadDataConfig(*data));
  if (const ConfigNode* objective = data->Child("objective")) {
    ASSIGN_OR_RETURN(settings.objective, NewObjective(*objective));
  }
  ASSIGN_OR_RETURN(settings.runtime, ReadRuntimeConfig(*runtime));
  ASSIGN_OR_RETURN(const ParallelConfig parallel_config, ReadParallelConfig(*parallel));
  ASSIGN_OR_RETURN(settings.recompute,
                   RecomputePolicyFromName(Name(settings.trainer.recompute)));
  settings.rank = environment.rank();
  settings.world = environment.world();
  const ConfigValue* vocab = model->Value("vocab_size");
  if (vocab != nullptr && vocab->AsInt() != nullptr) settings.vocab_size = *vocab->AsInt();
  RETURN_IF_ERROR(CheckRanks(settings, parallel_config));
  RETURN_IF_ERROR(CheckSizes(settings));
  settings.micro_rows =
      settings.trainer.batch_size / (settings.world * settings.trainer.micro_batches);
  return settings;
}

DataOptions RunSettings::ForDataset(const Config& config, std::string packed_tokenizer) const {
  DataOptions options;
  options.train = data.train;
  options.validation = data.validation;
  options.validation_fraction = data.validation_fraction;
  options.source = data.source;
  const ConfigNode* tokenizer = config.Section("data")->Child("tokenizer");
  if (tokenizer != nullptr) {
    options.tokenizer = std::string(tokenizer->type());
    const ConfigValue* file = tokenizer->Value("file");
    if (file != nullptr && file->AsText() != nullptr) options.tokenizer_file = *file->AsText();
  }
  options.packed_tokenizer = std::move(packed_tokenizer);
  options.separator = data.separator;
  options.token_width = static_cast<int>(data.token_width);
  options.end_of_document = data.end_of_document;
  options.vocab_size = vocab_size;
  if (objective != nullptr) options.record_length = objective->RecordLength();
  return options;
}

LoaderOptions RunSettings::ForTraining() const {
  LoaderOptions options;
  options.window.sampling = SamplingOf(data.sampling);
  options.window.shuffle = data.shuffle;
  options.window.seed = static_cast<uint64_t>(data.seed);
  options.window.sequence = trainer.sequence_length;
  if (objective != nullptr) {
    options.window.sequence = objective->WindowLength(trainer.sequence_length);
    options.objective = objective;
  }
  options.global_rows = trainer.batch_size;
  options.micro_batches = trainer.micro_batches;
  options.rank = rank;
  options.world = world;
  options.isolate_documents = data.isolate_documents;
  options.prefetch = static_cast<int>(data.prefetch);
  return options;
}

LoaderOptions RunSettings::ForValidation() const {
  LoaderOptions options = ForTraining();
  options.global_rows = micro_rows * world;
  options.micro_batches = 1;
  return options;
}

SymbolSizes RunSettings::StepSizes() const {
  return {{"B", micro_rows}, {"T", trainer.sequence_length}, {"U", trainer.sequence_length}};
}

CompileOptions RunSettings::ForStep(const Optimizer& optimizer) const {
  CompileOptions options;
  options.gradients = true;
  options.update = &optimizer;
  options.trainable = [&optimizer](const std::string& path) {
    return !optimizer.groups().IsFrozen(path);
  };
  options.micro_batches = static_cast<int>(trainer.micro_batches);
  options.recompute = recompute;
  options.results = false;
  return options;
}

absl::Status CheckSampling(const RunSettings& settings, const Program& program) {
  if (settings.data.sampling == SamplingMode::kStreams) return absl::OkStatus();
  for (const Slot& slot : program.slots) {
    if (slot.kind != SlotKind::kState) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "data.sampling: expected streams, since the model carries state from step to step (",
        slot.name, ") and so a row must go on where it ended in the step before, got ",
        Name(settings.data.sampling),
        "; set data.sampling=streams, or let the model keep nothing (memory_length 0)"));
  }
  return absl::OkStatus();
}

absl::Status CheckVocabulary(const Config& config, const RunSettings& settings,
                             const Dataset& dataset) {
  const int64_t needed = dataset.vocab_size();
  const int64_t added = settings.objective == nullptr ? -1 : settings.objective->LargestId();
  if (settings.vocab_size > 0 && added >= settings.vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "data.objective: expected ids below model.vocab_size, ", settings.vocab_size, ", got ",
        added));
  }
  if (settings.vocab_size == 0 || needed <= settings.vocab_size) return absl::OkStatus();
  const std::string tokenizer = dataset.tokenizer() == nullptr
                                    ? "the data have"
                                    : absl::StrCat(dataset.tokenizer()->name(), " has");
  const ConfigNode::Field* field = config.Section("model")->FindField("vocab_size");
  return absl::InvalidArgumentError(absl::StrCat(
      "model.vocab_size: expected at least ", needed, " (", tokenizer, " so many ids), got ",
      settings.vocab_size, field == nullptr ? "" : absl::StrCat(" (", field->origin.ToText(), ")"),
      "; set model.vocab_size=", needed));
}

}  // namespace tessera
