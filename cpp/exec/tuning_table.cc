#include "cpp/exec/tuning_table.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"
#include "cpp/tensor/dtype.h"

namespace tessera {
namespace {

std::string EntryKey(std::string_view kernel, uint32_t version, std::string_view text) {
  return absl::StrCat(kernel, " v", version, ": ", text);
}

std::string OperandText(const tsr_operand& operand) {
  return absl::StrCat(Name(static_cast<DType>(operand.dtype)), "[",
                      absl::StrJoin(operand.dims, operand.dims + operand.rank, ","), "]");
}

std::string AttrText(const tsr_attr& attr) {
  switch (attr.kind) {
    case 0:
      return absl::StrCat(attr.name, ": ", attr.i != 0 ? "true" : "false");
    case 1:
      return absl::StrCat(attr.name, ": ", attr.i);
    case 2:
      return absl::StrCat(attr.name, ": ", ShortestNumber(attr.f));
    case 3:
      return absl::StrCat(attr.name, ": ", attr.text == nullptr ? "" : attr.text);
    default:
      return absl::StrCat(attr.name, ": [", absl::StrJoin(attr.ints, attr.ints + attr.count, ","),
                          "]");
  }
}

}  // namespace

std::string TuningText(const tsr_kernel_call& call) {
  std::string text;
  for (int32_t i = 0; i < call.input_count; ++i) {
    absl::StrAppend(&text, OperandText(call.inputs[i]), " ");
  }
  absl::StrAppend(&text, "->");
  for (int32_t i = 0; i < call.output_count; ++i) {
    absl::StrAppend(&text, " ", OperandText(call.outputs[i]));
  }
  std::vector<std::string> attrs;
  for (int32_t i = 0; i < call.attr_count; ++i) attrs.push_back(AttrText(call.attrs[i]));
  std::sort(attrs.begin(), attrs.end());
  if (!attrs.empty()) absl::StrAppend(&text, " {", absl::StrJoin(attrs, ", "), "}");
  return text;
}

absl::StatusOr<std::vector<int64_t>> OrderKnobs(const tsr_kernel_space& space,
                                                const NamedKnobs& knobs) {
  constexpr int64_t kUnset = std::numeric_limits<int64_t>::min();
  std::vector<int64_t> values(static_cast<size_t>(space.knob_count), kUnset);
  bool fits = static_cast<int32_t>(knobs.size()) == space.knob_count;
  for (const auto& [name, value] : knobs) {
    const auto* end = space.knobs + space.knob_count;
    const auto* at = std::find(space.knobs, end, name);
    if (at == end || values[static_cast<size_t>(at - space.knobs)] != kUnset) {
      fits = false;
      break;
    }
    values[static_cast<size_t>(at - space.knobs)] = value;
  }
  if (fits) return values;
  return absl::InvalidArgumentError(absl::StrCat(
      "expected a value for each of ",
      absl::StrJoin(space.knobs, space.knobs + space.knob_count, ", "), ", got ",
      knobs.empty() ? "none" : absl::StrJoin(knobs, ", ", absl::PairFormatter(" = "))));
}

void TuningTable::Add(std::string_view kernel, uint32_t version, std::string_view text,
                      NamedKnobs knobs) {
  entries_.try_emplace(EntryKey(kernel, version, text), std::move(knobs));
}

const NamedKnobs* TuningTable::Find(const tsr_kernel_def& def, const tsr_kernel_call& call) const {
  if (entries_.empty()) return nullptr;
  const auto it = entries_.find(EntryKey(def.name, def.version, TuningText(call)));
  return it == entries_.end() ? nullptr : &it->second;
}

}  // namespace tessera
