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
          is_tidy_[g] = 0;
          served_[d] = demands_.amount[d];
          break;
        }
        is_tidy_[g] = 0;
        take(flow, load_, most, hand);
        served_[d] = served_[d] - demands_.amount[d] <= most ? demands_.amount[d] : served_[d] - most;
      }
    }
  }
}

// Less of the way that was walked.
inline void Flows::take(double* flow, std::vector<double>& load, double amount, Hand& hand) {
  for (const Link on : hand.walked) {
    flow[on] = flow[on] - amount <= nothing_ ? 0 : flow[on] - amount;
    load[at(on)] -= amount;
  }
}

// Links over their capacity: some path of some set that crosses it carries less, until it fits. Returns whether any was.
inline bool Flows::relieve(std::vector<std::int32_t>& demand, Hand& hand) {
  std::vector<Link> over;
  for (std::size_t e = 0; e < links(); ++e)
    if (load_[e] > capacity_[e]) over.push_back(static_cast<Link>(e));
  std::sort(over.begin(), over.end(), [&](Link a, Link b) {
    const double x = (load_[at(a)] - capacity_[at(a)]) / capacity_[at(a)];
    const double y = (load_[at(b)] - capacity_[at(b)]) / capacity_[at(b)];
    return x != y ? x > y : a < b;
  });
  if (over.empty()) return false;
  // By set what it has on each of them, side by side: looked up by links, most of it would have to be fetched each time.
  std::vector<std::vector<std::size_t>> crossed(over.size());
  for (std::size_t g = 0; g < demands_.sets(); ++g)
    for (std::size_t k = 0; k < over.size(); ++k)
      if (of(g)[over[k]] > 0) crossed[k].push_back(g);
  const auto nodes = static_cast<std::size_t>(network_.nodes);
  if (demand.empty()) {
    demand.resize(demands_.sets() * nodes);
    for (std::size_t g = 0; g < demands_.sets(); ++g) note(g, std::span(demand).subspan(g * nodes, nodes));
  }
  std::vector<double> worths;
  for (const double one : demands_.worth)
    if (!std::isinf(one) && (worths.empty() || one != worths.back())) worths.push_back(one);
  std::sort(worths.begin(), worths.end());
  worths.erase(std::unique(worths.begin(), worths.end()), worths.end());
  for (const double least : worths) {
    for (std::size_t k = 0; k < over.size(); ++k) {
      const Link e = over[k];
      for (const std::size_t g : crossed[k]) {
        if (load_[at(e)] <= capacity_[at(e)]) break;
        double* flow = of(g);
        if (flow[e] <= 0) continue;
        is_tidy_[g] = 0;
        const auto to = std::span<const std::int32_t>(demand).subspan(g * nodes, nodes);
        while (flow[e] > 0 && load_[at(e)] > capacity_[at(e)])
          if (!peel(e, std::nextafter(load_[at(e)] - capacity_[at(e)], std::numeric_limits<double>::max()), g, least, flow, load_, to, hand))
            break;
      }
    }
  }
  return true;
}

// By node the set's first demand to it, or -1.
inline void Flows::note(std::size_t g, std::span<std::int32_t> demand) const {
  std::fill(demand.begin(), demand.end(), -1);
  for (auto d = first(g + 1); d-- > first(g);) demand[node(demands_.target[d])] = static_cast<std::int32_t>(d);
}

// Every path over these links is given up; sets that had any are tidied.
inline void Flows::clear(std::span<const Link> given, int threads) {
  std::vector<std::size_t> gone, sets;
  for (std::size_t e = 0; e < links(); ++e)
    if (std::find(given.begin(), given.end(), given_[e]) != given.end()) gone.push_back(e);
  for (std::size_t g = 0; g < demands_.sets(); ++g)
    if (std::any_of(gone.begin(), gone.end(), [&](std::size_t e) { return of(g)[e] > 0; })) sets.push_back(g);
  const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), sets.size())));
  Crew::ours().run(jobs, [&](int job) {
    Hand hand(network_);
    hand.load.resize(links());
    std::vector<std::int32_t> demand(hand.distance.size()), numbers(hand.distance.size());
    std::vector<std::uint8_t> state(hand.distance.size());
    std::vector<Node> order;
    for (auto k = static_cast<std::size_t>(job); k < sets.size(); k += static_cast<std::size_t>(jobs)) {
      const std::size_t g = sets[k];
      double* flow = of(g);
      note(g, demand);
      for (const std::size_t e : gone) {
        while (flow[e] > 0 && peel(static_cast<Link>(e), flow[e], g, UNREACHED, flow, hand.load, demand, hand)) {
        }
        flow[e] = 0;
      }
      clean_set(g, numbers, state, hand.walked);
      settle_set(g, numbers, demand, order);
    }
  });
  add_up(threads);
}

