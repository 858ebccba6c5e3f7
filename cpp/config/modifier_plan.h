// ModifierPlan: reads one modifier and finds its places: from JSON to edits.
//
// A chain's parts become edits of one plan, all selected on the same view. Internal to modifiers.
// One thread.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "cpp/config/modifier_edit.h"
#include "cpp/config/selector.h"

namespace tessera {

class ModifierPlan {
 public:
  ModifierPlan(const SchemaRegistry& registry, const JsonDocument& document,
               const ConfigView& view, const ConfigNode* hardware, ConfigErrors& errors,
               std::vector<ModifierReport>& reports)
      : registry_(registry), document_(document), view_(view), hardware_(hardware),
        errors_(errors), reports_(reports) {}

  // Reads modifier number `number` (from 1). Errors name it.
  void Add(const JsonValue& json, int number);

  const std::vector<Edit>& edits() const { return edits_; }
  // "modifier 1 (replace FeedForward)" of the whole.
  const std::string& name() const { return parts_.front().name; }

 private:
  struct Verb;
  static const std::vector<Verb>& Verbs();

  // --- modifier_plan.cc ---
  void AddPart(const JsonValue& json, int number, const std::string& label, int depth);
  void AddChain(const JsonValue& json, int number, const std::string& label, int depth);
  void AddWhen(const JsonValue& json, int number, const std::string& label, int depth);
  const Verb* VerbOf(const JsonValue& json, size_t offset);
  bool CheckMembers(const JsonValue& json, const Verb& verb);

  // --- modifier_verbs.cc ---
  void PlanReplace(const ModifierPart& part);
  void PlanWrap(const ModifierPart& part);
  void PlanSet(const ModifierPart& part);
  void PlanUnset(const ModifierPart& part);
  void PlanInsert(const ModifierPart& part);
  void PlanRemove(const ModifierPart& part);

  bool ReadSelector(const ModifierPart& part, std::string_view member, Selector& out);
  // The type of "with" or "insert", and the fields that stand in it and in "set".
  const TypeInfo* ReadType(const ModifierPart& part, std::string_view member,
                           std::vector<FieldEdit>& fields, uint32_t& offset);
  bool ReadFields(const ModifierPart& part, const JsonValue& value, bool skip_type,
                  std::vector<FieldEdit>& fields);
  bool ReadOptional(const ModifierPart& part);
  // Whether setting the fields would change nothing.
  bool HasFields(const ConfigNode& node, const std::vector<FieldEdit>& fields);
  // Reports what was selected, or that nothing was.
  bool Finish(const ModifierPart& part, const Selector& selector,
              const std::vector<Selector::Found>& found);
  void EditFields(const ModifierPart& part, const Place& place,
                  const std::vector<FieldEdit>& fields);
  bool CheckInsertable(const ModifierPart& part, const Place& owner, const FieldInfo* field,
                       const FieldEdit& to, const TypeInfo* type, bool& is_there);
  void Fail(const ModifierPart& part, size_t offset, std::string path, std::string expected,
            std::string got, std::string nearest = "", std::string hint = "");

  const SchemaRegistry& registry_;
  const JsonDocument& document_;
  const ConfigView& view_;
  const ConfigNode* hardware_;
  ConfigErrors& errors_;
  std::vector<ModifierReport>& reports_;
  std::deque<ModifierPart> parts_;   // edits point to them
  std::vector<Edit> edits_;
};

}  // namespace tessera
