"""`am-assets restore`: the files of published artifacts, put back where they belong."""

from am_assets.cli.group import fail, main, profile_option, say


@main.command()
@profile_option
def restore(profile: str) -> None:
    """Bring data/, the DVC cache and the vector index in line with the data branch.

    Contents are compared, not only sizes. What is whole in one place mends the others; what is
    whole nowhere is listed, and the rest is brought in line all the same. In a new clone the first
    call writes the pointers that `dvc fetch` goes by.

    \b
    Example (in a new clone, or after deleting data/):
      am-assets restore; dvc fetch; am-assets restore
    """
    from am_assets.core.profile import load_profile
    from am_assets.core.store import Store, find_root
    from am_assets.stages.embedding.neighbors import open_index, published_partitions

    store = Store(find_root(), load_profile(profile).name)
    snapshot = store.snapshot()
    refs, restored, lost = snapshot.refs(), 0, list[str]()
    for manifest in snapshot.manifests(refs).values():
        if problems := store.mend(manifest, thorough=True):
            store.point(manifest)
            lost += problems
        else:
            restored += store.restore(manifest, thorough=True)
    say(f"{len(refs)} artifacts published, {restored} brought in line")
    for problem in lost:
        say(problem)
    if lost:
        fail(
            f"{len(lost)} files are whole in no place of this clone: run `dvc fetch`, then this "
            "command again, or materialize their artifacts again"
        )
    partitions = published_partitions(snapshot)
    indexed = open_index(store.root, store.profile).restore(partitions)
    say(f"{len(partitions)} partitions in the vector index, {indexed} brought in line")
