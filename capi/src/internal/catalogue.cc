#include "capi/src/internal/catalogue.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "capi/src/internal/backends.h"
#include "cpp/base/suggest.h"
#include "cpp/base/text.h"
#include "cpp/config/value.h"
#include "cpp/data/source.h"
#include "cpp/data/tokenizer.h"
#include "cpp/exec/kernel_choice.h"

namespace tessera::capi {
namespace {

// Collects the members of an object, or with empty names the items of a list.
class JsonText {
 public:
  explicit JsonText(char open) : text_(1, open) {}

  void Raw(std::string_view name, std::string_view json) {
    if (text_.size() > 1) text_ += ", ";
    if (!name.empty()) absl::StrAppend(&text_, JsonQuoted(name), ": ");
    text_ += json;
  }
  void Text(std::string_view name, std::string_view text) { Raw(name, JsonQuoted(text)); }
  void Int(std::string_view name, int64_t number) { Raw(name, absl::StrCat(number)); }
  void Bool(std::string_view name, bool value) { Raw(name, value ? "true" : "false"); }
  void Texts(std::string_view name, const std::vector<std::string>& texts) {
    std::vector<std::string> quoted;
    for (const std::string& text : texts) quoted.push_back(JsonQuoted(text));
    Raw(name, absl::StrCat("[", absl::StrJoin(quoted, ", "), "]"));
  }
  std::string Close(char close) && { return absl::StrCat(text_, std::string(1, close)); }

