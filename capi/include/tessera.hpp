// tessera.hpp - the C interface of Tessera (tessera.h) for C++17: handles that close themselves,
// errors as exceptions, text as std::string, callbacks as lambdas. Header only; link libtessera.
//
//   tessera::Runtime runtime;
//   tessera::Config config = tessera::Config::Load(runtime, "gpt.json");
//   config.Set("trainer.steps", "100");
//   tessera::Trainer trainer(config, "out");
//   for (int i = 0; i < 100; ++i) std::cout << trainer.Step().loss << "\n";
//   std::cout << trainer.NewGenerator().Generate("def ") << "\n";
//
// What a function does, its errors and its threads are said in tessera.h, under the same name.
// Handles are moved, not copied, and may be closed in any order. A callback that throws fails the
// call that it was for; the same exception leaves that call.
#ifndef TESSERA_HPP_
#define TESSERA_HPP_

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera.h"

namespace tessera {

// What a tsr_status tells.
class Error : public std::runtime_error {
 public:
  explicit Error(const tsr_status* status)
      : std::runtime_error(tsr_status_message(status)),
        code_(tsr_status_code(status)),
        path_(tsr_status_path(status)),
        file_(tsr_status_file(status)),
        payload_(tsr_status_payload(status)),
        line_(tsr_status_line(status)),
        rank_(tsr_status_rank(status)),
        is_retryable_(tsr_status_retryable(status) != 0) {}

  tsr_code code() const { return code_; }
  const std::string& path() const { return path_; }        // in a config, or of a parameter; or ""
  const std::string& file() const { return file_; }
  const std::string& payload() const { return payload_; }  // JSON
  int32_t line() const { return line_; }                   // from 1, or 0
  int32_t rank() const { return rank_; }                   // or -1
  bool is_retryable() const { return is_retryable_; }

 private:
  tsr_code code_;
  std::string path_, file_, payload_;
  int32_t line_, rank_;
  bool is_retryable_;
};

namespace internal {

// Exceptions of callbacks on their way through the library, by a number in the status' text: they
// may end up on another thread than they were thrown on. The oldest of many are forgotten.
class Exceptions {
 public:
  static Exceptions& Get() {
    static Exceptions exceptions;
    return exceptions;
  }

  tsr_status* Keep() {
    std::string text = "a callback threw";
    tsr_code code = TSR_UNKNOWN;
    try {
      throw;
    } catch (const Error& error) {
      text = error.what();
      code = error.code();
    } catch (const std::exception& error) {
      text = error.what();
    } catch (...) {
      text = "a callback threw what is no std::exception";
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t number = next_++;
    kept_[number] = std::current_exception();
    if (kept_.size() > kMost) kept_.erase(kept_.begin());
    text += kMark + std::to_string(number) + "]";
    return tsr_status_new(code, text.data(), text.size());
  }

  // The exception that `message` names, or null.
  std::exception_ptr Take(std::string_view message) {
    const size_t at = message.find(kMark);
    if (at == std::string_view::npos) return nullptr;
    uint64_t number = 0;
    for (const char digit : message.substr(at + kMark.size())) {
      if (digit < '0' || digit > '9') break;
      number = number * 10 + static_cast<uint64_t>(digit - '0');
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = kept_.find(number);
    if (found == kept_.end()) return nullptr;
    const std::exception_ptr exception = found->second;
    kept_.erase(found);
    return exception;
  }

 private:
  static constexpr size_t kMost = 64;
  const std::string kMark = " [C++ exception ";
  std::mutex mutex_;
  uint64_t next_ = 1;
  std::map<uint64_t, std::exception_ptr> kept_;
};

// Throws what the status tells, and frees it.
inline void Check(tsr_status* status) {
  if (status == nullptr) return;
  const std::unique_ptr<tsr_status, void (*)(tsr_status*)> owned(status, &tsr_status_free);
  const std::exception_ptr thrown = Exceptions::Get().Take(tsr_status_message(status));
  if (thrown != nullptr) std::rethrow_exception(thrown);
  throw Error(status);
}

// Text that a function hands out. `call` takes (char**, size_t*).
template <typename Call>
std::string Text(Call call) {
  char* text = nullptr;
  size_t length = 0;
  Check(call(&text, &length));
  const std::unique_ptr<char, void (*)(char*)> owned(text, &tsr_text_free);
  return std::string(text, length);
}

// A handle, freed by `Free`. `make` takes (T**).
template <typename T, void (*Free)(T*)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T* handle) : handle_(handle) {}
  template <typename Make>
  static T* Made(Make make) {
    T* handle = nullptr;
    Check(make(&handle));
    return handle;
  }
  T* get() const { return handle_.get(); }
  // Before its end; closing twice does nothing.
  void Close() { handle_.reset(); }

