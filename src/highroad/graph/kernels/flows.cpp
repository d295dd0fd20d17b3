// highroad.graph._kernels.Flows and PathFlows: what Python sees of flows.hpp and path_flows.hpp.
#include "flows.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "flows_fit.hpp"
#include "flows_move.hpp"
#include "flows_tree.hpp"
#include "levels.hpp"
#include "path_flows.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace highroad {
namespace {

void check_amounts(std::span<const double> given, const char* name, bool finite) {
  for (std::size_t k = 0; k < given.size(); ++k)
    if (!(given[k] >= 0) || (finite && std::isinf(given[k])))
      refuse(name, "[", k, "] is negative, or not a ", finite ? "finite " : "", "number");
}

template <class T>
void check_size(const std::vector<T>& given, std::size_t size, const char* name, const char* of) {
  if (given.size() != size) refuse(name, " has ", given.size(), " elements, and there are ", size, " ", of);
}

void check_rows(const std::vector<std::int64_t>& start, std::size_t end, const char* name, const char* of) {
  if (start.front() != 0 || start.back() != static_cast<std::int64_t>(end))
    refuse(name, " has to go from 0 to ", end, ", the number of ", of);
  for (std::size_t k = 1; k < start.size(); ++k)
    if (start[k] < start[k - 1]) refuse(name, "[", k, "] is less than the one before");
}

void check_steps(double slope, double unit, double tolerance) {
  if (!(slope > 0 && std::isfinite(slope)) || !(unit > 0 && std::isfinite(unit)) || !(tolerance >= 0))
    refuse("slope and unit have to be above 0 and finite, tolerance at least 0");
}

Demands demands_of(const Network& network, const std::vector<double>& capacity, nb::handle source, nb::handle start,
                   nb::handle target, nb::handle amount, nb::handle worth, nb::handle fence, nb::handle allowed,
                   bool once) {
  check_size(capacity, network.links(), "capacity", "links");
  check_amounts(capacity, "capacity", true);
  for (std::size_t e = 0; e < capacity.size(); ++e)
    if (capacity[e] <= 0) refuse("capacity[", e, "] is 0: leave the link out");
  Demands demands{numbers<Node>(source, "source"),        numbers<std::int32_t>(fence, "fence"),
                  numbers<std::int64_t>(start, "start"),  numbers<Node>(target, "target"),
                  numbers<double>(amount, "amount"),      numbers<double>(worth, "worth"),
                  numbers<std::uint8_t>(allowed, "allowed")};
  check_nodes(demands.source, network.nodes, "source");
  check_nodes(demands.target, network.nodes, "target");
  check_size(demands.fence, demands.sets(), "fence", "sources");
  check_size(demands.start, demands.sets() + 1, "start", "sources (and one more)");
  check_size(demands.amount, demands.target.size(), "amount", "targets");
  check_size(demands.worth, demands.target.size(), "worth", "targets");
  check_amounts(demands.amount, "amount", true);
  check_amounts(demands.worth, "worth", false);
  check_rows(demands.start, demands.target.size(), "start", "targets");
  const std::size_t links = network.links();
  if (links > 0 && demands.allowed.size() % links != 0) refuse("allowed has to be rows of ", links, " links");
  const std::size_t fences = links > 0 ? demands.allowed.size() / links : 0;
  std::vector<std::int64_t> seen(static_cast<std::size_t>(network.nodes), -1);
  for (std::size_t g = 0; g < demands.sets(); ++g) {
    if (demands.fence[g] < -1 || demands.fence[g] >= static_cast<std::int64_t>(fences))
      refuse("fence[", g, "] is ", demands.fence[g], ", and there are ", fences, " rows in allowed");
    for (auto d = static_cast<std::size_t>(demands.start[g]); d < static_cast<std::size_t>(demands.start[g + 1]); ++d) {
      const auto v = static_cast<std::size_t>(demands.target[d]);
      if (demands.target[d] == demands.source[g]) refuse("target[", d, "] is its own source");
      if (seen[v] == static_cast<std::int64_t>(g)) {
        const bool apart = once || demands.target[d - 1] != demands.target[d];
        if (apart) refuse("target[", d, "] comes twice from one source", once ? "" : ", and not side by side");
        if (demands.worth[d] > demands.worth[d - 1]) refuse("worth[", d, "] is more than the one before to the same target");
      }
      seen[v] = static_cast<std::int64_t>(g);
    }
  }
  return demands;
}

Flows flows_of(const Network& network, nb::handle capacity_given, nb::handle source, nb::handle start, nb::handle target,
               nb::handle amount, nb::handle worth, nb::handle fence, nb::handle allowed) {
  const auto capacity = numbers<double>(capacity_given, "capacity");
  return Flows(network, capacity, demands_of(network, capacity, source, start, target, amount, worth, fence, allowed, false));
}

Levels levels_of(const Network& network, nb::handle capacity_given, nb::handle source, nb::handle start,
                 nb::handle target, nb::handle most, nb::handle weight_given, nb::handle fence, nb::handle allowed,
                 std::int64_t seed, nb::handle latency_given, nb::handle bound_given) {
  auto capacity = numbers<double>(capacity_given, "capacity");
  auto demands = demands_of(network, capacity, source, start, target, most, most, fence, allowed, true);
  auto weight = numbers<double>(weight_given, "weight");
  check_size(weight, demands.target.size(), "weight", "targets");
  for (std::size_t d = 0; d < weight.size(); ++d)
    if (!(weight[d] > 0 && std::isfinite(weight[d]))) refuse("weight[", d, "] has to be above 0 and finite");
  std::fill(demands.worth.begin(), demands.worth.end(), UNREACHED);
  std::vector<double> latency, bound;
  if (!bound_given.is_none()) {
    latency = numbers<double>(latency_given, "latency");
    bound = numbers<double>(bound_given, "bound");
    check_size(latency, network.links(), "latency", "links");
    check_size(bound, weight.size(), "bound", "targets");
    check_amounts(latency, "latency", true);
    check_amounts(bound, "bound", false);
  }
  return Levels(network, std::move(capacity), std::move(demands), std::move(weight), std::move(latency),
                std::move(bound), static_cast<std::uint64_t>(seed));
}

nb::tuple level_paths(const Levels& levels) {
  Levels::Paths found = levels.paths();
  return nb::make_tuple(array_of(std::move(found.demand)), array_of(std::move(found.start)),
                        array_of(std::move(found.link)), array_of(std::move(found.amount)));
}

nb::object distances(Levels& levels, nb::handle price_given) {
  const auto price = numbers<double>(price_given, "prices");
  check_prices(price, levels.links());
  std::vector<double> found;
  {
    nb::gil_scoped_release released;
    found = levels.distances(price);
  }
  return array_of(found);
}

bool rise(Levels& levels, std::int64_t steps) {
  if (steps < 0) refuse("steps is ", steps, ", and has to be at least 0");
  nb::gil_scoped_release released;
  return levels.rise(steps);
}

nb::tuple sweep(Flows& flows, nb::handle weight_given, double slope, double unit, double tolerance, double enough, double again,
                nb::handle order_given, bool together, int threads) {
  const auto weight = numbers<double>(weight_given, "weight");
  const auto order = numbers<std::int32_t>(order_given, "order");
  check_size(weight, flows.links(), "weight", "links");
  check_amounts(weight, "weight", false);
  check_steps(slope, unit, tolerance);
  std::vector<bool> named(flows.demands().sets());
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (order[k] < 0 || static_cast<std::size_t>(order[k]) >= named.size()) refuse("order[", k, "] is no set of demands");
    if (named[static_cast<std::size_t>(order[k])]) refuse("order names ", order[k], " twice");
    named[static_cast<std::size_t>(order[k])] = true;
  }
  threads = threads_of(threads);
  Flows::Sweep done;
  {
    nb::gil_scoped_release released;
    done = flows.sweep(weight, slope, unit, tolerance, enough, again, order, threads, together);
  }
  return nb::make_tuple(array_of(done.regret), done.moves);
}

