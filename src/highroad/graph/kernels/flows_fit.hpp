// How flows are made to fit their links, cleared of cycles and taken apart into paths: the rest of flows.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "flows.hpp"

namespace highroad {

// Demands that get more than they ask for, as they may in a plan of before: what is too much goes, back from the target.
inline void Flows::trim(Hand& hand) {
  for (std::size_t g = 0; g < demands_.sets(); ++g) {
    double* flow = of(g);
    for (auto d = first(g); d < first(g + 1); ++d) {
      while (served_[d] > demands_.amount[d]) {
        double most = served_[d] - demands_.amount[d];
        hand.walked.clear();
        Node u = demands_.target[d];
        while (u != demands_.source[g] && hand.walked.size() <= hand.distance.size()) {
          const Link back = largest_into(u, flow);
          if (back == NO_LINK) break;
          hand.walked.push_back(back);
          most = std::min(most, flow[back]);
          u = tail(back);
        }
        if (u != demands_.source[g]) {
          served_[d] = demands_.amount[d];
          break;
        }
        take(flow, most, hand);
        served_[d] = served_[d] - demands_.amount[d] <= most ? demands_.amount[d] : served_[d] - most;
      }
    }
  }
}

// Less of the way that was walked.
inline void Flows::take(double* flow, double amount, Hand& hand) {
  for (const Link on : hand.walked) {
    flow[on] = flow[on] - amount <= nothing_ ? 0 : flow[on] - amount;
    load_[at(on)] -= amount;
  }
}

// Links over their capacity: some path of some set that crosses it carries less, until it fits. Returns whether any was.
inline bool Flows::relieve(Hand& hand) {
  std::vector<Link> over;
  for (std::size_t e = 0; e < links(); ++e)
    if (load_[e] > capacity_[e]) over.push_back(static_cast<Link>(e));
  std::sort(over.begin(), over.end(), [&](Link a, Link b) {
    const double x = (load_[at(a)] - capacity_[at(a)]) / capacity_[at(a)];
    const double y = (load_[at(b)] - capacity_[at(b)]) / capacity_[at(b)];
    return x != y ? x > y : a < b;
  });
  std::vector<std::int64_t> demand(hand.distance.size());
  std::vector<double> worths;
  for (const double one : demands_.worth)
    if (!std::isinf(one)) worths.push_back(one);
  std::sort(worths.begin(), worths.end());
  worths.erase(std::unique(worths.begin(), worths.end()), worths.end());
  for (const double least : worths) {
    for (const Link e : over) {
      for (std::size_t g = 0; g < demands_.sets() && load_[at(e)] > capacity_[at(e)]; ++g) {
        double* flow = of(g);
        if (flow[e] <= 0) continue;
        std::fill(demand.begin(), demand.end(), -1);
        for (auto d = first(g); d < first(g + 1); ++d)
          if (demands_.worth[d] <= least) demand[node(demands_.target[d])] = static_cast<std::int64_t>(d);
        while (flow[e] > 0 && load_[at(e)] > capacity_[at(e)])
          if (!peel(e, std::nextafter(load_[at(e)] - capacity_[at(e)], std::numeric_limits<double>::max()),
                    demands_.source[g], flow, demand, hand))
            break;
      }
    }
  }
  return !over.empty();
}

// Every path over these links is given up.
inline void Flows::clear(std::span<const Link> given) {
  Hand hand(network_);
  std::vector<std::uint8_t> gone(links(), 0);
  for (std::size_t e = 0; e < links(); ++e)
    gone[e] = std::find(given.begin(), given.end(), given_[e]) != given.end();
  std::vector<std::int64_t> demand(hand.distance.size());
  for (std::size_t g = 0; g < demands_.sets(); ++g) {
    double* flow = of(g);
    bool known = false;
    for (std::size_t e = 0; e < links(); ++e) {
      if (!gone[e] || flow[e] <= 0) continue;
      if (!known) {
        std::fill(demand.begin(), demand.end(), -1);
        for (auto d = first(g); d < first(g + 1); ++d) demand[node(demands_.target[d])] = static_cast<std::int64_t>(d);
        known = true;
      }
      while (flow[e] > 0 && peel(static_cast<Link>(e), flow[e], demands_.source[g], flow, demand, hand)) {
      }
      load_[e] -= flow[e];
      flow[e] = 0;
    }
  }
  add_up();
}

inline bool Flows::peel(Link e, double most, Node source, double* flow, const std::vector<std::int64_t>& demand, Hand& hand) {
  hand.walked.assign(1, e);
  most = std::min(most, flow[e]);
  for (Node u = tail(e); u != source;) {
    const Link back = largest_into(u, flow);
    if (back == NO_LINK || hand.walked.size() > hand.distance.size()) return false;
    hand.walked.push_back(back);
    most = std::min(most, flow[back]);
    u = tail(back);
  }
  Node v = head(e);
  const auto ends = [&] { return demand[node(v)] >= 0 && served_[static_cast<std::size_t>(demand[node(v)])] > 0; };
  while (!ends()) {
    const Link on = largest_from(v, flow);
    if (on == NO_LINK || hand.walked.size() > 2 * hand.distance.size()) return false;
    hand.walked.push_back(on);
    most = std::min(most, flow[on]);
    v = head(on);
  }
  double& served = served_[static_cast<std::size_t>(demand[node(v)])];
  most = std::min(most, served);
  take(flow, most, hand);
  served = std::max(0.0, served - most);
  return true;
}

// Gives what room there is. Returns whether anything was given.
inline bool Flows::fill(Hand& hand) {
  std::vector<double> price = hand.price;
  const double little = 1e3 * nothing_;
  bool given = false;
  for (std::size_t e = 0; e < links(); ++e)
    if (capacity_[e] - load_[e] <= little) hand.price[e] = UNREACHED;
  for (std::size_t g = 0; g < demands_.sets(); ++g) {
    double left = 0;
    for (auto d = first(g); d < first(g + 1); ++d) left = std::max(left, demands_.amount[d] - served_[d]);
    if (left <= little) continue;
    grow(g, std::min(std::numeric_limits<double>::max(), LOOKED * cut(g)), hand);
    double* flow = of(g);
    for (auto d = first(g); d < first(g + 1); ++d) {
      double room = demands_.amount[d] - served_[d];
      const Node v = demands_.target[d];
      if (room <= little || hand.distance[node(v)] == UNREACHED) continue;
      for (Node u = v; hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)])) {
        const Link on = hand.into[node(u)];
        room = std::min(room, (capacity_[at(on)] - load_[at(on)]) * (1 - 1e-12));
      }
      if (room <= little) continue;
      given = true;
      for (Node u = v; hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)])) {
        const Link on = hand.into[node(u)];
        flow[on] += room;
        load_[at(on)] += room;
        if (capacity_[at(on)] - load_[at(on)] <= little) hand.price[at(on)] = UNREACHED;
      }
      served_[d] += room;
    }
  }
  hand.price = std::move(price);
  return given;
}

