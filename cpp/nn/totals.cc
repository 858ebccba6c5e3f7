#include "cpp/nn/totals.h"

#include <map>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cpp/base/status_macros.h"
#include "cpp/ops/collective.h"

namespace tessera {
namespace {

constexpr char kDataAxis[] = "data";   // of the mesh: ranks that share the batch

// "path/name#3.1": what was handed up, the number of its function, which of its operands.
struct Mark {
  std::string path;
  size_t function = 0;
  size_t operand = 0;
};

std::string MarkText(std::string_view path, size_t function, size_t operand) {
  return absl::StrCat(path, "#", function, ".", operand);
}

absl::StatusOr<Mark> ReadMark(const std::string& text, size_t functions) {
  Mark mark;
  const size_t at = text.rfind('#');
  RET_CHECK(at != std::string::npos) << text;
  mark.path = text.substr(0, at);
  const std::vector<std::string> numbers = absl::StrSplit(text.substr(at + 1), '.');
  RET_CHECK(numbers.size() == 2 && absl::SimpleAtoi(numbers[0], &mark.function) &&
            absl::SimpleAtoi(numbers[1], &mark.operand) && mark.function < functions)
      << text;
  return mark;
}

absl::Status CheckSums(const Statistic& statistic, const Function& function) {
  const std::string what = absl::StrCat("statistic '", statistic.name, "'");
  if (statistic.name.empty() || statistic.name.find_first_of("/#") != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": its name must be a word without / and #"));
  }
  if (statistic.sums.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": expected at least one sum"));
  }
  for (const ValueId id : statistic.sums) {
    const ValueType& type = function.type(id);
    const bool is_wide = type.dtype == DType::kF32 || type.dtype == DType::kF64;
    if (is_wide && (statistic.scope != Statistic::kSequence || !type.dims.empty())) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected sums of f32 or f64, ",
                     statistic.scope == Statistic::kSequence ? "by sequence, " : "", "got ",
                     type.ToText()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FunctionRef> Totals::LossFunction(const Statistic& statistic,
                                                 const Function& function) const {
  auto loss = std::make_shared<Function>(absl::StrCat("loss_of_", statistic.name));
  Values totals;
  for (size_t i = 0; i < statistic.sums.size(); ++i) {
    totals.push_back(loss->AddInput(absl::StrCat("total_", i), InputKind::kArgument,
                                    function.type(statistic.sums[i])));
  }
  Graph graph(ops_, *loss);
  ValueId value = statistic.loss(graph, totals);
  RETURN_IF_ERROR(graph.status());
  const Dims per_sequence = {graph.dims(totals[0]).empty() ? Dim(1) : graph.dims(totals[0])[0]};
  const bool by_sequence = statistic.scope == Statistic::kSequence;
  const Dims wanted = by_sequence ? per_sequence : Dims();
  if (graph.dims(value) != wanted) {
    return absl::InvalidArgumentError(absl::StrCat("statistic '", statistic.name,
                                                   "': its loss is ", graph.type(value).ToText(),
                                                   ", expected dims ", ToText(wanted)));
  }
  ValueId count = graph.Constant(1, graph.dtype(value), wanted);
  if (by_sequence) {
    value = graph.Sum(value, {0});
    count = graph.Sum(count, {0});
  }
  RETURN_IF_ERROR(graph.status());
  loss->AddOutput("numerator", value);
  loss->AddOutput("denominator", count);
  return FunctionRef(loss);
}

absl::Status Totals::Add(const Statistic& statistic, Function& function) {
  RETURN_IF_ERROR(CheckSums(statistic, function));
  ASSIGN_OR_RETURN(FunctionRef loss, LossFunction(statistic, function));
  size_t index = 0;
  while (index < losses_.size() && losses_[index].name != statistic.name) ++index;
  if (index == losses_.size()) {
    losses_.push_back({statistic.name, statistic.scope, statistic.weight, statistic.is_metric,
                       statistic.per_layer, std::move(loss)});
  } else if (losses_[index].is_metric != statistic.is_metric ||
             losses_[index].per_layer != statistic.per_layer ||
             losses_[index].scope != statistic.scope ||
             losses_[index].weight != statistic.weight ||
             !StructurallyEqual(*losses_[index].function, *loss)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "statistic '", statistic.name, "': another layer adds one of this name with another ",
        losses_[index].weight != statistic.weight ? "weight" : "scope, size or function",
        "; equal names add up over layers, so give this one a name of its own"));
  }
  for (size_t k = 0; k < statistic.sums.size(); ++k) {
    function.AddOutput(MarkText(statistic.name, index, k), statistic.sums[k],
                       OutputKind::kStatistic);
  }
  return absl::OkStatus();
}

