"""The house rules that a machine can hold: who imports whom, how long files are, what importing does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "highroad").rglob("*.py"))
KERNELS = sorted((ROOT / "src" / "highroad").rglob("kernels/*.[ch]pp"))
COMPILED = {"highroad.graph": "_kernels", "highroad.lab.delay": "_loop"}


def test_the_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_kernels_are_imported_so_that_the_contract_sees_it() -> None:
    """To the contract's reader a compiled module is none: what is imported from it looks imported from `highroad`."""
    wrong = re.compile(
        "|".join(rf"(?:from|import) {re.escape(package)}\.{name}\b" for package, name in COMPILED.items())
    )
    assert [str(path) for path in SOURCES if wrong.search(path.read_text())] == []


def test_every_folder_of_kernels_is_a_module_that_is_told_of_where_kernels_are_made() -> None:
    folders = {".".join(path.parts[len(ROOT.parts) + 1 : -2]) for path in KERNELS}
    assert folders == set(COMPILED)
    made = (ROOT / "CMakeLists.txt").read_text()
    told = (ROOT / "Makefile").read_text()
    for package, name in COMPILED.items():
        folder = package.removeprefix("highroad.").replace(".", "/")
        assert f"add_kernels({name} {folder} module.cpp" in made
        assert f"src/highroad/{folder}/kernels/*" in told
        assert f"stubgen -q -m {package}.{name} -o src/highroad/{folder}/{name}.pyi" in told
        assert f'"highroad/{folder}/kernels/**"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(("package", "name"), COMPILED.items(), ids=COMPILED.values())
def test_the_stub_of_what_is_compiled_is_that_of_the_module(package: str, name: str, tmp_path: Path) -> None:
    """`make format` writes it."""
    stub = tmp_path / f"{name}.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-i", str(ROOT / "src"), "-m", f"{package}.{name}"]
    subprocess.run([*command, "-o", str(stub)], check=True)
    ruff = str(Path(sys.executable).with_name("ruff"))
    subprocess.run([ruff, "format", "--quiet", "--config", str(ROOT / "pyproject.toml"), str(stub)], check=True)
    assert ROOT.joinpath("src", *package.split("."), f"{name}.pyi").read_text() == stub.read_text()


def test_no_file_is_over_600_lines() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in (*SOURCES, *KERNELS)}
    assert {path: length for path, length in lengths.items() if length > 600} == {}


def test_no_file_is_a_drawer_for_the_rest() -> None:
    assert [path for path in (*SOURCES, *KERNELS) if path.stem in ("utils", "helpers", "common", "manager")] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_why_it_exists(path: Path) -> None:
    text = path.read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "no docstring"


def test_nothing_names_this_machine_or_a_registry() -> None:
    """No absolute path of a machine, and no address that packages are fetched from, in anything that is kept."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    files = [ROOT / name for name in listed.stdout.splitlines()] or [*SOURCES, *ROOT.glob("requirements/*")]
    wrong = re.compile(
        r"(?:/work|/root|/home/\w+)/|registry\.npmjs|registry\.yarnpkg|files\.pythonhosted|pypi\.org|deb\.debian"
    )
    found = []
    for path in files:
        if path == Path(__file__) or path.suffix in (".woff2", ".png") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in wrong.finditer(text)]
    assert found == []


def test_importing_does_nothing() -> None:
    """Importing every module opens no file, sets up no logging and starts no thread."""
    script = """
        import importlib, logging, pkgutil, threading
        import highroad
        for module in pkgutil.walk_packages(highroad.__path__, "highroad."):
            if not module.name.endswith("__main__") and ".migrations" not in module.name:
                importlib.import_module(module.name)
        assert logging.getLogger().handlers == [], logging.getLogger().handlers
        assert threading.active_count() == 1
    """
    import textwrap

    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
