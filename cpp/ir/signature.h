// Signature: an op's operands in index notation, "x[..., D!], scale[D!] -> y[..., D]".
//
// From this one text follow the shape rule (Infer), the sharding rule (shard/), whether the op is
// row-wise, and what the fuzzer may feed it. Grammar of an operand: name, `?` when it may be
// absent, then terms in brackets:
//   `...`   any number of leading dims, the same ones wherever it stands
//   name    an index; the same name means the same size. A name that only inputs have is summed
//           away (a shard there gives a partial sum). `name!` must be whole on every rank
//   number  exactly that size
//   {k}     a fresh size: the int or text attribute k, or a dim expression such as {2*B}
//   {k...}  all dims of the text attribute k, such as "B*T,512"
// A `*` after a name ("x*[...]") says that any number of such operands may stand there.
// Immutable once parsed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/ir/type.h"
#include "cpp/tensor/attr.h"

namespace tessera {

struct SignatureTerm {
  enum Kind { kRest, kIndex, kNumber, kFresh, kFreshList } kind = kIndex;
  std::string name;   // of the index, or the text in braces
  int64_t number = 0;
  bool whole = false;
};

struct SignatureOperand {
  std::string name;
  bool optional = false;
  bool repeated = false;
  std::vector<SignatureTerm> terms;

  bool HasRest() const { return !terms.empty() && terms[0].kind == SignatureTerm::kRest; }
};

struct Signature {
  std::vector<SignatureOperand> inputs;
  std::vector<SignatureOperand> outputs;

  static absl::StatusOr<Signature> Parse(std::string_view text);

  // The operand that describes each of `count` inputs: a repeated one stands for several, optional
  // ones at the end may be absent. InvalidArgument for too few or too many. The pointers live as
  // long as this signature.
  absl::StatusOr<std::vector<const SignatureOperand*>> Match(size_t count) const;

  // Dims of the outputs. InvalidArgument names the operand and both sizes when dims disagree.
  absl::StatusOr<std::vector<Dims>> Infer(absl::Span<const ValueType> inputs,
                                          const Attrs& attrs) const;

  // True when every output begins with `...` and so does an input: rows are independent.
  bool IsRowWise() const;
  // The input `offset[]`: it counts, in slices of the leading dim, what lies before these rows in
  // the whole that they are a part of, as random numbers need to know. -1: there is none.
  int RowOffset() const;
};

}  // namespace tessera