// Every cycle of every set's flow, by looking at each node once from each of its used links (depth first).
inline void Flows::clean(int threads) {
  const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), demands_.sets())));
  Crew::ours().run(jobs, [&](int job) {
    std::vector<std::int32_t> next(static_cast<std::size_t>(network_.nodes));
    std::vector<std::uint8_t> state(next.size());
    std::vector<Link> walked;
    for (auto g = static_cast<std::size_t>(job); g < demands_.sets(); g += static_cast<std::size_t>(jobs))
      clean_set(g, next, state, walked);
  });
  add_up();
}

inline void Flows::clean_set(std::size_t g, std::vector<std::int32_t>& next, std::vector<std::uint8_t>& state,
                             std::vector<Link>& walked) {
  const Rows& out = network_.out;
  double* flow = of(g);
  for (std::size_t v = 0; v < next.size(); ++v) next[v] = out.start[v], state[v] = 0;
  walked.clear();
  // From the source first; what goes round elsewhere, and came from nowhere, is found from its own nodes.
  for (Node root = -1; root < network_.nodes; ++root) {
    Node here = root < 0 ? demands_.source[g] : root;
    if (state[node(here)] != 0) continue;
    state[node(here)] = 1;
    for (;;) {
      if (next[node(here)] == out.start[node(here) + 1]) {
        state[node(here)] = 2;
        if (walked.empty()) break;
        here = tail(walked.back());
        walked.pop_back();
        ++next[node(here)];
        continue;
      }
      const Link e = out.link[node(next[node(here)])];
      const Node there = head(e);
      if (flow[e] <= 0 || state[node(there)] == 2) {
        ++next[node(here)];
      } else if (state[node(there)] == 0) {
        state[node(there)] = 1;
        walked.push_back(e);
        here = there;
      } else {
        double most = flow[e];
        std::size_t from = walked.size();
        while (from > 0 && tail(walked[from - 1]) != there) --from, most = std::min(most, flow[walked[from]]);
        if (from > 0) --from, most = std::min(most, flow[walked[from]]);
        flow[e] -= most;
        for (std::size_t k = from; k < walked.size(); ++k) {
          flow[walked[k]] -= most;
        }
        // Back to where the cycle is broken first.
        std::size_t keep = from;
        while (keep < walked.size() && flow[walked[keep]] > nothing_) ++keep;
        while (walked.size() > keep) {
          const Link gone = walked.back();
          walked.pop_back();
          state[node(head(gone))] = 0;
          next[node(head(gone))] = out.start[node(head(gone))];
          here = tail(gone);
          if (flow[gone] <= nothing_) flow[gone] = 0;
        }
        if (flow[e] <= nothing_) flow[e] = 0;
      }
    }
  }
}

