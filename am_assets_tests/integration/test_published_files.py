"""The bytes of artifacts over real git and real DVC: whole, put back, or told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from am_assets.cli import main
from am_assets.core.identity import table_root
from am_assets.core.manifest import Manifest, Pointer, Ref
from am_assets.core.objects import Objects, StoreError
from am_assets.core.proving import prove
from am_assets.core.schema import TAKEDOWNS
from am_assets.core.store import Store, write_table
from am_assets_tests.conftest import am_assets, dvc, git
from am_assets_tests.integration.attacking.bytes import bit_flips, cut, cuts, flip, published
from am_assets_tests.support.store_worker import WEEK, publish

ONE = Ref(asset="made", partition=("one", WEEK))
TWO = Ref(asset="made", partition=("two", WEEK))


@pytest.fixture
def store(project: Path) -> Store:
    return Store(project, "tiny", notice=lambda line: None)


def cached(store: Store, manifest: Manifest, name: str = "made.parquet") -> Path:
    return Objects(store.root).path(manifest.dvc.files[name][0])


def placed(store: Store, manifest: Manifest, name: str = "made.parquet") -> Path:
    return store.folder(manifest.ref) / "data" / name


def collect(project: Path) -> None:
    dvc(project, "gc", "-w", "-f")


# Present is not whole


def test_a_cut_object_is_seen_by_its_size_and_never_spread(store: Store) -> None:
    manifest = publish(store, ONE, "first")
    good = placed(store, manifest).read_bytes()
    cut(cached(store, manifest), len(good) // 2)
    assert not store.holds(manifest.dvc)
    assert store.mend(manifest) == []
    assert not store.restore(manifest, thorough=True)
    assert placed(store, manifest).read_bytes() == good
    assert cached(store, manifest).read_bytes() == good


def test_a_cut_list_of_files_is_made_again_from_the_manifest(store: Store) -> None:
    manifest = publish(store, ONE, "first")
    listed = Objects(store.root).path(manifest.dvc.md5)
    good = listed.read_bytes()
    cut(listed, 5)
    assert not store.holds(manifest.dvc)
    shutil.rmtree(store.root / "data")
    assert store.mend(manifest) == []
    assert listed.read_bytes() == good


def test_what_is_whole_nowhere_replaces_nothing(store: Store) -> None:
    manifest = publish(store, ONE, "first")
    flip(cached(store, manifest), 800)
    flip(placed(store, manifest), 900)
    placed(store, manifest, "sub/notes.md").unlink()
    before = placed(store, manifest).read_bytes()
    with pytest.raises(StoreError, match=r"file made.parquet of made one\|2025-01-06 is damaged"):
        store.restore(manifest)
    assert placed(store, manifest).read_bytes() == before


@pytest.mark.parametrize("damage", [lambda path: flip(path, 800), Path.unlink])
def test_a_damaged_object_is_put_back_when_it_is_read(
    store: Store, damage: Callable[[Path], None]
) -> None:
    manifest = publish(store, ONE, "first")
    store.table(manifest.dvc, "made")
    told: list[str] = []
    damage(cached(store, manifest))
    again = Store(store.root, "tiny", told.append)
    again.snapshot().manifest(ONE)
    assert again.table(manifest.dvc, "made")["text"].to_pylist() == ["first"] * 3
    assert "made.parquet of made one|2025-01-06 was" in told[0]
    assert len(told) == 1


def test_the_remedy_of_a_damaged_object_works(store: Store, tmp_path: Path) -> None:
    manifest = publish(store, ONE, "first")
    dvc(store.root, "remote", "add", "-d", "local", str(tmp_path / "remote"))
    dvc(store.root, "push")
    flip(cached(store, manifest), 800)
    flip(placed(store, manifest), 800)
    with pytest.raises(StoreError, match="then fetch it with") as told:
        store.table(manifest.dvc, "made")
    assert f"remove {cached(store, manifest)}, then" in str(told.value)
    cached(store, manifest).unlink()
    dvc(store.root, "fetch")
    assert store.restore(manifest, thorough=True)
    assert store.table(manifest.dvc, "made").num_rows == 3


def test_what_is_made_again_takes_the_place_of_a_damaged_object(store: Store) -> None:
    manifest = publish(store, ONE, "first")
    flip(cached(store, manifest), 800)
    shutil.rmtree(store.folder(ONE))
    assert publish(store, TWO, "first").dvc == manifest.dvc
    assert store.table(manifest.dvc, "made").num_rows == 3


def test_restoring_compares_contents(store: Store) -> None:
    manifest = publish(store, ONE, "first")
    placed(store, manifest, "sub/notes.md").write_text("fir\0t")
    assert not store.restore(manifest)
    assert store.restore(manifest, thorough=True)
    assert placed(store, manifest, "sub/notes.md").read_text() == "first"


# Places


def test_data_may_lie_on_another_file_system(store: Store) -> None:
    elsewhere = Path("/dev/shm") / store.root.parent.name
    if not elsewhere.parent.is_dir() or elsewhere.parent.stat().st_dev == store.root.stat().st_dev:
        pytest.skip("there is no second file system here")
    elsewhere.mkdir()
    try:
        (store.root / "data").symlink_to(elsewhere)
        for text in ("first", "second"):
            manifest = publish(store, ONE, text)
            assert store.in_place(manifest, thorough=True)
        placed(store, manifest).unlink()
        assert store.restore(manifest)
        names = {path.name for path in store.folder(ONE).iterdir()}
        assert names == {"data", "data.dvc", "manifest.json"}
    finally:
        shutil.rmtree(elsewhere)


def test_what_a_killed_process_has_staged_is_removed(store: Store) -> None:
    manifest = publish(store, ONE, "first")
    left = store.folder(ONE) / ".am-staged-0"
    (left / "old").mkdir(parents=True)
    assert store.restore(manifest)
    assert not left.exists()


def _publish_kept(store: Store, text: str, between: Callable[[], None] = lambda: None) -> Manifest:
    with store.workspace() as scratch:
        folder = scratch / "data"
        folder.mkdir()
        (folder / "seal").write_text(text)
        (folder / "made").write_text(f"from {text}")
        manifest = publish(store, ONE, text).model_copy(
            update={"dvc": store.add(folder), "keeps": ("seal",)}
        )
        between()
        store.publish(manifest, {}, folder)
    return manifest


def test_collecting_while_an_artifact_is_published_loses_nothing(store: Store) -> None:
    manifest = _publish_kept(store, "captured", lambda: collect(store.root))
    assert store.holds(manifest.dvc)
    assert store.mend(manifest, thorough=True) == []


def test_collecting_after_data_was_removed_leaves_what_cannot_be_made_again(store: Store) -> None:
    manifest = _publish_kept(store, "captured")
    shutil.rmtree(store.root / "data")
    collect(store.root)
    assert not store.holds(manifest.dvc)
    assert store.file(manifest.dvc, "seal").read_text() == "captured"
    with pytest.raises(StoreError, match=r"file made of made one.* or materialize it again"):
        store.file(manifest.dvc, "made")
    (problem,) = store.mend(manifest)
    assert "file made of" in problem


def test_what_cannot_be_made_again_and_is_lost_is_not_told_to_be_made(store: Store) -> None:
    manifest = _publish_kept(store, "captured")
    for folder in ("data", ".am/kept", ".dvc/cache/files"):
        shutil.rmtree(store.root / folder)
    with pytest.raises(StoreError, match="since nothing can make it again"):
        store.file(manifest.dvc, "seal")


def test_kept_copies_of_an_older_version_go_with_it(store: Store) -> None:
    _publish_kept(store, "with a name in it")
    manifest = _publish_kept(store, "without")
    kept = [path for path in (store.root / ".am" / "kept").rglob("*") if path.is_file()]
    assert [path.read_text() for path in kept] == ["without"]
    assert kept[0].name == manifest.dvc.files["seal"][0]


# The command


def test_a_new_clone_is_told_what_to_fetch_and_then_is_whole(made: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    shutil.copytree(made, first)
    dvc(first, "remote", "add", "-d", "store", str(tmp_path / "remote"))
    git(first, "add", ".dvc/config", "tiny.yaml", "sums.jsonl", "bench.jsonl")
    git(first, "-c", "user.name=u", "-c", "user.email=u@localhost", "commit", "-qm", "Remote")
    dvc(first, "push")
    second = tmp_path / "second"
    git(tmp_path, "clone", "-q", f"file://{first}", str(second))
    told = am_assets(second, "restore", "--profile", "tiny.yaml")
    assert told.returncode == 1
    assert "took over the branch am-data of origin/am-data" in told.stderr
    assert "run `dvc fetch`, then this command again" in told.stderr
    assert "the file capture.jsonl.zst of raw_prompts" in told.stdout
    dvc(second, "fetch")
    restored = am_assets(second, "restore", "--profile", "tiny.yaml")
    assert restored.returncode == 0, restored.stderr
    assert published(second, "tiny") == published(first, "tiny")
    again = am_assets(second, "restore", "--profile", "tiny.yaml")
    assert ", 0 brought in line" in again.stdout


def test_restore_goes_on_past_what_is_lost_and_lists_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    shutil.copytree(made, project)
    monkeypatch.setenv("AM_ASSETS_ROOT", str(project))
    monkeypatch.chdir(project)
    store = Store(project, "tiny", notice=lambda line: None)
    snapshot = store.snapshot()
    lost = ("prompts.parquet", "labels.parquet")
    for ref, manifest in snapshot.manifests(snapshot.refs()).items():
        for name in set(lost) & set(manifest.dvc.files):
            cached(store, manifest, name).unlink()
            shutil.rmtree(store.folder(ref) / "data")
    (store.folder(Ref(asset="release", partition=(WEEK,))) / "data" / "README.md").unlink()
    states = CliRunner().invoke(main, ["status", "--profile", "tiny.yaml", "--json"]).stdout
    assert states.count("missing or cut in the DVC cache") == len(lost)
    result = CliRunner().invoke(main, ["restore", "--profile", "tiny.yaml"])
    assert result.exit_code == 1
    assert "1 brought in line" in result.output
    assert all(f"the file {name} of" in result.output for name in lost)
    assert "2 files are whole in no place of this clone" in result.output


# Bits that turn


@pytest.mark.attack
def test_turned_bits_and_cut_objects_are_harmless_or_named(made: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(made, project)
    outcomes = [*bit_flips(project, "tiny", 80, seed=1), *cuts(project, "tiny", 20, seed=2)]
    assert [outcome for outcome in outcomes if outcome.verdict == "broken"] == []
    assert {outcome.verdict for outcome in outcomes} == {"held", "named"}


# Roots


def test_a_table_that_is_not_what_its_root_says_is_named(tmp_path: Path) -> None:
    table = TAKEDOWNS.table({"sample_id": name} for name in ("a", "b"))
    write_table(table, tmp_path, TAKEDOWNS.name)
    entry = {"root": table_root(table, TAKEDOWNS.id_column), "rows": 2}
    prove(_manifest(entry), lambda name: tmp_path / name)
    write_table(table.slice(1), tmp_path, TAKEDOWNS.name)
    with pytest.raises(StoreError, match="table takedowns of takedowns sums has 1 rows of root"):
        prove(_manifest(entry), lambda name: tmp_path / name)


def _manifest(entry: dict[str, object]) -> Manifest:
    return Manifest(
        profile="tiny",
        ref=Ref(asset="takedowns", partition=("sums",)),
        root="r",
        tables={"takedowns": entry},
        derivation="d",
        inputs=[],
        code_version="1",
        config={},
        models={},
        complete=True,
        ledger=None,
        environment={},
        dvc=Pointer(md5="m", size=1, nfiles=1),
    )
