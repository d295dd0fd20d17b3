// A tree of cheapest paths from one node, of which it is known what has to be forgotten before the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cheapest.hpp"
#include "network.hpp"

namespace highroad {

class Tree {
 public:
  explicit Tree(Node nodes)
      : heap_(nodes),
        distance_(static_cast<std::size_t>(nodes), UNREACHED),
        into_(static_cast<std::size_t>(nodes), NO_LINK) {}

  // Up to a cost, over links that are not 0 in `may`. Of paths that cost the same the one of fewest links is the best.
  void grow(const Network& network, Node source, const std::uint8_t* may, const std::vector<double>& price,
            double cut) {
    const Rows& out = network.out;
    double* distance = distance_.data();
    distance[source] = 0;
    seen_.push_back(source);
    heap_.push_or_lower(source, distance);
    while (!heap_.empty()) {
      const Node here = heap_.pop(distance);
      for (std::int32_t k = out.start[at(here)]; k < out.start[at(here) + 1]; ++k) {
        const Link e = out.link[at(k)];
        const Node there = out.far[at(k)];
        const double reached = distance[here] + price[at(e)] + HOP;
        if (reached >= distance[there] || reached > cut || (may != nullptr && may[e] == 0)) continue;
        if (distance[there] == UNREACHED) seen_.push_back(there);
        distance[there] = reached;
        into_[at(there)] = e;
        heap_.push_or_lower(there, distance);
      }
    }
  }

  void forget() {
    for (const Node v : seen_) distance_[at(v)] = UNREACHED;
    seen_.clear();
  }

  double distance(Node v) const { return distance_[at(v)]; }

  // From a node that was reached back to the source.
  std::vector<Link> walked(const Network& network, Node source, Node v) const {
    std::vector<Link> path;
    for (; v != source; v = network.tail[at(into_[at(v)])]) path.push_back(into_[at(v)]);
    return path;
  }

 private:
  static constexpr double HOP = 1e-11;

  static std::size_t at(std::int32_t number) { return static_cast<std::size_t>(number); }

  Heap heap_;
  std::vector<double> distance_;
  std::vector<Link> into_;
  std::vector<Node> seen_;
};

// 1 where a path goes over a link, else 0.
inline double crosses(const std::vector<Link>& path, std::size_t link) {
  for (const Link e : path)
    if (static_cast<std::size_t>(e) == link) return 1;
  return 0;
}

// What a unit on a path costs at prices of links.
inline double cost(const std::vector<Link>& path, const std::vector<double>& price) {
  double sum = 0;
  for (const Link e : path) sum += price[static_cast<std::size_t>(e)];
  return sum;
}

}  // namespace highroad
