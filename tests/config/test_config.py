"""Configuration: what is understood, and what is complained of where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from nobgd import config
from nobgd.config import schema

ROOT = Path(__file__).parents[2]
SMALLEST = "inboxes: [{path: in, outbox: out}]\n"


def problems(text: str, base: Path = Path("/b")) -> list[str]:
    with pytest.raises(config.ConfigError) as caught:
        config.parse(text, "f.yaml", base)
    return str(caught.value).splitlines()


def loaded(tmp_path: Path, text: str) -> config.Config:
    file = tmp_path / "nobgd.yaml"
    file.write_text(text)
    return config.load(file)


def test_only_the_folders_are_required(tmp_path: Path) -> None:
    """Defaults fill the rest; paths are relative to the file."""
    made = loaded(tmp_path, SMALLEST)
    assert made.inboxes[0].path == tmp_path / "in"
    assert made.inboxes[0].output.suffix == "_nobg"
    assert made.workers.count == "auto"
    assert made.inboxes[0].quarantine == made.state_dir / "quarantine/in"


def test_metrics_go_beside_the_ledger_unless_told_otherwise(tmp_path: Path) -> None:
    """Without a word a file in the state folder; null is none; a path is that path."""
    made = loaded(tmp_path, SMALLEST)
    assert made.metrics.textfile == made.state_dir / "nobgd.prom"
    made = loaded(tmp_path, "metrics: {textfile: null}\n" + SMALLEST)
    assert made.metrics.textfile is None
    made = loaded(tmp_path, "metrics: {textfile: m.prom}\n" + SMALLEST)
    assert made.metrics.textfile == tmp_path / "m.prom"


def test_an_inbox_overrides_a_section_in_part() -> None:
    """What it does not name comes from the top."""
    text = "watch: {settle_s: 7}\ninboxes: [{path: in, outbox: out, watch: {poll_s: 1}}]"
    watch = config.parse(text, "f", Path("/b")).inboxes[0].watch
    assert (watch.settle_s, watch.poll_s, watch.rescan_s) == (7, 1, 30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("worker: {}\n" + SMALLEST, "f.yaml:1:1: unknown key worker; did you mean workers?"),
        ("workers:\n  thread: 3\n" + SMALLEST, "f.yaml:2:3: unknown key thread; did you mean"),
        ("workers: {count: 0}\n" + SMALLEST, "f.yaml:1:18: workers.count: must be a number above"),
        ("log: {level: loud}\n" + SMALLEST, "f.yaml:1:14: log.level: must be 'debug'"),
        ("output: {suffix: a/b}\n" + SMALLEST, "f.yaml:1:18: output.suffix: must not hold a slash"),
        ("inboxes: [{path: in}]", "f.yaml:1:11: outbox is missing"),
        ("inboxes: []", "f.yaml:1:10: inboxes: must not be empty"),
        ("wrokers: {}\ninboxes: []", "f.yaml:2:10: inboxes: must not be empty"),
        ("a: 1\na: 2\n" + SMALLEST, "f.yaml:2:1: a is there twice, first in line 1"),
        ("inboxes: [{path: in, outbox: 22:00}]", "f.yaml:1:30: YAML takes 22:00 for a number"),
        ("inboxes: [{path: in, outbox: out, quiet_hours: [noon]}]", "'noon' is not a span like"),
        ("inboxes: [{path: in, outbox: out, model: {nme: x}}]", "1:43: unknown key nme; did you"),
        ("workers: {threads: 0}\n" + SMALLEST, "threads: must be a number above 0, or auto"),
        ("inboxes: [{path: $HOME/in, outbox: out}]", "path: variables are not filled in; write"),
        ("inboxes: [{path: in, outbox: 'C:\\o'}]", "outbox: is a path of Windows; mount the"),
        ("inboxes: [{path: 'smb://nas/in', outbox: o}]", "path: is an address and no folder; m"),
        ("inboxes: [{path: in, outbox: no}]", "1:30: inboxes.outbox: YAML takes no for false; wri"),
        ("output: {suffix: 2024-05-01}\n" + SMALLEST, "suffix: YAML takes 2024-05-01 for a date"),
        ("model: {name: 5}\n" + SMALLEST, "f.yaml:1:15: model.name: YAML takes 5 for a number"),
        ("output: {margin: -1}\n" + SMALLEST, "f.yaml:1:18: output.margin: -1 is no margin"),
        ("review: {below: 2}\n" + SMALLEST, "review.below: must be less than or equal to 1"),
        ("workers: {infer: 0}\n" + SMALLEST, "workers.infer: must be a number above 0, or auto"),
        ("workers: {count: true}\n" + SMALLEST, "workers.count: must be a number above 0, or auto"),
        ("workers: {attempts: true}\n" + SMALLEST, "workers.attempts: must be a whole number"),
        ("watch: {settle_s: .inf}\n" + SMALLEST, "f.yaml:1:19: watch.settle_s: must be"),
        ("watch: {settle_s: .nan}\n" + SMALLEST, "f.yaml:1:19: watch.settle_s: must be"),
        ("watch: 5\n" + SMALLEST, "f.yaml:1:8: watch: must be a section"),
        ("inboxes:\n  path: in\n  outbox: out\n", '2:3: inboxes: must be a list: "- path: in"'),
        ("inboxes: [in]", "1:11: inboxes: must be two keys, as in {path: in, outbox: out}"),
        ("inboxes:\n\t- path: in\n", "2:1: not valid YAML: a tab; write spaces instead"),
        ("output: {suffix: ''}\n" + SMALLEST, "f.yaml:1:18: output.suffix: must not be empty"),
        ("inboxes: [{path: in, outbox: out, recursive: yup}]", "recursive: must be true or false"),
        ("inboxes: [{path: in, outbox: out, ignore: 'a'}]", "1:43: inboxes.ignore: must be a list"),
        (
            "inboxes:\n- path: in\n  outbox: out\n  ignore:\n  - '*.tif'\n  - '[a-'",
            "f.yaml:6:5: inboxes.ignore: '[a-' is no pattern that can match",
        ),
        ("inboxes: [{path: in, outbox: out, ignore: ['#x']}]", "1:44: inboxes.ignore: '#x' is a c"),
        ("inboxes: [{path: in, outbox: out, ignore: [a, '/']}]", "1:47: inboxes.ignore: '/' names"),
        ("inboxes: [{path: in, outbox: out, ignore: ['[[:upper:]]']}]", "is no pattern that can"),
        ("inboxes: [{path: in, outbox: out, ignore: ['[z-a].jpg']}]", "is no pattern that can"),
        ("inboxes: [{path: in, outbox: out, ignore: ['a\\']}]", "is no pattern that can match"),
        ("inboxes: [{path: in, outbox: out, ignore: [!x ]}]", "1:44: YAML takes !x for a tag; w"),
        ("inboxes: [{path: in, outbox: out, ignore: [!x]}]", "what begins with * or ! in quotes"),
        ("inboxes: [{path: in, outbox: out, ignore: [*.tif]}]", "what begins with * or ! in quo"),
        ("inboxes: [{path: ~nobody-here/x, outbox: out}]", "no home folder for ~nobody-here"),
        ("a: \x07\n" + SMALLEST, "f.yaml:1:4: not valid YAML: a control character"),
        ("a: &a [*a]\n" + SMALLEST, "nested too deeply"),
        ("cluster: {}\n" + SMALLEST, "f.yaml:1:10: cluster: needs listen (the broker is here) or"),
        ("cluster: {listen: 'tls://[::]:1', join: a}\n" + SMALLEST, "cluster: needs listen (the"),
        ("cluster: {listen: 0.0.0.0:4222}\n" + SMALLEST, 'is not like "tls://0.0.0.0:4222"'),
        ("cluster: {listen: 'tls://nas:4222'}\n" + SMALLEST, 'is not like "tls://0.0.0.0:4222"'),
        ("cluster: {join: a, lease_s: 1}\n" + SMALLEST, "f.yaml:1:29: cluster.lease_s: must be gr"),
        ("cluster: {join: a, think: no}\n" + SMALLEST, "cluster.think: YAML takes no for false"),
        ("cluster: {join: a, shares: {In: b}}\n" + SMALLEST, "'In': a share's name has a-z, 0-9"),
        ("cluster: {join: a, lanes: 3}\n" + SMALLEST, "f.yaml:1:20: unknown key lanes"),
        ("inboxes: [", "not valid YAML"),
        ("", "the configuration is empty"),
        ("- a\n", "the configuration is empty"),
    ],
)
def test_every_error_names_its_place(text: str, expected: str) -> None:
    """File, line, column, what is wrong, and a guess at what was meant."""
    assert any(expected in line for line in problems(text)), problems(text)


def test_all_errors_come_at_once() -> None:
    """One run tells everything that is wrong, in the order of the file."""
    text = "worker: {}\nworkers: {count: x, attempts: 0}\ninboxes: [{path: in, outbux: o}]"
    lines = problems(text)
    assert len(lines) == 5
    spots = [tuple(map(int, re.findall(r":(\d+):(\d+):", line)[0])) for line in lines]
    assert spots == sorted(spots)


@pytest.mark.parametrize(
    ("inboxes", "expected"),
    [
        ("[{path: in, outbox: in}]", "is the same folder as its inbox"),
        ("[{path: in, outbox: in/out}]", "lies inside its inbox"),
        ("[{path: out/in, outbox: out}]", "lies inside the outbox"),
        ("[{path: a, outbox: x}, {path: b, outbox: a/y}]", "lies inside the inbox"),
        ("[{path: a, outbox: x}, {path: a, outbox: y}]", "is an inbox already"),
        ("[{path: a, outbox: x}, {path: a/b, outbox: y}]", "lie in one another"),
        ("[{path: a, outbox: x, quarantine: a/q}]", "quarantine"),
        ("[{path: a, outbox: x, source: archive}]", "needs archive"),
        ("[{path: link, outbox: in}]", "is the same folder as its inbox"),
        ("[{path: a, outbox: x, quarantine: q}, {path: b, outbox: x, quarantine: q}]", "its own"),
        (
            "[{path: in, outbox: x}]\nstate_dir: link/state",
            "state_dir .*/link/state lies in",
        ),
        ("[{path: in, outbox: x}]\nlog: {file: in/log}", "log.file .* lies in the inbox"),
    ],
)
def test_folders_that_would_eat_each_other_are_refused(
    tmp_path: Path, inboxes: str, expected: str
) -> None:
    """Also through a link."""
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    with pytest.raises(config.ConfigError, match=expected):
        loaded(tmp_path, f"inboxes: {inboxes}")


def test_the_broker_is_here_or_elsewhere() -> None:
    """And there is none without a word; the join file is relative to the configuration."""
    assert config.parse(SMALLEST, "f", Path("/b")).cluster is None
    here = config.parse("cluster: {listen: 'tls://[::]:4222'}\n" + SMALLEST, "f", Path("/b"))
    shared = config.parse("cluster: {join: a, shares: {in: c}}\n" + SMALLEST, "f", Path("/b"))
    assert shared.cluster is not None
    assert shared.cluster.shares == {"in": Path("/b/c")}
    assert here.cluster == config.Cluster(listen="tls://[::]:4222", lease_s=30, think="auto")
    there = config.parse("cluster: {join: nas.join}\n" + SMALLEST, "f", Path("/b"))
    assert there.cluster is not None
    assert there.cluster.join == Path("/b/nas.join")


def test_anchors_and_merges_are_understood() -> None:
    """What an inbox does not say itself comes from the section it merges."""
    text = "inboxes: [&one {path: a, outbox: out, ignore: ['*.tif']}, {<<: *one, path: b}]"
    one, two = config.parse(text, "f", Path("/b")).inboxes
    assert (str(two.path), two.outbox, two.ignore) == ("/b/b", one.outbox, ("*.tif",))


def test_aliases_of_aliases_end() -> None:
    """A file that would unfold to billions of values is refused at once."""
    lines = ["a0: &a0 [x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)
    ]
    assert any("nested too deeply, or too long" in line for line in problems("\n".join(lines)))


def test_folders_do_not_depend_on_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither do they when the file is named relative to it."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/f.yaml").write_text(SMALLEST)
    monkeypatch.chdir(tmp_path)
    assert config.load(Path("sub/f.yaml")).inboxes[0].path == tmp_path / "sub/in"


def test_systemd_says_where_state_and_cache_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of several, and the usual places without it."""
    monkeypatch.setenv("STATE_DIRECTORY", "/s/one:/s/two")
    monkeypatch.delenv("CACHE_DIRECTORY", raising=False)
    made = config.parse(SMALLEST, "f", Path("/b"))
    assert (str(made.state_dir), str(made.cache_dir)) == ("/s/one", "/var/cache/nobgd")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"a: 1\nb: \xff\n", ":2:1: not UTF-8 text"), (None, ":1:1: cannot be read: Is a directory")],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """No traceback, whatever the file is."""
    file = tmp_path / "f.yaml"
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(config.ConfigError, match=expected):
        config.load(file)


