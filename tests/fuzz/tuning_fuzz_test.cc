// Fuzzing of tuning files, and of the values of knobs that stand in one.
//
// Method: a file's text, mutated at random as fuzz.h says: it is refused with INVALID_ARGUMENT and
// a text, or what is read survives the way out and in again. Values of any kind are given to the
// kernels of a product: each is prepared, within its scratch, or refused.
#include <string>

#include "absl/strings/str_cat.h"
#include "cpp/base/text.h"
#include "cpp/exec/kernel_choice.h"
#include "cpp/train/tuning_file.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/fuzz/fuzz.h"
#include "tests/ops/interpreter.h"

namespace tessera {
namespace {

constexpr char kFile[] = R"({"type": "Tuning", "version": 1, "machines": [
    {"cpu": "AuthenticAMD 25/17/1", "isa": "avx512", "threads": 2, "calls": [
      {"kernel": "matmul.f32.avx512", "version": 2, "call": "f32[64,64] f32[64,64] -> f32[64,64]",
       "knobs": {"task_row_panels": 3, "task_column_panels": 2, "tasks_pack_right": 1},
       "speedup": 1.04},
      {"kernel": "matmul.f32.avx2", "version": 2, "call": "c", "knobs": {"x": -1}}]}]})";

std::string CheckFile(const std::string& input) {
  const auto entries = ParseTuning(input, "fuzz.json");
  if (!entries.ok()) {
    if (!absl::IsInvalidArgument(entries.status())) return entries.status().ToString();
    if (!IsValidUtf8(entries.status().message())) return "an error text that is not UTF-8";
    return entries.status().message().empty() ? "an error without text" : "";
  }
  const std::string printed = PrintTuning(*entries);
  const auto again = ParseTuning(printed, "printed.json");
  if (!again.ok()) return absl::StrCat("own text is refused: ", again.status().ToString());
  if (PrintTuning(*again) != printed) return "the text changes on the way";
  const ChosenTuning chosen =
      ChooseTuning(*entries, {"AuthenticAMD 25/17/1", "avx512", 2}, CpuKernels(), "fuzz.json");
  return chosen.table->size() > entries->size() ? "more entries than there are" : "";
}

TEST(TuningFuzzTest, Files) {
  const std::vector<std::string> words = {
      "{", "}", "[", "]", ",", ":", "\"\"", "null", "true", "-1", "0", "1e308", "1e999", "\\u0000",
      "\"knobs\": {", "\"calls\": [", "\"threads\": 2,", "\"type\": \"Tuning\",", "\xFF",
      "9223372036854775807", "18446744073709551616", "[[[[[[[[[["};
  FuzzRounds([&](FuzzRandom& random) {
    const std::string input = Mutated(random, kFile, words);
    const std::string wrong = CheckFile(input);
    return wrong.empty() ? wrong : wrong + ", input " + Quoted(input, 4000);
  });
}

TEST(TuningFuzzTest, ValuesOfKnobs) {
  FuzzRounds([](FuzzRandom& random) -> std::string {
    tsr_operand operands[3] = {};
    const auto dim = [&] { return static_cast<int64_t>(random.Below(700)); };
    const int64_t m = dim(), n = dim(), k = dim();
    const int64_t dims[3][2] = {{m, k}, {k, n}, {m, n}};
    for (int i = 0; i < 3; ++i) {
      operands[i].rank = 2;
      operands[i].dtype = static_cast<int32_t>(DType::kF32);
      std::copy_n(dims[i], 2, operands[i].dims);
    }
    tsr_kernel_call call = {};
    call.struct_size = sizeof(call);
    call.input_count = 2;
    call.output_count = 1;
    call.inputs = operands;
    call.outputs = operands + 2;
    call.isa = cpu::DetectIsa();
    int64_t knobs[TSR_KERNEL_MAX_KNOBS];
    for (int64_t& knob : knobs) {
      knob = random.OneIn(2) ? static_cast<int64_t>(random.Below(60)) : random.OddNumber();
    }
    call.knobs = knobs;
    for (const tsr_kernel_def* def : CpuKernels().Candidates("matmul")) {
      if (def->isa > cpu::DetectIsa() || def->explore == nullptr) continue;
      tsr_kernel_plan plan = {};
      plan.struct_size = sizeof(plan);
      plan.phase_count = 1;
      char reason[TSR_REASON_BYTES] = {};
      const bool is_taken = def->prepare(&call, &plan, reason) == 0;
      if (!is_taken && reason[0] == '\0') return absl::StrCat(def->name, " gives no reason");
      for (int phase = 0; is_taken && phase < plan.phase_count; ++phase) {
        const int64_t most = (m + 1) * (n + 1) * (k + 1);
        if (plan.tasks[phase] < 0 || plan.tasks[phase] > most) {
          return absl::StrCat(def->name, ": ", plan.tasks[phase], " tasks");
        }
      }
    }
    return "";
  });
}

}  // namespace
}  // namespace tessera
