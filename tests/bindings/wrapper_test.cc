// tessera.hpp: each class used once for real, errors, exceptions of callbacks, ends in any order.
//
// Method: a small model on a corpus of a few sentences, a module and an op as lambdas.

#include "capi/include/tessera.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "gtest/gtest.h"

namespace tessera {
namespace {

class WrapperTest : public testing::Test {
 protected:
  WrapperTest() {
    char name[] = "/tmp/tessera-wrapper-XXXXXX";
    folder_ = ::mkdtemp(name);
    std::ofstream corpus(folder_ / "corpus.txt");
    for (int i = 0; i < 400; ++i) corpus << "the quick brown fox jumps over the lazy dog.\n";
  }
  ~WrapperTest() override { std::filesystem::remove_all(folder_); }

  Config SmallConfig() {
    return Config::Parse(runtime_, R"({
      "model": {"type": "LanguageModel", "vocab_size": 256, "model_dim": 16,
                "decoder": {"num_layers": 1, "layer": {"attention": {"num_heads": 2},
                                                       "feed_forward": {"hidden_dim": 24}}}},
      "data": {"train": ")" + (folder_ / "corpus.txt").string() + R"("},
      "trainer": {"steps": 6, "batch_size": 2, "sequence_length": 16},
      "runtime": {"seed": 3}})");
  }

  std::filesystem::path folder_;
  Runtime runtime_{R"({"threads": 2, "checked": true})"};
};

TEST_F(WrapperTest, TrainsSavesGeneratesAndRuns) {
  Config config = SmallConfig();
  config.Set("trainer.steps", "4");
  EXPECT_EQ(config.Get("trainer.steps"), "4");
  EXPECT_NE(config.Diff(SmallConfig()), "");
  EXPECT_NE(config.Plan().find("\"flops\""), std::string::npos);
  const std::string out = (folder_ / "out").string();
  std::vector<std::string> records;
  std::string text;
  {
    Trainer trainer(config, out);
    trainer.AddSink([&](std::string_view record) { records.emplace_back(record); });
    EXPECT_EQ(trainer.Step().step, 1);
    Job job = trainer.Run();
    job.Wait();
    EXPECT_EQ(job.Progress().step, 4);
    EXPECT_NE(trainer.Describe().find("\"step\""), std::string::npos);
    text = trainer.NewGenerator().Generate("the ", R"({"max_tokens": 8, "temperature": 0})");
  }
  EXPECT_GE(records.size(), 4u);
  Generator generator = Generator::FromCheckpoint(runtime_, out + "/checkpoints");
  std::string pieces;
  const std::string again =
      generator.Generate("the ", R"({"max_tokens": 8, "temperature": 0})",
                         [&](std::string_view piece) { return pieces += piece, false; });
  EXPECT_EQ(again, text);
  EXPECT_EQ(pieces, text);
  EXPECT_NE(InspectCheckpoint(out + "/checkpoints", true).find("\"step\": 4"), std::string::npos);
  Program program = Program::FromCheckpoint(runtime_, out + "/checkpoints");
  Tensor tokens(TSR_I32, {1, 3});
  EXPECT_EQ(program.Run({{"tokens", &tokens}}).at(0).dims(), (std::vector<int64_t>{1, 3, 256}));
}

TEST_F(WrapperTest, ErrorsSayWhere) {
  try {
    Config::Parse(runtime_, "{\n  \"trainer\": {\"stepz\": 3}\n}", "mine.json");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), TSR_INVALID_ARGUMENT);
    EXPECT_EQ(error.file(), "mine.json");
    EXPECT_EQ(error.line(), 2);
    EXPECT_EQ(error.path(), "trainer.stepz");
    EXPECT_NE(error.payload().find("\"errors\""), std::string::npos);
  }
  EXPECT_THROW(Config::Load(runtime_, "nowhere.json"), Error);
  Config closed = SmallConfig();
  closed.Close();
  closed.Close();
  EXPECT_THROW(closed.ToJson(), Error);
}

TEST_F(WrapperTest, AGraphOfOpsAndAModuleOfTheCatalogue) {
  Graph graph(runtime_);
  const tsr_value x = graph.Input("x", TSR_F32, "B,T,4");
  const Config norm = Config::Parse(runtime_, R"({"type": "RmsNorm", "model_dim": 4})");
  const tsr_value y = graph.Call(norm, {x}, "norm").at(0);
  graph.Output("y", graph.Add("neg", {y}));
  EXPECT_EQ(graph.Type(y), "f32[B,T,4]");
  Program program(graph);
  graph.Close();
  Tensor given(TSR_F32, {1, 1, 4});
  for (size_t i = 0; i < given.count<float>(); ++i) given.data<float>()[i] = 2;
  const Tensor result = std::move(program.Run({{"x", &given}}).at(0));
  EXPECT_NEAR(result.data<float>()[3], -1, 1e-5);
  EXPECT_EQ(program.Param("norm/scale").dims(), std::vector<int64_t>{4});
}

