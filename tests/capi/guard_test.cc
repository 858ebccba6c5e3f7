// The inside of the C interface: what a guard makes of exceptions and broken invariants, options,
// structs that grow, statuses with details, objects for one thread.
#include "capi/src/internal/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "capi/src/internal/arguments.h"
#include "capi/src/internal/job_object.h"
#include "capi/src/internal/one_thread.h"
#include "capi/src/internal/options.h"
#include "capi/src/internal/status.h"
#include "cpp/base/status_macros.h"

namespace tessera::capi {
namespace {

using testing::HasSubstr;

// The code and message of a call's result, which is freed.
absl::Status Taken(tsr_status* status) {
  if (status == nullptr) return absl::OkStatus();
  const absl::Status taken(static_cast<absl::StatusCode>(tsr_status_code(status)),
                           tsr_status_message(status));
  tsr_status_free(status);
  return taken;
}

class GuardTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string options = R"({"checked": true, "threads": 2})";
    ASSERT_EQ(tsr_runtime_new(options.data(), options.size(), &runtime_), nullptr);
  }
  void TearDown() override { tsr_runtime_free(runtime_); }

  // A call that uses the runtime and then does `body`.
  template <typename Body>
  absl::Status Do(Body body) {
    return Taken(Guard([&](Call& call) -> absl::Status {
      ASSIGN_OR_RETURN(const auto object, call.Use(runtime_, "runtime"));
      (void)object;
      return body();
    }));
  }
  absl::Status List() {
    char* text = nullptr;
    size_t length = 0;
    absl::Status status = Taken(tsr_runtime_list(runtime_, "ops", 3, &text, &length));
    tsr_text_free(text);
    return status;
  }

  tsr_runtime* runtime_ = nullptr;
};

TEST_F(GuardTest, NoMemoryIsResourceExhaustedAndBreaksNothing) {
  const absl::Status status = Do([]() -> absl::Status { throw std::bad_alloc(); });
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  const absl::Status length = Do([]() -> absl::Status { throw std::length_error("vector"); });
  EXPECT_TRUE(absl::IsResourceExhausted(length)) << length;
  EXPECT_TRUE(List().ok());
}

TEST_F(GuardTest, AnExceptionIsInternalAndPoisonsTheRuntime) {
  const absl::Status status =
      Do([]() -> absl::Status { throw std::runtime_error("disk on fire"); });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("disk on fire"));
  const absl::Status later = List();
  EXPECT_TRUE(absl::IsInternal(later)) << later;
  EXPECT_THAT(std::string(later.message()), HasSubstr("disk on fire"));
  EXPECT_THAT(std::string(later.message()), HasSubstr("make a new one"));
}

TEST_F(GuardTest, AnExceptionOfAnyTypeIsInternal) {
  const absl::Status status = Do([]() -> absl::Status { throw 42; });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
}