 private:
  std::string text_;
};

std::string TypesJson(const std::vector<const TypeInfo*>& types) {
  JsonText list('[');
  for (const TypeInfo* type : types) {
    JsonText item('{');
    item.Text("type", type->name);
    item.Texts("roles", type->roles);
    item.Bool("builtin", type->is_builtin);
    item.Text("doc", type->doc);
    list.Raw("", std::move(item).Close('}'));
  }
  return std::move(list).Close(']');
}

// Types that a model can be made of: those whose code is here.
std::string ModulesJson(RuntimeObject& runtime) {
  std::vector<const TypeInfo*> modules;
  for (const TypeInfo* type : runtime.schemas()->List()) {
    if (runtime.modules().Get(type->name).ok()) modules.push_back(type);
  }
  return TypesJson(modules);
}

void AddOpHead(const OpDef& op, bool is_builtin, JsonText& item) {
  item.Text("op", op.name());
  item.Int("version", op.version());
  if (op.signature_text().empty() && op.signature_fn() != nullptr) {
    item.Text("signature", "depends on attributes or ranks");
  } else {
    item.Text("signature", op.signature_text());
  }
  item.Bool("has_gradient", op.has_gradient());
  item.Bool("builtin", is_builtin);
}

std::string OpsJson(RuntimeObject& runtime) {
  JsonText list('[');
  for (const std::string& name : runtime.ops().Names()) {
    const OpDef& op = *runtime.ops().Find(name);
    JsonText item('{');
    AddOpHead(op, OpTable::Builtin().Find(name) != nullptr, item);
    item.Text("doc", op.doc());
    list.Raw("", std::move(item).Close('}'));
  }
  return std::move(list).Close(']');
}

std::string KernelsJson(RuntimeObject& runtime) {
  JsonText list('[');
  for (const tsr_kernel_def& def : runtime.kernels().defs()) {
    JsonText item('{');
    item.Text("kernel", def.name);
    item.Text("op", def.op);
    item.Text("isa", IsaName(def.isa));
    item.Int("version", def.version);
    item.Bool("usable", def.isa <= runtime.isa());
    list.Raw("", std::move(item).Close('}'));
  }
  return std::move(list).Close(']');
}

std::string DataJson(RuntimeObject& runtime) {
  JsonText list('[');
  std::vector<std::string> sources = SourceNames();
  for (const auto& added : runtime.sources().All()) sources.emplace_back(added->name());
  for (const std::string& name : sources) {
    JsonText item('{');
    item.Text("name", name);
    item.Text("kind", "source");
    item.Text("doc", absl::StrCat("for data.source: ", name));
    list.Raw("", std::move(item).Close('}'));
  }
  for (const char* role : {"data", "tokenizer"}) {
    for (const TypeInfo* type : runtime.schemas()->List(role)) {
      JsonText item('{');
      item.Text("name", type->name);
      item.Text("kind", role);
      item.Text("doc", type->doc);
      list.Raw("", std::move(item).Close('}'));
    }
  }
  return std::move(list).Close(']');
}

std::string RoleJson(RuntimeObject& runtime, std::string_view role) {
  return TypesJson(runtime.schemas()->List(role));
}

std::string_view KindOfAttr(AttrSpec::Kind kind) {
  switch (kind) {
    case AttrSpec::kBool:
      return "bool";
    case AttrSpec::kInt:
      return "int";
    case AttrSpec::kFloat:
      return "float";
    case AttrSpec::kText:
      return "text";
    case AttrSpec::kInts:
      return "ints";
  }
  return "";
}

std::string AttrJson(const AttrSpec& spec) {
  JsonText item('{');
  item.Text("name", spec.name);
  item.Text("type", KindOfAttr(spec.kind));
  if (spec.required) {
    item.Bool("required", true);
  } else {
    // A number that JSON cannot write is given as text.
    const auto* number = std::get_if<double>(&spec.fallback);
    const std::string text = ToText(spec.fallback);
    const bool is_plain = number == nullptr || text.find_first_of("in") == std::string::npos;
    if (const auto* fallback = std::get_if<std::string>(&spec.fallback)) {
      item.Text("default", *fallback);
    } else if (is_plain) {
      item.Raw("default", text);
    } else {
      item.Text("default", text);
    }
  }
  item.Text("doc", spec.doc);
  return std::move(item).Close('}');
}

std::string OpJson(RuntimeObject& runtime, const OpDef& op) {
  JsonText item('{');
  AddOpHead(op, OpTable::Builtin().Find(op.name()) != nullptr, item);
  item.Text("doc", op.doc());
  item.Text("input_dtypes", op.input_dtypes());
  item.Bool("view", op.is_view());
  JsonText attrs('[');
  for (const AttrSpec& spec : op.attr_specs()) attrs.Raw("", AttrJson(spec));
  item.Raw("attrs", std::move(attrs).Close(']'));
  std::vector<std::string> kernels;
  for (const tsr_kernel_def* def : runtime.kernels().Candidates(op.name())) {
    kernels.emplace_back(def->name);
  }
  item.Texts("kernels", kernels);
  return std::move(item).Close('}');
}

struct Kind {
  std::string_view name;
  std::string (*list)(RuntimeObject& runtime);
};

constexpr Kind kKinds[] = {
    {"modules", ModulesJson},
    {"ops", OpsJson},
    {"optimizers", [](RuntimeObject& runtime) { return RoleJson(runtime, "optimizer"); }},
    {"schedules", [](RuntimeObject& runtime) { return RoleJson(runtime, "schedule"); }},
    {"kernels", KernelsJson},
    {"data", DataJson},
};

}  // namespace

std::string DescribeRuntime(RuntimeObject& runtime) {
  const RuntimeOptions& options = runtime.options();
  JsonText text('{');
  text.Text("version", TESSERA_VERSION);
  text.Int("threads", runtime.threads());
  text.Int("spin_us", options.spin_us);
  text.Text("isa", IsaName(runtime.isa()));
  text.Text("isa_reason", runtime.isa_reason());
  text.Int("rank", options.rank);
  text.Int("world_size", options.world_size);
  text.Int("memory_limit_bytes", options.memory_limit_bytes);
  text.Bool("checked", IsCheckingOn());
  const absl::Status usable = runtime.CheckUsable();
  text.Text("broken", usable.message());
  text.Int("ops", static_cast<int64_t>(runtime.ops().Names().size()));
  text.Int("types", static_cast<int64_t>(runtime.schemas()->Names().size()));
  int64_t usable_kernels = 0;
  const std::vector<tsr_kernel_def> kernels = runtime.kernels().defs();
  for (const tsr_kernel_def& def : kernels) usable_kernels += def.isa <= runtime.isa() ? 1 : 0;
  JsonText counts('{');
  counts.Int("all", static_cast<int64_t>(kernels.size()));
  counts.Int("usable", usable_kernels);
  text.Raw("kernels", std::move(counts).Close('}'));
  text.Raw("backends", BackendsJson());
  return std::move(text).Close('}');
}

absl::StatusOr<std::string> ListKind(RuntimeObject& runtime, std::string_view kind) {
  if (kind == "all") {
    JsonText all('{');
    for (const Kind& known : kKinds) all.Raw(known.name, known.list(runtime));
    return std::move(all).Close('}');
  }
  std::vector<std::string> names = {"all"};
  for (const Kind& known : kKinds) {
    if (known.name == kind) return known.list(runtime);
    names.emplace_back(known.name);
  }
  // Roles of config types too, as "norm" or "norms".
  for (const std::string& role : runtime.schemas()->Roles()) {
    if (role == kind || absl::StrCat(role, "s") == kind) return RoleJson(runtime, role);
    names.push_back(role);
  }
  return absl::NotFoundError(absl::StrCat("kind: expected one of ", absl::StrJoin(names, ", "),
                                          ", got ", Quoted(kind), SuggestionText(kind, names)));
}

absl::StatusOr<std::string> DescribeType(RuntimeObject& runtime, std::string_view type) {
  if (runtime.schemas()->Find(type) != nullptr) return runtime.schemas()->DescribeJson(type);
  if (const OpDef* op = runtime.ops().Find(type)) return OpJson(runtime, *op);
  std::vector<std::string> names = runtime.schemas()->Names();
  for (std::string& name : runtime.ops().Names()) names.push_back(std::move(name));
  return absl::NotFoundError(absl::StrCat("type: expected a config type or an op, got ",
                                          Quoted(type), SuggestionText(type, names)));
}

}  // namespace tessera::capi
