// OpDef: everything the core knows of an op, as data. One op = one file pair in cpp/ops.
//
// File cpp/ops/rms_norm.cc defines `OpDef RmsNormOp()`; the directory is the registry (the build
// writes the table, ir/op_table.h). An OpDef is built once and never changes after; kernels for it
// live in kernels/ under the same name. On disk and in the C ABI an op is its name and version.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/signature.h"
#include "cpp/ir/type.h"
#include "cpp/tensor/attr.h"

namespace tessera {

class GradientContext;  // ir/gradient_context.h

// What a signature or dtype callback may look at.
struct OpUse {
  absl::Span<const ValueType> inputs;
  const Attrs& attrs;
};

struct AttrSpec {
  enum Kind { kBool, kInt, kFloat, kText, kInts } kind = kInt;
  std::string name;
  AttrValue fallback;     // meaningful unless required
  bool required = false;
  std::string doc;
};

// Work of one use at known sizes, for planning and reports.
struct OpCost {
  double flops = 0;
  double bytes = 0;
};

class OpDef {
 public:
  using SignatureFn = absl::StatusOr<std::string> (*)(const OpUse& use);
  using DTypeFn = absl::StatusOr<std::vector<DType>> (*)(const OpUse& use);
  using CheckFn = absl::Status (*)(const OpUse& use);
  // A function object: rules of registered ops carry what their owner gave them.
  using GradientFn = std::function<absl::Status(GradientContext& context)>;
  using FlopsFn = double (*)(absl::Span<const std::vector<int64_t>> input_dims,
                             absl::Span<const std::vector<int64_t>> output_dims,
                             const Attrs& attrs);

  explicit OpDef(std::string name) : name_(std::move(name)) {}

  // --- Builders, each once, in any order. ---
  OpDef&& Doc(std::string text) &&;
  // Of its meaning, from 1 (the default). Raised when equal operands and attributes come to mean
  // something else: stored functions of another version are then refused by name@version.
  OpDef&& Version(int version) &&;
  OpDef&& Signature(std::string text) &&;
  // The escape: the signature text depends on attributes or ranks. Still one text for all users.
  OpDef&& SignatureBy(SignatureFn fn) &&;
  // Operands broadcast against each other from the right, as in NumPy; `inputs` named operands.
  OpDef&& Elementwise(int inputs) &&;
  // An attribute with a fallback; the fallback's type is the attribute's type.
  OpDef&& Attr(std::string name, AttrValue fallback, std::string doc) &&;
  OpDef&& RequiredAttr(AttrSpec::Kind kind, std::string name, std::string doc) &&;
  // Attributes that are not declared are taken as they are: registered ops check their own.
  OpDef&& AnyAttrs() &&;
  // Dtypes that operands may have, by operand name: "x: float, scale: =x, ids: i32|i64". Choices
  // are dtype names, float, int, number (either) and any; `=x` means the dtype of x. Operands that
  // are not named may have any. An Elementwise op names its operands x, y, z.
  OpDef&& InputDTypes(std::string text) &&;
  // Output dtypes; default: all as input 0. `{}` entries are not allowed.
  OpDef&& OutputDTypes(DTypeFn fn) &&;
  OpDef&& OutputDType(DType dtype) &&;           // all outputs
  OpDef&& OutputDTypeAttr(std::string attr) &&;  // text attribute; "" means as input 0
  // Further checks with a message, run when a node is made ("epsilon must be at least 0, got -1").
  OpDef&& Check(CheckFn fn) &&;
  OpDef&& Gradient(GradientFn fn) &&;
  // No gradient flows through this op (comparisons, integer results, random numbers).
  OpDef&& NoGradient() &&;
  // Operands in which the op is linear while the others stay (a product): a partial sum may pass
  // through one of them unreduced. Never through a narrower dtype, whatever the op says.
  OpDef&& Linear(std::vector<int> inputs) &&;
  // Operands in which the op is linear taken together (a sum): partial sums pass when all of them
  // are partial. A repeated operand stands for all its uses.
  OpDef&& LinearTogether(std::vector<int> inputs) &&;
  // Results are the same at every place along their fresh dims (fill, broadcast_to), so that a
  // rank can make its share of them alone.
  OpDef&& Repeats() &&;
  // Output may share memory with input, element by element: {{output, input}, ...}.
  OpDef&& InPlace(std::vector<std::pair<int, int>> pairs) &&;
  // Output 0 is input 0 with other dims: no kernel, no memory.
  OpDef&& View() &&;
  // The output *must* be the input's memory (caches); the verifier refuses where it cannot.
  OpDef&& MustAlias() &&;
  // Flops; default: one per output element. Bytes are always operands read plus results written.
  OpDef&& Flops(FlopsFn fn) &&;
  // What becomes of it when a parameter gains an expert dim: "unchanged", "grouped_matmul", "loop".
  OpDef&& Grouped(std::string rule) &&;

