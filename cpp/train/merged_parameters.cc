#include "cpp/train/merged_parameters.h"

#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/config/plain_json.h"
#include "cpp/exec/executor.h"
#include "cpp/generate/parameters.h"
#include "cpp/train/model.h"

namespace tessera {
namespace {

constexpr size_t kPathsShown = 6;
constexpr ActionKind kRefreshAndForward[] = {ActionKind::kRefresh, ActionKind::kForward};

// The type, when it is a wrapper of projections.
const TypeInfo* AdapterType(std::string_view name, const SchemaRegistry& registry) {
  const TypeInfo* type = registry.Find(name);
  return type != nullptr && type->HasRole("linear") && type->InnerSlot() != nullptr ? type
                                                                                    : nullptr;
}

void Unwrap(ConfigValue& value, const SchemaRegistry& registry) {
  if (value.AsTable() != nullptr) {
    for (;;) {
      const ConfigValue* type = value.Find("type");
      const std::string* name = type == nullptr ? nullptr : type->AsText();
      const TypeInfo* adapter = name == nullptr ? nullptr : AdapterType(*name, registry);
      ConfigValue* inner = adapter == nullptr ? nullptr : value.Find(adapter->InnerSlot()->name);
      if (inner == nullptr || inner->AsTable() == nullptr) break;
      ConfigValue kept = std::move(*inner);
      value = std::move(kept);
    }
    for (auto& [unused, member] : *value.AsTable()) Unwrap(member, registry);
  }
  if (ConfigValue::List* list = value.AsList()) {
    for (ConfigValue& item : *list) Unwrap(item, registry);
  }
}

// Of the dims before the width the first symbol counts rows and the others are 1, so that rows lie
// at equal distances, whatever constants follow.
absl::StatusOr<SymbolSizes> SizesFor(const Program& program, const Dims& dims, int64_t rows) {
  SymbolSizes sizes;
  for (const std::string& symbol : program.symbols) sizes[symbol] = 1;
  for (const Dim& dim : dims) {
    const auto symbol = sizes.find(dim.ToText());
    if (symbol == sizes.end()) continue;
    symbol->second = rows;
    return sizes;
  }
  return absl::UnimplementedError(absl::StrCat(
      "merging an adapter: expected an input with a batch or sequence, got ", ToText(dims)));
}

absl::StatusOr<Tensor> InDType(Tensor tensor, DType dtype) {
  if (tensor.dtype == dtype) return tensor;
  ASSIGN_OR_RETURN(Tensor other, Tensor::Zeros(dtype, tensor.dims));
  for (int64_t i = 0; i < tensor.count(); ++i) other.Put(i, tensor.At(i));
  return other;
}

}  // namespace

absl::StatusOr<std::string> WithoutAdapters(std::string_view model_json,
                                            const SchemaRegistry& registry) {
  ASSIGN_OR_RETURN(ConfigValue model, ParseJson(model_json, "model"));
  Unwrap(model, registry);
  return IndentedJson(model);
}

// Finds the calls of wrappers, and follows parameters down to them.
class MergedParameters::Walk {
 public:
  Walk(const SchemaRegistry& registry, std::vector<Wrapped>& found)
      : registry_(registry), found_(found) {}

  // `paths`: what values of the function that are parameters are called in the model.
  void Enter(const Function& function, const std::map<ValueId, std::string>& paths) {
    for (const Node& node : function.nodes()) {
      if (!node.is_call()) continue;
      std::map<ValueId, std::string> below;
      Wrapped wrapped{node.callee, {}};
      const std::vector<FunctionInput>& formals = node.callee->inputs();
      for (size_t i = 0; i < formals.size(); ++i) {
        const auto path = paths.find(node.inputs[i]);
        if (path == paths.end()) continue;
        below[formals[i].value] = path->second;
        wrapped.paths[formals[i].name] = path->second;
      }
      if (AdapterType(node.callee->name(), registry_) != nullptr) {
        found_.push_back(std::move(wrapped));
      } else {
        Enter(*node.callee, below);
      }
    }
  }

