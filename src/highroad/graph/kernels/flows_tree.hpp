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
// of turn. Those are mended, and counted; those settled are in no order.
inline std::size_t Flows::mend(std::size_t g, double cut, const std::vector<Node>& order, Hand& hand) const {
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
  std::size_t mended = 0;
  for (; !hand.heap.empty(); ++mended) look(hand.heap.pop(distance));
  return mended;
}

// The tree of a set, its nodes in no order.
inline void Flows::reach(std::size_t g, double cut, Hand& hand) const {
  if (orders_[g].empty())
    grow(g, cut, hand);
  else
    mend(g, cut, orders_[g], hand);
}

// The tree of a set, as `grow` has it but for which of nodes equally far is first, and its order kept for next time.
inline void Flows::grow_again(std::size_t g, double cut, Hand& hand) {
  std::vector<Node>& order = orders_[g];
  if (order.empty()) {
    grow(g, cut, hand);
    order = hand.settled;
    return;
  }
  const double* distance = hand.distance.data();
  const auto nearer = [&](Node a, Node b) { return distance[a] < distance[b]; };
  if (mend(g, cut, order, hand) > order.size() / MENDED) {
    std::sort(hand.settled.begin() + 1, hand.settled.end(), nearer);
    order.clear();
    return;
  }
  // Nearly in order already: of last time's those that are reached, and the few that are new.
  const std::int64_t fresh = ++hand.stamps;
  for (const Node v : hand.settled) hand.stamp[node(v)] = fresh;
  hand.sorted.clear();
  for (const Node v : order)
    if (distance[v] < UNREACHED) hand.sorted.push_back(v), hand.stamp[node(v)] = 0;
  for (const Node v : hand.settled)
    if (hand.stamp[node(v)] == fresh) hand.sorted.push_back(v);
  for (std::size_t k = 1; k < hand.sorted.size(); ++k) {
    const Node v = hand.sorted[k];
    std::size_t place = k;
    for (; place > 0 && nearer(v, hand.sorted[place - 1]); --place) hand.sorted[place] = hand.sorted[place - 1];
    hand.sorted[place] = v;
  }
  hand.settled.swap(hand.sorted);
  order = hand.settled;
}

}  // namespace highroad
