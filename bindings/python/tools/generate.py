"""Writes tessera/configs.py, tessera/ops.py and tessera/_raw.pyi.

configs.py has a class for each config type, ops.py a function for each op: both from the catalogue
of the library that the package carries, so that they say what that library knows. _raw.pyi has the
functions of the header. Run when the package is built (setup.py); the files are not kept in the
tree.

    python3 tools/generate.py LIBRARY HEADER FOLDER
"""

import ctypes
import json
import keyword
import os
import re
import sys
import textwrap

WIDTH = 98
ROOT_TYPE = "Experiment"
KINDS = {"bool": "bool", "int": "int", "long": "int", "float": "float", "double": "float",
         "text": "str", "string": "str", "ints": "Sequence[int]"}


class Catalogue:
    """The four functions of the library that describe it, by ctypes: the raw layer is not there
    yet when this runs."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.tsr_status_message.restype = ctypes.c_char_p
        for name in ("tsr_runtime_new", "tsr_runtime_list", "tsr_runtime_describe_type"):
            getattr(self.library, name).restype = ctypes.c_void_p
        self.runtime = ctypes.c_void_p()
        options = b'{"threads": 1}'
        self.check(self.library.tsr_runtime_new(options, ctypes.c_size_t(len(options)),
                                                ctypes.byref(self.runtime)))

    def check(self, status):
        if status:
            message = self.library.tsr_status_message(ctypes.c_void_p(status))
            raise RuntimeError(message.decode())

    def _text(self, function, argument):
        text, length = ctypes.c_char_p(), ctypes.c_size_t()
        data = argument.encode()
        self.check(getattr(self.library, function)(
            self.runtime, data, ctypes.c_size_t(len(data)), ctypes.byref(text),
            ctypes.byref(length)))
        return json.loads(text.value.decode())

    def list(self, kind):
        return self._text("tsr_runtime_list", kind)

    def describe(self, name):
        return self._text("tsr_runtime_describe_type", name)

    def config_types(self):
        """Types that the root can hold, by the roles of slots, and parts for other models."""
        found, roles, waiting = {}, set(), [ROOT_TYPE]
        for kind in ("modules", "optimizers", "schedules"):
            waiting += [item["type"] for item in self.list(kind)]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found[name] = self.describe(name)
            for entry in found[name]["fields"]:
                role = entry.get("role")
                if role and role not in roles:
                    roles.add(role)
                    # "data" is a kind of its own too, which holds sources beside types.
                    waiting += [item.get("type") or item["name"] for item in self.list(role)
                                if item.get("kind") != "source"]
        return [found[name] for name in sorted(found)]


def comment(text, indent, first=""):
    """`text` wrapped for a docstring."""
    lines = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH - len(indent) - 4) or [""]
    return (first + ("\n" + indent).join(lines)).rstrip()


def safe(name):
    return name + "_" if keyword.iskeyword(name) else name


# ---- configs.py ----------------------------------------------------------------------------------

def value_type(entry):
    """The annotation of a field."""
    kind = entry["type"]
    if entry.get("values"):
        return "Literal[" + ", ".join(repr(value["name"]) for value in entry["values"]) + "]"
    if entry.get("choices") and KINDS.get(kind) == "str":
        return "Literal[" + ", ".join(repr(choice) for choice in entry["choices"]) + "]"
    is_list = kind.startswith("[") or "list" in kind
    plain = re.sub(r"^list of |^\[|\]$|s$", "", kind) if is_list else kind
    if entry.get("role"):
        found = "PartLike"
    else:
        found = KINDS.get(plain, "Mapping[str, Any]" if entry.get("table") else "Any")
    return f"Sequence[{found}]" if is_list else found


def field_doc(entry):
    words = [entry.get("doc", "").rstrip(".")]
    facts = []
    if entry.get("required") and not entry.get("flows"):
        facts.append("required")
    if entry.get("flows"):
        facts.append("dictated by what surrounds it")
    if entry.get("role"):
        facts.append(f"any part of role {entry['role']}")
        if entry.get("default_type"):
            facts.append(f"by default {entry['default_type']}")
    elif "default" in entry:
        facts.append(f"by default {json.dumps(entry['default'])}")
    if entry.get("unit"):
        facts.append(f"in {entry['unit']}")
    bounds = [f"{word} {entry[key]}" for key, word in
              (("min", "at least"), ("above", "above"), ("max", "at most"), ("below", "below"))
              if key in entry]
    facts += bounds
    text = words[0] or entry["name"]
    return f"{text} ({'; '.join(facts)})." if facts else f"{text}."


def config_class(info):
    name = info["type"]
    fields = info["fields"]
    lines = [f"class {name}(Part):", f'    """{comment(info["doc"] or name, "    ")}']
    roles = ", ".join(info.get("roles", []))
    if roles:
        lines += ["", f"    Role: {roles}."]
    if fields:
        lines += ["", "    Args:"]
        for entry in fields:
            lines.append("        " + comment(f"{safe(entry['name'])}: {field_doc(entry)}",
                                              "            "))
    lines += ['    """', "", f'    type_name = "{name}"', ""]
    if fields:
        lines.append("    def __init__(self, *,")
        for entry in fields:
            optional = " | None" if entry.get("optional") else ""
            lines.append(f"                 {safe(entry['name'])}: {value_type(entry)}{optional}"
                         " = UNSET,")
        lines[-1] = lines[-1][:-1] + ") -> None:"
        lines.append("        super().__init__({")
        for entry in fields:
            lines.append(f'            "{entry["name"]}": {safe(entry["name"])},')
        lines.append("        })")
    else:
        lines += ["    def __init__(self) -> None:", "        super().__init__({})"]
    return "\n".join(lines)