// What rounding errors have left at a node is taken off: backwards what comes and does not go on, then forwards what goes
// on and did not come. It is small beside what flows at all, but need not be beside a small demand. Flows have no cycles.
// Demands that must be carried stay as they are.
inline void Flows::settle() {
  const Rows &in = network_.in, &out = network_.out;
  const auto nodes = static_cast<std::size_t>(network_.nodes);
  std::vector<std::int32_t> comes(nodes);
  std::vector<std::int64_t> demand(nodes);
  std::vector<Node> order;
  for (std::size_t g = 0; g < demands_.sets(); ++g) {
    double* flow = of(g);
    std::fill(comes.begin(), comes.end(), 0);
    for (std::size_t e = 0; e < links(); ++e)
      if (flow[e] > 0) ++comes[node(head(static_cast<Link>(e)))];
    order.clear();
    for (Node v = 0; v < network_.nodes; ++v)
      if (comes[node(v)] == 0) order.push_back(v);
    for (std::size_t k = 0; k < order.size(); ++k)
      for (std::int32_t j = out.start[node(order[k])]; j < out.start[node(order[k]) + 1]; ++j)
        if (flow[out.link[node(j)]] > 0 && --comes[node(out.far[node(j)])] == 0) order.push_back(out.far[node(j)]);
    std::fill(demand.begin(), demand.end(), -1);
    bool as_it_is = false;
    for (auto d = first(g); d < first(g + 1); ++d) {
      demand[node(demands_.target[d])] = static_cast<std::int64_t>(d);
      as_it_is = as_it_is || must(d);
    }
    if (as_it_is) continue;
    const auto served = [&](Node v) { return demand[node(v)] < 0 ? nullptr : &served_[static_cast<std::size_t>(demand[node(v)])]; };
    const auto sums = [&](Node v) {
      double arrives = 0, leaves = served(v) == nullptr ? 0 : *served(v);
      for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e) arrives += flow[e];
      for (std::int32_t j = out.start[node(v)]; j < out.start[node(v) + 1]; ++j) leaves += flow[out.link[node(j)]];
      return std::pair{arrives, leaves};
    };
    for (std::size_t k = order.size(); k-- > 0;) {
      const Node v = order[k];
      const auto [arrives, leaves] = sums(v);
      if (v == demands_.source[g] || arrives <= leaves) continue;
      for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e) flow[e] *= leaves / arrives;
    }
    for (const Node v : order) {
      const auto [arrives, leaves] = sums(v);
      if (v == demands_.source[g] || leaves <= arrives) continue;
      for (std::int32_t j = out.start[node(v)]; j < out.start[node(v) + 1]; ++j) flow[out.link[node(j)]] *= arrives / leaves;
      if (served(v) != nullptr) *served(v) *= arrives / leaves;
    }
  }
}

// Of each set the largest demands first: back from the target along the largest flow that is left, as often as allowed.
inline Flows::Paths Flows::paths(int most) const {
  struct Part {
    std::size_t demand;
    double amount;
    std::size_t start, end;
  };
  std::vector<Part> parts;
  std::vector<Link> walked, link;
  std::vector<double> left(links());
  std::vector<std::size_t> order;
  for (std::size_t g = 0; g < demands_.sets(); ++g) {
    std::copy_n(of(g), links(), left.begin());
    order.resize(first(g + 1) - first(g));
    std::iota(order.begin(), order.end(), first(g));
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return served_[a] > served_[b]; });
    for (const std::size_t d : order) {
      double rest = served_[d];
      for (int times = 0; times < most && rest > nothing_; ++times) {
        walked.clear();
        double width = rest;
        Node v = demands_.target[d];
        while (v != demands_.source[g]) {
          const Link back = largest_into(v, left.data());
          if (back == NO_LINK || walked.size() > static_cast<std::size_t>(network_.nodes)) break;
          walked.push_back(back);
          width = std::min(width, left[at(back)]);
          v = tail(back);
        }
        if (v != demands_.source[g]) break;
        for (const Link e : walked) left[at(e)] -= width;
        parts.push_back({d, width, link.size(), link.size() + walked.size()});
        for (std::size_t k = walked.size(); k-- > 0;) link.push_back(given_[at(walked[k])]);
        rest -= width;
      }
    }
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.demand < b.demand; });
  Paths found;
  std::size_t next = 0;
  for (std::size_t d = 0; d < served_.size(); ++d) {
    for (; next < parts.size() && parts[next].demand == d; ++next) {
      found.amount.push_back(parts[next].amount);
      found.link.insert(found.link.end(), link.begin() + static_cast<std::ptrdiff_t>(parts[next].start),
                        link.begin() + static_cast<std::ptrdiff_t>(parts[next].end));
      found.start.push_back(static_cast<std::int64_t>(found.link.size()));
    }
    found.first.push_back(static_cast<std::int64_t>(found.amount.size()));
  }
  return found;
}

}  // namespace highroad