// Some path over e, to a demand that is worth no more than `dearest`, carries less.
inline bool Flows::peel(Link e, double most, std::size_t g, double dearest, double* flow, std::vector<double>& load,
                        std::span<const std::int32_t> demand, Hand& hand) {
  hand.walked.assign(1, e);
  most = std::min(most, flow[e]);
  for (Node u = tail(e); u != demands_.source[g];) {
    const Link back = largest_into(u, flow);
    if (back == NO_LINK || hand.walked.size() > hand.distance.size()) return false;
    hand.walked.push_back(back);
    most = std::min(most, flow[back]);
    u = tail(back);
  }
  Node v = head(e);
  std::size_t whose = 0;  // Of those to one node, who is worth least.
  const auto ends = [&] {
    bool found = false;
    if (demand[node(v)] >= 0)
      for (auto d = static_cast<std::size_t>(demand[node(v)]); d < first(g + 1) && demands_.target[d] == v; ++d)
        if (served_[d] > 0 && demands_.worth[d] <= dearest) whose = d, found = true;
    return found;
  };
  while (!ends()) {
    const Link on = largest_from(v, flow);
    if (on == NO_LINK || hand.walked.size() > 2 * hand.distance.size()) return false;
    hand.walked.push_back(on);
    most = std::min(most, flow[on]);
    v = head(on);
  }
  double& served = served_[whose];
  most = std::min(most, served);
  take(flow, load, most, hand);
  served = std::max(0.0, served - most);
  return true;
}

// Gives demands of these sets that are worth `least` or more what room there is, and returns those that were given any. Which may be given any at all is found out
// side by side: as links only fill up, no other can be given anything later.
inline std::vector<std::size_t> Flows::fill(const std::vector<std::size_t>& sets, double least, Hand& hand, int threads) {
  std::vector<double> price = hand.price;
  const double little = 1e3 * nothing_;
  for (std::size_t e = 0; e < links(); ++e)
    if (capacity_[e] - load_[e] <= little) hand.price[e] = UNREACHED;
  const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), sets.size())));
  std::vector<std::uint8_t> may(sets.size(), 0);
  Crew::ours().run(jobs, [&](int job) {
    Hand own(network_);
    own.price = hand.price;
    for (auto k = static_cast<std::size_t>(job); k < sets.size(); k += static_cast<std::size_t>(jobs))
      may[k] = has_room(sets[k], least, little, own);
  });
  std::vector<std::size_t> given;
  for (std::size_t k = 0; k < sets.size(); ++k)
    if (may[k] && give(sets[k], least, little, hand)) given.push_back(sets[k]);
  hand.price = std::move(price);
  return given;
}

inline bool Flows::has_room(std::size_t g, double least, double little, Hand& hand) const {
  double left = 0;
  for (auto d = first(g); d < first(g + 1); ++d)
    if (demands_.worth[d] >= least) left = std::max(left, demands_.amount[d] - served_[d]);
  if (left <= little) return false;
  reach(g, std::min(std::numeric_limits<double>::max(), LOOKED * cut(g)), hand);
  for (auto d = first(g); d < first(g + 1); ++d)
    if (demands_.worth[d] >= least && demands_.amount[d] - served_[d] > little &&
        hand.distance[node(demands_.target[d])] < UNREACHED)
      return true;
  return false;
}

inline bool Flows::give(std::size_t g, double least, double little, Hand& hand) {
  bool given = false;
  reach(g, std::min(std::numeric_limits<double>::max(), LOOKED * cut(g)), hand);
  double* flow = of(g);
  for (auto d = first(g); d < first(g + 1); ++d) {
    double room = demands_.amount[d] - served_[d];
    const Node v = demands_.target[d];
    if (demands_.worth[d] < least || room <= little || hand.distance[node(v)] == UNREACHED) continue;
    for (Node u = v; hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)])) {
      const Link on = hand.into[node(u)];
      room = std::min(room, (capacity_[at(on)] - load_[at(on)]) * (1 - 1e-12));
    }
    if (room <= little) continue;
    given = true;
    is_tidy_[g] = 0;
    for (Node u = v; hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)])) {
      const Link on = hand.into[node(u)];
      flow[on] += room;
      load_[at(on)] += room;
      if (capacity_[at(on)] - load_[at(on)] <= little) hand.price[at(on)] = UNREACHED;
    }
    served_[d] += room;
  }
  return given;
}

