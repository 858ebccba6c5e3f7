#include "cpp/train/tuning_file.h"

namespace tessera {
namespace {

// Nothing has been found yet that pays on a machine of which one is sure.
constexpr char kShipped[] = R"json({"type": "Tuning", "version": 1, "machines": []})json";

}  // namespace

std::string_view ShippedTuning() { return kShipped; }

}  // namespace tessera
