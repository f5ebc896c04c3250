from am_assets.core.memory import RowMemory
from am_assets.core.usage import Meter
from am_assets.stages.training.perplexity import remembered_perplexity


def test_a_text_is_scored_once_and_comes_back_bit_for_bit():
    memory, asked = RowMemory(), []

    def score(prompt: str, answer: str) -> float:
        asked.append((prompt, answer))
        return 1 / 3 + len(answer)

    def run(model: str = "m") -> tuple[list[float], Meter]:
        meter = Meter("perplexity")
        of = remembered_perplexity(score, model, memory, meter)
        return [of("s1", "p", "a"), of("s2", "p", "a"), of("s1", "p", "bb")], meter

    first, _ = run()
    again, meter = run()
    assert again == first == [1 / 3 + 1, 1 / 3 + 1, 1 / 3 + 2]
    assert len(asked) == 2
    assert (meter.made, meter.reused) == (0, 3)
    run("another model")
    assert len(asked) == 4
    memory.erase(["s2"])
    run()
    assert asked[4:] == [("p", "a")]