def configs_module(types):
    head = '''"""Parts of configs, one class a type, with fields as keyword arguments.

Each is a dict, as JSON has it; what is left out is left to the library. Written by
tools/generate.py from the catalogue of the library in this package.
"""

from __future__ import annotations

from typing import Any, Literal, Mapping, Sequence, Union

from .config import UNSET, Part

PartLike = Union[Mapping[str, Any], str]
"""A part, a dict of its fields, or the name of its type."""
'''
    names = ", ".join(f'"{info["type"]}"' for info in types)
    exported = "\n".join(textwrap.wrap(names, WIDTH - 4, initial_indent="    ",
                                       subsequent_indent="    "))
    return "\n\n\n".join([f"{head}\n__all__ = [\n{exported},\n]"]
                         + [config_class(info) for info in types]) + "\n"


# ---- ops.py --------------------------------------------------------------------------------------

def operands(signature):
    """Names of the operands, or None where they depend on attributes."""
    if "->" not in signature:
        return None
    left = signature.split("->")[0]
    found = re.findall(r"([A-Za-z_]\w*)\s*(?:\[|$|,)", re.sub(r"\[[^\]]*\]", "[]", left))
    is_plain = not re.search(r"[*?+]|\.\.\.\s*(,|->|$)", re.sub(r"\[[^\]]*\]", "", left))
    return found if is_plain and found else None


def result_type(signature):
    """The annotation of what an op returns."""
    if "->" not in signature:
        return "Any"
    count = len(re.findall(r"[A-Za-z_]\w*\s*\[", signature.split("->")[1]))
    return "Value" if count == 1 else f"tuple[{', '.join(['Value'] * count)}]" if count else "Any"