@pytest.mark.parametrize(
    ("inboxes", "names"),
    [
        (["a/in"], ["in"]),
        (["a/in", "b/in"], ["a-in", "b-in"]),
        (["b/in", "a/in", "c/photos"], ["b-in", "a-in", "photos"]),
        (["x/a/in", "y/a/in"], ["x-a-in", "y-a-in"]),
        (["a/in", "b/in", "a-in"], ["a-in", "b-in", "a-in-2"]),
        ([f"{'a' * 190}/inbox", f"{'b' * 195}/inbox"], [f"{'a' * 190}-inbox", "inbox"]),
        ([f"{'a' * 195}/inbox", f"{'b' * 195}/inbox"], ["inbox", "inbox-2"]),
    ],
)
def test_the_quarantine_of_an_inbox_is_called_like_it(
    tmp_path: Path, inboxes: list[str], names: list[str]
) -> None:
    """Those of one name by their parents, too; which is which does not hang on their order."""
    rows = ", ".join(f"{{path: {each}, outbox: out-{n}}}" for n, each in enumerate(inboxes))
    found = loaded(tmp_path, f"inboxes: [{rows}]").inboxes
    assert [each.quarantine.name for each in found if each.quarantine is not None] == names


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """It says how to name one."""
    with pytest.raises(config.ConfigError, match="no such file; name one with -c"):
        config.load(tmp_path / "none.yaml")


def test_the_shipped_files_are_good() -> None:
    """config/nobgd.yaml and the example are understood, and the example names every key."""
    config.load(ROOT / "config/nobgd.yaml")
    example = config.load(ROOT / "config/nobgd.example.yaml")
    text = (ROOT / "config/nobgd.example.yaml").read_text()
    for section in (type(example), config.InboxConfig, config.Workers, config.Watch, config.Log,
                    config.Output, config.Model, config.Metrics, config.Web,
                    config.Cluster):  # fmt: skip
        for name in section.model_fields:
            assert name == "origin" or f"{name}:" in text, name


def test_the_schema_on_disk_is_the_one_generated() -> None:
    """Editors and nobgd agree."""
    assert (ROOT / "config/nobgd.schema.json").read_text() == schema.text()


def test_what_check_prints_is_a_configuration_again(tmp_path: Path) -> None:
    """The dump round-trips."""
    made = loaded(tmp_path, SMALLEST)
    again = config.parse(yaml.safe_dump(made.model_dump(mode="json")), made.origin, tmp_path)
    assert again == made
