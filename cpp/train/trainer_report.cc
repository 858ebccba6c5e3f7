// What a trainer says of itself: description, profile, and a generator over its parameters.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/ir/printer.h"
#include "cpp/train/json_text.h"
#include "cpp/train/model.h"
#include "cpp/train/trainer_state.h"

namespace tessera {
namespace {

void WriteMemory(const MemoryReport& memory, JsonText& json) {
  json.Name("memory")
      .BeginObject()
      .Integer("persistent_bytes", memory.persistent_bytes)
      .Integer("gradient_bytes", memory.gradient_bytes)
      .Integer("activation_bytes", memory.activation_bytes)
      .Integer("frame_bytes", memory.frame_bytes)
      .Integer("workspace_bytes", memory.workspace_bytes)
      .EndObject();
}

void WriteProfile(const NodeProfile& entry, JsonText& json) {
  json.BeginObject()
      .Text("op", entry.op)
      .Text("kernel", entry.kernel)
      .Text("phase", Name(entry.kind))
      .Integer("uses", entry.uses)
      .Number("seconds", entry.seconds)
      .Number("flops", entry.flops)
      .Number("bytes", entry.bytes)
      .Number("gflops_per_s", entry.seconds > 0 ? entry.flops / entry.seconds * 1e-9 : 0)
      .EndObject();
}

}  // namespace

absl::StatusOr<std::string> Trainer::DescribeJson() const {
  const State& state = *state_;
  const Program& program = state.train_step->program();
  int64_t bytes = 0;
  for (const ProgramParam& param : program.params) {
    bytes += Product(param.dims).value() * static_cast<int64_t>(SizeOf(param.dtype));
  }
  JsonText json;
  json.BeginObject()
      .Integer("step", state.step)
      .Integer("total_steps", state.settings.trainer.steps)
      .Integer("update_count", state.update_count)
      .Integer("tokens", state.tokens)
      .Text("out_dir", state.options.out_dir);
  json.Name("parameters")
      .BeginObject()
      .Integer("count", parameter_count())
      .Integer("bytes", bytes)
      .Integer("tensors", static_cast<int64_t>(program.params.size()))
      .EndObject();
  json.Number("step_flops", state.flops);
  WriteMemory(memory(), json);
  const Environment& environment = state.run.environment;
  json.Name("runtime")
      .BeginObject()
      .Text("dtype", Name(state.settings.runtime.dtype))
      .Text("isa", IsaName(environment.isa))
      .Integer("threads", environment.pool == nullptr ? 1 : environment.pool->threads())
      .Integer("tuned_kernels", state.train_step->executor().tuned_kernel_count())
      .Integer("rank", state.settings.rank)
      .Integer("world_size", state.settings.world)
      .EndObject();
  const int64_t windows = std::max<int64_t>(state.loader->windows_per_epoch(), 1);
  json.Name("data")
      .BeginObject()
      .Integer("train_tokens", state.dataset->train().size())
      .Integer("validation_tokens", state.dataset->validation().size())
      .Integer("vocab_size", state.dataset->vocab_size())
      .Text("tokenizer", tokenizer() == nullptr ? "" : tokenizer()->name())
      .Integer("position", state.loader->position())
      .Integer("windows_per_epoch", windows)
      .Integer("epoch", state.loader->position() / windows)
      .EndObject();
  json.Name("checkpoints")
      .BeginObject()
      .Text("folder", state.checkpoint_folder())
      .Text("resumed_from", state.resumed_from)
      .Integer("saved_step", state.saved_step);
  json.Name("damaged").BeginList();
  for (const DamagedCheckpoint& damaged : state.damaged) {
    json.BeginObject().Text("path", damaged.path).Text("reason", damaged.reason).EndObject();
  }
  json.EndList().EndObject();
  const std::string fingerprint = state.train_step->executor().Fingerprint();
  json.Name("numerics").BeginObject().Text("fingerprint", fingerprint);
  json.Bool("same_as_checkpoint", state.resumed_fingerprint.empty() ||
                                      state.resumed_fingerprint == fingerprint);
  json.Text("checkpoint_fingerprint", state.resumed_fingerprint).EndObject();
  json.Name("notes").BeginList();
  for (const std::string& note : state.notes) json.Text(note);
  json.EndList().EndObject();
  return json.text();
}

absl::StatusOr<std::string> Trainer::ProfileJson() {
  if (!state_->settings.trainer.profile) {
    return absl::FailedPreconditionError(
        "profile: nothing was measured; set trainer.profile=true in the config");
  }
  std::map<State::ProfileKey, NodeProfile> total;
  for (const NodeProfile& node : state_->train_step->executor().Profile()) {
    NodeProfile& entry = total[{node.op, node.kernel, node.kind}];
    entry.op = node.op;
    entry.kernel = node.kernel;
    entry.kind = node.kind;
    entry.seconds += node.seconds;
    entry.flops += node.flops;
    entry.bytes += node.bytes;
    entry.uses += node.uses;
  }
  std::vector<NodeProfile> since;
  double seconds = 0;
  for (const auto& [key, now] : total) {
    const NodeProfile& before = state_->profiled[key];
    if (now.uses == before.uses) continue;
    NodeProfile entry = now;
    entry.seconds -= before.seconds;
    entry.flops -= before.flops;
    entry.bytes -= before.bytes;
    entry.uses -= before.uses;
    seconds += entry.seconds;
    since.push_back(std::move(entry));
  }
  state_->profiled = std::move(total);
  std::stable_sort(since.begin(), since.end(), [](const NodeProfile& a, const NodeProfile& b) {
    return a.seconds > b.seconds;
  });
  JsonText json;
  json.BeginObject().Number("seconds", seconds).Name("ops").BeginList();
  for (const NodeProfile& entry : since) WriteProfile(entry, json);
  json.EndList().EndObject();
  return json.text();
}

absl::StatusOr<std::unique_ptr<Generator>> Trainer::NewGenerator() const {
  State& state = *state_;
  if (state.dataset->tokenizer() == nullptr) {
    return absl::FailedPreconditionError(
        "generate: the data are token files and have no tokenizer to read a prompt with");
  }
  if (state.decode_program == nullptr) {
    ASSIGN_OR_RETURN(state.decode_program, CompileModel(state.config, state.run.environment,
                                                        {.mode = Mode::kDecode}, {}));
  }
  return Generator::Create(state.run.environment, state.decode_program, state.store,
                           state.dataset->tokenizer(),
                           LearnedPositions(*state.config.Section("model")));
}

}  // namespace tessera
