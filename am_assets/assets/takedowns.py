"""takedowns: opaque ids of samples that must not be in any artifact, by source."""

from am_assets.core.config import Profile
from am_assets.core.schema import TAKEDOWNS
from am_assets.core.stage import SOURCE, Built, Key, Run, Stage
from am_assets.core.store import find_root
from am_assets.stages.takedowns import read_takedowns


def build(run: Run) -> Built:
    """Read the ids listed for the source."""
    ids = run.config["sample_ids"]
    return Built([(TAKEDOWNS, TAKEDOWNS.table({"sample_id": sample} for sample in ids))])


def forget(run: Run, built: Built, root: str) -> None:
    """Erase what engines said about these samples from the row memory."""
    del built, root
    erased = run.memory.erase(run.config["sample_ids"])
    if erased:
        run.log(f"Forgot {erased} remembered results of samples taken down")


def _config(profile: Profile, key: Key) -> dict[str, object]:
    return {"sample_ids": read_takedowns(find_root(), profile.name, key["source"])}


STAGE = Stage(
    name="takedowns",
    group="sources",
    dimensions=SOURCE,
    build=build,
    derive=forget,
    config=_config,
    kinds=("dvc",),
    description="Ids of samples taken down, one `takedowns/<profile>/<source>.txt` a source; "
    "applied as early as the capture, and to the row memory.",
)
