#include "cpp/interop/foreign_model.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"
#include "cpp/interop/config_template.h"
#include "cpp/interop/gguf_file.h"
#include "cpp/interop/hugging_face_folder.h"
#include "cpp/config/plain_json.h"

namespace tessera {
namespace {

constexpr size_t kNamesShown = 8;

std::string SomeNames(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kNamesShown);
  std::vector<std::string> quoted;
  for (size_t i = 0; i < shown; ++i) quoted.push_back(Quoted(names[i], 120));
  std::string text = absl::StrJoin(quoted, ", ");
  if (shown < names.size()) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

std::string DimsText(const std::vector<int64_t>& dims) {
  return absl::StrCat("[", absl::StrJoin(dims, ","), "]");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ForeignModel>> ForeignModel::OpenHuggingFace(
    const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<HuggingFaceFolder> folder, HuggingFaceFolder::Open(path));
  std::unique_ptr<ForeignModel> model(new ForeignModel);
  model->where_ = path;
  model->tokenizer_json_ = folder->tokenizer_json();
  const std::string& where = folder->config_path();
  const ConfigValue* type = FindAt(folder->config(), "model_type");
  if (type == nullptr || type->AsText() == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": expected a text 'model_type'"));
  }
  absl::StatusOr<Family> family = Family::OfModelType("huggingface", *type->AsText());
  if (!family.ok()) {
    return absl::Status(family.status().code(),
                        absl::StrCat(where, ": ", family.status().message()));
  }
  model->family_ = *std::move(family);
  const ConfigValue config = folder->config();
  model->weights_ = std::move(folder);
  RETURN_IF_ERROR(model->Understand(config, JoinPath(path, "config.json")));
  return model;
}

absl::StatusOr<std::unique_ptr<ForeignModel>> ForeignModel::OpenGguf(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<GgufFile> file, GgufFile::Open(path));
  std::unique_ptr<ForeignModel> model(new ForeignModel);
  model->where_ = path;
  const ConfigValue* type = FindAt(file->metadata(), "general.architecture");
  const std::string* name = type == nullptr ? nullptr : type->AsText();
  absl::StatusOr<Family> family = Family::OfModelType("gguf", name == nullptr ? "" : *name);
  if (!family.ok()) {
    return absl::Status(family.status().code(),
                        absl::StrCat(path, ": general.architecture: ", family.status().message()));
  }
  model->family_ = *std::move(family);
  ConfigValue config = file->metadata();
  const WeightInfo* embedding = file->Find("token_embd.weight");
  if (embedding != nullptr && embedding->dims.size() == 2) {
    PutAt(config, "tensors.vocab_size", ConfigValue(embedding->dims[0]));
  }
  PutAt(config, "tensors.has_output", ConfigValue(file->Find("output.weight") != nullptr));
  std::string why_not;
  model->tokenizer_json_ = GgufTokenizerJson(*file, &why_not);
  if (model->tokenizer_json_.empty()) {
    model->notes_.push_back(absl::StrCat(path, ": tokenizer left out: ", why_not));
  }
  model->weights_ = std::move(file);
  RETURN_IF_ERROR(model->Understand(config, path));
  return model;
}

absl::Status ForeignModel::Understand(const ConfigValue& config, const std::string& where) {
  std::vector<std::string> unknown;
  ASSIGN_OR_RETURN(values_, family_.ReadFields(config, where, &unknown));
  if (!unknown.empty()) {
    notes_.push_back(absl::StrCat(where, ": not used, because the family ", family_.name,
                                  " does not know them: ", SomeNames(unknown)));
  }
  const auto ours = FillTemplate(family_.model, values_);
  if (!ours.ok()) {
    return absl::Status(ours.status().code(), absl::StrCat(where, ": ", ours.status().message()));
  }
  config_json_ = IndentedJson(*ours);
  ASSIGN_OR_RETURN(map_, family_.MapTensors(values_));
  if (!family_.prefix.empty()) {
    has_prefix_ = std::any_of(
        weights_->weights().begin(), weights_->weights().end(),
        [&](const WeightInfo& weight) { return absl::StartsWith(weight.name, family_.prefix); });
  }
  ConfigValue origin{ConfigValue::Table()};
  PutAt(origin, "format", ConfigValue(family_.format));
  PutAt(origin, "family", ConfigValue(family_.name));
  PutAt(origin, "has_prefix", ConfigValue(has_prefix_));
  PutAt(origin, "config", config);
  origin_ = IndentedJson(origin);
  return absl::OkStatus();
}

