// Method: positions stand alone. A rotary position turns pairs (1, 0), so that what comes out is
// the cosine and sine of its angles, and these are held against the procedures of Hugging Face's
// modeling_rope_utils written out here step by step, with numbers of published models. Sinusoidal
// positions are held against their formula.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/module_alone.h"

namespace tessera {
namespace {

using testing::HasSubstr;

constexpr int64_t kTokens = 5;

struct Rope {
  std::vector<double> frequencies;
  double amplitude = 1;
};

// Angles at positions start .. start + 4 of one head of `dim` features.
void ExpectRope(const std::string& fields, int64_t dim, const Rope& rope, int64_t start) {
  SCOPED_TRACE(fields);
  const int64_t pairs = static_cast<int64_t>(rope.frequencies.size());
  AloneInput x = {{1, kTokens, 1, dim}, {}};
  for (int64_t i = 0; i < kTokens * dim; ++i) x.values.push_back(i % dim < pairs ? 1 : 0);
  const std::string json = absl::StrCat(R"({"type": "RotaryPosition", )", fields, "}");
  const auto run = RunAlone(json, {x}, start);
  ASSERT_TRUE(run.ok()) << run.status();
  const auto result = (*run)->Result();
  ASSERT_TRUE(result.ok());
  for (int64_t t = 0; t < kTokens; ++t) {
    for (int64_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(start + t) * rope.frequencies[i];
      // An ulp of the frequency is this much of the angle.
      const double bound = 1e-14 + std::abs(angle) * 1e-14;
      ASSERT_NEAR(result->At(t * dim + i), rope.amplitude * std::cos(angle), bound) << i;
      ASSERT_NEAR(result->At(t * dim + pairs + i), rope.amplitude * std::sin(angle), bound) << i;
    }
    for (int64_t i = 2 * pairs; i < dim; ++i) ASSERT_EQ(result->At(t * dim + i), 0) << i;
  }
}

std::vector<double> Plain(int64_t dim, double theta) {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < dim; i += 2) {
    frequencies.push_back(1 / std::pow(theta, static_cast<double>(i) / static_cast<double>(dim)));
  }
  return frequencies;
}

TEST(RotaryPositionTest, PlainAndPartial) {
  ExpectRope(R"("theta": 10000)", 8, {Plain(8, 10000)}, 100000);
  ExpectRope(R"("theta": 500, "rotary_dim": 4)", 10, {Plain(4, 500)}, 3);
}

TEST(RotaryScalingTest, Linear) {
  Rope rope = {Plain(8, 10000)};
  for (double& f : rope.frequencies) f /= 4;
  ExpectRope(R"("scaling": {"type": "LinearScaling", "factor": 4})", 8, rope, 1000);
}

TEST(RotaryScalingTest, DynamicGrowsWithTheSequence) {
  const std::string scaling =
      R"("scaling": {"type": "DynamicScaling", "factor": 2, "original_max_positions": 100})";
  ExpectRope(scaling, 8, {Plain(8, 10000)}, 95);  // the last token is number 100
  const double length = 205;
  const double base = 10000 * std::pow(2 * length / 100 - 1, 8.0 / 6.0);
  ExpectRope(scaling, 8, {Plain(8, base)}, 200);
}

// The numbers of Llama 3.1.
TEST(RotaryScalingTest, Llama3) {
  const double factor = 8, low = 1, high = 4, length = 8192;
  Rope rope = {Plain(128, 500000)};
  int slow = 0, fast = 0;
  for (double& f : rope.frequencies) {
    const double wavelength = 2 * M_PI / f;
    if (wavelength > length / low) {
      f /= factor;
      ++slow;
    } else if (wavelength >= length / high) {
      const double smooth = (length / wavelength - low) / (high - low);
      f = (1 - smooth) * f / factor + smooth * f;
    } else {
      ++fast;
    }
  }
  EXPECT_GT(slow, 20);
  EXPECT_GT(fast, 20);
  ExpectRope(R"("theta": 500000, "scaling": {"type": "Llama3Scaling"})", 128, rope, 120000);
}

struct Yarn {
  double factor, length, beta_fast, beta_slow;
  bool truncate;
};

std::vector<double> YarnFrequencies(int64_t dim, double theta, const Yarn& yarn) {
  const double d = static_cast<double>(dim);
  const auto pair_of = [&](double turns) {
    return d * std::log(yarn.length / (turns * 2 * M_PI)) / (2 * std::log(theta));
  };
  double low = pair_of(yarn.beta_fast), high = pair_of(yarn.beta_slow);
  if (yarn.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, d - 1);
  if (low == high) high += 0.001;
  std::vector<double> frequencies = Plain(dim, theta);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const double keeps = 1 - ramp;
    frequencies[i] = frequencies[i] / yarn.factor * (1 - keeps) + frequencies[i] * keeps;
  }
  return frequencies;
}

