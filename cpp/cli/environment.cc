#include "cpp/cli/environment.h"

#include <cstdlib>
#include <string_view>

#include "cpp/cli/arguments.h"
#include "cpp/cli/json.h"
#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Error IntegerVariable(const char* name, int64_t least, int64_t most, int64_t* out) {
  const std::string text = Variable(name);
  if (text.empty()) return Error();
  int64_t value = 0;
  if (!ParseInteger(text, &value) || value < least || value > most) {
    return Error(Format("environment variable %s: expected an integer from %lld to %lld, got '%s'",
                        name, static_cast<long long>(least), static_cast<long long>(most),
                        text.c_str()));
  }
  *out = value;
  return Error();
}

}  // namespace

Error ReadEnvironment(Environment* out) {
  Environment environment;
  environment.isa = Variable("TESSERA_ISA");
  CLI_RETURN_IF_ERROR(IntegerVariable("WORLD_SIZE", 1, 1'000'000, &environment.world_size));
  if (environment.world_size > 1) {
    environment.rank = -1;
    CLI_RETURN_IF_ERROR(
        IntegerVariable("RANK", 0, environment.world_size - 1, &environment.rank));
    CLI_RETURN_IF_ERROR(IntegerVariable("MASTER_PORT", 1, 65535, &environment.master_port));
    environment.master_addr = Variable("MASTER_ADDR");
    const char* missing = environment.rank < 0                ? "RANK"
                          : environment.master_addr.empty()   ? "MASTER_ADDR"
                          : environment.master_port == 0      ? "MASTER_PORT"
                                                              : nullptr;
    if (missing != nullptr) {
      return Error(Format("environment variable %s: expected a value, because WORLD_SIZE is %lld, "
                          "got nothing; start the ranks with `tessera launch` or another launcher",
                          missing, static_cast<long long>(environment.world_size)));
    }
  }
  *out = environment;
  return Error();
}

Error NewRuntime(const Environment& environment, const RuntimeWish& wish, Runtime* out) {
  Json options = Json::Object();
  options.Set("threads", Json::Integer(wish.threads));
  options.Set("spin_us", Json::Integer(wish.spin_us));
  options.Set("isa", Json::Text(environment.isa));
  if (wish.joins_ranks && environment.world_size > 1) {
    options.Set("rank", Json::Integer(environment.rank));
    options.Set("world_size", Json::Integer(environment.world_size));
    options.Set("master_addr", Json::Text(environment.master_addr));
    options.Set("master_port", Json::Integer(environment.master_port));
    options.Set("timeout_s", Json::Number(wish.timeout_s));
  }
  Json hardware = Json::Object();
  if (!wish.hardware.empty() && !Json::Parse(wish.hardware, &hardware)) {
    return Error("--hardware: expected a file with JSON or JSON, got neither");
  }
  // A run of many ranks is one also where they do not meet.
  if (hardware.is_object() && hardware.Find("ranks") == nullptr) {
    hardware.Set("ranks", Json::Integer(environment.world_size));
  }
  options.Set("hardware", std::move(hardware));
  const std::string text = options.ToText();
  return CallHandle(out, tsr_runtime_new, text.data(), text.size());
}

Error NewSmallRuntime(Runtime* out, const std::string& hardware) {
  Environment environment;
  CLI_RETURN_IF_ERROR(ReadEnvironment(&environment));
  RuntimeWish wish;
  wish.threads = 1;
  wish.hardware = hardware;
  return NewRuntime(environment, wish, out);
}

}  // namespace tessera::cli
