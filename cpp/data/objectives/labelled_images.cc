// LabelledImages: a window is a record of bytes, the class and then the pixels of each channel by
// rows; the model gets images[C,H,W] = (byte / 255 - mean) / deviation and the class as its label.
// The last record of a corpus has no id after it, which windows want, and is not used.
#include <algorithm>

#include "cpp/base/status_macros.h"
#include "cpp/data/objective.h"
#include "gen/config/labelled_images.h"

namespace tessera {
namespace {

class LabelledImages : public Objective {
 public:
  explicit LabelledImages(const LabelledImagesConfig& config) : config_(config) {}

  std::string_view name() const override { return "LabelledImages"; }
  int64_t WindowLength(int64_t) const override { return RecordLength(); }
  int64_t RecordLength() const override {
    return 1 + config_.num_channels * config_.image_size * config_.image_size;
  }

  std::vector<std::string> Others() const override { return {"images", "labels"}; }

  absl::Status Prepare(Batch& batch) const override {
    const int64_t side = config_.image_size;
    ASSIGN_OR_RETURN(batch.others["images"],
                     Tensor::Zeros(DType::kF32, {batch.rows(), config_.num_channels, side, side}));
    ASSIGN_OR_RETURN(batch.others["labels"], Tensor::Zeros(DType::kI32, {batch.rows()}));
    return absl::OkStatus();
  }

  absl::Status Fill(const Sample& sample, int64_t row, Batch& batch) const override {
    const int64_t record = RecordLength(), pixels = record - 1;
    RET_CHECK_EQ(batch.tokens.dims[1], record);
    const int32_t* bytes = batch.tokens.data_as<int32_t>() + row * record;
    float* image = batch.others["images"].data_as<float>() + row * pixels;
    int32_t* label = batch.others["labels"].data_as<int32_t>() + row;
    int32_t* targets = batch.targets.data_as<int32_t>() + row * record;
    std::fill(targets, targets + record, kIgnoreTarget);
    if (sample.length < record) {   // no whole record: padding
      std::fill(image, image + pixels, 0.0f);
      *label = kIgnoreTarget;
      return absl::OkStatus();
    }
    *label = targets[0] = bytes[0];
    for (int64_t i = 0; i < pixels; ++i) {
      const double value = bytes[1 + i] / 255.0;
      image[i] = static_cast<float>((value - config_.mean) / config_.deviation);
    }
    return absl::OkStatus();
  }

 private:
  const LabelledImagesConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Objective>> NewLabelledImagesObjective(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const LabelledImagesConfig fields, ReadLabelledImagesConfig(config));
  return std::make_unique<LabelledImages>(fields);
}

}  // namespace tessera
