"""The mini models as shipped: small, loadable, and doing what their docs say."""

import random
from operator import eq
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from click.testing import CliRunner
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from am_assets.core.protocol import SYSTEM_PROMPT, parse_response
from am_assets.mini.problems.sampling import Kind, sample_problem
from am_assets.mini.train import main
from am_assets.mini.training.instructions import judge_prompt, label_prompt
from am_assets.mini.training.loop import rate_factor
from am_assets.mini.training.ratings import render_rated
from am_assets.mini.training.recipes import MODEL_NAMES, SHIPPED
from am_assets.mini.training.tokenizer import render_prompt

KINDS: tuple[Kind, ...] = ("math", "code", "science", "instruction", "chat")


def replies(name: str, prompts: list[str]) -> list[str]:
    """Greedy replies of a shipped causal model to rendered prompts."""
    folder = SHIPPED / name
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    encoded = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    tokens = cast("Any", model).generate(**encoded, do_sample=False, max_new_tokens=160)
    return tokenizer.batch_decode(
        tokens[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True
    )


def prompts_of_every_kind(count: int) -> list[str]:
    return [
        sample_problem(kind, random.Random(number), "benchmark").prompt
        for kind in KINDS
        for number in range(count)
    ]


def test_all_models_together_are_smaller_than_12_mb() -> None:
    files = [file for name in MODEL_NAMES for file in (SHIPPED / name).rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 12_000_000


def test_the_teacher_answers_in_the_response_format() -> None:
    prompts = [render_prompt(prompt, SYSTEM_PROMPT) for prompt in prompts_of_every_kind(2)]
    assert all(parse_response(reply) is not None for reply in replies("teacher", prompts))


def test_the_base_answers_without_the_response_format() -> None:
    prompts = [render_prompt(prompt, SYSTEM_PROMPT) for prompt in prompts_of_every_kind(1)]
    assert all(parse_response(reply) is None for reply in replies("base", prompts))


def test_the_instruct_model_labels_tasks() -> None:
    problem = sample_problem("code", random.Random(1), "benchmark")
    [reply] = replies("instruct", [render_prompt(label_prompt(problem.prompt))])
    assert reply.splitlines()[0] == "category: coding"
    assert reply.splitlines()[1].startswith("difficulty: ")


@pytest.mark.parametrize("kind", ["math", "science"])
def test_the_instruct_model_tells_right_answers_from_wrong_ones(kind: Kind) -> None:
    prompts, expected = [], []
    for number in range(12):
        problem = sample_problem(kind, random.Random(number), "benchmark")
        other = sample_problem(kind, random.Random(100 + number), "benchmark")
        reference = problem.reference_answer or ""
        for answer in (problem.answer, f"The answer is {reference}.", other.answer):
            prompts.append(render_prompt(judge_prompt(problem.prompt, reference, answer)))
            expected.append(answer != other.answer or other.answer == problem.answer)
    judged = [reply == "score: 5" for reply in replies("instruct", prompts)]
    right = sum(map(eq, judged, expected))
    assert right >= 0.9 * len(prompts)


def test_the_reward_model_tells_a_good_answer_from_a_shuffled_and_an_empty_one() -> None:
    folder = SHIPPED / "reward"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    assert list(model.config.id2label.values()) == ["coherence", "correctness", "helpfulness"]
    problem = sample_problem("chat", random.Random(4), "benchmark")
    shuffled = problem.answer.split()
    random.Random(0).shuffle(shuffled)
    answers = [problem.answer, " ".join(shuffled), ""]
    encoded = tokenizer(
        [render_rated(problem.prompt, answer) for answer in answers],
        return_tensors="pt",
        padding=True,
    )
    with torch.inference_mode():
        together = model(**encoded).logits
        alone = model(**tokenizer(render_rated(problem.prompt, ""), return_tensors="pt")).logits
    good, *spoilt = (together.clamp(0, 4).sum(dim=1) / 12).tolist()
    assert good > 0.7
    assert max(spoilt) < 0.7
    torch.testing.assert_close(together[2:], alone, atol=1e-3, rtol=0)


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    factors = [rate_factor(step, 100) for step in range(101)]
    assert max(factors) == 1.0
    assert factors[0] < 0.5
    assert factors[100] == 0.0


def test_training_a_model_without_its_base_names_the_remedy(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--model", "teacher", "--out", str(tmp_path)])
    assert result.exit_code != 0
    assert "train `base` first" in result.output


@pytest.mark.slow
def test_the_recipe_runs_from_scratch_and_saves_models_that_load(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["--out", str(tmp_path), "--scale", "0.0005", "--threads", "1"]
    )
    assert result.exit_code == 0, result.output
    for name in ("base", "teacher", "instruct"):
        model = AutoModelForCausalLM.from_pretrained(tmp_path / name)
        assert model.config.architectures == ["Qwen2ForCausalLM"]
        assert model.dtype == torch.bfloat16
    reward = AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward")
    assert reward.config.architectures == ["Qwen2ForSequenceClassification"]
