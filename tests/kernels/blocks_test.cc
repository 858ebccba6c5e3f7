// The blocks of products: which ones are legal, and that none of them changes a bit.
//
// Method: what a kernel visits is held against every combination of its box, asked one by one; and
// each visited combination is run, on one thread and on two, against the kernel's own choice.
#include <set>
#include <string>

#include "tests/kernels/dense_harness.h"

namespace tessera::cpu::testing {
namespace {

using Knobs = std::vector<int64_t>;

struct Product {
  int64_t batch, m, n, k;
  bool transpose_lhs, transpose_rhs;
  DType in, out;
};

void Build(const Product& p, DenseCall* call) {
  Knobs lhs = {p.transpose_lhs ? p.k : p.m, p.transpose_lhs ? p.m : p.k};
  Knobs rhs = {p.transpose_rhs ? p.n : p.k, p.transpose_rhs ? p.k : p.n};
  Knobs out = {p.m, p.n};
  if (p.batch != 1) {
    for (Knobs* dims : {&lhs, &rhs, &out}) dims->insert(dims->begin(), p.batch);
  }
  call->Input(p.in, lhs, Normal(CountOf(lhs), 1));
  call->Input(p.in, rhs, Normal(CountOf(rhs), 2));
  call->Output(p.out, out);
  call->Bool("transpose_lhs", p.transpose_lhs);
  call->Bool("transpose_rhs", p.transpose_rhs);
}

struct Visited {
  int32_t knob_count = 0, trait_count = 0;
  std::vector<Knobs> knobs;
  bool traits_are_numbers = true;
};

// The space, and every combination that is visited.
bool Visit(const DenseCall& call, const tsr_kernel_def& def, tsr_kernel_space* space,
           Visited* visited) {
  if (!call.Explore(def, space, nullptr, nullptr)) return false;
  visited->knob_count = space->knob_count;
  visited->trait_count = space->trait_count;
  const auto take = [](void* user, const int64_t* knobs, const double* traits) {
    auto* all = static_cast<Visited*>(user);
    all->knobs.emplace_back(knobs, knobs + all->knob_count);
    for (int i = 0; i < all->trait_count; ++i) {
      all->traits_are_numbers = all->traits_are_numbers && std::isfinite(traits[i]);
    }
  };
  return call.Explore(def, space, take, visited);
}

std::string TextOf(const Knobs& knobs) {
  std::string text;
  for (const int64_t value : knobs) text += std::to_string(value) + " ";
  return text;
}

std::vector<tsr_kernel_def> TunableKernels() {
  std::vector<tsr_kernel_def> tunable;
  for (const tsr_kernel_def& def : RunnableKernels(RegisterMatmulKernels)) {
    if (def.explore != nullptr) tunable.push_back(def);
  }
  return tunable;
}

// By what the space says the kernel takes by itself, that must be among them too.
void CheckSpace(const Product& product, const tsr_kernel_def& def, DenseCall& call) {
  tsr_kernel_space space;
  Visited visited;
  if (!Visit(call, def, &space, &visited)) return;
  const std::set<Knobs> legal(visited.knobs.begin(), visited.knobs.end());
  ASSERT_EQ(legal.size(), visited.knobs.size()) << def.name << ": one is visited twice";
  EXPECT_TRUE(visited.traits_are_numbers) << def.name;
  EXPECT_TRUE(legal.contains(Knobs(space.own, space.own + space.knob_count))) << def.name;
  EXPECT_LE(static_cast<int64_t>(legal.size()), space.box_count);
  for (int64_t rows = -1; rows <= product.m + 1; ++rows) {
    for (int64_t columns = -1; columns <= product.n / 8 + 2; ++columns) {
      for (const int64_t packs : {-1, 0, 1, 2}) {
        const Knobs knobs = {rows, columns, packs};
        call.SetKnobs(knobs);
        ASSERT_EQ(call.IsTaken(def), legal.contains(knobs)) << def.name << " " << TextOf(knobs);
        if (!legal.contains(knobs)) {
          ASSERT_EQ(call.reason(), "matmul: these blocks are not legal for the shape");
        }
      }
    }
  }
}

TEST(BlocksTest, ExactlyTheVisitedOnesAreTaken) {
  // One panel; few; scratch that all panels would not fit, with and without sums to keep.
  const Product products[] = {
      {1, 15, 1, 3, false, false, DType::kF32, DType::kF32},
      {3, 61, 100, 300, false, true, DType::kBF16, DType::kF32},
      {1, 601, 203, 600, false, false, DType::kF32, DType::kF32},
      {1, 601, 203, 1100, true, true, DType::kBF16, DType::kBF16},
      {1, 700, 90, 100, true, false, DType::kBF16, DType::kBF16}};
  for (const Product& product : products) {
    for (const tsr_kernel_def& def : TunableKernels()) {
      DenseCall call;
      Build(product, &call);
      CheckSpace(product, def, call);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(BlocksTest, NoneChangesABit) {
  const Product products[] = {
      {1, 61, 100, 300, false, false, DType::kF32, DType::kF32},
      {1, 61, 100, 300, false, true, DType::kBF16, DType::kBF16},
      {1, 45, 130, 530, true, false, DType::kBF16, DType::kF32},
      {1, 37, 65, 257, true, true, DType::kF32, DType::kBF16},
      {3, 29, 33, 20, false, false, DType::kF32, DType::kF32},
      {1, 97, 31, 0, false, false, DType::kF32, DType::kF32}};
  for (const Product& product : products) {
    for (const tsr_kernel_def& def : TunableKernels()) {
      DenseCall call;
      Build(product, &call);
      tsr_kernel_space space;
      Visited visited;
      if (!Visit(call, def, &space, &visited)) continue;
      ASSERT_TRUE(call.Run(def));
      const auto own = call.ResultBytes();
      for (const Knobs& knobs : visited.knobs) {
        call.SetKnobs(knobs);
        for (const int threads : {1, 2}) {
          ASSERT_TRUE(call.Run(def, 7, threads)) << def.name << " " << TextOf(knobs);
          ASSERT_TRUE(own == call.ResultBytes()) << def.name << " " << TextOf(knobs);
        }
      }
    }
  }
}

TEST(BlocksTest, ThereIsNothingToChooseWithoutAResult) {
  for (const tsr_kernel_def& def : TunableKernels()) {
    DenseCall call;
    Build({1, 0, 40, 5, false, false, DType::kF32, DType::kF32}, &call);
    tsr_kernel_space space;
    EXPECT_FALSE(call.Explore(def, &space, nullptr, nullptr)) << def.name;
  }
}

}  // namespace
}  // namespace tessera::cpu::testing
