// Functions of tessera.h about trainers.
#include "capi/src/internal/trainer_object.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/objects.h"
#include "capi/src/internal/options.h"
#include "cpp/base/status_macros.h"

namespace {

using tessera::Trainer;
using tessera::capi::Call;
using tessera::capi::CheckPointer;
using tessera::capi::CheckTextOut;
using tessera::capi::GiveText;
using tessera::capi::Guard;
using tessera::capi::OneThread;
using tessera::capi::TrainerObject;

// A metrics sink of the host; its `destroy` runs when the last copy of the sink is gone.
class HostSink {
 public:
  HostSink(tsr_metrics_sink sink, void* user, void (*destroy)(void* user))
      : sink_(sink), user_(user), destroy_(destroy) {}
  HostSink(const HostSink&) = delete;
  HostSink& operator=(const HostSink&) = delete;
  ~HostSink() {
    if (destroy_ != nullptr) destroy_(user_);
  }

  void Write(std::string_view record) const {
    try {
      sink_(user_, record.data(), record.size());
    } catch (...) {
      // The sink of a C interface has no way to fail, and training goes on without it.
      return;
    }
  }

 private:
  const tsr_metrics_sink sink_;
  void* const user_;
  void (*const destroy_)(void* user);
};

absl::StatusOr<std::string> ReadPathOrNothing(const char* path, size_t len, std::string_view name) {
  if (len == 0) return std::string();
  return tessera::capi::ReadPath(path, len, name);
}

// A call on the trainer by the one thread that may.
template <typename Body>
tsr_status* InTrainer(tsr_trainer* trainer, Body body) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(trainer, "trainer"));
    ASSIGN_OR_RETURN(const OneThread::Inside inside, object->Enter());
    return body(object->trainer());
  });
}

}  // namespace

tsr_status* tsr_trainer_new(const tsr_config* config, const char* out_dir, size_t out_dir_len,
                            const char* options, size_t options_len, tsr_trainer** out_trainer) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(config, "config"));
    RETURN_IF_ERROR(CheckPointer(out_trainer, "out_trainer"));
    tessera::TrainerOptions trainer_options;
    ASSIGN_OR_RETURN(trainer_options.out_dir, ReadPathOrNothing(out_dir, out_dir_len, "out_dir"));
    ASSIGN_OR_RETURN(const std::string_view text,
                     tessera::capi::ReadText(options, options_len, "options"));
    tessera::capi::OptionReader reader(text, "options");
    reader.Bool("resume", &trainer_options.resume);
    RETURN_IF_ERROR(reader.Finish());
    const auto& runtime = object->runtime();
    ASSIGN_OR_RETURN(std::unique_ptr<Trainer> trainer,
                     Trainer::Create(object->Get(), runtime->environment(), trainer_options));
    *out_trainer = tessera::capi::NewHandle<tsr_trainer>(
        std::make_shared<TrainerObject>(runtime, std::move(trainer)));
    return absl::OkStatus();
  });
}

void tsr_trainer_free(tsr_trainer* trainer) {
  tessera::capi::GuardValue(false, [&] {
    const auto object = tessera::capi::TakeHandle(trainer);
    if (object != nullptr) object->EndJob();
    return true;
  });
}

tsr_status* tsr_trainer_step(tsr_trainer* trainer, tsr_step_result* out_result) {
  return InTrainer(trainer, [&](Trainer& inside) -> absl::Status {
    RETURN_IF_ERROR(
        tessera::capi::CheckStructOut(out_result, sizeof(tsr_step_result), "out_result"));
    ASSIGN_OR_RETURN(const tessera::StepResult step, inside.Step());
    tessera::capi::GiveStruct(tessera::capi::ToStruct(step), out_result);
    return absl::OkStatus();
  });
}

tsr_status* tsr_trainer_run(tsr_trainer* trainer, int64_t steps, tsr_job** out_job) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(trainer, "trainer"));
    RETURN_IF_ERROR(CheckPointer(out_job, "out_job"));
    if (steps < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("steps: expected a number, or 0 for all that are left, got ", steps));
    }
    ASSIGN_OR_RETURN(auto job, object->StartJob(steps));
    *out_job = tessera::capi::NewHandle<tsr_job>(std::move(job));
    return absl::OkStatus();
  });
}

tsr_status* tsr_trainer_evaluate(tsr_trainer* trainer, double* out_loss) {
  return InTrainer(trainer, [&](Trainer& inside) -> absl::Status {
    RETURN_IF_ERROR(CheckPointer(out_loss, "out_loss"));
    ASSIGN_OR_RETURN(const double loss, inside.Evaluate());
    *out_loss = loss;
    return absl::OkStatus();
  });
}

tsr_status* tsr_trainer_save(tsr_trainer* trainer, const char* path, size_t path_len) {
  return InTrainer(trainer, [&](Trainer& inside) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string folder, ReadPathOrNothing(path, path_len, "path"));
    return inside.Save(folder);
  });
}

tsr_status* tsr_trainer_load(tsr_trainer* trainer, const char* path, size_t path_len) {
  return InTrainer(trainer, [&](Trainer& inside) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string folder, tessera::capi::ReadPath(path, path_len, "path"));
    return inside.Load(folder);
  });
}

tsr_status* tsr_trainer_describe(tsr_trainer* trainer, char** out_text, size_t* out_len) {
  return InTrainer(trainer, [&](Trainer& inside) -> absl::Status {
    RETURN_IF_ERROR(CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string text, inside.DescribeJson());
    return GiveText(text, out_text, out_len);
  });
}

tsr_status* tsr_trainer_profile(tsr_trainer* trainer, char** out_text, size_t* out_len) {
  return InTrainer(trainer, [&](Trainer& inside) -> absl::Status {
    RETURN_IF_ERROR(CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string text, inside.ProfileJson());
    return GiveText(text, out_text, out_len);
  });
}

tsr_status* tsr_trainer_add_sink(tsr_trainer* trainer, tsr_metrics_sink sink, void* user,
                                 void (*destroy)(void* user)) {
  // Outside of the guard's body: whatever fails, `destroy` runs once.
  std::shared_ptr<HostSink> host;
  tsr_status* const no_memory = Guard([&](Call&) -> absl::Status {
    host = std::make_shared<HostSink>(sink, user, destroy);
    return absl::OkStatus();
  });
  if (no_memory != nullptr) {
    if (destroy != nullptr) destroy(user);
    return no_memory;
  }
  return InTrainer(trainer, [&](Trainer& inside) -> absl::Status {
    RETURN_IF_ERROR(CheckPointer(reinterpret_cast<const void*>(sink), "sink"));
    inside.AddSink([host = std::move(host)](std::string_view record) { host->Write(record); });
    return absl::OkStatus();
  });
}
