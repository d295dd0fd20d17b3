"""What fibres that failed together are called, and which of them belong together."""

from __future__ import annotations

from highroad.control.causes import dead_router, gather, title_of, told
from highroad.model.incident import Reason
from highroad.model.network import FibreId
from tests.support.country import country

COUNTRY = country(ways=3, conduit=True)
CONDUIT = [fibre.id for fibre in COUNTRY.fibres if fibre.risk_groups]


def ids(*names: str) -> list[FibreId]:
    return [FibreId(name) for name in names]


def test_one_fibre_is_called_by_its_name() -> None:
    assert title_of(COUNTRY, ids("west--east")) == "west--east"
    assert (
        told(COUNTRY, {FibreId("west--east"): Reason.LOSS}) == "too much is lost, though light is on, over west--east"
    )


def test_all_fibres_of_a_router_are_a_router_that_is_cut_off() -> None:
    at_west = list(COUNTRY.fibres_of("west"))
    assert dead_router(COUNTRY, at_west) == "west"
    assert title_of(COUNTRY, at_west) == "router west is cut off"
    assert dead_router(COUNTRY, at_west[:-1]) is None
    assert title_of(COUNTRY, at_west[:2]) == "2 fibres at west"


def test_fibres_of_a_conduit_are_called_by_it() -> None:
    assert len(CONDUIT) > 2
    two = CONDUIT[:2]
    assert title_of(COUNTRY, two) == "Southern trench (trench), 2 fibres"
    reasons = {two[0]: Reason.LIGHT, two[1]: Reason.SILENT}
    said = f"loss of light noticed on {two[0]}; light is on and nothing is heard over {two[1]}"
    assert told(COUNTRY, reasons) == f"Southern trench (trench), 2 fibres: {said}"


def test_what_has_nothing_in_common_is_apart() -> None:
    apart = ids("campus--west", "cloud--east")
    assert gather(COUNTRY, apart, []) == [[apart[0]], [apart[1]]]
    begun = [ids("west--east"), ids("campus--west")]
    assert gather(COUNTRY, ids("west--south"), begun) == [ids("west--south"), []]
    assert gather(COUNTRY, CONDUIT, [ids("west--east")]) == [["west--south"], CONDUIT[1:]]
    assert gather(COUNTRY, CONDUIT, []) == [CONDUIT]
