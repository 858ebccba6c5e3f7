"""Draws loss curves as SVG from metrics.jsonl files; needs nothing but Python.

    python3 samples/text/plot_curves.py OUT.svg LABEL=RUN/metrics.jsonl...

Evaluations are drawn as lines with dots, training losses, averaged, as thin lines behind them.
"""

import json
import math
import sys

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 20, 50
COLORS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
SMOOTHED_POINTS = 150


def read_run(path):
    """([(step, training loss)], [(step, validation loss)])"""
    training, validation = [], []
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            if isinstance(record.get("loss"), float):
                training.append((record["step"], record["loss"]))
            if isinstance(record.get("eval_loss"), float):
                validation.append((record["step"], record["eval_loss"]))
    return smoothed(training), validation


def smoothed(points):
    size = max(1, math.ceil(len(points) / SMOOTHED_POINTS))
    chunks = [points[i:i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in c) / len(c), sum(y for _, y in c) / len(c)) for c in chunks]


def nice_step(span, most):
    """A distance of 1, 2 or 5 times a power of ten, so that at most so many fit."""
    power = 10 ** math.floor(math.log10(max(span, 1e-9) / most))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)


class Plot:
    def __init__(self, points):
        self.low_x, self.high_x = 0, max(x for x, _ in points)
        self.low_y, self.high_y = min(y for _, y in points), max(y for _, y in points)
        step = nice_step(self.high_y - self.low_y or 1, 6)
        self.low_y = math.floor(self.low_y / step) * step
        self.high_y = math.ceil(self.high_y / step) * step or 1
        self.y_step = step
        self.parts = []

    def at(self, point):
        x, y = point
        width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return (LEFT + (x - self.low_x) / (self.high_x - self.low_x) * width,
                TOP + (self.high_y - y) / (self.high_y - self.low_y) * height)

    def text(self, x, y, text, anchor="middle", color="#57606a"):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" '
                          f'fill="{color}">{text}</text>')

    def axes(self):
        value = self.low_y
        while value <= self.high_y + self.y_step / 2:
            _, y = self.at((0, value))
            self.parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
            self.text(LEFT - 8, y + 4, f"{value:g}", "end")
            value = round(value + self.y_step, 10)
        step = nice_step(self.high_x, 8)
        for i in range(int(self.high_x / step) + 1):
            x, _ = self.at((i * step, self.low_y))
            self.text(x, HEIGHT - BOTTOM + 20, f"{i * step:g}")
        self.text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 8, "step")

    def line(self, points, color, width, opacity=1.0):
        path = "L".join("{:.1f} {:.1f}".format(*self.at(p)) for p in points)
        self.parts.append(f'<path d="M{path}" fill="none" stroke="{color}" '
                          f'stroke-width="{width}" opacity="{opacity}"/>')

    def dots(self, points, color):
        for point in points:
            x, y = self.at(point)
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>')

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                'font-family="sans-serif" font-size="12">\n'
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n")


def draw(runs):
    plot = Plot([p for _, training, validation in runs for p in training + validation])
    plot.axes()
    for i, (label, training, validation) in enumerate(runs):
        color = COLORS[i % len(COLORS)]
        plot.line(training, color, 1, 0.4)
        if validation:
            plot.line(validation, color, 2)
            plot.dots(validation, color)
            label += f" (last validation {validation[-1][1]:.3f})"
        plot.text(WIDTH - RIGHT - 8, TOP + 20 + 18 * i, label, "end", color)
    return plot.svg()


def main():
    if len(sys.argv) < 3 or not all("=" in word for word in sys.argv[2:]):
        sys.exit("usage: plot_curves.py OUT.svg LABEL=RUN/metrics.jsonl...")
    runs = []
    for word in sys.argv[2:]:
        label, path = word.split("=", 1)
        training, validation = read_run(path)
        if len(training) < 2:
            sys.exit(f"{path}: expected metrics of at least two steps")
        runs.append((label, training, validation))
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(draw(runs))


if __name__ == "__main__":
    main()
