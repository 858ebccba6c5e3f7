#include "tests/compile/program_grower.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

constexpr double kBound = 20;      // larger results go through tanh
constexpr int64_t kWidth = 4;      // of the values between layers
const Dims kRows = {Dim::Symbol("B"), Dim::Symbol("T")};

// Where the numbers of an operand lie, read off its field in the table.
struct Domain {
  bool is_data = false;  // stated numbers: an input with these very values
  double low = 0, high = 0;  // low < high: within
};

Domain DomainOf(const std::string& text) {
  Domain domain;
  const size_t open = text.find('(');
  if (open == std::string::npos) return {.is_data = true};
  const std::string generator = text.substr(0, open);
  if (generator == "normal") return domain;
  if (generator != "uniform") return {.is_data = true};
  domain.high = 1;
  const auto args = ParseGeneratorArgs(text.substr(open + 1, text.size() - open - 2), DType::kF64);
  if (args.ok() && args->has_range) {
    domain.low = args->low;
    domain.high = args->high;
  }
  return domain;
}

// Table lines that a program can be made of.
const std::vector<OpCase>& UsableLines() {
  static const std::vector<OpCase>* const lines = [] {
    auto* usable = new std::vector<OpCase>();
    const auto cases = AllCases();
    if (!cases.ok()) return usable;
    for (const OpCase& entry : *cases) {
      const OpDef* op = OpTable::Builtin().Find(entry.op);
      if (op == nullptr || op->must_alias() || absl::StrContains(entry.op, "_update")) continue;
      // Gradient ops come in by differentiation; a case of a differentiable op is its grad line.
      if (absl::EndsWith(entry.op, "_grad")) continue;
      const bool is_line = entry.kind == (op->has_gradient() ? "grad" : "case");
      if (!is_line || !entry.Field("error").empty()) continue;
      const auto prepared = PrepareCase(entry, DType::kF64);
      if (!prepared.ok()) continue;
      int64_t most = 0;
      for (const Tensor& tensor : prepared->inputs) most = std::max(most, tensor.count());
      const std::vector<DType> dtypes = RunDTypes(entry);
      const bool wide = std::find(dtypes.begin(), dtypes.end(), DType::kF64) != dtypes.end();
      if (most <= 64 && wide) usable->push_back(entry);
    }
    return usable;
  }();
  return *lines;
}

class Grower {
 public:
  Grower(std::string name, RandomNumbers& random, const GrowOptions& options,
         std::map<std::string, int>& op_uses)
      : random_(random), options_(options), op_uses_(op_uses),
        function_(std::make_shared<Function>(std::move(name))),
        graph_(OpTable::Builtin(), *function_) {}

  std::shared_ptr<Function> function() { return function_; }
  Graph& graph() { return graph_; }
  std::map<std::string, Tensor>& data() { return data_; }

  ValueId AddInput(InputKind kind, const ValueType& type, Tensor tensor, std::string name = "") {
    if (name.empty()) name = absl::StrCat(kind == InputKind::kParam ? "p" : "a", data_.size());
    const ValueId id = function_->AddInput(name, kind, type, {Initializer::Normal(1), {}, true});
    data_[name] = tensor;
    values_.resize(function_->values().size());
    values_[id] = std::move(tensor);
    return id;
  }

  // A fresh input of a float type, uniform in [low, high).
  ValueId AddFloatInput(const Dims& dims, double low, double high, std::string name = "",
                        bool always_argument = false) {
    bool constant = true;
    for (const Dim& dim : dims) constant = constant && dim.IsConst();
    auto tensor = Tensor::Zeros(options_.dtype, Eval(dims, options_.sizes).value());
    for (int64_t i = 0; i < tensor->count(); ++i) {
      tensor->Put(i, low + (high - low) * random_.Unit());
    }
    const InputKind kind =
        constant && !always_argument ? InputKind::kParam : InputKind::kArgument;
    return AddInput(kind, {options_.dtype, dims}, *tensor, std::move(name));
  }

  absl::Status AddRandomNodes(int count) {
    for (int added = 0, tries = 0; added < count && tries < 10 * count; ++tries) {
      const std::vector<OpCase>& lines = UsableLines();
      RET_CHECK(!lines.empty());
      const OpCase& entry = lines[random_.Below(static_cast<int64_t>(lines.size()))];
      ASSIGN_OR_RETURN(const bool done, AddLine(entry));
      added += done ? 1 : 0;
      if (done) ++op_uses_[entry.op];
    }
    return absl::OkStatus();
  }

  void AddToPool(ValueId id) { pool_.push_back(id); }

