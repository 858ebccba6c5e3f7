#!/usr/bin/env python3
"""Draws what compare.py and moe_compare.py printed as bars: how many times as fast as a peer.

  tests/bench/chart.py FIGURES OUT.svg

FIGURES has one JSON object a line: `name`, and what the comparisons print last (`speedup_median`,
`speedup_min`). A line at 1 is the peer; the thin mark is the least of the rounds.
"""
import html
import json
import sys

WIDTH, ROW, LEFT, RIGHT, TOP = 860, 34, 330, 70, 56
BETTER, WORSE = "#36c", "#c63"


def read(path):
    rows = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = json.loads(line)
            missing = {"name", "speedup_median", "speedup_min"} - set(row)
            if missing:
                sys.exit(f"{path}:{number}: lacks {', '.join(sorted(missing))}")
            rows.append(row)
    if not rows:
        sys.exit(f"{path}: expected at least one figure, got none")
    return rows


def svg(rows):
    scale = (WIDTH - LEFT - RIGHT) / max(1.0, *(row["speedup_median"] for row in rows))
    height = TOP + ROW * len(rows) + 16
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             'font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{LEFT}" y="24">times as fast as the peer (median of alternating pairs)'
             '</text>']
    for i, row in enumerate(rows):
        y = TOP + i * ROW
        length = row["speedup_median"] * scale
        least = LEFT + row["speedup_min"] * scale
        color = BETTER if row["speedup_median"] >= 1 else WORSE
        parts += [
            f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{html.escape(row["name"])}'
            '</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="22" fill="{color}"/>',
            f'<line x1="{least:.1f}" y1="{y}" x2="{least:.1f}" y2="{y + 22}" stroke="white"/>',
            f'<text x="{LEFT + length + 8:.1f}" y="{y + 16}">{row["speedup_median"]:.2f}</text>']
    one = LEFT + scale
    parts += [f'<line x1="{one:.1f}" y1="{TOP - 12}" x2="{one:.1f}" y2="{height - 12}" '
              'stroke="#333" stroke-dasharray="4 3"/>', "</svg>"]
    return "\n".join(parts) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    picture = svg(read(sys.argv[1]))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(picture)


if __name__ == "__main__":
    main()
