// Cheapest ways between many pairs of ends at once, each inside a fence of its own: the whole network's tree first, the
// fence's only for those whose way there leaves it. A tree is grown no further than to the last that is asked for, and
// only the ways are kept: a few links a pair, and not a row of the network's size.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cheapest.hpp"
#include "crew.hpp"
#include "network.hpp"

namespace highroad {

// Pair k is from source[k] to target[k], and keeps to the links at which row fence[k] of allowed is not 0; -1: to all.
struct Pairs {
  std::vector<Node> source, target;
  std::vector<std::int32_t> fence;
  std::vector<std::uint8_t> allowed;

  std::size_t size() const { return source.size(); }
};

// What the way of each pair costs (infinity: there is none), and its links from the target back, link[start[k]], ...
struct CheapestWays {
  std::vector<double> cost;
  std::vector<std::int64_t> start;
  std::vector<Link> link;
};

class WaySearch {
 public:
  WaySearch(const Network& network, std::span<const double> price, const Pairs& pairs)
      : network_(network), pairs_(pairs), links_(network.links()), first_(nodes() + 1, 0), order_(pairs.size()) {
    const std::size_t fences = links_ > 0 ? pairs.allowed.size() / links_ : 0;
    price_.resize((fences + 1) * links_);
    for (std::size_t at = 0; at < links_; ++at) {
      const auto e = static_cast<std::size_t>(network.out.link[at]);
      price_[at] = price[e];
      for (std::size_t fence = 0; fence < fences; ++fence)
        price_[(fence + 1) * links_ + at] = pairs.allowed[fence * links_ + e] != 0 ? price[e] : UNREACHED;
    }
    for (const Node v : pairs.source) ++first_[static_cast<std::size_t>(v) + 1];
    for (std::size_t v = 0; v < nodes(); ++v) {
      if (first_[v + 1] > 0) sources_.push_back(static_cast<Node>(v));
      first_[v + 1] += first_[v];
    }
    std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
    for (std::size_t k = 0; k < pairs.size(); ++k) order_[next[static_cast<std::size_t>(pairs.source[k])]++] = k;
  }

  // What comes out does not depend on how many threads there are.
  CheapestWays run(int threads) const {
    CheapestWays all;
    all.cost.assign(pairs_.size(), UNREACHED);
    all.start.assign(pairs_.size() + 1, 0);
    std::vector<Share> shares(sources_.size());
    const auto jobs = static_cast<int>(std::min(static_cast<std::size_t>(threads), sources_.size()));
    std::atomic<std::size_t> next{0};
    Crew::ours().run(jobs, [&](int) {
      Hand hand(network_.nodes);
      for (std::size_t k; (k = next.fetch_add(1, std::memory_order_relaxed)) < sources_.size();)
        search(sources_[k], hand, shares[k], all);
    });
    for (std::size_t k = 0; k < pairs_.size(); ++k) all.start[k + 1] += all.start[k];
    all.link.resize(static_cast<std::size_t>(all.start.back()));
    next = 0;
    Crew::ours().run(jobs, [&](int) {
      for (std::size_t k; (k = next.fetch_add(1, std::memory_order_relaxed)) < sources_.size();)
        for (const auto& [pair, from] : shares[k].ways)
          std::copy_n(shares[k].link.begin() + from, all.start[pair + 1] - all.start[pair],
                      all.link.begin() + all.start[pair]);
    });
    return all;
  }

 private:
  // The ways from one source: of which pair, and from where on in link.
  struct Share {
    std::vector<std::pair<std::size_t, std::ptrdiff_t>> ways;
    std::vector<Link> link;
  };

  struct Hand {
    explicit Hand(Node nodes)
        : heap(nodes),
          distance(static_cast<std::size_t>(nodes), UNREACHED),
          into(static_cast<std::size_t>(nodes), NO_LINK),
          asked(static_cast<std::size_t>(nodes), 0) {}

    Heap heap;
    std::vector<double> distance;
    std::vector<Link> into;
    std::vector<std::uint8_t> asked;
    std::vector<Node> seen;
    std::vector<std::size_t> pairs, outside;
  };

  std::size_t nodes() const { return static_cast<std::size_t>(network_.nodes); }