  // `id` with other dims, by whatever it takes; a function of all of its elements.
  absl::StatusOr<ValueId> Adapt(ValueId id, const Dims& want) {
    if (graph_.dims(id) == want) return id;
    const bool want_rows = HasRows(want), have_rows = HasRows(graph_.dims(id));
    // Sizes are symbols in the first two dims only, and only where both are wanted.
    std::vector<int64_t> symbolic;
    for (size_t d = 0; d < graph_.dims(id).size(); ++d) {
      const bool stays = have_rows && want_rows && d < 2;
      if (!graph_.dims(id)[d].IsConst() && !stays) symbolic.push_back(static_cast<int64_t>(d));
    }
    if (!symbolic.empty()) id = graph_.Op("reduce_mean", {id}, {{"dims", symbolic}});
    RETURN_IF_ERROR(graph_.status());
    Dims from(graph_.dims(id).begin() + (HasRows(graph_.dims(id)) ? 2 : 0), graph_.dims(id).end());
    Dims to(want.begin() + (want_rows ? 2 : 0), want.end());
    const Dim in = Product(from), out = Product(to);
    RET_CHECK(in.IsConst() && out.IsConst());
    if (in.value() == 0 || out.value() == 0) return AddFloatInput(want, -1, 1);
    Dims rows = want_rows ? kRows : Dims{1};
    if (want_rows && !have_rows) {
      id = graph_.Reshape(id, {1, 1, in});
      id = graph_.Op("broadcast_to", {id}, {{"shape", absl::StrCat("B,T,", in.ToText())}});
    }
    Dims flat = rows;
    flat.push_back(in);
    id = graph_.Reshape(id, flat);
    if (!(in == out)) {
      RETURN_IF_ERROR(EvaluateNew());
      const double size = 1.5 / std::sqrt(static_cast<double>(in.value()));
      id = graph_.MatMul(id, AddFloatInput({in, out}, -size, size));
    }
    id = graph_.Reshape(id, want);
    RETURN_IF_ERROR(graph_.status());
    RETURN_IF_ERROR(EvaluateNew());
    return id;
  }

