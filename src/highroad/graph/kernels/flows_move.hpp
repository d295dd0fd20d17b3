// How the flow of one set is moved to cheaper ways, added to and taken off: the rest of flows.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "flows.hpp"

namespace highroad {

// One set: ways that cost more than the tree's are left for it, what earns is added, what costs too much taken off.
inline double Flows::improve(std::size_t g, const Pricing& pricing, double tolerance, double enough, bool together,
                             Hand& hand) {
  if (first(g) == first(g + 1)) return 0;
  if (is_shared_) prefer(g);
  grow_again(g, cut(g) * (1 + tolerance), hand);
  double* flow = of(g);
  const double regret = account(g, flow, hand);
  if (regret <= enough) return regret;
  is_tidy_[g] = 0;
  shift(g, flow, pricing, tolerance, MUCH * regret, hand);
  remove(g, flow, pricing, tolerance, hand);
  if (together)
    for (std::size_t k = 0; k < levels_.size(); ++k)  // One after the other, the worthiest first.
      add_together(g, levels_[k], k == 0 ? UNREACHED : levels_[k - 1], flow, pricing, hand);
  else
    add(g, flow, pricing, MUCH * regret, hand);
  return regret;
}

inline double Flows::account(std::size_t g, const double* flow, const Hand& hand) const {
  // Which links are in use cannot be guessed: to add nothing for the others is faster than to ask. (0 times infinity, the
  // price of a link that is cut, would not be nothing.)
  const double* price = hand.price.data();
  const auto cost = [&](std::size_t e) { return flow[e] * std::min(price[e], LARGE); };
  double sum[4] = {0, 0, 0, 0};
  std::size_t next = 0;
  for (; next + 4 <= links(); next += 4)
    for (std::size_t k = 0; k < 4; ++k) sum[k] += cost(next + k);
  for (; next < links(); ++next) sum[0] += cost(next);
  double regret = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  if (has_[g] == Has::OFFERED) {  // The same as below, without asking.
    double earned = 0, paid = 0;
    for (auto d = first(g); d < first(g + 1); ++d) {
      earned += demands_.amount[d] * std::max(0.0, demands_.worth[d] - hand.distance[node(demands_.target[d])]);
      paid += demands_.worth[d] * served_[d];
    }
    return regret + earned - paid;
  }
  for (auto d = first(g); d < first(g + 1); ++d) {
    const double distance = hand.distance[node(demands_.target[d])];
    if (must(d)) {
      if (distance < UNREACHED) regret -= served_[d] * distance;
    } else {
      regret -= demands_.worth[d] * served_[d];
      if (distance < demands_.worth[d]) regret += demands_.amount[d] * (demands_.worth[d] - distance);
    }
  }
  return regret;
}

inline void Flows::shift(std::size_t g, double* flow, const Pricing& pricing, double tolerance, double much, Hand& hand) const {
  // Few links in use are not the tree's: those are found first, and no more come while flow goes to the tree. The farthest
  // first.
  std::size_t found = 0;
  hand.beside.resize(links() + 1);
  for (std::size_t e = 0; e < links(); ++e) {
    hand.beside[found] = static_cast<Link>(e);
    found += static_cast<std::size_t>((flow[e] > 0) & (hand.into[node(network_.head[e])] != static_cast<Link>(e)));
  }
  const double* distance = hand.distance.data();
  const auto end = std::remove_if(hand.beside.begin(), hand.beside.begin() + static_cast<std::ptrdiff_t>(found), [&](Link e) {
    const double far = distance[head(e)];
    return !(distance[tail(e)] + hand.price[at(e)] > far * (1 + tolerance)) || far == UNREACHED || head(e) == hand.settled[0];
  });
  std::sort(hand.beside.begin(), end, [&](Link a, Link b) {
    const double x = distance[head(a)], y = distance[head(b)];
    return x != y ? x > y : a < b;
  });
  for (auto one = hand.beside.begin(); one != end; ++one) {
    const Link e = *one;
    const Node v = head(e);
    const auto over = [&] { return distance[tail(e)] + hand.price[at(e)] - distance[v] * (1 + tolerance); };
    if (flow[e] <= 0 || over() <= 0) continue;
    move(e, hand.into[node(v)], flow, pricing, tolerance, hand);
    if (!(flow[e] * over() > much)) continue;
    look_around(g, v, distance[tail(e)] + hand.price[at(e)], hand);
    for (const Link by : hand.around) {
      if (by == e) continue;
      move(e, by, flow, pricing, tolerance, hand);
      if (!(flow[e] * over() > much)) break;
    }
  }
}

// The links by which v is reached for less than so much, but that of the tree; the cheapest first.
inline void Flows::look_around(std::size_t g, Node v, double most, Hand& hand) const {
  const Rows& in = network_.in;
  const std::uint8_t* may = allowed(g);
  const auto reached = [&](Link e) { return hand.distance[node(tail(e))] + hand.price[at(e)]; };
  hand.around.clear();
  for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e)
    if (e != hand.into[node(v)] && reached(e) < most && (may == nullptr || may[e])) hand.around.push_back(e);
  std::sort(hand.around.begin(), hand.around.end(), [&](Link a, Link b) {
    const double x = reached(a), y = reached(b);
    return x != y ? x < y : a < b;
  });
}

