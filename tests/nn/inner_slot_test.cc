// A slot marked `inner` adds no part to paths: what is wrapped keeps the names of its parameters,
// states, keys, losses and metrics, and a wrapper cannot take one of them by accident.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/config.h"
#include "cpp/nn/tracer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using BuildFn = std::function<absl::StatusOr<Values>(Scope&, const Values&)>;

class BuildModule : public Module {
 public:
  explicit BuildModule(BuildFn build) : build_(std::move(build)) {}
  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    return build_(scope, inputs);
  }

 private:
  BuildFn build_;
};

// A Core with a parameter, a key and a metric, in as many wrappers as `json` says.
absl::StatusOr<FunctionRef> TraceJson(const std::string& json, const BuildFn& wrapper) {
  auto registry = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  RETURN_IF_ERROR(registry->RegisterText(
      "table Core (role: \"layer\") {\n  /// Size.\n  size: long = 4;\n}", "Core"));
  RETURN_IF_ERROR(registry->RegisterText(
      "table Wrapper (role: \"layer\") {\n  /// What is wrapped.\n"
      "  inner: Slot (role: \"layer\", default_type: \"Core\", inner);\n}", "Wrapper"));
  RETURN_IF_ERROR(registry->RegisterText(
      "table Owner (role: \"layer\") {\n  /// What it calls.\n"
      "  part: Slot (role: \"layer\", default_type: \"Core\");\n}", "Owner"));
  const std::map<std::string, BuildFn> builds = {
      {"Core",
       [](Scope& scope, const Values& in) -> absl::StatusOr<Values> {
         const ValueId weight = scope.Param("weight", {4, 4}, Initializer::Normal(1));
         scope.Key("mask");
         return Values{scope.graph().MatMul(in[0], weight)};
       }},
      {"Wrapper", wrapper},
      {"Owner",
       [](Scope& scope, const Values& in) -> absl::StatusOr<Values> {
         return scope.Call("part", in);
       }},
  };
  ModuleTable table;
  for (const auto& [type, build] : builds) {
    RETURN_IF_ERROR(table.Register(type, [build = build](const ConfigNode&) {
      return absl::StatusOr<std::unique_ptr<Module>>(std::make_unique<BuildModule>(build));
    }));
  }
  ASSIGN_OR_RETURN(const Config config, Config::FromJson(registry, json));
  ASSIGN_OR_RETURN(const Config resolved, config.Resolve());
  Tracer tracer(OpTable::Builtin(), table, {DType::kF32, Mode::kTrain});
  return tracer.TraceMain(resolved.root(), {{"x", {DType::kF32, {Dim::Symbol("B"), 4}}}}, {});
}

std::vector<std::string> Names(const Function& function) {
  std::vector<std::string> names;
  for (const FunctionInput& input : function.inputs()) {
    if (input.kind != InputKind::kArgument) names.push_back(input.name);
  }
  return names;
}

absl::StatusOr<Values> Pass(Scope& scope, const Values& in) { return scope.Call("inner", in); }

TEST(InnerSlotTest, NamesAreTheSameWithAndWithoutWrappers) {
  const auto bare = TraceJson(R"({"type": "Owner"})", &Pass);
  const auto wrapped = TraceJson(R"({"type": "Owner", "part": "Wrapper"})", &Pass);
  const auto twice = TraceJson(
      R"({"type": "Owner", "part": {"type": "Wrapper", "inner": "Wrapper"}})", &Pass);
  ASSERT_TRUE(bare.ok() && wrapped.ok() && twice.ok()) << bare.status() << wrapped.status();
  EXPECT_THAT(Names(**bare), ElementsAre("part/weight", "part/mask"));
  EXPECT_EQ(Names(**wrapped), Names(**bare));
  EXPECT_EQ(Names(**twice), Names(**bare));
}

TEST(InnerSlotTest, AWrapperHasParametersOfItsOwn) {
  const auto main = TraceJson(
      R"({"type": "Owner", "part": "Wrapper"})",
      [](Scope& scope, const Values& in) -> absl::StatusOr<Values> {
        const ValueId scale = scope.Param("scale", {4}, Initializer::Constant(1));
        return Values{scope.graph().Mul(scope.Call1("inner", in), scale)};
      });
  ASSERT_TRUE(main.ok()) << main.status();
  EXPECT_THAT(Names(**main), ElementsAre("part/scale", "part/weight", "part/mask"));
}

TEST(InnerSlotTest, ANameThatBothHaveIsAnError) {
  for (const bool wrapper_first : {true, false}) {
    const auto main = TraceJson(
        R"({"type": "Owner", "part": "Wrapper"})",
        [&](Scope& scope, const Values& in) -> absl::StatusOr<Values> {
          if (wrapper_first) scope.Param("weight", {4, 4}, Initializer::Normal(1));
          Values out = scope.Call("inner", in);
          if (!wrapper_first) scope.Param("weight", {4, 4}, Initializer::Normal(1));
          return out;
        });
    EXPECT_THAT(std::string(main.status().message()), HasSubstr("parameter weight: the "));
    EXPECT_THAT(std::string(main.status().message()), HasSubstr("adds no part to paths"));
  }
}

}  // namespace
}  // namespace tessera
