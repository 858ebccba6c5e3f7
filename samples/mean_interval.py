"""What several seeds of a run say together; for the studies in moe and mmoe."""

import math

# Student's t: 95 % of it lies within this for 1, 2, ... degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
           2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093)


def mean_and_interval(values):
    """The mean, and half its 95 % confidence interval: NaN for one value."""
    mean = sum(values) / len(values)
    freedom = len(values) - 1
    if freedom < 1:
        return mean, float("nan")
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / freedom)
    student = STUDENT[freedom - 1] if freedom <= len(STUDENT) else 1.96
    return mean, student * spread / math.sqrt(len(values))
