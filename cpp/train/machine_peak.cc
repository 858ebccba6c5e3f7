#include "cpp/train/machine_peak.h"

#include <algorithm>

#include "cpp/base/clock.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/ir/graph.h"

namespace tessera {
namespace {

constexpr int64_t kSmall = 128;  // to learn whether the large size is affordable
constexpr int64_t kLarge = 768;
constexpr double kBudgetSeconds = 0.03;

absl::StatusOr<std::unique_ptr<Executor>> MatMulOf(const Environment& environment, DType dtype,
                                                   int64_t size) {
  auto main = std::make_shared<Function>("peak");
  const ValueType type{dtype, {Dim(size), Dim(size)}};
  const ValueId a = main->AddInput("a", InputKind::kArgument, type);
  const ValueId b = main->AddInput("b", InputKind::kArgument, type);
  Graph graph(*environment.ops, *main);
  const ValueId product = graph.MatMul(a, b);
  RETURN_IF_ERROR(graph.status());
  main->AddOutput("product", product);
  ASSIGN_OR_RETURN(std::shared_ptr<const Program> program, Compile(*main, *environment.ops, {}));
  ExecutorOptions options;
  options.isa = environment.isa;
  return Executor::Create(std::move(program), *environment.kernels, environment.pool, nullptr,
                          options);
}

absl::StatusOr<double> SecondsOf(Executor& executor) {
  const Stopwatch watch;
  RETURN_IF_ERROR(executor.Run({ActionKind::kForward}));
  return std::max(watch.Seconds(), 1e-9);
}

double FlopsOf(int64_t size) { return 2.0 * static_cast<double>(size * size * size); }

}  // namespace

absl::StatusOr<double> MeasurePeakFlops(const Environment& environment, DType dtype) {
  ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor, MatMulOf(environment, dtype, kSmall));
  RETURN_IF_ERROR(executor->Run({ActionKind::kForward}));  // first touch of its memory
  ASSIGN_OR_RETURN(const double seconds, SecondsOf(*executor));
  double best = FlopsOf(kSmall) / seconds;
  if (FlopsOf(kLarge) / best > kBudgetSeconds) return best;
  ASSIGN_OR_RETURN(executor, MatMulOf(environment, dtype, kLarge));
  RETURN_IF_ERROR(executor->Run({ActionKind::kForward}));
  const Stopwatch total;
  do {
    ASSIGN_OR_RETURN(const double round, SecondsOf(*executor));
    best = std::max(best, FlopsOf(kLarge) / round);
  } while (total.Seconds() < kBudgetSeconds);
  return best;
}

}  // namespace tessera