TEST_F(WrapperTest, LambdasAsModulesAndOps) {
  runtime_.RegisterModule(
      "Doubled", "/// x + x.\ntable Doubled (role: \"feed_forward\") {\n}\n",
      [](Scope& scope, std::string_view, const std::vector<tsr_value>& inputs) {
        return std::vector<tsr_value>{scope.Add("add", {inputs.at(0), inputs.at(0)})};
      });
  Config config = SmallConfig();
  config.Set("model.decoder.layer.feed_forward", R"({"type": "Doubled"})");
  EXPECT_GT(Trainer(config).Step().loss, 0);
  runtime_.RegisterOp(
      "halved", "x[N] -> y[N]",
      [](std::string_view, const Operands& inputs, const Operands& outputs) {
        for (int64_t i = 0; i < inputs[0].dims[0]; ++i) {
          static_cast<float*>(outputs[0].data)[i] =
              static_cast<const float*>(inputs[0].data)[i] / 2;
        }
      });
  Graph graph(runtime_);
  graph.Output("y", graph.Add("halved", {graph.Input("x", TSR_F32, "N")}));
  Tensor x(TSR_F32, {3});
  x.data<float>()[1] = 5;
  EXPECT_EQ(Program(graph).Run({{"x", &x}}).at(0).data<float>()[1], 2.5f);
}

struct Mine {
  int number;
};

TEST_F(WrapperTest, ExceptionsOfCallbacksComeBackAsThemselves) {
  runtime_.RegisterModule(
      "Throws", "/// It throws.\ntable Throws (role: \"feed_forward\") {\n}\n",
      [](Scope&, std::string_view, const std::vector<tsr_value>&) -> std::vector<tsr_value> {
        throw Mine{7};
      });
  Config config = SmallConfig();
  config.Set("model.decoder.layer.feed_forward", R"({"type": "Throws"})");
  try {
    Program program(config);
    FAIL() << "expected an exception";
  } catch (const Mine& mine) {
    EXPECT_EQ(mine.number, 7);
  }
  runtime_.RegisterOp("throws", "x[N] -> y[N]",
                      [](std::string_view, const Operands&, const Operands&) {
                        throw std::out_of_range("here");
                      });
  Graph graph(runtime_);
  graph.Output("y", graph.Add("throws", {graph.Input("x", TSR_F32, "N")}));
  Tensor x(TSR_F32, {3});
  EXPECT_THROW(Program(graph).Run({{"x", &x}}), std::out_of_range);
  Trainer trainer(SmallConfig());
  EXPECT_THROW(trainer.NewGenerator().Generate(
                   "the ", R"({"max_tokens": 3})", [](std::string_view) -> bool { throw Mine{8}; }),
               Mine);
}

TEST_F(WrapperTest, PartsTrainAsTheBuiltInOnes) {
  runtime_.RegisterSource("memory", [](Corpus& corpus, std::string_view name) {
    if (name == "throws") throw std::out_of_range("here");
    for (int i = 0; i < 400; ++i) {
      corpus.AddText("the quick brown fox jumps over the lazy dog.\n");
    }
  });
  runtime_.RegisterSource("ids", [](Corpus& corpus, std::string_view) {
    corpus.AddTokens(std::vector<uint32_t>(200, 3));
    corpus.AddTokens(std::vector<uint16_t>(200, 3));
  });
  runtime_.RegisterOptimizer(
      "HostSgd", R"(table HostSgd (role: "optimizer") { learning_rate: double = 0.05; })",
      "momentum",
      [](Scope& scope, std::string_view, const std::vector<tsr_value>& values) {
        return scope.AddAll("sgd_update", values, R"({"momentum": 0.9})");
      });
  runtime_.RegisterSchedule("HostHalf", "table HostHalf (role: \"schedule\") { x: long; }",
                            [](std::string_view, int64_t, int64_t) { return 0.5; });
  Config built_in = SmallConfig(), custom = SmallConfig();
  built_in.Set("optimizer", R"({"type": "Sgd", "learning_rate": 0.025, "momentum": 0.9})");
  built_in.Set("schedule", R"({"type": "Constant", "warmup_steps": 0})");
  custom.Set("optimizer", "HostSgd").Set("schedule", "HostHalf").Set("data.source", "memory");
  Trainer a(built_in), b(custom);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(a.Step().loss, b.Step().loss);
  custom.Set("data.source", "ids");
  EXPECT_GT(Trainer(custom).Step().loss, 0);
  custom.Set("data.source", "memory").Set("data.train", "throws");
  EXPECT_THROW(Trainer{custom}, std::out_of_range);
  EXPECT_THROW(runtime_.LoadPlugin("x.so"), Error);
}