 private:
  struct Freer {
    void operator()(T* handle) const { Free(handle); }
  };
  std::unique_ptr<T, Freer> handle_;
};

template <typename Function>
void Destroy(void* user) {
  delete static_cast<Function*>(user);
}

}  // namespace internal

// Version of the library that is loaded, as TSR_VERSION_... are of this header.
inline uint32_t Version() { return tsr_version(); }
inline std::string BuildInfo() {
  return internal::Text([](char** text, size_t* len) { return tsr_build_info(text, len); });
}

class Corpus;
class Scope;
class Operands;

class Runtime : public internal::Handle<tsr_runtime, &tsr_runtime_free> {
 public:
  // Builds a module: from its resolved config (JSON) and inputs to results.
  using Build = std::function<std::vector<tsr_value>(Scope& scope, std::string_view config,
                                                     const std::vector<tsr_value>& inputs)>;
  // A kernel of an op, and its gradient: inputs, outputs, cotangents of outputs -> a gradient for
  // each input, negative for none.
  using Kernel = std::function<void(std::string_view attrs, const Operands& inputs,
                                    const Operands& outputs)>;
  using Gradient = std::function<std::vector<tsr_value>(
      Scope& scope, std::string_view attrs, const std::vector<tsr_value>& values)>;

  // Adds the documents that `name`, an entry of data.train, stands for.
  using Read = std::function<void(Corpus& corpus, std::string_view name)>;
  // The new parameter, then the new slots; `values` as tsr_optimizer_build says.
  using Update = std::function<std::vector<tsr_value>(
      Scope& scope, std::string_view settings, const std::vector<tsr_value>& values)>;
  // The factor on the learning rate of step number `step` + 1.
  using Factor =
      std::function<double(std::string_view config, int64_t step, int64_t total_steps)>;

  explicit Runtime(std::string_view options = "{}")
      : Handle(Made([&](tsr_runtime** out) {
          return tsr_runtime_new(options.data(), options.size(), out);
        })) {}

  std::string Describe() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_runtime_describe(get(), text, len);
    });
  }
  std::string List(std::string_view kind) const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_runtime_list(get(), kind.data(), kind.size(), text, len);
    });
  }
  std::string DescribeType(std::string_view type) const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_runtime_describe_type(get(), type.data(), type.size(), text, len);
    });
  }
  std::string JsonSchema() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_runtime_json_schema(get(), text, len);
    });
  }
  inline void RegisterModule(const std::string& type, const std::string& schema, Build build);
  inline void RegisterOp(const std::string& name, const std::string& signature, Kernel kernel,
                         Gradient gradient = nullptr, const std::string& doc = "",
                         uint32_t version = 1);
  inline void RegisterSource(const std::string& name, Read read);
  // `slots` are names with commas between them.
  inline void RegisterOptimizer(const std::string& type, const std::string& schema,
                                const std::string& slots, Update update);
  inline void RegisterSchedule(const std::string& type, const std::string& schema, Factor factor);
  // The manifest of the plug-in, JSON.
  std::string LoadPlugin(std::string_view path) {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_runtime_load_plugin(get(), path.data(), path.size(), text, len);
    });
  }
};

