// Edits: what modifiers come down to once their places are known, checked against each other and
// then made all at once. Internal to modifiers. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/config/modifier.h"
#include "cpp/config/path.h"
#include "cpp/config/place.h"

namespace tessera {

// A modifier that stands for itself, or a part of a chain.
struct ModifierPart {
  const JsonValue* json = nullptr;
  int number = 1;               // of the modifier in its document, from 1
  std::string name;             // "modifier 1, part 2 (replace FeedForward)"
  ConfigOrigin origin;          // of the whole
  size_t report = 0;            // index of its report
};

// A field to set, as it stands in a "set" object, or to unset.
struct FieldEdit {
  std::string path;             // from the place, as it was written
  std::vector<PathPart> parts;
  const JsonValue* value = nullptr;   // nullptr: unset
};

struct Edit {
  enum class Kind { kFields, kReplace, kWrap, kInsert, kRemove };

  Kind kind = Kind::kFields;
  const ModifierPart* part = nullptr;
  const Place* place = nullptr;       // what is edited; for kInsert the owner of the slot or list
  std::vector<FieldEdit> fields;      // kFields: of the place; else of the new module
  const TypeInfo* type = nullptr;     // kReplace, kWrap, kInsert of a module
  uint32_t type_offset = 0;           // where the document names it
  FieldEdit to;                       // kInsert: the slot or list
  const JsonValue* item = nullptr;    // kInsert into a list of values
  int64_t at = -1;                    // kInsert into a list: before that item; -1: at the end

  // The path that it claims for itself, and how errors call it.
  std::string ClaimOf(size_t field) const;
  std::string Summary() const;
};

// Reports two edits that want different things for one place. True when there are none.
bool CheckConflicts(const std::vector<Edit>& edits, const JsonDocument& document,
                    ConfigErrors& errors);

class EditMaker {
 public:
  EditMaker(const SchemaRegistry& registry, const JsonDocument& document, const ConfigView& view,
            ConfigNode& root, ConfigErrors& errors, std::vector<ModifierReport>& reports)
      : registry_(registry), document_(document), view_(view), root_(root), errors_(errors),
        reports_(reports) {}

  // Fields first, then structure from the innermost outwards. Errors stand in `errors`.
  void Make(const std::vector<Edit>& edits);

  // Sets fields of a node that stands at `path`.
  void SetFields(const ModifierPart& part, const std::vector<FieldEdit>& fields,
                 const std::string& path, ConfigNode& node);

 private:
  // A place in the tree that is edited.
  struct Target {
    ConfigNode* parent = nullptr;   // nullptr: the root
    size_t slot = 0;
    ConfigNode* node = nullptr;     // nullptr: an empty slot
  };

  Target Find(const Place& place, const ModifierPart& part);
  std::unique_ptr<ConfigNode>* Holder(const Target& target);
  void Replace(const Edit& edit, const Target& target);
  void CarryOver(const Edit& edit, ConfigNode& from, ConfigNode& to);
  void Wrap(const Edit& edit, const Target& target);
  void Insert(const Edit& edit, ConfigNode& owner);
  void InsertModule(const Edit& edit, const FieldInfo& field, ConfigNode::Slot& slot);
  void InsertItem(const Edit& edit, const FieldInfo& field, ConfigNode::Field& stored);
  void Remove(const Edit& edit, const Target& target);
  ConfigOrigin OriginOf(const ModifierPart& part, size_t offset) const;
  void Fail(const ModifierPart& part, size_t offset, std::string path, std::string expected,
            std::string got, std::string nearest = "", std::string hint = "");

  const SchemaRegistry& registry_;
  const JsonDocument& document_;
  const ConfigView& view_;
  ConfigNode& root_;
  ConfigErrors& errors_;
  std::vector<ModifierReport>& reports_;
};

}  // namespace tessera
