#include "cpp/train/model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/serializer.h"
#include "cpp/nn/stored_functions.h"
#include "cpp/nn/tracer.h"
#include "gen/config/runtime.h"

namespace tessera {
absl::StatusOr<Mode> ModeFromName(std::string_view name) {
  if (name == "train") return Mode::kTrain;
  if (name == "evaluate") return Mode::kEvaluate;
  if (name == "decode") return Mode::kDecode;
  return absl::InvalidArgumentError(
      absl::StrCat("mode: expected train, evaluate or decode, got '", name, "'"));
}

absl::StatusOr<DType> NumberFormatFromName(std::string_view name) {
  if (name == "fp32") return DType::kF32;
  if (name == "bf16") return DType::kBF16;
  if (name == "fp64") return DType::kF64;
  return absl::InvalidArgumentError(
      absl::StrCat("dtype: expected fp32, bf16 or fp64, got '", name, "'"));
}

const ConfigNode& ModelNode(const Config& config) {
  const ConfigNode* model = config.Section("model");
  return model != nullptr ? *model : config.root();
}

absl::StatusOr<DType> ModelDType(const Config& config, const ModelOptions& options) {
  if (!options.dtype.empty()) return NumberFormatFromName(options.dtype);
  const ConfigNode* node = config.Section("runtime");
  if (node == nullptr) return DType::kF32;
  ASSIGN_OR_RETURN(const RuntimeConfig runtime, ReadRuntimeConfig(*node));
  return NumberFormatFromName(Name(runtime.dtype));
}

absl::StatusOr<FunctionRef> TraceModel(const Config& config, const Environment& environment,
                                       const ModelOptions& options) {
  ASSIGN_OR_RETURN(const DType dtype, ModelDType(config, options));
  Tracer tracer(*environment.ops, *environment.modules, {.dtype = dtype, .mode = options.mode});
  return tracer.TraceModel(ModelNode(config));
}

absl::StatusOr<std::shared_ptr<const Program>> CompileModel(const Config& config,
                                                            const Environment& environment,
                                                            const ModelOptions& options,
                                                            const CompileOptions& compile) {
  ASSIGN_OR_RETURN(const FunctionRef main, TraceModel(config, environment, options));
  return Compile(*main, *environment.ops, compile);
}

int64_t LearnedPositions(const ConfigNode& model) {
  if (model.type() == "LearnedPosition") {
    const ConfigValue* value = model.Value("max_positions");
    return value != nullptr && value->AsInt() != nullptr ? *value->AsInt() : 0;
  }
  int64_t least = 0;
  for (const FieldInfo& field : model.info().fields) {
    if (field.kind != FieldKind::kSlot) continue;
    for (size_t i = 0; i < model.ChildCount(field.name); ++i) {
      const int64_t found = LearnedPositions(*model.Child(field.name, i));
      if (found > 0) least = least == 0 ? found : std::min(least, found);
    }
  }
  return least;
}

absl::StatusOr<std::string> StoredFunctions(const Config& config, const Environment& environment) {
  ASSIGN_OR_RETURN(const DType dtype, ModelDType(config, {}));
  ASSIGN_OR_RETURN(const FunctionArchive stored, TraceAllModes(*environment.ops,
                                                               *environment.modules,
                                                               ModelNode(config), dtype));
  return SerializeFunctions(stored);
}

}  // namespace tessera
