// tessera_extend.hpp - modules, ops, data sources, optimizers and schedules in C++17: a part of
// tessera.hpp, which includes it. What Runtime::Register... are given, and what they do with it.
//
//   runtime.RegisterModule("Doubled", schema, [](tessera::Scope& scope, std::string_view,
//                                                const std::vector<tsr_value>& inputs) {
//     return std::vector<tsr_value>{scope.Add("add", {inputs[0], inputs[0]})};
//   });
#ifndef TESSERA_EXTEND_HPP_
#define TESSERA_EXTEND_HPP_

#ifndef TESSERA_HPP_
#error "include tessera.hpp, which includes this header"
#endif

namespace tessera {

// Where a module stands while it is built. Valid during the call only.
class Scope {
 public:
  explicit Scope(tsr_scope* scope) : scope_(scope) {}

  tsr_value Param(std::string_view path, std::string_view dims, std::string_view init = "") {
    return internal::Value([&](tsr_value* out) {
      return tsr_scope_param(scope_, path.data(), path.size(), dims.data(), dims.size(),
                             init.data(), init.size(), out);
    });
  }
  std::vector<tsr_value> AddAll(std::string_view op, const std::vector<tsr_value>& inputs,
                                std::string_view attrs = "") {
    return internal::Outputs([&](tsr_value* out, size_t* count) {
      return tsr_scope_add(scope_, op.data(), op.size(), inputs.data(), inputs.size(),
                           attrs.data(), attrs.size(), out, count);
    });
  }
  // The only result.
  tsr_value Add(std::string_view op, const std::vector<tsr_value>& inputs,
                std::string_view attrs = "") {
    return AddAll(op, inputs, attrs).at(0);
  }
  std::vector<tsr_value> Call(std::string_view slot, const std::vector<tsr_value>& inputs) {
    return internal::Outputs([&](tsr_value* out, size_t* count) {
      return tsr_scope_call(scope_, slot.data(), slot.size(), inputs.data(), inputs.size(), out,
                            count);
    });
  }
  tsr_value Ambient(std::string_view name) {
    return internal::Value([&](tsr_value* out) {
      return tsr_scope_ambient(scope_, name.data(), name.size(), out);
    });
  }
  void Loss(std::string_view name, tsr_value numerator, tsr_value denominator, double weight = 1) {
    internal::Check(
        tsr_scope_loss(scope_, name.data(), name.size(), numerator, denominator, weight));
  }
  std::string Dim(tsr_value value, int32_t index) {
    return internal::Text([&](char** text, size_t* len) {
      return tsr_scope_dim(scope_, value, index, text, len);
    });
  }

 private:
  tsr_scope* scope_;
};

// The operands of one call of a kernel.
class Operands {
 public:
  Operands(const tsr_kernel_operand* operands, size_t count) : operands_(operands), count_(count) {}
  size_t size() const { return count_; }
  const tsr_kernel_operand& operator[](size_t index) const { return operands_[index]; }

 private:
  const tsr_kernel_operand* operands_;
  size_t count_;
};

// Where a data source puts its documents. Valid during the call only.
class Corpus {
 public:
  explicit Corpus(tsr_corpus* corpus) : corpus_(corpus) {}
  void AddText(std::string_view text) {
    internal::Check(tsr_corpus_add_text(corpus_, text.data(), text.size()));
  }
  void AddTokens(const std::vector<uint32_t>& ids) {
    internal::Check(tsr_corpus_add_tokens(corpus_, ids.data(), ids.size() * 4, 4));
  }
  void AddTokens(const std::vector<uint16_t>& ids) {
    internal::Check(tsr_corpus_add_tokens(corpus_, ids.data(), ids.size() * 2, 2));
  }

