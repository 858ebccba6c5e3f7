#include "cpp/nn/grouped.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/copier.h"
#include "cpp/ir/graph.h"

namespace tessera {
namespace {

class Grouper {
 public:
  Grouper(const OpTable& ops, int64_t count, Dims row_dims)
      : ops_(ops), count_(count), row_dims_(std::move(row_dims)) {}

  absl::StatusOr<FunctionRef> Run(const FunctionRef& source) {
    if (const auto it = known_.find(source.get()); it != known_.end()) return it->second;
    auto target = std::make_shared<Function>(absl::StrCat(source->name(), "_copies"));
    Body body(*this, *source, *target);
    RETURN_IF_ERROR(body.Run());
    known_[source.get()] = target;
    kept_.push_back(source);
    return FunctionRef(target);
  }

 private:
  // One function's body on its way into the grouped one.
  class Body {
   public:
    Body(Grouper& grouper, const Function& source, Function& target)
        : grouper_(grouper),
          source_(source),
          target_(target),
          graph_(grouper.ops_, target),
          copy_(source, target),
          stacked_(source.values().size(), false) {}

    absl::Status Run() {
      RETURN_IF_ERROR(AddInputs());
      for (const Node& node : source_.nodes()) {
        RETURN_IF_ERROR(node.is_call() ? AddCall(node) : AddOp(node));
        RETURN_IF_ERROR(graph_.status());
      }
      for (const FunctionOutput& output : source_.outputs()) {
        if (output.kind != OutputKind::kResult) {
          return absl::InvalidArgumentError(
              absl::StrCat("'", output.name, "': a module that stands in many copies cannot have "
                           "losses, metrics or state of its own"));
        }
        if (stacked_[output.value]) return NoRule("a result that is a parameter");
        target_.AddOutput(output.name, copy_(output.value));
      }
      return absl::OkStatus();
    }

   private:
    absl::Status AddInputs() {
      for (const FunctionInput& input : source_.inputs()) {
        if (input.kind == InputKind::kArgument) {
          copy_.CopyInput(input);
          continue;
        }
        if (input.kind != InputKind::kParam || input.param.is_buffer) {
          return absl::InvalidArgumentError(absl::StrCat(
              "'", input.name, "': a module that stands in many copies may read its rows and "
              "parameters only, no positions, random numbers, buffers or state"));
        }
        FunctionInput stacked = input;
        ValueType type = source_.type(input.value);
        std::vector<std::string>& logical = stacked.param.logical_dims;
        if (logical.size() != type.dims.size()) logical.assign(type.dims.size(), "");
        logical.insert(logical.begin(), "expert");
        type.dims.insert(type.dims.begin(), Dim(grouper_.count_));
        copy_.Map(input.value, target_.AddInput(input.name, input.kind, type, stacked.param));
        stacked_[input.value] = true;
      }
      owners_ = target_.AddInput("owners", InputKind::kArgument,
                                 {DType::kI32, grouper_.row_dims_});
      return absl::OkStatus();
    }

    absl::Status NoRule(std::string_view what) const {
      return absl::UnimplementedError(
          absl::StrCat("'", source_.name(), "' in many copies: there is no rule for ", what));
    }
    absl::Status NoRule(const Node& node, std::string_view why) const {
      std::string text = absl::StrCat("op '", node.op->name(), "' of");
      for (const ValueId id : node.inputs) {
        absl::StrAppend(&text, " ", source_.type(id).ToText(), stacked_[id] ? " (parameter)" : "");
      }
      return NoRule(absl::StrCat(text, ", ", why));
    }

    absl::Status AddCall(const Node& node) {
      std::vector<ValueId> operands;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const bool is_param = node.callee->inputs()[i].kind == InputKind::kParam;
        if (is_param != stacked_[node.inputs[i]]) {
          return NoRule(absl::StrCat("the call at '", node.at, "'"));
        }
        operands.push_back(copy_(node.inputs[i]));
      }
      ASSIGN_OR_RETURN(FunctionRef callee, grouper_.Run(node.callee));
      operands.push_back(owners_);
      ASSIGN_OR_RETURN(const std::vector<ValueId> results,
                       target_.AddCall(callee, node.at, std::move(operands)));
      for (size_t i = 0; i < results.size(); ++i) copy_.Map(node.outputs[i], results[i]);
      return absl::OkStatus();
    }

    absl::Status AddOp(const Node& node) {
      size_t params = 0;
      for (const ValueId id : node.inputs) params += stacked_[id] ? 1 : 0;
      if (params == 0) return AddRowOp(node);
      if (params == node.inputs.size()) return AddParamOp(node);
      if (node.op->grouped() == "grouped_matmul") return AddProduct(node);
      if (node.op->elementwise_inputs() > 0) return AddElementwise(node);
      return NoRule(node, "which needs its parameter whole");
    }