nb::tuple at(const Flows& flows, nb::handle price_given, int threads) {
  const auto price = numbers<double>(price_given, "prices");
  check_prices(price, flows.links());
  threads = threads_of(threads);
  std::pair<double, double> found;
  {
    nb::gil_scoped_release released;
    found = flows.at(price, threads);
  }
  return nb::make_tuple(found.first, found.second);
}

void fit(Flows& flows, nb::handle price_given, int threads) {
  const auto price = numbers<double>(price_given, "prices");
  check_prices(price, flows.links());
  threads = threads_of(threads);
  nb::gil_scoped_release released;
  flows.fit(price, threads);
}

void set(Flows& flows, nb::handle flow_given, nb::handle served_given) {
  const auto flow = numbers<double>(flow_given, "flow");
  auto served = numbers<double>(served_given, "served");
  check_size(flow, flows.demands().sets() * flows.links(), "flow", "links of all sets");
  check_size(served, flows.served().size(), "served", "demands");
  check_amounts(flow, "flow", true);
  check_amounts(served, "served", true);
  nb::gil_scoped_release released;
  flows.set(flow, std::move(served));
}

void clean(Flows& flows, int threads) {
  threads = threads_of(threads);
  nb::gil_scoped_release released;
  flows.tidy(threads);
}

