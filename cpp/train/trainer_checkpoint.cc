// Saving and loading of a run.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/store_table.h"
#include "cpp/generate/parameters.h"
#include "cpp/train/agreement.h"
#include "cpp/train/model.h"
#include "cpp/train/trainer_state.h"

namespace tessera {
namespace {

// A checkpoint with more than the model has is of another model; what it lacks is found on loading.
absl::Status CheckSameTensors(const Program& program, const CheckpointReader& reader) {
  std::set<std::string> known;
  for (const ProgramParam& param : program.params) known.insert(param.path);
  for (const Slot& slot : program.slots) {
    if (slot.kind == SlotKind::kOptimizer) known.insert(absl::StrCat(slot.name, " slot"));
  }
  for (const TensorRecord& record : reader.manifest().tensors) {
    if (record.kind == TensorKind::kState) continue;
    const bool is_slot = record.kind == TensorKind::kSlot;
    const std::string name =
        is_slot ? absl::StrCat(record.path, "/", record.slot, " slot") : record.path;
    if (known.contains(name)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        reader.path(), ": it holds ", record.Label(), ", which ",
        is_slot ? "this optimizer" : "this model", " does not have; the config is another one"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Trainer::State::checkpoint_folder() const {
  const std::string& folder = settings.trainer.checkpoint_folder;
  if (!folder.empty()) return folder;
  return options.out_dir.empty() ? "" : JoinPath(options.out_dir, "checkpoints");
}

absl::StatusOr<FileStore*> Trainer::State::StoreOf(const std::string& path) const {
  return StoreOfPath(run.environment.stores, path);
}

std::string Trainer::State::PackedTokenizer() const {
  return dataset->tokenizer() == nullptr ? "" : PackTokenizer(*dataset->tokenizer());
}

absl::Status Trainer::State::WriteNotes() {
  if (!metrics.is_used()) return absl::OkStatus();
  for (; notes_written < notes.size(); ++notes_written) {
    RETURN_IF_ERROR(metrics.WriteNote(step, notes[notes_written]));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CheckpointReader>> Trainer::State::FindResume() {
  const std::string folder = checkpoint_folder();
  if (folder.empty() || !is_first_rank()) return nullptr;
  ASSIGN_OR_RETURN(FileStore* const files, StoreOf(folder));
  if (!options.resume) {
    ASSIGN_OR_RETURN(const CheckpointList list,
                     ListCheckpoints(folder, VerifyDepth::kFiles, files));
    if (list.complete.empty() && list.damaged.empty()) return nullptr;
    return absl::AlreadyExistsError(absl::StrCat(
        folder, ": it holds checkpoints (newest ",
        list.complete.empty() ? list.damaged[0].path : list.complete[0].path,
        "); resume the run or choose another folder"));
  }
  absl::StatusOr<CheckpointRef> found =
      FindLatestComplete(folder, VerifyDepth::kData, &damaged, files);
  for (const DamagedCheckpoint& one : damaged) {
    notes.push_back(absl::StrCat("damaged checkpoint passed over: ", one.path, ": ", one.reason));
  }
  if (absl::IsNotFound(found.status())) {
    notes.push_back(absl::StrCat("resume: ", folder, " holds no checkpoint; the run begins at 0"));
    return nullptr;
  }
  RETURN_IF_ERROR(found.status());
  resumed_from = found->path;
  return CheckpointReader::Open(found->path, files);
}

absl::StatusOr<SaveRequest> Trainer::State::MakeSaveRequest() {
  if (!has_stored_functions) {
    ASSIGN_OR_RETURN(stored_functions, StoredFunctions(config, run.environment));
    has_stored_functions = true;
  }
  RunState now;
  now.step = step;
  now.update_count = update_count;
  now.tokens = tokens;
  now.seed = static_cast<uint64_t>(settings.runtime.seed);
  now.data_position = loader->position();
  now.loader_state = loader->SaveState();
  now.packed_tokenizer = PackedTokenizer();
  now.numerics_fingerprint = train_step->executor().Fingerprint();
  now.config_bytes = config.ToBytes(/*everything=*/true);
  SaveRequest request;
  request.info = ToCheckpointInfo(now);
  request.info.config_json = config.ToJson(/*everything=*/true);
  request.info.program = stored_functions;
  request.info.library_version = TESSERA_VERSION;
  request.info.origin = origin;
  const Program& program = train_step->program();
  request.tensors = ParametersToSave(program, *store);
  for (const WholeState& state : carried) {
    request.tensors.push_back(StateToSave(state.path, state.rows));
  }
  return request;
}

absl::Status Trainer::State::FinishSave() {
  if (saver == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::optional<SaveResult> result, saver->Wait());
  if (!result.has_value()) return absl::OkStatus();
  for (std::string& note : result->notes) notes.push_back(std::move(note));
  return WriteNotes();
}

absl::Status Trainer::State::Gather() {
  absl::StatusOr<WholeStates> whole = GatherState(*train_step, communicator());
  if (!whole.ok()) return Fail(whole.status());
  carried = *std::move(whole);
  return absl::OkStatus();
}

absl::Status Trainer::State::SaveInBackground() {
  RETURN_IF_ERROR(Gather());
  const absl::Status status = StartSave();
  carried.clear();   // copied
  return status;
}

absl::Status Trainer::State::StartSave() {
  const std::string folder = checkpoint_folder();
  if (folder.empty() || !is_first_rank() || saved_step == step) return absl::OkStatus();
  if (saver == nullptr) {
    SaveOptions save;
    save.keep_last = static_cast<int>(settings.trainer.keep_checkpoints);
    ASSIGN_OR_RETURN(save.store, StoreOf(folder));
    saver = std::make_unique<BackgroundSaver>(folder, save);
  }
  RETURN_IF_ERROR(Fail(FinishSave()));
  // Records up to this step must not be lost when the checkpoint is not.
  RETURN_IF_ERROR(Fail(metrics.Sync()));
  absl::StatusOr<SaveRequest> request = MakeSaveRequest();
  RETURN_IF_ERROR(Fail(request.status()));
  RETURN_IF_ERROR(Fail(saver->Save(*std::move(request))));
  saved_step = step;
  return absl::OkStatus();
}

absl::Status Trainer::State::SaveFirstRank(const std::string& path) {
  if (!is_first_rank()) return absl::OkStatus();
  if (!path.empty()) {
    RETURN_IF_ERROR(metrics.Sync());
    ASSIGN_OR_RETURN(const SaveRequest request, MakeSaveRequest());
    SaveOptions save;
    ASSIGN_OR_RETURN(save.store, StoreOf(path));
    ASSIGN_OR_RETURN(SaveResult result, SaveCheckpointAs(path, request, save));
    for (std::string& note : result.notes) notes.push_back(std::move(note));
    return WriteNotes();
  }
  const int64_t before = saved_step;
  RETURN_IF_ERROR(StartSave());
  const absl::Status status = FinishSave();
  if (!status.ok()) saved_step = before;
  return status;
}

absl::Status Trainer::State::Save(const std::string& path) {
  if (path.empty() && checkpoint_folder().empty()) {
    return absl::FailedPreconditionError(
        "save: expected a path, got none, and the trainer has no out_dir and no "
        "trainer.checkpoint_folder");
  }
  RETURN_IF_ERROR(Gather());
  const absl::Status status = SaveFirstRank(path);
  carried.clear();
  return AgreeOnStatus(communicator(), status);
}

absl::Status Trainer::State::Load(const std::string& path) {
  std::unique_ptr<CheckpointReader> reader;
  std::string encoded;
  const auto open = [&]() -> absl::Status {
    if (!is_first_rank()) return absl::OkStatus();
    RETURN_IF_ERROR(FinishSave());
    ASSIGN_OR_RETURN(FileStore* const files, StoreOf(path));
    ASSIGN_OR_RETURN(const std::string resolved, ResolveCheckpoint(path, files));
    ASSIGN_OR_RETURN(reader, CheckpointReader::Open(resolved, files));
    ASSIGN_OR_RETURN(const RunState saved, RunStateOf(reader->info()));
    resumed_from = resolved;
    encoded = EncodeRunState(saved);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AgreeOnStatus(communicator(), open()));
  RETURN_IF_ERROR(BroadcastText(communicator(), encoded));
  ASSIGN_OR_RETURN(const RunState saved, DecodeRunState(encoded));
  RETURN_IF_ERROR(Restore(reader.get(), saved));
  saved_step = -1;
  return AgreeOnStatus(communicator(), OpenMetrics());
}

absl::Status Trainer::State::Restore(const CheckpointReader* reader, const RunState& saved) {
  absl::Status status;
  if (saved.packed_tokenizer != PackedTokenizer()) {
    status = absl::FailedPreconditionError(
        "checkpoint: its tokenizer is another than that of the data here");
  } else if (reader != nullptr) {
    status = LoadTensors(*reader);
  }
  RETURN_IF_ERROR(AgreeOnStatus(communicator(), status));
  RETURN_IF_ERROR(BroadcastTensors());
  RETURN_IF_ERROR(Fail(ScatterState(carried, communicator(), *train_step)));
  carried.clear();
  return AgreeOnStatus(communicator(), Continue(saved));
}

absl::Status Trainer::State::LoadTensors(const CheckpointReader& reader) {
  const Program& program = train_step->program();
  RETURN_IF_ERROR(CheckSameTensors(program, reader));
  RETURN_IF_ERROR(LoadParameters(program, reader, /*optimizer=*/true, *store));
  std::string note;
  ASSIGN_OR_RETURN(carried, ReadState(reader, *train_step, settings.world, &note));
  if (!note.empty()) notes.push_back(std::move(note));
  return absl::OkStatus();
}

absl::Status Trainer::State::BroadcastTensors() {
  if (is_alone()) return absl::OkStatus();
  for (const Slot& slot : train_step->program().slots) {
    if (slot.kind != SlotKind::kParam && slot.kind != SlotKind::kOptimizer) continue;
    const Tensor tensor = store->Find(slot.kind, slot.name);
    RET_CHECK(tensor.defined()) << slot.name;
    RETURN_IF_ERROR(
        communicator()->Broadcast(tensor.data(), static_cast<int64_t>(tensor.bytes()), 0));
  }
  return absl::OkStatus();
}

absl::Status Trainer::State::Continue(const RunState& saved) {
  RETURN_IF_ERROR(loader->RestoreState(saved.loader_state));
  RETURN_IF_ERROR(train_step->Refresh());
  step = saved.step;
  update_count = saved.update_count;
  tokens = saved.tokens;
  resumed_fingerprint = saved.numerics_fingerprint;
  NoteDifferences(saved);
  return absl::OkStatus();
}

void Trainer::State::NoteDifferences(const RunState& saved) {
  notes.push_back(absl::StrCat("goes on from step ", saved.step,
                               resumed_from.empty() ? "" : " of ", resumed_from));
  if (saved.numerics_fingerprint != train_step->executor().Fingerprint()) {
    notes.push_back(
        "numerics: the checkpoint was written under other kernels; the run goes on, but not with "
        "the bits that an uninterrupted one would have");
  }
  const absl::StatusOr<Config> before = Config::FromBytes(config.registry(), saved.config_bytes);
  if (!before.ok()) return;  // types that are not known here: nothing to compare
  std::vector<std::string> changes = Config::Diff(*before, config);
  // A slot that is empty by default and one that is emptied on purpose mean the same.
  std::erase_if(changes, [](const std::string& change) {
    for (const char* empty : {": null -> -", ": - -> null", ": [] -> -", ": - -> []"}) {
      if (absl::EndsWith(change, empty)) return true;
    }
    return false;
  });
  if (!changes.empty()) {
    notes.push_back(absl::StrCat("config changed: ", absl::StrJoin(changes, "; ")));
  }
}

}  // namespace tessera