  void search(Node source, Hand& hand, Share& share, CheapestWays& all) const {
    const auto v = static_cast<std::size_t>(source);
    hand.pairs.assign(order_.begin() + static_cast<std::ptrdiff_t>(first_[v]),
                      order_.begin() + static_cast<std::ptrdiff_t>(first_[v + 1]));
    hand.outside.clear();
    grow(source, price_.data(), hand);
    for (const std::size_t pair : hand.pairs) walk(pair, hand, share, all, pairs_.fence[pair]);
    forget(hand);
    std::stable_sort(hand.outside.begin(), hand.outside.end(),
                     [&](std::size_t one, std::size_t other) { return pairs_.fence[one] < pairs_.fence[other]; });
    for (std::size_t from = 0; from < hand.outside.size();) {
      const std::int32_t fence = pairs_.fence[hand.outside[from]];
      std::size_t end = from;
      while (end < hand.outside.size() && pairs_.fence[hand.outside[end]] == fence) ++end;
      hand.pairs.assign(hand.outside.begin() + static_cast<std::ptrdiff_t>(from),
                        hand.outside.begin() + static_cast<std::ptrdiff_t>(end));
      grow(source, price_.data() + static_cast<std::size_t>(fence + 1) * links_, hand);
      for (const std::size_t pair : hand.pairs) walk(pair, hand, share, all, -1);
      forget(hand);
      from = end;
    }
  }

  // The tree to the targets of the hand's pairs.
  void grow(Node source, const double* price, Hand& hand) const {
    std::size_t left = 0;
    for (const std::size_t pair : hand.pairs) {
      std::uint8_t& asked = hand.asked[static_cast<std::size_t>(pairs_.target[pair])];
      left += asked == 0;
      asked = 1;
    }
    double* distance = hand.distance.data();
    const std::int32_t* start = network_.out.start.data();
    const Node* far = network_.out.far.data();
    const Link* link = network_.out.link.data();
    distance[source] = 0;
    hand.seen.push_back(source);
    hand.heap.push_or_lower(source, distance);
    while (!hand.heap.empty()) {
      const Node here = hand.heap.pop(distance);
      left -= hand.asked[static_cast<std::size_t>(here)];
      if (left == 0) break;
      for (std::int32_t at = start[here]; at < start[here + 1]; ++at) {
        const Node there = far[at];
        const double reached = distance[here] + price[at];
        if (reached >= distance[there]) continue;
        if (distance[there] == UNREACHED) hand.seen.push_back(there);
        distance[there] = reached;
        hand.into[static_cast<std::size_t>(there)] = link[at];
        hand.heap.push_or_lower(there, distance);
      }
    }
    hand.heap.clear();
    for (const std::size_t pair : hand.pairs) hand.asked[static_cast<std::size_t>(pairs_.target[pair])] = 0;
  }

  void forget(Hand& hand) const {
    for (const Node v : hand.seen) hand.distance[static_cast<std::size_t>(v)] = UNREACHED;
    hand.seen.clear();
  }

  // Reads a pair's way off the tree; where it leaves the fence it is put off.
  void walk(std::size_t pair, Hand& hand, Share& share, CheapestWays& all, std::int32_t fence) const {
    const Node source = pairs_.source[pair], target = pairs_.target[pair];
    if (hand.distance[static_cast<std::size_t>(target)] == UNREACHED) return;
    const std::uint8_t* may = fence < 0 ? nullptr : pairs_.allowed.data() + static_cast<std::size_t>(fence) * links_;
    const std::size_t from = share.link.size();
    for (Node v = target; v != source;) {
      const auto e = static_cast<std::size_t>(hand.into[static_cast<std::size_t>(v)]);
      if (may != nullptr && may[e] == 0) {
        share.link.resize(from);
        hand.outside.push_back(pair);
        return;
      }
      share.link.push_back(static_cast<Link>(e));
      v = network_.tail[e];
    }
    all.cost[pair] = hand.distance[static_cast<std::size_t>(target)];
    all.start[pair + 1] = static_cast<std::int64_t>(share.link.size() - from);
    share.ways.emplace_back(pair, static_cast<std::ptrdiff_t>(from));
  }

  const Network& network_;
  const Pairs& pairs_;
  std::size_t links_;
  std::vector<std::size_t> first_, order_;
  std::vector<Node> sources_;
  std::vector<double> price_;
};

}  // namespace highroad
