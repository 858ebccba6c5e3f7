// How fast products of rows sorted by expert are, beside a dense product with as many flops and
// beside what memory allows.
//
// Shape of FastMoE's own benchmark by default: 4096 tokens, width 1024, hidden 4096, top-2.
// Forward, input gradient and weight gradient of one of the two products of the experts, balanced
// and with loads that fall as 1 / rank (Zipf). Each round times the dense product and then the
// grouped one on the same threads. The table shows medians, the median of the rounds' ratios, and
// what share of the smaller of the dense rate and the roofline was reached: every matrix read once
// for each of the two products that read it, gradients written once, at the bandwidth of a large
// copy measured in the same rounds. Usage:
//   moe_bench [threads = 2] [rounds = 9] [experts = 64] [tokens = 4096] [width] [hidden]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "cpp/device/kernel_sink.h"
#include "cpp/tensor/dtype.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/bench/bench_kit.h"

namespace tessera::cpu {

void RegisterMatmulKernels(KernelSink& sink);
void RegisterGroupedMatmulKernels(KernelSink& sink);

namespace {

constexpr int64_t kTopK = 2;

// One kernel on one set of operands: the best that takes it.
struct Subject {
  std::vector<tsr_operand> inputs;
  tsr_operand output = {};
  std::vector<tsr_attr> attrs;
  tsr_kernel_call call = {};
  tsr_kernel_plan plan = {};
  const char* name = "";

  void Flag(const char* attr, int64_t value) {
    tsr_attr entry = {};
    entry.name = attr;
    entry.i = value;
    attrs.push_back(entry);
  }

  bool Prepare(const KernelSink& sink, const std::string& op) {
    for (const tsr_kernel_def& def : sink.defs()) {
      if (op != def.op || def.isa > DetectIsa()) continue;
      call = {};
      call.struct_size = sizeof(call);
      call.input_count = static_cast<int32_t>(inputs.size());
      call.output_count = 1;
      call.attr_count = static_cast<int32_t>(attrs.size());
      call.inputs = inputs.data();
      call.outputs = &output;
      call.attrs = attrs.data();
      call.isa = def.isa;
      plan = {};
      plan.struct_size = sizeof(plan);
      plan.phase_count = 1;
      char reason[TSR_REASON_BYTES] = {};
      if (def.prepare(&call, &plan, reason) != 0) continue;
      call.thread_room = &TestRoom;
      call.workspace = std::aligned_alloc(64, (plan.workspace_bytes + 127) / 64 * 64);
      name = def.name;
      return true;
    }
    return false;
  }

