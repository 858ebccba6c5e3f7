// Functions of tessera.h about generators.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "capi/src/internal/arguments.h"
#include "capi/src/internal/guard.h"
#include "capi/src/internal/one_thread.h"
#include "capi/src/internal/options.h"
#include "capi/src/internal/stored_model.h"
#include "capi/src/internal/trainer_object.h"
#include "cpp/base/status_macros.h"
#include "cpp/compile/compiler.h"
#include "cpp/generate/generator.h"
#include "cpp/generate/parameters.h"

namespace tessera::capi {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 24;
constexpr double kMostTemperature = 1e6;

// A generator, with the trainer whose parameters it shares, if any. Thread-safe.
class GeneratorObject {
 public:
  GeneratorObject(std::shared_ptr<RuntimeObject> runtime, std::shared_ptr<TrainerObject> trainer,
                  std::unique_ptr<Generator> generator)
      : runtime_(std::move(runtime)),
        trainer_(std::move(trainer)),
        generator_(std::move(generator)) {}

  const std::shared_ptr<RuntimeObject>& runtime() const { return runtime_; }

  absl::StatusOr<std::string> Generate(std::string_view prompt, const GenerateOptions& options,
                                       const Generator::Sink& sink) {
    ASSIGN_OR_RETURN(const OneThread::Inside inside, one_thread_.Enter("generator"));
    if (trainer_ == nullptr) return generator_->Generate(prompt, options, sink);
    // The parameters must hold still.
    ASSIGN_OR_RETURN(const OneThread::Inside in_trainer, trainer_->Enter());
    return generator_->Generate(prompt, options, sink);
  }

 private:
  const std::shared_ptr<RuntimeObject> runtime_;
  const std::shared_ptr<TrainerObject> trainer_;
  const std::unique_ptr<Generator> generator_;
  OneThread one_thread_;
};

absl::StatusOr<std::unique_ptr<Generator>> LoadGenerator(RuntimeObject& runtime,
                                                         const std::string& path,
                                                         const std::string& dtype) {
  ModelOptions options;
  options.mode = Mode::kDecode;
  options.dtype = dtype;
  ASSIGN_OR_RETURN(const StoredModel model, OpenStoredModel(runtime, path, options));
  if (model.tokenizer == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": expected a checkpoint with a tokenizer, got one of a run on token files; "
              "tsr_program_from_checkpoint runs the model on tokens"));
  }
  const Environment environment = runtime.environment();
  ASSIGN_OR_RETURN(std::shared_ptr<const Program> program,
                   Compile(*model.main, *environment.ops, CompileOptions()));
  auto store = std::make_shared<SlotStore>();
  RETURN_IF_ERROR(LoadParameters(*program, *model.reader, false, *store));
  return Generator::Create(environment, std::move(program), std::move(store), model.tokenizer,
                           LearnedPositions(ModelNode(model.config)));
}

absl::StatusOr<GenerateOptions> ReadGenerateOptions(std::string_view text) {
  GenerateOptions options;
  int64_t seed = 0;
  OptionReader reader(text, "options");
  reader.Int("max_tokens", 0, kMostTokens, &options.max_tokens);
  reader.Float("temperature", 0, kMostTemperature, &options.sampling.temperature);
  reader.Int("top_k", 0, INT32_MAX, &options.sampling.top_k);
  if (reader.Float("top_p", 0, 1, &options.sampling.top_p) && options.sampling.top_p == 0) {
    reader.Fail("top_p", "a number above 0, at most 1", "0");
  }
  reader.Int("seed", 0, INT64_MAX, &seed);
  RETURN_IF_ERROR(reader.Finish());
  options.sampling.seed = static_cast<uint64_t>(seed);
  return options;
}

}  // namespace
}  // namespace tessera::capi

struct tsr_generator : tessera::capi::ShellOf<tessera::capi::GeneratorObject,
                                              tessera::capi::HandleKind::kGenerator> {};

using tessera::capi::Call;
using tessera::capi::CheckPointer;
using tessera::capi::GeneratorObject;
using tessera::capi::Guard;

tsr_status* tsr_generator_from_checkpoint(tsr_runtime* runtime, const char* path, size_t path_len,
                                          const char* options, size_t options_len,
                                          tsr_generator** out_generator) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(runtime, "runtime"));
    RETURN_IF_ERROR(CheckPointer(out_generator, "out_generator"));
    ASSIGN_OR_RETURN(const std::string folder, tessera::capi::ReadPath(path, path_len, "path"));
    ASSIGN_OR_RETURN(const std::string_view text,
                     tessera::capi::ReadText(options, options_len, "options"));
    std::string dtype;
    tessera::capi::OptionReader reader(text, "options");
    reader.Choice("dtype", {"", "fp32", "bf16", "fp64"}, &dtype);
    RETURN_IF_ERROR(reader.Finish());
    ASSIGN_OR_RETURN(auto generator, tessera::capi::LoadGenerator(*object, folder, dtype));
    *out_generator = tessera::capi::NewHandle<tsr_generator>(
        std::make_shared<GeneratorObject>(object, nullptr, std::move(generator)));
    return absl::OkStatus();
  });
}

tsr_status* tsr_generator_from_trainer(tsr_trainer* trainer, tsr_generator** out_generator) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(trainer, "trainer"));
    RETURN_IF_ERROR(CheckPointer(out_generator, "out_generator"));
    ASSIGN_OR_RETURN(const tessera::capi::OneThread::Inside inside, object->Enter());
    ASSIGN_OR_RETURN(auto generator, object->trainer().NewGenerator());
    *out_generator = tessera::capi::NewHandle<tsr_generator>(
        std::make_shared<GeneratorObject>(object->runtime(), object, std::move(generator)));
    return absl::OkStatus();
  });
}

void tsr_generator_free(tsr_generator* generator) { tessera::capi::FreeHandle(generator); }

tsr_status* tsr_generator_generate(tsr_generator* generator, const char* prompt, size_t prompt_len,
                                   const char* options, size_t options_len,
                                   tsr_generate_callback callback, void* user, char** out_text,
                                   size_t* out_len) {
  return Guard([&](Call& call) -> absl::Status {
    ASSIGN_OR_RETURN(const auto object, call.Use(generator, "generator"));
    RETURN_IF_ERROR(tessera::capi::CheckTextOut(out_text, out_len));
    ASSIGN_OR_RETURN(const std::string_view start,
                     tessera::capi::ReadText(prompt, prompt_len, "prompt"));
    ASSIGN_OR_RETURN(const std::string_view text,
                     tessera::capi::ReadText(options, options_len, "options"));
    ASSIGN_OR_RETURN(const tessera::GenerateOptions read,
                     tessera::capi::ReadGenerateOptions(text));
    tessera::Generator::Sink sink;
    bool has_thrown = false;
    if (callback != nullptr) {
      sink = [callback, user, &has_thrown](std::string_view piece) {
        try {
          return callback(user, piece.data(), piece.size()) == 0;
        } catch (...) {
          has_thrown = true;
          return false;
        }
      };
    }
    ASSIGN_OR_RETURN(const std::string written, object->Generate(start, read, sink));
    if (has_thrown) {
      return absl::UnknownError("callback: expected no exception to leave it, got one");
    }
    return tessera::capi::GiveText(written, out_text, out_len);
  });
}
