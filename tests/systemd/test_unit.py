"""The drop-in fits the configuration, and systemd agrees with it and with the shipped unit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd import config
from nobgd.pool.memory import COSTS
from nobgd.systemd import page, unit
from nobgd.systemd.unit import Machine

ROOT = Path(__file__).parents[2]
HERE = Machine(memory_mb=16_000, lanes=2, threads=1)
SHIPPED = ROOT / "systemd/nobgd.service"
DROPINS = sorted((ROOT / "systemd/drop-ins").glob("*.conf"))
SCRIPTS = [*sorted((ROOT / "systemd").glob("*.sh")), ROOT / ".ci/run"]


def _config(folder: Path, text: str) -> config.Config:
    path = folder / "nobgd.yaml"
    path.write_text(text)
    return config.load(path)


def _values(loaded: config.Config, key: str, here: Machine = HERE) -> list[str]:
    return [value for _, name, value in unit.settings(loaded, here) if name == key]


USUAL = "inboxes: [{path: /srv/in, outbox: /srv/out}]\n"
MANY = """\
workers: {count: 4, in_flight_megapixels: 100}
log: {file: /data/log/nobgd.record.log}
metrics: {textfile: /data/prom/nobgd.prom, port: 9787}
inboxes:
  - {path: /srv/in, outbox: /srv/out}
  - {path: "/srv/two words/in", outbox: "/srv/100 %/out", source: archive, archive: /mnt/old}
  - {path: /home/anna/in, outbox: /home/anna/out, quarantine: /mnt/bad}
"""


def test_outboxes_are_writable_and_inboxes_are_not(tmp_path: Path) -> None:
    """Nothing else is opened; the unit's own folders need no line."""
    loaded = _config(tmp_path, "state_dir: /var/lib/nobgd\ncache_dir: /var/cache/nobgd\n" + USUAL)
    assert _values(loaded, "ReadWritePaths") == ["-/srv/out"]
    assert _values(loaded, "ReadOnlyPaths") == ["-/srv/in"]


@pytest.mark.parametrize("how", ["source: delete", "source: archive, archive: /srv/old"])
def test_an_inbox_that_is_emptied_is_writable(tmp_path: Path, how: str) -> None:
    """Photos leave it."""
    loaded = _config(tmp_path, f"inboxes: [{{path: /srv/in, outbox: /srv/out, {how}}}]\n")
    assert "-/srv/in" in _values(loaded, "ReadWritePaths")


def test_a_share_control_inbox_is_writable(tmp_path: Path) -> None:
    """The files _PAUSE and _RETRY are answered there."""
    loaded = _config(tmp_path, USUAL.replace("out}", "out, share_control: true}"))
    assert "-/srv/in" in _values(loaded, "ReadWritePaths")


def test_every_folder_waits_for_its_mount(tmp_path: Path) -> None:
    """Inboxes, outboxes, archive, quarantine, log, metrics."""
    waits = _values(_config(tmp_path, MANY), "RequiresMountsFor")
    for folder in ("/srv/in", "/srv/out", "/mnt/old", "/mnt/bad", "/data/log", "/data/prom"):
        assert folder in waits


def test_homes_are_opened_for_the_folders_named_and_no_others(tmp_path: Path) -> None:
    """By bind mounts into an empty /home."""
    loaded = _config(tmp_path, MANY)
    assert _values(loaded, "ProtectHome") == ["tmpfs"]
    assert _values(loaded, "BindPaths")[0] == "-/home/anna/out"
    assert "-/home/anna/in" in _values(loaded, "BindReadOnlyPaths")


def test_the_metrics_port_is_for_this_machine_alone(tmp_path: Path) -> None:
    """Without it there is no network at all."""
    loaded = _config(tmp_path, MANY)
    assert _values(loaded, "PrivateNetwork") == ["no"]
    assert _values(loaded, "IPAddressAllow") == ["localhost"]
    assert _values(_config(tmp_path, USUAL), "PrivateNetwork") == []


def test_memory_follows_lanes_and_pixels_and_stays_below_the_machines(tmp_path: Path) -> None:
    """MemoryHigh below MemoryMax, both larger with more lanes."""
    loaded = _config(tmp_path, USUAL)

    def sizes(here: Machine) -> list[int]:
        keys = ("MemoryHigh", "MemoryMax")
        return [int(_values(loaded, key, here)[0].removesuffix("M")) for key in keys]

    high, most = sizes(Machine(64_000, 2, 1, 2))
    assert high < most
    assert sizes(Machine(64_000, 8, 1, 8))[0] >= high + 6 * 300
    assert sizes(Machine(2_000, 2, 1))[1] <= 0.9 * 2_000 + 50


def test_tasks_leave_room_for_a_second_set_of_lanes(tmp_path: Path) -> None:
    """A lane that hangs is replaced before it is gone."""
    loaded = _config(tmp_path, USUAL)
    assert int(_values(loaded, "TasksMax")[0]) >= 2 * (HERE.lanes * (HERE.threads + 8))


