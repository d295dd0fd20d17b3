// Trees of cheapest paths from many sources at once, cut off at a distance (Dijkstra 1959), a source a thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "crew.hpp"
#include "network.hpp"

namespace highroad {

inline constexpr double UNREACHED = std::numeric_limits<double>::infinity();

// One tree: of every node its distance from the source, and the link by which it is reached. price is by place in
// network.out. The heap is empty before and after.
inline void grow_tree(const Network& network, const double* price, Node source, double cut, Heap& heap, double* distance,
                      Link* into) {
  std::fill_n(distance, network.nodes, UNREACHED);
  std::fill_n(into, network.nodes, NO_LINK);
  const std::int32_t* start = network.out.start.data();
  const Node* far = network.out.far.data();
  const Link* link = network.out.link.data();
  distance[source] = 0;
  heap.push_or_lower(source, distance);
  while (!heap.empty()) {
    const Node here = heap.pop(distance);
    for (std::int32_t at = start[here]; at < start[here + 1]; ++at) {
      const Node there = far[at];
      const double reached = distance[here] + price[at];
      if (reached >= distance[there] || reached > cut) continue;
      distance[there] = reached;
      into[there] = link[at];
      heap.push_or_lower(there, distance);
    }
  }
}

// Row k of distance and of into (both of sources.size() rows of network.nodes) is the tree from sources[k]. price is by
// link. What comes out does not depend on how many threads there are.
inline void grow_trees(const Network& network, std::span<const double> price, std::span<const Node> sources, double cut,
                       int threads, double* distance, Link* into) {
  std::vector<double> in_order(price.size());
  std::transform(network.out.link.begin(), network.out.link.end(), in_order.begin(),
                 [&](Link e) { return price[static_cast<std::size_t>(e)]; });
  const auto nodes = static_cast<std::size_t>(network.nodes);
  std::atomic<std::size_t> next{0};
  const auto jobs = static_cast<int>(std::min(static_cast<std::size_t>(threads), sources.size()));
  Crew::ours().run(jobs, [&](int) {
    Heap heap(network.nodes);
    for (std::size_t k; (k = next.fetch_add(1, std::memory_order_relaxed)) < sources.size();)
      grow_tree(network, in_order.data(), sources[k], cut, heap, distance + k * nodes, into + k * nodes);
  });
}

}  // namespace highroad
