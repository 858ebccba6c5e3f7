"""Functions of a C++ or Python file with their lengths.

C++ is read by matching braces outside of comments and literals. A brace opens a function when the
text before it, back to the last ; { or }, has parentheses and no = outside of them; what is inside
a function, lambdas too, counts to it.
"""

import ast
import re

import source_tree

_CONTAINER = re.compile(r"^(class|struct|union|enum|namespace|extern)\b")
_ACCESS = re.compile(r"public|private|protected")
_TEMPLATE = re.compile(r"^template\s*<")


def _without_parentheses(text):
    depth = 0
    out = []
    for char in text:
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif depth == 0:
            out.append(char)
    return "".join(out)


def _strip_templates(header):
    while _TEMPLATE.match(header):
        depth = 0
        for index, char in enumerate(header):
            depth += (char == "<") - (char == ">")
            if char == ">" and depth == 0:
                header = header[index + 1 :].lstrip()
                break
        else:
            return header
    return header


def _opens_function(header):
    header = re.sub(r"\[\[[^\]]*\]\]|\balignas\s*\([^)]*\)", "", header)
    header = _strip_templates(header.strip())
    if _CONTAINER.match(header) or "(" not in header:
        return False
    outside = _without_parentheses(re.sub(r"\boperator\s*[^\s(]+", "operator", header))
    if "=" in outside:
        return re.search(r"\[[^\]]*\]\s*(\(|$)", header.split("=", 1)[1]) is not None
    return True


def _name(header):
    lambda_name = re.search(r"(\w+)\s*=\s*\[", header)
    if lambda_name:
        return lambda_name.group(1)
    match = re.search(r"([\w:~]+|operator\s*[^\s(]+)\s*\(", header)
    name = match.group(1) if match else header.strip()[:40]
    arguments = re.match(r"\s*(TEST|TEST_F|TEST_P)\s*\(([^)]*)\)", header)
    return ".".join(a.strip() for a in arguments.group(2).split(",")) if arguments else name


def _without_preprocessor(code):
    """Directives emptied, and of #if ... #else only the first branch kept: braces stay matched."""
    out = []
    skipping = []
    continued = False
    for line in code.split("\n"):
        directive = re.match(r"\s*#\s*(\w+)", line)
        if continued or directive:
            word = directive.group(1) if directive and not continued else ""
            if word in ("if", "ifdef", "ifndef"):
                skipping.append(False)
            elif word in ("else", "elif") and skipping:
                skipping[-1] = True
            elif word == "endif" and skipping:
                skipping.pop()
            continued = line.rstrip().endswith("\\")
            out.append("")
        else:
            out.append("" if any(skipping) else line)
    return "\n".join(out)


def cpp_functions(text):
    """[(name, first line, number of lines)] from the signature to the closing brace."""
    code = _without_preprocessor(source_tree.strip_cpp(text))
    found = []
    stack = []
    header_start = 0
    line = 1
    header_line = None
    for index, char in enumerate(code):
        if header_line is None and not char.isspace() and char not in ";{}":
            header_line, header_start = line, index
        if char == "{":
            inside = any(kind == "function" for kind, _, _ in stack)
            header = code[header_start:index] if header_line is not None else ""
            is_function = not inside and _opens_function(header)
            stack.append(("function" if is_function else "other", header_line or line, header))
            header_line = None
        elif char == "}":
            if stack:
                kind, first, header = stack.pop()
                if kind == "function":
                    found.append((_name(header), first, line - first + 1))
            header_line = None
        elif char == ";" or char == ":" and _ACCESS.fullmatch(code[header_start:index].strip()):
            header_line = None
        if char == "\n":
            line += 1
    return found


def python_functions(text):
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.append((node.name, node.lineno, node.end_lineno - node.lineno + 1))
    return found