  // --- Readers. ---
  const std::string& name() const { return name_; }
  const std::string& doc() const { return doc_; }
  int version() const { return version_; }
  const std::vector<AttrSpec>& attr_specs() const { return attr_specs_; }
  const std::vector<int>& linear() const { return linear_; }
  bool is_linear_together() const { return is_linear_together_; }
  bool repeats() const { return repeats_; }
  const std::vector<std::pair<int, int>>& in_place() const { return in_place_; }
  const std::string& grouped() const { return grouped_; }
  bool is_view() const { return is_view_; }
  bool must_alias() const { return must_alias_; }
  bool has_gradient() const { return gradient_ != nullptr; }
  bool no_gradient() const { return no_gradient_; }
  const GradientFn& gradient() const { return gradient_; }
  // The fixed text, or "" when it depends on the use.
  const std::string& signature_text() const { return signature_text_; }
  // Signature::RowOffset of the fixed text; -1 also where there is none.
  int RowOffset() const;

  // The text of InputDTypes.
  const std::string& input_dtypes() const { return input_dtypes_; }
  // Number of operands that broadcast, or 0.
  int elementwise_inputs() const { return elementwise_inputs_; }
  SignatureFn signature_fn() const { return signature_fn_; }

  // The signature of one use.
  absl::StatusOr<tessera::Signature> SignatureOf(const OpUse& use) const;
  // Its text.
  absl::StatusOr<std::string> SignatureTextOf(const OpUse& use) const;
  // `attrs` completed by fallbacks. InvalidArgument: unknown name (with the nearest), wrong type,
  // missing required one.
  absl::StatusOr<Attrs> CompleteAttrs(const Attrs& attrs) const;
  // Types of the outputs. All errors begin with the op's name.
  absl::StatusOr<std::vector<ValueType>> Infer(const OpUse& use) const;
  OpCost Cost(absl::Span<const ValueType> inputs, absl::Span<const ValueType> outputs,
              const Attrs& attrs, const SymbolSizes& sizes) const;

 private:
  absl::Status CheckInputDTypes(const tessera::Signature& signature, const OpUse& use) const;
  absl::StatusOr<std::vector<DType>> DTypesOf(const OpUse& use, size_t output_count) const;
  absl::StatusOr<std::vector<ValueType>> InferUnnamed(const OpUse& use) const;

  std::string name_, doc_, signature_text_, input_dtypes_, output_dtype_attr_, grouped_ = "loop";
  SignatureFn signature_fn_ = nullptr;
  int version_ = 1;
  int elementwise_inputs_ = 0;
  std::vector<AttrSpec> attr_specs_;
  DTypeFn dtype_fn_ = nullptr;
  bool has_output_dtype_ = false;
  DType output_dtype_ = DType::kF32;
  CheckFn check_ = nullptr;
  GradientFn gradient_;
  bool no_gradient_ = false, is_view_ = false, must_alias_ = false, any_attrs_ = false;
  bool is_linear_together_ = false, repeats_ = false;
  std::vector<int> linear_;
  std::vector<std::pair<int, int>> in_place_;
  FlopsFn flops_ = nullptr;
};

using OpFactory = OpDef (*)();

}  // namespace tessera