std::string ForeignModel::NameInFile(const std::string& name) const {
  return has_prefix_ ? name : std::string(absl::StripPrefix(name, family_.prefix));
}

absl::Status ForeignModel::CheckTheirs(const Correspondence& pair) const {
  const WeightInfo* first = weights_->Find(NameInFile(pair.theirs[0].name));
  for (const NamedDims& expected : pair.theirs) {
    const std::string name = NameInFile(expected.name);
    const WeightInfo* weight = weights_->Find(name);
    if (weight == nullptr || first == nullptr) continue;  // all missing names are told at once
    if (weight->dims != expected.dims) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": tensor ", Quoted(name), ": expected dims ",
                       DimsText(expected.dims), " by its config, got ", DimsText(weight->dims)));
    }
    if (!IsFloat(weight->dtype) || weight->dtype != first->dtype) {
      return absl::InvalidArgumentError(absl::StrCat(
          where_, ": tensor ", Quoted(name), ": expected ",
          IsFloat(first->dtype) ? Name(first->dtype) : "a float dtype", ", got ",
          Name(weight->dtype)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TensorToSave>> ForeignModel::Tensors(
    const std::vector<NamedDims>& params) {
  ASSIGN_OR_RETURN(pairs_, map_.Find(params));
  std::vector<std::string> missing;
  for (const Correspondence& pair : pairs_) {
    for (const NamedDims& expected : pair.theirs) {
      const std::string name = NameInFile(expected.name);
      if (weights_->Find(name) == nullptr) missing.push_back(name);
    }
    RETURN_IF_ERROR(CheckTheirs(pair));
  }
  if (!missing.empty()) {
    std::vector<std::string> names;
    for (const WeightInfo& weight : weights_->weights()) names.push_back(weight.name);
    return absl::InvalidArgumentError(
        absl::StrCat(where_, ": tensors that its config wants are missing: ", SomeNames(missing),
                     SuggestionText(missing[0], names)));
  }
  RETURN_IF_ERROR(CheckLeftOver());
  const ReadTensor read = [this](const std::string& name) {
    return weights_->Read(NameInFile(name));
  };
  std::vector<TensorToSave> tensors;
  for (const Correspondence& pair : pairs_) {
    for (size_t part = 0; part < pair.ours.size(); ++part) {
      TensorToSave tensor;
      tensor.path = pair.ours[part].name;
      tensor.dtype = weights_->Find(NameInFile(pair.theirs[0].name))->dtype;
      tensor.dims = pair.ours[part].dims;
      tensor.read = [&pair, part, read] { return MakeOurs(pair, part, read); };
      tensors.push_back(std::move(tensor));
    }
  }
  return tensors;
}

absl::Status ForeignModel::CheckLeftOver() {
  std::set<std::string> used;
  for (const Correspondence& pair : pairs_) {
    for (const NamedDims& theirs : pair.theirs) used.insert(NameInFile(theirs.name));
  }
  std::vector<std::string> left_over;
  for (const WeightInfo& weight : weights_->weights()) {
    if (used.contains(weight.name)) continue;
    const std::string full =
        has_prefix_ ? weight.name : absl::StrCat(family_.prefix, weight.name);
    NameParts parts;
    const auto is_it = [&](const NamePattern& pattern) {
      return pattern.Match(weight.name, &parts) || pattern.Match(full, &parts);
    };
    if (std::any_of(family_.ignore_tensors.begin(), family_.ignore_tensors.end(), is_it)) continue;
    const auto copy = family_.copies.find(weight.name);
    if (copy != family_.copies.end() && used.contains(NameInFile(copy->second))) {
      RETURN_IF_ERROR(CheckCopy(weight.name, NameInFile(copy->second)));
      continue;
    }
    left_over.push_back(weight.name);
  }
  if (left_over.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(where_, ": tensors that the model of its config does not have (family ",
                   family_.name, "): ", SomeNames(left_over)));
}

absl::Status ForeignModel::CheckCopy(const std::string& copy, const std::string& original) {
  ASSIGN_OR_RETURN(const Tensor a, weights_->Read(copy));
  ASSIGN_OR_RETURN(const Tensor b, weights_->Read(original));
  if (a.dtype != b.dtype || a.dims != b.dims || std::memcmp(a.data(), b.data(), a.bytes()) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(where_, ": the config says that ", copy, " is ", original,
                     ", but the file holds another tensor under that name"));
  }
  notes_.push_back(absl::StrCat(where_, ": ", copy, " is a copy of ", original, " and left out"));
  return absl::OkStatus();
}

}  // namespace tessera
