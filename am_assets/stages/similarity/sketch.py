"""Small integer codes of vectors, whose products bound the vectors' similarity from above.

For unit vectors x, y and a basis P of k orthonormal columns (E = PᵀP − I, ε = ‖E‖), with a = Pᵀx,
b = Pᵀy and the rests u = x − Pa, v = y − Pb:

    x·y = a·b + u·v − aᵀEb  ≤  a·b + |u||v| + 2ε        and |u|² = 1 − |a|² + aᵀEa.

With codes p, q (integers, one scale s for all) and a = sp + e, b = sq + f, by Cauchy-Schwarz

    a·b  ≤  s² p·q + |e| + |f| + |e||f|.

|u||v| goes into the integer product as well: `_REST` further places of every code hold
⌈|u| / (s √_REST)⌉, so their products sum to at least |u||v| / s². Hence with Q the product of two
whole codes

    x·y  ≤  s² Q + |e| + |f| + |e||f| + _ROUNDING,

and Q is exact, being a sum of integers that float32 too adds without rounding. _ROUNDING covers ε
and the float64 arithmetic of this module. Whatever the basis and scale, a pair that fails

    s² Q > threshold − |e| − |f| − |e||f| − _ROUNDING

is not above the threshold. Basis and scale only make the bound tight; they come from a sample.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from am_assets.stages.similarity.exact import lengths

_REST = 8
"""Places of a code that hold the length of the rest."""

_ROUNDING = 1e-8

_LARGEST_SUM = 1 << 24
"""Above all sums of products of two codes: float32 holds every integer up to here."""

_LEAST_REACH = 0.36
"""Coordinates up to this are coded without clipping; a rest of length 1 then fits in its places."""

_SAMPLE = 1536
"""Rows of each side that basis and scale are chosen by."""

_WIDTHS = (64, 96, 128, 192, 256, 384, 512)
"""Widths of codes to choose from, shorter than the vectors."""

_SMALL = 1 << 26
"""Pairs below which no basis pays."""

_PLACE, _SCORE, _ROTATE = 2.6e-3, 500.0, 0.025
"""Nanoseconds a place of a product, a pair scored, a multiply-add of rotation, measured on two
cores; they only choose the width."""


@dataclass(frozen=True)
class Codes:
    """Codes of some rows: `places` int8 (rows, width), the `errors` |e| and `lengths`, float64."""

    places: torch.Tensor
    errors: torch.Tensor
    lengths: np.ndarray


@dataclass(frozen=True)
class Sketch:
    """How vectors become codes; see the module for what may be concluded from them."""

    device: torch.device
    basis: torch.Tensor | None
    """P, float64 (dimension, k), or None for the vectors as they are."""
    scale: float
    largest: int
    width: int

    def codes(self, vectors: np.ndarray, first: int = 0) -> Codes:
        """Codes of float32 rows, of which the first has the number `first` in messages.

        Raises ValueError for numbers that are not finite.
        """
        norms = lengths(vectors)
        if not np.isfinite(norms).all():
            bad = first + int(np.flatnonzero(~np.isfinite(norms))[0])
            raise ValueError(f"vector {bad} has numbers that are not finite: embed it again")
        leading = _unit(vectors, norms, self.device)
        if self.basis is not None:
            leading = leading @ self.basis
        integers = (leading / self.scale).round_().clamp_(-self.largest, self.largest)
        errors = leading.sub(integers, alpha=self.scale).square_().sum(dim=1).sqrt_()
        places = torch.zeros(len(vectors), self.width, dtype=torch.int8, device=self.device)
        places[:, : leading.shape[1]] = integers
        if self.basis is not None:
            rest = (1 - leading.square_().sum(dim=1)).clamp_(min=0).add_(_ROUNDING).sqrt_()
            places[:, -_REST:] = (rest / (self.scale * math.sqrt(_REST))).ceil_()[:, None]
        return Codes(places, errors, norms)

    def limits(self, threshold: float, errors: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """What a product Q must exceed, int32 (rows, groups).

        For rows of `errors` |e| against groups of vectors whose errors are at most `others`.
        """
        slack = _ROUNDING + errors[:, None] + (1 + errors[:, None]) * others[None, :]
        limits = ((threshold - slack) / self.scale**2).floor()
        return limits.clamp(-_LARGEST_SUM, _LARGEST_SUM).to(torch.int32)


def fit(left: np.ndarray, right: np.ndarray, threshold: float, device: torch.device) -> Sketch:
    """The sketch that finds the pairs above `threshold` soonest, judged by a sample of the rows.

    It decides how long that takes, never what is found.
    """
    # Unequal steps, so that where both are the same rows few meet themselves.
    some, others = _sample(left, _SAMPLE, device), _sample(right, _SAMPLE - 1, device)
    both = torch.cat([some, others])
    if len(left) * len(right) < _SMALL:
        return sketch_of(None, both)
    # Judged by rows that the directions were not fitted to: these look shorter than they are.
    fitted = torch.cat([some[::2], others[::2]])
    directions = torch.linalg.eigh(fitted.T @ fitted).eigenvectors.flip(1)
    a, b = (some[1::2] @ directions).float(), (others[1::2] @ directions).float()
    count = both.shape[1]
    costs = {count: _PLACE * count + _SCORE * _share(a @ b.T, count, threshold)}
    for width in _WIDTHS:
        if (kept := width - _REST) < count:
            products = a[:, :kept] @ b[:, :kept].T + torch.outer(_rest(a, kept), _rest(b, kept))
            rotation = _ROTATE * count * kept * (1 / len(left) + 1 / len(right))
            costs[kept] = _PLACE * width + _SCORE * _share(products, kept, threshold) + rotation
    kept = min(costs, key=costs.__getitem__)
    return sketch_of(None if kept == count else _spread(directions[:, :kept]), both)


def _share(bounds: torch.Tensor, places: int, threshold: float) -> float:
    """The share of pairs whose bound, plus the codes' rounding, is above the threshold."""
    rounding = 2 * _LEAST_REACH / 127 * math.sqrt(places / 12)
    return float((bounds > threshold - rounding).double().mean())


