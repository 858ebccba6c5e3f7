#include "cpp/train/upcycle.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

constexpr std::string_view kExperts = "/experts/";
constexpr std::string_view kDown = "down_proj/";

using DimList = std::vector<int64_t>;

const DimList* DimsOf(const CheckpointReader& reader, const std::string& path) {
  const TensorRecord* record = reader.Find(TensorKind::kParameter, path);
  return record == nullptr ? nullptr : &record->dims;
}

// How often `part` fits into `whole`, which differ in one dim at most; 0 when it does not.
int64_t PartsOf(const DimList& whole, const DimList& part, size_t* split_dim) {
  if (whole.size() != part.size()) return 0;
  int64_t parts = 1;
  for (size_t d = 0; d < whole.size(); ++d) {
    if (whole[d] == part[d]) continue;
    if (parts > 1 || part[d] <= 0 || whole[d] % part[d] != 0) return 0;
    parts = whole[d] / part[d];
    *split_dim = d;
  }
  return parts;
}

// `stacked` [E, ...] of experts and the parameter of one dense layer.
bool Fit(const DimList& dense, const DimList& stacked, ExpertsOfParameter* experts) {
  if (stacked.empty() || stacked[0] < 1) return false;
  experts->experts = stacked[0];
  experts->parts =
      PartsOf(dense, DimList(stacked.begin() + 1, stacked.end()), &experts->split_dim);
  return experts->parts > 0 && experts->experts % experts->parts == 0;
}

// The parts of a feed-forward show in its down_proj, whose input is the hidden width.
int64_t LayerParts(const CheckpointReader& reader, const Program& program,
                   const ExpertsOfParameter& experts) {
  const std::string dense = absl::StrCat(experts.mixture, "/", kDown, "weight");
  const std::string stacked = absl::StrCat(experts.mixture, kExperts, kDown, "weight");
  const DimList* saved = DimsOf(reader, experts.merges ? stacked : dense);
  if (saved == nullptr) return experts.parts;
  for (const ProgramParam& param : program.params) {
    if (param.path != (experts.merges ? dense : stacked)) continue;
    const auto dims = Eval(param.dims, {});
    ExpertsOfParameter down;
    if (dims.ok() && Fit(experts.merges ? *dims : *saved, experts.merges ? *saved : *dims, &down)) {
      return down.parts;
    }
  }
  return experts.parts;
}

// What the parameter of a part is, in that of the dense layer.
double FactorOf(const ExpertsOfParameter& experts, const CheckpointReader& reader,
                ExpertScaling scaling) {
  const double scale = static_cast<double>(experts.layer_parts);
  const bool is_down = experts.name.starts_with(kDown);
  if (scale == 1 || (is_down && experts.parts == 1)) return 1;   // a bias of down_proj
  if (scaling == ExpertScaling::kExact) return is_down ? scale : 1;
  const std::string prefix =
      experts.merges ? absl::StrCat(experts.mixture, kExperts) : absl::StrCat(experts.mixture, "/");
  const bool is_gated = DimsOf(reader, absl::StrCat(prefix, "gate_proj/weight")) != nullptr;
  return is_gated ? std::cbrt(scale) : std::sqrt(scale);
}

// Calls `visit(expert, index of the element in the stack, its index in the dense parameter)`.
template <class Visit>
void ForEachElement(const ExpertsOfParameter& experts, const DimList& stacked,
                    const Visit& visit) {
  int64_t outer = 1, inner = 1;
  for (size_t d = 1; d < stacked.size(); ++d) {
    (d - 1 < experts.split_dim ? outer : inner) *= stacked[d];
  }
  const int64_t whole = inner * experts.parts;
  for (int64_t e = 0; e < experts.experts; ++e) {
    const int64_t part = e % experts.parts;
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        visit((e * outer + o) * inner + i, o * whole + part * inner + i);
      }
    }
  }
}

}  // namespace

std::optional<ExpertsOfParameter> FindExperts(const Program& program, const ProgramParam& param,
                                              const CheckpointReader& reader) {
  if (DimsOf(reader, param.path) != nullptr) return std::nullopt;
  const auto dims = Eval(param.dims, {});
  if (!dims.ok()) return std::nullopt;
  ExpertsOfParameter experts;
  const size_t at = param.path.rfind(kExperts);
  if (at != std::string::npos) {
    experts.mixture = param.path.substr(0, at);
    experts.name = param.path.substr(at + kExperts.size());
    experts.source = absl::StrCat(experts.mixture, "/", experts.name);
    const DimList* dense = DimsOf(reader, experts.source);
    if (dense == nullptr || !Fit(*dense, *dims, &experts)) return std::nullopt;
  } else {
    experts.merges = true;
    // The name of a parameter in a feed-forward has two words, "up_proj/weight".
    const size_t last = param.path.rfind('/');
    const size_t before = last == std::string::npos || last == 0 ? std::string::npos
                                                                 : param.path.rfind('/', last - 1);
    if (before == std::string::npos) return std::nullopt;
    experts.mixture = param.path.substr(0, before);
    experts.name = param.path.substr(before + 1);
    experts.source = absl::StrCat(experts.mixture, kExperts, experts.name);
    const DimList* stacked = DimsOf(reader, experts.source);
    if (stacked == nullptr || !Fit(*dims, *stacked, &experts)) return std::nullopt;
  }
  experts.layer_parts = LayerParts(reader, program, experts);
  return experts;
}

