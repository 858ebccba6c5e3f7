// Method: configs that are wrong in ways the schemas cannot see; the texts in full.
#include "tests/optim/optim_kit.h"

namespace tessera {
namespace {

struct Wrong {
  const char* json;
  const char* text;
};

TEST(WrongOptimizerTest, TextsNameFieldValueAndPlace) {
  const Wrong wrongs[] = {
      {"{\"type\": \"Sgd\",\n \"nesterov\": true}",
       "optim.json:2:14: Sgd.nesterov: expected false, got true; momentum is 0, so there is "
       "nothing to look ahead along; set momentum"},
      {R"({"type": "Sgd", "momentum": 0.9, "nesterov": true, "dampening": 0.5})",
       "optim.json:1:65: Sgd.dampening: expected 0, got 0.5; nesterov needs the undamped sum"},
      {R"({"type": "Sgd", "dampening": 0.5})",
       "optim.json:1:30: Sgd.dampening: expected 0, got 0.5; momentum is 0, so there is no sum to "
       "damp"},
      {R"({"type": "Sgd", "momentum": 1})",
       "optim.json:1:29: momentum: expected a number of at least 0 and below 1, got 1"},
      {R"({"type": "AdamW", "beta2": 1.5})",
       "optim.json:1:28: beta2: expected a number of at least 0 and below 1, got 1.5"},
      {R"({"type": "AdamW", "groups": [{"weight_decay": 0}]})",
       "optim.json:1:1: groups[0].match: expected a text, got nothing"},
      {R"({"type": "Cosine"})", "optimizer 'Cosine' is not known here"},
  };
  for (const Wrong& wrong : wrongs) {
    const auto optimizer = OptimizerFromJson(wrong.json);
    ASSERT_FALSE(optimizer.ok()) << wrong.json;
    const std::string_view text = wrong.text;
    EXPECT_EQ(optimizer.status().message().substr(0, text.size()), text);
  }
}

TEST(WrongScheduleTest, TextsNameFieldValueAndPlace) {
  const Wrong wrongs[] = {
      {R"({"type": "InverseSqrt"})",
       "optim.json:1:1: InverseSqrt.timescale: expected at least 1, got 0; it is taken from "
       "warmup_steps only when that is not 0"},
      {R"({"type": "Cosine", "warmup_steps": 9, "total_steps": 9})",
       "optim.json:1:36: Cosine.warmup_steps: expected less than total_steps, 9, got 9"},
      {R"({"type": "LinearDecay", "warmup_steps": 9, "total_steps": 3})",
       "optim.json:1:41: LinearDecay.warmup_steps: expected less than total_steps, 3, got 9"},
      {R"({"type": "Wsd"})", "optim.json:1:1: decay_steps: expected"},
      {R"({"type": "Adamw"})", "schedule 'AdamW' is not known here"},
  };
  for (const Wrong& wrong : wrongs) {
    const auto schedule = ScheduleFromJson(wrong.json);
    ASSERT_FALSE(schedule.ok()) << wrong.json;
    const std::string_view text = wrong.text;
    EXPECT_EQ(schedule.status().message().substr(0, text.size()), text);
  }
}

}  // namespace
}  // namespace tessera
