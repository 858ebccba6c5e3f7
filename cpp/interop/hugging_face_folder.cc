#include "cpp/interop/hugging_face_folder.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"
#include "cpp/base/text.h"
#include "cpp/config/plain_json.h"

namespace tessera {
namespace {

constexpr int64_t kMaxConfigBytes = 4 << 20;
constexpr int64_t kMaxIndexBytes = 128 << 20;
constexpr int64_t kMaxTokenizerBytes = 128 << 20;
constexpr size_t kMaxFiles = 4096;
constexpr std::string_view kWeights = "model.safetensors";

// The path with all links followed; empty when there is none.
std::string RealPath(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return "";
  std::string text(real);
  std::free(real);
  return text;
}

// A file in a folder; links must not lead out of the folder. The Hub's own cache does link out of
// its folders of snapshots, to "blobs" beside them: that is let pass.
absl::Status CheckInside(const std::string& folder, const std::string& name) {
  const std::string real_folder = RealPath(folder);
  const std::string real = RealPath(JoinPath(folder, name));
  if (real.empty() || real_folder.empty()) return absl::OkStatus();  // opening says what is wrong
  if (absl::StartsWith(real, real_folder == "/" ? "/" : absl::StrCat(real_folder, "/"))) {
    return absl::OkStatus();
  }
  const size_t snapshots = real_folder.rfind("/snapshots/");
  if (snapshots != std::string::npos &&
      absl::StartsWith(real, absl::StrCat(real_folder.substr(0, snapshots), "/blobs/"))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      JoinPath(folder, name), ": expected a file of this folder, got a link to ", real));
}

absl::StatusOr<std::string> ReadInside(const std::string& folder, const std::string& name,
                                       int64_t max_bytes) {
  RETURN_IF_ERROR(CheckInside(folder, name));
  return ReadFile(JoinPath(folder, name), max_bytes);
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ParseWeightIndex(std::string_view json,
                                                                    std::string_view name) {
  ASSIGN_OR_RETURN(const ConfigValue index, ParseJson(json, name, kMaxManyValues));
  const ConfigValue* map = index.AsTable() == nullptr ? nullptr : index.Find("weight_map");
  if (map == nullptr || map->AsTable() == nullptr || map->AsTable()->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected an object 'weight_map' of tensors and their files"));
  }
  std::map<std::string, std::string> files;
  for (const auto& [tensor, file] : *map->AsTable()) {
    const std::string* text = file.AsText();
    const bool is_plain = text != nullptr && text->size() <= 255 && !text->empty() &&
                          text->front() != '.' && absl::EndsWith(*text, ".safetensors") &&
                          text->find('/') == std::string::npos &&
                          text->find('\\') == std::string::npos &&
                          text->find('\0') == std::string::npos;
    if (!is_plain) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": weight_map of ", Quoted(tensor),
                       ": expected the plain name of a safetensors file, got ",
                       Quoted(file.ToJson())));
    }
    files[tensor] = *text;
  }
  return files;
}

absl::StatusOr<std::unique_ptr<HuggingFaceFolder>> HuggingFaceFolder::Open(
    const std::string& path) {
  std::unique_ptr<HuggingFaceFolder> folder(new HuggingFaceFolder);
  folder->config_path_ = JoinPath(path, "config.json");
  if (!IsFolder(path)) {
    return absl::NotFoundError(absl::StrCat(path, ": expected a folder with config.json and ",
                                            kWeights));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadInside(path, "config.json", kMaxConfigBytes));
  ASSIGN_OR_RETURN(folder->config_, ParseJson(text, folder->config_path_));
  if (folder->config_.AsTable() == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder->config_path_, ": expected an object"));
  }
  if (FileExists(JoinPath(path, "tokenizer.json"))) {
    ASSIGN_OR_RETURN(folder->tokenizer_json_,
                     ReadInside(path, "tokenizer.json", kMaxTokenizerBytes));
  }
  RETURN_IF_ERROR(folder->OpenWeights(path));
  std::sort(folder->weights_.begin(), folder->weights_.end(),
            [](const WeightInfo& a, const WeightInfo& b) { return a.name < b.name; });
  return folder;
}

absl::Status HuggingFaceFolder::OpenWeights(const std::string& path) {
  const std::string index = absl::StrCat(kWeights, ".index.json");
  if (FileExists(JoinPath(path, index))) return OpenIndex(path);
  if (FileExists(JoinPath(path, kWeights))) return AddFile(path, std::string(kWeights));
  for (const char* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!FileExists(JoinPath(path, pickled))) continue;
    return absl::UnimplementedError(absl::StrCat(
        path, ": expected ", kWeights, ", got ", pickled,
        "; pickled weights can run code and are not read: convert them to safetensors"));
  }
  return absl::NotFoundError(absl::StrCat(path, ": expected ", kWeights, " or ", index,
                                          ", got neither"));
}

absl::Status HuggingFaceFolder::OpenIndex(const std::string& path) {
  const std::string name = absl::StrCat(kWeights, ".index.json");
  ASSIGN_OR_RETURN(const std::string json, ReadInside(path, name, kMaxIndexBytes));
  const std::string where = JoinPath(path, name);
  ASSIGN_OR_RETURN(const auto index, ParseWeightIndex(json, where));
  std::set<std::string> files;
  for (const auto& [tensor, file] : index) files.insert(file);
  if (files.size() > kMaxFiles) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": expected at most ", kMaxFiles,
                                                   " files, got ", files.size()));
  }
  for (const std::string& file : files) RETURN_IF_ERROR(AddFile(path, file));
  return CheckIndex(index, where);
}

absl::Status HuggingFaceFolder::CheckIndex(const std::map<std::string, std::string>& index,
                                           const std::string& path) const {
  for (const auto& [tensor, file] : index) {
    const auto found = file_of_.find(tensor);
    if (found != file_of_.end() && file_names_[found->second] == file) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": it says that ", file, " holds ", Quoted(tensor), ", which ",
                     found == file_of_.end() ? "no file does"
                                             : absl::StrCat(file_names_[found->second], " does")));
  }
  for (const auto& [tensor, file] : file_of_) {
    if (index.contains(tensor)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": it does not list ", Quoted(tensor), ", which ", file_names_[file], " holds"));
  }
  return absl::OkStatus();
}

absl::Status HuggingFaceFolder::AddFile(const std::string& folder, const std::string& name) {
  RETURN_IF_ERROR(CheckInside(folder, name));
  ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsReader> reader,
                   SafetensorsReader::Open(JoinPath(folder, name)));
  for (const SafetensorsEntry& entry : reader->entries()) {
    const auto [known, is_new] = file_of_.try_emplace(entry.name, files_.size());
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder, ": ", Quoted(entry.name), " stands in ", name, " and in ",
                       file_names_[known->second]));
    }
    weights_.push_back({entry.name, entry.dtype, entry.dims});
  }
  files_.push_back(std::move(reader));
  file_names_.push_back(name);
  return absl::OkStatus();
}

absl::StatusOr<Tensor> HuggingFaceFolder::Read(std::string_view name) const {
  const auto found = file_of_.find(name);
  if (found == file_of_.end()) {
    return absl::NotFoundError(absl::StrCat(config_path_, ": there is no tensor ", Quoted(name)));
  }
  return files_[found->second]->Read(name);
}

}  // namespace tessera
