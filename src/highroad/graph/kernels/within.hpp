// Cheapest ways between many pairs of ends at once, each no longer than a bound of its own and inside a fence.
//
// For any price m of latency a way inside the bound costs at least dist(price + m latency) - m bound (Lagrangian
// relaxation: Handler and Zang 1980). The m at which that is most is found between the cheapest way and the fastest
// (Juettner et al. 2001). Where that leaves room below the cheapest way found inside the bound, labels of cost and
// latency go from the source, in order of what they cost at least at the target: by the larger of the distance at price
// alone, and of what that m proves of the rest. One that another of the same node betters in both is dropped (Hansen
// 1980). The first that arrives is the cheapest. Where there are too many, the least that one on its way may cost is
// what is proven.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <queue>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "cheapest.hpp"
#include "crew.hpp"
#include "network.hpp"
#include "ways.hpp"

namespace highroad {

// Of pair k: what its way may take, and a cost of which it is enough to know that no way is below it.
struct Bounds {
  std::vector<double> bound, enough;
};

// What the way of each pair costs at least (infinity: there is none inside its bound); not 0 in exact where that is what
// the way costs; and the cheapest way found, its links from the target back, link[start[k]], ...
struct WithinWays {
  std::vector<double> cost;
  std::vector<std::uint8_t> exact;
  std::vector<std::int64_t> start;
  std::vector<Link> link;
};

class WithinSearch {
 public:
  WithinSearch(const Network& network, std::span<const double> price, std::span<const double> latency,
               const Pairs& pairs, const Bounds& bounds, std::int64_t labels)
      : network_(network), price_(price), latency_(latency), pairs_(pairs), bounds_(bounds), labels_(labels),
        order_(pairs.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    const auto key = [&](std::size_t k) { return std::pair(pairs.target[k], pairs.fence[k]); };
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    for (std::size_t at = 0; at < order_.size(); ++at)
      if (at == 0 || key(order_[at]) != key(order_[at - 1])) first_.push_back(at);
    first_.push_back(order_.size());
  }

  // What comes out does not depend on how many threads there are.
  WithinWays run(int threads) const {
    WithinWays all;
    all.cost.assign(pairs_.size(), UNREACHED);
    all.exact.assign(pairs_.size(), 1);
    std::vector<std::vector<Link>> found(pairs_.size());
    const std::size_t groups = first_.size() - 1;
    const auto jobs = static_cast<int>(std::min(static_cast<std::size_t>(threads), groups));
    std::atomic<std::size_t> next{0};
    Crew::ours().run(jobs, [&](int) {
      Hand hand(network_.nodes);
      for (std::size_t g; (g = next.fetch_add(1, std::memory_order_relaxed)) < groups;) {
        const std::size_t one = order_[first_[g]];
        hand.target = pairs_.target[one];
        const std::int32_t fence = pairs_.fence[one];
        hand.may = fence < 0 ? nullptr : pairs_.allowed.data() + static_cast<std::size_t>(fence) * network_.links();
        grow(hand, hand.cheap, NO_NODE, 1, 0);
        grow(hand, hand.fast, NO_NODE, 0, 1);
        for (std::size_t at = first_[g]; at < first_[g + 1]; ++at) {
          const std::size_t k = order_[at];
          search(hand, pairs_.source[k], bounds_.bound[k], bounds_.enough[k]);
          all.cost[k] = hand.lower;
          all.exact[k] = hand.exact;
          found[k].assign(hand.best.rbegin(), hand.best.rend());
        }
      }
    });
    all.start.reserve(found.size() + 1);
    all.start.push_back(0);
    for (const auto& way : found) {
      all.link.insert(all.link.end(), way.begin(), way.end());
      all.start.push_back(static_cast<std::int64_t>(all.link.size()));
    }
    return all;
  }

 private:
  static constexpr Node NO_NODE = -1;
  static constexpr std::size_t NONE = static_cast<std::size_t>(-1);
  static constexpr int TRIES = 20;
  static constexpr double SAME = 1e-12;

  // By node the distance to the target, and the link that leads there.
  struct Towards {
    std::vector<double> distance;
    std::vector<Link> by;
  };

  struct Way {
    std::vector<Link> link;
    double cost = 0, latency = 0;
  };

  struct Label {
    double cost, latency;
    Node node;
    Link by;
    std::size_t from;
  };

  struct Hand {
    explicit Hand(Node nodes) : heap(nodes), settled(static_cast<std::size_t>(nodes)) {
      for (Towards* one : {&cheap, &fast, &both}) {
        one->distance.resize(static_cast<std::size_t>(nodes));
        one->by.resize(static_cast<std::size_t>(nodes));
      }
    }

    Heap heap;
    Node target = 0;
    const std::uint8_t* may = nullptr;
    Towards cheap, fast, both;
    std::vector<std::vector<std::pair<double, double>>> settled;  // By node the cost and latency of its labels.
    std::vector<Node> seen;
    std::vector<Label> label;
    double lower = 0, upper = 0;  // Of the pair that is looked at: what is proven, and what the best way found costs.
    std::uint8_t exact = 1;
    std::vector<Link> best;
  };

  static std::size_t at(Node v) { return static_cast<std::size_t>(v); }

  bool usable(const Hand& hand, Link e) const {
    return (hand.may == nullptr || hand.may[e] != 0) && price_[at(e)] < UNREACHED;
  }

