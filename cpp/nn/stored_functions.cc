#include "cpp/nn/stored_functions.h"

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/tree.h"

namespace tessera {

std::string_view Name(Mode mode) {
  switch (mode) {
    case Mode::kTrain:
      return "train";
    case Mode::kEvaluate:
      return "evaluate";
    case Mode::kDecode:
      return "decode";
  }
  return "unknown";
}

std::string TracingKey(const ConfigNode& model, DType dtype) {
  return absl::StrCat(model.type(), "/", absl::Hex(model.Fingerprint(), absl::kZeroPad16), "/",
                      Name(dtype));
}

absl::StatusOr<FunctionArchive> TraceAllModes(const OpTable& ops, const ModuleTable& modules,
                                              const ConfigNode& model, DType dtype) {
  FunctionArchive stored;
  stored.tracing_key = TracingKey(model, dtype);
  absl::Status first;
  for (const Mode mode : {Mode::kTrain, Mode::kEvaluate, Mode::kDecode}) {
    Tracer tracer(ops, modules, {.dtype = dtype, .mode = mode});
    absl::StatusOr<FunctionRef> main = tracer.TraceModel(model);
    if (main.ok()) {
      stored.functions.emplace(Name(mode), *std::move(main));
    } else if (first.ok()) {
      first = main.status();
    }
  }
  if (stored.functions.empty()) return first;
  return stored;
}

FunctionRef FindStored(const FunctionArchive& stored, const ConfigNode& model, DType dtype,
                       Mode mode) {
  const auto it = stored.functions.find(Name(mode));
  if (it == stored.functions.end() || stored.tracing_key != TracingKey(model, dtype)) {
    return nullptr;
  }
  return it->second;
}

}  // namespace tessera
