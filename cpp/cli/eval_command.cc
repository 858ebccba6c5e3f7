// `tessera eval`: runs the model of a checkpoint on token ids from a file.
//
// Input: `input_ids` or `tokens` [B,T], any integer dtype; optionally `targets` [B,T] (what
// position t should predict), or `labels` in the convention of Hugging Face: position t is compared
// with labels[t + 1]. A model with an encoder reads `input_ids` (or `source`) [B,U] there, and
// `decoder_input_ids` (or `tokens`) [B,T] in its decoder; its labels are not shifted, as there.
// Output: `logits` [B,T,V]; with targets `loss` [1]; with --gradients `grad.NAME` of every
// parameter: of an imported model under the names it had there.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/cli/arguments.h"
#include "cpp/cli/checkpoint_program.h"
#include "cpp/cli/commands.h"
#include "cpp/cli/safetensors.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr int64_t kUsualIgnoreIndex = -100;

// What a model takes.
struct Vocabulary {
  int64_t size = 0;
  int64_t ignored = kUsualIgnoreIndex;  // the target that does not count
  bool has_source = false;              // another sequence, which an encoder reads
};

struct Batch {
  Tensor source, tokens, targets;
  bool has_targets = false;
  std::map<std::string, Tensor> routing;   // choices of experts to be replayed
};

template <typename T>
void Widen(const void* data, size_t count, std::vector<int64_t>* out) {
  const T* values = static_cast<const T*>(data);
  out->assign(values, values + count);
}

// Ids of any integer dtype.
Error ReadIds(const SafetensorsReader& file, const SafetensorsEntry& entry,
              std::vector<int64_t>* out) {
  Tensor tensor;
  CLI_RETURN_IF_ERROR(file.Read(entry, &tensor));
  const void* data = tsr_tensor_data(tensor.get());
  const size_t count =
      static_cast<size_t>(entry.bytes) / static_cast<size_t>(ElementBytes(entry.dtype));
  switch (entry.dtype) {
    case TSR_I64: Widen<int64_t>(data, count, out); break;
    case TSR_I32: Widen<int32_t>(data, count, out); break;
    case TSR_I8: Widen<int8_t>(data, count, out); break;
    case TSR_U32: Widen<uint32_t>(data, count, out); break;
    case TSR_U16: Widen<uint16_t>(data, count, out); break;
    case TSR_U8: Widen<uint8_t>(data, count, out); break;
    default: return Error("tensor '" + entry.name + "': expected integers, got another dtype");
  }
  for (const int64_t id : *out) {
    if (id < std::numeric_limits<int32_t>::min() || id > std::numeric_limits<int32_t>::max()) {
      return Error(Format("tensor '%s': expected ids of 32 bits, got %lld", entry.name.c_str(),
                          static_cast<long long>(id)));
    }
  }
  return Error();
}

Error NewIds(const std::vector<int64_t>& dims, const std::vector<int64_t>& ids, Tensor* out) {
  CLI_RETURN_IF_ERROR(
      CallHandle(out, tsr_tensor_new, TSR_I32, dims.data(), static_cast<int32_t>(dims.size())));
  auto* data = static_cast<int32_t*>(tsr_tensor_data(out->get()));
  for (size_t i = 0; i < ids.size(); ++i) data[i] = static_cast<int32_t>(ids[i]);
  return Error();
}

// labels[b][t + 1] as the target of position t; the last position has none.
std::vector<int64_t> ShiftedLabels(const std::vector<int64_t>& labels, int64_t columns,
                                   int64_t ignored) {
  std::vector<int64_t> targets(labels.size(), ignored);
  for (size_t i = 0; i + 1 < labels.size(); ++i) {
    if (static_cast<int64_t>(i % static_cast<size_t>(columns)) + 1 < columns) {
      targets[i] = labels[i + 1];
    }
  }
  return targets;
}

// The model knows no other ids, and would take them for nothing.
Error CheckIds(const std::string& path, const std::string& name, const std::vector<int64_t>& ids,
               const Vocabulary& vocabulary, bool may_be_ignored) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (may_be_ignored && ids[i] == vocabulary.ignored) continue;
    if (ids[i] >= 0 && ids[i] < vocabulary.size) continue;
    return Error(Format("%s: tensor '%s': expected ids from 0 to %lld, got %lld at index %zu",
                        path.c_str(), name.c_str(), static_cast<long long>(vocabulary.size - 1),
                        static_cast<long long>(ids[i]), i));
  }
  return Error();
}

