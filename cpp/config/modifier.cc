#include "cpp/config/modifier.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/config/json_printer.h"
#include "cpp/config/modifier_edit.h"
#include "cpp/config/modifier_plan.h"

namespace tessera {
namespace {

std::string ListJson(const std::vector<std::string>& items) {
  return absl::StrCat("[",
                      absl::StrJoin(items, ", ",
                                    [](std::string* out, const std::string& item) {
                                      absl::StrAppend(out, JsonQuoted(item));
                                    }),
                      "]");
}

class Applier {
 public:
  Applier(const SchemaRegistry& registry, const JsonDocument& document,
          const ConfigNode* hardware)
      : registry_(registry), document_(document), hardware_(hardware) {}

  // One modifier on `root`, which is changed in place; half of it when there are errors.
  std::string Apply(const JsonValue& json, int number, ConfigNode& root,
                    std::vector<ModifierReport>& reports, ConfigErrors& errors) const {
    const size_t before = errors.count();
    const ConfigView view(registry_, root);
    ModifierPlan plan(registry_, document_, view, hardware_, errors, reports);
    plan.Add(json, number);
    if (errors.count() != before || !CheckConflicts(plan.edits(), document_, errors)) {
      return plan.name();
    }
    EditMaker(registry_, document_, view, root, errors, reports).Make(plan.edits());
    return plan.name();
  }

  // Applied twice, a modifier must give the same bytes.
  void CheckStable(const JsonValue& json, int number, const std::string& name,
                   const ConfigNode& root, ConfigErrors& errors) const {
    const std::unique_ptr<ConfigNode> again = root.Clone();
    std::vector<ModifierReport> reports;
    ConfigErrors second;
    Apply(json, number, *again, reports, second);
    if (second.empty() && again->SameAs(root)) return;
    const ConfigOrigin origin = document_.OriginAt(json.offset);
    ConfigError error;
    error.file = *origin.source;
    error.line = origin.line;
    error.column = origin.column;
    error.modifier = name;
    error.expected = "a modifier that gives the same config when it is applied again";
    error.got = second.empty() ? FirstDifference(root, *again, &error.path)
                               : absl::StrCat("an error then: ", second.errors().front().ToText());
    errors.Add(std::move(error));
  }

 private:
  static std::string FirstDifference(const ConfigNode& once, const ConfigNode& twice,
                                     std::string* path) {
    const auto a = Flatten(once), b = Flatten(twice);
    for (const auto& [where, entry] : b) {
      const auto found = a.find(where);
      const std::string before = found == a.end() ? "nothing" : found->second.value;
      if (before == entry.value) continue;
      *path = where;
      return absl::StrCat(before, " and then ", entry.value);
    }
    return "less the second time";
  }

  const SchemaRegistry& registry_;
  const JsonDocument& document_;
  const ConfigNode* hardware_;
};

}  // namespace

std::string ReportJson(const std::vector<ModifierReport>& reports) {
  std::string text = "{\"modifiers\": [";
  for (const ModifierReport& report : reports) {
    absl::StrAppend(&text, text.back() == '[' ? "" : ", ", "{\"modifier\": ",
                    JsonQuoted(report.modifier), ", \"origin\": ", JsonQuoted(report.origin),
                    ", \"places\": ", ListJson(report.places), ", \"dropped\": ",
                    ListJson(report.dropped), ", \"skipped\": ",
                    report.is_skipped ? "true" : "false", "}");
  }
  return text + "]}";
}

void ApplyModifiers(const SchemaRegistry& registry, const JsonDocument& document,
                    const JsonValue& modifiers, const ConfigNode* hardware,
                    std::unique_ptr<ConfigNode>& root, std::vector<ModifierReport>& reports,
                    ConfigErrors& errors) {
  std::vector<const JsonValue*> items;
  if (modifiers.kind == JsonValue::Kind::kList) {
    for (const JsonValue& item : modifiers.items) items.push_back(&item);
  } else {
    items.push_back(&modifiers);
  }
  const size_t before = errors.count();
  std::unique_ptr<ConfigNode> changed = root->Clone();
  const Applier applier(registry, document, hardware);
  for (size_t i = 0; i < items.size() && errors.count() == before; ++i) {
    const int number = static_cast<int>(i + 1);
    const std::string name = applier.Apply(*items[i], number, *changed, reports, errors);
    if (errors.count() == before) applier.CheckStable(*items[i], number, name, *changed, errors);
  }
  if (errors.count() == before) root = std::move(changed);
}

}  // namespace tessera
