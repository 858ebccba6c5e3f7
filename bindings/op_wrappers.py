"""A typed function or class for each op of the catalogue, in Rust, Go and Java; bindings/generate
writes them. Attributes that are not set are left to the library. (Python's: python/tools.)"""

import re
import subprocess
import textwrap

MADE = "Made from the catalogue by bindings/generate; not edited."
FILES = {"rust": "rust/tessera/src/ops.rs", "go": "go/ops/ops.go",
         "java": "java/src/main/java/io/tessera/Ops.java"}
WORDS = {"in", "ref", "type", "range", "where", "move", "loop", "match", "use", "self", "final",
         "do", "default", "class", "switch", "new", "for", "static", "int", "long", "mod", "to",
         "map", "func", "var", "const", "select"}
# Operands where all are named.
COMPLETE = (["x"], ["x", "y"], ["x", "y", "z"], ["lhs", "rhs"])


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def lower_camel(name):
    made = camel(name)
    return made[0].lower() + made[1:]


def safe(name):
    return name + "_" if name in WORDS else name


class Op:
    """What is written of an op: its doc, operands (None: any number), results (None: it depends;
    what gives the only one is then written beside what gives all) and attributes."""

    def __init__(self, info, generator):
        self.name = info["op"]
        self.title = camel(self.name)
        self.attrs = info.get("attrs", [])
        self.required = [attr for attr in self.attrs if attr.get("required")]
        self.optional = [attr for attr in self.attrs if not attr.get("required")]
        names = generator.operands(info["signature"])
        if "->" not in info["signature"]:
            # Then the list of types has them, "lhs: float, rhs: =lhs", but for those of any type.
            names = re.findall(r"(\w+):", info["input_dtypes"])
            names = names if names in COMPLETE else None
        is_plain = names is not None and len(set(names)) == len(names)
        self.operands = [lower_camel(safe(name)) for name in names] if is_plain else None
        kind = generator.result_type(info["signature"])
        self.results = {"Value": 1, "Any": None}.get(kind, kind.count("Value") or None)
        if not info["signature"]:   # element by element
            self.results = 1
        self.doc = (info["doc"] or self.name).rstrip(".") + "."
        if "->" in info["signature"]:
            self.doc += f"\nSignature: {info['signature']}"
        if not info.get("has_gradient", True):
            self.doc += "\nIt has no gradient."


def attr_doc(attr):
    doc = (attr.get("doc") or attr["name"]).rstrip(".")
    return doc + "." if attr.get("required") else f"{doc} (by default {attr.get('default')})."


def wrapped(text, prefix, width=98):
    return [(prefix + line).rstrip() for paragraph in text.split("\n")
            for line in textwrap.wrap(paragraph, width - len(prefix), break_long_words=False,
                                      break_on_hyphens=False) or [""]]


# ---- Rust ----------------------------------------------------------------------------------------

