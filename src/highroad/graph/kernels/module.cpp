// highroad.graph._kernels: what of the kernels Python sees. Its types are in _kernels.pyi, which `make format` writes.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "arguments.hpp"
#include "cheapest.hpp"
#include "crew.hpp"
#include "network.hpp"
#include "ways.hpp"
#include "within.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace highroad {

void add_flows(nb::module_& module);

namespace {

constexpr std::int64_t MOST = std::numeric_limits<std::int32_t>::max() - 1;

Network network_of(std::int64_t nodes, nb::handle tail_given, nb::handle head_given) {
  if (nodes < 0 || nodes > MOST) refuse("nodes is ", nodes, ", and has to be between 0 and ", MOST);
  const auto tail = numbers<Node>(tail_given, "tail");
  const auto head = numbers<Node>(head_given, "head");
  if (tail.size() != head.size()) refuse("tail has ", tail.size(), " elements, and head ", head.size());
  if (tail.size() > static_cast<std::size_t>(MOST)) refuse("there are more links than ", MOST);
  check_nodes(tail, static_cast<Node>(nodes), "tail");
  check_nodes(head, static_cast<Node>(nodes), "head");
  for (std::size_t e = 0; e < tail.size(); ++e)
    if (tail[e] == head[e]) refuse("link ", e, " begins and ends at node ", tail[e]);
  return Network(static_cast<Node>(nodes), tail, head);
}

void set_threads(int count) {
  threads_of(count);
  Crew::set_count(count);
}

nb::tuple trees(const Network& network, nb::handle prices_given, nb::handle sources_given, double cut, int threads) {
  const auto prices = numbers<double>(prices_given, "prices");
  const auto sources = numbers<Node>(sources_given, "sources");
  check_prices(prices, network.links());
  check_nodes(sources, network.nodes, "sources");
  if (!(cut >= 0)) refuse("cut is negative or not a number");
  threads = threads_of(threads);
  const auto nodes = static_cast<std::size_t>(network.nodes);
  auto distance = std::make_unique_for_overwrite<double[]>(sources.size() * nodes);
  auto into = std::make_unique_for_overwrite<Link[]>(sources.size() * nodes);
  {
    nb::gil_scoped_release released;
    grow_trees(network, prices, sources, cut, threads, distance.get(), into.get());
  }
  return nb::make_tuple(array_of(std::move(distance), sources.size(), nodes),
                        array_of(std::move(into), sources.size(), nodes));
}

nb::tuple detours(const Network& network, nb::handle prices_given, nb::handle source, nb::handle target,
                  nb::handle first, nb::handle barred, int threads) {
  const auto prices = numbers<double>(prices_given, "prices");
  Asked asked{numbers<Node>(source, "source"), numbers<Node>(target, "target"), numbers<std::int64_t>(first, "first"),
              numbers<Link>(barred, "barred")};
  check_prices(prices, network.links());
  check_nodes(asked.source, network.nodes, "source");
  check_nodes(asked.target, network.nodes, "target");
  if (asked.target.size() != asked.source.size())
    refuse("target has ", asked.target.size(), " elements, and source ", asked.source.size());
  if (asked.first.size() != asked.source.size() + 1 || asked.first.front() != 0 ||
      asked.first.back() != static_cast<std::int64_t>(asked.barred.size()))
    refuse("first has to have one element more than source, and to go from 0 to the number of barred links");
  for (std::size_t k = 1; k < asked.first.size(); ++k)
    if (asked.first[k] < asked.first[k - 1]) refuse("first[", k, "] is less than the one before");
  for (std::size_t k = 0; k < asked.barred.size(); ++k)
    if (asked.barred[k] < 0 || static_cast<std::size_t>(asked.barred[k]) >= network.links())
      refuse("barred[", k, "] is ", asked.barred[k], ", and links are numbered from 0 to below ", network.links());
  threads = threads_of(threads);
  Detours found;
  {
    nb::gil_scoped_release released;
    found = find_detours(network, prices, asked, threads);
  }
  return nb::make_tuple(array_of(found.start), array_of(found.link));
}

Pairs pairs_of(const Network& network, nb::handle source, nb::handle target, nb::handle fence, nb::handle allowed) {
  Pairs pairs{numbers<Node>(source, "source"), numbers<Node>(target, "target"), numbers<std::int32_t>(fence, "fence"),
              numbers<std::uint8_t>(allowed, "allowed")};
  check_nodes(pairs.source, network.nodes, "source");
  check_nodes(pairs.target, network.nodes, "target");
  if (pairs.target.size() != pairs.size() || pairs.fence.size() != pairs.size())
    refuse("target has ", pairs.target.size(), " elements, fence ", pairs.fence.size(), ", and source ", pairs.size());
  const std::size_t links = network.links();
  if (links > 0 && pairs.allowed.size() % links != 0) refuse("allowed has to be rows of ", links, " links");
  const std::size_t fences = links > 0 ? pairs.allowed.size() / links : 0;
  for (std::size_t k = 0; k < pairs.size(); ++k)
    if (pairs.fence[k] < -1 || pairs.fence[k] >= static_cast<std::int64_t>(fences))
      refuse("fence[", k, "] is ", pairs.fence[k], ", and there are ", fences, " rows in allowed");
  return pairs;
}

nb::tuple ways(const Network& network, nb::handle prices_given, nb::handle source, nb::handle target, nb::handle fence,
               nb::handle allowed, int threads) {
  const auto prices = numbers<double>(prices_given, "prices");
  check_prices(prices, network.links());
  const Pairs pairs = pairs_of(network, source, target, fence, allowed);
  threads = threads_of(threads);
  CheapestWays found;
  {
    nb::gil_scoped_release released;
    found = WaySearch(network, prices, pairs).run(threads);
  }
  return nb::make_tuple(array_of(found.cost), array_of(found.start), array_of(found.link));
}

nb::tuple within(const Network& network, nb::handle prices_given, nb::handle latency_given, nb::handle source,
                 nb::handle target, nb::handle fence, nb::handle allowed, nb::handle bound, nb::handle enough,
                 std::int64_t labels, int threads) {
  const auto prices = numbers<double>(prices_given, "prices");
  const auto latency = numbers<double>(latency_given, "latency");
  check_prices(prices, network.links());
  if (latency.size() != network.links())
    refuse("latency has ", latency.size(), " elements, and there are ", network.links(), " links");
  for (std::size_t e = 0; e < latency.size(); ++e)
    if (!(latency[e] >= 0 && latency[e] < UNREACHED)) refuse("latency[", e, "] is negative or not finite");
  const Pairs pairs = pairs_of(network, source, target, fence, allowed);
  const Bounds bounds{numbers<double>(bound, "bound"), numbers<double>(enough, "enough")};
  for (const auto& [name, given] : {std::pair("bound", &bounds.bound), std::pair("enough", &bounds.enough)}) {
    if (given->size() != pairs.size())
      refuse(name, " has ", given->size(), " elements, and source ", pairs.size());
    for (std::size_t k = 0; k < pairs.size(); ++k)
      if (!((*given)[k] >= 0)) refuse(name, "[", k, "] is negative or not a number");
  }
  if (labels < 0) refuse("labels is ", labels, ", and has to be at least 0");
  threads = threads_of(threads);
  WithinWays found;
  {
    nb::gil_scoped_release released;
    found = WithinSearch(network, prices, latency, pairs, bounds, labels).run(threads);
  }
  return nb::make_tuple(array_of(found.cost), array_of(found.exact), array_of(found.start), array_of(found.link));
}

}  // namespace
}  // namespace highroad