    // Does the op treat every row alone, whatever rows there are?
    bool KeepsRows(const Node& node) const {
      if (node.inputs.empty()) return true;   // a constant
      const Dims& rows = grouper_.row_dims_;
      for (const ValueId id : node.outputs) {
        const Dims& dims = source_.type(id).dims;
        if (dims.size() < rows.size() || !std::equal(rows.begin(), rows.end(), dims.begin())) {
          return false;
        }
      }
      if (node.op->elementwise_inputs() > 0 || node.op->is_view() ||
          node.op->grouped() == "unchanged") {
        return true;
      }
      std::vector<ValueType> types;
      for (const ValueId id : node.inputs) types.push_back(source_.type(id));
      const auto signature = node.op->SignatureOf({types, node.attrs});
      return signature.ok() && signature->IsRowWise();
    }

    absl::Status AddRowOp(const Node& node) {
      if (!KeepsRows(node)) return NoRule(node, "which mixes rows");
      return copy_.CopyNode(node);
    }

    // Parameters alone: the leading dim comes along where dims are aligned with each other.
    absl::Status AddParamOp(const Node& node) {
      const size_t rank = source_.type(node.outputs[0]).dims.size();
      bool aligned = node.op->elementwise_inputs() > 0 || node.op->grouped() == "unchanged";
      for (const ValueId id : node.inputs) {
        aligned = aligned && source_.type(id).dims.size() == rank;
      }
      if (!aligned) return NoRule(node, "all of them parameters");
      RETURN_IF_ERROR(copy_.CopyNode(node));
      for (const ValueId id : node.outputs) stacked_[id] = true;
      return absl::OkStatus();
    }

    absl::Status AddProduct(const Node& node) {
      const bool fits = node.inputs.size() == 2 && !stacked_[node.inputs[0]] &&
                        source_.type(node.inputs[1]).dims.size() == 2 &&
                        !node.attrs.Bool("transpose_lhs");
      if (!fits) return NoRule(node, "expected rows times a matrix");
      const ValueId y = graph_.Op(
          "grouped_matmul", {copy_(node.inputs[0]), copy_(node.inputs[1]), owners_},
          {{"transpose_rhs", node.attrs.Bool("transpose_rhs")},
           {"dtype", std::string(node.attrs.Text("dtype"))}});
      copy_.Map(node.outputs[0], y);
      return absl::OkStatus();
    }

    // A vector or scalar per copy that meets rows: each row takes that of its owner.
    absl::Status AddElementwise(const Node& node) {
      std::vector<ValueId> operands;
      for (const ValueId id : node.inputs) {
        if (!stacked_[id]) {
          operands.push_back(copy_(id));
          continue;
        }
        const Dims& dims = source_.type(id).dims;
        if (dims.size() > 1) return NoRule(node, "a parameter of more than one dim");
        const Dim width = dims.empty() ? Dim(1) : dims[0];
        const ValueId table = graph_.Reshape(copy_(id), {Dim(grouper_.count_), width});
        operands.push_back(graph_.Op("embedding", {owners_, table}));
      }
      copy_.Map(node.outputs[0], graph_.Op(node.op->name(), operands, node.attrs));
      return absl::OkStatus();
    }

    Grouper& grouper_;
    const Function& source_;
    Function& target_;
    Graph graph_;
    Copier copy_;
    std::vector<bool> stacked_;   // per value of the source: has the leading dim
    ValueId owners_ = kNoValue;
  };

  const OpTable& ops_;
  const int64_t count_;
  const Dims row_dims_;
  std::map<const Function*, FunctionRef> known_;
  std::vector<FunctionRef> kept_;   // so that no address in known_ is used twice
};

}  // namespace

absl::StatusOr<FunctionRef> GroupCopies(const OpTable& ops, const FunctionRef& source,
                                        int64_t count) {
  Dims row_dims;
  int arguments = 0;
  for (const FunctionInput& input : source->inputs()) {
    if (input.kind != InputKind::kArgument) continue;
    const Dims& dims = source->type(input.value).dims;
    const Dims rows(dims.begin(), dims.empty() ? dims.begin() : dims.end() - 1);
    if (arguments++ == 0) row_dims = rows;
    if (dims.size() >= 2 && rows == row_dims) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("'", source->name(), "' in many copies: expected operands of the same rows, "
                     "got ", source->type(input.value).ToText(), " as operand ", arguments - 1));
  }
  if (arguments == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", source->name(), "' in many copies: expected operands of rows"));
  }
  return Grouper(ops, count, row_dims).Run(source);
}

}  // namespace tessera