void clear(Flows& flows, nb::handle links_given) {
  const auto links = numbers<Link>(links_given, "links");
  for (std::size_t k = 0; k < links.size(); ++k)
    if (links[k] < 0 || static_cast<std::size_t>(links[k]) >= flows.links())
      refuse("links[", k, "] is ", links[k], ", and links are numbered from 0 to below ", flows.links());
  nb::gil_scoped_release released;
  flows.clear(links, Crew::count());
}

nb::tuple paths(const Flows& flows, int most) {
  if (most < 1) refuse("most is ", most, ", and has to be at least 1");
  Flows::Paths found;
  {
    nb::gil_scoped_release released;
    found = flows.paths(most, Crew::count());
  }
  return nb::make_tuple(array_of(std::move(found.first)), array_of(std::move(found.start)),
                        array_of(std::move(found.link)), array_of(std::move(found.amount)));
}

PathFlows path_flows_of(nb::handle capacity_given, nb::handle amount, nb::handle worth, nb::handle first, nb::handle start,
                        nb::handle link, nb::handle way) {
  auto capacity = numbers<double>(capacity_given, "capacity");
  check_amounts(capacity, "capacity", true);
  for (std::size_t e = 0; e < capacity.size(); ++e)
    if (capacity[e] <= 0) refuse("capacity[", e, "] is 0: leave the link out");
  Offered offered{numbers<double>(amount, "amount"), numbers<double>(worth, "worth"),
                  numbers<std::int64_t>(first, "first"), {}, numbers<std::int64_t>(start, "start"),
                  numbers<Link>(link, "link")};
  check_amounts(offered.amount, "amount", true);
  check_amounts(offered.worth, "worth", false);
  check_size(offered.worth, offered.demands(), "worth", "amounts");
  check_size(offered.first, offered.demands() + 1, "first", "amounts (and one more)");
  if (offered.start.empty()) refuse("start is empty: it has one element more than there are paths");
  const std::size_t ways = offered.start.size() - 1;
  if (way.is_none()) {
    offered.way.resize(ways);
    std::iota(offered.way.begin(), offered.way.end(), std::int64_t{0});
  } else {
    offered.way = numbers<std::int64_t>(way, "way");
  }
  for (std::size_t p = 0; p < offered.paths(); ++p)
    if (offered.way[p] < 0 || static_cast<std::size_t>(offered.way[p]) >= ways)
      refuse("way[", p, "] is ", offered.way[p], ", and ways are numbered from 0 to below ", ways);
  check_rows(offered.first, offered.paths(), "first", "paths");
  check_rows(offered.start, offered.link.size(), "start", "links of paths");
  for (std::size_t k = 0; k < offered.link.size(); ++k)
    if (offered.link[k] < 0 || static_cast<std::size_t>(offered.link[k]) >= capacity.size())
      refuse("link[", k, "] is ", offered.link[k], ", and links are numbered from 0 to below ", capacity.size());
  return PathFlows(std::move(capacity), std::move(offered));
}

nb::tuple path_sweep(PathFlows& flows, nb::handle weight_given, double slope, double unit, double tolerance,
                     std::int64_t turn, int threads) {
  const auto weight = numbers<double>(weight_given, "weight");
  check_size(weight, flows.load().size(), "weight", "links");
  check_amounts(weight, "weight", true);
  check_steps(slope, unit, tolerance);
  if (turn < 0) refuse("turn is ", turn, ", and has to be at least 0");
  threads = threads_of(threads);
  std::pair<double, std::int64_t> done;
  {
    nb::gil_scoped_release released;
    done = flows.sweep(weight, slope, unit, tolerance, turn, threads);
  }
  return nb::make_tuple(done.first, done.second);
}

nb::tuple path_at(const PathFlows& flows, nb::handle price_given, int threads) {
  const auto price = numbers<double>(price_given, "prices");
  check_prices(price, flows.load().size());
  threads = threads_of(threads);
  std::pair<double, double> found;
  {
    nb::gil_scoped_release released;
    found = flows.at(price, threads);
  }
  return nb::make_tuple(found.first, found.second);
}

