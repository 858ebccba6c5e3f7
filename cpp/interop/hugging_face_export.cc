#include "cpp/interop/hugging_face_export.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/ckpt/safetensors.h"
#include "cpp/interop/config_template.h"
#include "cpp/interop/family.h"
#include "cpp/config/plain_json.h"
#include "cpp/interop/original_names.h"

namespace tessera {
namespace {

constexpr size_t kDifferencesShown = 6;

// What a model would be called elsewhere.
struct Saying {
  Family family;
  ConfigValue config;
  FieldValues values;
  bool has_prefix = true;
};

struct Origin {
  std::string family;
  ConfigValue config;
  bool has_prefix = true;
};

absl::StatusOr<Origin> OriginOf(const CheckpointReader& reader) {
  Origin origin;
  if (reader.info().origin.empty()) return origin;
  ASSIGN_OR_RETURN(const ConfigValue read,
                   ParseJson(reader.info().origin, absl::StrCat(reader.path(), ": origin")));
  const ConfigValue* format = FindAt(read, "format");
  const ConfigValue* family = FindAt(read, "family");
  const ConfigValue* config = FindAt(read, "config");
  if (format == nullptr || format->AsText() == nullptr || *format->AsText() != "huggingface" ||
      family == nullptr || family->AsText() == nullptr || config == nullptr) {
    return origin;
  }
  origin.family = *family->AsText();
  origin.config = *config;
  const ConfigValue* prefix = FindAt(read, "has_prefix");
  origin.has_prefix = prefix == nullptr || prefix->AsBool() == nullptr || *prefix->AsBool();
  return origin;
}

bool IsUnsaid(const Family& family, const std::string& name) {
  return std::find(family.unsaid.begin(), family.unsaid.end(), name) != family.unsaid.end();
}

// "a.b: 3 -> 4" where two models differ, but for what config.json does not say.
void FindDifferences(const Family& family, const ConfigValue& ours, const ConfigValue& theirs,
                     const std::string& path, std::vector<std::string>* differences) {
  if (ours.AsTable() == nullptr || theirs.AsTable() == nullptr) {
    if (!SameValue(ours, theirs)) {
      differences->push_back(
          absl::StrCat(path, ": ", ours.ToJson(), " here, ", theirs.ToJson(), " there"));
    }
    return;
  }
  std::vector<std::string> names;
  for (const ConfigValue* side : {&ours, &theirs}) {
    for (const auto& [name, unused] : *side->AsTable()) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  static const ConfigValue kNothing;
  for (const std::string& name : names) {
    if (IsUnsaid(family, name)) continue;
    const ConfigValue* a = ours.Find(name);
    const ConfigValue* b = theirs.Find(name);
    FindDifferences(family, a == nullptr ? kNothing : *a, b == nullptr ? kNothing : *b,
                    path.empty() ? name : absl::StrCat(path, ".", name), differences);
  }
}

// Reads back what was said.
absl::Status CheckSaying(const Saying& saying, const Config& model, const ConfigValue& ours) {
  std::vector<std::string> unknown;
  ASSIGN_OR_RETURN(const FieldValues values,
                   saying.family.ReadFields(saying.config, "config.json", &unknown));
  ASSIGN_OR_RETURN(const ConfigValue filled, FillTemplate(saying.family.model, values));
  ASSIGN_OR_RETURN(const Config parsed,
                   Config::FromJson(model.registry(), filled.ToJson(), "config.json"));
  ASSIGN_OR_RETURN(const Config resolved, parsed.Resolve());
  ASSIGN_OR_RETURN(const ConfigValue back,
                   ParseJson(Config::NodeJson(resolved.root()), "config.json"));
  std::vector<std::string> differences;
  FindDifferences(saying.family, ours, back, "", &differences);
  if (differences.empty()) return absl::OkStatus();
  const size_t shown = std::min(differences.size(), kDifferencesShown);
  const size_t hidden = differences.size() - shown;
  return absl::InvalidArgumentError(absl::StrCat(
      "the family ", saying.family.name, " cannot say this model: ",
      absl::StrJoin(differences.begin(), differences.begin() + static_cast<ptrdiff_t>(shown), "; "),
      hidden > 0 ? absl::StrCat(" and ", hidden, " more") : ""));
}

// With the values of its fields.
absl::StatusOr<Saying> ReadBack(Saying saying) {
  std::vector<std::string> unknown;
  ASSIGN_OR_RETURN(saying.values,
                   saying.family.ReadFields(saying.config, "config.json", &unknown));
  return saying;
}

absl::StatusOr<Saying> SayIn(const std::string& name, const Origin& origin, const Config& model) {
  Saying saying;
  ASSIGN_OR_RETURN(saying.family, Family::Named(name));
  if (name == origin.family) {
    // The config that the model came with still says it, unless the model was changed.
    saying.config = origin.config;
    saying.has_prefix = origin.has_prefix;
  }
  if (saying.family.model_type.empty() || saying.family.format != "huggingface") {
    return absl::InvalidArgumentError(
        absl::StrCat("family: expected one that folders can be of, got '", name, "'"));
  }
  ASSIGN_OR_RETURN(const ConfigValue ours, ParseJson(Config::NodeJson(model.root()), "model"));
  if (name == origin.family && CheckSaying(saying, model, ours).ok()) return ReadBack(saying);
  FieldValues solved;
  if (!SolveTemplate(saying.family.model, ours, solved)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the family ", name, " has no model of this form"));
  }
  if (name == origin.family) {
    // Fields that mean the same by default are not written into a config that did not have them.
    std::vector<std::string> unknown;
    const auto known = saying.family.ReadFields(saying.config, "origin", &unknown);
    if (known.ok()) {
      std::erase_if(solved, [&](const auto& field) {
        const auto value = known->find(field.first);
        return value != known->end() && SameValue(value->second, field.second);
      });
    }
  } else {
    PutAt(saying.config, "architectures", ConfigValue(ConfigValue::List()));
    ConfigValue::List& list = *saying.config.Find("architectures")->AsList();
    for (const std::string& one : saying.family.architectures) list.push_back(ConfigValue(one));
    PutAt(saying.config, "model_type", ConfigValue(saying.family.model_type));
  }
  RETURN_IF_ERROR(saying.family.fields.Write(solved, saying.config));
  RETURN_IF_ERROR(CheckSaying(saying, model, ours));
  return ReadBack(saying);
}

absl::StatusOr<Saying> Say(const HuggingFaceExport& request) {
  ASSIGN_OR_RETURN(const Origin origin, OriginOf(*request.reader));
  if (!request.family.empty()) return SayIn(request.family, origin, request.model);
  if (!origin.family.empty()) return SayIn(origin.family, origin, request.model);
  const std::vector<std::string> names = Family::Names("huggingface");
  for (const std::string& name : names) {
    auto saying = SayIn(name, origin, request.model);
    if (saying.ok() || !absl::IsInvalidArgument(saying.status())) return saying;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      request.reader->path(), ": no family can say this model (of ", absl::StrJoin(names, ", "),
      "); name one to see where it differs, or export it in Tessera's own format"));
}

struct PlannedTensor {
  SafetensorsEntry entry;
  int64_t bytes = 0;
};

// Cuts the tensors into files.
std::vector<std::vector<PlannedTensor>> CutIntoFiles(std::vector<PlannedTensor> tensors,
                                                     int64_t max_bytes) {
  std::vector<std::vector<PlannedTensor>> files;
  int64_t bytes = 0;
  for (PlannedTensor& tensor : tensors) {
    if (files.empty() || (!files.back().empty() && tensor.bytes > max_bytes - bytes)) {
      files.emplace_back();
      bytes = 0;
    }
    bytes += tensor.bytes;
    files.back().push_back(std::move(tensor));
  }
  return files;
}

absl::Status CheckFolder(const std::string& folder) {
  RETURN_IF_ERROR(MakeFolders(folder));
  for (const char* name : {"config.json", "model.safetensors", "model.safetensors.index.json"}) {
    if (!FileExists(JoinPath(folder, name))) continue;
    return absl::AlreadyExistsError(absl::StrCat(JoinPath(folder, name),
                                                 " exists; remove it or name another folder"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PlannedTensor>> PlanTensors(const OriginalNames& names,
                                                       const CheckpointReader& reader) {
  std::vector<PlannedTensor> tensors;
  for (const NamedDims& named : names.tensors()) {
    ASSIGN_OR_RETURN(const std::string path, names.FirstOfOurs(named.name));
    const TensorRecord* record = reader.Find(TensorKind::kParameter, path);
    if (record == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat(reader.path(), ": the model needs ", path, ", which is not there"));
    }
    PlannedTensor tensor;
    tensor.entry.name = named.name;
    tensor.entry.dtype = record->dtype;
    tensor.entry.dims = named.dims;
    ASSIGN_OR_RETURN(const int64_t count, ElementCount(named.dims));
    tensor.bytes = count * static_cast<int64_t>(SizeOf(record->dtype));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

absl::StatusOr<ExportResult> ExportHuggingFaceFolder(const HuggingFaceExport& request) {
  ASSIGN_OR_RETURN(const Saying saying, Say(request));
  ASSIGN_OR_RETURN(const std::unique_ptr<OriginalNames> names,
                   OriginalNames::OfFamily(saying.family, saying.values, request.params,
                                           saying.has_prefix));
  ASSIGN_OR_RETURN(std::vector<PlannedTensor> tensors, PlanTensors(*names, *request.reader));
  RETURN_IF_ERROR(CheckFolder(request.folder));
  ExportResult result;
  result.family = saying.family.name;
  result.tensor_count = static_cast<int64_t>(tensors.size());
  int64_t total = 0;
  for (const PlannedTensor& tensor : tensors) total += tensor.bytes;
  const auto files = CutIntoFiles(std::move(tensors), request.max_file_bytes);
  ConfigValue index{ConfigValue::Table()};
  PutAt(index, "metadata.total_size", ConfigValue(total));
  ConfigValue::Table weight_map;
  const ReadTensor read = [&](const std::string& path) {
    return request.read != nullptr ? request.read(path)
                                   : request.reader->Read(TensorKind::kParameter, path);
  };
  for (size_t f = 0; f < files.size(); ++f) {
    const std::string name =
        files.size() == 1 ? "model.safetensors"
                          : absl::StrCat("model-", absl::Dec(f + 1, absl::kZeroPad5), "-of-",
                                         absl::Dec(files.size(), absl::kZeroPad5), ".safetensors");
    std::vector<SafetensorsEntry> entries;
    for (const PlannedTensor& tensor : files[f]) {
      entries.push_back(tensor.entry);
      weight_map.emplace_back(tensor.entry.name, ConfigValue(name));
    }
    RETURN_IF_ERROR(WriteSafetensorsOneByOne(
        JoinPath(request.folder, name), std::move(entries), {{"format", "pt"}},
        [&](const SafetensorsEntry& entry) -> absl::StatusOr<Tensor> {
          if (request.progress != nullptr) RETURN_IF_ERROR(request.progress(result.bytes, total));
          ASSIGN_OR_RETURN(Tensor tensor, names->Make(entry.name, read));
          result.bytes += static_cast<int64_t>(tensor.bytes());
          return tensor;
        }));
    result.files.push_back(name);
  }
  if (files.size() > 1) {
    index.AsTable()->emplace_back("weight_map", ConfigValue(std::move(weight_map)));
    const std::string name = "model.safetensors.index.json";
    RETURN_IF_ERROR(WriteFileAtomically(JoinPath(request.folder, name), IndentedJson(index)));
    result.files.push_back(name);
  }
  RETURN_IF_ERROR(
      WriteFileAtomically(JoinPath(request.folder, "config.json"), IndentedJson(saying.config)));
  result.files.push_back("config.json");
  return result;
}

}  // namespace tessera