// A tensor of ids [batch, sequence] under the first of two names that the file has.
Error ReadIdMatrix(const std::string& path, const SafetensorsReader& file, const char* name,
                   const char* other, const Vocabulary& vocabulary, std::vector<int64_t>* dims,
                   Tensor* out) {
  const SafetensorsEntry* entry = file.Find(name);
  if (entry == nullptr) entry = file.Find(other);
  if (entry == nullptr) {
    return Error(Format("%s: expected a tensor '%s' or '%s', got neither", path.c_str(), name,
                        other));
  }
  if (entry->dims.size() != 2 || entry->bytes == 0) {
    return Error(Format("%s: tensor '%s': expected dims [batch, sequence], not empty, got %zu dims "
                        "and %lld bytes", path.c_str(), entry->name.c_str(), entry->dims.size(),
                        static_cast<long long>(entry->bytes)));
  }
  *dims = entry->dims;
  std::vector<int64_t> ids;
  CLI_RETURN_IF_ERROR(ReadIds(file, *entry, &ids));
  CLI_RETURN_IF_ERROR(CheckIds(path, entry->name, ids, vocabulary, false));
  return NewIds(entry->dims, ids, out);
}

Error ReadTargets(const std::string& path, const SafetensorsReader& file,
                  const Vocabulary& vocabulary, const std::vector<int64_t>& dims, Batch* batch) {
  const SafetensorsEntry* targets = file.Find("targets");
  const SafetensorsEntry* labels = targets == nullptr ? file.Find("labels") : nullptr;
  const SafetensorsEntry* given = targets != nullptr ? targets : labels;
  std::vector<int64_t> ids(static_cast<size_t>(dims[0] * dims[1]), vocabulary.ignored);
  if (given != nullptr) {
    if (given->dims != dims) {
      return Error(Format("%s: tensor '%s': expected dims [%lld,%lld] as the tokens have, got "
                          "others", path.c_str(), given->name.c_str(),
                          static_cast<long long>(dims[0]), static_cast<long long>(dims[1])));
    }
    CLI_RETURN_IF_ERROR(ReadIds(file, *given, &ids));
    CLI_RETURN_IF_ERROR(CheckIds(path, given->name, ids, vocabulary, true));
    if (labels != nullptr && !vocabulary.has_source) {
      ids = ShiftedLabels(ids, dims[1], vocabulary.ignored);
    }
    batch->has_targets = true;
  }
  return NewIds(dims, ids, &batch->targets);
}

Error ReadBatch(const std::string& path, const Vocabulary& vocabulary, Batch* batch) {
  SafetensorsReader file;
  CLI_RETURN_IF_ERROR(SafetensorsReader::Open(path, &file));
  std::vector<int64_t> dims, source_dims;
  if (vocabulary.has_source) {
    CLI_RETURN_IF_ERROR(ReadIdMatrix(path, file, "input_ids", "source", vocabulary, &source_dims,
                                     &batch->source));
  }
  CLI_RETURN_IF_ERROR(ReadIdMatrix(path, file,
                                   vocabulary.has_source ? "decoder_input_ids" : "input_ids",
                                   "tokens", vocabulary, &dims, &batch->tokens));
  return ReadTargets(path, file, vocabulary, dims, batch);
}

// The choices that the model's mixtures of experts are to make, from an earlier output.
Error ReadRouting(const std::string& path, const Json& inputs, Batch* batch) {
  SafetensorsReader file;
  CLI_RETURN_IF_ERROR(SafetensorsReader::Open(path, &file));
  for (const Json& input : inputs.items()) {
    const std::string& name = input["name"].AsText();
    if (name.rfind("routing/", 0) != 0) continue;
    const SafetensorsEntry* entry = file.Find(name);
    if (entry == nullptr) {
      return Error(path + ": expected a tensor '" + name + "' as --record-routing writes, got none",
                   TSR_NOT_FOUND);
    }
    CLI_RETURN_IF_ERROR(file.Read(*entry, &batch->routing[name]));
  }
  return Error();
}

// Results of a run: those of the program that are no losses, and the weighted sum of those.
struct Results {
  std::vector<std::string> names;
  std::vector<Tensor> outputs;
  double loss = 0;
};

constexpr std::string_view kLossPrefix = "loss/";

double WeightOf(const Json& losses, std::string_view name) {
  for (const Json& loss : losses.items()) {
    if (loss["name"].AsText() == name) return loss["weight"].AsNumber(1);
  }
  return 1;
}