absl::Status LoadFromExperts(const ExpertsOfParameter& experts, const ProgramParam& param,
                             const CheckpointReader& reader, ExpertScaling scaling,
                             SlotStore& store) {
  ASSIGN_OR_RETURN(const DimList dims, Eval(param.dims, {}));
  ASSIGN_OR_RETURN(Tensor target,
                   store.GetOrCreate(SlotKind::kParam, param.path, param.dtype, dims));
  ASSIGN_OR_RETURN(const Tensor source, reader.Read(TensorKind::kParameter, experts.source));
  const double factor = FactorOf(experts, reader, scaling);
  if (!experts.merges) {
    ForEachElement(experts, dims, [&](int64_t stacked, int64_t dense) {
      target.Put(stacked, factor * source.At(dense));
    });
    return absl::OkStatus();
  }
  std::vector<double> sums(static_cast<size_t>(target.count()), 0.0);
  ForEachElement(experts, source.dims, [&](int64_t stacked, int64_t dense) {
    sums[static_cast<size_t>(dense)] += source.At(stacked);
  });
  const double copies = static_cast<double>(experts.experts / experts.parts);
  for (size_t i = 0; i < sums.size(); ++i) {
    target.Put(static_cast<int64_t>(i), sums[i] / (copies * factor));
  }
  return absl::OkStatus();
}

std::optional<size_t> FindKept(const ProgramParam& param, const CheckpointReader& reader,
                               const std::vector<int64_t>& keep) {
  const DimList* saved = DimsOf(reader, param.path);
  const auto dims = Eval(param.dims, {});
  if (keep.empty() || saved == nullptr || !dims.ok() || dims->size() != saved->size() ||
      *dims == *saved) {
    return std::nullopt;
  }
  const bool is_expert = param.path.find(kExperts) != std::string::npos;
  const bool is_gate = param.path.find("/gate/") != std::string::npos;
  if (is_expert == is_gate || dims->empty()) return std::nullopt;
  const size_t dim = is_expert ? 0 : dims->size() - 1;
  const int64_t most = (*saved)[dim];
  const bool all_there = std::all_of(keep.begin(), keep.end(),
                                     [most](int64_t e) { return e >= 0 && e < most; });
  DimList expected = *saved;
  expected[dim] = static_cast<int64_t>(keep.size());
  if (!all_there || expected != *dims) return std::nullopt;
  return dim;
}

absl::Status LoadKept(size_t dim, const std::vector<int64_t>& keep, const ProgramParam& param,
                      const CheckpointReader& reader, SlotStore& store) {
  ASSIGN_OR_RETURN(const DimList dims, Eval(param.dims, {}));
  ASSIGN_OR_RETURN(Tensor target,
                   store.GetOrCreate(SlotKind::kParam, param.path, param.dtype, dims));
  ASSIGN_OR_RETURN(const Tensor source, reader.Read(TensorKind::kParameter, param.path));
  int64_t inner = 1;
  for (size_t d = dim + 1; d < dims.size(); ++d) inner *= dims[d];
  const auto kept = static_cast<int64_t>(keep.size());
  const int64_t saved = source.dims[dim];
  for (int64_t i = 0; i < target.count(); ++i) {
    const int64_t outer = i / (inner * kept);
    const int64_t expert = keep[static_cast<size_t>(i / inner % kept)];
    target.Put(i, source.At((outer * saved + expert) * inner + i % inner));
  }
  return absl::OkStatus();
}

absl::Status TieRouters(const Program& program, const CheckpointReader& reader, SlotStore& store) {
  std::set<std::string> tied;
  for (const ProgramParam& param : program.params) {
    const auto experts = FindExperts(program, param, reader);
    if (!experts || experts->merges || experts->layer_parts == 1) continue;
    const std::string path = absl::StrCat(experts->mixture, "/gate/weight");
    Tensor router = store.Find(SlotKind::kParam, path);
    if (DimsOf(reader, path) != nullptr || !tied.insert(path).second) continue;
    if (!router.defined() || router.dims.size() != 2 || router.dims[1] != experts->experts) {
      return absl::FailedPreconditionError(absl::StrCat(
          "trainer.init_from: ", experts->mixture, ": experts that are parts of a dense layer need "
          "a router ", path, " of ", experts->experts, " columns, which are tied"));
    }
    for (int64_t i = 0; i < router.count(); ++i) {
      const int64_t e = i % experts->experts;
      router.Put(i, router.At(i - e % experts->layer_parts));
    }
  }
  return absl::OkStatus();
}

}  // namespace tessera
