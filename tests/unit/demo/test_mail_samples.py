from __future__ import annotations

import pytest

from include.samples.mail_samples import DAY, HERE, SOURCES, delivery


@pytest.mark.parametrize("source", SOURCES)
def test_shipped_mail_samples_are_what_their_maker_makes(source: str) -> None:
    shipped = {path.name: path.read_bytes() for path in (HERE / source / DAY).iterdir()}
    assert shipped == delivery(source), "run: python -m include.samples.mail_samples"
