// LayerRun: one mixture of experts on its own, from config text to numbers: x[B, T, D] -> y.
//
// What tests of cpp/moe share. Header only; not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

// Here for the build, which links what the headers of a folder of tests include.
#include "cpp/compile/compiler.h"
#include "cpp/config/config.h"
#include "cpp/exec/executor.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/tracer.h"
#include "kernels/cpu/internal/cpu_features.h"
#include "tests/nn/model_run.h"

namespace tessera {

using Matrix = std::vector<std::vector<double>>;

class LayerRun {
 public:
  // `fields`: of the root node, of type `type`, after its width.
  static absl::StatusOr<LayerRun> Create(const std::string& fields, int64_t width,
                                         RunOptions options,
                                         const std::string& type = "MixtureOfExperts") {
    const std::string json =
        absl::StrCat("{\"type\": \"", type, "\", \"model_dim\": ", width, ", ", fields, "}");
    ASSIGN_OR_RETURN(const Config config, ResolvedConfig(json));
    const ModuleTable modules;
    Tracer tracer(OpTable::Builtin(), modules, {options.dtype, options.mode});
    const ValueType x{options.dtype, {Dim::Symbol("B"), Dim::Symbol("T"), Dim(width)}};
    std::vector<NamedType> ambients = LanguageModelAmbients(options.mode);
    ambients.push_back({"tokens", {DType::kI32, {Dim::Symbol("B"), Dim::Symbol("T")}}});
    ASSIGN_OR_RETURN(const FunctionRef main,
                     tracer.TraceMain(config.root(), {{"x", x}}, ambients));
    LayerRun layer;
    ASSIGN_OR_RETURN(layer.run_, ModelRun::OfFunction(*main, options));
    layer.tokens_ = options.sizes.at("B") * options.sizes.at("T");
    layer.width_ = width;
    return layer;
  }

  ModelRun& run() { return *run_; }

  // Rows that no rounding to bf16 changes.
  static Matrix SomeTokens(int64_t tokens, int64_t width, uint64_t seed) {
    Matrix x(static_cast<size_t>(tokens), std::vector<double>(static_cast<size_t>(width)));
    uint64_t i = 0;
    for (auto& row : x) {
      for (double& value : row) {
        value = std::round(128 * (2 * philox::UnitDouble(PhiloxU64(seed, 3, i++)) - 1)) / 64;
      }
    }
    return x;
  }

  // The id of token t, for gates that look at it.
  static double TokenId(size_t t) { return static_cast<double>((t * 7919) % 50257); }

  // Of all tokens in the calls that follow; without it all are of segment 0.
  void SetSegments(std::vector<double> segments) { segments_ = std::move(segments); }

  absl::StatusOr<Tensor> Apply(const Matrix& x) {
    std::vector<double> flat;
    for (const auto& row : x) flat.insert(flat.end(), row.begin(), row.end());
    RETURN_IF_ERROR(run_->SetInput("x", 0, flat));
    RETURN_IF_ERROR(run_->SetInput("batch_offset", 0, {0}));
    std::vector<double> ids, segments(x.size(), 0.0);
    for (size_t t = 0; t < x.size(); ++t) ids.push_back(TokenId(t));
    if (!segments_.empty()) segments = segments_;
    RETURN_IF_ERROR(run_->SetInput("tokens", 0, ids));
    RETURN_IF_ERROR(run_->SetInput("segments", 0, segments));
    RETURN_IF_ERROR(run_->executor().Run({ActionKind::kRefresh}));
    RETURN_IF_ERROR(run_->executor().Run({ActionKind::kForward}));
    return run_->Result();
  }

  // A parameter as a list, or an empty one.
  std::vector<double> Values(std::string_view path) const {
    std::vector<double> values;
    const Tensor tensor = run_->Param(path);
    if (!tensor.defined()) return values;
    for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.At(i));
    return values;
  }

  // x W for a parameter [D, columns].
  Matrix Product(const Matrix& x, std::string_view path) const {
    const std::vector<double> w = Values(path);
    const size_t columns = w.size() / static_cast<size_t>(width_);
    Matrix y(x.size(), std::vector<double>(columns));
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t d = 0; d < x[t].size(); ++d) {
        for (size_t c = 0; c < columns; ++c) y[t][c] += x[t][d] * w[d * columns + c];
      }
    }
    return y;
  }

 private:
  std::unique_ptr<ModelRun> run_;
  int64_t tokens_ = 0, width_ = 0;
  std::vector<double> segments_;
};

}  // namespace tessera
