"""Rule outcomes that are remembered: decided once, found again by what determines them."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import cache
from typing import Any

import am_assets.stages.verification.kinds as kinds
from am_assets.core.code.versions import Root, alone, code_of
from am_assets.core.identity import digest
from am_assets.core.memory import Entry, RowMemory
from am_assets.core.runner import Language
from am_assets.core.settings.verification import Verification
from am_assets.core.verdict import Check, Kind
from am_assets.stages.verification.by_kind import KINDS
from am_assets.stages.verification.format import answer_of, repeats_itself
from am_assets.stages.verification.models.judge import Judge
from am_assets.stages.verification.models.reward import RewardJudge
from am_assets.stages.verification.nesting import too_deep
from am_assets.stages.verification.outcome import Decided, Outcome
from am_assets.stages.verification.rules import RuleRunner, decide

KIND = "verdict"
"""Kind of the row memory's entries that are rule outcomes."""


class RememberedRules:
    """Asks a runner what the memory does not know, and remembers what it says as it comes.

    Errors of our side are not remembered: the next run asks them again. Raises RowMemoryError.
    """

    def __init__(
        self,
        runner: RuleRunner,
        memory: RowMemory,
        config: Verification,
        require_format: bool,
    ) -> None:
        self._runner, self._memory = runner, memory
        self._config, self._require_format = config, require_format
        self._basis: dict[tuple[Kind, Language | None], str] = {}

    def start(self, checks: Sequence[Check]) -> "Started":
        """Begin to decide `checks`; what is missing goes to the runner, the rest is read."""
        keys = [self._key(check) for check in checks]
        wanted = [(key, check.owner) for key, check in zip(keys, checks, strict=True)]
        known = self._memory.get(KIND, wanted)
        missing: defaultdict[str, list[Check]] = defaultdict(list)
        for key, check in zip(keys, checks, strict=True):
            if key not in known:
                missing[key].append(check)
        return Started(keys, known, [self._submit(batch) for batch in _batches(missing)])

    def _submit(self, batch: dict[str, list[Check]]) -> "Future[dict[str, bytes]]":
        """Have a batch decided; its outcomes are remembered before they are given."""
        kept: Future[dict[str, bytes]] = Future()

        def remember(decided: Future[list[Outcome | None]]) -> None:
            try:
                outcomes = dict(zip(batch, decided.result(), strict=True))
                values = {key: _encode(outcome) for key, outcome in outcomes.items()}
                self._memory.put(
                    KIND,
                    [
                        Entry(key, values[key], owner)
                        for key, outcome in outcomes.items()
                        if outcome is None or outcome.status != "error"
                        for owner in dict.fromkeys(check.owner for check in batch[key])
                    ],
                )
            except BaseException as problem:
                # Raised where the outcomes are waited for.
                kept.set_exception(problem)
            else:
                kept.set_result(values)

        first = [checks[0] for checks in batch.values()]
        decided = self._runner.submit(first, self._config, self._require_format)
        decided.add_done_callback(remember)
        return kept

    def _determined_by(self, kind: Kind, language: Language | None) -> str:
        """What verdicts on one kind of check follow from, but for the check.

        Nothing that only another kind, or programs of another language, are decided by.
        """
        settings: dict[str, Any] = {"rules": self._config.rules.model_dump(mode="json")}
        entry = KINDS[kind]
        if entry.rules is not None:
            settings[kind] = entry.section(self._config).model_dump(mode="json")
        isolation = self._runner.isolation(language) if language else ""
        return digest(KIND, kind, settings, self._require_format, isolation, *rule_versions(kind))

    def _key(self, check: Check) -> str:
        of = (check.kind, _language(check))
        if of not in self._basis:
            self._basis[of] = self._determined_by(*of)
        return digest(
            self._basis[of],
            check.prompt,
            check.response,
            check.reference_answer,
            _text(check.test_case),
            _text(check.constraints),
        )