class Config : public internal::Handle<tsr_config, &tsr_config_free> {
 public:
  static Config Parse(const Runtime& runtime, std::string_view text,
                      std::string_view name = "<text>") {
    return Config(Made([&](tsr_config** out) {
      return tsr_config_parse(runtime.get(), text.data(), text.size(), name.data(), name.size(),
                              out);
    }));
  }
  static Config Load(const Runtime& runtime, std::string_view path) {
    return Config(Made([&](tsr_config** out) {
      return tsr_config_load(runtime.get(), path.data(), path.size(), out);
    }));
  }
  static Config FromBytes(const Runtime& runtime, std::string_view bytes) {
    return Config(Made([&](tsr_config** out) {
      return tsr_config_from_bytes(runtime.get(), bytes.data(), bytes.size(), out);
    }));
  }
  Config Copy() const {
    return Config(Made([&](tsr_config** out) { return tsr_config_copy(get(), out); }));
  }

  Config& Set(std::string_view path, std::string_view value) {
    internal::Check(tsr_config_set(get(), path.data(), path.size(), value.data(), value.size()));
    return *this;
  }
  // The report: what each modifier did, as JSON.
  std::string Modify(std::string_view text, std::string_view name = "<modifier>") {
    return internal::Text([&](char** out, size_t* len) {
      return tsr_config_modify(get(), text.data(), text.size(), name.data(), name.size(), out, len);
    });
  }
  std::string Get(std::string_view path) const {
    return internal::Text([&](char** out, size_t* len) {
      return tsr_config_get(get(), path.data(), path.size(), out, len);
    });
  }
  std::string ToJson() const {
    return internal::Text([&](char** out, size_t* len) {
      return tsr_config_to_json(get(), out, len);
    });
  }
  std::string ToBytes() const {
    return internal::Text([&](char** out, size_t* len) {
      return tsr_config_to_bytes(get(), out, len);
    });
  }
  std::string Resolve(bool as_json = true) const {
    return internal::Text([&](char** out, size_t* len) {
      return tsr_config_resolve(get(), as_json ? 1 : 0, out, len);
    });
  }
  std::string Diff(const Config& other) const {
    return internal::Text([&](char** out, size_t* len) {
      return tsr_config_diff(get(), other.get(), out, len);
    });
  }
  std::string Plan(std::string_view options = "{}") const {
    return internal::Text([&](char** out, size_t* len) {
      return tsr_config_plan(get(), options.data(), options.size(), out, len);
    });
  }

 private:
  explicit Config(tsr_config* handle) : Handle(handle) {}
};

class Tensor : public internal::Handle<tsr_tensor, &tsr_tensor_free> {
 public:
  // Zeros.
  Tensor(tsr_dtype dtype, const std::vector<int64_t>& dims)
      : Handle(Made([&](tsr_tensor** out) {
          return tsr_tensor_new(dtype, dims.data(), static_cast<int32_t>(dims.size()), out);
        })) {}
  explicit Tensor(tsr_tensor* handle) : Handle(handle) {}
  // Takes a DLManagedTensor* without copying.
  static Tensor FromDlpack(void* managed) {
    return Tensor(Made([&](tsr_tensor** out) { return tsr_tensor_from_dlpack(managed, out); }));
  }
  void* ToDlpack() const {
    void* managed = nullptr;
    internal::Check(tsr_tensor_to_dlpack(get(), &managed));
    return managed;
  }

  tsr_dtype dtype() const { return tsr_tensor_dtype(get()); }
  std::vector<int64_t> dims() const {
    std::vector<int64_t> dims;
    for (int32_t i = 0; i < tsr_tensor_rank(get()); ++i) dims.push_back(tsr_tensor_dim(get(), i));
    return dims;
  }
  size_t bytes() const { return tsr_tensor_bytes(get()); }
  // The elements; T must be of the dtype's size.
  template <typename T>
  T* data() const {
    return static_cast<T*>(tsr_tensor_data(get()));
  }
  template <typename T>
  size_t count() const {
    return bytes() / sizeof(T);
  }
};