// Objects in memory, held by the test.
class MemoryStore : public CheckpointStore {
 public:
  struct Content {
    std::map<std::string, std::string> objects, open;
    bool is_gone = false;
  };
  struct Gone {};

  explicit MemoryStore(Content& content) : content_(content) {}

  void Write(std::string_view name, int64_t, std::string_view bytes, bool is_last) override {
    if (content_.is_gone) throw Gone{};
    std::string& object = content_.open[std::string(name)];
    object.append(bytes);
    if (is_last) content_.objects[std::string(name)] = std::move(object);
  }
  size_t Read(std::string_view name, int64_t offset, char* buffer, size_t size) override {
    if (content_.is_gone) throw Gone{};
    return content_.objects.at(std::string(name)).copy(buffer, size, static_cast<size_t>(offset));
  }
  void List(std::string_view prefix, const Add& add) override {
    for (const auto& [name, object] : content_.objects) {
      if (name.compare(0, prefix.size(), prefix) == 0) {
        add(name, static_cast<int64_t>(object.size()));
      }
    }
  }
  void Rename(std::string_view from, std::string_view to) override {
    std::map<std::string, std::string> renamed;
    for (auto& [name, object] : content_.objects) {
      const bool moves = name.compare(0, from.size(), from) == 0;
      renamed[moves ? std::string(to) + name.substr(from.size()) : name] = std::move(object);
    }
    content_.objects = std::move(renamed);
  }
  void Remove(std::string_view name) override {
    content_.objects.erase(std::string(name));
    content_.open.erase(std::string(name));
  }

 private:
  Content& content_;
};

std::string BytesOf(const Tensor& tensor) {
  return std::string(static_cast<const char*>(tsr_tensor_data(tensor.get())), tensor.bytes());
}

TEST_F(WrapperTest, CheckpointsGoToAStore) {
  MemoryStore::Content content;
  RegisterStore(runtime_, "memory", std::make_unique<MemoryStore>(content));
  Config plain = SmallConfig(), stored = SmallConfig();
  stored.Set("trainer.checkpoint_folder", "memory://runs/a");
  const std::string out = (folder_ / "plain").string();
  Trainer(plain, out).Run().Wait();
  {
    Trainer first(stored);
    first.Run(3).Wait();
    first.Save();
  }
  Trainer second(stored, "", R"({"resume": true})");
  second.Run().Wait();
  for (const char* slot : {"", "m", "v"}) {
    const std::string expected =
        BytesOf(ReadTensor(runtime_, out + "/checkpoints", "embedding/weight", slot));
    EXPECT_TRUE(expected ==
                BytesOf(ReadTensor(runtime_, "memory://runs/a", "embedding/weight", slot)));
    EXPECT_FALSE(expected.empty());
  }
  EXPECT_NE(InspectCheckpoint(runtime_, "memory://runs/a", true).find("\"step\": 6"),
            std::string::npos);
  content.is_gone = true;
  EXPECT_THROW(second.Save("memory://best"), MemoryStore::Gone);
  EXPECT_THROW(second.Load("memory://runs/a"), MemoryStore::Gone);
  content.is_gone = false;
  for (auto& [name, object] : content.objects) {
    if (name.find("step_6") != std::string::npos) object[object.size() / 2] ^= 1;
  }
  try {
    second.Load("memory://runs/a/step_6");
    FAIL() << "expected DATA_LOSS";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), TSR_DATA_LOSS) << error.what();
  }
  second.Load("memory://runs/a/step_3");
}

TEST_F(WrapperTest, AJobTellsWhenItHasEnded) {
  Trainer trainer(SmallConfig());
  Job job = trainer.Run(2);
  std::promise<void> ended;
  job.OnEnd([&] { ended.set_value(); });
  ended.get_future().wait();
  EXPECT_EQ(job.Progress().step, 2);
}

TEST_F(WrapperTest, JobsAreCancelledAndParentsMayGoFirst) {
  Config config = SmallConfig();
  config.Set("trainer.steps", "1000000");
  Trainer trainer(config);
  config.Close();
  runtime_.Close();
  Job job = trainer.Run();
  EXPECT_THROW(job.Wait(0.01), Error);
  job.Cancel();
  try {
    job.Wait();
    FAIL() << "expected CANCELLED";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), TSR_CANCELLED);
  }
  trainer.Close();
  EXPECT_TRUE(job.Progress().done);
}

}  // namespace
}  // namespace tessera
