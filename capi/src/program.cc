// Functions of tessera.h about programs: compiled from a config, a graph or a checkpoint, and run.
#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/graph_object.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/objects.h"
#include "capi/src/internal/options.h"
#include "capi/src/internal/program_object.h"
#include "capi/src/internal/stored_model.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/printer.h"
#include "cpp/moe/internal/routing_tape.h"
#include "cpp/train/model.h"
#include "gen/config/runtime.h"

namespace tessera::capi {
namespace {

struct ProgramOptions {
  std::string mode = "evaluate";
  std::string dtype, recompute = "selective";
  std::string routing;   // of mixtures of experts: record, replay
  bool gradients = false;
  int64_t seed = -1;   // -1: the config's
};

absl::StatusOr<ProgramOptions> ReadOptions(std::string_view text, bool is_graph) {
  ProgramOptions options;
  OptionReader reader(text, "options");
  if (!is_graph) {
    reader.Choice("mode", {"evaluate", "train", "decode"}, &options.mode);
    reader.Choice("dtype", {"", "fp32", "bf16", "fp64"}, &options.dtype);
  }
  if (reader.Bool("gradients", &options.gradients) && options.gradients &&
      options.mode == "decode") {
    reader.Fail("gradients", "false in mode decode", "true");
  }
  if (!is_graph) reader.Choice("routing", {"", "record", "replay"}, &options.routing);
  reader.Choice("recompute", {"none", "selective", "full"}, &options.recompute);
  reader.Int("seed", 0, INT64_MAX, &options.seed);
  RETURN_IF_ERROR(reader.Finish());
  return options;
}

absl::Status Apply(const ProgramOptions& options, ProgramSource& source) {
  source.mode = options.mode;
  source.gradients = options.gradients;
  if (options.seed >= 0) source.seed = static_cast<uint64_t>(options.seed);
  ASSIGN_OR_RETURN(source.recompute, RecomputePolicyFromName(options.recompute));
  return absl::OkStatus();
}

absl::StatusOr<FunctionRef> WithRouting(FunctionRef main, const std::string& routing) {
  if (routing == "record") return WithRoutingRecorded(main);
  if (routing == "replay") return WithRoutingReplayed(main);
  return main;
}

absl::StatusOr<ModelOptions> ModelOptionsOf(const ProgramOptions& options) {
  ModelOptions model;
  model.dtype = options.dtype;
  ASSIGN_OR_RETURN(model.mode, ModeFromName(options.mode));
  return model;
}

// The target that the model's loss does not count.
int64_t IgnoredTarget(const Config& config) {
  constexpr int64_t kUsual = -100;
  const ConfigNode* loss = ModelNode(config).Child("loss");
  const ConfigValue* value = loss == nullptr ? nullptr : loss->Value("ignore_index");
  return value != nullptr && value->AsInt() != nullptr ? *value->AsInt() : kUsual;
}

// What a resolved config says of its program beside the functions.
absl::StatusOr<ProgramSource> SourceOf(std::shared_ptr<RuntimeObject> runtime,
                                       const Config& config) {
  ProgramSource source;
  source.is_model = true;
  source.ignored_target = IgnoredTarget(config);
  ASSIGN_OR_RETURN(source.run, NarrowEnvironment(config, runtime->environment()));
  if (const ConfigNode* node = config.Section("runtime")) {
    ASSIGN_OR_RETURN(const RuntimeConfig fields, ReadRuntimeConfig(*node));
    source.seed = static_cast<uint64_t>(fields.seed);
  }
  source.runtime = std::move(runtime);
  return source;
}

absl::StatusOr<std::shared_ptr<ProgramObject>> FromConfig(const ConfigObject& config,
                                                          std::string_view options_text) {
  ASSIGN_OR_RETURN(const ProgramOptions options, ReadOptions(options_text, false));
  ASSIGN_OR_RETURN(const ModelOptions model, ModelOptionsOf(options));
  ASSIGN_OR_RETURN(const Config resolved, config.Get().Resolve());
  ASSIGN_OR_RETURN(ProgramSource source, SourceOf(config.runtime(), resolved));
  RETURN_IF_ERROR(Apply(options, source));
  ASSIGN_OR_RETURN(FunctionRef main, TraceModel(resolved, source.run.environment, model));
  ASSIGN_OR_RETURN(source.main, WithRouting(std::move(main), options.routing));
  return ProgramObject::Create(std::move(source));
}

absl::Status CheckGraph(const Function& function) {
  if (function.outputs().empty()) {
    return absl::InvalidArgumentError("graph: expected at least one output or loss, got none");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<ProgramObject>> FromGraph(GraphObject& graph,
                                                         std::string_view options_text) {
  ASSIGN_OR_RETURN(const ProgramOptions options, ReadOptions(options_text, true));
  ASSIGN_OR_RETURN(const auto inside, graph.threads().Enter("graph"));
  RETURN_IF_ERROR(CheckGraph(graph.function()));
  ProgramSource source;
  source.runtime = graph.runtime();
  source.run.environment = graph.runtime()->environment();
  source.main = std::make_shared<const Function>(graph.function());
  RETURN_IF_ERROR(Apply(options, source));
  source.mode = "graph";
  return ProgramObject::Create(std::move(source));
}

absl::StatusOr<std::shared_ptr<ProgramObject>> FromCheckpoint(
    const std::shared_ptr<RuntimeObject>& runtime, const std::string& path,
    std::string_view options_text) {
  ASSIGN_OR_RETURN(const ProgramOptions options, ReadOptions(options_text, false));
  ASSIGN_OR_RETURN(const ModelOptions model, ModelOptionsOf(options));
  ASSIGN_OR_RETURN(const StoredModel stored, OpenStoredModel(*runtime, path, model));
  ASSIGN_OR_RETURN(ProgramSource source, SourceOf(runtime, stored.config));
  RETURN_IF_ERROR(Apply(options, source));
  ASSIGN_OR_RETURN(source.main, WithRouting(stored.main, options.routing));
  source.reader = stored.reader.get();
  return ProgramObject::Create(std::move(source));
}

struct GivenInputs {
  std::vector<NamedTensor> named;
  std::vector<std::shared_ptr<TensorObject>> owners;
};

absl::StatusOr<GivenInputs> ReadInputs(Call& call, const char* const* names,
                                       tsr_tensor* const* tensors, size_t count) {
  ASSIGN_OR_RETURN(const auto name_list, ReadArray(names, count, "input_names"));
  ASSIGN_OR_RETURN(const auto tensor_list, ReadArray(tensors, count, "inputs"));
  GivenInputs inputs;
  for (size_t i = 0; i < count; ++i) {
    const std::string place = absl::StrCat("input_names[", i, "]");
    RETURN_IF_ERROR(CheckPointer(name_list[i], place));
    ASSIGN_OR_RETURN(const std::string_view name,
                     ReadName(name_list[i], std::strlen(name_list[i]), place));
    ASSIGN_OR_RETURN(auto owner, call.Use(tensor_list[i], absl::StrCat("inputs[", i, "]")));
    inputs.named.push_back({name, owner->tensor});
    inputs.owners.push_back(std::move(owner));
  }
  return inputs;
}

// Hands out as many tensors as there is room for.
absl::Status GiveTensors(std::vector<Tensor> tensors, tsr_tensor** outputs, size_t* inout_count) {
  const size_t count = std::min(*inout_count, tensors.size());
  std::vector<std::unique_ptr<tsr_tensor, void (*)(tsr_tensor*)>> handles;
  for (size_t i = 0; i < count; ++i) {
    handles.emplace_back(NewHandle<tsr_tensor>(std::make_shared<TensorObject>(
                             TensorObject{std::move(tensors[i])})),
                         &tsr_tensor_free);
  }
  for (size_t i = 0; i < count; ++i) outputs[i] = handles[i].release();
  *inout_count = count;
  return absl::OkStatus();
}

absl::Status CheckOutputs(tsr_tensor** outputs, const size_t* inout_count, bool is_optional) {
  if (is_optional && outputs == nullptr && inout_count == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(CheckPointer(inout_count, "inout_count"));
  return *inout_count == 0 ? absl::OkStatus() : CheckPointer(outputs, "outputs");
}

// Runs `body` on the program, as its only thread.
template <typename Body>
tsr_status* OnProgram(const tsr_program* program, Body body) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const std::shared_ptr<ProgramObject> object, call.Use(program, "program"));
    ASSIGN_OR_RETURN(const auto inside, object->threads().Enter("program"));
    return body(call, *object);
  });
}

tsr_status* Compiled(tsr_program** out_program, const char* options, size_t options_len,
                     const std::function<absl::StatusOr<std::shared_ptr<ProgramObject>>(
                         Call& call, std::string_view options)>& compile) {
  return Guard([&](Call& call) -> absl::Status {
    RETURN_IF_ERROR(CheckPointer(out_program, "out_program"));
    ASSIGN_OR_RETURN(const std::string_view text, ReadText(options, options_len, "options"));
    ASSIGN_OR_RETURN(std::shared_ptr<ProgramObject> object, compile(call, text));
    *out_program = NewHandle<tsr_program>(std::move(object));
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace tessera::capi

using tessera::Tensor;
using tessera::capi::Call;
using tessera::capi::CheckPointer;
using tessera::capi::OnProgram;
using tessera::capi::ProgramObject;

tsr_status* tsr_program_from_config(const tsr_config* config, const char* options,
                                    size_t options_len, tsr_program** out_program) {
  return tessera::capi::Compiled(
      out_program, options, options_len,
      [&](Call& call, std::string_view text) -> absl::StatusOr<std::shared_ptr<ProgramObject>> {
        ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
        return tessera::capi::FromConfig(*object, text);
      });
}

tsr_status* tsr_program_from_graph(const tsr_graph* graph, const char* options,
                                   size_t options_len, tsr_program** out_program) {
  return tessera::capi::Compiled(
      out_program, options, options_len,
      [&](Call& call, std::string_view text) -> absl::StatusOr<std::shared_ptr<ProgramObject>> {
        ASSIGN_OR_RETURN(const auto object, call.Use(graph, "graph"));
        return tessera::capi::FromGraph(*object, text);
      });
}

tsr_status* tsr_program_from_checkpoint(tsr_runtime* runtime, const char* path, size_t path_len,
                                        const char* options, size_t options_len,
                                        tsr_program** out_program) {
  return tessera::capi::Compiled(
      out_program, options, options_len,
      [&](Call& call, std::string_view text) -> absl::StatusOr<std::shared_ptr<ProgramObject>> {
        ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
        ASSIGN_OR_RETURN(const std::string folder,
                         tessera::capi::ReadPath(path, path_len, "path"));
        return tessera::capi::FromCheckpoint(object, folder, text);
      });
}

void tsr_program_free(tsr_program* program) { tessera::capi::FreeHandle(program); }

tsr_status* tsr_program_describe(tsr_program* program, char** out_text, size_t* out_len) {
  return OnProgram(program, [&](Call&, ProgramObject& object) {
    return tessera::capi::GiveText(object.DescribeJson(), out_text, out_len);
  });
}

tsr_status* tsr_program_to_text(tsr_program* program, char** out_text, size_t* out_len) {
  return OnProgram(program, [&](Call&, ProgramObject& object) {
    return tessera::capi::GiveText(tessera::ToText(object.program()), out_text, out_len);
  });
}

tsr_status* tsr_program_run(tsr_program* program, const char* const* input_names,
                            tsr_tensor* const* inputs, size_t input_count, tsr_tensor** outputs,
                            size_t* inout_count) {
  return OnProgram(program, [&](Call& call, ProgramObject& object) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckOutputs(outputs, inout_count, /*is_optional=*/false));
    ASSIGN_OR_RETURN(const auto given,
                     tessera::capi::ReadInputs(call, input_names, inputs, input_count));
    ASSIGN_OR_RETURN(std::vector<Tensor> results, object.Run(given.named));
    return tessera::capi::GiveTensors(std::move(results), outputs, inout_count);
  });
}

tsr_status* tsr_program_run_with_gradients(tsr_program* program, const char* const* input_names,
                                           tsr_tensor* const* inputs, size_t input_count,
                                           tsr_tensor** outputs, size_t* inout_count,
                                           double* out_loss) {
  return OnProgram(program, [&](Call& call, ProgramObject& object) -> absl::Status {
    RETURN_IF_ERROR(tessera::capi::CheckOutputs(outputs, inout_count, /*is_optional=*/true));
    ASSIGN_OR_RETURN(const auto given,
                     tessera::capi::ReadInputs(call, input_names, inputs, input_count));
    double loss = 0;
    ASSIGN_OR_RETURN(std::vector<Tensor> results, object.RunWithGradients(given.named, loss));
    if (inout_count != nullptr) {
      RETURN_IF_ERROR(tessera::capi::GiveTensors(std::move(results), outputs, inout_count));
    }
    if (out_loss != nullptr) *out_loss = loss;
    return absl::OkStatus();
  });
}

namespace {

tsr_status* GiveByPath(tsr_program* program, const char* path, size_t path_len,
                       tsr_tensor** out_tensor,
                       absl::StatusOr<Tensor> (ProgramObject::*get)(std::string_view) const) {
  return OnProgram(program, [&](Call&, ProgramObject& object) -> absl::Status {
    RETURN_IF_ERROR(CheckPointer(out_tensor, "out_tensor"));
    ASSIGN_OR_RETURN(const std::string_view text, tessera::capi::ReadName(path, path_len, "path"));
    ASSIGN_OR_RETURN(Tensor tensor, (object.*get)(text));
    *out_tensor = tessera::capi::NewHandle<tsr_tensor>(
        std::make_shared<tessera::capi::TensorObject>(
            tessera::capi::TensorObject{std::move(tensor)}));
    return absl::OkStatus();
  });
}

}  // namespace

tsr_status* tsr_program_get_param(tsr_program* program, const char* path, size_t path_len,
                                  tsr_tensor** out_tensor) {
  return GiveByPath(program, path, path_len, out_tensor, &ProgramObject::GetParam);
}

tsr_status* tsr_program_set_param(tsr_program* program, const char* path, size_t path_len,
                                  const tsr_tensor* tensor) {
  return OnProgram(program, [&](Call& call, ProgramObject& object) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string_view text, tessera::capi::ReadName(path, path_len, "path"));
    ASSIGN_OR_RETURN(const auto source, call.Use(tensor, "tensor"));
    return object.SetParam(text, source->tensor);
  });
}

tsr_status* tsr_program_get_gradient(tsr_program* program, const char* path, size_t path_len,
                                     tsr_tensor** out_tensor) {
  return GiveByPath(program, path, path_len, out_tensor, &ProgramObject::GetGradient);
}
