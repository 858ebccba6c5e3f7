// Callbacks of a host that is written in C++ and throws: from kernels, gradients, build functions
// and destroy. Method: each comes back as a status that says so, the runtime goes on, and a
// callback that says INTERNAL is not taken for a broken invariant of ours. This folder includes
// tessera.h alone, so that it links the shared library, through which the exceptions pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/include/tessera.h"

namespace {

using testing::HasSubstr;

enum class Fault { kNone, kException, kMemory, kNumber, kInternal, kReenter };

struct Host {
  Fault run = Fault::kNone, gradient = Fault::kNone, build = Fault::kNone;
  int destroyed = 0;
  tsr_program* program = nullptr;   // run from within, for kReenter
};

tsr_status* Do(Fault fault) {
  switch (fault) {
    case Fault::kException:
      throw std::runtime_error("the host is not well");
    case Fault::kMemory:
      throw std::bad_alloc();
    case Fault::kNumber:
      throw 42;
    case Fault::kInternal:
      return tsr_status_new(TSR_INTERNAL, "of the host", 11);
    default:
      return nullptr;
  }
}

std::string Text(tsr_status* status, tsr_code* code) {
  *code = tsr_status_code(status);
  const std::string text = tsr_status_message(status);
  tsr_status_free(status);
  return text;
}

tsr_status* RunOne(tsr_program* program, double* result) {
  const char* const names[] = {"x"};
  const int64_t dims[] = {2};
  tsr_tensor* x = nullptr;
  tsr_tensor* y = nullptr;
  size_t count = 1;
  if (tsr_status* status = tsr_tensor_new(TSR_F64, dims, 1, &x)) return status;
  static_cast<double*>(tsr_tensor_data(x))[1] = 3;
  tsr_status* status = tsr_program_run(program, names, &x, 1, &y, &count);
  if (status == nullptr) *result = static_cast<double*>(tsr_tensor_data(y))[1];
  tsr_tensor_free(x);
  tsr_tensor_free(y);
  return status;
}

tsr_status* RunTwice(void* user, const char*, size_t, const tsr_kernel_operand* inputs, size_t,
                     const tsr_kernel_operand* outputs, size_t) {
  auto* host = static_cast<Host*>(user);
  if (host->run == Fault::kReenter) {
    double inner = 0;
    if (tsr_status* status = RunOne(host->program, &inner)) return status;
  }
  for (int64_t i = 0; i < inputs[0].dims[0]; ++i) {
    static_cast<double*>(outputs[0].data)[i] = 2 * static_cast<const double*>(inputs[0].data)[i];
  }
  return Do(host->run);
}

tsr_status* TwiceGradient(void* user, tsr_scope* scope, const char*, size_t,
                          const tsr_value* values, size_t, tsr_value* gradients, size_t) {
  tsr_status* status = Do(static_cast<Host*>(user)->gradient);
  if (status != nullptr) return status;
  const tsr_value twice[] = {values[2], values[2]};
  size_t count = 1;
  return tsr_scope_add(scope, "add", 3, twice, 2, nullptr, 0, gradients, &count);
}

tsr_status* Build(void* user, tsr_scope*, const char*, size_t, const tsr_value* inputs, size_t,
                  tsr_value* outputs, size_t* count) {
  outputs[0] = inputs[0];
  *count = 1;
  return Do(static_cast<Host*>(user)->build);
}

void Destroy(void* user) {
  ++static_cast<Host*>(user)->destroyed;
  throw std::runtime_error("destroy");
}

class CallbackTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string options = R"({"checked": true, "threads": 2})";
    ASSERT_EQ(tsr_runtime_new(options.data(), options.size(), &runtime_), nullptr);
    tsr_op_def op{};
    op.struct_size = sizeof(op);
    op.version = 1;
    op.name = "twice";
    op.signature = "x[D] -> y[D]";
    op.run = &RunTwice;
    op.gradient = &TwiceGradient;
    op.user = &host_;
    op.destroy = &Destroy;
    ASSERT_EQ(tsr_runtime_register_op(runtime_, &op), nullptr);
    tsr_module_def module{};
    module.struct_size = sizeof(module);
    module.schema = "table Nothing (role: \"feed_forward\") { }";
    module.type = "Nothing";
    module.build = &Build;
    module.user = &host_;
    module.destroy = &Destroy;
    ASSERT_EQ(tsr_runtime_register_module(runtime_, &module), nullptr);
  }
  void TearDown() override {
    tsr_runtime_free(runtime_);
    EXPECT_EQ(host_.destroyed, 2);
  }

  // y = twice(x * w), and its sum as a loss.
  tsr_status* Compile(const char* options, tsr_program** program) {
    tsr_graph* graph = nullptr;
    EXPECT_EQ(tsr_graph_new(runtime_, &graph), nullptr);
    tsr_value both[2] = {-1, -1}, product = -1, y = -1, sum = -1, one = -1;
    size_t count = 1;
    EXPECT_EQ(tsr_graph_input(graph, "x", 1, TSR_F64, "2", 1, &both[0]), nullptr);
    EXPECT_EQ(tsr_graph_param(graph, "w", 1, TSR_F64, "2", 1, "{\"mean\": 1}", 11, &both[1]),
              nullptr);
    const auto add = [&](const char* op, const tsr_value* inputs, size_t inputs_count,
                         const char* attrs, tsr_value* output) {
      EXPECT_EQ(tsr_graph_add(graph, op, std::strlen(op), inputs, inputs_count, attrs,
                              std::strlen(attrs), output, &count),
                nullptr);
    };
    add("mul", both, 2, "", &product);
    add("twice", &product, 1, "", &y);
    add("reduce_sum", &y, 1, "{\"dims\": [0]}", &sum);
    add("fill", nullptr, 0, "{\"value\": 1, \"dtype\": \"f64\", \"shape\": \"\"}", &one);
    EXPECT_EQ(tsr_graph_output(graph, "y", 1, y), nullptr);
    EXPECT_EQ(tsr_graph_loss(graph, "sum", 3, sum, one, 1), nullptr);
    tsr_status* status = tsr_program_from_graph(graph, options, std::strlen(options), program);
    tsr_graph_free(graph);
    return status;
  }

  tsr_runtime* runtime_ = nullptr;
  Host host_;
};

