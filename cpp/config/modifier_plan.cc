#include "cpp/config/modifier_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cpp/base/text.h"
#include "cpp/config/field_check.h"
#include "cpp/config/predicate.h"

namespace tessera {
namespace {

using Kind = JsonValue::Kind;

// Chains in chains and conditions in conditions.
constexpr int kDeepest = 16;
// Of one plan; far more than any real one.
constexpr size_t kMostParts = 4096;

// "replace FeedForward" for names of modifiers in errors.
std::string Title(std::string_view verb, const JsonValue& json) {
  const JsonValue* object = FindMember(json, verb);
  if (verb == "set" || verb == "unset") object = FindMember(json, "in");
  std::string text(verb);
  if (object == nullptr) return text;
  if (object->kind == Kind::kText) return absl::StrCat(text, " ", object->text.substr(0, 60));
  for (const char* name : {"type", "role", "path"}) {
    const JsonValue* part = FindMember(*object, name);
    if (part == nullptr || part->kind != Kind::kText) continue;
    absl::StrAppend(&text, std::string_view(name) == "role" ? " any " : " ",
                    part->text.substr(0, 60));
    return text;
  }
  return text;
}

}  // namespace

struct ModifierPlan::Verb {
  std::string_view name;
  void (ModifierPlan::*plan)(const ModifierPart&);   // nullptr: chain, when
  std::vector<std::string> members;
};

const std::vector<ModifierPlan::Verb>& ModifierPlan::Verbs() {
  // "set" is the last: it also stands beside other verbs.
  static const std::vector<Verb>& verbs = *new std::vector<Verb>{
      {"replace", &ModifierPlan::PlanReplace, {"replace", "with", "set", "optional"}},
      {"wrap", &ModifierPlan::PlanWrap, {"wrap", "with", "set", "optional"}},
      {"insert", &ModifierPlan::PlanInsert, {"insert", "to", "in", "at", "set", "optional"}},
      {"remove", &ModifierPlan::PlanRemove, {"remove", "optional"}},
      {"unset", &ModifierPlan::PlanUnset, {"unset", "in", "optional"}},
      {"chain", nullptr, {"chain"}},
      {"when", nullptr, {"when", "then", "else"}},
      {"set", &ModifierPlan::PlanSet, {"set", "in", "optional"}},
  };
  return verbs;
}

void ModifierPlan::Fail(const ModifierPart& part, size_t offset, std::string path,
                        std::string expected, std::string got, std::string nearest,
                        std::string hint) {
  const ConfigOrigin origin = document_.OriginAt(offset);
  ConfigError error{*origin.source,     origin.line,     origin.column, std::move(path),
                    std::move(expected), std::move(got), std::move(nearest), std::move(hint), ""};
  error.modifier = part.name;
  errors_.Add(std::move(error));
}

void ModifierPlan::Add(const JsonValue& json, int number) {
  AddPart(json, number, absl::StrCat("modifier ", number), 0);
}

const ModifierPlan::Verb* ModifierPlan::VerbOf(const JsonValue& json, size_t offset) {
  std::vector<std::string> names;
  for (const Verb& verb : Verbs()) {
    if (FindMember(json, verb.name) != nullptr) return &verb;
    names.emplace_back(verb.name);
  }
  std::vector<std::string> given;
  std::string nearest;
  for (const JsonMember& member : json.members) {
    given.push_back(Quoted(member.name));
    if (nearest.empty()) nearest = MeantName(member.name, names);
  }
  Fail(parts_.back(), offset, "", absl::StrCat("one of ", absl::StrJoin(names, ", ")),
       given.empty() ? "an empty object" : absl::StrJoin(given, ", "), nearest);
  return nullptr;
}

bool ModifierPlan::CheckMembers(const JsonValue& json, const Verb& verb) {
  bool fits = true;
  std::vector<std::string_view> seen;
  for (const JsonMember& member : json.members) {
    if (std::find(seen.begin(), seen.end(), member.name) != seen.end()) {
      Fail(parts_.back(), member.offset, "", absl::StrCat("'", member.name, "' only once"),
           "it twice");
      fits = false;
    }
    seen.push_back(member.name);
    if (member.name == "$schema") continue;
    if (std::find(verb.members.begin(), verb.members.end(), member.name) != verb.members.end()) {
      continue;
    }
    Fail(parts_.back(), member.offset, "",
         absl::StrCat("a part of `", verb.name, "` (", absl::StrJoin(verb.members, ", "), ")"),
         Quoted(member.name), MeantName(member.name, verb.members));
    fits = false;
  }
  return fits;
}

void ModifierPlan::AddPart(const JsonValue& json, int number, const std::string& label,
                           int depth) {
  ModifierPart part;
  part.json = &json;
  part.number = number;
  part.name = label;
  part.origin = document_.OriginAt(json.offset);
  part.origin.modifier = number;
  part.report = reports_.size();
  parts_.push_back(part);
  ModifierReport report;
  report.origin = document_.OriginAt(json.offset).ToText();
  report.modifier = label;
  reports_.push_back(report);
  if (depth > kDeepest || parts_.size() > kMostParts) {
    Fail(parts_.back(), json.offset, "",
         absl::StrCat("at most ", kDeepest, " chains inside each other, of ", kMostParts,
                      " parts"),
         "more");
    return;
  }
  if (json.kind != Kind::kObject) {
    Fail(parts_.back(), json.offset, "", "an object with a verb such as replace, set or remove",
         Describe(json));
    return;
  }
  const Verb* verb = VerbOf(json, json.offset);
  if (verb == nullptr) return;
  parts_.back().name = absl::StrCat(label, " (", Title(verb->name, json), ")");
  reports_.back().modifier = parts_.back().name;
  if (!CheckMembers(json, *verb)) return;
  if (verb->plan != nullptr) {
    (this->*verb->plan)(parts_.back());
  } else if (verb->name == "chain") {
    AddChain(*FindMember(json, "chain"), number, label, depth);
  } else {
    AddWhen(json, number, label, depth);
  }
}

void ModifierPlan::AddChain(const JsonValue& json, int number, const std::string& label,
                            int depth) {
  if (json.kind != Kind::kList) {
    Fail(parts_.back(), json.offset, "", "a list of modifiers", Describe(json));
    return;
  }
  for (size_t i = 0; i < json.items.size() && !errors_.full(); ++i) {
    AddPart(json.items[i], number, absl::StrCat(label, ", part ", i + 1), depth + 1);
  }
}

void ModifierPlan::AddWhen(const JsonValue& json, int number, const std::string& label,
                           int depth) {
  const ModifierPart& part = parts_.back();
  const size_t report = part.report;
  const JsonValue& when = *FindMember(json, "when");
  const JsonValue* then = FindMember(json, "then");
  if (then == nullptr) {
    Fail(part, json.offset, "", "\"then\": a modifier", "nothing");
    return;
  }
  std::vector<Condition> conditions;
  const size_t before = errors_.count();
  if (!ReadConditions(when, document_, "when", errors_, conditions)) {
    errors_.BlameModifier(before, part.name);
    return;
  }
  const TypeInfo* type = registry_.Find("Hardware");
  for (const Condition& condition : conditions) {
    if (type == nullptr || type->Find(condition.field) != nullptr) continue;
    Fail(part, condition.offset, absl::StrCat("when.", condition.field.substr(0, 80)),
         absl::StrCat("a field of Hardware (", absl::StrJoin(type->FieldNames(), ", "), ")"),
         Quoted(condition.field), MeantName(condition.field, type->FieldNames()));
    return;
  }
  if (hardware_ == nullptr) {
    Fail(part, when.offset, "when", "a hardware description", "none",
         "", "name one where the config is read");
    return;
  }
  const bool holds = std::all_of(conditions.begin(), conditions.end(),
                                 [&](const Condition& c) { return Holds(c, *hardware_); });
  const JsonValue* chosen = holds ? then : FindMember(json, "else");
  reports_[report].is_skipped = chosen == nullptr;
  if (chosen == nullptr) return;
  const std::string branch = absl::StrCat(label, holds ? ", then" : ", else");
  if (chosen->kind == Kind::kList) {
    AddChain(*chosen, number, branch, depth);
  } else {
    AddPart(*chosen, number, branch, depth + 1);
  }
}

}  // namespace tessera
