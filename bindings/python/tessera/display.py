"""What notebooks show: configs as a folding tree, graphs as text, a loss curve as a picture."""

from __future__ import annotations

import html
import json
from typing import Any, Sequence

_TREE = "font-family:monospace;line-height:1.4"
_WIDTH, _HEIGHT, _MARGIN = 480, 160, 36


def _tree(name: str, value: Any) -> str:
    label = html.escape(name)
    if isinstance(value, dict):
        kind = html.escape(str(value.get("type", "")))
        inside = "".join(_tree(key, item) for key, item in value.items() if key != "type")
        return (f"<details open style='margin-left:1em'><summary><b>{label}</b> {kind}</summary>"
                f"{inside}</details>")
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inside = "".join(_tree(f"[{i}]", item) for i, item in enumerate(value))
        return (f"<details style='margin-left:1em'><summary><b>{label}</b></summary>"
                f"{inside}</details>")
    text = html.escape(json.dumps(value))
    return f"<div style='margin-left:2em'>{label}: {text}</div>"


def config_html(config: Any) -> str:
    """A config as a tree that folds."""
    if config.closed:
        return "<i>a closed Config</i>"
    return f"<div style='{_TREE}'>{_tree('config', config.to_dict())}</div>"


def text_html(text: str) -> str:
    """Text as it is."""
    return f"<pre>{html.escape(text)}</pre>"


def curve_svg(steps: Sequence[int], losses: Sequence[float]) -> str:
    """A loss curve; non-finite losses are left out."""
    points = [(step, loss) for step, loss in zip(steps, losses) if loss - loss == 0]
    if not points:
        return "<i>no steps yet</i>"
    first, last = points[0][0], max(points[-1][0], points[0][0] + 1)
    low = min(loss for _, loss in points)
    high = max(max(loss for _, loss in points), low + 1e-9)
    line = " ".join(
        f"{_MARGIN + (step - first) / (last - first) * (_WIDTH - 2 * _MARGIN):.1f},"
        f"{_MARGIN / 2 + (high - loss) / (high - low) * (_HEIGHT - _MARGIN):.1f}"
        for step, loss in points)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}' "
        "font-family='monospace' font-size='10'>"
        f"<polyline fill='none' stroke='#1f77b4' stroke-width='1.5' points='{line}'/>"
        f"<text x='2' y='{_MARGIN / 2 + 4}'>{high:.3f}</text>"
        f"<text x='2' y='{_HEIGHT - _MARGIN / 2 + 4}'>{low:.3f}</text>"
        f"<text x='{_MARGIN}' y='{_HEIGHT - 4}'>step {first}</text>"
        f"<text x='{_WIDTH - _MARGIN}' y='{_HEIGHT - 4}' text-anchor='end'>step {last}</text>"
        "</svg>")