  // Computes the values of nodes that were added since the last call.
  absl::Status EvaluateNew() {
    RETURN_IF_ERROR(graph_.status());
    values_.resize(function_->values().size());
    for (; evaluated_ < function_->nodes().size(); ++evaluated_) {
      const Node node = function_->nodes()[evaluated_];
      if (node.is_call()) {
        std::vector<Tensor> operands;
        for (ValueId id : node.inputs) operands.push_back(values_[id]);
        ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                         Interpret(*node.callee, operands, {.sizes = options_.sizes}));
        for (size_t o = 0; o < results.size(); ++o) values_[node.outputs[o]] = results[o];
        continue;
      }
      std::vector<Tensor> operands;
      std::vector<ValueType> types;
      for (ValueId id : node.inputs) operands.push_back(values_[id]);
      for (ValueId id : node.outputs) types.push_back(function_->type(id));
      ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                       InterpretNode(node, std::move(operands), types, {.sizes = options_.sizes}));
      for (size_t o = 0; o < results.size(); ++o) values_[node.outputs[o]] = results[o];
    }
    return absl::OkStatus();
  }

  ValueId RandomValue() { return pool_[random_.Below(static_cast<int64_t>(pool_.size()))]; }

  // A scalar in which every value of the pool counts.
  absl::StatusOr<ValueId> Sum() {
    std::vector<ValueId> parts;
    for (size_t k = 0; k < pool_.size(); ++k) {
      const ValueId v = pool_[k];
      const ValueId factor =
          graph_.Constant(0.3 + 0.1 * static_cast<double>(k % 5), graph_.dtype(v));
      const ValueId y = graph_.Mul(v, graph_.Add(factor, graph_.Mul(v, factor)));
      std::vector<int64_t> all;
      for (size_t d = 0; d < graph_.dims(y).size(); ++d) all.push_back(static_cast<int64_t>(d));
      parts.push_back(all.empty() ? y : graph_.Sum(y, all));
    }
    const ValueId sum = parts.size() == 1 ? parts[0] : graph_.Op("add_n", parts);
    RETURN_IF_ERROR(EvaluateNew());
    return sum;
  }

 private:
  static bool HasRows(const Dims& dims) {
    return dims.size() >= 2 && dims[0] == kRows[0] && dims[1] == kRows[1];
  }

  // Operand types with [B,T] for the dims that the signature leaves open, when the op allows it.
  std::vector<ValueType> OperandTypes(const PreparedCase& prepared, const OpCase& entry) {
    std::vector<ValueType> types;
    for (const Tensor& tensor : prepared.inputs) types.push_back(TypeOfTensor(tensor));
    const Attrs& attrs = prepared.node().attrs;
    const auto signature = prepared.op->SignatureOf({types, attrs});
    if (!signature.ok() || random_.OneIn(4)) return types;
    const auto operands = signature->Match(types.size());
    if (!operands.ok()) return types;
    std::vector<ValueType> open = types;
    for (size_t i = 0; i < types.size(); ++i) {
      if (!(*operands)[i]->HasRest()) continue;
      if (!IsFloat(types[i].dtype) || DomainOf(entry.Field(prepared.input_names[i])).is_data) {
        return types;
      }
      const size_t fixed = (*operands)[i]->terms.size() - 1;
      Dims dims = kRows;
      // Elementwise operands keep what they have behind the rows, so that they still broadcast.
      const size_t skip = prepared.op->elementwise_inputs() > 0 ? 0 : types[i].dims.size() - fixed;
      dims.insert(dims.end(), types[i].dims.begin() + static_cast<int64_t>(skip),
                  types[i].dims.end());
      if (prepared.op->elementwise_inputs() > 0 && i > 0) dims = types[i].dims;
      open[i].dims = dims;
    }
    return CanRun(*prepared.op, attrs, open) ? open : types;
  }

  // Whether the op takes operands of these types at the sizes of the run.
  bool CanRun(const OpDef& op, const Attrs& attrs, const std::vector<ValueType>& types) const {
    Function function(op.name());
    std::vector<ValueId> operands;
    std::vector<Tensor> zeros;
    for (size_t i = 0; i < types.size(); ++i) {
      operands.push_back(
          function.AddInput(absl::StrCat(i), InputKind::kArgument, types[i]));
      const auto dims = Eval(types[i].dims, options_.sizes);
      if (!dims.ok()) return false;
      zeros.push_back(Tensor::Zeros(types[i].dtype, *dims).value());
    }
    return function.AddNode(op, attrs, operands).ok() &&
           Interpret(function, zeros, {.sizes = options_.sizes}).ok();
  }

  absl::StatusOr<bool> AddLine(const OpCase& entry) {
    if (options_.without.contains(entry.op)) return false;
    const auto prepared = PrepareCase(entry, options_.dtype);
    if (!prepared.ok()) return false;
    const std::vector<ValueType> types = OperandTypes(*prepared, entry);
    const std::set<std::string> listed =
        absl::StrSplit(entry.Field("active"), ',', absl::SkipEmpty());
    std::vector<ValueId> operands;
    for (size_t i = 0; i < types.size(); ++i) {
      const std::string& name = prepared->input_names[i];
      Domain domain = DomainOf(entry.Field(name));
      // No gradient may be asked of it, so it cannot come from the pool.
      if (!listed.empty() && !listed.contains(name)) domain = {.is_data = true};
      ASSIGN_OR_RETURN(operands.emplace_back(), Operand(types[i], domain, prepared->inputs[i]));
    }
    const auto results = function_->AddNode(*prepared->op, prepared->node().attrs, operands);
    if (!results.ok()) return false;
    RETURN_IF_ERROR(EvaluateNew());
    for (ValueId id : *results) RETURN_IF_ERROR(Keep(id, prepared->op->name()));
    return true;
  }

  absl::StatusOr<ValueId> Operand(const ValueType& type, const Domain& domain,
                                  const Tensor& stated) {
    if (!IsFloat(type.dtype) || domain.is_data || type.dtype != options_.dtype) {
      return AddInput(InputKind::kArgument, TypeOfTensor(stated), stated);
    }
    const bool bounded = domain.low < domain.high;
    if (pool_.empty() || random_.OneIn(4)) {
      return AddFloatInput(type.dims, bounded ? domain.low : -1.5, bounded ? domain.high : 1.5);
    }
    ASSIGN_OR_RETURN(ValueId id, Adapt(RandomValue(), type.dims));
    if (!bounded) return id;
    id = graph_.Mul(graph_.Op("sigmoid", {id}),
                    graph_.Constant(domain.high - domain.low, options_.dtype));
    id = graph_.Add(id, graph_.Constant(domain.low, options_.dtype));
    RETURN_IF_ERROR(EvaluateNew());
    return id;
  }

  absl::Status Keep(ValueId id, const std::string& op) {
    // The log of the sum of exponents has no gradient; others may use it, not the loss.
    if (op == "attention" && graph_.dims(id).size() == 3) return absl::OkStatus();
    if (values_[id].count() == 0) return absl::OkStatus();
    if (graph_.dtype(id) != options_.dtype) id = graph_.Cast(id, options_.dtype);
    RETURN_IF_ERROR(EvaluateNew());
    double largest = 0;
    for (int64_t i = 0; i < values_[id].count(); ++i) {
      const double x = std::abs(values_[id].At(i));
      if (!std::isfinite(x)) return absl::OkStatus();
      largest = std::max(largest, x);
    }
    if (largest > kBound) id = graph_.Op("tanh", {id});
    RETURN_IF_ERROR(EvaluateNew());
    pool_.push_back(id);
    return absl::OkStatus();
  }

  RandomNumbers& random_;
  const GrowOptions& options_;
  std::map<std::string, int>& op_uses_;
  std::shared_ptr<Function> function_;
  Graph graph_;
  std::vector<ValueId> pool_;
  std::vector<Tensor> values_;
  std::map<std::string, Tensor> data_;
  size_t evaluated_ = 0;
};

