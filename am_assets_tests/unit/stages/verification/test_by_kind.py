"""A kind of check is what its entry says, and one without an entry is an error at once."""

import dataclasses
import runpy
from typing import Literal, get_args

import pytest

from am_assets.core import verdict
from am_assets.core.code.versions import graph
from am_assets.core.memory import RowMemory
from am_assets.core.protocol import render_response
from am_assets.core.settings.verification import MathConfig, Verification
from am_assets.core.verdict import Check, Kind
from am_assets.stages.verification import Verifiers, by_kind, verify
from am_assets.stages.verification.by_kind import KINDS
from am_assets.stages.verification.kind import Grade, Rate
from am_assets_tests.support.verification.engines import LengthReward, RuleJudge

CONFIG = Verification()


def of(kind: Kind) -> Check:
    return Check("one", kind, "Which?", render_response("hm", "this one"), reference_answer="that")


def test_every_kind_has_an_entry_and_a_file_of_its_own():
    assert tuple(KINDS) == get_args(Kind)
    for kind in KINDS:
        graph().package.find(f"am_assets.stages.verification.kinds.{kind}")


def test_a_kind_reads_the_section_of_its_name():
    for kind, entry in KINDS.items():
        assert entry.section(CONFIG) is getattr(CONFIG, kind)


@pytest.mark.parametrize(
    ("kind", "judge", "reward", "sandbox", "rules"),
    [
        ("math", True, False, False, True),
        ("code", False, False, True, True),
        ("science", True, False, False, True),
        ("instruction", False, False, False, True),
        ("chat", False, True, False, False),
    ],
)
def test_an_entry_says_who_decides(
    kind: Kind, judge: bool, reward: bool, sandbox: bool, rules: bool
):
    entry = KINDS[kind]
    assert entry.asks_judge(CONFIG) == judge
    assert entry.asks_reward == reward
    assert (entry.language is not None) == sandbox
    assert (entry.rules is not None) == rules


def test_only_what_rules_leave_open_or_the_judge_may_doubt_goes_to_a_model():
    left = {kind: entry.left(None, CONFIG) for kind, entry in KINDS.items()}
    assert isinstance(left["science"], Grade)
    assert isinstance(left["chat"], Rate)
    assert [left[kind] for kind in ("math", "code", "instruction")] == [None] * 3


def test_without_a_second_opinion_math_asks_nobody():
    config = Verification(math=MathConfig(judge_second_opinion=False))
    assert not KINDS["math"].asks_judge(config)


def test_a_kind_that_is_forgotten_ends_the_import(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verdict, "Kind", Literal["math", "code", "poetry"])
    with pytest.raises(AssertionError, match="poetry"):
        runpy.run_path(str(by_kind.__file__))


def test_an_entry_whose_section_is_forgotten_ends_the_import():
    with pytest.raises(AttributeError, match="poetry"):
        dataclasses.replace(KINDS["chat"], section=lambda config: config.poetry)  # type: ignore[attr-defined]


def test_a_kind_that_takes_the_entry_of_another_ends_the_import(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(by_kind, "_entry", lambda kind: KINDS["science"])
    with pytest.raises(TypeError, match=r"kind math has not the settings verification\.math"):
        by_kind.own_entry("math")


def test_a_check_of_no_kind_is_nobodys_and_not_the_judges():
    judge, reward = RuleJudge({"": ["Score: 5"]}), LengthReward()
    unknown = of("poetry")  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="poetry"):
        list(verify([unknown], Verifiers(judge, reward), CONFIG, RowMemory()))
    assert (judge.calls, reward.calls) == ([], [])


def test_what_rules_leave_open_and_no_model_decides_waits(monkeypatch: pytest.MonkeyPatch):
    silent = dataclasses.replace(KINDS["instruction"], rules=None)
    monkeypatch.setitem(KINDS, "instruction", silent)  # type: ignore[arg-type]
    judge, reward = RuleJudge({"": ["Score: 5"]}), LengthReward()
    (given,) = verify([of("instruction")], Verifiers(judge, reward), CONFIG, RowMemory())
    assert (given.status, given.reason) == ("error", "undecided")
    assert (judge.calls, reward.calls) == ([], [])
