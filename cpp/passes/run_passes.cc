#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/ir/verifier.h"
#include "cpp/passes/pass.h"

namespace tessera {
namespace {

absl::Status Broken(std::string_view pass, const Function& function, std::string_view text) {
  return absl::InternalError(
      absl::StrCat("pass '", pass, "' on function '", function.name(), "': ", text));
}

bool SameInput(const Function& a, const Function& b, size_t i) {
  const FunctionInput& x = a.inputs()[i];
  const FunctionInput& y = b.inputs()[i];
  return x.name == y.name && x.kind == y.kind && x.param == y.param &&
         a.type(x.value) == b.type(y.value);
}

bool SameOutput(const Function& a, const Function& b, size_t i) {
  const FunctionOutput& x = a.outputs()[i];
  const FunctionOutput& y = b.outputs()[i];
  return x.name == y.name && x.kind == y.kind && x.weight == y.weight &&
         a.type(x.value) == b.type(y.value);
}

absl::Status CheckResult(std::string_view pass, const Function& before, const FunctionRef& after) {
  if (after == nullptr) return Broken(pass, before, "it gave no function");
  bool same = before.inputs().size() == after->inputs().size() &&
              before.outputs().size() == after->outputs().size();
  for (size_t i = 0; same && i < before.inputs().size(); ++i) same = SameInput(before, *after, i);
  for (size_t i = 0; same && i < before.outputs().size(); ++i) {
    same = SameOutput(before, *after, i);
  }
  if (!same) return Broken(pass, before, "it changed inputs or outputs");
  const absl::Status verified = Verify(*after);
  return verified.ok() ? verified : Broken(pass, before, verified.message());
}

}  // namespace

std::vector<NamedPass> InOrder(absl::Span<const NamedPass> table) {
  std::vector<std::tuple<int, std::string_view, NamedPass>> places;
  for (const NamedPass& pass : table) places.emplace_back(pass.create().place, pass.name, pass);
  std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  std::vector<NamedPass> order;
  for (const auto& [place, name, pass] : places) order.push_back(pass);
  return order;
}

absl::Status RunPasses(absl::Span<const NamedPass> table, const OpTable& ops, Program& program) {
  for (const NamedPass& named : InOrder(table)) {
    const Pass pass = named.create();
    for (FunctionRef& function : program.functions) {
      absl::StatusOr<FunctionRef> changed = pass.run(function, ops);
      if (!changed.ok()) return Broken(named.name, *function, changed.status().ToString());
      if (*changed == function) continue;
      RETURN_IF_ERROR(CheckResult(named.name, *function, *changed));
      function = *std::move(changed);
    }
  }
  return absl::OkStatus();
}

}  // namespace tessera