 private:
  const SchemaRegistry& registry_;
  std::vector<Wrapped>& found_;
};

absl::StatusOr<std::unique_ptr<MergedParameters>> MergedParameters::Create(
    const Config& model, const std::vector<NamedDims>& params, const CheckpointReader& reader,
    const Environment& environment) {
  ModelOptions options;
  options.mode = Mode::kEvaluate;
  options.dtype = "fp32";
  ASSIGN_OR_RETURN(const FunctionRef main, TraceModel(model, environment, options));
  std::unique_ptr<MergedParameters> merged(new MergedParameters(reader, environment));
  std::map<ValueId, std::string> paths;
  std::set<std::string> plain, left;
  for (const NamedDims& param : params) plain.insert(param.name);
  for (const FunctionInput& input : main->inputs()) {
    if (input.kind != InputKind::kParam) continue;
    paths[input.value] = input.name;
    if (!plain.contains(input.name)) left.insert(input.name);
  }
  Walk(*model.registry(), merged->wrapped_).Enter(*main, paths);
  for (size_t w = 0; w < merged->wrapped_.size(); ++w) {
    const Wrapped& wrapped = merged->wrapped_[w];
    for (const auto& [name, path] : wrapped.paths) {
      if (!plain.contains(path)) {
        left.erase(path);
      } else if (name == "weight") {
        merged->by_weight_[path] = w;
      } else if (name == "bias") {
        merged->by_bias_[path] = w;
      } else {
        return absl::UnimplementedError(absl::StrCat(
            path, ": expected a projection with a weight and perhaps a bias inside a ",
            wrapped.function->name(), ", got one with a parameter '", name, "'"));
      }
    }
  }
  if (left.empty()) return merged;
  std::vector<std::string> shown(left.begin(), left.end());
  const size_t hidden = shown.size() > kPathsShown ? shown.size() - kPathsShown : 0;
  shown.resize(shown.size() - hidden);
  return absl::UnimplementedError(absl::StrCat(
      "adapters that stand around no single projection cannot be merged into it: ",
      absl::StrJoin(shown, ", "), hidden > 0 ? absl::StrCat(" and ", hidden, " more") : ""));
}

absl::StatusOr<Tensor> MergedParameters::Run(const Wrapped& wrapped, int64_t width,
                                             bool of_identity) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Program> program,
                   Compile(*wrapped.function, *environment_.ops, CompileOptions()));
  auto store = std::make_shared<SlotStore>();
  for (const ProgramParam& param : program->params) {
    const auto path = wrapped.paths.find(param.path);
    RET_CHECK(path != wrapped.paths.end()) << param.path;
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, Eval(param.dims, {}));
    ASSIGN_OR_RETURN(const Tensor value, reader_.Read(TensorKind::kParameter, path->second));
    RET_CHECK(value.dims == dims) << path->second;
    ASSIGN_OR_RETURN(Tensor converted, InDType(value, param.dtype));
    RETURN_IF_ERROR(store->Put(SlotKind::kParam, param.path, converted));
  }
  const int slot = program->FindSlot("x0", SlotKind::kInput);
  RET_CHECK(slot >= 0 && program->result_slots.size() == 1) << wrapped.function->name();
  ExecutorOptions options;
  ASSIGN_OR_RETURN(options.sizes, SizesFor(*program, program->slots[slot].type.dims,
                                           of_identity ? width : 1));
  options.isa = environment_.isa;
  options.memory_limit_bytes = environment_.memory_limit_bytes;
  ASSIGN_OR_RETURN(const std::unique_ptr<Executor> executor,
                   Executor::Create(program, *environment_.kernels, environment_.pool, store,
                                    options));
  ASSIGN_OR_RETURN(Tensor x, executor->SlotTensor(slot));
  RET_CHECK_EQ(x.dims.back(), width);
  std::memset(x.data(), 0, x.bytes());
  const int64_t rows = of_identity ? width : 1;
  RET_CHECK_EQ(x.count() % (rows * width), 0);
  const int64_t stride = x.count() / rows;
  for (int64_t row = 0; of_identity && row < rows; ++row) x.Put(row * stride + row, 1);
  RETURN_IF_ERROR(executor->Run(kRefreshAndForward));
  ASSIGN_OR_RETURN(const Tensor y, executor->SlotTensor(program->result_slots[0]));
  const int64_t out = y.dims.back(), step = y.count() / rows;
  ASSIGN_OR_RETURN(Tensor result, Tensor::Zeros(DType::kF32, {rows, out}));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < out; ++i) result.Put(row * out + i, y.At(row * step + i));
  }
  return result;
}

absl::StatusOr<Tensor> MergedParameters::Read(const std::string& path) const {
  ASSIGN_OR_RETURN(Tensor own, reader_.Read(TensorKind::kParameter, path));
  const auto weight = by_weight_.find(path);
  const auto bias = by_bias_.find(path);
  if (weight == by_weight_.end() && bias == by_bias_.end()) return own;
  const Wrapped& wrapped = wrapped_[weight != by_weight_.end() ? weight->second : bias->second];
  const auto weight_path = wrapped.paths.find("weight");
  RET_CHECK(weight_path != wrapped.paths.end()) << path;
  const TensorRecord* record = reader_.Find(TensorKind::kParameter, weight_path->second);
  RET_CHECK(record != nullptr && record->dims.size() == 2) << weight_path->second;
  ASSIGN_OR_RETURN(Tensor offset, Run(wrapped, record->dims[0], /*of_identity=*/false));
  if (weight == by_weight_.end()) {
    offset.dims = own.dims;
    return InDType(std::move(offset), own.dtype);
  }
  ASSIGN_OR_RETURN(Tensor merged, Run(wrapped, record->dims[0], /*of_identity=*/true));
  RET_CHECK(merged.dims == own.dims) << path;
  const int64_t out = own.dims[1];
  for (int64_t i = 0; i < merged.count(); ++i) merged.Put(i, merged.At(i) - offset.At(i % out));
  return InDType(std::move(merged), own.dtype);
}

}  // namespace tessera