def _rest(rows: torch.Tensor, kept: int) -> torch.Tensor:
    return rows[:, kept:].square().sum(dim=1).sqrt()


def _sample(vectors: np.ndarray, count: int, device: torch.device) -> torch.Tensor:
    """About `count` rows at equal steps, as float64 unit vectors; zero where not finite."""
    step = max(1, len(vectors) // count)
    rows = np.array(vectors[::step])
    norms = lengths(rows)
    rows[~np.isfinite(norms)] = 0
    return _unit(rows, norms, device)


def _unit(vectors: np.ndarray, norms: np.ndarray, device: torch.device) -> torch.Tensor:
    """Rows divided by their lengths, float64; rows of length 0 stay."""
    scales = np.where(norms > 0, norms, 1.0)[:, None]
    return torch.from_numpy(vectors / scales).to(device)


def _spread(directions: torch.Tensor) -> torch.Tensor:
    """The same subspace by columns among which every vector is spread evenly.

    Principal directions are unequally long, and one scale serves all places of a code.
    """
    count = directions.shape[1]
    noise = torch.randn(count, count, generator=torch.Generator().manual_seed(0)).double()
    # Orthonormal once more, whatever the eigenvectors' rounding was.
    return torch.linalg.qr(directions @ torch.linalg.qr(noise.to(directions.device)).Q).Q


def sketch_of(basis: torch.Tensor | None, sample: torch.Tensor) -> Sketch:
    """The sketch along `basis` (None: the places as they are), its scale taken from a sample."""
    leading = sample if basis is None else sample @ basis
    places = leading.shape[1] + (0 if basis is None else _REST)
    width = -(-places // 8) * 8
    largest = min(127, math.isqrt((_LARGEST_SUM - 1) // max(width, 1)))
    reach = max(float(leading.abs().max()) if leading.numel() else 1.0, _LEAST_REACH)
    return Sketch(sample.device, basis, reach / largest, largest, width)
