// The oracle's elementwise ops, reductions to nothing but one formula each.
#include <cmath>
#include <map>

#include "cpp/base/philox.h"
#include "tests/ops/oracle.h"

namespace tessera {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Normal(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }
double Gelu(double x, bool tanh) {
  if (!tanh) return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
  return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double GeluSlope(double x, bool tanh) {
  if (!tanh) return 0.5 * (1 + std::erf(x / std::sqrt(2.0))) + x * Normal(x);
  const double t = std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
  const double inner = std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
  return (1 + t) / 2 + x / 2 * (1 - t * t) * inner;
}
double SiluSlope(double x) { return Sigmoid(x) * (1 + x * (1 - Sigmoid(x))); }

double Act(const std::string& name, double x) {
  if (name == "relu") return std::fmax(x, 0);
  if (name == "silu") return x * Sigmoid(x);
  if (name == "sigmoid") return Sigmoid(x);
  return Gelu(x, name == "gelu_tanh");
}
double ActSlope(const std::string& name, double x) {
  if (name == "relu") return x > 0;
  if (name == "silu") return SiluSlope(x);
  if (name == "sigmoid") return Sigmoid(x) * (1 - Sigmoid(x));
  return GeluSlope(x, name == "gelu_tanh");
}

using Formula1 = double (*)(double x);
using Formula2 = double (*)(double x, double y);

void Unary(const OracleUse& use, Formula1 formula) {
  for (int64_t i = 0; i < use.out[0].count(); ++i) use.out[0].Put(i, formula(use.X(0, i)));
}

// Where element `at` of the result comes from in an operand that is broadcast.
int64_t Source(const Tensor& operand, const Tensor& out, int64_t at) {
  int64_t source = 0, stride = 1;
  const size_t skip = out.dims.size() - operand.dims.size();
  for (size_t d = out.dims.size(); d-- > 0;) {
    const int64_t index = at % out.dims[d];
    at /= out.dims[d];
    if (d < skip) continue;
    if (operand.dims[d - skip] != 1) source += index * stride;
    stride *= operand.dims[d - skip];
  }
  return source;
}

void Binary(const OracleUse& use, Formula2 formula) {
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    use.out[0].Put(i, formula(use.X(0, Source(use.in[0], use.out[0], i)),
                              use.X(1, Source(use.in[1], use.out[0], i))));
  }
}

double Quotient(double x, double y) { return x / y; }
double WholeQuotient(double x, double y) { return y == 0 ? 0 : std::floor(x / y); }
double Remainder(double x, double y) { return x - y * std::floor(x / y); }
double WholeRemainder(double x, double y) { return y == 0 ? 0 : x - y * std::floor(x / y); }

void Div(const OracleUse& use) {
  Binary(use, IsFloat(use.in[0].dtype) ? Quotient : WholeQuotient);
}
void Mod(const OracleUse& use) {
  Binary(use, IsFloat(use.in[0].dtype) ? Remainder : WholeRemainder);
}

void Where(const OracleUse& use) {
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    const size_t from = use.X(0, Source(use.in[0], use.out[0], i)) != 0 ? 1 : 2;
    use.out[0].Put(i, use.X(from, Source(use.in[from], use.out[0], i)));
  }
}

void AddN(const OracleUse& use) {
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    double sum = 0;
    for (size_t k = 0; k < use.in.size(); ++k) sum += use.X(k, i);
    use.out[0].Put(i, sum);
  }
}

void Glu(const OracleUse& use) {
  const std::string act = use.attrs.Text("activation");
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    use.out[0].Put(i, Act(act, use.X(0, i)) * use.X(1, i));
  }
}

void GluGrad(const OracleUse& use) {
  const std::string act = use.attrs.Text("activation");
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    const double gate = use.X(0, i), dy = use.X(2, i);
    use.out[0].Put(i, dy * use.X(1, i) * ActSlope(act, gate));
    use.out[1].Put(i, dy * Act(act, gate));
  }
}

void GeluOp(const OracleUse& use) {
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    use.out[0].Put(i, Gelu(use.X(0, i), use.attrs.Bool("tanh")));
  }
}

void GeluGrad(const OracleUse& use) {
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    use.out[0].Put(i, use.X(1, i) * GeluSlope(use.X(0, i), use.attrs.Bool("tanh")));
  }
}

void Dropout(const OracleUse& use) {
  const double rate = use.attrs.Float("rate");
  philox::Words4 key;
  for (int i = 0; i < 4; ++i) key[i] = static_cast<uint32_t>(use.X(1, i));
  const std::vector<int64_t>& dims = use.in[0].dims;
  int64_t slice = 1;
  for (size_t d = 1; d < dims.size(); ++d) slice *= dims[d];
  const int64_t first = static_cast<int64_t>(use.X(2, 0)) * slice;
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    const uint32_t word = philox::ElementWord(key, static_cast<uint64_t>(first + i));
    use.out[0].Put(i, word >= rate * 4294967296.0 ? use.X(0, i) / (1 - rate) : 0);
  }
}

