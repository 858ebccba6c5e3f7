// A roofline: each op of a step as a dot, by how many flops it does for a byte and how fast it does
// them, beneath the two limits of the machine (its peak, and its memory). Williams, Waterman,
// Patterson, "Roofline", CACM 2009.
#pragma once

#include <string>
#include <vector>

#include "cpp/cli/machine_peak.h"

namespace tessera::cli {

struct RooflinePoint {
  std::string name;
  double seconds = 0, flops = 0, bytes = 0;
};

// An SVG. The area of a dot is its share of the time. Ops without flops or bytes have no place and
// are left out.
std::string RooflineSvg(std::vector<RooflinePoint> points, const MachinePeak& peak);

}  // namespace tessera::cli