def test_what_is_installed_is_compared_line_by_line(tmp_path: Path) -> None:
    """Nothing differs from itself; a lost and a foreign line are named."""
    loaded = _config(tmp_path, MANY)
    text = unit.text(loaded, HERE)
    assert unit.differences(text, loaded, HERE) == []
    less = text.replace("ReadWritePaths=-/srv/out\n", "ReadWritePaths=-/srv/other\n")
    assert unit.differences(less, loaded, HERE) == [
        "ReadWritePaths=-/srv/out is missing",
        "ReadWritePaths=-/srv/other is too much",
    ]


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_no_name_of_a_folder_can_add_a_line(name: str) -> None:
    """Whatever it is called, it is one value of one key again."""
    value = unit.quoted(f"/srv/{name}")
    assert "\n" not in value
    assert unit.read(f"[Service]\nReadWritePaths={value}") == [("Service", "ReadWritePaths", value)]


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze (Debian: apt-get install systemd)")
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def _installed(folder: Path, *dropins: Path, text: str = "") -> Path:
    """The shipped unit with a program that is there, and its drop-ins."""
    place = folder / "nobgd.service"
    place.write_text(SHIPPED.read_text().replace("/opt/nobgd/venv/bin/nobgd", "/bin/true"))
    (folder / "nobgd.service.d").mkdir()
    for dropin in dropins:
        shutil.copy(dropin, folder / "nobgd.service.d")
    if text:
        (folder / "nobgd.service.d/50-config.conf").write_text(text)
    return place


@pytest.mark.parametrize("yaml", ["", USUAL, MANY], ids=["shipped", "usual", "many"])
def test_systemd_finds_nothing_wrong(tmp_path: Path, yaml: str) -> None:
    """In the shipped unit alone and with the drop-in for a configuration."""
    text = unit.text(_config(tmp_path, yaml), HERE) if yaml else ""
    found = _analyze("verify", "--recursive-errors=no", str(_installed(tmp_path, text=text)))
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


COLONS = """\
inboxes:
  - {path: "/home/anna/10:30/in", outbox: '/home/anna/a \\ "b": 100 %/out', archive: "/srv/c:d"}
"""


def test_a_colon_in_a_folder_below_home_parts_nothing(tmp_path: Path) -> None:
    """Of source:target, which a bind mount's line may have; elsewhere it is a letter."""
    loaded = _config(tmp_path, COLONS)
    assert _values(loaded, "BindReadOnlyPaths")[0] == r'-"/home/anna/10\:30/in"'
    assert _values(loaded, "ReadWritePaths")[0] == "-/srv/c:d"
    place = str(_installed(tmp_path, text=unit.text(loaded, HERE)))
    found = _analyze("verify", "--recursive-errors=no", place)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("dropin", DROPINS, ids=lambda each: each.stem)
def test_systemd_finds_nothing_wrong_with_the_drop_ins_for_special_cases(
    tmp_path: Path, dropin: Path
) -> None:
    """Each on its own."""
    found = _analyze("verify", "--recursive-errors=no", str(_installed(tmp_path, dropin)))
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("yaml", ["", USUAL], ids=["shipped", "usual"])
def test_the_exposure_is_at_most_0_6(tmp_path: Path, yaml: str) -> None:
    """By the reckoning of systemd-analyze, where 10 is a service without any protection."""
    text = unit.text(_config(tmp_path, yaml), HERE) if yaml else ""
    place = str(_installed(tmp_path, text=text))
    judged = _analyze("security", "--offline=true", "--threshold=6", "--no-pager", place)
    assert judged.returncode == 0, judged.stdout


def test_what_a_running_unit_does_not_let_through_is_known(tmp_path: Path) -> None:
    """Another folder, the metrics' port, matting; what lies below a folder it has is there."""
    before = _config(tmp_path, "log: {file: /data/log/nobgd.jsonl}\n" + USUAL)
    for yaml, grown in (
        ("log: {file: /data/log/other.jsonl}", False),
        ("log: {file: /data/log/sub/nobgd.jsonl}", False),
        ("log: {file: /data/nobgd.jsonl}", True),
        ("metrics: {textfile: /data/prom/nobgd.prom}", True),
        ("metrics: {port: 9464}", True),
        ("output: {edges: matting}", True),
        ("workers: {engine: cuda}", True),
        ("workers: {count: 2}", False),
    ):
        assert unit.outgrown(before, _config(tmp_path, f"{yaml}\n{USUAL}")) == grown, yaml
    emptied = USUAL.replace("out}", "out, source: delete}")
    assert unit.outgrown(before, _config(tmp_path, emptied))


