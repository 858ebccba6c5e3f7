// Method: every `case` line of the tables, for each of its dtypes. Every kernel that the machine
// can run and that takes the case, whether it would be chosen or not, is held against the stated
// results and against the oracle (or, for matrix products, the plain kernel) in fp64 on the same
// rounded operands. Each kernel also runs its tasks in reverse order and, where it says it can, in
// place: both must give the same bits. `infer` and `fail` lines check types and error texts. A
// kernel that no case reaches is an error.
#include <cstdio>
#include <list>
#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/ops/compare.h"
#include "tests/ops/oracle.h"
#include "tests/ops/op_use.h"

namespace tessera {
namespace {

using testing::HasSubstr;

const std::vector<OpCase>& Cases() {
  static const std::vector<OpCase>* const cases = [] {
    auto all = AllCases();
    if (!all.ok()) ADD_FAILURE() << all.status();
    return new std::vector<OpCase>(all.ok() ? *std::move(all) : std::vector<OpCase>());
  }();
  return *cases;
}

bool SameBytes(const Tensor& a, const Tensor& b) {
  return a.dims == b.dims && a.dtype == b.dtype &&
         (a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

struct RunResult {
  std::vector<Tensor> outputs;
  std::string kernel;
};

absl::StatusOr<RunResult> Run(const PreparedCase& prepared, const InterpretOptions& options) {
  RunResult result;
  std::vector<ValueType> types;
  for (ValueId id : prepared.node().outputs) types.push_back(prepared.function->type(id));
  std::vector<Tensor> inputs;
  for (const Tensor& input : prepared.inputs) {
    ASSIGN_OR_RETURN(inputs.emplace_back(), Cloned(input));
  }
  ASSIGN_OR_RETURN(result.outputs,
                   InterpretNode(prepared.node(), inputs, types, options, &result.kernel));
  if (options.in_place || prepared.op->must_alias()) return result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    RET_CHECK(SameBytes(inputs[i], prepared.inputs[i]))
        << result.kernel << " wrote to operand " << prepared.input_names[i];
  }
  return result;
}

// The oracle's results in fp64; for ops that it does not know, the plain kernel's in fp64. With
// reference=none the plain kernel's in the dtype of the run: a case about rounding, or about
// numbers that differ by dtype.
absl::StatusOr<std::vector<Tensor>> Yardstick(const OpCase& entry, const PreparedCase& prepared) {
  if (entry.Field("reference") == "none") return Interpret(*prepared.function, prepared.inputs, {});
  std::vector<Tensor> outputs;
  for (ValueId id : prepared.node().outputs) {
    const ValueType& type = prepared.function->type(id);
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, Eval(type.dims, {}));
    ASSIGN_OR_RETURN(outputs.emplace_back(),
                     Tensor::Zeros(IsFloat(type.dtype) ? DType::kF64 : type.dtype, dims));
  }
  auto results = OracleNode(prepared.node(), prepared.inputs, outputs);
  if (results.ok() && !prepared.op->is_view()) return results;
  ASSIGN_OR_RETURN(const std::shared_ptr<Function> wide, InFp64(*prepared.function));
  std::vector<Tensor> inputs;
  for (const Tensor& input : prepared.inputs) {
    ASSIGN_OR_RETURN(inputs.emplace_back(),
                     Converted(input, IsFloat(input.dtype) ? DType::kF64 : input.dtype));
  }
  return Interpret(*wide, inputs, {});
}

void CheckStated(const OpCase& entry, const PreparedCase& prepared, const RunResult& run,
                 DType dtype) {
  const Tolerance tolerance =
      WithSetting(StatedTolerance(dtype), entry.Field("tolerance"), dtype);
  for (size_t o = 0; o < run.outputs.size(); ++o) {
    if (!prepared.expected[o].defined()) continue;
    if (prepared.expected_typed[o]) {
      EXPECT_EQ(prepared.function->type(prepared.node().outputs[o]).dtype,
                prepared.expected[o].dtype)
          << prepared.output_names[o];
    }
    EXPECT_EQ(Difference(run.outputs[o], prepared.expected[o], tolerance), "")
        << prepared.output_names[o] << " of " << run.kernel;
  }
}

// One kernel: against fp64, tasks in reverse, in place.
void CheckKernel(const OpCase& entry, const PreparedCase& prepared, const RunResult& run,
                 const std::vector<Tensor>& yardstick, InterpretOptions options, DType dtype) {
  for (size_t o = 0; o < yardstick.size(); ++o) {
    const Tolerance tolerance = WithSetting(RoundingTolerance(run.outputs[o].dtype),
                                            entry.Field("tolerance"), dtype);
    EXPECT_EQ(Difference(run.outputs[o], yardstick[o], tolerance), "")
        << prepared.output_names[o] << " of " << run.kernel << " against fp64";
  }
  options.reverse_tasks = true;
  const auto reversed = Run(prepared, options);
  ASSERT_TRUE(reversed.ok()) << reversed.status();
  options.in_place = true;
  const auto in_place = Run(prepared, options);
  ASSERT_TRUE(in_place.ok()) << in_place.status();
  for (size_t o = 0; o < run.outputs.size(); ++o) {
    EXPECT_TRUE(SameBytes(run.outputs[o], reversed->outputs[o]))
        << run.kernel << " depends on the order of tasks in " << prepared.output_names[o];
    EXPECT_TRUE(SameBytes(run.outputs[o], in_place->outputs[o]))
        << run.kernel << " differs in place in " << prepared.output_names[o];
  }
}

// Tables of one kernel each: those of an op that the machine can run.
const std::list<KernelTable>& KernelsOneByOne(const std::string& op) {
  static auto* const tables = new std::map<std::string, std::list<KernelTable>>();
  const auto [it, is_new] = tables->try_emplace(op);
  for (const tsr_kernel_def* def : CpuKernels().Candidates(op)) {
    if (is_new && def->isa <= cpu::DetectIsa()) {
      it->second.emplace_back(std::vector<tsr_kernel_def>{*def});
    }
  }
  return it->second;
}

void RunCase(const OpCase& entry, DType dtype) {
  SCOPED_TRACE(absl::StrCat(entry.place, " ", entry.op, "/", entry.name, " ", Name(dtype)));
  const auto prepared = PrepareCase(entry, dtype);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const auto yardstick = Yardstick(entry, *prepared);
  ASSERT_TRUE(yardstick.ok()) << yardstick.status();
  CheckStated(entry, *prepared, {*yardstick, "the oracle"}, dtype);
  if (prepared->op->is_view()) return;
  int count = 0;
  for (const KernelTable& kernel : KernelsOneByOne(entry.op)) {
    const InterpretOptions options = {.isa = cpu::DetectIsa(), .kernels = &kernel};
    const auto run = Run(*prepared, options);
    if (run.status().code() == absl::StatusCode::kNotFound) continue;  // it declines
    ASSERT_TRUE(run.ok()) << run.status();
    CheckStated(entry, *prepared, *run, dtype);
    CheckKernel(entry, *prepared, *run, *yardstick, options, dtype);
    ++count;
  }
  EXPECT_GT(count, 0) << "every kernel declines";
}

void RunInfer(const OpCase& entry) {
  SCOPED_TRACE(absl::StrCat(entry.place, " ", entry.op, "/", entry.name));
  const auto op = OpTable::Builtin().Get(entry.op);
  ASSERT_TRUE(op.ok()) << op.status();
  const auto fields = SortFields(**op, entry);
  ASSERT_TRUE(fields.ok()) << fields.status();
  std::vector<ValueType> types;
  for (const auto& [name, text] : fields->tensors) {
    const auto type = CaseType(text);
    ASSERT_TRUE(type.ok()) << type.status();
    types.push_back(*type);
  }
  std::string why;
  const int count = CountOperands(**op, *fields, types, &why);
  ASSERT_GE(count, 0) << why;
  const auto attrs = (*op)->CompleteAttrs(fields->attrs);
  ASSERT_TRUE(attrs.ok()) << attrs.status();
  const auto outputs = (*op)->Infer({{types.data(), static_cast<size_t>(count)}, *attrs});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  ASSERT_EQ(outputs->size(), types.size() - static_cast<size_t>(count));
  for (size_t o = 0; o < outputs->size(); ++o) {
    EXPECT_EQ((*outputs)[o].ToText(), types[static_cast<size_t>(count) + o].ToText());
  }
}

void RunFail(const OpCase& entry) {
  SCOPED_TRACE(absl::StrCat(entry.place, " ", entry.op, "/", entry.name));
  const auto prepared = PrepareCase(entry, RunDTypes(entry)[0]);
  ASSERT_FALSE(prepared.ok());
  EXPECT_THAT(std::string(prepared.status().message()), HasSubstr(entry.Field("error")));
  EXPECT_NE(entry.Field("error"), "");
}

class ConformanceTest : public testing::TestWithParam<std::string> {};

TEST_P(ConformanceTest, KernelsDoWhatTheTablesSay) {
  for (const OpCase& entry : Cases()) {
    if (entry.op != GetParam()) continue;
    if (entry.kind == "infer") RunInfer(entry);
    if (entry.kind == "fail") RunFail(entry);
    if (entry.kind != "case") continue;
    for (DType dtype : RunDTypes(entry)) RunCase(entry, dtype);
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, ConformanceTest, testing::ValuesIn(OpTable::Builtin().Names()),
                         [](const auto& info) { return info.param; });

// Whether the only kernel of the table takes the case.
bool Takes(const PreparedCase& prepared, const KernelTable& kernel,
           int isa = cpu::DetectIsa()) {
  std::vector<SizedType> sized;
  for (const Tensor& input : prepared.inputs) {
    sized.push_back(SizeType(TypeOfTensor(input), {}).value());
  }
  for (ValueId id : prepared.node().outputs) {
    sized.push_back(SizeType(prepared.function->type(id), {}).value());
  }
  std::vector<const SizedType*> inputs, outputs;
  for (size_t i = 0; i < sized.size(); ++i) {
    (i < prepared.inputs.size() ? inputs : outputs).push_back(&sized[i]);
  }
  return ChooseKernel(prepared.node(), inputs, outputs, kernel, isa).ok();
}

TEST(KernelTableTest, EveryKernelIsReachedByACase) {
  std::set<std::string> reached;
  for (const OpCase& entry : Cases()) {
    if (entry.kind != "case") continue;
    for (DType dtype : RunDTypes(entry)) {
      const auto prepared = PrepareCase(entry, dtype);
      ASSERT_TRUE(prepared.ok()) << prepared.status();
      for (const KernelTable& kernel : KernelsOneByOne(entry.op)) {
        if (Takes(*prepared, kernel)) reached.insert(kernel.defs()[0].name);
      }
    }
  }
  std::string missing, not_here;
  for (const tsr_kernel_def& def : CpuKernels().defs()) {
    const OpDef* op = OpTable::Builtin().Find(def.op);
    ASSERT_NE(op, nullptr) << def.name << " is a kernel of no op";
    if (op->is_view()) continue;
    if (def.isa > cpu::DetectIsa()) {
      absl::StrAppend(&not_here, " ", def.name);
    } else if (!reached.contains(def.name)) {
      absl::StrAppend(&missing, " ", def.name);
    }
  }
  std::printf("  kernels for other machines:%s\n", not_here.c_str());
  EXPECT_EQ(missing, "") << "no case runs these kernels";
}

// What the type rule of an op lets pass, the reference kernel can do.
TEST(KernelTableTest, EveryDTypeThatAnOpTakesHasAReferenceKernel) {
  for (const OpCase& entry : Cases()) {
    if (entry.kind != "case") continue;
    for (DType dtype : kAllDTypes) {
      const auto prepared = PrepareCase(entry, dtype);
      if (!prepared.ok() || prepared->op->is_view()) continue;
      EXPECT_TRUE(Takes(*prepared, CpuKernels(), TSR_ISA_REFERENCE))
          << entry.place << " in " << Name(dtype);
    }
  }
}

TEST(KernelTableTest, NamesAreUniqueAndTheReferenceIsLast) {
  std::map<std::string, int> names;
  for (const tsr_kernel_def& def : CpuKernels().defs()) ++names[def.name];
  for (const auto& [name, count] : names) EXPECT_EQ(count, 1) << name;
  for (const std::string& name : OpTable::Builtin().Names()) {
    const auto candidates = CpuKernels().Candidates(name);
    if (candidates.empty()) continue;
    EXPECT_EQ(candidates.back()->isa, TSR_ISA_REFERENCE) << name;
  }
}

// Collectives have no kernel, and `fused` has those of its steps (tests/passes/fuse_test.cc runs
// it); everything else has at least one case that runs.
TEST(CaseTablesTest, EveryOpHasCases) {
  std::map<std::string, std::set<std::string>> kinds;
  for (const OpCase& entry : Cases()) kinds[entry.op].insert(entry.kind);
  for (const std::string& name : OpTable::Builtin().Names()) {
    const OpDef& op = *OpTable::Builtin().Find(name);
    const bool has_kernel = name != "all_reduce" && name != "all_gather" &&
                            name != "reduce_scatter" && name != "fused";
    EXPECT_TRUE(kinds[name].count(has_kernel ? "case" : "infer")) << name << " has no cases";
    EXPECT_TRUE(!op.has_gradient() || kinds[name].count("grad"))
        << name << " has a gradient rule and no grad line";
  }
  for (const auto& [name, unused] : kinds) {
    EXPECT_NE(OpTable::Builtin().Find(name), nullptr) << "cases for an unknown op " << name;
  }
}

TEST(CaseTablesTest, DTypeListsAreNames) {
  for (const OpCase& entry : Cases()) {
    for (std::string_view name : absl::StrSplit(entry.Field("dtypes", "f32"), ',')) {
      EXPECT_TRUE(DTypeFromName(name).has_value()) << entry.place << ": " << name;
    }
  }
}

}  // namespace
}  // namespace tessera