  double Time(Team& team) const {
    const double start = Now();
    for (int32_t phase = 0; phase < plan.phase_count; ++phase) {
      team.Run(plan.tasks[phase], [&](int64_t t) { plan.run(&call, &plan, phase, t); });
    }
    return Now() - start;
  }
};

// Rows of every expert: even shares, or shares that fall as 1 / (e + 1).
std::vector<int32_t> Owners(int64_t rows, int64_t experts, bool zipf) {
  double total = 0;
  for (int64_t e = 0; e < experts; ++e) total += zipf ? 1.0 / static_cast<double>(e + 1) : 1;
  std::vector<int32_t> owners;
  double share = 0;
  for (int64_t e = 0; e < experts; ++e) {
    share += (zipf ? 1.0 / static_cast<double>(e + 1) : 1) / total;
    const auto end = static_cast<size_t>(std::llround(share * static_cast<double>(rows)));
    while (owners.size() < end) owners.push_back(static_cast<int32_t>(e));
  }
  owners.resize(static_cast<size_t>(rows), static_cast<int32_t>(experts - 1));
  return owners;
}

struct Sizes {
  int64_t experts, rows, width, hidden;
};

// Forward x W, input gradient dy W^T, weight gradient x^T dy.
struct Pair {
  const char* what;
  Subject dense, grouped;
  std::vector<double> dense_s, grouped_s;
};

tsr_operand Made(DType dtype, const std::vector<int64_t>& dims) {
  tsr_operand operand = {};
  FillOperand(&operand, dtype, dims);
  return operand;
}

std::vector<Pair> Pairs(const Sizes& s, DType dtype, const KernelSink& sink) {
  const tsr_operand x = Made(dtype, {s.rows, s.width}), dy = Made(dtype, {s.rows, s.hidden});
  const tsr_operand w = Made(dtype, {s.width, s.hidden});
  const tsr_operand stacked = Made(dtype, {s.experts, s.width, s.hidden});
  tsr_operand experts = Made(DType::kF32, {s.rows});
  experts.dtype = static_cast<int32_t>(DType::kI32);   // filled by Measure, for all three
  std::vector<Pair> pairs(3);
  pairs[0].what = "forward";
  pairs[0].dense.inputs = {x, w};
  pairs[0].grouped.inputs = {x, stacked, experts};
  pairs[0].dense.output = pairs[0].grouped.output = Made(dtype, {s.rows, s.hidden});
  pairs[1].what = "input gradient";
  pairs[1].dense.inputs = {dy, w};
  pairs[1].grouped.inputs = {dy, stacked, experts};
  pairs[1].dense.output = pairs[1].grouped.output = Made(dtype, {s.rows, s.width});
  pairs[1].dense.Flag("transpose_rhs", 1);
  pairs[1].grouped.Flag("transpose_rhs", 1);
  pairs[2].what = "weight gradient";
  pairs[2].dense.inputs = {x, dy};
  pairs[2].dense.Flag("transpose_lhs", 1);
  pairs[2].dense.output = Made(DType::kF32, {s.width, s.hidden});
  pairs[2].grouped.inputs = {x, dy, experts};
  pairs[2].grouped.output = Made(DType::kF32, {s.experts, s.width, s.hidden});
  for (size_t i = 0; i < pairs.size(); ++i) {
    const bool ok = pairs[i].dense.Prepare(sink, "matmul") &&
                    pairs[i].grouped.Prepare(
                        sink, i == 2 ? "grouped_matmul_grad" : "grouped_matmul");
    if (!ok) std::abort();
  }
  return pairs;
}

double CopySeconds(Team& team, const std::vector<char>& from, std::vector<char>& to) {
  constexpr int64_t kBlock = 1 << 20;
  const double start = Now();
  team.Run(static_cast<int64_t>(from.size()) / kBlock, [&](int64_t t) {
    std::memcpy(to.data() + t * kBlock, from.data() + t * kBlock, kBlock);
  });
  return Now() - start;
}

void Measure(const Sizes& s, DType dtype, bool zipf, int rounds, Team& team,
             std::vector<Pair>& pairs) {
  const std::vector<int32_t> owners = Owners(s.rows, s.experts, zipf);
  std::memcpy(pairs[0].grouped.inputs[2].data, owners.data(), owners.size() * sizeof(int32_t));
  for (Pair& pair : pairs) {
    pair.dense_s.clear();
    pair.grouped_s.clear();
  }
  const auto active = static_cast<int64_t>(std::set<int32_t>(owners.begin(), owners.end()).size());
  std::vector<char> from(std::size_t{256} << 20, 1), to(from.size());
  std::vector<double> copies;
  for (int round = 0; round <= rounds; ++round) {
    const double copy = CopySeconds(team, from, to);
    for (Pair& pair : pairs) {
      const double dense = pair.dense.Time(team), grouped = pair.grouped.Time(team);
      if (round == 0) continue;   // memory is touched for the first time
      pair.dense_s.push_back(dense);
      pair.grouped_s.push_back(grouped);
    }
    if (round > 0) copies.push_back(copy);
  }
  const double bandwidth = 2 * static_cast<double>(from.size()) / Median(copies);
  const double flops = 2.0 * static_cast<double>(s.rows * s.width * s.hidden);
  // Products read the matrices of experts that have rows; gradients are written for all.
  const double matrix = static_cast<double>(s.width * s.hidden);
  const std::string dtype_name(Name(dtype));
  const char* load = zipf ? "zipf" : "balanced";
  double dense_all = 0, grouped_all = 0, bound_all = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Pair& pair = pairs[i];
    std::vector<double> ratios;
    for (size_t r = 0; r < pair.dense_s.size(); ++r) {
      ratios.push_back(pair.dense_s[r] / pair.grouped_s[r]);
    }
    const double bytes = matrix * (i == 2 ? 4.0 * static_cast<double>(s.experts)
                                          : static_cast<double>(active) *
                                                static_cast<double>(SizeOf(dtype)));
    const double dense = Median(pair.dense_s), grouped = Median(pair.grouped_s);
    const double bound = std::max(dense, bytes / bandwidth);
    dense_all += dense;
    grouped_all += grouped;
    bound_all += bound;
    std::printf("%-5s %-8s %-16s %8.1f ms %6.0f GFLOP/s  dense %6.0f  x%.2f  bound %3.0f%%  %s\n",
                dtype_name.c_str(), load, pair.what,
                grouped * 1e3, flops / grouped / 1e9, flops / dense / 1e9, Median(ratios),
                100 * bound / grouped, pair.grouped.name);
  }
  std::printf("%-5s %-8s %-16s %8.1f ms, dense %.1f ms, bound %.1f ms at %.1f GB/s: %.0f%%\n",
              dtype_name.c_str(), load, "all", grouped_all * 1e3, dense_all * 1e3, bound_all * 1e3,
              bandwidth / 1e9, 100 * bound_all / grouped_all);
}

int64_t Argument(int argc, char** argv, int i, int64_t otherwise) {
  return argc > i ? std::atoll(argv[i]) : otherwise;
}

int Main(int argc, char** argv) {
  const auto threads = static_cast<int>(Argument(argc, argv, 1, 2));
  const auto rounds = static_cast<int>(Argument(argc, argv, 2, 9));
  Sizes sizes;
  sizes.experts = Argument(argc, argv, 3, 64);
  sizes.rows = kTopK * Argument(argc, argv, 4, 4096);
  sizes.width = Argument(argc, argv, 5, 1024);
  sizes.hidden = Argument(argc, argv, 6, 4096);
  Team team(threads);
  KernelSink sink;
  RegisterMatmulKernels(sink);
  RegisterGroupedMatmulKernels(sink);
  std::printf("%ld rows, %ld experts, %ld x %ld, %d threads, %d rounds\n",
              static_cast<long>(sizes.rows), static_cast<long>(sizes.experts),
              static_cast<long>(sizes.width), static_cast<long>(sizes.hidden), threads, rounds);
  for (DType dtype : {DType::kBF16, DType::kF32}) {
    std::vector<Pair> pairs = Pairs(sizes, dtype, sink);
    for (bool zipf : {false, true}) Measure(sizes, dtype, zipf, rounds, team, pairs);
  }
  return 0;
}

}  // namespace
}  // namespace tessera::cpu

int main(int argc, char** argv) { return tessera::cpu::Main(argc, argv); }