RUST_TYPES = {"int": "i64", "float": "f64", "bool": "bool", "text": "&str", "ints": "&[i64]"}
RUST_HEAD = '''//! A type for each op, with its attributes and operands. {made}
//!
//! ```
//! # fn main() -> tessera::Result<()> {{
//! use tessera::{{ops, DType, Graph, Runtime}};
//!
//! let graph = Graph::new(&Runtime::new()?)?;
//! let x = graph.input("x", DType::F32, "N,8")?;
//! let [values, _] = ops::TopK::new(2).add(&graph, x)?;
//! graph.output("y", ops::ReduceSum::new(&[1]).add(&graph, values)?)?;
//! # Ok(())
//! # }}
//! ```

use serde_json::{{Map, Value as Json}};

use crate::{{Code, Error, Graph, Result, Scope, Value}};

/// What takes ops: a [`Graph`], or the [`Scope`] of a module.
pub trait Builder {{
    /// Adds an op by name.
    fn add_op(&self, op: &str, inputs: &[Value], attrs: &Map<String, Json>) -> Result<Vec<Value>>;
}}

impl Builder for Graph {{
    fn add_op(&self, op: &str, inputs: &[Value], attrs: &Map<String, Json>) -> Result<Vec<Value>> {{
        self.add_many(op, inputs, attrs)
    }}
}}

impl Builder for Scope<'_> {{
    fn add_op(&self, op: &str, inputs: &[Value], attrs: &Map<String, Json>) -> Result<Vec<Value>> {{
        self.add_many(op, inputs, attrs)
    }}
}}

/// As many results as the signature says.
fn exactly<const N: usize>(op: &str, made: Vec<Value>) -> Result<[Value; N]> {{
    made.try_into().map_err(|made: Vec<Value>| {{
        Error::new(Code::Internal, format!("{{op}}: expected {{N}} results, got {{}}", made.len()))
    }})
}}

trait Attr {{
    fn json(self) -> Json;
}}

impl Attr for bool {{
    fn json(self) -> Json {{
        self.into()
    }}
}}

impl Attr for i64 {{
    fn json(self) -> Json {{
        self.into()
    }}
}}

impl Attr for &str {{
    fn json(self) -> Json {{
        self.into()
    }}
}}

impl Attr for &[i64] {{
    fn json(self) -> Json {{
        self.into()
    }}
}}

impl Attr for f64 {{
    /// Numbers that JSON lacks are texts.
    fn json(self) -> Json {{
        match self {{
            value if value.is_nan() => "nan".into(),
            f64::INFINITY => "inf".into(),
            f64::NEG_INFINITY => "-inf".into(),
            value => value.into(),
        }}
    }}
}}
'''


def rust_doc(text, prefix):
    return wrapped(re.sub(r"([\[\]<>])", r"\\\1", text), prefix)


def rust_add(op):
    """The lines of `add`."""
    if op.operands is None:
        parameters, inputs = "inputs: &[Value]", "inputs"
    else:
        parameters = ", ".join(f"{name}: Value" for name in map(snake, op.operands))
        inputs = f"&[{', '.join(map(snake, op.operands))}]"
    call = f'to.add_op("{op.name}", {inputs}, &self.0)'
    head = f"(&self, to: &impl Builder, {parameters}) -> Result<"
    if op.results not in (None, 1):
        return [f"    pub fn add{head}[Value; {op.results}]> {{",
                f'        exactly("{op.name}", {call}?)', "    }"]
    lines = [f"    pub fn add{head}Value> {{",
             f'        exactly("{op.name}", {call}?).map(|[value]| value)', "    }"]
    if op.results is None:
        lines += ["", "    /// All results.", f"    pub fn add_many{head}Vec<Value>> {{",
                  f"        {call}", "    }"]
    return lines


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def rust(ops):
    lines = [RUST_HEAD.format(made=MADE)]
    for op in ops:
        lines += rust_doc(op.doc, "/// ") + [
            "#[derive(Clone, Debug, PartialEq)]", "#[must_use]",
            f"pub struct {op.title}(Map<String, Json>);", ""]
        if not op.required:
            lines += [f"impl Default for {op.title} {{", "    fn default() -> Self {",
                      f"        {op.title}(Map::new())", "    }", "}", ""]
        lines += [f"impl {op.title} {{"]
        given = ", ".join(f"{safe(attr['name'])}: {RUST_TYPES[attr['type']]}"
                          for attr in op.required)
        for attr in op.required:
            lines += rust_doc(f"`{safe(attr['name'])}`: {attr_doc(attr)}", "    /// ")
        lines += [f"    pub fn new({given}) -> Self {{",
                  f"        {'let mut ' if op.required else 'let '}attrs = Map::new();"]
        lines += [f'        attrs.insert("{attr["name"]}".into(), {safe(attr["name"])}.json());'
                  for attr in op.required]
        lines += [f"        {op.title}(attrs)", "    }", ""]
        for attr in op.optional:
            lines += rust_doc(attr_doc(attr), "    /// ") + [
                f"    pub fn {safe(attr['name'])}(mut self, value: {RUST_TYPES[attr['type']]}) "
                "-> Self {", f'        self.0.insert("{attr["name"]}".into(), value.json());',
                "        self", "    }", ""]
        lines += rust_add(op) + ["}", ""]
    return "\n".join(lines)


