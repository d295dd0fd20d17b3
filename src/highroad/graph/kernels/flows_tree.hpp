// Trees of cheapest ways, from nothing and from those of last time: the rest of flows.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flows.hpp"

namespace highroad {

// The tree of a set at the hand's prices, and in which order its nodes were reached for good.
inline void Flows::grow(std::size_t g, double cut, Hand& hand) const {
  std::fill(hand.distance.begin(), hand.distance.end(), UNREACHED);
  hand.settled.clear();
  const Rows& out = network_.out;
  const std::uint8_t* may = allowed(g);
  double* distance = hand.distance.data();
  const double* price = hand.price.data();
  const Node source = demands_.source[g];
  distance[source] = 0;
  hand.into[node(source)] = NO_LINK;
  hand.heap.push_or_lower(source, distance);
  while (!hand.heap.empty()) {
    const Node here = hand.heap.pop(distance);
    hand.settled.push_back(here);
    const double so_far = distance[here];
    for (std::int32_t k = out.start[node(here)]; k < out.start[node(here) + 1]; ++k) {
      const Link e = out.link[node(k)];
      const Node there = out.far[node(k)];
      const double reached = so_far + price[e];
      if (reached >= distance[there] || reached > cut || (may != nullptr && !may[e])) continue;
      distance[there] = reached;
      hand.into[node(there)] = e;
      hand.heap.push_or_lower(there, distance);
    }
  }
}

// As `grow`, from the order in which nodes were settled last time: where prices have changed little since, few come out
// of turn. Those are mended; those settled are in no order.
inline void Flows::mend(std::size_t g, double cut, const std::vector<Node>& order, Hand& hand) const {
  const Rows& out = network_.out;
  const std::uint8_t* may = allowed(g);
  double* distance = hand.distance.data();
  const double* price = hand.price.data();
  const Node source = demands_.source[g];
  std::fill(hand.distance.begin(), hand.distance.end(), UNREACHED);
  const std::int64_t waits = ++hand.stamps;
  for (const Node v : order) hand.stamp[node(v)] = waits;
  hand.settled.assign(1, source);
  distance[source] = 0;
  hand.into[node(source)] = NO_LINK;
  const auto look = [&](Node here) {
    const double so_far = distance[here];
    for (std::int32_t k = out.start[node(here)]; k < out.start[node(here) + 1]; ++k) {
      const Link e = out.link[node(k)];
      const Node there = out.far[node(k)];
      const double reached = so_far + price[e];
      if (reached >= distance[there] || reached > cut || (may != nullptr && !may[e])) continue;
      if (distance[there] == UNREACHED) hand.settled.push_back(there);
      distance[there] = reached;
      hand.into[node(there)] = e;
      if (hand.stamp[node(there)] != waits) hand.heap.push_or_lower(there, distance);
    }
  };
  for (const Node here : order) {
    hand.stamp[node(here)] = 0;
    if (distance[here] < UNREACHED) look(here);
  }
  while (!hand.heap.empty()) look(hand.heap.pop(distance));
}

// The tree of a set, its nodes in no order.
inline void Flows::reach(std::size_t g, double cut, Hand& hand) const {
  if (orders_[g].empty())
    grow(g, cut, hand);
  else
    mend(g, cut, orders_[g], hand);
}

// The tree of a set, and its order kept for `reach`.
inline void Flows::grow_again(std::size_t g, double cut, Hand& hand) {
  grow(g, cut, hand);
  orders_[g].assign(hand.settled.begin(), hand.settled.end());
}

}  // namespace highroad
