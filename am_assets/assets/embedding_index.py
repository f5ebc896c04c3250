"""embedding_index: one vector a prompt, versioned as Parquet and served from LanceDB (AM 2.1.4)."""

import pyarrow.parquet as pq

from am_assets.core.config import Profile
from am_assets.core.ledger import Ledger
from am_assets.core.pipeline import SOURCE_WEEK, Built, Key, Read, Run, Stage
from am_assets.core.schema import PROMPTS, embedding_schema, kept
from am_assets.stages.embedding import COLUMNS, embed_prompts
from am_assets.stages.vector_index import VectorIndex


def build(run: Run) -> Built:
    """Embed the cleaned prompts, and bring the LanceDB table in line with them."""
    engine = run.engines.embedding()
    rows = kept(run.read(PROMPTS.name)).num_rows
    with run.writer(embedding_schema(engine.dimension)) as writer:
        embed_prompts(
            run.batches(PROMPTS.name, COLUMNS),
            engine,
            run.memory,
            run.profile.embedding,
            writer.add,
            run.meter("embedding", rows, "prompts", engine.gpus),
        )
        table = writer.finish()
    return Built([table], Ledger(rows, table.num_rows))


def index(run: Run, built: Built, root: str) -> None:
    """Replace this partition in the derived LanceDB table; idempotent."""
    uri = run.root / "data" / run.profile.name / "_lancedb"
    vectors = pq.read_table(run.folder / "embedding_index.parquet")
    VectorIndex(str(uri)).replace_partition(vectors, run.key["source"], run.key["week"], root)


def _config(profile: Profile, key: Key) -> dict[str, object]:
    del key
    return {"embedding": profile.embedding.model_dump(mode="json")}


STAGE = Stage(
    name="embedding_index",
    group="prompts",
    dimensions=SOURCE_WEEK,
    build=build,
    derive=index,
    modules=("am_assets.stages.embedding",),
    reads=(Read("prompts", SOURCE_WEEK),),
    config=_config,
    models=("embedding",),
    kinds=("dvc", "lancedb"),
    description="Unit vectors of the cleaned prompts. The versioned truth is Parquet; the LanceDB "
    "table derived from it carries the same root and answers nearest-neighbour questions.",
)
