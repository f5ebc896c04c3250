"""Verification: is a response right? One verdict a check, with its reason and evidence.

`verify` is the way in. Verdicts say `pass`, `fail` (the response), `unverifiable` (the sample) or
`error` (our side: retried, then pending); they are never mixed up.
"""

from am_assets.core.runner import CodeRunner, IsolationMissing
from am_assets.core.settings.verification import Verification
from am_assets.stages.verification.rules import RuleRunner
from am_assets.stages.verification.verify import Verifiers, verify

__all__ = [
    "CodeRunner",
    "IsolationMissing",
    "RuleRunner",
    "Verification",
    "Verifiers",
    "verify",
]
