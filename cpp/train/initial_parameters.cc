#include "cpp/train/initial_parameters.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/generate/parameters.h"
#include "cpp/optim/param_groups.h"
#include "cpp/train/upcycle.h"

namespace tessera {
namespace {

constexpr size_t kMostListed = 20;  // of each kind; a wholly other model differs in everything

void AppendList(std::string_view heading, const std::vector<std::string>& names,
                std::string& text) {
  if (names.empty()) return;
  absl::StrAppend(&text, "\n  ", heading, " (", names.size(), "):");
  for (size_t i = 0; i < names.size() && i < kMostListed; ++i) {
    absl::StrAppend(&text, "\n    ", names[i]);
  }
  if (names.size() > kMostListed) {
    absl::StrAppend(&text, "\n    and ", names.size() - kMostListed, " more");
  }
}

bool MayBeMissing(std::string_view pattern, const std::string& path) {
  return !pattern.empty() && MatchesPath(pattern, path);
}

absl::Status CheckFits(const Program& program, const CheckpointReader& reader,
                       const InitialParametersWish& wish) {
  std::vector<std::string> missing, wrong, extra;
  std::set<std::string, std::less<>> known;
  for (const ProgramParam& param : program.params) {
    known.insert(param.path);
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, Eval(param.dims, {}));
    const TensorRecord* record = reader.Find(TensorKind::kParameter, param.path);
    const ValueType expected{param.dtype, param.dims};
    if (const auto experts = FindExperts(program, param, reader)) {
      known.insert(experts->source);
      const std::string gate = absl::StrCat(experts->mixture, "/gate/");
      for (const TensorRecord& other : reader.manifest().tensors) {
        if (experts->merges && other.path.starts_with(gate)) known.insert(other.path);
      }
    } else if (record == nullptr) {
      if (!MayBeMissing(wish.may_be_missing, param.path)) {
        missing.push_back(absl::StrCat(param.path, " ", expected.ToText()));
      }
    } else if (record->dims != dims && !FindKept(param, reader, wish.keep_experts)) {
      const ValueType got{record->dtype, Dims(record->dims.begin(), record->dims.end())};
      wrong.push_back(absl::StrCat(param.path, ": expected ", expected.ToText(), ", got ",
                                   got.ToText()));
    }
  }
  std::set<std::string> listed;
  for (const TensorRecord& record : reader.manifest().tensors) {
    if (record.kind != TensorKind::kParameter || known.contains(record.path)) continue;
    if (listed.insert(record.path).second) extra.push_back(record.path);
  }
  if (missing.empty() && wrong.empty() && extra.empty()) return absl::OkStatus();
  std::string text = absl::StrCat("trainer.init_from: ", reader.path(),
                                  " has not the parameters of this model");
  AppendList("missing; a pattern in trainer.init_missing allows it", missing, text);
  AppendList("of another shape", wrong, text);
  AppendList("not of this model", extra, text);
  return absl::FailedPreconditionError(text);
}

}  // namespace

absl::Status LoadInitialParameters(const Program& program, const CheckpointReader& reader,
                                   const InitialParametersWish& wish, SlotStore& store) {
  RETURN_IF_ERROR(CheckFits(program, reader, wish));
  for (const ProgramParam& param : program.params) {
    if (const auto experts = FindExperts(program, param, reader)) {
      RETURN_IF_ERROR(LoadFromExperts(*experts, param, reader, wish.scaling, store));
      continue;
    }
    if (reader.Find(TensorKind::kParameter, param.path) == nullptr) continue;
    if (const auto dim = FindKept(param, reader, wish.keep_experts)) {
      RETURN_IF_ERROR(LoadKept(*dim, wish.keep_experts, param, reader, store));
      continue;
    }
    RETURN_IF_ERROR(LoadParameter(param, reader, store));
  }
  return TieRouters(program, reader, store);
}

}  // namespace tessera