 private:
  tsr_corpus* corpus_;
};

namespace internal {

// What modules and optimizers build: values in, values out.
template <typename Built>
tsr_status* BuildValues(void* user, tsr_scope* handle, const char* config, size_t config_len,
                        const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                        size_t* inout_count) {
  try {
    Scope scope(handle);
    const std::vector<tsr_value> results =
        (*static_cast<Built*>(user))(scope, std::string_view(config, config_len),
                                     std::vector<tsr_value>(inputs, inputs + input_count));
    if (results.size() > *inout_count) throw std::length_error("too many results");
    for (size_t i = 0; i < results.size(); ++i) outputs[i] = results[i];
    *inout_count = results.size();
    return nullptr;
  } catch (...) {
    return Exceptions::Get().Keep();
  }
}

}  // namespace internal

inline void Runtime::RegisterSource(const std::string& name, Read read) {
  tsr_source_def def{};
  def.struct_size = sizeof(def);
  def.name = name.c_str();
  def.user = new Read(std::move(read));
  def.destroy = &internal::Destroy<Read>;
  def.read = [](void* user, tsr_corpus* handle, const char* entry, size_t len) -> tsr_status* {
    try {
      Corpus corpus(handle);
      (*static_cast<Read*>(user))(corpus, std::string_view(entry, len));
      return nullptr;
    } catch (...) {
      return internal::Exceptions::Get().Keep();
    }
  };
  internal::Check(tsr_runtime_register_source(get(), &def));
}

inline void Runtime::RegisterOptimizer(const std::string& type, const std::string& schema,
                                       const std::string& slots, Update update) {
  tsr_optimizer_def def{};
  def.struct_size = sizeof(def);
  def.schema = schema.c_str();
  def.type = type.c_str();
  def.slots = slots.c_str();
  def.user = new Update(std::move(update));
  def.destroy = &internal::Destroy<Update>;
  def.build = &internal::BuildValues<Update>;
  internal::Check(tsr_runtime_register_optimizer(get(), &def));
}

inline void Runtime::RegisterSchedule(const std::string& type, const std::string& schema,
                                      Factor factor) {
  tsr_schedule_def def{};
  def.struct_size = sizeof(def);
  def.schema = schema.c_str();
  def.type = type.c_str();
  def.user = new Factor(std::move(factor));
  def.destroy = &internal::Destroy<Factor>;
  def.factor = [](void* user, const char* config, size_t config_len, int64_t step,
                  int64_t total_steps, double* out_factor) -> tsr_status* {
    try {
      *out_factor = (*static_cast<Factor*>(user))(std::string_view(config, config_len), step,
                                                  total_steps);
      return nullptr;
    } catch (...) {
      return internal::Exceptions::Get().Keep();
    }
  };
  internal::Check(tsr_runtime_register_schedule(get(), &def));
}

inline void Runtime::RegisterModule(const std::string& type, const std::string& schema,
                                    Build build) {
  tsr_module_def def{};
  def.struct_size = sizeof(def);
  def.schema = schema.c_str();
  def.type = type.c_str();
  def.user = new Build(std::move(build));   // destroyed also when registering fails
  def.destroy = &internal::Destroy<Build>;
  def.build = &internal::BuildValues<Build>;
  internal::Check(tsr_runtime_register_module(get(), &def));
}

inline void Runtime::RegisterOp(const std::string& name, const std::string& signature,
                                Kernel kernel, Gradient gradient, const std::string& doc,
                                uint32_t version) {
  using Both = std::pair<Kernel, Gradient>;
  tsr_op_def def{};
  def.struct_size = sizeof(def);
  def.version = version;
  def.name = name.c_str();
  def.signature = signature.c_str();
  def.doc = doc.c_str();
  def.run = [](void* user, const char* attrs, size_t attrs_len, const tsr_kernel_operand* inputs,
               size_t input_count, const tsr_kernel_operand* outputs,
               size_t output_count) -> tsr_status* {
    try {
      static_cast<Both*>(user)->first(std::string_view(attrs, attrs_len),
                                      Operands(inputs, input_count),
                                      Operands(outputs, output_count));
      return nullptr;
    } catch (...) {
      return internal::Exceptions::Get().Keep();
    }
  };
  if (gradient != nullptr) {
    def.gradient = [](void* user, tsr_scope* handle, const char* attrs, size_t attrs_len,
                      const tsr_value* values, size_t value_count, tsr_value* gradients,
                      size_t input_count) -> tsr_status* {
      try {
        Scope scope(handle);
        const std::vector<tsr_value> made = static_cast<Both*>(user)->second(
            scope, std::string_view(attrs, attrs_len),
            std::vector<tsr_value>(values, values + value_count));
        if (made.size() != input_count) throw std::length_error("one gradient per input");
        for (size_t i = 0; i < made.size(); ++i) gradients[i] = made[i];
        return nullptr;
      } catch (...) {
        return internal::Exceptions::Get().Keep();
      }
    };
  }
  def.user = new Both(std::move(kernel), std::move(gradient));
  def.destroy = &internal::Destroy<Both>;
  internal::Check(tsr_runtime_register_op(get(), &def));
}

}  // namespace tessera

#endif  // TESSERA_EXTEND_HPP_
