from __future__ import annotations

import json
import re

from tests.infra.synthesis import PARTS, Synthesised


def test_a_stage_without_account_and_region_fits_any(dev: Synthesised) -> None:
    for part in PARTS:
        written = json.dumps(dev.templates[part])
        assert not re.search(r"\b\d{12}\b", written), part
        assert not re.search(r"\b(us|eu|ap)-[a-z]+-\d\b", written), part


def test_no_template_names_a_partition(dev: Synthesised) -> None:
    for part in PARTS:
        assert "arn:aws:" not in json.dumps(dev.templates[part]), part


def test_a_stage_may_go_to_any_region(in_region: Synthesised) -> None:
    manifest = json.loads((in_region.folder / "manifest.json").read_text())["artifacts"]
    for part in PARTS:
        assert manifest[part]["environment"] == f"aws://123456789012/{in_region.settings.region}"


def test_all_regions_get_the_same_resources(dev: Synthesised, in_region: Synthesised) -> None:
    for part in PARTS:
        here, there = (s.templates[part]["Resources"] for s in (dev, in_region))
        assert {k: r["Type"] for k, r in here.items()} == {k: r["Type"] for k, r in there.items()}


def test_stacks_are_named_after_their_stage(dev: Synthesised) -> None:
    manifest = json.loads((dev.folder / "manifest.json").read_text())["artifacts"]
    names = [manifest[part]["properties"].get("stackName") for part in PARTS]
    assert names == [f"relearn-dev-{part.lower()}" for part in PARTS]


def test_a_protected_stage_is_not_destroyed_by_mistake(dev: Synthesised, prod: Synthesised) -> None:
    for synthesised, protected in ((dev, False), (prod, True)):
        manifest = json.loads((synthesised.folder / "manifest.json").read_text())["artifacts"]
        assert {manifest[part]["properties"].get("terminationProtection") for part in PARTS} == {protected}
