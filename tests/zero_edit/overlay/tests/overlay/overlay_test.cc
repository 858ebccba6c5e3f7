// The additions at work, seen from C++: the op with its gradient, the faster kernel chosen before
// the old one, and the pass in the pipeline.
#include <algorithm>

#include "cpp/compile/compiler.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/text_parser.h"
#include "cpp/passes/pass.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/ops/interpreter.h"

namespace tessera {
namespace {

// Compiles a function of x: f32[4] and runs it.
std::vector<float> Ran(const std::string& body, std::string* kernels = nullptr,
                       size_t* nodes = nullptr) {
  const auto main = ParseFunctionText("func main(%0 argument x: f32[4]) {\n" + body + "}\n",
                                      OpTable::Builtin());
  EXPECT_TRUE(main.ok()) << main.status();
  if (!main.ok()) return {};
  const auto program = Compile(**main, OpTable::Builtin(), CompileOptions{});
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  if (nodes != nullptr) *nodes = (*program)->functions[0]->nodes().size();
  ExecutorOptions options;
  options.isa = cpu::DetectIsa();
  const auto executor = Executor::Create(*program, CpuKernels(), nullptr, nullptr, options);
  EXPECT_TRUE(executor.ok()) << executor.status();
  if (!executor.ok()) return {};
  if (kernels != nullptr) *kernels = (*executor)->Fingerprint();
  const int input = (*program)->FindSlot("x", SlotKind::kInput);
  Tensor x = *(*executor)->SlotTensor(input);
  for (int i = 0; i < 4; ++i) x.Put(i, i - 1.5);
  const absl::Status status = (*executor)->Run({ActionKind::kForward});
  EXPECT_TRUE(status.ok()) << status;
  const Tensor y = *(*executor)->SlotTensor((*program)->result_slots[0]);
  return {y.data_as<float>(), y.data_as<float>() + 4};
}

TEST(OverlayTest, TheOpRuns) {
  EXPECT_EQ(Ran("%1 = parabola(%0) : f32[4] return %1 as y\n"),
            (std::vector<float>{1.25f, -0.75f, -0.75f, 1.25f}));
}

TEST(OverlayTest, TheFasterKernelComesFirst) {
  std::string kernels;
  EXPECT_EQ(Ran("%1 = sign(%0) : f32[4] return %1 as y\n", &kernels),
            (std::vector<float>{-1, -1, 1, 1}));
  EXPECT_EQ(kernels, "sign.f32.fast v1");
}

TEST(OverlayTest, ThePassRuns) {
  size_t nodes = 0;
  EXPECT_EQ(Ran("%1 = neg(%0) : f32[4] %2 = neg(%1) : f32[4] %3 = abs(%2) : f32[4]\n"
                "return %3 as y\n", nullptr, &nodes),
            (std::vector<float>{1.5f, 0.5f, 0.5f, 1.5f}));
  EXPECT_EQ(nodes, 1u);
}

}  // namespace
}  // namespace tessera
