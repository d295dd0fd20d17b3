// Trees of cheapest paths from many sources at once, cut off at a distance (Dijkstra 1959), a source a thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
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

// Paths from source[k] to target[k] that keep off the links barred[first[k]], ..., barred[first[k + 1] - 1].
struct Asked {
  std::vector<Node> source, target;
  std::vector<std::int64_t> first;
  std::vector<Link> barred;
};

// Path k is the links link[start[k]], ..., link[start[k + 1] - 1]; none where there is no path.
struct Detours {
  std::vector<std::int64_t> start{0};
  std::vector<Link> link;
};

inline Detours find_detours(const Network& network, std::span<const double> price, const Asked& asked, int threads) {
  std::vector<std::vector<Link>> found(asked.source.size());
  std::atomic<std::size_t> next{0};
  const auto jobs = static_cast<int>(std::min(static_cast<std::size_t>(threads), found.size()));
  Crew::ours().run(jobs, [&](int) {
    Heap heap(network.nodes);
    std::vector<double> distance(static_cast<std::size_t>(network.nodes), UNREACHED);
    std::vector<Link> into(static_cast<std::size_t>(network.nodes), NO_LINK);
    std::vector<Node> seen;
    std::vector<std::size_t> barred(network.links(), 0);
    for (std::size_t k; (k = next.fetch_add(1, std::memory_order_relaxed)) < found.size();) {
      for (auto at = asked.first[k]; at < asked.first[k + 1]; ++at)
        barred[static_cast<std::size_t>(asked.barred[static_cast<std::size_t>(at)])] = k + 1;
      const Node source = asked.source[k], target = asked.target[k];
      distance[static_cast<std::size_t>(source)] = 0;
      seen.push_back(source);
      heap.push_or_lower(source, distance.data());
      while (!heap.empty()) {
        const Node here = heap.pop(distance.data());
        if (here == target) break;
        for (auto at = static_cast<std::size_t>(network.out.start[static_cast<std::size_t>(here)]);
             at < static_cast<std::size_t>(network.out.start[static_cast<std::size_t>(here) + 1]); ++at) {
          const auto link = static_cast<std::size_t>(network.out.link[at]);
          const auto there = static_cast<std::size_t>(network.out.far[at]);
          if (barred[link] == k + 1) continue;
          const double reached = distance[static_cast<std::size_t>(here)] + price[link];
          if (reached >= distance[there]) continue;
          if (distance[there] == UNREACHED) seen.push_back(static_cast<Node>(there));
          distance[there] = reached;
          into[there] = static_cast<Link>(link);
          heap.push_or_lower(static_cast<Node>(there), distance.data());
        }
      }
      heap.clear();
      if (source != target && distance[static_cast<std::size_t>(target)] < UNREACHED) {
        for (Node v = target; v != source; v = network.tail[static_cast<std::size_t>(into[static_cast<std::size_t>(v)])])
          found[k].push_back(into[static_cast<std::size_t>(v)]);
        std::reverse(found[k].begin(), found[k].end());
      }
      for (const Node v : seen) distance[static_cast<std::size_t>(v)] = UNREACHED;
      seen.clear();
    }
  });
  Detours all;
  all.start.reserve(found.size() + 1);
  for (const auto& path : found) {
    all.link.insert(all.link.end(), path.begin(), path.end());
    all.start.push_back(static_cast<std::int64_t>(all.link.size()));
  }
  return all;
}

}  // namespace highroad
