"""Reading cities: nobody counted twice."""

from __future__ import annotations

import pytest

from highroad.formats.shipped import cities_text
from highroad.siting import cities

HEADER = "geonameid,name,country,admin1,lat,lon,population,timezone\n"


def test_a_part_of_a_city_is_not_counted_again() -> None:
    # 4,000,000 people at 4,000 a square km fill a circle of 17.8 km, 0.16 degrees of latitude
    text = HEADER + "\n".join(
        [
            "1,Part,US,NY,40.10,-74,900000,x",
            "2,Big,US,NY,40.00,-74,4000000,x",
            "3,Over the river,US,NJ,40.10,-74,800000,x",
            "4,Suburb,US,NY,40.20,-74,700000,x",
            "5,Part of the part,US,NY,40.11,-74,600000,x",
            '6,"Comma, Town",FR,11,40.00,-74,50000,x',
            "7,Village,US,NY,10,10,49999,x",
        ]
    )
    read = cities.read(text)
    assert read.name == ("Big", "Over the river", "Suburb", "Comma, Town")
    assert read.population.tolist() == [4000000, 800000, 700000, 50000]
    assert cities.read(text, min_population=100).name[-1] == "Village"


def test_what_was_left_out_leaves_nobody_out() -> None:
    # The part of a part is outside the big one's circle: the part is not there to take it.
    text = HEADER + "\n".join(
        ["1,Big,US,NY,40,-74,4000000,x", "2,Part,US,NY,40.15,-74,3000000,x", "3,Own,US,NY,40.25,-74,60000,x"]
    )
    assert cities.read(text).name == ("Big", "Own")


def test_the_shipped_cities() -> None:
    read = cities.read(cities_text())
    usa = read.where(country == "US" for country in read.country)
    assert "New York City" in usa.name
    assert not {"Brooklyn", "Queens", "The Bronx", "Staten Island"} & set(usa.name)
    assert len(usa.name) == len(usa.lat) == len(usa.population)


def test_a_column_that_is_missing() -> None:
    with pytest.raises(KeyError):
        cities.read("name,population\nA,60000")