// What a graph and a scope have in common: text and lists as pointer and length.
namespace internal {

constexpr size_t kMostOutputs = 64;

template <typename Call>
std::vector<tsr_value> Outputs(Call call) {
  std::vector<tsr_value> outputs(kMostOutputs);
  size_t count = outputs.size();
  Check(call(outputs.data(), &count));
  outputs.resize(count);
  return outputs;
}

template <typename Call>
tsr_value Value(Call call) {
  tsr_value value = -1;
  Check(call(&value));
  return value;
}

}  // namespace internal

class Graph : public internal::Handle<tsr_graph, &tsr_graph_free> {
 public:
  explicit Graph(const Runtime& runtime)
      : Handle(Made([&](tsr_graph** out) { return tsr_graph_new(runtime.get(), out); })) {}
  static Graph FromBytes(const Runtime& runtime, std::string_view bytes) {
    return Graph(Made([&](tsr_graph** out) {
      return tsr_graph_from_bytes(runtime.get(), bytes.data(), bytes.size(), out);
    }));
  }

  tsr_value Input(std::string_view name, tsr_dtype dtype, std::string_view dims) {
    return internal::Value([&](tsr_value* out) {
      return tsr_graph_input(get(), name.data(), name.size(), dtype, dims.data(), dims.size(),
                             out);
    });
  }
  tsr_value Param(std::string_view path, tsr_dtype dtype, std::string_view dims,
                  std::string_view init = "") {
    return internal::Value([&](tsr_value* out) {
      return tsr_graph_param(get(), path.data(), path.size(), dtype, dims.data(), dims.size(),
                             init.data(), init.size(), out);
    });
  }
  std::vector<tsr_value> AddAll(std::string_view op, const std::vector<tsr_value>& inputs,
                                std::string_view attrs = "") {
    return internal::Outputs([&](tsr_value* out, size_t* count) {
      return tsr_graph_add(get(), op.data(), op.size(), inputs.data(), inputs.size(),
                           attrs.data(), attrs.size(), out, count);
    });
  }
  tsr_value Add(std::string_view op, const std::vector<tsr_value>& inputs,
                std::string_view attrs = "") {
    return AddAll(op, inputs, attrs).at(0);
  }
  std::vector<tsr_value> Call(const Config& module, const std::vector<tsr_value>& inputs,
                              std::string_view path = "", std::string_view options = "{}") {
    return internal::Outputs([&](tsr_value* out, size_t* count) {
      return tsr_graph_call(get(), module.get(), path.data(), path.size(), options.data(),
                            options.size(), inputs.data(), inputs.size(), out, count);
    });
  }
  void Output(std::string_view name, tsr_value value) {
    internal::Check(tsr_graph_output(get(), name.data(), name.size(), value));
  }
  void Loss(std::string_view name, tsr_value numerator, tsr_value denominator, double weight = 1) {
    internal::Check(
        tsr_graph_loss(get(), name.data(), name.size(), numerator, denominator, weight));
  }
  std::string Type(tsr_value value) const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_graph_type(get(), value, text, len);
    });
  }
  std::string ToText() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_graph_to_text(get(), text, len);
    });
  }
  std::string ToBytes() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_graph_to_bytes(get(), text, len);
    });
  }

 private:
  explicit Graph(tsr_graph* handle) : Handle(handle) {}
};

class Program : public internal::Handle<tsr_program, &tsr_program_free> {
 public:
  using Inputs = std::vector<std::pair<std::string, const Tensor*>>;

  explicit Program(const Config& config, std::string_view options = "{}")
      : Handle(Made([&](tsr_program** out) {
          return tsr_program_from_config(config.get(), options.data(), options.size(), out);
        })) {}
  explicit Program(const Graph& graph, std::string_view options = "{}")
      : Handle(Made([&](tsr_program** out) {
          return tsr_program_from_graph(graph.get(), options.data(), options.size(), out);
        })) {}
  static Program FromCheckpoint(const Runtime& runtime, std::string_view path,
                                std::string_view options = "{}") {
    return Program(Made([&](tsr_program** out) {
      return tsr_program_from_checkpoint(runtime.get(), path.data(), path.size(), options.data(),
                                         options.size(), out);
    }));
  }