def op_function(info):
    names = operands(info["signature"])
    attrs = info.get("attrs", [])
    taken = {safe(attr["name"]) for attr in attrs}
    if names is None or len(set(names)) != len(names):
        parameters, inputs = ["*inputs: Value"], "*inputs"
    else:
        names = [name + "_" if name in taken or keyword.iskeyword(name) else name
                 for name in names]
        parameters, inputs = [f"{name}: Value" for name in names], ", ".join(names)
        if attrs:
            parameters.append("*")
    for attr in attrs:
        kind = KINDS.get(attr["type"], "Any")
        default = "" if attr.get("required") else f" = {attr_default(attr)}"
        parameters.append(f"{safe(attr['name'])}: {kind}{default}")
    first = inputs.split(",")[0].strip()
    lines = [f"def {safe(info['op'])}("]
    lines += [f"        {parameter}," for parameter in parameters]
    lines += [f"        **more: Any) -> {result_type(info['signature'])}:"]
    lines += [f'    """{comment(info["doc"] or info["op"], "    ")}']
    if info["signature"]:
        lines += ["", "    " + comment(f"Signature: {info['signature']}.", "        ")]
    if not info.get("has_gradient", True):
        lines += ["    It has no gradient."]
    if attrs:
        lines += ["", "    Args:"]
        lines += ["        " + comment(f"{safe(attr['name'])}: {attr.get('doc') or 'see above'}.",
                                       "            ") for attr in attrs]
    lines += ['    """']
    given = "".join(f", {json.dumps(attr['name'])}: {safe(attr['name'])}" for attr in attrs)[2:]
    builder = f"builder_of({json.dumps(info['op'])}, inputs)" if first == "*inputs" else (
        f"{first}.builder")
    attr_text = f"**{{{given}}}, **more" if given else "**more"
    call = f"    return {builder}.add({json.dumps(info['op'])}, {inputs}, {attr_text})"
    lines.append(call if len(call) <= WIDTH else
                 f"    return {builder}.add(\n        {json.dumps(info['op'])}, {inputs},\n"
                 f"        {attr_text})")
    return "\n".join(lines)


def attr_default(attr):
    default = attr.get("default")
    if attr["type"] == "float" and isinstance(default, str):
        return f'float("{default}")'
    if isinstance(default, list):
        return repr(tuple(default))
    return repr(default)


def ops_module(ops):
    head = '''"""Ops, one function each: `ops.matmul(x, w, transpose_rhs=True)`.

They add the op to the graph or scope that their operands belong to. Ops without operands are added
by name: `graph.add("arange", ...)`. Written by tools/generate.py from the catalogue of the library
in this package.
"""

from __future__ import annotations

from typing import Any, Sequence

from .value import Value, builder_of
'''
    return "\n\n\n".join([head.rstrip()] + [op_function(info) for info in ops]) + "\n"


# ---- _raw.pyi ------------------------------------------------------------------------------------

def header_text(path):
    """A header, and those beside it that it includes."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    folder = os.path.dirname(path)
    return text + "".join(header_text(os.path.join(folder, name)) for name in
                          re.findall(r'^#include "(\w+\.h)"', text, re.M))


def raw_stub(header):
    """A line for each function; what it does is said in the header."""
    declaration = re.compile(r"/\*((?:(?!\*/).)*)\*/\s*TSR_API\s[^;]*?\b(tsr_\w+)\s*\([^;]*\);",
                             re.S)
    lines = ['"""The raw layer, made by SWIG from tessera.h; the classes of tessera use it."""', "",
             "from typing import Any", "",
             "class TensorBase:", "    handle: Any",
             "    def __init__(self, handle: Any) -> None: ...",
             "    def close(self) -> None: ...", "    def _bits(self) -> Any: ...",
             "    def __buffer__(self, flags: int, /) -> memoryview: ...", "",
             "class OperandBase:", "    dtype: int", "    def end(self) -> int: ...",
             "    def __buffer__(self, flags: int, /) -> memoryview: ...", ""]
    for match in declaration.finditer(header):
        if match[2] != "tsr_text_free":
            lines.append(f"def {match[2]}(*arguments: Any) -> Any: ...")
    return "\n".join(lines) + "\n"


def main(library, header, folder):
    catalogue = Catalogue(library)
    ops = [catalogue.describe(item["op"]) for item in catalogue.list("ops")]
    stub = raw_stub(header_text(header))
    for name, text in (("configs.py", configs_module(catalogue.config_types())),
                       ("ops.py", ops_module(ops)), ("_raw.pyi", stub)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
