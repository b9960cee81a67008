"""How much one forward pass takes on that keeps nothing for a backward pass: what batches are cut by, and
what a plan counts. Bounds on memory that only large models and long rows ever reach.
"""

from __future__ import annotations

from collections.abc import Sequence

#: For the body of the model, and for what its head makes of a slice of positions.
BODY_BYTES = 2 << 30
HEAD_BYTES = 2 << 30
# Vectors of the hidden width that a token has at the peak: those within the MLP (three to four times as wide,
# three of them), within the attention, and the residual stream.
HIDDEN_VECTORS = 20
# Of one logit while its loss is computed: itself and its log-softmax in fp32. What the head made in half
# precision is gone by then.
LOGIT_BYTES = 4 + 4


def body_bytes(hidden: int, width: int) -> int:
    """Bytes for one token, of which a number takes `width`."""
    return HIDDEN_VECTORS * hidden * width


def rows_that_fit(lengths: Sequence[int], tokens: int) -> int:
    """How many of these rows one pass takes, beginning with the first: one at least.

    Args:
        lengths: of the rows in tokens, shortest first.
        tokens: at most, once all rows are padded to the longest of them.
    """
    count = 1
    while count < len(lengths) and (count + 1) * lengths[count] <= tokens:
        count += 1
    return count


def scoring_bytes(rows: int, length: int, hidden: int, width: int, labels: int, vocabulary: int) -> int:
    """Peak of scoring `rows` rows of `length` tokens, `labels` positions of which are compared."""
    one = length * body_bytes(hidden, width)
    return max(one, min(rows * one, BODY_BYTES)) + min(labels * vocabulary * LOGIT_BYTES, HEAD_BYTES)