TEST(RotaryScalingTest, YarnOfGptOss) {
  const Rope rope = {YarnFrequencies(64, 150000, {32, 4096, 32, 1, false}),
                     0.1 * std::log(32.0) + 1};
  ExpectRope(R"("theta": 150000, "scaling": {"factor": 32, "original_max_positions": 4096,
                "truncate": false})", 64, rope, 100000);
}

TEST(RotaryScalingTest, YarnOfDeepSeek) {
  const std::vector<double> frequencies = YarnFrequencies(64, 10000, {40, 4096, 32, 1, true});
  const std::string fields = R"("theta": 10000, "scaling": {"factor": 40,
      "original_max_positions": 4096, "mscale": )";
  ExpectRope(fields + R"(1.0, "mscale_all_dim": 1.0})", 64, {frequencies, 1}, 100000);
  const double ratio = (0.1 * 0.707 * std::log(40.0) + 1) / (0.1 * 0.5 * std::log(40.0) + 1);
  ExpectRope(fields + R"(0.707, "mscale_all_dim": 0.5})", 64, {frequencies, ratio}, 100000);
  ExpectRope(fields + R"(0.707, "attention_factor": 1.25})", 64, {frequencies, 1.25}, 100000);
}

// A short original length puts both ends at pair 0; a long one puts them past the last pair.
TEST(RotaryScalingTest, YarnAtItsEnds) {
  for (const double length : {6.0, 1e9}) {
    const Rope rope = {YarnFrequencies(8, 10000, {4, length, 32, 1, true}),
                       0.1 * std::log(4.0) + 1};
    ExpectRope(absl::StrCat(R"("scaling": {"factor": 4, "original_max_positions": )",
                            static_cast<int64_t>(length), "}"), 8, rope, 50);
  }
}

TEST(RotaryScalingTest, WhatDoesNotFitIsAnError) {
  AloneInput x = SomeNumbers({1, 2, 1, 2}, 1);
  const auto few = RunAlone(R"({"type": "RotaryPosition", "scaling": {"type": "DynamicScaling",
      "factor": 2, "original_max_positions": 8}})", {x});
  EXPECT_THAT(std::string(few.status().message()),
              HasSubstr("DynamicScaling: rotary_dim must be at least 4, got 2"));
  const auto role = RunAlone(R"({"type": "RotaryPosition", "scaling": {"type": "RmsNorm"}})", {x});
  EXPECT_THAT(std::string(role.status().message()), HasSubstr("rotary_scaling"));
}

TEST(SinusoidalPositionTest, BothOrders) {
  const AloneInput x = SomeNumbers({2, kTokens, 6}, 1);
  for (const bool interleaved : {true, false}) {
    const auto run = RunAlone(
        absl::StrCat(R"({"type": "SinusoidalPosition", "model_dim": 6, "interleaved": )",
                     interleaved ? "true" : "false", "}"),
        {x}, 30);
    ASSERT_TRUE(run.ok()) << run.status();
    const auto result = (*run)->Result();
    ASSERT_TRUE(result.ok());
    for (int64_t at = 0; at < result->count(); ++at) {
      const int64_t i = at % 6, position = 30 + at / 6 % kTokens;
      const int64_t pair = interleaved ? i / 2 : i % 3;
      const bool is_sine = interleaved ? i % 2 == 0 : i < 3;
      const double angle =
          static_cast<double>(position) / std::pow(10000, static_cast<double>(pair) / 3);
      EXPECT_NEAR(result->At(at), x.values[at] + (is_sine ? std::sin(angle) : std::cos(angle)),
                  1e-13);
    }
  }
  const auto odd = RunAlone(R"({"type": "SinusoidalPosition", "model_dim": 5})",
                            {SomeNumbers({1, 2, 5}, 1)});
  EXPECT_THAT(std::string(odd.status().message()), HasSubstr("model_dim must be even, got 5"));
}

}  // namespace
}  // namespace tessera