  std::string Describe() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_program_describe(get(), text, len);
    });
  }
  std::string ToText() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_program_to_text(get(), text, len);
    });
  }
  // Results, then losses, in the order of Describe.
  std::vector<Tensor> Run(const Inputs& inputs) {
    const Given given(inputs);
    return Results([&](tsr_tensor** outputs, size_t* count) {
      return tsr_program_run(get(), given.names.data(), given.tensors.data(), given.names.size(),
                             outputs, count);
    });
  }
  std::vector<Tensor> RunWithGradients(const Inputs& inputs, double* loss = nullptr) {
    const Given given(inputs);
    return Results([&](tsr_tensor** outputs, size_t* count) {
      return tsr_program_run_with_gradients(get(), given.names.data(), given.tensors.data(),
                                            given.names.size(), outputs, count, loss);
    });
  }
  Tensor Param(std::string_view path) const {
    return Tensor(Tensor::Made([&](tsr_tensor** out) {
      return tsr_program_get_param(get(), path.data(), path.size(), out);
    }));
  }
  void SetParam(std::string_view path, const Tensor& tensor) {
    internal::Check(tsr_program_set_param(get(), path.data(), path.size(), tensor.get()));
  }
  Tensor Gradient(std::string_view path) const {
    return Tensor(Tensor::Made([&](tsr_tensor** out) {
      return tsr_program_get_gradient(get(), path.data(), path.size(), out);
    }));
  }

 private:
  explicit Program(tsr_program* handle) : Handle(handle) {}

  struct Given {
    explicit Given(const Inputs& inputs) {
      for (const auto& [name, tensor] : inputs) {
        names.push_back(name.c_str());
        tensors.push_back(tensor == nullptr ? nullptr : tensor->get());
      }
    }
    std::vector<const char*> names;
    std::vector<tsr_tensor*> tensors;
  };

  template <typename Call>
  static std::vector<Tensor> Results(Call call) {
    std::vector<tsr_tensor*> handles(internal::kMostOutputs);
    size_t count = handles.size();
    internal::Check(call(handles.data(), &count));
    std::vector<Tensor> results;
    results.reserve(count);
    for (size_t i = 0; i < count; ++i) results.emplace_back(handles[i]);
    return results;
  }
};

class Job : public internal::Handle<tsr_job, &tsr_job_free> {
 public:
  explicit Job(tsr_job* handle) : Handle(handle) {}
  // Waits for the end; throws the job's error, and DEADLINE_EXCEEDED while it runs.
  void Wait(double timeout_s = -1) { internal::Check(tsr_job_wait(get(), timeout_s)); }
  tsr_progress Progress() const {
    tsr_progress progress{};
    progress.struct_size = sizeof(progress);
    internal::Check(tsr_job_progress(get(), &progress));
    return progress;
  }
  std::string Report() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_job_report(get(), text, len);
    });
  }
  void Cancel() { tsr_job_cancel(get()); }
  // Calls `callback` once, on the job's thread, when it has ended; here when it has already. It
  // must not throw.
  void OnEnd(std::function<void()> callback) {
    using Callback = std::function<void()>;
    internal::Check(tsr_job_on_end(
        get(), [](void* user) { (*static_cast<Callback*>(user))(); },
        new Callback(std::move(callback)), &internal::Destroy<Callback>));
  }
};

class Generator : public internal::Handle<tsr_generator, &tsr_generator_free> {
 public:
  // Receives text as it comes; true stops.
  using Callback = std::function<bool(std::string_view text)>;

  explicit Generator(tsr_generator* handle) : Handle(handle) {}
  static Generator FromCheckpoint(const Runtime& runtime, std::string_view path,
                                  std::string_view options = "{}") {
    return Generator(Made([&](tsr_generator** out) {
      return tsr_generator_from_checkpoint(runtime.get(), path.data(), path.size(),
                                           options.data(), options.size(), out);
    }));
  }
  std::string Generate(std::string_view prompt, std::string_view options = "{}",
                       const Callback& callback = nullptr) {
    struct State {
      const Callback& callback;
      std::exception_ptr thrown;
    } state{callback, nullptr};
    const auto receive = [](void* user, const char* text, size_t len) -> int32_t {
      auto* inside = static_cast<State*>(user);
      try {
        return inside->callback(std::string_view(text, len)) ? 1 : 0;
      } catch (...) {
        inside->thrown = std::current_exception();
        return 1;
      }
    };
    std::string text = internal::Text([&](char** out, size_t* len) {
      return tsr_generator_generate(get(), prompt.data(), prompt.size(), options.data(),
                                    options.size(), callback == nullptr ? nullptr : +receive,
                                    &state, out, len);
    });
    if (state.thrown != nullptr) std::rethrow_exception(state.thrown);
    return text;
  }
};

