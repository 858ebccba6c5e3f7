// ModuleAlone: one module outside of any model, in fp64, from inputs given as numbers to results.
//
// Header only; not thread-safe.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/nn/tracer.h"
#include "tests/nn/model_run.h"

namespace tessera {

struct AloneInput {
  std::vector<int64_t> dims;   // [B, T, ...], with B and T those of `sizes`
  std::vector<double> values;
};

// Results of the module in evaluation: inputs x0, x1, ... are [B, T, ...]; of another length than T
// as constants. `start` is the position of the first token.
inline absl::StatusOr<std::unique_ptr<ModelRun>> RunAlone(std::string_view json,
                                                          const std::vector<AloneInput>& inputs,
                                                          int64_t start = 0,
                                                          std::vector<double> segments = {}) {
  ASSIGN_OR_RETURN(const Config config, ResolvedConfig(json));
  const ModuleTable modules;
  Tracer tracer(OpTable::Builtin(), modules, {DType::kF64, Mode::kEvaluate});
  const int64_t rows = inputs[0].dims[0], length = inputs[0].dims[1];
  std::vector<NamedType> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Dims dims = {Dim::Symbol("B")};
    for (size_t d = 1; d < inputs[i].dims.size(); ++d) {
      const int64_t size = inputs[i].dims[d];
      dims.push_back(d == 1 && size == length ? Dim::Symbol("T") : Dim(size));
    }
    const DType dtype = dims.size() == 2 ? DType::kI32 : DType::kF64;
    arguments.push_back({absl::StrCat("x", i), {dtype, dims}});
  }
  ASSIGN_OR_RETURN(const FunctionRef main,
                   tracer.TraceMain(config.root(), arguments,
                                    LanguageModelAmbients(Mode::kEvaluate)));
  RunOptions options;
  options.mode = Mode::kEvaluate;
  options.sizes = {{"B", rows}, {"T", length}};
  ASSIGN_OR_RETURN(auto run, ModelRun::OfFunction(*main, options));
  run->FillParams(11);
  for (size_t i = 0; i < inputs.size(); ++i) {
    RETURN_IF_ERROR(run->SetInput(arguments[i].name, 0, inputs[i].values));
  }
  std::vector<double> positions;
  for (int64_t i = 0; i < rows * length; ++i) {
    positions.push_back(static_cast<double>(start + i % length));
  }
  if (segments.empty()) segments.assign(positions.size(), 0.0);
  RETURN_IF_ERROR(run->SetInput("positions", 0, positions));
  RETURN_IF_ERROR(run->SetInput("segments", 0, segments));
  RETURN_IF_ERROR(run->Step());
  return run;
}

// Numbers around 0 that differ with the seed.
inline AloneInput SomeNumbers(std::vector<int64_t> dims, uint64_t seed) {
  AloneInput input = {std::move(dims), {}};
  int64_t count = 1;
  for (const int64_t dim : input.dims) count *= dim;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t bits = PhiloxU64(seed, 4, static_cast<uint64_t>(i));
    input.values.push_back(2 * philox::UnitDouble(bits) - 1);
  }
  return input;
}

inline std::vector<double> Numbers(const Tensor& tensor) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < tensor.count(); ++i) numbers.push_back(tensor.At(i));
  return numbers;
}

}  // namespace tessera
