// ConfigFile: from the text of a config, and the files it extends, to one tree.
//
//   "extends": "bases/llama.json" or a list; read first, in order, relative to the file
//   "parameters": {...}           see parameters.h
//   fields and slots              put on top of what was extended
//   "modifiers": [...]            applied last (modifier.h)
// Nothing is run and nothing but named files is read: `extends` takes relative paths of regular
// files whose names end with .json, at most kMostFiles of them and kDeepest inside each other.
// Internal to config. One thread per object.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/config/errors.h"
#include "cpp/config/json_document.h"
#include "cpp/config/parameters.h"
#include "cpp/config/tree.h"

namespace tessera {

class ConfigFile {
 public:
  static constexpr size_t kMostFiles = 64;
  static constexpr size_t kDeepest = 16;

  // With `reads_files` the text stands in the file `name`; without, it can extend nothing.
  ConfigFile(const SchemaRegistry& registry, const ConfigNode* hardware, bool reads_files)
      : registry_(registry), hardware_(hardware), reads_files_(reads_files) {}

  // The tree; nullptr when there is none. It may be incomplete when there are errors.
  std::unique_ptr<ConfigNode> Read(std::string_view text, std::string_view name,
                                   ConfigErrors& errors);
  // False when something was missed, so that nothing can be said to be missing.
  bool is_whole() const { return is_whole_; }

 private:
  struct File {
    std::string name, text;
    std::unique_ptr<JsonDocument> document;
  };

  void ReadInto(File& file, size_t depth, ConfigErrors& errors);
  void Extend(const File& file, const JsonValue& bases, size_t depth, ConfigErrors& errors);
  void ExtendOne(const File& file, const JsonValue& base, size_t depth, ConfigErrors& errors);
  void Fail(const File& file, size_t offset, std::string expected, std::string got,
            ConfigErrors& errors, std::string nearest = "", std::string hint = "");

  const SchemaRegistry& registry_;
  const ConfigNode* hardware_;
  const bool reads_files_;
  bool is_whole_ = true;
  Parameters parameters_;
  std::unique_ptr<ConfigNode> root_;
  std::vector<std::unique_ptr<File>> files_;   // documents view their texts
  std::vector<std::string> open_;              // the file being read and those that extend it
};

}  // namespace tessera