# ---- Go ------------------------------------------------------------------------------------------

GO_TYPES = {"int": "int64", "float": "float64", "bool": "bool", "text": "string",
            "ints": "[]int64"}
GO_HEAD = '''// Package ops has a function for each op, with its attributes and operands:
// ops.TopK(scope, ops.TopKAttrs{{K: 2}}, x).
//
// {made}
package ops

import (
    "math"

    "tessera.io/tessera"
)

// Builder is what takes ops: a *tessera.Scope, or an OfGraph.
type Builder interface {{
    AddMany(op string, attrs tessera.Attrs, inputs ...tessera.Value) []tessera.Value
}}

// OfGraph lets a graph take ops. The first error stays in Err, and what comes after it does
// nothing.
type OfGraph struct {{
    Graph *tessera.Graph
    Err   error
}}

// AddMany adds an op by name.
func (g *OfGraph) AddMany(op string, attrs tessera.Attrs,
    inputs ...tessera.Value) (made []tessera.Value) {{
    if g.Err == nil {{
        made, g.Err = g.Graph.AddMany(op, attrs, inputs...)
    }}
    return made
}}

// Set makes a pointer for a field of attributes.
func Set[T any](value T) *T {{ return &value }}

// at is a result; there is none after an error.
func at(made []tessera.Value, index int) tessera.Value {{
    if index < len(made) {{
        return made[index]
    }}
    return tessera.None
}}

// number writes numbers that JSON lacks as texts.
func number(value float64) any {{
    switch {{
    case math.IsNaN(value):
        return "nan"
    case math.IsInf(value, 1):
        return "inf"
    case math.IsInf(value, -1):
        return "-inf"
    }}
    return value
}}
'''


def go_value(attr, expression):
    return f"number({expression})" if attr["type"] == "float" else expression


def go_attrs(op):
    """The struct of an op's attributes."""
    lines = [f"// {op.title}Attrs are the attributes of {op.title}; nil ones are the library's.",
             f"type {op.title}Attrs struct {{"]
    for attr in op.attrs:
        pointer = "" if attr.get("required") or attr["type"] == "ints" else "*"
        lines += wrapped(attr_doc(attr), "\t// ", 94)
        lines += [f"\t{camel(attr['name'])} {pointer}{GO_TYPES[attr['type']]}"]
    lines += ["}", "", f"func (a {op.title}Attrs) json() tessera.Attrs {{",
              "\tset := tessera.Attrs{}"]
    for attr in op.attrs:
        field = f"a.{camel(attr['name'])}"
        if attr.get("required"):
            lines += [f'\tset["{attr["name"]}"] = {go_value(attr, field)}']
        else:
            value = field if attr["type"] == "ints" else "*" + field
            lines += [f"\tif {field} != nil {{",
                      f'\t\tset["{attr["name"]}"] = {go_value(attr, value)}', "\t}"]
    return lines + ["\treturn set", "}", ""]


def go(ops):
    lines = [GO_HEAD.format(made=MADE)]
    for op in ops:
        if op.attrs:
            lines += go_attrs(op)
        given = "attrs.json()" if op.attrs else "nil"
        parameters = ["b Builder"] + ([f"attrs {op.title}Attrs"] if op.attrs else [])
        if op.operands is None:
            parameters.append("inputs ...tessera.Value")
            inputs = "inputs..."
        else:
            parameters.append(", ".join(op.operands) + " tessera.Value")
            inputs = ", ".join(op.operands)
        count = op.results or 1
        result = "tessera.Value" if count == 1 else f"({', '.join(['tessera.Value'] * count)})"
        lines += wrapped(f"{op.title}: {op.doc}", "// ", 94)
        call = f'b.AddMany("{op.name}", {given}, {inputs})'
        lines += [f"func {op.title}({', '.join(parameters)}) {result} {{", f"\tmade := {call}",
                  "\treturn " + ", ".join(f"at(made, {i})" for i in range(count)), "}", ""]
        if op.results is None and op.operands is None:
            lines += [f"// {op.title}All gives all results of {op.title}.",
                      f"func {op.title}All({', '.join(parameters)}) []tessera.Value {{",
                      f"\treturn {call}", "}", ""]
    return subprocess.run(["gofmt"], input="\n".join(lines).rstrip() + "\n", capture_output=True,
                          text=True, check=True).stdout