// Sets that have been changed since they were tidy.
inline std::vector<std::size_t> Flows::untidy() const {
  std::vector<std::size_t> sets;
  for (std::size_t g = 0; g < demands_.sets(); ++g)
    if (!is_tidy_[g]) sets.push_back(g);
  return sets;
}

// Every cycle of these sets' flow, by looking at each node once from each of its used links (depth first).
inline void Flows::clean(const std::vector<std::size_t>& sets, int threads) {
  const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), sets.size())));
  Crew::ours().run(jobs, [&](int job) {
    std::vector<std::int32_t> next(static_cast<std::size_t>(network_.nodes));
    std::vector<std::uint8_t> state(next.size());
    std::vector<Link> walked;
    for (auto k = static_cast<std::size_t>(job); k < sets.size(); k += static_cast<std::size_t>(jobs))
      clean_set(sets[k], next, state, walked);
  });
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
inline void Flows::settle(int threads) {
  const std::vector<std::size_t> sets = untidy();
  const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), sets.size())));
  Crew::ours().run(jobs, [&](int job) {
    std::vector<std::int32_t> comes(static_cast<std::size_t>(network_.nodes));
    std::vector<std::int32_t> demand(comes.size());
    std::vector<Node> order;
    for (auto k = static_cast<std::size_t>(job); k < sets.size(); k += static_cast<std::size_t>(jobs)) {
      settle_set(sets[k], comes, demand, order);
      is_tidy_[sets[k]] = 1;
    }
  });
}

inline void Flows::settle_set(std::size_t g, std::vector<std::int32_t>& comes, std::vector<std::int32_t>& demand,
                              std::vector<Node>& order) {
  if (has_[g] != Has::OFFERED) return;
  const Rows &in = network_.in, &out = network_.out;
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
  note(g, demand);
  const auto served = [&](Node v) {
    if (demand[node(v)] < 0) return std::span<double>();
    const auto from = static_cast<std::size_t>(demand[node(v)]);
    auto to = from + 1;
    while (is_shared_ && to < first(g + 1) && demands_.target[to] == v) ++to;
    return std::span(served_).subspan(from, to - from);
  };
  const auto sums = [&](Node v) {
    double arrives = 0, leaves = 0;
    for (const double one : served(v)) leaves += one;
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
    for (double& one : served(v)) one *= arrives / leaves;
  }
}

// Of each set the largest demands first: back from the target along the largest flow that is left, as often as allowed.
inline Flows::Paths Flows::paths(int most, int threads) const {
  struct Part {
    std::size_t demand;
    double amount;
    std::size_t start, end;
  };
  struct Parts {
    std::vector<Part> part;
    std::vector<Link> link;
  };
  std::vector<Parts> of_set(demands_.sets());
  const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), demands_.sets())));
  Crew::ours().run(jobs, [&](int job) {
    std::vector<Link> walked;
    std::vector<double> left(links());
    std::vector<std::size_t> order;
    for (auto g = static_cast<std::size_t>(job); g < demands_.sets(); g += static_cast<std::size_t>(jobs)) {
      auto& [part, link] = of_set[g];
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
          part.push_back({d, width, link.size(), link.size() + walked.size()});
          for (std::size_t k = walked.size(); k-- > 0;) link.push_back(given_[at(walked[k])]);
          rest -= width;
        }
      }
      std::stable_sort(part.begin(), part.end(), [](const Part& a, const Part& b) { return a.demand < b.demand; });
    }
  });
  Paths found;
  std::size_t parts = 0, all = 0;
  for (const Parts& one : of_set) parts += one.part.size(), all += one.link.size();
  found.amount.reserve(parts);
  found.start.reserve(parts + 1);
  found.first.reserve(served_.size() + 1);
  found.link.reserve(all);
  for (std::size_t g = 0; g < demands_.sets(); ++g) {
    const auto& [part, link] = of_set[g];
    std::size_t next = 0;
    for (std::size_t d = first(g); d < first(g + 1); ++d) {
      for (; next < part.size() && part[next].demand == d; ++next) {
        found.amount.push_back(part[next].amount);
        found.link.insert(found.link.end(), link.begin() + static_cast<std::ptrdiff_t>(part[next].start),
                          link.begin() + static_cast<std::ptrdiff_t>(part[next].end));
        found.start.push_back(static_cast<std::int64_t>(found.link.size()));
      }
      found.first.push_back(static_cast<std::int64_t>(found.amount.size()));
    }
  }
  return found;
}

}  // namespace highroad