// From the way on which e comes to its head to the tree's, whose last link is `by`.
inline void Flows::move(Link e, Link by, double* flow, const Pricing& pricing, double tolerance, Hand& hand) const {
  const Node v = head(e);
  const auto back = [&](Node u) { return u == v ? by : hand.into[node(u)]; };
  for (int attempt = 0; attempt < 3 && flow[e] > 0; ++attempt) {
    const std::int64_t above = ++hand.stamps;
    hand.stamp[node(v)] = above;
    Node up = tail(by);  // The tree's way is looked at as far as it has to be: no nearer to the source than the other.
    hand.stamp[node(up)] = above;
    const std::int64_t seen = ++hand.stamps;
    hand.walked.clear();
    hand.walked.push_back(e);
    double dear = hand.price[at(e)], dear_slope = dear / capacity_[at(e)], most = flow[e];
    Node meet = tail(e);
    bool cycle = meet == v;
    while (!cycle) {
      const double far = hand.distance[node(meet)];
      while (hand.into[node(up)] != NO_LINK && hand.distance[node(up)] >= far) {
        up = tail(hand.into[node(up)]);
        if (up == v) return;  // It is on the other's way.
        hand.stamp[node(up)] = above;
      }
      if (hand.stamp[node(meet)] == above) break;
      if (hand.stamp[node(meet)] == seen) {
        cycle = true;
        break;
      }
      hand.stamp[node(meet)] = seen;
      const Link used = largest_into(meet, flow);
      if (used == NO_LINK) return;  // less than nothing was left of it
      hand.walked.push_back(used);
      dear += hand.price[at(used)];
      dear_slope += hand.price[at(used)] / capacity_[at(used)];
      most = std::min(most, flow[used]);
      meet = tail(used);
    }
    if (cycle) {
      cancel(meet, flow, pricing, hand);
      continue;
    }
    double cheap = 0, cheap_slope = 0, smallest = UNREACHED;
    for (Node u = v; u != meet; u = tail(back(u))) {
      const Link on = back(u);
      smallest = std::min(smallest, capacity_[at(on)]);
      cheap += hand.price[at(on)];
      cheap_slope += hand.price[at(on)] / capacity_[at(on)];
    }
    if (dear <= cheap * (1 + tolerance)) return;
    if (meet == v) {  // it came round to v itself: a cycle
      for (const Link on : hand.walked) put(flow, on, -most, pricing, hand);
      continue;
    }
    const double slope = pricing.slope / pricing.unit * hand.weighs * (dear_slope / dear + cheap_slope / cheap);
    double step = std::log(dear / cheap) / slope;
    if (step < most && dear > 2 * cheap) {
      double past = 0;
      for (const Link on : hand.walked) past = std::max(past, pricing.past(on, hand.load[at(on)], hand.price[at(on)]));
      step += past / hand.weighs;
    }
    step = std::min(most, step);
    if (!pricing.bears(smallest, step, hand.weighs))
      for (Node u = v; u != meet; u = tail(back(u))) {
        const Link on = back(u);
        step = pricing.bearable(on, hand.load[at(on)], step, dear, hand.weighs);
      }
    for (const Link on : hand.walked) put(flow, on, -step, pricing, hand);
    for (Node u = v; u != meet; u = tail(back(u))) put(flow, back(u), step, pricing, hand);
    ++hand.moves;
    return;
  }
}

// The way that was walked came back to a node of its own.
inline void Flows::cancel(Node again, double* flow, const Pricing& pricing, Hand& hand) const {
  double most = std::numeric_limits<double>::infinity();
  std::size_t from = hand.walked.size();
  do {
    --from;
    most = std::min(most, flow[hand.walked[from]]);
  } while (from > 0 && head(hand.walked[from]) != again);
  for (std::size_t k = from; k < hand.walked.size(); ++k) put(flow, hand.walked[k], -most, pricing, hand);
}