absl::Status Totals::Add(std::string_view path, ValueId buffer, ValueId contribution,
                         const Scope::BufferUpdate& next, Function& function) {
  auto update = std::make_shared<Function>("next_buffer");
  const ValueId old = update->AddInput("buffer", InputKind::kArgument, function.type(buffer));
  const ValueId total = update->AddInput("total", InputKind::kArgument,
                                         function.type(contribution));
  Graph graph(ops_, *update);
  const ValueId value = next(graph, old, total);
  RETURN_IF_ERROR(graph.status());
  if (graph.type(value) != function.type(buffer)) {
    return absl::InvalidArgumentError(absl::StrCat("buffer ", path, ": it is ",
                                                   function.type(buffer).ToText(),
                                                   ", its next value would be ",
                                                   graph.type(value).ToText()));
  }
  update->AddOutput("next", value);
  size_t index = 0;
  while (index < updates_.size() && !StructurallyEqual(*updates_[index], *update)) ++index;
  if (index == updates_.size()) updates_.push_back(std::move(update));
  function.AddOutput(MarkText(path, index, 0), contribution, OutputKind::kContribution);
  return absl::OkStatus();
}

absl::Status Totals::AddLoss(const Loss& loss, const std::string& name,
                             const std::vector<Values>& parts, Function& main) const {
  Graph graph(ops_, main);
  Values totals;
  for (const Values& layers : parts) {
    // In the order of the layers.
    ValueId total = layers.size() == 1 ? layers[0] : graph.Op("add_n", layers);
    if (loss.scope == Statistic::kMicroBatch) {
      total = graph.Op(kAllReduce, {total}, {{"axis", std::string(kDataAxis)}});
    }
    totals.push_back(total);
  }
  RETURN_IF_ERROR(graph.status());
  ASSIGN_OR_RETURN(const Values results, main.AddCall(loss.function, name, totals));
  main.AddOutput(name, results[0],
                 loss.is_metric ? OutputKind::kMetricNumerator : OutputKind::kLossNumerator,
                 loss.is_metric ? 1 : loss.weight);
  main.AddOutput(name, results[1], loss.is_metric ? OutputKind::kMetricDenominator
                                                  : OutputKind::kLossDenominator);
  return absl::OkStatus();
}

absl::Status Totals::Finish(Function& main) const {
  const std::vector<FunctionOutput> outputs = main.outputs();
  std::map<std::pair<size_t, std::string>, std::vector<Values>> statistics;
  std::map<std::string, std::pair<size_t, Values>> contributions;
  main.ClearOutputs();
  for (const FunctionOutput& output : outputs) {
    if (output.kind == OutputKind::kStatistic) {
      ASSIGN_OR_RETURN(const Mark mark, ReadMark(output.name, losses_.size()));
      const Loss& loss = losses_[mark.function];
      std::vector<Values>& parts =
          statistics[{mark.function, loss.per_layer ? mark.path : loss.name}];
      parts.resize(loss.function->inputs().size());
      RET_CHECK(mark.operand < parts.size());
      parts[mark.operand].push_back(output.value);
    } else if (output.kind == OutputKind::kContribution) {
      ASSIGN_OR_RETURN(const Mark mark, ReadMark(output.name, updates_.size()));
      contributions[mark.path].first = mark.function;
      contributions[mark.path].second.push_back(output.value);
    } else {
      main.AddOutput(output.name, output.value, output.kind, output.weight);
    }
  }
  for (const auto& [key, parts] : statistics) {
    RETURN_IF_ERROR(AddLoss(losses_[key.first], key.second, parts, main));
  }
  for (const auto& [path, entry] : contributions) {
    const int input = main.FindInput(path, InputKind::kParam);
    RET_CHECK(input >= 0) << path;
    Graph graph(ops_, main);
    const ValueId total =
        entry.second.size() == 1 ? entry.second[0] : graph.Op("add_n", entry.second);
    RETURN_IF_ERROR(graph.status());
    const ValueId buffer = main.inputs()[input].value;
    ASSIGN_OR_RETURN(const Values next,
                     main.AddCall(updates_[entry.first], path, {buffer, total}));
    main.AddOutput(path, next[0], OutputKind::kBuffer);
  }
  return absl::OkStatus();
}

}  // namespace tessera