# ---- Java ----------------------------------------------------------------------------------------

JAVA_TYPES = {"int": "long", "float": "double", "bool": "boolean", "text": "String",
              "ints": "List<Long>"}


def java_doc(text, indent):
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@",
                                                                                   "&#64;")
    return [f"{indent}/**"] + wrapped(text, f"{indent} * ") + [f"{indent} */"]


def java_class(op):
    lines = [""] + java_doc(op.doc, "  ") + [
        f"  public static final class {op.title} extends Call {{"]
    given = ", ".join(f"{JAVA_TYPES[attr['type']]} {lower_camel(safe(attr['name']))}"
                      for attr in op.required)
    if op.required:
        lines += java_doc("\n".join(f"@param {lower_camel(safe(attr['name']))} {attr_doc(attr)}"
                                    for attr in op.required), "    ")
        lines = [line.replace("&#64;param", "@param") for line in lines]
    lines += [f"    public {op.title}({given}) {{", f'      super("{op.name}");']
    lines += [f'      put("{attr["name"]}", {lower_camel(safe(attr["name"]))});'
              for attr in op.required]
    lines += ["    }"]
    for attr in op.optional:
        lines += [""] + java_doc(attr_doc(attr), "    ") + [
            f"    public {op.title} {lower_camel(safe(attr['name']))}("
            f"{JAVA_TYPES[attr['type']]} value) {{",
            f'      put("{attr["name"]}", value);', "      return this;", "    }"]
    if op.operands is None:
        parameters, inputs = "Value... inputs", "inputs"
    else:
        parameters = ", ".join(f"Value {name}" for name in op.operands)
        inputs = ", ".join(op.operands)
    ways = {None: (("Value", "add", "one"), ("List<Value>", "addMany", "many")),
            1: (("Value", "add", "one"),)}.get(op.results, (("List<Value>", "add", "many"),))
    for result, name, body in ways:
        lines += ["", f"    public {result} {name}(OpBuilder to, {parameters}) "
                  "throws TesseraException {", f"      return {body}(to, {inputs});", "    }"]
    return lines + ["  }"]


def java(ops):
    lines = ["package io.tessera;", "", "import java.util.LinkedHashMap;", "import java.util.List;",
             "import java.util.Map;", "", "/**",
             " * A class for each op, with its attributes and operands:",
             " * {@code new Ops.Matmul().transposeRhs(true).add(scope, x, w)}. " + MADE, " */",
             "public final class Ops {", "  private Ops() {}", "",
             "  /** One use of an op, until it is added. */",
             "  public abstract static class Call {", "    private final String op;",
             "    private final Map<String, Object> attrs = new LinkedHashMap<>();", "",
             "    Call(String op) {", "      this.op = op;", "    }", "",
             "    /** Numbers that JSON lacks are texts. */",
             "    final void put(String name, Object value) {",
             "      boolean isText = value instanceof Double number && !Double.isFinite(number);",
             "      String text = String.valueOf(value);",
             '      text = text.toLowerCase().replace("infinity", "inf");',
             "      attrs.put(name, isText ? text : value);",
             "    }", "",
             "    final List<Value> many(OpBuilder to, Value... inputs) throws TesseraException {",
             "      return to.addMany(op, attrs, List.of(inputs));", "    }", "",
             "    final Value one(OpBuilder to, Value... inputs) throws TesseraException {",
             "      return Value.only(many(to, inputs), op);", "    }", "  }"]
    for op in ops:
        lines += java_class(op)
    return "\n".join(lines + ["}"]) + "\n"


WRITERS = {"rust": rust, "go": go, "java": java}