Error RunProgram(const CheckpointProgram& checkpoint, const Batch& batch, bool gradients,
                 Results* results) {
  const std::vector<Json>& described = checkpoint.description["outputs"].items();
  std::vector<const char*> names = {"tokens", "targets"};
  std::vector<tsr_tensor*> inputs = {batch.tokens.get(), batch.targets.get()};
  if (batch.source != nullptr) {
    names.push_back("source");
    inputs.push_back(batch.source.get());
  }
  for (const auto& [name, choices] : batch.routing) {
    names.push_back(name.c_str());
    inputs.push_back(choices.get());
  }
  std::vector<tsr_tensor*> outputs(described.size(), nullptr);
  size_t count = outputs.size();
  tsr_program* program = checkpoint.program.get();
  double loss = 0;
  const Error error = Error::Take(
      gradients ? tsr_program_run_with_gradients(program, names.data(), inputs.data(),
                                                 inputs.size(), outputs.data(), &count, &loss)
                : tsr_program_run(program, names.data(), inputs.data(), inputs.size(),
                                  outputs.data(), &count));
  for (size_t i = 0; i < outputs.size(); ++i) {
    Tensor output(outputs[i]);
    const std::string& name = described[i]["name"].AsText();
    if (output == nullptr) continue;
    if (name.rfind(kLossPrefix, 0) != 0) {
      results->names.push_back(name);
      results->outputs.push_back(std::move(output));
    } else if (tsr_tensor_dtype(output.get()) == TSR_F64) {
      results->loss += WeightOf(checkpoint.description["losses"], name.substr(kLossPrefix.size())) *
                       *static_cast<const double*>(tsr_tensor_data(output.get()));
    }
  }
  return error;
}

SafetensorsEntry EntryOf(const std::string& name, const Tensor& tensor) {
  SafetensorsEntry entry;
  entry.name = name;
  entry.dtype = tsr_tensor_dtype(tensor.get());
  for (int32_t i = 0; i < tsr_tensor_rank(tensor.get()); ++i) {
    entry.dims.push_back(tsr_tensor_dim(tensor.get(), i));
  }
  return entry;
}

// Everything in one file, gradients (of `parameters`) one at a time.
Error WriteResults(const std::string& path, const CheckpointProgram& checkpoint, bool has_loss,
                   const std::vector<SafetensorsEntry>& parameters, const Results& results) {
  const auto gradient_of = [&](const SafetensorsEntry& parameter, Tensor* gradient) {
    return CallHandle(gradient, tsr_program_get_gradient, checkpoint.program.get(),
                      parameter.name.data(), parameter.name.size());
  };
  std::vector<SafetensorsEntry> entries;
  for (size_t i = 0; i < results.outputs.size(); ++i) {
    entries.push_back(EntryOf(results.names[i], results.outputs[i]));
  }
  if (has_loss) {
    SafetensorsEntry loss;
    loss.name = "loss";
    loss.dtype = TSR_F32;
    loss.dims = {1};
    entries.push_back(loss);
  }
  for (const SafetensorsEntry& parameter : parameters) {
    Tensor gradient;
    CLI_RETURN_IF_ERROR(gradient_of(parameter, &gradient));
    entries.push_back(EntryOf("grad." + parameter.name, gradient));
  }
  SafetensorsWriter writer;
  CLI_RETURN_IF_ERROR(writer.Begin(path, entries));
  for (const Tensor& output : results.outputs) {
    CLI_RETURN_IF_ERROR(
        writer.Append(tsr_tensor_data(output.get()), tsr_tensor_bytes(output.get())));
  }
  const auto loss = static_cast<float>(results.loss);
  if (has_loss) CLI_RETURN_IF_ERROR(writer.Append(&loss, sizeof(loss)));
  for (const SafetensorsEntry& parameter : parameters) {
    Tensor gradient;
    CLI_RETURN_IF_ERROR(gradient_of(parameter, &gradient));
    CLI_RETURN_IF_ERROR(
        writer.Append(tsr_tensor_data(gradient.get()), tsr_tensor_bytes(gradient.get())));
  }
  return writer.Finish();
}

// Whose gradients are wanted, under which names.
Error ChooseParameters(const Arguments& arguments, const CheckpointProgram& checkpoint,
                       std::vector<SafetensorsEntry>* parameters) {
  const std::string names = arguments.Text("--names");
  if (!names.empty() && names != "original" && names != "tessera") {
    return Error("--names: expected original or tessera, got '" + names + "'");
  }
  const bool has_original = !checkpoint.original_parameters.empty();
  if (names == "original" && !has_original) {
    return Error("--names original: expected the checkpoint of an imported model that was not "
                 "changed since, got another");
  }
  *parameters = names == "tessera" || !has_original ? checkpoint.parameters
                                                    : checkpoint.original_parameters;
  return Error();
}

