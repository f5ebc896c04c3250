"""TRL itself, on a random model: equal inputs, bit-equal weights."""

import json
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest
from safetensors.torch import load_file
from transformers import AutoTokenizer

from am_assets.core.schema import SFT
from am_assets.core.settings.training import Recipe
from am_assets.stages.training.train import checkpoint_root, train
from am_assets_tests.support import tiny_models

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.causal(tmp_path_factory.mktemp("base"))


def _sft(count: int = 24, decision: str = "kept") -> pa.Table:
    return SFT.table(
        {
            "sample_id": f"s{index:02}",
            "messages": [{"role": "user", "content": f"{index} + 1"}],
            "response": f"<think>one more</think><answer>{index + 1}</answer>",
            "decision": decision,
        }
        for index in range(count)
    )


def _recipe(kind: Literal["base", "full", "lora"], **changes: Any) -> Recipe:
    settings = {"epochs": 1, "max_length": 512, "batch_size": 8, "learning_rate": 1e-3}
    return Recipe(kind=kind, **(settings | changes))


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_two_trainings_give_bit_equal_weights_in_any_row_order(
    base: Path, tmp_path: Path, kind: Literal["full", "lora"]
):
    table = _sft()
    first = train(table, _recipe(kind), base, tmp_path / "one", threads=1)
    reversed_rows = table.take(list(range(len(table)))[::-1])
    second = train(reversed_rows, _recipe(kind), base, tmp_path / "two", threads=1)
    assert first == second
    assert checkpoint_root(tmp_path / "one") == checkpoint_root(tmp_path / "two")
    assert checkpoint_root(tmp_path / "one") != checkpoint_root(base)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(one[name].equal(two[name]) for name in one)


def test_another_seed_gives_other_weights(base: Path, tmp_path: Path):
    train(_sft(), _recipe("full"), base, tmp_path / "one", threads=1)
    train(_sft(), _recipe("full", seed=18), base, tmp_path / "two", threads=1)
    assert checkpoint_root(tmp_path / "one") != checkpoint_root(tmp_path / "two")


def test_a_checkpoint_is_complete_and_its_loss_curve_is_kept(base: Path, tmp_path: Path):
    seen: list[int] = []
    metrics = train(
        _sft(),
        _recipe("lora", epochs=2),
        base,
        tmp_path / "out",
        threads=1,
        progress=lambda step, steps, loss: seen.append(step),
    )
    assert metrics.examples == 24
    assert metrics.steps == len(metrics.loss) == 6
    assert seen == [1, 2, 3, 4, 5, 6]
    assert metrics.loss[-1] < metrics.loss[0]
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written["loss"] == metrics.loss
    assert (tmp_path / "out" / "adapter" / "adapter_config.json").is_file()
    trained = load_file(tmp_path / "out" / "model.safetensors")
    assert set(trained) == set(load_file(base / "model.safetensors"))
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path / "out"))
    assert tokenizer.chat_template == tiny_models.CHAT_TEMPLATE


def test_loss_is_on_the_response_only(base: Path, tmp_path: Path):
    rows = _sft().to_pylist()
    for row in rows:
        row["messages"] = [{"role": "user", "content": "the same prompt for all"}]
        row["response"] = "<think>a</think><answer>b</answer>"
    prompts_differ = [row | {"messages": [{"role": "user", "content": "y" * 60}]} for row in rows]
    settings = {"epochs": 10, "learning_rate": 5e-3}
    one = train(SFT.table(rows), _recipe("full", **settings), base, tmp_path / "a", threads=1)
    two = train(
        SFT.table(prompts_differ), _recipe("full", **settings), base, tmp_path / "b", threads=1
    )
    # Were the prompt's tokens learned, the longer prompt would dominate the mean loss.
    assert one.loss[0] == pytest.approx(two.loss[0], rel=0.5)
    assert one.loss[-1] < 0.5 * one.loss[0]


def test_dropped_rows_are_not_taught_and_nothing_to_teach_is_an_error(base: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="no kept row"):
        train(_sft(decision="dropped"), _recipe("full"), base, tmp_path / "out")


def test_the_recipe_base_is_the_base_model_itself(base: Path, tmp_path: Path):
    metrics = train(_sft(0), _recipe("base"), base, tmp_path / "out")
    assert checkpoint_root(tmp_path / "out") == checkpoint_root(base)
    assert (metrics.examples, metrics.steps, metrics.loss) == (0, 0, [])
