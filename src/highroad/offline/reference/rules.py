"""The rules that both networks share, each as the sentence that stands in the file."""

from __future__ import annotations

from highroad.offline.reference import borders, capacities, conduits, laterals, places
from highroad.siting import cities

FIBRES = "Fibre lengths are those of the CORONET files as GNPy has them (great circle x 1.2); light takes 4.9 us/km."
LINKS = "Each fibre carries one link each way, whose latency is that of light over the fibre, rounded up to 1 ns."
JURISDICTIONS = (
    "A site is in the US state or the country that its position is in (an edge or a campus: its "
    "city); a fibre crosses what its great circle "
    f"crosses, looked at about every {borders.STEP_KM:g} km, without what it crosses for less than "
    f"{borders.SLIVER_KM:g} km in all (borders: us-atlas states-10m, world-atlas countries-50m)."
)
WATER = (
    "A lake that the border files have as land belongs to the country on whose side of the border it is (of the USA: "
    "to the nearest state); the sea "
    f"within {borders.TERRITORIAL_SEA_KM:g} km (12 nautical miles) of a coast to that coast, measured on circles of "
    "24 points; beyond it is the high seas, XZ."
)
CASPIAN = (
    "The Caspian, which the border files have as sea, is sea here too: beyond that distance of its coasts it is XZ."
)
COAST = (
    "Fibre within the contiguous USA runs on land: where its great circle is over the high seas it counts to the "
    "nearest state."
)
PEOPLE = (
    f"Populations are GeoNames cities of {cities.MIN_POPULATION:,} and more; an entry within the circle that a larger "
    f"one of the same state or region fills at {cities.DENSITY_PER_KM2:,.0f} people a square km is a part of that one."
)
METROS = (
    "Metros: the largest city that is left takes all cities within "
    f"{places.METRO_KM:g} km of it in its country; its edge is in the middle of that city."
)
CLOUDS = (
    "Cloud regions are as cloud-regions lists them in January 2025, without Azure's EUAP and STG regions; those that "
    f"the list puts at the middle of a state or in the wrong state are moved to the town: {places.MOVED}."
)
CAMPUS_CITY = (
    f"its largest city of {places.CAMPUS_PEOPLE[0]:,} to {places.CAMPUS_PEOPLE[1]:,} people that has no larger one "
    f"of the area within {places.CAMPUS_APART_KM:g} km."
)
CARBON = (
    "Carbon intensity is that of the state (EPA eGRID 2023, annual CO2e total output rate, lb/MWh converted to "
    "g/kWh) or of the country's mix (Our World in Data), not of a site's own contracts."
)
CONDUITS = (
    f"Two fibres that leave a site lie in one conduit if the first {conduits.TOGETHER_KM:g} km of the shorter's great "
    f"circle (all of it where it is shorter than that), looked at about every {conduits.STEP_KM:g} km, are less than "
    f"{conduits.APART_KM:g} km from the longer's; if a second fibre is in one conduit with a first and with a third, "
    "all three are in that one, and so on."
)
NO_CONDUIT = (
    f"A fibre whose ends are less than {conduits.APART_KM:g} km apart is in no conduit; of several fibres between the "
    "same two sites only the shortest (of equal ones the first by id) can be in one, the others go another way."
)
PROBABILITIES = "No failure probabilities are assumed."
METRO_FIBRE = (
    f"Metro fibre is the great circle x {laterals.ROUTE_FACTOR:g}, at least {laterals.MIN_LENGTH_KM:g} km; it has "
    + ", ".join(f"{gbps} Gbit/s to each {kind.value} site" for kind, gbps in capacities.METRO_GBPS.items())
    + "."
)
CAPACITIES = (
    "Backbone capacity: traffic of two pops in proportion to the product of the populations nearest to them, divided "
    f"by their distance over fibre, on the shortest way; the busiest {capacities.FULL_SHARE:.0%} of the fibres have "
    f"{capacities.MOST_GBPS} Gbit/s, the others in proportion, in steps of {capacities.STEP_GBPS} and at least "
    f"{capacities.LEAST_GBPS}."
)
