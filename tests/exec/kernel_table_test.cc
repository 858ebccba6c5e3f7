// The order of candidates: as their files gave them, but references last, so that a new file can
// bring a faster kernel for an op of another.
#include "cpp/exec/executor.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

tsr_kernel_def Def(const char* op, const char* name, int isa) {
  return {sizeof(tsr_kernel_def), isa, op, name, nullptr, 1, 0, nullptr};
}

std::vector<std::string> Names(const KernelTable& table, std::string_view op) {
  std::vector<std::string> names;
  for (const tsr_kernel_def* def : table.Candidates(op)) names.emplace_back(def->name);
  return names;
}

TEST(KernelTableTest, ReferencesComeLastOthersStayInOrder) {
  const KernelTable table({Def("sign", "sign.few", TSR_ISA_AVX512),
                           Def("sign", "sign.amx", TSR_ISA_AMX),
                           Def("sign", "sign.reference", TSR_ISA_REFERENCE),
                           Def("neg", "neg.reference", TSR_ISA_REFERENCE),
                           Def("sign", "sign.new", TSR_ISA_BASELINE)});
  EXPECT_EQ(Names(table, "sign"), (std::vector<std::string>{"sign.few", "sign.amx", "sign.new",
                                                            "sign.reference"}));
  EXPECT_EQ(Names(table, "neg"), std::vector<std::string>{"neg.reference"});
  EXPECT_TRUE(Names(table, "unknown").empty());
}

TEST(KernelTableTest, AnOpThatHasKernelsGetsNoMore) {
  KernelTable table({Def("neg", "neg.reference", TSR_ISA_REFERENCE)});
  EXPECT_EQ(table.Register({Def("neg", "neg.own", TSR_ISA_REFERENCE)}, nullptr).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(table.Register({Def("own", "own.kernel", TSR_ISA_REFERENCE)}, nullptr).ok());
  EXPECT_EQ(Names(table, "own"), std::vector<std::string>{"own.kernel"});
}

}  // namespace
}  // namespace tessera
