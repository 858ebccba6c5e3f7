// HeatMap: loads of experts over time as an SVG picture, one map for each mixture.
//
// A column is a time, a row an expert; white is an even share, red more, blue less. Pure function.
#pragma once

#include <string>

#include "cpp/cli/expert_loads.h"

namespace tessera::cli {

std::string HeatMapSvg(const LoadsOfFile& loads, const std::string& title);

}  // namespace tessera::cli
