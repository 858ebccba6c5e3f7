// CallKit: functions that call functions, built in a line or two. Header only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpp/ir/graph.h"
#include "gtest/gtest.h"

namespace tessera {

inline constexpr int64_t kKitWidth = 3;

// A function of x[B,3] under construction.
struct CallKit {
  explicit CallKit(const std::string& name)
      : function(std::make_shared<Function>(name)), graph(OpTable::Builtin(), *function) {
    x = function->AddInput("x", InputKind::kArgument, Type());
  }
  static ValueType Type() { return {DType::kF64, {Dim::Symbol("B"), kKitWidth}}; }

  ValueId Param(const std::string& name) {
    const int existing = function->FindInput(name, InputKind::kParam);
    if (existing >= 0) return function->inputs()[existing].value;
    return function->AddInput(name, InputKind::kParam, {DType::kF64, {kKitWidth}});
  }
  // Calls `callee` with x for its argument and parameters under the path.
  ValueId Call(const FunctionRef& callee, ValueId argument, const std::string& at) {
    std::vector<ValueId> operands;
    for (const FunctionInput& input : callee->inputs()) {
      operands.push_back(input.kind == InputKind::kArgument ? argument
                                                            : Param(at + "/" + input.name));
    }
    const auto results = function->AddCall(callee, at, operands);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? (*results)[0] : kNoValue;
  }
  FunctionRef Done(ValueId result) {
    function->AddOutput("y", result);
    EXPECT_TRUE(graph.ok()) << graph.status();
    return function;
  }

  std::shared_ptr<Function> function;
  Graph graph;
  ValueId x = kNoValue;
};

// y = exp(...exp(x * w)...) of `nodes` nodes in all, tamed so that numbers stay small.
inline FunctionRef KitLayer(const std::string& name, int nodes) {
  CallKit kit(name);
  ValueId y = kit.graph.Mul(kit.x, kit.Param("w"));
  for (int i = 1; i < nodes; ++i) y = kit.graph.Op(i % 2 == 0 ? "sin" : "tanh", {y});
  return kit.Done(y);
}

}  // namespace tessera
