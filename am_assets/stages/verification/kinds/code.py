"""Code: a program is run against the sample's tests in the sandbox."""

from collections.abc import Sequence

from am_assets.core.runner import Language
from am_assets.core.settings.verification import Verification
from am_assets.core.verdict import Check
from am_assets.stages.verification.code.check import VERIFIER, check_code
from am_assets.stages.verification.code.controls import CodeCheck, ControlledCode
from am_assets.stages.verification.code.program import LanguageUnsupported, language_of
from am_assets.stages.verification.kind import Answered, Tools, VerificationKind, never, stands
from am_assets.stages.verification.nesting import too_deep
from am_assets.stages.verification.outcome import Outcome


def _rules(batch: Sequence[Answered], config: Verification, tools: Tools) -> list[Outcome]:
    programs: dict[int, CodeCheck] = {}
    for place, one in enumerate(batch):
        if not too_deep(one.check.test_case):
            programs[place] = CodeCheck(one.answer, one.check.test_case)
    # Together: control tasks ride with them.
    judged = dict(zip(programs, _judged(list(programs.values()), config, tools), strict=True))
    refused = VERIFIER.unverifiable("malformed_test_case", detail="it is nested too deeply")
    return [judged.get(place, refused) for place in range(len(batch))]


def _judged(batch: Sequence[CodeCheck], config: Verification, tools: Tools) -> list[Outcome]:
    if tools.code is None or not batch:
        return [check_code(one.answer, one.test_case, None, config.code) for one in batch]
    return tools.code.check(batch, config.code)


def _language(check: Check) -> Language | None:
    if not isinstance(check.test_case, dict):
        return None
    try:
        return language_of(check.test_case)
    except LanguageUnsupported:
        return None


CODE = VerificationKind(
    section=lambda config: config.code,
    rules=_rules,
    made_with=(ControlledCode,),
    together=4,
    language=_language,
    asks_judge=never,
    asks_reward=False,
    left=stands,
    short_answers=False,
)
