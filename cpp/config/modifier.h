// Modifiers: changes of a config as data, which find their places themselves.
//
//   {"replace": SELECTOR, "with": TYPE, "set": {...}}      another type; shared settings stay
//   {"wrap": SELECTOR, "with": TYPE, "set": {...}}         into a wrapper's inner slot, as it is
//   {"set": {PATH: VALUE, ...}, "in": SELECTOR}            fields and slots; "in": the root
//   {"unset": [PATH, ...], "in": SELECTOR}                 back to "nothing was said"
//   {"insert": TYPE or VALUE, "to": PATH, "in": SELECTOR}  into an empty slot or a list
//   {"remove": SELECTOR}                                   empties a slot, takes out of a list
//   {"chain": [MODIFIER, ...]}                             all at once, in no order
//   {"when": {CONDITIONS}, "then": MODIFIER, "else": ...}  by the hardware
// A list of modifiers is applied one after another. Each selects its places on the config as it
// was before it, then edits a copy: it is applied whole or not at all. What is wanted already
// counts as selected, so that applying a modifier twice gives the same bytes; matching nothing is
// an error unless "optional": true. See README.md. Thread-safe: functions of their arguments.
#pragma once

#include <string>
#include <vector>

#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/config/tree.h"

namespace tessera {

// What one modifier (or one part of a chain) did.
struct ModifierReport {
  std::string modifier;              // "modifier 1 (replace FeedForward)"
  std::string origin;                // "moe.json:1:1"
  std::vector<std::string> places;   // paths of what it selected
  std::vector<std::string> dropped;  // settings that a replaced module had and the new one lacks
  bool is_skipped = false;           // optional, and nothing matched; or `when` did not hold
};

// JSON: {"modifiers": [{"modifier", "origin", "places", "dropped", "skipped"}, ...]}
std::string ReportJson(const std::vector<ModifierReport>& reports);

// Applies a modifier or a list of them to `root`, which is left as it was when there are errors.
// `hardware` is a resolved node of the type Hardware, or nullptr: `when` is then an error.
void ApplyModifiers(const SchemaRegistry& registry, const JsonDocument& document,
                    const JsonValue& modifiers, const ConfigNode* hardware,
                    std::unique_ptr<ConfigNode>& root, std::vector<ModifierReport>& reports,
                    ConfigErrors& errors);

}  // namespace tessera
