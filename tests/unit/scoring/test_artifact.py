from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from relearn.errors import ArtifactError
from scoring import artifact
from scoring.container import Container
from tests.support import bombs

Meta = dict[str, Any]


@pytest.fixture
def folder(trained: Container, tmp_path: Path) -> Path:
    for name in (artifact.ONNX, artifact.META):
        (tmp_path / name).write_bytes((trained.model / name).read_bytes())
    return tmp_path


def rewrite(folder: Path, change: Callable[[Meta], object]) -> None:
    path = folder / artifact.META
    meta = json.loads(path.read_text(encoding="utf-8"))
    change(meta)
    path.write_text(json.dumps(meta), encoding="utf-8")


def tar_of(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def files_of(folder: Path, prefix: str = "") -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(tarfile.TarInfo(prefix + path.name), path.read_bytes()) for path in sorted(folder.iterdir())]


def test_an_artifact_as_written_is_read(folder: Path) -> None:
    read = artifact.load(folder)
    assert read.spec.name == "iris"
    assert read.classes == ("setosa", "versicolor", "virginica")


def test_a_graph_that_was_changed_is_refused(folder: Path) -> None:
    with (folder / artifact.ONNX).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(
        ArtifactError, match=f"{artifact.ONNX} has SHA-256 [0-9a-f]{{64}}, but {artifact.META} says "
    ):
        artifact.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda meta: meta.update(format=2), "format 2; allowed: 1"),
        (lambda meta: meta["spec"]["columns"][0].update(name="other"), "does not have the digest"),
        (lambda meta: meta.update(spec_digest="0"), "does not have the digest"),
        (lambda meta: meta["spec"]["metric"].update(minimum="much"), "metric.minimum"),
        (lambda meta: meta.update(classes=["setosa"]), "lists classes"),
        (lambda meta: meta.pop("inputs"), "not a model's description"),
        (
            lambda meta: meta.update(threshold={"label": "setosa", "probability": 0.1}),
            "has the threshold 0.1; allowed: a float32 above 0, at most 1",
        ),
        (
            lambda meta: meta.update(threshold={"label": "setosa", "probability": 0.5}),
            "has a threshold of setosa; allowed: one of two classes",
        ),
        (lambda meta: meta.update(reach=0), "reach 0.0; allowed: a finite number above 0, or null"),
        (lambda meta: meta.update(spec=[]), "not a model's description"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    folder: Path, change: Callable[[Meta], object], message: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(ArtifactError, match=message):
        artifact.load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\x80\x04N."])
def test_a_description_that_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / artifact.META).write_bytes(content)
    with pytest.raises(ArtifactError):
        artifact.load(folder)


@pytest.mark.parametrize("name", [artifact.ONNX, artifact.META])
def test_an_artifact_without_a_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"the artifact in {folder} cannot be read: .*{name}"):
        artifact.load(folder)


def test_an_input_that_the_spec_lacks_is_refused_before_it_serves(folder: Path) -> None:
    rewrite(folder, lambda meta: meta["inputs"][0]["columns"].append("other"))
    with pytest.raises(ArtifactError, match="'other', which is no input"):
        artifact.load(folder).scorer()


def test_a_graph_that_onnxruntime_does_not_know_is_refused(folder: Path) -> None:
    (folder / artifact.ONNX).write_bytes(b"not a graph")
    rewrite(folder, lambda meta: meta.update(onnx_sha256=artifact.sha256(b"not a graph")))
    with pytest.raises(ArtifactError, match="does not load"):
        artifact.load(folder).scorer()


def test_the_record_of_what_was_learnt_is_part_of_the_digest_and_read_by_jobs_alone(
    folder: Path, tmp_path: Path
) -> None:
    without = artifact.load(folder)
    (folder / artifact.LEARNT).write_bytes(b"{}")
    served = artifact.load(folder)
    path = tar_of(tmp_path / "model.tar.gz", files_of(folder))
    compared = artifact.read_tar(path)
    with path.open("rb") as file:
        held = artifact.read_stream(file, path.name)
    assert (
        served.contents_sha256 == compared.contents_sha256 == held.contents_sha256 != without.contents_sha256
    )
    assert (served.learnt, held.learnt, compared.learnt, without.learnt) == (None, None, b"{}", None)
    made = artifact.make(served.onnx, served.meta, b"{}")
    assert made.contents_sha256 == served.contents_sha256


def with_twin(folder: Path) -> bytes:
    """Put the twin of a model fitted again beside it: the same graph under another description; return it."""
    served = (folder / artifact.ONNX).read_bytes()
    twin = onnx_of(served)
    meta = json.loads((folder / artifact.META).read_text(encoding="utf-8"))
    told = {name: meta[name] for name in ("inputs", "classes")}
    told |= {"onnx_sha256": artifact.sha256(twin), artifact.REACH: 5.0}
    artifact.write(folder, served, {**meta, artifact.TWIN_META: told}, None, twin)
    return twin


def onnx_of(content: bytes) -> bytes:
    """Return another graph that answers the same."""
    graph = onnx.load_from_string(content)
    graph.doc_string = "the twin"
    return bytes(graph.SerializeToString())


def test_a_twin_is_part_of_the_digest_and_read_by_jobs_alone(folder: Path, tmp_path: Path) -> None:
    without = artifact.load(folder)
    twin = with_twin(folder)
    served = artifact.load(folder)
    path = tar_of(tmp_path / "model.tar.gz", files_of(folder))
    compared = artifact.read_tar(path)
    with path.open("rb") as file:
        held = artifact.read_stream(file, path.name)
    assert served.contents_sha256 == compared.contents_sha256 == held.contents_sha256
    assert served.contents_sha256 != without.contents_sha256
    assert (served.twin, held.twin, compared.twin) == (None, None, twin)
    assert artifact.make(served.onnx, served.meta, None, twin).contents_sha256 == served.contents_sha256


