// Building: what graphs and scopes of the interface have in common: adding ops by name, reading
// attributes, initialisers and dims from text.
//
// Nothing here sticks to a graph: a refused call leaves the function as it was. Stateless.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "capi/include/tessera.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera::capi {

// A JSON object as attributes. An integer is an int, any other number a float, a list holds
// integers. With `op`, the texts "inf", "-inf" and "nan" are numbers where it wants a float.
absl::StatusOr<Attrs> AttrsFromJson(std::string_view text, const OpDef* op = nullptr);
// The inverse, on one line, keys sorted. Numbers that JSON lacks are these texts.
std::string AttrsToJson(const Attrs& attrs);

// {"kind": "normal", "mean": 0, "stddev": 0.02, "decay": true, "logical_dims": ["embed", "mlp"]};
// empty: zeros. `rank` is that of the parameter: by default vectors and scalars do not decay.
absl::StatusOr<ParamSpec> ParamSpecFromJson(std::string_view text, size_t rank);

// "B,T,512"; empty: no dims. `name` begins the error.
absl::StatusOr<Dims> DimsFromText(std::string_view text, std::string_view name);

// The dims of a parameter: as above, and constants.
absl::StatusOr<Dims> ParamDimsFromText(std::string_view text, std::string_view path);

// A path such as "decoder/layers/0/weight": parts of letters, digits, `_`, `-` and `.`.
absl::Status CheckPath(std::string_view path, std::string_view name);

// INVALID_ARGUMENT unless `value` is one of the function.
absl::Status CheckValue(const Function& function, tsr_value value, std::string_view name);

// One op to be added, as the interface is given it.
struct OpRequest {
  std::string_view op;
  absl::Span<const tsr_value> inputs;
  std::string_view attrs;
};

// Adds one op and hands out its results, unless there is too little room for them. NOT_FOUND with
// the nearest name.
absl::Status AddOp(Function& function, const OpTable& ops, const OpRequest& request,
                   tsr_value* outputs, size_t* inout_count);

// What a loss may be: scalars of a float type, a finite weight, a new name, and a denominator that
// depends on no parameter and no state.
absl::Status CheckLoss(const Function& function, std::string_view name, tsr_value numerator,
                       tsr_value denominator, double weight);

}  // namespace tessera::capi
