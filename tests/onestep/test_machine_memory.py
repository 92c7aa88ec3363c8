"""Free memory is the machine's, or the container's where that is less; cached files do not count."""

from pathlib import Path

from onestep.machine_memory import available_bytes


def test_free_memory_heeds_the_container(tmp_path: Path) -> None:
    machine = available_bytes(tmp_path / "none")
    assert 2**20 < machine < 2**50
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 1000\nfile 900\n")
    assert available_bytes(tmp_path) == 2000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_bytes(tmp_path) > 2**20