inline Link Flows::largest_into(Node v, const double* flow) const {
  const Rows& in = network_.in;
  Link best = NO_LINK;
  double most = 0;
  for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e) {
    if (flow[e] > most) most = flow[e], best = e;
  }
  return best;
}

inline Link Flows::largest_from(Node v, const double* flow) const {
  const Rows& out = network_.out;
  Link best = NO_LINK;
  double most = 0;
  for (std::int32_t k = out.start[node(v)]; k < out.start[node(v) + 1]; ++k) {
    const Link e = out.link[node(k)];
    if (flow[e] > most) most = flow[e], best = e;
  }
  return best;
}

// Where the dearest way in use costs more than it is worth, less is sent along it.
inline void Flows::remove(std::size_t g, double* flow, const Pricing& pricing, double tolerance, Hand& hand) {
  if (has_[g] == Has::MUST) return;
  const Rows& in = network_.in;
  std::copy(hand.distance.begin(), hand.distance.end(), hand.longest.begin());
  for (std::size_t place = 1; place < hand.settled.size(); ++place) {
    const Node v = hand.settled[place];
    double most = hand.distance[node(v)];
    for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e) {
      // Links in use only, again without asking.
      most = std::max(most, std::min(hand.longest[node(tail(e))] + hand.price[at(e)], flow[e] * LARGE));
    }
    hand.longest[node(v)] = most;
  }
  for (auto d = first(g); d < first(g + 1); ++d) {
    const double worth = demands_.worth[d];
    const Node v = demands_.target[d];
    const double known = hand.longest[node(v)];
    if ((served_[d] <= 0) | (known <= worth * (1 + tolerance)) || must(d)) continue;
    for (int times = 0; times < 4 && served_[d] > 0; ++times) {
      double cost = 0, slope = 0, most = served_[d];
      if (!walk_dearest(v, demands_.source[g], flow, pricing, hand, cost, slope, most)) break;
      if (cost <= worth * (1 + tolerance)) break;
      double step = std::log(cost / worth) * cost / (slope * pricing.slope / pricing.unit * hand.weighs);
      for (const Link on : hand.walked)
        if (hand.price[at(on)] > worth)
          step = std::max(step, (hand.load[at(on)] - pricing.load_at(on, worth)) / hand.weighs);
      step = std::min(most, step);
      for (const Link on : hand.walked) put(flow, on, -step, pricing, hand);
      served_[d] -= step;
      if (served_[d] <= nothing_) served_[d] = 0;
      ++hand.moves;
      if (step < most) break;
    }
  }
}

// Back from v to the source along the used links that cost most by what is known.
inline bool Flows::walk_dearest(Node v, Node source, double* flow, const Pricing& pricing, Hand& hand, double& cost,
                                double& slope, double& most) const {
  const Rows& in = network_.in;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::int64_t seen = ++hand.stamps;
    hand.walked.clear();
    cost = slope = 0;
    double least = most;
    Node here = v;
    bool cycle = false;
    while (here != source) {
      if (hand.stamp[node(here)] == seen) {
        cycle = true;
        break;
      }
      hand.stamp[node(here)] = seen;
      Link best = NO_LINK;
      double highest = -1;
      for (Link e = in.start[node(here)]; e < in.start[node(here) + 1]; ++e) {
        if (flow[e] <= 0) continue;
        const Node u = tail(e);
        const double known = hand.longest[node(u)];
        const double to = (known < UNREACHED ? known : 1e30 + flow[e]) + hand.price[at(e)];
        if (to > highest) highest = to, best = e;
      }
      if (best == NO_LINK) return false;
      hand.walked.push_back(best);
      cost += hand.price[at(best)];
      slope += hand.price[at(best)] / capacity_[at(best)];
      least = std::min(least, flow[best]);
      here = tail(best);
    }
    if (!cycle) {
      most = least;
      return true;
    }
    cancel(here, flow, pricing, hand);
  }
  return false;
}

inline void Flows::add(std::size_t g, double* flow, const Pricing& pricing, double much, Hand& hand) {
  for (auto d = first(g); d < first(g + 1); ++d) {
    const double left = demands_.amount[d] - served_[d], worth = demands_.worth[d];
    const Node v = demands_.target[d];
    if ((left <= nothing_) | (hand.distance[node(v)] >= worth)) continue;
    served_[d] += add_by(hand.into[node(v)], worth, left, flow, pricing, hand);
    const auto rest = [&] { return demands_.amount[d] - served_[d]; };
    if (rest() <= nothing_ || rest() * (worth - hand.distance[node(v)]) <= much) continue;
    look_around(g, v, worth, hand);
    for (const Link by : hand.around) {
      served_[d] += add_by(by, worth, rest(), flow, pricing, hand);
      if (rest() * (worth - hand.distance[node(v)]) <= much) break;
    }
  }
}