def test_a_typo_in_the_unit_would_be_found(tmp_path: Path) -> None:
    """The two tests above can fail."""
    place = _installed(tmp_path)
    place.write_text(place.read_text().replace("PrivateTmp=yes", "PrivateTemp=yes"))
    assert "PrivateTemp" in _analyze("verify", "--recursive-errors=no", str(place)).stderr


def test_the_scripts_are_clean() -> None:
    """By shellcheck."""
    tool = shutil.which("shellcheck") or str(Path(sys.executable).parent / "shellcheck")
    found = subprocess.run([tool, *map(str, SCRIPTS)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_an_engine_that_takes_more_memory_gets_it(tmp_path: Path) -> None:
    """The limits speak of the engine chosen."""
    usual = unit.memory_mb(_config(tmp_path, "workers: {engine: onnxruntime}\n" + USUAL), 2)
    other = unit.memory_mb(_config(tmp_path, "workers: {engine: ncnn}\n" + USUAL), 2)
    ncnn, usually = COSTS["ncnn", "fp32"], COSTS["onnxruntime", "fp32"]
    more = ncnn.model_mb + ncnn.each_mb - usually.model_mb - usually.each_mb
    assert other - usual == more > 0


CUDA = "workers: {engine: cuda}\n" + USUAL


def test_with_cuda_the_driver_s_devices_are_let_in_and_no_others(tmp_path: Path) -> None:
    """Their group too, where they are not for everybody; what other engines have stays closed."""
    loaded = _config(tmp_path, CUDA)
    assert _values(loaded, "PrivateDevices") == ["no"]
    assert all(value.startswith("char-nvidia") for value in _values(loaded, "DeviceAllow"))
    assert _values(loaded, "SupplementaryGroups") == []
    shut = Machine(memory_mb=16_000, lanes=2, threads=1, groups=("render", "video"))
    assert _values(loaded, "SupplementaryGroups", shut) == ["render video"]
    found = _analyze(
        "verify", "--recursive-errors=no", str(_installed(tmp_path, text=unit.text(loaded, HERE)))
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    other = _config(tmp_path, "workers: {engine: onnxruntime}\n" + USUAL)
    assert _values(other, "PrivateDevices") == _values(other, "DeviceAllow") == []


def test_the_drop_in_for_cuda_is_what_the_unit_s_gets() -> None:
    """Line by line."""
    lines = unit.read((ROOT / "systemd/drop-ins/gpu.conf").read_text())
    assert lines == list(unit.devices())


PAGED = (
    USUAL
    + """\
log: {file: /data/log/nobgd.record.log}
state_dir: "/home/anna/a b:c"
web: {listen: "192.168.1.2:8470"}
"""
)


def _page(folder: Path, yaml: str) -> list[str]:
    """The page's units with a program that is there, and their drop-ins."""
    texts = page.texts(_config(folder, yaml))
    places = []
    for name, place in (("nobgd-web.service", page.SERVICE), ("nobgd-web.socket", page.SOCKET)):
        shipped = (ROOT / "systemd" / name).read_text()
        places.append(str(folder / name))
        Path(places[-1]).write_text(shipped.replace("/opt/nobgd/venv/bin/nobgd", "/bin/true"))
        (folder / f"{name}.d").mkdir()
        (folder / f"{name}.d" / Path(place).name).write_text(texts[place])
    return places


@pytest.mark.parametrize("yaml", [USUAL + "web: {}\n", PAGED], ids=["usual", "elsewhere"])
def test_the_pages_units_are_right_and_their_exposure_is_at_most_0_3(
    tmp_path: Path, yaml: str
) -> None:
    """Wherever its folders are, and whatever it listens on."""
    places = _page(tmp_path, yaml)
    found = _analyze("verify", "--recursive-errors=no", *places)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    judged = _analyze("security", "--offline=true", "--threshold=3", "--no-pager", places[0])
    assert judged.returncode == 0, judged.stdout


def test_the_page_sees_its_own_folders_and_listens_where_it_is_to(tmp_path: Path) -> None:
    """It writes into three; beyond this machine it is let only where the configuration says so."""
    lines = list(page.service(_config(tmp_path, PAGED)))
    assert [value for _, key, value in lines if key == "BindPaths"] == [
        r'-"/home/anna/a b\:c/web/in"', r'-"/home/anna/a b\:c/web/sessions"',
        r'-"/home/anna/a b\:c/web/touches"',
    ]  # fmt: skip
    read = [value for _, key, value in lines if key == "BindReadOnlyPaths"]
    assert read[:2] == [r'-"/home/anna/a b\:c/web"', "-/data/log"]
    listens = [value for _, key, value in page.socket(_config(tmp_path, PAGED))]
    assert listens == ["", "192.168.1.2:8470", "", "yes"]
    near = [key for _, key, _ in page.socket(_config(tmp_path, USUAL + "web: {}\n"))]
    assert near == ["ListenStream", "ListenStream"]
    assert set(page.texts(_config(tmp_path, USUAL)).values()) == {""}
