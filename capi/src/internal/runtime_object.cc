#include "capi/src/internal/runtime_object.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/backends.h"
#include "capi/src/internal/options.h"
#include "capi/src/internal/status.h"
#include "capi/src/internal/unwinder.h"
#include "cpp/base/status_macros.h"
#include "cpp/comm/gloo.h"
#include "cpp/exec/kernel_choice.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::capi {
namespace {

constexpr int64_t kMostThreads = 1024;
constexpr int64_t kMostRanks = 1 << 16;
constexpr int64_t kMostPort = 65535;
constexpr int64_t kMostSpinUs = 1'000'000;
constexpr double kMostTimeoutS = 86'400;

constexpr std::string_view kIsaNames[] = {"",       "reference",   "baseline", "avx2",
                                          "avx512", "avx512_bf16", "amx"};

int IsaOfName(std::string_view name) {
  for (int isa = TSR_ISA_REFERENCE; isa <= TSR_ISA_AMX; ++isa) {
    if (kIsaNames[isa + 1] == name) return isa;
  }
  return TSR_ISA_REFERENCE;
}

// The cores that the system lets this process use.
int64_t UsableCores() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

double MemoryGib() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGE_SIZE);
  return pages <= 0 || bytes <= 0 ? 0 : static_cast<double>(pages) * bytes / (1 << 30);
}

// An object of fields as a config of its own.
std::string HardwareText(const JsonValue& object) {
  const std::string json = ToJsonText(object);
  if (FindMember(object, "type") != nullptr) return json;
  if (object.members.empty()) return R"({"type": "Hardware"})";
  return absl::StrCat(R"({"type": "Hardware", )", std::string_view(json).substr(1));
}

}  // namespace

absl::StatusOr<RuntimeOptions> RuntimeOptions::FromJson(std::string_view text) {
  RuntimeOptions options;
  OptionReader reader(text, "options");
  reader.Int("threads", 0, kMostThreads, &options.threads);
  reader.Int("spin_us", 0, kMostSpinUs, &options.spin_us);
  reader.Choice("isa", kIsaNames, &options.isa);
  reader.Bool("checked", &options.checked);
  reader.Bool("plugins", &options.plugins);
  reader.Int("memory_limit_bytes", 0, INT64_MAX, &options.memory_limit_bytes);
  const bool has_rank = reader.Int("rank", 0, kMostRanks - 1, &options.rank);
  reader.Int("world_size", 1, kMostRanks, &options.world_size);
  reader.Text("master_addr", &options.master_addr);
  reader.Int("master_port", 0, kMostPort, &options.master_port);
  reader.Float("timeout_s", 0.001, kMostTimeoutS, &options.timeout_s);
  if (const JsonValue* hardware = reader.Any("hardware")) {
    if (hardware->kind == JsonValue::Kind::kObject) {
      options.hardware = HardwareText(*hardware);
    } else {
      reader.Fail("hardware", "an object with fields of Hardware", Describe(*hardware));
    }
  }
  if (has_rank && options.rank >= options.world_size) {
    reader.Fail("rank", absl::StrCat("a rank below world_size ", options.world_size),
                absl::StrCat(options.rank));
  }
  if (options.world_size > 1 && options.master_port == 0) {
    reader.Fail("master_port", "the port of rank 0, since world_size is more than 1", "none");
  }
  RETURN_IF_ERROR(reader.Finish());
  return options;
}

absl::Status RuntimeObject::ChooseIsa() {
  const int best = cpu::DetectIsa();
  if (options_.isa.empty()) {
    isa_ = best;
    isa_reason_ = "the best of this machine";
    return absl::OkStatus();
  }
  const int wanted = IsaOfName(options_.isa);
  if (wanted > best) {
    return WithPath(absl::FailedPreconditionError(absl::StrCat(
                        "options: isa: expected at most ", IsaName(best),
                        ", which is what this machine has, got ", options_.isa)),
                    "isa");
  }
  isa_ = wanted;
  isa_reason_ = absl::StrCat("asked for by the option isa; this machine has ", IsaName(best));
  return absl::OkStatus();
}