TEST_F(GuardTest, ABrokenInvariantPoisonsThisRuntimeOnly) {
  tsr_runtime* other = nullptr;
  ASSERT_EQ(tsr_runtime_new("", 0, &other), nullptr);
  tsr_config* config = nullptr;
  ASSERT_EQ(tsr_config_parse(runtime_, "{}", 2, "x", 1, &config), nullptr);
  const absl::Status status = Do([]() -> absl::Status {
    RET_CHECK(1 + 1 == 3) << "arithmetic";
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  char* text = nullptr;
  size_t length = 0;
  // What was made from it is refused too; describing and freeing is not.
  EXPECT_TRUE(absl::IsInternal(Taken(tsr_config_to_json(config, &text, &length))));
  EXPECT_TRUE(absl::IsInternal(Taken(tsr_config_set(config, "trainer.steps", 13, "1", 1))));
  EXPECT_EQ(text, nullptr);
  ASSERT_EQ(tsr_runtime_describe(runtime_, &text, &length), nullptr);
  EXPECT_THAT(text, HasSubstr("arithmetic"));
  tsr_text_free(text);
  tsr_config_free(config);
  ASSERT_EQ(tsr_runtime_list(other, "ops", 3, &text, &length), nullptr);
  tsr_text_free(text);
  tsr_runtime_free(other);
}

TEST_F(GuardTest, WhatAHostsCallbackSaysPoisonsNothing) {
  const absl::Status status = Do([] {
    return TakeHostStatus(tsr_status_new(TSR_INTERNAL, "broken invariant: of the host", 29));
  });
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_TRUE(List().ok());
}

TEST_F(GuardTest, OtherErrorsPoisonNothing) {
  for (absl::StatusCode code : {absl::StatusCode::kInvalidArgument, absl::StatusCode::kInternal,
                                absl::StatusCode::kDataLoss, absl::StatusCode::kUnknown}) {
    EXPECT_EQ(Do([&] { return absl::Status(code, "a kernel threw: x"); }).code(), code);
  }
  EXPECT_TRUE(List().ok());
}

TEST_F(GuardTest, ABrokenInvariantOfAJobPoisonsToo) {
  auto object = ObjectOf(runtime_, "runtime");
  ASSERT_TRUE(object.ok());
  auto state = std::make_shared<JobState>();
  auto job = JobObject::Start(*object, state, []() -> absl::Status { throw 1; });
  ASSERT_TRUE(job.ok());
  EXPECT_TRUE(absl::IsInternal(state->Wait(-1)));
  EXPECT_TRUE(absl::IsInternal(List()));
}

TEST(JobObject, EndsWhenItIsDroppedOnItsOwnThread) {
  tsr_runtime* runtime = nullptr;
  ASSERT_EQ(tsr_runtime_new("", 0, &runtime), nullptr);
  auto object = *ObjectOf(runtime, "runtime");
  auto state = std::make_shared<JobState>();
  auto kept = std::make_shared<std::shared_ptr<JobObject>>();
  std::atomic<bool> is_there{false};
  auto job = JobObject::Start(object, state, [kept, &is_there] {
    while (!is_there) std::this_thread::yield();
    kept->reset();
    return absl::CancelledError("as asked");
  });
  ASSERT_TRUE(job.ok());
  *kept = *std::move(job);
  job = absl::UnknownError("moved");
  is_there = true;
  EXPECT_TRUE(absl::IsCancelled(state->Wait(-1)));
  EXPECT_TRUE(state->is_cancelled());
  tsr_runtime_free(runtime);
}

TEST(NewStatus, CarriesItsDetails) {
  absl::Status status = absl::AbortedError("rank 3 (host a, pid 7) aborted: no space");
  status = WithFile(WithPath(std::move(status), "a/b"), "c.txt");
  tsr_status* made = NewStatus(WithPayload(std::move(status), "{\"x\": 1}"));
  EXPECT_STREQ(tsr_status_path(made), "a/b");
  EXPECT_STREQ(tsr_status_file(made), "c.txt");
  EXPECT_STREQ(tsr_status_payload(made), "{\"x\": 1}");
  EXPECT_EQ(tsr_status_rank(made), 3);
  // Through a callback of the host and back.
  tsr_status* again = NewStatus(WithRank(TakeHostStatus(made), 5));
  EXPECT_STREQ(tsr_status_path(again), "a/b");
  EXPECT_STREQ(tsr_status_payload(again), "{\"x\": 1}");
  EXPECT_EQ(tsr_status_rank(again), 5);
  tsr_status_free(again);
}

TEST(NewStatus, TakesARankFromFailuresOfGroupsOnly) {
  const auto rank_of = [](absl::Status status) {
    tsr_status* made = NewStatus(status);
    const int32_t rank = tsr_status_rank(made);
    tsr_status_free(made);
    return rank;
  };
  EXPECT_EQ(rank_of(absl::InvalidArgumentError("expected a tensor of rank 2, got rank 3")), -1);
  EXPECT_EQ(rank_of(absl::UnavailableError("all_reduce: rank 12 died")), 12);
  EXPECT_EQ(rank_of(absl::UnavailableError("the rank is not known; rank 2 hangs")), 2);
  EXPECT_EQ(rank_of(absl::UnavailableError("rank 99999999999999999999")), -1);
}

TEST(OutOfMemoryStatus, NeedsNoMemoryAndStaysWhenItIsFreed) {
  for (int i = 0; i < 2; ++i) {
    tsr_status* status = OutOfMemoryStatus();
    EXPECT_EQ(tsr_status_code(status), TSR_RESOURCE_EXHAUSTED);
    EXPECT_STREQ(tsr_status_message(status), kNoMemoryMessage);
    EXPECT_STREQ(tsr_status_payload(status), "{}");
    EXPECT_EQ(tsr_status_rank(status), -1);
    tsr_status_free(status);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(TakeHostStatus(OutOfMemoryStatus())));
}

TEST(OptionReader, ReportsEverythingAtOnce) {
  bool flag = false;
  int64_t count = 7;
  OptionReader reader("{\"flag\": 3,\n \"cont\": 1, \"count\": 12}", "options");
  EXPECT_FALSE(reader.Bool("flag", &flag));
  EXPECT_FALSE(reader.Int("count", 0, 10, &count));
  const absl::Status status = reader.Finish();
  EXPECT_EQ(status.message(),
            "options:1:10: flag: expected true or false, got 3\n"
            "options:2:2: cont: expected one of the keys flag, count, got the key 'cont' (did you "
            "mean 'count'?)\n"
            "options:2:22: count: expected an integer from 0 to 10, got 12");
  EXPECT_EQ(count, 7);
}

TEST(OptionReader, ReadsEveryKindOfValue) {
  bool flag = false;
  int64_t count = 0;
  double number = 0;
  std::string text, choice;
  OptionReader reader(
      R"({"flag": true, "count": -3, "number": 1e-3, "text": "a\u00e9", "choice": "b",
          "any": [1]})",
      "options");
  EXPECT_TRUE(reader.Bool("flag", &flag));
  EXPECT_TRUE(reader.Int("count", INT64_MIN, INT64_MAX, &count));
  EXPECT_TRUE(reader.Float("number", 0, 1, &number));
  EXPECT_TRUE(reader.Text("text", &text));
  EXPECT_TRUE(reader.Choice("choice", {"a", "b"}, &choice));
  ASSERT_NE(reader.Any("any"), nullptr);
  EXPECT_EQ(reader.Any("any")->items.size(), 1u);
  EXPECT_EQ(reader.Any("absent"), nullptr);
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_TRUE(flag);
  EXPECT_EQ(count, -3);
  EXPECT_EQ(number, 1e-3);
  EXPECT_EQ(text, "a\u00e9");
  EXPECT_EQ(choice, "b");
}