Error Eval(const Arguments& arguments) {
  const bool gradients = arguments.Has("--gradients");
  int64_t threads = 0;
  CLI_RETURN_IF_ERROR(arguments.Integer("--threads", 0, 4096, &threads));
  // The input first: it is quick to read and the likelier mistake.
  SafetensorsReader probe;
  CLI_RETURN_IF_ERROR(SafetensorsReader::Open(arguments.Text("--input"), &probe));
  const bool has_targets = probe.Find("targets") != nullptr || probe.Find("labels") != nullptr;
  if (gradients && !has_targets) {
    return Error("--gradients: expected 'targets' or 'labels' in the input, got neither");
  }
  const std::string replayed = arguments.Text("--replay-routing");
  CheckpointProgramWish wish = {threads, gradients, arguments.Text("--dtype"), ""};
  if (!replayed.empty()) wish.routing = "replay";
  if (arguments.Has("--record-routing")) wish.routing = "record";
  if (!replayed.empty() && wish.routing == "record") {
    return Error("--record-routing: expected without --replay-routing, whose file has the record");
  }
  CheckpointProgram checkpoint;
  CLI_RETURN_IF_ERROR(OpenCheckpointProgram(arguments.Word(0), wish, &checkpoint));
  const Json& model = checkpoint.model();
  Vocabulary vocabulary;
  vocabulary.size = model["vocab_size"].AsInteger(std::numeric_limits<int32_t>::max());
  vocabulary.ignored = model["loss"]["ignore_index"].AsInteger(kUsualIgnoreIndex);
  for (const Json& input : checkpoint.description["inputs"].items()) {
    vocabulary.has_source |= input["name"].AsText() == "source";
  }
  Batch batch;
  CLI_RETURN_IF_ERROR(ReadBatch(arguments.Text("--input"), vocabulary, &batch));
  if (!replayed.empty()) {
    CLI_RETURN_IF_ERROR(ReadRouting(replayed, checkpoint.description["inputs"], &batch));
  }
  Results results;
  CLI_RETURN_IF_ERROR(RunProgram(checkpoint, batch, gradients, &results));
  std::vector<SafetensorsEntry> parameters;
  CLI_RETURN_IF_ERROR(ChooseParameters(arguments, checkpoint, &parameters));
  if (!gradients) parameters.clear();
  const std::string output = arguments.Text("--output");
  CLI_RETURN_IF_ERROR(WriteResults(output, checkpoint, has_targets, parameters, results));
  std::printf("%s", output.c_str());
  if (has_targets) std::printf(": loss %.6f", results.loss);
  std::printf("\n");
  return Error();
}

}  // namespace

Command EvalCommand() {
  Command command;
  command.name = "eval";
  command.summary = "runs the model of a checkpoint on token ids: logits, loss, gradients";
  command.details =
      "The input is a safetensors file with input_ids (or tokens) [batch, sequence] and, for a "
      "loss, targets of the same dims, or labels, of which position t is compared with the one at "
      "t + 1. A model with an encoder reads input_ids there and decoder_input_ids (or tokens) in "
      "its decoder; each of its labels is what that position should say. The output is a "
      "safetensors file with logits, loss, and grad.NAME for every parameter: of an imported model "
      "under the names and in the shapes that it had there.\n";
  command.positionals = {{"CHECKPOINT", "a checkpoint, or a folder of them: then the newest one"}};
  command.flags = {
      {"--input", "IO", "safetensors file with token ids", false, true},
      {"--output", "OUT", "safetensors file to write", false, true},
      {"--gradients", "", "also gradients of the loss"},
      {"--record-routing", "", "also routing/MIXTURE: the experts that each token visits"},
      {"--replay-routing", "FILE", "take the routing from there instead of from the gates"},
      {"--names", "WHOSE", "of gradients: original (of an imported model) or tessera"},
      {"--dtype", "TYPE", "fp32, bf16 or fp64; default: as trained"},
      {"--threads", "N", "default: all the process may use"},
  };
  command.examples = {
      "tessera eval out/gpt/checkpoints --input io.safetensors --output out.safetensors"};
  command.run = &Eval;
  return command;
}

}  // namespace tessera::cli
