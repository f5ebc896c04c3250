"""embedding_index: one vector a prompt, versioned as Parquet and served from LanceDB (AM 2.1.4)."""

from collections import Counter

from am_assets.core.ledger import Ledger
from am_assets.core.profile import Profile
from am_assets.core.run import Inputs, Run
from am_assets.core.schema import embedding_schema
from am_assets.core.stage import SOURCE_WEEK, Built, Key
from am_assets.defs.artifact import artifact
from am_assets.defs.assets.prompts import prompts
from am_assets.stages.embedding.embed import COLUMNS, embed_prompts
from am_assets.stages.embedding.index import Partition
from am_assets.stages.embedding.neighbors import open_index


def index(run: Run, built: Built, root: str) -> None:
    """Replace this partition in the derived LanceDB table; idempotent."""
    where = Partition(
        run.key["source"], run.key["week"], root, run.folder / "embedding_index.parquet"
    )
    open_index(run.root, run.profile.name).replace_partition(where)


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"embedding": profile.embedding.model_dump(mode="json")}


@artifact(
    SOURCE_WEEK,
    reads=(prompts.same(),),
    config=_config,
    models=("embedding",),
    derive=index,
    sample_tables=("embedding_index",),
    group_name="prompts",
    kinds={"dvc", "lancedb"},
)
def embedding_index(run: Run, prompts: Inputs) -> Built:
    """Unit vectors of the cleaned prompts. The versioned truth is Parquet; the LanceDB table
    derived from it carries the same root and answers nearest-neighbor questions.
    """
    engine = run.engines.embedding()
    rows = prompts.rows_kept
    with run.writer(embedding_schema(engine.dimension)) as writer:
        pieces = embed_prompts(
            prompts.batches(COLUMNS),
            engine,
            run.memory,
            run.profile.embedding,
            writer.add,
            run.meter("embedding", rows, "prompts", engine.gpus),
        )
        table = writer.finish()
    return Built([table], Ledger(rows, table.num_rows), counts=_windows(pieces))


def _windows(pieces: Counter[int]) -> dict[str, object]:
    """Prompts by the windows they are embedded in, and the share of those that need several."""
    long = sum(count for number, count in pieces.items() if number > 1)
    return {
        "prompts_by_windows": {str(number): pieces[number] for number in sorted(pieces)},
        "long_share": round(long / max(pieces.total(), 1), 6),
    }
