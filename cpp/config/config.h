// Config: a tree of nodes read from JSON text or FlatBuffers bytes, changed by path, resolved.
//
// Reading, Set and Resolve report all errors at once (errors.h). A config may be incomplete until
// it is resolved; Resolve gives a new one in which every field has its value. Paths: `a.b.c`, with
// `layers[3]` for lists. Changes that find their places themselves are modifiers (modifier.h); a
// file can extend others (config_file.h). A Config is a value (copies are deep); it keeps its
// registry alive. Constant use from several threads is safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/config/modifier.h"
#include "cpp/config/registry.h"
#include "cpp/config/tree.h"

namespace tessera {

// What a config may be at most; far beyond any real one.
struct ConfigLimits {
  static constexpr int64_t kTextBytes = 8 << 20;
  static constexpr int64_t kValues = 1 << 20;   // JSON values in a text
  static constexpr int kDepth = 64;             // nested objects and lists
  static constexpr int kNodes = 1 << 16;
};

class Config {
 public:
  using Registry = std::shared_ptr<const SchemaRegistry>;

  // An empty config of a type. NOT_FOUND with the nearest name.
  static absl::StatusOr<Config> OfType(Registry registry, std::string_view type = "Experiment");
  // JSON text with comments and trailing commas; `name` stands in errors for the file. The root is
  // an Experiment unless it has a "type" of its own. `hardware` is a resolved config of the type
  // Hardware that modifiers with `when` ask; nullptr: they are an error. INVALID_ARGUMENT (see
  // errors.h).
  static absl::StatusOr<Config> FromJson(Registry registry, std::string_view text,
                                         std::string_view name = "config",
                                         const Config* hardware = nullptr);
  // FromJson of a file and of the files that it extends. NOT_FOUND, PERMISSION_DENIED and so on.
  static absl::StatusOr<Config> Load(Registry registry, const std::string& path,
                                     const Config* hardware = nullptr);
  // FlatBuffers bytes (schemas/config.fbs), verified first. Types that the registry lacks are taken
  // from the bytes. INVALID_ARGUMENT.
  static absl::StatusOr<Config> FromBytes(Registry registry, std::string_view bytes);

  Config(const Config& other) : registry_(other.registry_), root_(other.root_->Clone()) {}
  Config& operator=(const Config& other) { return *this = Config(other); }
  Config(Config&&) = default;
  Config& operator=(Config&&) = default;

  const ConfigNode& root() const { return *root_; }
  const Registry& registry() const { return registry_; }
  // The node of a slot of the root, such as "model"; nullptr when empty.
  const ConfigNode* Section(std::string_view slot) const { return root_->Child(slot); }

  // Sets a field to a value given as JSON (texts and enums also without quotes), or fills a slot
  // ("RotaryPosition", {"type": ...}); "null" unsets a field and empties a slot. Slots on the way
  // that say nothing yet get their default type. `origin` is shown as the value's origin; when
  // empty it is "--set path=value". On error nothing changes.
  absl::Status Set(std::string_view path, std::string_view value, std::string_view origin = "");
  // Puts a field or slot back to "nothing was said".
  absl::Status Unset(std::string_view path);
  // Applies a modifier or a list of them, JSON text; `name` stands in errors and origins for the
  // file. Says what each did. On error nothing changes. INVALID_ARGUMENT (see errors.h).
  absl::StatusOr<std::vector<ModifierReport>> Modify(std::string_view text, std::string_view name,
                                                     const Config* hardware = nullptr);
  // The value at a path as JSON; what is unset shows its default ("null" when it has none).
  // NOT_FOUND with the nearest name.
  absl::StatusOr<std::string> Get(std::string_view path) const;

  // Fills in defaults, dictated dims and default types, and checks everything.
  absl::StatusOr<Config> Resolve() const;

  // Canonical JSON of what was set, or of every value, indented. Reads back as the same config.
  std::string ToJson(bool everything = false) const;
  // Every value, with its origin as a comment at the end of the line; reads back as well.
  std::string ToAnnotatedJson() const;
  // {"config": {every value}, "origins": {"model.vocab_size": "gpt.json:4:5", ...}}
  std::string ToResolvedJson() const;
  // JSON of one subtree, every value, on one line: what a custom module's build function is given.
  static std::string NodeJson(const ConfigNode& node);
  // FlatBuffers bytes of what was set, or of every value (for checkpoints: a later default must not
  // change a finished run). Equal configs give equal bytes.
  std::string ToBytes(bool everything = false) const;

  // One line per difference: "path: value in a -> value in b"; "-" where one has none.
  static std::vector<std::string> Diff(const Config& a, const Config& b);

 private:
  static absl::StatusOr<Config> Read(Registry registry, std::string_view text,
                                     std::string_view name, bool is_file, const Config* hardware);
  Config(Registry registry, std::unique_ptr<ConfigNode> root)
      : registry_(std::move(registry)), root_(std::move(root)) {}

  Registry registry_;
  std::unique_ptr<ConfigNode> root_;
};

}  // namespace tessera
