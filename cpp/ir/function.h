// Function: a pure, typed graph in SSA form: named inputs, nodes in order, named outputs.
//
// Parameters, state, ambient values and random keys are inputs like any other, told apart by kind
// and named by a path relative to the function, so one function serves every layer. A call passes
// all inputs of its callee explicitly, in the callee's order, so a shared parameter is simply one
// value passed twice. Nodes are in an order in which every use follows its definition.
// A Function is built by one thread and immutable once it is shared (std::shared_ptr<const>).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ir/op_def.h"
#include "cpp/ir/type.h"
#include "cpp/tensor/attr.h"

namespace tessera {

using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;

class Function;
using FunctionRef = std::shared_ptr<const Function>;

// How a parameter starts. `kind`: "normal" (mean, stddev), "uniform" (mean +- stddev), "constant"
// (mean).
struct Initializer {
  std::string kind = "constant";
  double mean = 0;
  double stddev = 0;

  static Initializer Constant(double value) { return {"constant", value, 0}; }
  static Initializer Normal(double stddev) { return {"normal", 0, stddev}; }
  bool operator==(const Initializer&) const = default;
};

// What a parameter is, beside its dims: shared by all functions that mention it.
struct ParamSpec {
  Initializer init;
  std::vector<std::string> logical_dims;  // "embed", "mlp", "heads", "vocab", ...; may be empty
  bool decay = true;                      // default for weight decay: false for norms and biases
  bool is_buffer = false;                 // no gradient moves it (a router's bias)

  bool operator==(const ParamSpec&) const = default;
};

enum class InputKind {
  kArgument,   // data given by the caller
  kParam,      // name = path
  kState,      // carried from step to step; name = path
  kAmbient,    // positions, segments, cache lengths: the same for a whole subtree
  kKey,        // u32[4] random key, made from (seed, step, absolute path of this name)
};

struct FunctionInput {
  std::string name;
  InputKind kind = InputKind::kArgument;
  ValueId value = kNoValue;
  ParamSpec param;  // kParam and kState (its initializer)
};

// What an output is for. Beside its results a function may carry state on and report sums.
enum class OutputKind : uint8_t {
  kResult,
  kState,              // next value of the state input of the same name
  kLossNumerator,      // scalar sum over targets; `weight` is the loss's weight
  kLossDenominator,    // scalar count; depends on no parameter
  kMetricNumerator,
  kMetricDenominator,
  // Of functions below main (nn/tracer.h turns them into losses and buffers of main):
  kStatistic,          // a sum over this module's tokens
  kContribution,       // to the next value of a buffer
  // Of main: the result of a call whose first operand is the buffer of the same name and whose
  // second is a contribution. The call runs once a step, at the commit, with the contributions of
  // all micro-batches and ranks added up; a forward never runs it.
  kBuffer,
};

struct FunctionOutput {
  std::string name;
  ValueId value = kNoValue;
  OutputKind kind = OutputKind::kResult;
  double weight = 1;   // kLossNumerator only

  bool operator==(const FunctionOutput&) const = default;
};

struct Value {
  ValueType type;
  int32_t node = -1;    // index in nodes(), or -1 for an input
  int32_t output = 0;   // which output of that node
};

// What a node is for, given after differentiation: forward, input gradient or weight gradient.
enum class NodeColor : uint8_t { kForward, kInputGradient, kWeightGradient };

struct Node {
  const OpDef* op = nullptr;  // nullptr: a call
  FunctionRef callee;
  std::string at;             // call only: path of the callee, relative to this function
  Attrs attrs;                // complete: fallbacks filled in
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  NodeColor color = NodeColor::kForward;

  bool is_call() const { return callee != nullptr; }
};

class Function {
 public:
  explicit Function(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  const std::vector<FunctionInput>& inputs() const { return inputs_; }
  const std::vector<FunctionOutput>& outputs() const { return outputs_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Value>& values() const { return values_; }
  const Value& value(ValueId id) const { return values_[id]; }
  const ValueType& type(ValueId id) const { return values_[id].type; }
  // Index of the input or output of that name (and kind), or -1.
  int FindInput(std::string_view name, InputKind kind) const;
  int FindOutput(std::string_view name) const;

  // --- Building. ---
  ValueId AddInput(std::string name, InputKind kind, ValueType type, ParamSpec param = {});
  void ClearOutputs() { outputs_.clear(); }
  void AddOutput(std::string name, ValueId value, OutputKind kind = OutputKind::kResult,
                 double weight = 1) {
    outputs_.push_back({std::move(name), value, kind, weight});
  }
  // Checks attributes and operand types; InvalidArgument begins with the op's name.
  absl::StatusOr<std::vector<ValueId>> AddNode(const OpDef& op, Attrs attrs,
                                               std::vector<ValueId> inputs);
  // `inputs` in the order of callee->inputs(); types must be equal.
  absl::StatusOr<std::vector<ValueId>> AddCall(FunctionRef callee, std::string at,
                                               std::vector<ValueId> inputs);
  void SetColor(size_t node_index, NodeColor color) { nodes_[node_index].color = color; }

  // Hash of everything but names of functions: equal hashes are compared with StructurallyEqual.
  uint64_t Hash() const;

 private:
  std::string name_;
  std::vector<FunctionInput> inputs_;
  std::vector<FunctionOutput> outputs_;
  std::vector<Node> nodes_;
  std::vector<Value> values_;
};

// Same inputs, nodes and outputs; names of the functions themselves do not matter.
bool StructurallyEqual(const Function& a, const Function& b);

}  // namespace tessera
