// Method: tables of Hugging Face Transformers (shared/golden beside the repository; skipped without
// them), equal in fp32; then the values at the corners, and what must hold of every schedule.
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cpp/config/json_document.h"
#include "tests/optim/optim_kit.h"

namespace tessera {
namespace {

struct Table {
  const char* name;
  const char* schedule;
};

const Table kTables[] = {
    {"cosine_warmup", R"({"type": "Cosine", "warmup_steps": 20, "total_steps": 200})"},
    {"cosine_no_warmup", R"({"type": "Cosine"})"},
    {"cosine_min_lr",
     R"({"type": "Cosine", "warmup_steps": 20, "total_steps": 200, "min_lr_ratio": 0.1})"},
    {"linear_warmup", R"({"type": "LinearDecay", "warmup_steps": 25, "total_steps": 180})"},
    {"inverse_sqrt", R"({"type": "InverseSqrt", "warmup_steps": 16})"},
    {"inverse_sqrt_timescale", R"({"type": "InverseSqrt", "warmup_steps": 10, "timescale": 50})"},
    {"wsd",
     R"({"type": "Wsd", "warmup_steps": 20, "stable_steps": 120, "decay_steps": 50})"},
    {"wsd_linear_min",
     R"({"type": "Wsd", "warmup_steps": 20, "stable_steps": 120, "decay_steps": 50,
         "decay_type": "linear", "min_lr_ratio": 0.1})"},
    {"wsd_1_sqrt",
     R"({"type": "WarmupStableDecay", "warmup_steps": 20, "decay_steps": 60,
         "decay_type": "one_minus_sqrt"})"},
};

const JsonValue* Member(const JsonValue& object, std::string_view name) {
  for (const JsonMember& member : object.members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

double Number(const JsonValue& value) {
  double number = std::nan("");
  std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  return number;
}

TEST(ScheduleTest, TablesAreEqualInFp32) {
  const std::filesystem::path path =
      std::filesystem::path(TESSERA_SOURCE_DIR) / ".." / "shared" / "golden" / "schedules.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "there is no " << path;
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const std::string json = text.str();
  JsonDocument document(json, "schedules.json");
  ConfigErrors errors;
  ASSERT_TRUE(document.Parse(errors)) << errors.ToStatus();
  EXPECT_EQ(document.root().members.size(), std::size(kTables));
  for (const Table& table : kTables) {
    const JsonValue* stored = Member(document.root(), table.name);
    ASSERT_NE(stored, nullptr) << table.name;
    const auto schedule = ScheduleFromJson(table.schedule);
    ASSERT_TRUE(schedule.ok()) << schedule.status();
    const double base = Number(*Member(*stored, "base_lr"));
    const std::vector<JsonValue>& rates = Member(*stored, "lr")->items;
    ASSERT_EQ(rates.size(), 200u);
    for (int64_t t = 0; t < 200; ++t) {
      EXPECT_EQ(static_cast<float>(base * (*schedule)->Factor(t, 200)),
                static_cast<float>(Number(rates[static_cast<size_t>(t)])))
          << table.name << " t=" << t;
    }
  }
}

double Factor(const std::string& json, int64_t t, int64_t total) {
  const auto schedule = ScheduleFromJson(json);
  EXPECT_TRUE(schedule.ok()) << schedule.status();
  return schedule.ok() ? (*schedule)->Factor(t, total) : std::nan("");
}

TEST(ScheduleTest, CornersByHand) {
  const char* constant = R"({"type": "Constant", "warmup_steps": 4})";
  EXPECT_EQ(Factor(constant, 0, 10), 0);
  EXPECT_EQ(Factor(constant, 1, 10), 0.25);
  EXPECT_EQ(Factor(constant, 4, 10), 1);
  EXPECT_EQ(Factor(constant, 1000, 10), 1);
  EXPECT_EQ(Factor(R"({"type": "Constant"})", 0, 10), 1);

  const char* linear = R"({"type": "LinearDecay", "warmup_steps": 2, "min_lr_ratio": 0.5})";
  EXPECT_EQ(Factor(linear, 1, 10), 0.5);
  EXPECT_EQ(Factor(linear, 2, 10), 1);
  EXPECT_EQ(Factor(linear, 6, 10), 0.75);
  EXPECT_EQ(Factor(linear, 10, 10), 0.5);
  EXPECT_EQ(Factor(linear, 100, 10), 0.5);

  const char* cosine = R"({"type": "Cosine", "min_lr_ratio": 0.2})";
  EXPECT_EQ(Factor(cosine, 0, 8), 1);
  EXPECT_NEAR(Factor(cosine, 4, 8), 0.6, 1e-15);
  EXPECT_NEAR(Factor(cosine, 8, 8), 0.2, 1e-15);
  EXPECT_NEAR(Factor(cosine, 12, 8), 0.2, 1e-15);

  const char* root = R"({"type": "InverseSqrt", "timescale": 3})";
  EXPECT_EQ(Factor(root, 0, 8), 1);
  EXPECT_EQ(Factor(root, 9, 8), 0.5);

  // The stable phase fills what warm-up and decay leave: 2, 4, 4 of 10.
  const char* wsd = R"({"type": "Wsd", "warmup_steps": 2, "decay_steps": 4,
                        "decay_type": "linear", "min_lr_ratio": 0.2})";
  EXPECT_EQ(Factor(wsd, 0, 10), 0.2);
  EXPECT_NEAR(Factor(wsd, 1, 10), 0.6, 1e-15);
  EXPECT_EQ(Factor(wsd, 2, 10), 1);
  EXPECT_EQ(Factor(wsd, 6, 10), 1);
  EXPECT_NEAR(Factor(wsd, 8, 10), 0.6, 1e-15);
  EXPECT_NEAR(Factor(wsd, 10, 10), 0.2, 1e-15);
  // A run too short for both: no stable phase, the decay is cut off.
  EXPECT_EQ(Factor(wsd, 2, 3), 1);
  EXPECT_NEAR(Factor(wsd, 4, 3), 0.6, 1e-15);
}

// Any schedule at any step of any run: a share of the peak. Runs of 0 and 1 steps too.
TEST(ScheduleTest, FactorsAreFiniteShares) {
  for (const Table& table : kTables) {
    const auto schedule = ScheduleFromJson(table.schedule);
    ASSERT_TRUE(schedule.ok()) << schedule.status();
    for (int64_t total : {int64_t{0}, int64_t{1}, int64_t{5}, int64_t{200}, int64_t{1} << 40}) {
      for (int64_t t : {int64_t{0}, int64_t{1}, int64_t{19}, int64_t{20}, int64_t{139},
                        int64_t{140}, int64_t{199}, int64_t{200}, int64_t{1} << 40}) {
        const double factor = (*schedule)->Factor(t, total);
        EXPECT_TRUE(factor >= 0 && factor <= 1) << table.name << " " << t << "/" << total;
      }
    }
  }
}

}  // namespace
}  // namespace tessera