struct Expected {
  Fault fault;
  tsr_code code;
  const char* text;
};
constexpr Expected kExpected[] = {
    {Fault::kException, TSR_UNKNOWN, "the callback threw: the host is not well"},
    {Fault::kMemory, TSR_RESOURCE_EXHAUSTED, "the callback found no memory"},
    {Fault::kNumber, TSR_UNKNOWN, "the callback threw"},
    {Fault::kInternal, TSR_INTERNAL, "of the host"}};

TEST_F(CallbackTest, FaultsOfAKernelEndTheRunAndNothingElse) {
  tsr_program* program = nullptr;
  ASSERT_EQ(Compile("", &program), nullptr);
  double result = 0;
  tsr_code code = TSR_OK;
  for (const Expected& expected : kExpected) {
    host_.run = expected.fault;
    const std::string text = Text(RunOne(program, &result), &code);
    EXPECT_EQ(code, expected.code) << text;
    EXPECT_THAT(text, HasSubstr(expected.text));
    EXPECT_THAT(text, HasSubstr("twice at '"));
    host_.run = Fault::kNone;
    ASSERT_EQ(RunOne(program, &result), nullptr);
    EXPECT_EQ(result, 6);
  }
  tsr_program_free(program);
}

TEST_F(CallbackTest, FaultsOfAGradientEndTheCompilation) {
  tsr_program* program = nullptr;
  tsr_code code = TSR_OK;
  for (const Expected& expected : kExpected) {
    host_.gradient = expected.fault;
    const std::string text = Text(Compile(R"({"gradients": true})", &program), &code);
    EXPECT_EQ(code, expected.code) << text;
    EXPECT_THAT(text, HasSubstr(std::string("op 'twice': gradient: ") + expected.text));
  }
  host_.gradient = Fault::kNone;
  ASSERT_EQ(Compile(R"({"gradients": true})", &program), nullptr);
  tsr_program_free(program);
}

TEST_F(CallbackTest, FaultsOfABuildFunctionEndTheTrace) {
  const std::string json = R"({"model": {"type": "LanguageModel", "vocab_size": 4, "model_dim": 4,
      "decoder": {"num_layers": 1, "layer": {"attention": {"num_heads": 1},
      "feed_forward": "Nothing"}}}, "data": {"train": "none"}})";
  tsr_config* config = nullptr;
  tsr_program* program = nullptr;
  tsr_code code = TSR_OK;
  ASSERT_EQ(tsr_config_parse(runtime_, json.data(), json.size(), "test", 4, &config), nullptr);
  for (const Expected& expected : kExpected) {
    host_.build = expected.fault;
    const std::string text = Text(tsr_program_from_config(config, nullptr, 0, &program), &code);
    EXPECT_EQ(code, expected.code) << text;
    EXPECT_THAT(text, HasSubstr(std::string("module 'Nothing': ") + expected.text));
  }
  host_.build = Fault::kNone;
  ASSERT_EQ(tsr_program_from_config(config, nullptr, 0, &program), nullptr);
  tsr_program_free(program);
  tsr_config_free(config);
}

// A kernel may use another program of its runtime, but not the one it is part of.
TEST_F(CallbackTest, AKernelMayRunAnotherProgram) {
  tsr_program* outer = nullptr;
  tsr_program* inner = nullptr;
  double result = 0;
  tsr_code code = TSR_OK;
  ASSERT_EQ(Compile("", &outer), nullptr);
  host_.run = Fault::kReenter;
  host_.program = outer;
  EXPECT_THAT(Text(RunOne(outer, &result), &code), HasSubstr("one thread at a time"));
  EXPECT_EQ(code, TSR_FAILED_PRECONDITION);

  tsr_graph* graph = nullptr;
  tsr_value x = -1, y = -1;
  size_t count = 1;
  ASSERT_EQ(tsr_graph_new(runtime_, &graph), nullptr);
  ASSERT_EQ(tsr_graph_input(graph, "x", 1, TSR_F64, "2", 1, &x), nullptr);
  ASSERT_EQ(tsr_graph_add(graph, "neg", 3, &x, 1, nullptr, 0, &y, &count), nullptr);
  ASSERT_EQ(tsr_graph_output(graph, "y", 1, y), nullptr);
  ASSERT_EQ(tsr_program_from_graph(graph, nullptr, 0, &inner), nullptr);
  host_.program = inner;
  ASSERT_EQ(RunOne(outer, &result), nullptr);
  EXPECT_EQ(result, 6);
  tsr_graph_free(graph);
  tsr_program_free(inner);
  tsr_program_free(outer);
}

}  // namespace