NB_MODULE(_kernels, module) {
  using namespace highroad;

  // A network that is still held when the interpreter ends is no fault that anybody should be told of.
  nb::set_leak_warnings(false);

  module.doc() = "The compiled kernels: searches on a network given as arrays. Sources in kernels/, by `make`.";

  module.def("threads", &Crew::count, "How many threads a call takes that is not told: those set, or one a processor.");

  module.def("set_threads", &set_threads, "count"_a,
             R"(Sets how many threads a call takes that is not told; 0 is one a processor that this process may run on.

They are made when they are first needed, kept, and shared by all calls of this process; a call that comes while
they are busy is done by the thread that makes it. A forked process makes its own.
Raises ValueError for a count below 0 or above 1024.)");

  nb::class_<Network>(module, "Network", R"(A directed network: nodes [0, nodes), and links from their tail to their head.

Never changed once made, so it may be used by several threads at once.)")
      .def(
          "__init__",
          [](Network* self, std::int64_t nodes, nb::handle tail, nb::handle head) {
            new (self) Network(network_of(nodes, tail, head));
          },
          "nodes"_a, "tail"_a.none(), "head"_a.none(),
          nb::sig("def __init__(self, nodes: int, tail: numpy.typing.NDArray[numpy.int32], "
                  "head: numpy.typing.NDArray[numpy.int32]) -> None"),
          R"(The network of these links; both arrays are int32[links] and copied.

Parallel links and parts that are not joined are normal. Raises ValueError for an end that is no node, for a
link that begins and ends at one node, and for arrays of another shape or type.)")
      .def_prop_ro("nodes", [](const Network& self) { return self.nodes; }, "How many nodes there are.")
      .def_prop_ro("links", &Network::links, "How many links there are.")
      .def("trees", &trees, "prices"_a.none(), "sources"_a.none(), "cut"_a = UNREACHED, "threads"_a = 0,
           nb::sig("def trees(self, prices: numpy.typing.NDArray[numpy.float64], "
                   "sources: numpy.typing.NDArray[numpy.int32], cut: float = ..., threads: int = 0) "
                   "-> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.int32]]"),
           R"(The trees of cheapest paths from each of the sources: (distance, into).

prices is float64[links], each at least 0, in any unit; a link of price infinity is not used. sources is
int32[sources], and may name a node twice. cut, in the unit of the prices and infinity unless given, is how far
is looked: what is further is as if not joined. threads is how many do the work at most; 0 is what `threads()`
says. What comes out does not depend on it.

distance is float64[sources, nodes] in the unit of the prices, infinity where a node is not reached. into is
int32[sources, nodes]: the link by which the node is reached, -1 where it is not, and at the source.

Other threads run meanwhile. Raises ValueError for a price or a cut that is negative or not a number, for a
source that is no node, and for arrays of another shape or type.)")
      .def("detours", &detours, "prices"_a.none(), "source"_a.none(), "target"_a.none(), "first"_a.none(),
           "barred"_a.none(), "threads"_a = 0,
           nb::sig("def detours(self, prices: numpy.typing.NDArray[numpy.float64], "
                   "source: numpy.typing.NDArray[numpy.int32], target: numpy.typing.NDArray[numpy.int32], "
                   "first: numpy.typing.NDArray[numpy.int64], barred: numpy.typing.NDArray[numpy.int32], "
                   "threads: int = 0) -> tuple[numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int32]]"),
           R"(The cheapest path from each source to its target that keeps off some links: (start, link).

prices is as for `trees`; source and target are of one element a path, and path k keeps off the links
barred[first[k]], ..., barred[first[k + 1] - 1]: first is int64, barred int32. Path k is the links
link[start[k]], ..., link[start[k + 1] - 1]; none where there is no path, and from a node to itself.

Other threads run meanwhile, and what comes out does not depend on how many there are. Raises ValueError for
what does not fit together.)")
      .def("ways", &ways, "prices"_a.none(), "source"_a.none(), "target"_a.none(), "fence"_a.none(), "allowed"_a.none(),
           "threads"_a = 0,
           nb::sig("def ways(self, prices: numpy.typing.NDArray[numpy.float64], "
                   "source: numpy.typing.NDArray[numpy.int32], target: numpy.typing.NDArray[numpy.int32], "
                   "fence: numpy.typing.NDArray[numpy.int32], allowed: numpy.typing.NDArray[numpy.uint8], "
                   "threads: int = 0) -> tuple[numpy.typing.NDArray[numpy.float64], "
                   "numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int32]]"),
           R"(The cheapest way of each pair of ends inside its fence: (cost, start, link).

prices is as for `trees`; source, target and fence are of one element a pair. allowed has a row of links for
each fence, uint8[fences * links], not 0 where it may go; fence[k] is a row, or -1. Way k is the links
link[start[k]], ..., link[start[k + 1] - 1], from the target back; none where there is no way, and from a node
to itself. cost is in the unit of the prices, infinity where there is no way.

Other threads run meanwhile, and what comes out does not depend on how many there are. Raises ValueError for
what does not fit together.)")
      .def("within", &within, "prices"_a.none(), "latency"_a.none(), "source"_a.none(), "target"_a.none(),
           "fence"_a.none(), "allowed"_a.none(), "bound"_a.none(), "enough"_a.none(), "labels"_a, "threads"_a = 0,
           nb::sig("def within(self, prices: numpy.typing.NDArray[numpy.float64], "
                   "latency: numpy.typing.NDArray[numpy.float64], "
                   "source: numpy.typing.NDArray[numpy.int32], target: numpy.typing.NDArray[numpy.int32], "
                   "fence: numpy.typing.NDArray[numpy.int32], allowed: numpy.typing.NDArray[numpy.uint8], "
                   "bound: numpy.typing.NDArray[numpy.float64], enough: numpy.typing.NDArray[numpy.float64], "
                   "labels: int, threads: int = 0) "
                   "-> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.uint8], "
                   "numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int32]]"),
           R"(The cheapest way of each pair of ends that takes no longer than its bound: (cost, exact, start, link).

As `ways`, with the latency of links, float64[links], and for each pair the bound of it, in the same unit, and
enough, a cost of which it suffices to know that no way is below it; both float64 and infinity for none. Each
pair's search is left after so many labels.

cost is what no way inside the bound is below, infinity where there is none. Where exact, uint8, is not 0, that
is what way k costs; otherwise way k is the cheapest that was found inside the bound.

Other threads run meanwhile, and what comes out does not depend on how many there are. Raises ValueError for
what does not fit together.)");

  add_flows(module);
}