class Trainer : public internal::Handle<tsr_trainer, &tsr_trainer_free> {
 public:
  // Receives each metrics record, JSON, on the thread that steps. It must not throw.
  using Sink = std::function<void(std::string_view record)>;

  explicit Trainer(const Config& config, std::string_view out_dir = "",
                   std::string_view options = "{}")
      : Handle(Made([&](tsr_trainer** out) {
          return tsr_trainer_new(config.get(), out_dir.data(), out_dir.size(), options.data(),
                                 options.size(), out);
        })) {}

  tsr_step_result Step() {
    tsr_step_result result{};
    result.struct_size = sizeof(result);
    internal::Check(tsr_trainer_step(get(), &result));
    return result;
  }
  // Trains in the background; 0 steps are all that are left.
  Job Run(int64_t steps = 0) {
    return Job(Job::Made([&](tsr_job** out) { return tsr_trainer_run(get(), steps, out); }));
  }
  double Evaluate() {
    double loss = 0;
    internal::Check(tsr_trainer_evaluate(get(), &loss));
    return loss;
  }
  void Save(std::string_view path = "") {
    internal::Check(tsr_trainer_save(get(), path.data(), path.size()));
  }
  void Load(std::string_view path) {
    internal::Check(tsr_trainer_load(get(), path.data(), path.size()));
  }
  std::string Describe() const {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_trainer_describe(get(), text, len);
    });
  }
  std::string Profile() {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_trainer_profile(get(), text, len);
    });
  }
  void AddSink(Sink sink) {
    const auto receive = [](void* user, const char* record, size_t len) {
      (*static_cast<Sink*>(user))(std::string_view(record, len));
    };
    internal::Check(tsr_trainer_add_sink(get(), receive, new Sink(std::move(sink)),
                                         &internal::Destroy<Sink>));
  }
  Generator NewGenerator() const {
    return Generator(Generator::Made([&](tsr_generator** out) {
      return tsr_generator_from_trainer(get(), out);
    }));
  }
};

// What a checkpoint holds, as JSON.
inline std::string InspectCheckpoint(std::string_view path, bool verify = false) {
  return internal::Text([&](char** text, size_t* len) {
    return tsr_checkpoint_inspect(path.data(), path.size(), verify ? 1 : 0, text, len);
  });
}

// A model from a Hugging Face folder or a GGUF file as a new checkpoint, and back.
inline Job ImportModel(const Runtime& runtime, std::string_view source, std::string_view path) {
  return Job(Job::Made([&](tsr_job** out) {
    return tsr_checkpoint_import(runtime.get(), source.data(), source.size(), path.data(),
                                 path.size(), out);
  }));
}
inline Job ExportModel(const Runtime& runtime, std::string_view path, std::string_view folder,
                       std::string_view options = "{}") {
  return Job(Job::Made([&](tsr_job** out) {
    return tsr_checkpoint_export(runtime.get(), path.data(), path.size(), folder.data(),
                                 folder.size(), options.data(), options.size(), out);
  }));
}

// Looks for what makes the kernels of a config's step faster here: see tsr_config_tune.
inline Job TuneConfig(const Config& config, std::string_view options = "{}") {
  return Job(Job::Made([&](tsr_job** out) {
    return tsr_config_tune(config.get(), options.data(), options.size(), out);
  }));
}

}  // namespace tessera

#include "tessera_extend.hpp"
#include "tessera_store.hpp"

#endif  // TESSERA_HPP_