def test_what_was_judged_of_a_model_fitted_again_is_its_twin(folder: Path, tmp_path: Path) -> None:
    twin = with_twin(folder)
    found = artifact.read_tar(tar_of(tmp_path / "model.tar.gz", files_of(folder)))
    assert (found.onnx, found.reach) == ((folder / artifact.ONNX).read_bytes(), None)
    assert (found.judged().onnx, found.judged().reach) == (twin, 5.0)


def test_what_was_judged_of_any_other_model_is_what_serves(folder: Path) -> None:
    found = artifact.load(folder)
    assert found.judged() is found


def test_a_server_has_not_read_what_was_judged(folder: Path) -> None:
    with_twin(folder)
    with pytest.raises(ArtifactError, match=r"^twin\.onnx was not read$"):
        artifact.load(folder).judged()


@pytest.mark.parametrize("content", [b"another", None])
def test_a_twin_that_was_changed_or_taken_away_is_refused(
    folder: Path, tmp_path: Path, content: bytes | None
) -> None:
    with_twin(folder)
    (folder / artifact.TWIN).unlink()
    if content is not None:
        (folder / artifact.TWIN).write_bytes(content)
    said = r"twin\.onnx has SHA-256 \w+, but model\.json says "
    with pytest.raises(ArtifactError, match=said):
        artifact.load(folder)
    with pytest.raises(ArtifactError, match=said):
        artifact.read_tar(tar_of(tmp_path / "model.tar.gz", files_of(folder)))


@pytest.mark.parametrize("prefix", ["", "./"])
def test_an_archive_is_read_as_sagemaker_packs_it(folder: Path, tmp_path: Path, prefix: str) -> None:
    path = tar_of(tmp_path / "model.tar.gz", files_of(folder, prefix))
    assert artifact.read_tar(path).spec.name == "iris"


@pytest.mark.parametrize("name", ["../model.onnx", "/model.onnx", "deep/model.onnx"])
def test_a_file_elsewhere_in_an_archive_is_not_the_model(folder: Path, tmp_path: Path, name: str) -> None:
    members = [(info, content) for info, content in files_of(folder) if info.name == artifact.META]
    members.append((tarfile.TarInfo(name), (folder / artifact.ONNX).read_bytes()))
    with pytest.raises(ArtifactError, match=r"the artifact has no model\.onnx|is outside of it"):
        artifact.read_tar(tar_of(tmp_path / "model.tar.gz", members))


def test_a_link_in_an_archive_is_refused(folder: Path, tmp_path: Path) -> None:
    link = tarfile.TarInfo(artifact.META)
    link.type, link.linkname = tarfile.SYMTYPE, str(folder / artifact.META)
    members = [(info, content) for info, content in files_of(folder) if info.name == artifact.ONNX]
    with pytest.raises(ArtifactError, match=r"holds a link, 'model\.json'"):
        artifact.read_tar(tar_of(tmp_path / "model.tar.gz", [*members, (link, b"")]))


@pytest.mark.parametrize("name", [artifact.ONNX, artifact.META])
def test_a_link_in_a_folder_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match=f"{name} is a link; allowed: a file"):
        artifact.load(folder)


@pytest.mark.parametrize("bomb", [bombs.pax_bomb, bombs.long_name_bomb, bombs.many_members])
def test_a_bomb_in_the_headers_of_an_archive_is_refused_in_little_memory(
    tmp_path: Path, bomb: Callable[[], bytes]
) -> None:
    (tmp_path / "bomb.tar.gz").write_bytes(bomb())
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match=r"bomb\.tar\.gz"):
            artifact.read_tar(tmp_path / "bomb.tar.gz")
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("what", list(bombs.ABSURD_JSON))
def test_a_description_of_absurd_json_is_refused(folder: Path, what: str) -> None:
    (folder / artifact.META).write_bytes(bombs.ABSURD_JSON[what])
    with pytest.raises(ArtifactError, match=r"model\.json"):
        artifact.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: meta["spec"]["target"].update(values=[["setosa"], ["versicolor"]]),
        lambda meta: meta["spec"]["columns"][0].update(minimum=10**18, maximum=-(10**18)),
        lambda meta: meta["spec"]["training"].update(holdout=10**18),
        lambda meta: meta.update(classes=["setosa", 1, None]),
        lambda meta: meta.update(classes="setosa"),
        lambda meta: meta.update(inputs=[{"name": ["x"], "type": "float32", "columns": []}]),
        lambda meta: meta.update(inputs=[{"name": "x", "type": "float32", "columns": [{}]}]),
    ],
)
def test_a_description_of_other_types_is_refused(folder: Path, change: Callable[[Meta], object]) -> None:
    rewrite(folder, change)
    with pytest.raises(ArtifactError):
        artifact.load(folder)


def test_an_archive_that_unpacks_to_too_much_is_refused(folder: Path, tmp_path: Path) -> None:
    padding = (tarfile.TarInfo("padding"), b"\0" * 2_000_000)
    path = tar_of(tmp_path / "model.tar.gz", [padding, *files_of(folder)])
    assert path.stat().st_size < 100_000
    with pytest.raises(ArtifactError, match="allowed: 1000000"):
        artifact.read_tar(path, max_bytes=1_000_000)


def test_an_archive_that_was_cut_off_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tar_of(tmp_path / "model.tar.gz", files_of(folder))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ArtifactError):
        artifact.read_tar(path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(ArtifactError):
        artifact.read_tar(tmp_path / "model.tar.gz")
