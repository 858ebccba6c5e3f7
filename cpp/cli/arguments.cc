#include "cpp/cli/arguments.h"

#include <charconv>
#include <cmath>

#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

const Flag* FindFlag(const Command& command, std::string_view name) {
  for (const Flag& flag : command.flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

Error UnknownFlag(const Command& command, std::string_view name) {
  std::vector<std::string_view> names = {"--help"};
  for (const Flag& flag : command.flags) names.push_back(flag.name);
  std::string message = Format("unknown flag '%.*s'", static_cast<int>(name.size()), name.data());
  const std::string nearest = NearestName(name, names);
  if (nearest.empty()) {
    message += Format("; `tessera %s --help` lists those there are",
                      std::string(command.name).c_str());
  } else {
    message += ", did you mean '" + nearest + "'?";
  }
  return Error(std::move(message));
}

}  // namespace

Error Arguments::Parse(const Command& command, const std::vector<std::string_view>& words,
                       Arguments* out) {
  Arguments result;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--") {
      if (command.rest.empty()) return Error("unexpected '--': this command passes nothing on");
      for (++i; i < words.size(); ++i) result.rest_.emplace_back(words[i]);
      break;
    }
    if (word == "--help" || word == "-h") {
      result.wants_help_ = true;
      *out = std::move(result);
      return Error();
    }
    // A lone "-" and negative numbers are words, not flags.
    if (word.size() < 2 || word[0] != '-' || (word[1] >= '0' && word[1] <= '9')) {
      result.words_.emplace_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const Flag* flag = FindFlag(command, name);
    if (flag == nullptr) return UnknownFlag(command, name);
    std::string value;
    if (!flag->value.empty()) {
      if (equals != std::string_view::npos) {
        value.assign(word.substr(equals + 1));
      } else if (i + 1 < words.size() &&
                 !(flag->may_stand_alone && words[i + 1].substr(0, 1) == "-")) {
        value.assign(words[++i]);
      } else if (!flag->may_stand_alone) {
        return Error(std::string(name) + ": expected " + std::string(flag->value) +
                     " after it, got nothing");
      }
    } else if (equals != std::string_view::npos) {
      return Error(std::string(name) + ": expected no value, got '" +
                   std::string(word.substr(equals + 1)) + "'");
    }
    std::vector<std::string>& values = result.values_[std::string(name)];
    if (!values.empty() && !flag->value.empty() && !flag->is_repeated) {
      return Error(std::string(name) + ": expected once, got it twice");
    }
    values.push_back(std::move(value));
  }
  CLI_RETURN_IF_ERROR(result.Check(command));
  *out = std::move(result);
  return Error();
}

Error Arguments::Check(const Command& command) const {
  for (size_t i = 0; i < command.positionals.size(); ++i) {
    const Positional& positional = command.positionals[i];
    if (positional.is_required && i >= words_.size()) {
      return Error(Format("expected %s (%s), got nothing; `tessera %s --help` says more",
                          std::string(positional.name).c_str(),
                          std::string(positional.help).c_str(),
                          std::string(command.name).c_str()));
    }
  }
  if (words_.size() > command.positionals.size()) {
    return Error("unexpected argument '" + words_[command.positionals.size()] + "'");
  }
  for (const Flag& flag : command.flags) {
    if (flag.is_required && !Has(flag.name)) {
      return Error(Format("expected %s %s (%s), got nothing", std::string(flag.name).c_str(),
                          std::string(flag.value).c_str(), std::string(flag.help).c_str()));
    }
  }
  if (!command.rest.empty() && rest_.empty()) {
    return Error(Format("expected -- %s, got nothing after '--'",
                        std::string(command.rest).c_str()));
  }
  return Error();
}

std::string Arguments::Text(std::string_view flag, std::string_view otherwise) const {
  const auto found = values_.find(flag);
  return found == values_.end() ? std::string(otherwise) : found->second.back();
}

std::vector<std::string> Arguments::Texts(std::string_view flag) const {
  const auto found = values_.find(flag);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Error Arguments::Integer(std::string_view flag, int64_t least, int64_t most, int64_t* out) const {
  if (!Has(flag)) return Error();
  const std::string text = Text(flag);
  int64_t value = 0;
  if (!ParseInteger(text, &value) || value < least || value > most) {
    return Error(Format("%s: expected an integer from %lld to %lld, got '%s'",
                        std::string(flag).c_str(), static_cast<long long>(least),
                        static_cast<long long>(most), text.c_str()));
  }
  *out = value;
  return Error();
}

Error Arguments::Number(std::string_view flag, double least, double most, double* out) const {
  if (!Has(flag)) return Error();
  const std::string text = Text(flag);
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || !(value >= least) ||
      !(value <= most)) {
    return Error(Format("%s: expected a number from %g to %g, got '%s'", std::string(flag).c_str(),
                        least, most, text.c_str()));
  }
  *out = value;
  return Error();
}

std::string Arguments::Word(size_t index) const {
  return index < words_.size() ? words_[index] : std::string();
}

bool ParseInteger(std::string_view text, int64_t* out) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return false;
  *out = value;
  return true;
}

}  // namespace tessera::cli