// Of what is left as much as makes the tree's way, whose last link is `by`, cost what it is worth; how much that was.
inline double Flows::add_by(Link by, double worth, double left, double* flow, const Pricing& pricing, Hand& hand) const {
  const Node v = head(by);
  hand.walked.assign(1, by);
  for (Node u = tail(by); hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)])) {
    if (u == v) return 0;
    hand.walked.push_back(hand.into[node(u)]);
  }
  double step = left;
  if (!std::isinf(worth)) {
    double cost = 0, slope = 0, smallest = UNREACHED;
    for (const Link on : hand.walked) {
      smallest = std::min(smallest, capacity_[at(on)]);
      cost += hand.price[at(on)];
      slope += hand.price[at(on)] / capacity_[at(on)];
    }
    if (cost >= worth) return 0;
    step = std::min(left, std::log(worth / cost) * cost / (slope * pricing.slope / pricing.unit * hand.weighs));
    if (!pricing.bears(smallest, step, hand.weighs))
      for (const Link on : hand.walked) step = pricing.bearable(on, hand.load[at(on)], step, worth, hand.weighs);
  }
  for (const Link on : hand.walked) put(flow, on, step, pricing, hand);
  ++hand.moves;
  return step;
}

// What comes to a node is its worthiest demand's first: no flow changes by that.
inline void Flows::prefer(std::size_t g) {
  for (auto d = first(g); d < first(g + 1);) {
    const auto from = d;
    double comes = 0;
    for (; d < first(g + 1) && demands_.target[d] == demands_.target[from]; ++d) comes += served_[d];
    if (d == from + 1 || must(from)) continue;
    for (auto one = from; one < d; ++one) {
      served_[one] = one + 1 < d ? std::min(comes, demands_.amount[one]) : comes;
      comes -= served_[one];
    }
  }
}

// All demands of a level along the tree at once: of what is wanted behind a link as much as brings its price to what it is
// worth.
inline void Flows::add_together(std::size_t g, double least, double above, double* flow, const Pricing& pricing, Hand& hand) {
  std::vector<double>&want = hand.longest, &share = hand.share;
  const auto counts = [&](std::size_t d) {
    return demands_.worth[d] >= least && (demands_.worth[d] < above || above == UNREACHED) &&
           hand.distance[node(demands_.target[d])] < demands_.worth[d];
  };
  for (const Node v : hand.settled) want[node(v)] = share[node(v)] = 0;
  double worth = -1;
  for (auto d = first(g); d < first(g + 1); ++d) {
    if (!counts(d)) continue;
    want[node(demands_.target[d])] += demands_.amount[d] - served_[d];
    worth = std::max(worth, demands_.worth[d]);
  }
  if (worth < 0) return;
  for (std::size_t place = hand.settled.size(); place-- > 1;) {
    const Node v = hand.settled[place];
    const Link e = hand.into[node(v)];
    double room = want[node(v)];
    if (!std::isinf(worth)) {
      const double weight = std::max(pricing.weight[at(e)], 1e-30);
      const double full = capacity_[at(e)] * pricing.unit * (1 + std::log(worth / weight) / pricing.slope);
      room = std::clamp((full - hand.load[at(e)]) / hand.weighs, 0.0, room);
    }
    share[node(v)] = want[node(v)] > 0 ? room / want[node(v)] : 0;
    want[node(tail(e))] += room;
  }
  share[node(demands_.source[g])] = 1;
  // Downwards: the share of a node's want that is met, and with it what its link carries.
  for (std::size_t place = 1; place < hand.settled.size(); ++place) {
    const Node v = hand.settled[place];
    share[node(v)] *= share[node(tail(hand.into[node(v)]))];
    const double carried = want[node(v)] * share[node(v)];
    if (carried > 0) put(flow, hand.into[node(v)], carried, pricing, hand);
  }
  for (auto d = first(g); d < first(g + 1); ++d) {
    if (counts(d)) served_[d] += (demands_.amount[d] - served_[d]) * share[node(demands_.target[d])];
  }
  ++hand.moves;
}

}  // namespace highroad
