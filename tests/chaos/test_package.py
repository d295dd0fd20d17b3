"""From the package alone: a wheel in an environment of its own brings `highroad up`, the networks and the page."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.chaos.process import Up

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, which is built from here: what that one lacks, this one lacks too. The
    kernels are compiled like any, but not optimised: how quick they are is not asked here.
    """
    folder = tmp_path_factory.mktemp("dist")
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "build", "--quiet", "--no-build-isolation", "--python", sys.executable]
    environment = {**os.environ, "SKBUILD_CMAKE_BUILD_TYPE": "Debug"}
    subprocess.run([*command, "--out-dir", str(folder), str(ROOT)], check=True, env=environment)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_the_page_the_networks_and_the_licences(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "highroad/api/portal/index.html",
        "highroad/data/networks/us.yaml",
        "highroad/data/networks/global.yaml",
        "highroad/data/README.md",
        "highroad/storage/migrations/versions/0001_first.py",
        "highroad/py.typed",
    ):
        assert part in names, part
    assert any(name.startswith("highroad/data/LICENSES/") for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "node_modules" in name or name.startswith("tests")]


def test_the_wheel_carries_what_the_checkout_has_and_is_for_this_platform(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    src = ROOT / "src"
    kept = [path.relative_to(src) for path in (src / "highroad").rglob("*") if path.is_file()]
    assert {
        str(path) for path in kept if path.suffix not in (".pyc", ".so") and path.parent.name != "kernels"
    } - names == set()
    assert not [name for name in names if "/kernels/" in name]
    compiled = {
        f"highroad/{name}{sysconfig.get_config_var('EXT_SUFFIX')}" for name in ("graph/_kernels", "lab/delay/_loop")
    }
    assert {name for name in names if name.endswith(".so")} == compiled
    assert wheel.stem.endswith("_" + sysconfig.get_platform().rpartition("-")[2])


def test_an_editable_install_is_a_path_and_hides_no_other(tmp_path: Path) -> None:
    script = "import backend, sys; backend.build_editable(sys.argv[1])"
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT / "packaging")}, capture_output=True, check=True)
    (built,) = tmp_path.glob("*.whl")
    archive = zipfile.ZipFile(built)
    assert [name for name in archive.namelist() if ".dist-info/" not in name] == ["_highroad.pth"]
    assert archive.read("_highroad.pth").decode() == f"{ROOT / 'src'}\n"


def test_up_from_the_package_alone(wheel: Path, tmp_path: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    venv = tmp_path / "venv"
    python = str(venv / "bin" / "python")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.txt")], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    up = Up(tmp_path / "home", "--bare", executable=(str(venv / "bin" / "highroad"),))
    try:
        page = httpx.get(up.ready["url"])
        assert page.status_code == 200
        assert "<title>Highroad" in page.text
        assert len(up.operator.get("/v1/network").json()["sites"]) == 123
        body = {"from": "campus-boise", "to": "gcp-us-central1", "bandwidth_gbps": 10}
        assert up.tenant.post("/v1/services", json=body).status_code == 201
    finally:
        assert up.stop() == 0
