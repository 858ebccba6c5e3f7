// Making of a Trainer: config, data, program, memory, first values or a checkpoint's.
#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/base/hash.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/generate/parameters.h"
#include "cpp/train/agreement.h"
#include "cpp/train/initial_parameters.h"
#include "cpp/train/model.h"
#include "cpp/train/program_cost.h"
#include "cpp/train/recompute.h"
#include "cpp/train/trainer_state.h"

namespace tessera {
namespace {

absl::StatusOr<const ConfigNode*> RequireSection(const Config& config, std::string_view slot) {
  const ConfigNode* node = config.Section(slot);
  if (node != nullptr) return node;
  return absl::InvalidArgumentError(
      absl::StrCat("config: expected an Experiment with a section '", slot, "'"));
}

// What must be equal on all ranks; where the data lie may differ.
uint64_t AgreementHash(const Config& config, const RunSettings& settings) {
  uint64_t hash = static_cast<uint64_t>(settings.runtime.seed);
  for (const char* slot : {"model", "trainer", "optimizer", "schedule"}) {
    hash = MixBits(hash ^ config.Section(slot)->Fingerprint());
  }
  return MixBits(hash ^ static_cast<uint64_t>(settings.runtime.dtype));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const Config& config,
                                                         const Environment& environment,
                                                         const TrainerOptions& options) {
  absl::StatusOr<Config> resolved = config.Resolve();
  RETURN_IF_ERROR(AgreeOnStatus(environment.communicator, resolved.status()));
  auto state = std::make_unique<State>(*std::move(resolved), options);
  RETURN_IF_ERROR(state->Open(environment));
  return std::unique_ptr<Trainer>(new Trainer(std::move(state)));
}

absl::Status Trainer::State::Open(const Environment& environment) {
  Communicator* group = environment.communicator;
  RETURN_IF_ERROR(AgreeOnStatus(group, Prepare(environment)));
  RETURN_IF_ERROR(AgreeOnSame(group, AgreementHash(config, settings), "config"));
  absl::StatusOr<std::unique_ptr<CheckpointReader>> reader = FindResume();
  RETURN_IF_ERROR(AgreeOnStatus(group, reader.status()));
  std::string encoded;
  absl::Status status;
  if (*reader != nullptr) {
    origin = (*reader)->info().origin;
    absl::StatusOr<RunState> saved = RunStateOf((*reader)->info());
    status = saved.status();
    if (saved.ok()) encoded = EncodeRunState(*saved);
  }
  RETURN_IF_ERROR(AgreeOnStatus(group, status));
  RETURN_IF_ERROR(BroadcastText(group, encoded));
  RunState saved;
  std::unique_ptr<CheckpointReader> initial;
  if (!encoded.empty()) {
    ASSIGN_OR_RETURN(saved, DecodeRunState(encoded));
  } else {
    RETURN_IF_ERROR(OpenInitial(&initial, &saved.packed_tokenizer));
  }
  RETURN_IF_ERROR(AgreeOnStatus(group, Build(saved.packed_tokenizer)));
  if (!encoded.empty()) {
    RETURN_IF_ERROR(Restore(reader->get(), saved));
    saved_step = step;
  } else {
    RETURN_IF_ERROR(Begin(initial.get()));
  }
  ASSIGN_OR_RETURN(routing, RunRouting::Open(settings, group, step > 0, *train_step));
  return AgreeOnStatus(group, OpenMetrics());
}

absl::Status Trainer::State::OpenInitial(std::unique_ptr<CheckpointReader>* reader,
                                         std::string* packed_tokenizer) {
  const std::string& from = settings.trainer.init_from;
  const auto open = [&]() -> absl::Status {
    if (from.empty() || !is_first_rank()) return absl::OkStatus();
    ASSIGN_OR_RETURN(FileStore* const files, StoreOf(from));
    ASSIGN_OR_RETURN(const std::string found, ResolveCheckpoint(from, files));
    ASSIGN_OR_RETURN(*reader, CheckpointReader::Open(found, files));
    origin = (*reader)->info().origin;
    ASSIGN_OR_RETURN(*packed_tokenizer, PackedTokenizerOf((*reader)->info()));
    notes.push_back(absl::StrCat("starts with the parameters of ", found,
                                 packed_tokenizer->empty() ? "" : " and its tokenizer, ",
                                 packed_tokenizer->substr(0, packed_tokenizer->find('\n'))));
    return absl::OkStatus();
  };
  absl::Status status = open();
  if (!status.ok() && !from.empty()) {
    status = absl::Status(status.code(), absl::StrCat("trainer.init_from: ", status.message()));
  }
  RETURN_IF_ERROR(AgreeOnStatus(communicator(), status));
  return from.empty() ? absl::OkStatus() : BroadcastText(communicator(), *packed_tokenizer);
}

absl::Status Trainer::State::Begin(const CheckpointReader* initial) {
  const Program& program = train_step->program();
  absl::Status status =
      InitializeParameters(program, static_cast<uint64_t>(settings.runtime.seed),
                           run.environment.pool, *store);
  if (status.ok() && initial != nullptr) {
    status = LoadInitialParameters(program, *initial,
                                   {settings.trainer.init_missing, settings.trainer.init_experts,
                                    settings.trainer.init_keep_experts},
                                   *store);
  }
  RETURN_IF_ERROR(AgreeOnStatus(communicator(), status));
  if (!settings.trainer.init_from.empty()) RETURN_IF_ERROR(BroadcastTensors());
  return AgreeOnStatus(communicator(), train_step->Refresh());
}

absl::Status Trainer::State::Prepare(const Environment& environment) {
  ASSIGN_OR_RETURN(settings, RunSettings::Read(config, environment));
  ASSIGN_OR_RETURN(run, NarrowEnvironment(config, environment));
  if (!run.tuning_note.empty()) notes.push_back(run.tuning_note);
  ASSIGN_OR_RETURN(dtype, NumberFormatFromName(Name(settings.runtime.dtype)));
  ASSIGN_OR_RETURN(const ConfigNode* optimizer_node, RequireSection(config, "optimizer"));
  ASSIGN_OR_RETURN(const ConfigNode* schedule_node, RequireSection(config, "schedule"));
  ASSIGN_OR_RETURN(optimizer, NewOptimizer(*optimizer_node, environment.optimizers));
  ASSIGN_OR_RETURN(schedule, NewSchedule(*schedule_node, environment.schedules));
  if (!options.out_dir.empty() && is_first_rank()) RETURN_IF_ERROR(MakeFolders(options.out_dir));
  return absl::OkStatus();
}

absl::Status Trainer::State::Build(const std::string& packed_tokenizer) {
  DataOptions data = settings.ForDataset(config, packed_tokenizer);
  if (run.environment.sources != nullptr) data.added_sources = run.environment.sources->All();
  ASSIGN_OR_RETURN(dataset, Dataset::Open(data));
  RETURN_IF_ERROR(CheckVocabulary(config, settings, *dataset));
  RETURN_IF_ERROR(CompileStep());
  ASSIGN_OR_RETURN(loader, Loader::ForTraining(dataset, settings.ForTraining()));
  return absl::OkStatus();
}

absl::Status Trainer::State::CompileStep() {
  ASSIGN_OR_RETURN(const FunctionRef main, TraceStep(config, settings, run.environment));
  CompileOptions compile = settings.ForStep(*optimizer);
  TrainStepOptions step_options;
  KeepChoices(settings, *main, compile, step_options);
  ASSIGN_OR_RETURN(const StepProgram step,
                   CompileStepProgram(*main, settings, run.environment, compile));
  std::shared_ptr<const Program> program = step.program;
  if (!step.recompute.empty()) {
    notes.push_back(absl::StrCat("memory_budget: computed again: ", step.recompute));
  }
  const absl::Status groups = optimizer->groups().CheckUsed(program->params);
  if (!groups.ok()) {
    return absl::Status(groups.code(), absl::StrCat("optimizer.", groups.message()));
  }
  RETURN_IF_ERROR(CheckSampling(settings, *program));
  const SymbolSizes sizes = settings.StepSizes();
  flops = CostOf(*program, sizes).flops;
  if (settings.recompute != RecomputePolicy::kNone || settings.trainer.memory_budget > 0 ||
      !settings.trainer.recompute_rules.empty()) {
    // What is computed again is no progress of the model.
    compile.recompute = RecomputePolicy::kNone;
    ASSIGN_OR_RETURN(const auto plain, Compile(*main, *run.environment.ops, compile));
    flops = CostOf(*plain, sizes).flops;
  }
  step_options.micro_rows = settings.micro_rows;
  step_options.sequence = settings.trainer.sequence_length;
  step_options.seed = static_cast<uint64_t>(settings.runtime.seed);
  step_options.clip_norm = settings.trainer.clip_norm;
  step_options.profile = settings.trainer.profile;
  if (settings.objective != nullptr) step_options.others = settings.objective->Others();
  ASSIGN_OR_RETURN(train_step,
                   TrainStep::Create(std::move(program), run.environment, store, step_options));
  return absl::OkStatus();
}

absl::Status Trainer::State::OpenMetrics() {
  if (options.out_dir.empty() || !is_first_rank()) return absl::OkStatus();
  RETURN_IF_ERROR(metrics.Open(JoinPath(options.out_dir, "metrics.jsonl"), step));
  return WriteNotes();
}

}  // namespace tessera