nb::object path_least(const PathFlows& flows, nb::handle price_given, int threads) {
  const auto price = numbers<double>(price_given, "prices");
  check_prices(price, flows.load().size());
  threads = threads_of(threads);
  std::vector<double> found;
  {
    nb::gil_scoped_release released;
    found = flows.least(price, threads);
  }
  return array_of(found);
}

void path_fit(PathFlows& flows, nb::handle price_given) {
  const auto price = numbers<double>(price_given, "prices");
  check_prices(price, flows.load().size());
  nb::gil_scoped_release released;
  flows.fit(price);
}

void path_set(PathFlows& flows, nb::handle flow_given) {
  auto flow = numbers<double>(flow_given, "flow");
  check_size(flow, flows.flow().size(), "flow", "paths");
  check_amounts(flow, "flow", true);
  flows.set(std::move(flow));
}

}  // namespace

void add_flows(nb::module_& module) {
  nb::class_<Flows>(module, "Flows", R"(Flows from many sources at once, each kept as what it puts on every link: paths are free.

Demands are in sets of one source; those of set s are [start[s], start[s + 1]), each to a node of its own. They
are moved towards the cheapest ways by `sweep`, at prices that rise with the load. Not for two threads at once.)")
      .def(
          "__init__",
          [](Flows* self, const Network& network, nb::handle capacity, nb::handle source, nb::handle start,
             nb::handle target, nb::handle amount, nb::handle worth, nb::handle fence, nb::handle allowed) {
            new (self) Flows(flows_of(network, capacity, source, start, target, amount, worth, fence, allowed));
          },
          "network"_a, "capacity"_a.none(), "source"_a.none(), "start"_a.none(), "target"_a.none(), "amount"_a.none(),
          "worth"_a.none(), "fence"_a.none(), "allowed"_a.none(),
          nb::sig("def __init__(self, network: Network, capacity: numpy.typing.NDArray[numpy.float64], "
                  "source: numpy.typing.NDArray[numpy.int32], start: numpy.typing.NDArray[numpy.int64], "
                  "target: numpy.typing.NDArray[numpy.int32], amount: numpy.typing.NDArray[numpy.float64], "
                  "worth: numpy.typing.NDArray[numpy.float64], fence: numpy.typing.NDArray[numpy.int32], "
                  "allowed: numpy.typing.NDArray[numpy.uint8]) -> None"),
          R"(Nothing is carried yet.

capacity is float64[links], above 0, in the unit of amount. source and fence are int32[sets], start is
int64[sets + 1]; target, amount and worth are of one element a demand. worth is what a unit may cost at most;
infinity: all of it must be carried. allowed has a row of links for each fence, not 0 where it may go; fence[s]
is a row, or -1. Demands of a set to one node are side by side, who is worth most first, as what comes is its.
All are copied. Raises ValueError for what does not fit together, and for a demand to its own source.)")
      .def("copy", [](const Flows& self) { return Flows(self); }, "The same flows, to be changed apart.")
      .def("sweep", &sweep, "weight"_a.none(), "slope"_a, "unit"_a, "tolerance"_a, "enough"_a, "again"_a,
           "order"_a.none(), "together"_a = false, "threads"_a = 0,
           nb::sig("def sweep(self, weight: numpy.typing.NDArray[numpy.float64], slope: float, unit: float, "
                   "tolerance: float, enough: float, again: float, order: numpy.typing.NDArray[numpy.int32], "
                   "together: bool = False, threads: int = 0) "
                   "-> tuple[numpy.typing.NDArray[numpy.float64], int]"),
           R"(Every set of `order` once: (regret by place in the order, how often flow was moved).

The price of a link is weight * exp(min(3, slope * (load / (capacity * unit) - 1))). A way is left for one
that is cheaper by a share of more than `tolerance`. Sets of a regret of at most `enough` are left as they
are, those of more than `again` are worked on again at once. With `together` demands are added along a whole
tree at a time. The regret is what cheapest ways at the prices met would have cost less, or earned more.
Threads take sets in turn, each on a copy of the loads: results depend on how many there are, as they do on
the order. Other threads run meanwhile.)")
      .def("at", &at, "prices"_a.none(), "threads"_a = 0,
           nb::sig("def at(self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0) "
                   "-> tuple[float, float]"),
           R"(At these prices: (sum of amount * max(0, worth - distance), sum of amount * distance).

The second is over demands that must be carried, the first over the others.)")
      .def("fit", &fit, "prices"_a.none(), "threads"_a = 0,
           nb::sig("def fit(self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0) -> None"),
           R"(Makes it fit its links: what is over is taken off, least worth first, and what room there is is given.

Room is given along cheapest ways at these prices. Demands that must be carried are not taken off.)")
      .def("clean", &clean, "threads"_a = 0,
           "Takes the cycles out of every set's flow, and, unless it must be carried, what rounding errors left of it.")
      .def("clear", &clear, "links"_a.none(),
           nb::sig("def clear(self, links: numpy.typing.NDArray[numpy.int32]) -> None"),
           "Gives up every path over these links, and what arrives by it: they are cut.")
      .def("paths", &paths, "most"_a,
           nb::sig("def paths(self, most: int) -> tuple[numpy.typing.NDArray[numpy.int64], "
                   "numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int32], "
                   "numpy.typing.NDArray[numpy.float64]]"),
           R"(At most so many paths of each demand: (first, start, link, amount), as `PathFlows` takes them.

Back from each target along the largest flow that is left, the largest demands of a set first. The flows have to
be free of cycles, as after `fit` and `clean`.)")
      .def("set", &set, "flow"_a.none(), "served"_a.none(),
           nb::sig("def set(self, flow: numpy.typing.NDArray[numpy.float64], "
                   "served: numpy.typing.NDArray[numpy.float64]) -> None"),
           "Takes over flows, float64[sets * links] row after row, and what arrives of each demand: a plan of before.")
      .def_prop_ro("load", [](const Flows& self) { return array_of(self.load()); },
                   nb::sig("def load(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What every link carries, float64[links].")
      .def_prop_ro("served", [](const Flows& self) { return array_of(self.served()); },
                   nb::sig("def served(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What is carried of every demand, float64[demands].")
      .def_prop_ro("flow", [](const Flows& self) { return array_of(self.flow()); },
                   nb::sig("def flow(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What every set puts on every link, float64[sets * links] row after row.");

  nb::class_<Levels>(module, "Levels", R"(Shares that rise together, demands held where they are one after the other: weighted max-min.

At level t a demand has min(weight * t, most), or what it had when it was held. Not for two threads at once.)")
      .def(
          "__init__",
          [](Levels* self, const Network& network, nb::handle capacity, nb::handle source, nb::handle start,
             nb::handle target, nb::handle most, nb::handle weight, nb::handle fence, nb::handle allowed,
             std::int64_t seed, nb::handle latency, nb::handle bound) {
            new (self) Levels(levels_of(network, capacity, source, start, target, most, weight, fence, allowed, seed,
                                        latency, bound));
          },
          "network"_a, "capacity"_a.none(), "source"_a.none(), "start"_a.none(), "target"_a.none(), "most"_a.none(),
          "weight"_a.none(), "fence"_a.none(), "allowed"_a.none(), "seed"_a = 0,
          "latency"_a = nb::none(), "bound"_a = nb::none(),
          nb::sig("def __init__(self, network: Network, capacity: numpy.typing.NDArray[numpy.float64], "
                  "source: numpy.typing.NDArray[numpy.int32], start: numpy.typing.NDArray[numpy.int64], "
                  "target: numpy.typing.NDArray[numpy.int32], most: numpy.typing.NDArray[numpy.float64], "
                  "weight: numpy.typing.NDArray[numpy.float64], fence: numpy.typing.NDArray[numpy.int32], "
                  "allowed: numpy.typing.NDArray[numpy.uint8], seed: int = 0, "
                  "latency: numpy.typing.NDArray[numpy.float64] | None = None, "
                  "bound: numpy.typing.NDArray[numpy.float64] | None = None) -> None"),
          R"(All are at level 0 and may rise. As `Flows`, with the most that each demand may have, and its weight, above 0.

Where `bound` is given, float64[demands], no path of a demand takes longer; latency is float64[links].)")
      .def("begin", &Levels::begin, nb::call_guard<nb::gil_scoped_release>(),
           "Looks for a way for every demand, to be asked first: whether there is one.")
      .def("rise", &rise, "steps"_a,
           R"(Goes on by at most so many steps: whether nobody rises any more.

A step ends where a link is full, a path is empty, or a demand has all that it may have.)")
      .def("distances", &distances, "prices"_a.none(),
           nb::sig("def distances(self, prices: numpy.typing.NDArray[numpy.float64]) "
                   "-> numpy.typing.NDArray[numpy.float64]"),
           "What a unit of every demand costs at these prices at least, float64[demands].")
      .def_prop_ro("steps", &Levels::steps, "How many steps it took.")
      .def_prop_ro("level", &Levels::level, "How high those have risen that still do.")
      .def_prop_ro("levels", &Levels::levels, "How often something was in the way of somebody for good.")
      .def_prop_ro("price", [](const Levels& self) { return array_of(self.price()); },
                   nb::sig("def price(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What was first in the way, as prices of links, float64[links]: they prove the level. 0: nothing was.")
      .def_prop_ro("served", [](const Levels& self) { return array_of(self.served()); },
                   nb::sig("def served(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What every demand has, float64[demands].")
      .def_prop_ro("flow", [](const Levels& self) { return array_of(self.flow()); },
                   nb::sig("def flow(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What every set puts on every link, float64[sets * links] row after row.")
      .def("paths", &level_paths,
           nb::sig("def paths(self) -> tuple[numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int64], "
                   "numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.float64]]"),
           R"(What carries something: (demand, start, link, amount) by path.

Path k is the links link[start[k]], ..., link[start[k + 1] - 1], from the target back.)");

  nb::class_<PathFlows>(module, "PathFlows", R"(Flows on paths that are given, shared out at prices that rise with the load.

Demand d has the paths [first[d], first[d + 1]); path p is the links link[start[p]], ..., link[start[p + 1] - 1].
Not for two threads at once.)")
      .def(
          "__init__",
          [](PathFlows* self, nb::handle capacity, nb::handle amount, nb::handle worth, nb::handle first,
             nb::handle start, nb::handle link, nb::handle way) {
            new (self) PathFlows(path_flows_of(capacity, amount, worth, first, start, link, way));
          },
          "capacity"_a.none(), "amount"_a.none(), "worth"_a.none(), "first"_a.none(), "start"_a.none(), "link"_a.none(),
          "way"_a = nb::none(),
          nb::sig("def __init__(self, capacity: numpy.typing.NDArray[numpy.float64], "
                  "amount: numpy.typing.NDArray[numpy.float64], worth: numpy.typing.NDArray[numpy.float64], "
                  "first: numpy.typing.NDArray[numpy.int64], start: numpy.typing.NDArray[numpy.int64], "
                  "link: numpy.typing.NDArray[numpy.int32], "
                  "way: numpy.typing.NDArray[numpy.int64] | None = None) -> None"),
          R"(Nothing is carried yet. capacity is float64[links], above 0; amount and worth are as `Flows` has them.

Where `way` is given, path p goes the way way[p], and start and link are of ways: several paths may go one way.
All are copied. Raises ValueError for what does not fit together.)")
      .def("copy", [](const PathFlows& self) { return PathFlows(self); }, "The same flows, to be changed apart.")
      .def("sweep", &path_sweep, "weight"_a.none(), "slope"_a, "unit"_a, "tolerance"_a, "turn"_a = 0, "threads"_a = 0,
           nb::sig("def sweep(self, weight: numpy.typing.NDArray[numpy.float64], slope: float, unit: float, "
                   "tolerance: float, turn: int = 0, threads: int = 0) -> tuple[float, int]"),
           "Every demand once, in an order that `turn` changes: (regret, how often flow was moved), as `Flows.sweep`.")
      .def("at", &path_at, "prices"_a.none(), "threads"_a = 0,
           nb::sig("def at(self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0) "
                   "-> tuple[float, float]"),
           "As `Flows.at`, over these paths.")
      .def("least", &path_least, "prices"_a.none(), "threads"_a = 0,
           nb::sig("def least(self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0) "
                   "-> numpy.typing.NDArray[numpy.float64]"),
           "What the cheapest path of every demand costs at these prices, infinity where it has none.")
      .def("fit", &path_fit, "prices"_a.none(),
           nb::sig("def fit(self, prices: numpy.typing.NDArray[numpy.float64]) -> None"), "As `Flows.fit`.")
      .def("set", &path_set, "flow"_a.none(),
           nb::sig("def set(self, flow: numpy.typing.NDArray[numpy.float64]) -> None"),
           "Takes over what every path carries, float64[paths].")
      .def_prop_ro("load", [](const PathFlows& self) { return array_of(self.load()); },
                   nb::sig("def load(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What every link carries, float64[links].")
      .def_prop_ro("flow", [](const PathFlows& self) { return array_of(self.flow()); },
                   nb::sig("def flow(self) -> numpy.typing.NDArray[numpy.float64]"),
                   "What every path carries, float64[paths].");
}

}  // namespace highroad