class Started:
    """Checks that are being decided."""

    def __init__(
        self,
        keys: Sequence[str],
        known: dict[str, bytes],
        decided: "Sequence[Future[dict[str, bytes]]]",
    ) -> None:
        self._keys, self._known, self._decided = keys, known, decided

    def outcomes(self) -> Iterator[tuple[int, Decided[Outcome | None]]]:
        """Each check's position and outcome, None where a model has to decide.

        Those that were known come first, the others as they are decided.
        """
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, key in enumerate(self._keys):
            places[key].append(place)
        yield from _placed(places, self._known, reused=True)
        for future in self._decided:
            yield from _placed(places, future.result(), reused=False)


def _placed(
    places: dict[str, list[int]], values: dict[str, bytes], reused: bool
) -> Iterator[tuple[int, Decided[Outcome | None]]]:
    for key, value in values.items():
        # What was decided just now is read back too: it cannot differ from what is remembered.
        decided = Decided(_decode(value), reused)
        for place in places[key]:
            yield place, decided


def _batches(missing: dict[str, list[Check]]) -> Iterator[dict[str, list[Check]]]:
    """Checks of one kind, by key, a few together."""
    batches: defaultdict[Kind, dict[str, list[Check]]] = defaultdict(dict)
    for key, checks in missing.items():
        kind = checks[0].kind
        batches[kind][key] = checks
        if len(batches[kind]) == KINDS[kind].together:
            yield batches.pop(kind)
    yield from batches.values()


def rule_roots(kind: Kind) -> list[Root]:
    """What decides checks of a kind before a model does, and no other kind's."""
    entry = KINDS[kind]
    own = () if entry.rules is None else (entry.rules, *entry.made_with)
    return [answer_of, repeats_itself, too_deep, *own]


def asked_roots(kind: Kind, asks_judge: bool) -> list[Root]:
    """What decides after that: all that the kind's entry says, and what asks the models."""
    rates = KINDS[kind].asks_reward
    models = [root for root, asked in ((RewardJudge, rates), (Judge, asks_judge)) if asked]
    return [f"{kinds.__name__}.{kind}", *models]


@cache
def rule_versions(kind: Kind) -> tuple[str, ...]:
    """Versions of the rules that decide checks of one kind, and of their libraries."""
    # Of `decide` itself only what it says: it is asked for every kind.
    code = code_of(*rule_roots(kind))
    libraries = (f"{name} {version}" for name, version in code.libraries.items())
    return (code.version, alone(decide), ".".join(map(str, sys.version_info[:2])), *libraries)


@cache
def asked_versions(kind: Kind, asks_judge: bool) -> tuple[str, ...]:
    code = code_of(*asked_roots(kind, asks_judge))
    return (code.version, *(f"{name} {version}" for name, version in code.libraries.items()))


def decided_by(kind: Kind, asks_judge: bool) -> list[str]:
    """Versions of the code and libraries that decide checks of one kind, and no other's."""
    versions = [*rule_versions(kind), *asked_versions(kind, asks_judge)]
    return list(dict.fromkeys(versions))


def _language(check: Check) -> Language | None:
    """The language that a check's program runs in, None where none is run."""
    language = KINDS[check.kind].language
    return None if language is None else language(check)


def _text(value: Any) -> str:
    # Not the canonical form, which knows no null in a mapping and no order of its keys: a program
    # sees both. What is nested too deeply is refused alike, whatever it is.
    return "too deep" if too_deep(value) else json.dumps(value)


def _encode(outcome: Outcome | None) -> bytes:
    if outcome is None:
        return b"null"
    fields = (outcome.status, outcome.score, outcome.reason, outcome.verifier, outcome.version)
    return json.dumps([*fields, outcome.evidence]).encode()


def _decode(value: bytes) -> Outcome | None:
    fields = json.loads(value)
    return None if fields is None else Outcome(*fields)