  // The tree of least a price + b latency to the target, as far as to a node.
  void grow(Hand& hand, Towards& tree, Node until, double a, double b) const {
    std::fill(tree.distance.begin(), tree.distance.end(), UNREACHED);
    std::fill(tree.by.begin(), tree.by.end(), NO_LINK);
    double* distance = tree.distance.data();
    distance[hand.target] = 0;
    hand.heap.push_or_lower(hand.target, distance);
    while (!hand.heap.empty()) {
      const Node here = hand.heap.pop(distance);
      if (here == until) break;
      for (std::int32_t in = network_.in.start[at(here)]; in < network_.in.start[at(here) + 1]; ++in) {
        const Link e = network_.in.link[at(in)];
        if (!usable(hand, e)) continue;
        const Node there = network_.in.far[at(in)];
        const double reached = distance[here] + a * price_[at(e)] + b * latency_[at(e)];
        if (reached >= distance[there]) continue;
        distance[there] = reached;
        tree.by[at(there)] = e;
        hand.heap.push_or_lower(there, distance);
      }
    }
    hand.heap.clear();
  }

  Way walked(const Hand& hand, const Towards& tree, Node from) const {
    Way way;
    for (Node v = from; v != hand.target; v = network_.head[at(way.link.back())]) {
      const Link e = tree.by[at(v)];
      way.link.push_back(e);
      way.cost += price_[at(e)];
      way.latency += latency_[at(e)];
    }
    return way;
  }

  void take(Hand& hand, const Way& way) const {
    if (way.cost >= hand.upper) return;
    hand.upper = way.cost;
    hand.best = way.link;
  }

  void search(Hand& hand, Node source, double bound, double enough) const {
    hand.best.clear();
    hand.exact = 1;
    hand.lower = hand.upper = UNREACHED;
    if (!(hand.fast.distance[at(source)] <= bound)) return;
    Way dear = walked(hand, hand.cheap, source);
    hand.lower = dear.cost;
    if (dear.latency <= bound) return take(hand, dear);
    Way quick = walked(hand, hand.fast, source);
    take(hand, quick);
    double rate = 0;
    for (int turn = 0; turn < TRIES && hand.lower < std::min(enough, hand.upper * (1 - SAME)); ++turn) {
      if (!(dear.latency > quick.latency)) {  // by rounding alone
        take(hand, dear);
        break;
      }
      rate = std::max(0.0, (quick.cost - dear.cost) / (dear.latency - quick.latency));
      grow(hand, hand.both, source, 1, rate);
      Way way = walked(hand, hand.both, source);
      const double least = way.cost + rate * way.latency;
      hand.lower = std::max(hand.lower, least - rate * bound);
      if (way.latency <= bound) take(hand, way);
      if (least >= (dear.cost + rate * dear.latency) * (1 - SAME)) break;
      (way.latency <= bound ? quick : dear) = std::move(way);
    }
    if (hand.lower >= hand.upper * (1 - SAME)) {
      hand.lower = hand.upper;
    } else if (hand.lower >= enough) {
      hand.exact = 0;
    } else {
      spread(hand, source, bound, enough, rate);
    }
  }

  // The labels, from the source on.
  void spread(Hand& hand, Node source, double bound, double enough, double rate) const {
    using Place = std::pair<double, std::size_t>;
    std::priority_queue<Place, std::vector<Place>, std::greater<Place>> next;
    const double whole = hand.both.distance[at(source)];
    hand.label.clear();
    const auto push = [&](const Label& one) {
      if (one.latency + hand.fast.distance[at(one.node)] > bound) return;
      const double left = std::min(whole, hand.both.distance[at(one.node)]) + rate * (one.latency - bound);
      const double least = one.cost + std::max(hand.cheap.distance[at(one.node)], left);
      if (least >= hand.upper) return;
      next.emplace(least, hand.label.size());
      hand.label.push_back(one);
    };
    push({0, 0, source, NO_LINK, NONE});
    for (std::int64_t count = 0;;) {
      if (next.empty() || next.top().first >= hand.upper) {
        hand.lower = hand.upper;
        break;
      }
      const auto [least, k] = next.top();
      if (least >= enough || count >= labels_) {
        hand.lower = std::max(hand.lower, least);
        hand.exact = 0;
        break;
      }
      next.pop();
      const Label one = hand.label[k];
      if (one.node == hand.target) {
        hand.lower = hand.upper = one.cost;
        hand.best.clear();
        for (std::size_t j = k; hand.label[j].from != NONE; j = hand.label[j].from)
          hand.best.push_back(hand.label[j].by);
        std::reverse(hand.best.begin(), hand.best.end());
        break;
      }
      auto& settled = hand.settled[at(one.node)];
      if (std::any_of(settled.begin(), settled.end(), [&](const auto& other) {
            return other.first <= one.cost && other.second <= one.latency;
          }))
        continue;
      if (settled.empty()) hand.seen.push_back(one.node);
      settled.emplace_back(one.cost, one.latency);
      ++count;
      for (std::int32_t out = network_.out.start[at(one.node)]; out < network_.out.start[at(one.node) + 1]; ++out) {
        const Link e = network_.out.link[at(out)];
        if (!usable(hand, e)) continue;
        push({one.cost + price_[at(e)], one.latency + latency_[at(e)], network_.out.far[at(out)], e, k});
      }
    }
    for (const Node v : hand.seen) hand.settled[at(v)].clear();
    hand.seen.clear();
  }

  const Network& network_;
  std::span<const double> price_, latency_;
  const Pairs& pairs_;
  const Bounds& bounds_;
  std::int64_t labels_;
  std::vector<std::size_t> order_, first_;
};

}  // namespace highroad