// Converted to the result's dtype; NaN is 0 and beyond the range is its end for integers.
void Cast(const OracleUse& use) {
  const DType to = use.out[0].dtype;
  const bool whole = !IsFloat(to) && to != DType::kBool;
  const double bits = 8.0 * static_cast<double>(SizeOf(to));
  const bool is_signed = to == DType::kI64 || to == DType::kI32 || to == DType::kI8;
  const double low = is_signed ? -std::pow(2, bits - 1) : 0;
  const double high = std::pow(2, is_signed ? bits - 1 : bits) - 1;
  for (int64_t i = 0; i < use.out[0].count(); ++i) {
    double x = use.X(0, i);
    if (to == DType::kBool) x = x != 0;
    if (whole) x = std::isnan(x) ? 0 : std::trunc(std::fmin(std::fmax(x, low), high));
    use.out[0].Put(i, x);
  }
}

double Sign(double x) { return std::isnan(x) ? x : (x > 0) - (x < 0); }
double Maximum(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : std::max(x, y); }
double Minimum(double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : std::min(x, y); }
double Relu(double x) { return x > 0 || std::isnan(x) ? x : 0; }
double Softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::abs(x))); }

const std::map<std::string_view, Formula1>& Unaries() {
  static const auto* const map = new std::map<std::string_view, Formula1>{
      {"neg", [](double x) -> double { return -x; }},
      {"abs", [](double x) -> double { return std::abs(x); }},
      {"exp", [](double x) -> double { return std::exp(x); }},
      {"log", [](double x) -> double { return std::log(x); }},
      {"log1p", [](double x) -> double { return std::log1p(x); }},
      {"expm1", [](double x) -> double { return std::expm1(x); }},
      {"sqrt", [](double x) -> double { return std::sqrt(x); }},
      {"rsqrt", [](double x) -> double { return 1 / std::sqrt(x); }},
      {"reciprocal", [](double x) -> double { return 1 / x; }},
      {"square", [](double x) -> double { return x * x; }},
      {"sin", [](double x) -> double { return std::sin(x); }},
      {"cos", [](double x) -> double { return std::cos(x); }},
      {"tanh", [](double x) -> double { return std::tanh(x); }},
      {"erf", [](double x) -> double { return std::erf(x); }},
      {"sigmoid", [](double x) -> double { return Sigmoid(x); }},
      {"relu", [](double x) -> double { return Relu(x); }},
      {"silu", [](double x) -> double { return x == -INFINITY ? NAN : x * Sigmoid(x); }},
      {"softplus", [](double x) -> double { return Softplus(x); }},
      {"sign", [](double x) -> double { return Sign(x); }},
      {"floor", [](double x) -> double { return std::floor(x); }},
      {"ceil", [](double x) -> double { return std::ceil(x); }},
      {"round", [](double x) -> double { return std::nearbyint(x); }},
      {"copy", [](double x) -> double { return x; }},
      {"is_finite", [](double x) -> double { return std::isfinite(x); }},
      {"logical_not", [](double x) -> double { return x == 0; }},
  };
  return *map;
}

const std::map<std::string_view, Formula2>& Binaries() {
  static const auto* const map = new std::map<std::string_view, Formula2>{
      {"add", [](double x, double y) -> double { return x + y; }},
      {"sub", [](double x, double y) -> double { return x - y; }},
      {"mul", [](double x, double y) -> double { return x * y; }},
      {"maximum", [](double x, double y) -> double { return Maximum(x, y); }},
      {"minimum", [](double x, double y) -> double { return Minimum(x, y); }},
      {"pow", [](double x, double y) -> double { return std::pow(x, y); }},
      {"equal", [](double x, double y) -> double { return x == y; }},
      {"not_equal", [](double x, double y) -> double { return x != y; }},
      {"less", [](double x, double y) -> double { return x < y; }},
      {"less_equal", [](double x, double y) -> double { return x <= y; }},
      {"greater", [](double x, double y) -> double { return x > y; }},
      {"greater_equal", [](double x, double y) -> double { return x >= y; }},
      {"logical_and", [](double x, double y) -> double { return x != 0 && y != 0; }},
      {"logical_or", [](double x, double y) -> double { return x != 0 || y != 0; }},
      {"logical_xor", [](double x, double y) -> double { return (x != 0) != (y != 0); }},
      {"relu_grad", [](double x, double y) -> double { return x > 0 ? y : 0; }},
      {"silu_grad", [](double x, double y) -> double { return y * SiluSlope(x); }},
  };
  return *map;
}

const std::map<std::string_view, OracleFn>& Others() {
  static const auto* const map = new std::map<std::string_view, OracleFn>{
      {"div", Div},         {"mod", Mod},   {"where", Where},        {"add_n", AddN},
      {"glu", Glu},         {"glu_grad", GluGrad}, {"gelu", GeluOp}, {"gelu_grad", GeluGrad},
      {"dropout", Dropout}, {"cast", Cast},
  };
  return *map;
}

}  // namespace

OracleFn FindElementwiseOracle(std::string_view op) {
  const auto unary = Unaries().find(op);
  if (unary != Unaries().end()) {
    return [formula = unary->second](const OracleUse& use) { Unary(use, formula); };
  }
  const auto binary = Binaries().find(op);
  if (binary != Binaries().end()) {
    return [formula = binary->second](const OracleUse& use) { Binary(use, formula); };
  }
  const auto other = Others().find(op);
  return other == Others().end() ? nullptr : other->second;
}

}  // namespace tessera
