// Arguments: the words of a command line, checked against what the command takes.
//
// `--name value`, `--name=value`, switches, positional words, and after `--` a command to pass on.
// An unknown flag is an error with the nearest name. Constant use from several threads is safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/cli/command.h"
#include "cpp/cli/error.h"

namespace tessera::cli {

class Arguments {
 public:
  // `words` are those after the command's name. `--help` among them stops the reading.
  static Error Parse(const Command& command, const std::vector<std::string_view>& words,
                     Arguments* out);

  bool wants_help() const { return wants_help_; }
  bool Has(std::string_view flag) const { return values_.find(flag) != values_.end(); }
  // The last value given, or `otherwise`.
  std::string Text(std::string_view flag, std::string_view otherwise = "") const;
  // All values given, in order.
  std::vector<std::string> Texts(std::string_view flag) const;
  // Numbers in a range (inclusive); `out` keeps its value when the flag is not given.
  Error Integer(std::string_view flag, int64_t least, int64_t most, int64_t* out) const;
  Error Number(std::string_view flag, double least, double most, double* out) const;

  // Positional word `index`, or "" when it is not there.
  std::string Word(size_t index) const;
  // What stands after `--`.
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  Error Check(const Command& command) const;

  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> words_;
  std::vector<std::string> rest_;
  bool wants_help_ = false;
};

// A whole text as a number; false when it is none.
bool ParseInteger(std::string_view text, int64_t* out);

}  // namespace tessera::cli