// [B,T,W] -> [B,T,W], with a residual, so that depth does not lose the input.
absl::Status GrowLayer(Grower& layer, bool weight_is_argument, const GrowOptions& options) {
  Dims dims = kRows;
  dims.push_back(kWidth);
  const ValueId x = layer.AddFloatInput(dims, -1.5, 1.5, "x");
  layer.AddToPool(x);
  layer.AddToPool(
      layer.AddFloatInput({kWidth, kWidth}, -1, 1, "shared/weight", weight_is_argument));
  RETURN_IF_ERROR(layer.AddRandomNodes(options.nodes));
  ASSIGN_OR_RETURN(const ValueId y, layer.Adapt(layer.RandomValue(), dims));
  layer.function()->AddOutput("y", layer.graph().Op("tanh", {layer.graph().Add(x, y)}));
  return layer.EvaluateNew();
}

absl::StatusOr<ValueId> CallLayer(Grower& main, Grower& layer, ValueId x, int index) {
  std::vector<ValueId> operands;
  const FunctionRef callee = layer.function();
  const std::string at = absl::StrCat("layers/", index);
  for (const FunctionInput& input : callee->inputs()) {
    if (input.name == "x") {
      operands.push_back(x);
      continue;
    }
    const bool shared = input.name == "shared/weight";
    const std::string name = shared ? input.name : absl::StrCat(at, "/", input.name);
    const InputKind kind = shared ? InputKind::kParam : input.kind;
    const int existing = main.function()->FindInput(name, kind);
    operands.push_back(existing >= 0
                           ? main.function()->inputs()[existing].value
                           : main.AddInput(kind, callee->type(input.value),
                                           layer.data().at(input.name), name));
  }
  ASSIGN_OR_RETURN(const std::vector<ValueId> results,
                   main.function()->AddCall(callee, at, operands));
  RETURN_IF_ERROR(main.EvaluateNew());
  return results[0];
}

}  // namespace

absl::StatusOr<GrownProgram> GrowProgram(uint64_t seed, const GrowOptions& options) {
  RandomNumbers random(seed);
  GrownProgram program;
  Grower layer("layer", random, options, program.op_uses);
  Grower main("main", random, options, program.op_uses);
  RETURN_IF_ERROR(GrowLayer(layer, random.OneIn(2), options));
  Dims dims = kRows;
  dims.push_back(kWidth);
  ValueId x = main.AddFloatInput(dims, -1.5, 1.5, "x");
  main.AddToPool(x);
  RETURN_IF_ERROR(main.AddRandomNodes(options.nodes / 2));
  for (int i = 0; i < options.layer_calls; ++i) {
    if (i == 1) {
      ASSIGN_OR_RETURN(const ValueId other, main.Adapt(main.RandomValue(), dims));
      x = main.graph().Op("tanh", {main.graph().Add(x, other)});
      RETURN_IF_ERROR(main.EvaluateNew());
    }
    ASSIGN_OR_RETURN(x, CallLayer(main, layer, x, i));
    main.AddToPool(x);
  }
  RETURN_IF_ERROR(main.AddRandomNodes(options.nodes / 2));
  const ValueId result = main.RandomValue();
  ASSIGN_OR_RETURN(const ValueId loss, main.Sum());
  program.main = main.function();
  program.main->AddOutput("result", result);
  program.main->AddOutput("loss", loss, OutputKind::kLossNumerator, 0.7);
  program.main->AddOutput("loss", main.graph().Constant(3, options.dtype),
                          OutputKind::kLossDenominator);
  RETURN_IF_ERROR(main.graph().status());
  program.data = main.data();
  return program;
}

}  // namespace tessera
