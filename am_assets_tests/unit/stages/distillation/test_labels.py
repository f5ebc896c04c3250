import json
import random

from hypothesis import given
from hypothesis import strategies as st

from am_assets.core.requests import GenerationRequest
from am_assets.core.settings.distillation import Labels
from am_assets.stages.distillation.labels import Label, keeps, parse_label
from am_assets_tests.support.fakes import ScriptedEngine, labelled, prompts, sample_key

CONFIG = Labels(
    template="Label {braces} {prompt}",
    categories=["math", "information seeking", "others"],
    keep={"easy": 0.3},
)


def _count(text: str) -> int:
    return len(text.split())


def test_category_and_difficulty_are_read_from_the_reply():
    reply = "Sure.\n**Category**: Information  Seeking\nDifficulty: very hard."
    assert parse_label(reply, CONFIG.categories) == Label("information seeking", "very hard")


def test_a_category_the_profile_does_not_know_is_not_read():
    assert parse_label("category: cooking\ndifficulty: easy", CONFIG.categories) is None


def test_a_prompt_with_braces_is_put_into_the_template_as_it_is():
    engine = ScriptedEngine(lambda request: "category: math\ndifficulty: hard")
    labelled(prompts({"prompt": "{0} {prompt} {x}"}), engine, CONFIG, _count)
    assert engine.asked[0].messages[0]["content"] == "Label {braces} {0} {prompt} {x}"


def test_an_unread_reply_is_asked_once_more_and_then_kept_without_difficulty():
    engine = ScriptedEngine(lambda request: "I refuse")
    rows = labelled(prompts({"prompt": "one"}), engine, CONFIG, _count).to_pylist()
    assert [request.sample_index for request in engine.asked] == [0, 1]
    assert (rows[0]["category"], rows[0]["difficulty"]) == ("others", None)
    assert rows[0]["decision"] == "kept"
    assert json.loads(rows[0]["evidence"]) == {"unparsed": True}


def test_the_second_reply_counts_when_the_first_cannot_be_read():
    def reply(request: GenerationRequest) -> str:
        return "category: math\ndifficulty: hard" if request.sample_index else "hm"

    rows = labelled(prompts({"prompt": "one"}), ScriptedEngine(reply), CONFIG, _count)
    assert rows["category"].to_pylist() == ["math"]
    assert rows["evidence"].to_pylist() == [None]


def test_an_engine_error_leaves_the_sample_pending():
    engine = ScriptedEngine(lambda request: RuntimeError("out of memory"))
    row = labelled(prompts({"prompt": "one"}), engine, CONFIG, _count).to_pylist()[0]
    assert (row["decision"], row["reason"]) == ("pending", "server_error")
    assert json.loads(row["evidence"]) == {"error": "out of memory"}


def test_without_an_engine_everything_is_kept_and_unlabelled():
    row = labelled(prompts({"prompt": "two words"}), None, CONFIG, _count).to_pylist()[0]
    assert (row["category"], row["difficulty"], row["decision"]) == (None, None, "kept")
    assert (row["prompt_tokens"], row["language"]) == (2, "en")


def test_samples_with_the_same_prompt_share_one_request():
    engine = ScriptedEngine(lambda request: "category: math\ndifficulty: hard")
    table = prompts({"prompt": "same"}, {"prompt": "same", "sample_id": sample_key("other")})
    rows = labelled(table, engine, CONFIG, _count)
    assert len(engine.asked) == 1
    assert rows["category"].to_pylist() == ["math", "math"]


def test_down_sampled_samples_are_dropped_rows_not_missing_ones():
    engine = ScriptedEngine(lambda request: "category: math\ndifficulty: easy")
    table = prompts(*({"prompt": f"prompt {index}"} for index in range(300)))
    rows = labelled(table, engine, CONFIG, _count).to_pylist()
    dropped = [row for row in rows if row["decision"] == "dropped"]
    assert len(rows) == 300
    assert {row["reason"] for row in dropped} == {"down_sampled"}
    assert 180 <= len(dropped) <= 240


@given(
    st.lists(st.text(min_size=1), min_size=1, unique=True),
    st.floats(0, 1),
    st.floats(0, 1),
    st.randoms(),
)
def test_down_sampling_depends_on_the_id_alone_and_grows_with_the_share(
    ids: list[str], one: float, other: float, rng: random.Random
):
    small, large = sorted((one, other))
    few = {key for key in ids if keeps(key, "easy", {"easy": small})}
    rng.shuffle(ids)
    many = {key for key in ids if keeps(key, "easy", {"easy": large})}
    assert few <= many
    assert all(keeps(key, "hard", {"easy": 0.0}) for key in ids)


@given(st.integers(0, 1000), st.randoms())
def test_labels_do_not_depend_on_the_order_of_rows_or_answers(seed: int, rng: random.Random):
    def reply(request: GenerationRequest) -> str | Exception:
        last = int(request.request_key[-1], 16)
        if last < 3:
            return RuntimeError("broken")
        return "?" if last < 6 else "category: math\ndifficulty: easy"

    rows = [{"prompt": f"prompt {index}"} for index in range(20)]
    expected = labelled(prompts(*rows), ScriptedEngine(reply), CONFIG, _count)
    rng.shuffle(rows)
    table = prompts(*rows)
    shuffled = table.take(rng.sample(range(len(rows)), len(rows)))
    assert labelled(shuffled, ScriptedEngine(reply, seed), CONFIG, _count) == expected