// This machine, with what the options say instead.
absl::Status RuntimeObject::DescribeHardware() {
  ASSIGN_OR_RETURN(Config said,
                   options_.hardware.empty()
                       ? Config::OfType(schemas_, "Hardware")
                       : Config::FromJson(schemas_, options_.hardware, "options: hardware"));
  if (said.root().type() != "Hardware") {
    return absl::InvalidArgumentError(absl::StrCat(
        "options: hardware: expected a config of the type Hardware, got a ", said.root().type()));
  }
  const auto fill = [&](std::string_view field, const std::string& value) -> absl::Status {
    if (said.root().FindField(field)->state == FieldState::kSet) return absl::OkStatus();
    return said.Set(field, value, "this machine");
  };
  RETURN_IF_ERROR(fill("isa", IsaName(isa_)));
  RETURN_IF_ERROR(fill("memory_gib", absl::StrCat(MemoryGib())));
  RETURN_IF_ERROR(fill("ranks", absl::StrCat(options_.world_size)));
  ASSIGN_OR_RETURN(hardware_, said.Resolve());
  return absl::OkStatus();
}

absl::Status RuntimeObject::Join() {
  if (options_.world_size == 1) return absl::OkStatus();
  GlooOptions gloo;
  gloo.control.rank = static_cast<int>(options_.rank);
  gloo.control.world = static_cast<int>(options_.world_size);
  if (!options_.master_addr.empty()) gloo.control.address = options_.master_addr;
  gloo.control.port = static_cast<int>(options_.master_port);
  const auto timeout_ms = static_cast<int64_t>(options_.timeout_s * 1000);
  gloo.control.join_timeout_ms = timeout_ms;
  // A rank that hangs is noticed within the same time.
  gloo.control.heartbeat_timeout_ms = std::min(gloo.control.heartbeat_timeout_ms, timeout_ms);
  gloo.is_checked = options_.checked;
  ASSIGN_OR_RETURN(communicator_, NewGlooCommunicator(gloo));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<RuntimeObject>> RuntimeObject::Create(
    const RuntimeOptions& options) {
  SetUpUnwinder();
  std::shared_ptr<RuntimeObject> runtime(new RuntimeObject());
  runtime->options_ = options;
  RETURN_IF_ERROR(runtime->ChooseIsa());
  runtime->ops_ = std::make_unique<OpTable>(&OpTable::Builtin());
  runtime->modules_ = std::make_unique<ModuleTable>();
  runtime->schemas_ = std::make_shared<SchemaRegistry>(SchemaRegistry::Builtin());
  RETURN_IF_ERROR(runtime->DescribeHardware());
  runtime->kernels_ = std::make_unique<KernelTable>(UsableKernels());
  ThreadPoolOptions pool;
  pool.threads = static_cast<int>(options.threads == 0 ? std::min(UsableCores(), kMostThreads)
                                                       : options.threads);
  pool.spin_us = options.spin_us;
  runtime->pool_ = std::make_unique<ThreadPool>(pool);
  RETURN_IF_ERROR(runtime->Join());
  return runtime;
}

RuntimeObject::~RuntimeObject() = default;

Environment RuntimeObject::environment() {
  Environment environment;
  environment.ops = ops_.get();
  environment.modules = modules_.get();
  environment.kernels = kernels_.get();
  environment.optimizers = &optimizers_;
  environment.schedules = &schedules_;
  environment.sources = &sources_;
  environment.stores = &stores_;
  environment.pool = pool_.get();
  environment.communicator = communicator_.get();
  environment.isa = isa_;
  environment.cpu = cpu::CpuModel();
  environment.memory_limit_bytes = options_.memory_limit_bytes;
  return environment;
}

void RuntimeObject::Poison(std::string_view reason) {
  absl::MutexLock lock(&mutex_);
  if (poison_.empty()) poison_ = reason.empty() ? "unknown" : reason;
}

absl::Status RuntimeObject::CheckUsable() const {
  absl::MutexLock lock(&mutex_);
  if (poison_.empty()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "runtime: is not used any more, free it and make a new one; earlier: ", poison_));
}

}  // namespace tessera::capi