TEST(OptionReader, TakesEmptyTextForNoOptions) {
  for (const char* text : {"", "  \n", "{}", "// nothing\n{}"}) {
    OptionReader reader(text, "options");
    EXPECT_TRUE(reader.All().empty());
    EXPECT_TRUE(reader.Finish().ok()) << text;
  }
}

struct Growing {
  uint32_t struct_size;
  int32_t first;
  int64_t second;
};

TEST(ReadStruct, TakesOlderAndNewerCallers) {
  Growing given{sizeof(Growing), 1, 2};
  ASSERT_TRUE(ReadStruct(&given, 8, "given").ok());
  given.struct_size = 8;  // an older caller: it does not have `second`
  EXPECT_EQ(ReadStruct(&given, 8, "given")->second, 0);
  given.struct_size = 4;
  EXPECT_TRUE(absl::IsInvalidArgument(ReadStruct(&given, 8, "given").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadStruct<Growing>(nullptr, 8, "given").status()));

  struct Newer {
    Growing known;
    int64_t third;
  } newer{{sizeof(Newer), 1, 2}, 0};
  EXPECT_TRUE(ReadStruct(&newer.known, 8, "given").ok());
  newer.third = 9;
  const absl::Status status = ReadStruct(&newer.known, 8, "given").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected zero in the fields"));
}

TEST(GiveStruct, WritesNoMoreThanTheCallerHas) {
  Growing out{8, 0, 77};
  GiveStruct(Growing{sizeof(Growing), 5, 6}, &out);
  EXPECT_EQ(out.struct_size, 8u);
  EXPECT_EQ(out.first, 5);
  EXPECT_EQ(out.second, 77);
}

TEST(OneThread, LetsOneInAtATime) {
  OneThread one;
  {
    auto inside = one.Enter("trainer");
    ASSERT_TRUE(inside.ok());
    EXPECT_TRUE(absl::IsFailedPrecondition(one.Enter("trainer").status()));
    auto moved = std::move(*inside);
    EXPECT_TRUE(absl::IsFailedPrecondition(one.Enter("trainer").status()));
  }
  EXPECT_TRUE(one.Enter("trainer").ok());
}

TEST(GiveValues, NeedsRoomAndPointers) {
  const int values[3] = {1, 2, 3};
  int outputs[3] = {0, 0, 0};
  size_t count = 2;
  EXPECT_TRUE(absl::IsInvalidArgument(
      GiveValues(absl::MakeConstSpan(values), outputs, &count, "op add")));
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(outputs[0], 0);
  count = 3;
  EXPECT_TRUE(absl::IsInvalidArgument(
      GiveValues(absl::MakeConstSpan(values), static_cast<int*>(nullptr), &count, "op add")));
  EXPECT_TRUE(absl::IsInvalidArgument(
      GiveValues<int>(absl::MakeConstSpan(values), outputs, nullptr, "op add")));
  ASSERT_TRUE(GiveValues(absl::MakeConstSpan(values), outputs, &count, "op add").ok());
  EXPECT_EQ(outputs[2], 3);
}

}  // namespace
}  // namespace tessera::capi
