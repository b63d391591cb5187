"""What Airflow makes of dags/ and plugins/ as they are shipped."""

from __future__ import annotations

import email
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from commsarchive_airflow.catalogue import PROJECT, from_files

import include

CONNECTOR_PATH = ["wait_for_export", "decrypt", "convert", "map_users", "ingest", "reconcile"]


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(PROJECT / "dags")


def dag_of(bag: DagBag, name: str) -> DAG:
    return bag.dags[name]


def test_everything_in_dags_is_loaded_without_error(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["instant_bloomberg", "rehearsal", "replay", "upkeep", "verification", "watch"]


def test_a_connector_is_the_whole_path_from_export_to_record(bag: DagBag) -> None:
    dag = dag_of(bag, "instant_bloomberg")
    assert dag.task_ids == CONNECTOR_PATH
    for before, after in pairwise(CONNECTOR_PATH):
        assert after in dag.get_task(before).downstream_task_ids


def test_runs_of_a_connector_never_overlap(bag: DagBag) -> None:
    assert [dag_of(bag, name).max_active_runs for name in ("instant_bloomberg", "replay")] == [1, 1]


def test_our_own_dags_are_at_work_at_once_so_that_nothing_is_unwatched(bag: DagBag) -> None:
    begin = {name: dag.is_paused_upon_creation for name, dag in bag.dags.items()}
    assert {name for name, paused in begin.items() if paused is not False} == {"instant_bloomberg"}


def test_every_task_is_tried_again(bag: DagBag) -> None:
    assert {task.retries for dag in bag.dags.values() for task in dag.tasks} == {3}


def test_the_trigger_form_asks_for_a_day_but_needs_none(bag: DagBag) -> None:
    params = dag_of(bag, "instant_bloomberg").params
    params.validate()
    params["day"] = "2024-03-11"
    with pytest.raises(ValueError, match="not a 'date'"):
        params["day"] = "11 March"


def test_replay_asks_for_a_connector_that_exists(bag: DagBag) -> None:
    params = dag_of(bag, "replay").params
    with pytest.raises(ValueError, match="is not one of"):
        params["connector"] = "telepathy"


def test_a_broken_connector_file_is_an_import_error_that_leaves_the_other_dags_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = PROJECT / "include" / "connectors" / "instant_bloomberg.yaml"
    (tmp_path / "good.yaml").write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("name: desk_chat\nsorce: instant_bloomberg\n", encoding="utf-8")
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(tmp_path))
    bag = DagBag(PROJECT / "dags")
    assert "instant_bloomberg" in bag.dags
    ((place, text),) = bag.import_errors.items()
    assert place.endswith("connector_errors.py")
    for part in ("broken.yaml", "`sorce`", "did you mean `source`?", "`collect`", "add this key"):
        assert part in text


def test_a_profile_that_is_not_there_is_a_fault_of_the_key_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = PROJECT / "include" / "connectors" / "own_files.yaml.example"
    wrong = example.read_text(encoding="utf-8").replace("network_messages.yaml", "nowhere.yaml")
    (tmp_path / "wrong.yaml").write_text(wrong, encoding="utf-8")
    monkeypatch.setenv("COMMSARCHIVE_CONNECTORS", str(tmp_path))
    [fault] = from_files().faults
    assert "wrong.yaml: key `profile`: include/profiles/nowhere.yaml: cannot be read" in fault


def test_a_worker_builds_only_the_dag_of_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "some_other_connector")
    assert DagBag(PROJECT / "dags" / "connectors.py").dags == {}


def test_plugins_shadow_no_module_of_python() -> None:
    program = (
        "import sys; before = set(sys.modules); from airflow import plugins_manager; "
        "plugins_manager.ensure_plugins_loaded(); import email; print(email.__file__); "
        "print([p.name for p in plugins_manager._get_plugins()[0]], plugins_manager.get_import_errors())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    where, loaded = done.stdout.splitlines()[-2:]
    assert Path(where) == Path(str(email.__file__))
    assert "commsarchive" in loaded
    assert loaded.endswith("{}")


def test_parsing_a_dag_needs_none_of_the_heavy_libraries() -> None:
    program = (
        "import sys; import commsarchive_airflow.connector_dag; "
        "print([name for name in ('pandas', 'asyncssh', 'gnupg', 'exchangelib') if name in sys.modules])"
    )
    path = f"{PROJECT}:{Path(include.__file__).parents[1] / 'plugins'}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": path, "AIRFLOW_HOME": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
