// Cheapest paths from one node that take no longer than a bound: labels of cost and latency, in order of cost.
//
// A label is kept where none that costs no more is as fast (Hansen 1980), so what comes out is exact. There may be many
// of them where every link has a price of its own; where few links have one, most are dropped at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <queue>
#include <tuple>
#include <vector>

#include "network.hpp"

namespace highroad {

class Bounded {
 public:
  // `latency` is by link; nothing in it: nobody asks.
  Bounded(std::vector<double> latency, Node nodes)
      : latency_(std::move(latency)),
        first_(latency_.empty() ? 0 : static_cast<std::size_t>(nodes)),
        fastest_(first_.size(), UNREACHED) {}

  const std::vector<double>& latency() const { return latency_; }

  double latency(const std::vector<Link>& path) const {
    double sum = 0;
    for (const Link e : path) sum += latency_[static_cast<std::size_t>(e)];
    return sum;
  }

  // All paths from a source that may be of use, up to a cost and a latency, over links that are not 0 in `may`.
  void grow(const Network& network, Node source, const std::uint8_t* may, const std::vector<double>& price, double cut,
            double longest) {
    forget();
    push({0, 0, source, NO_LINK, NONE}, cut, longest);
    while (!next_.empty()) {
      const auto [cost, latency, k] = next_.top();
      next_.pop();
      const Node here = label_[k].node;
      if (latency >= fastest_[node(here)] * (1 - SAME)) continue;
      if (first_[node(here)].empty()) seen_.push_back(here);
      fastest_[node(here)] = latency;
      first_[node(here)].push_back(k);
      for (std::int32_t out = network.out.start[node(here)]; out < network.out.start[node(here) + 1]; ++out) {
        const Link e = network.out.link[node(out)];
        if (may != nullptr && may[e] == 0) continue;
        const auto at = static_cast<std::size_t>(e);
        push({cost + price[at], latency + latency_[at], network.out.far[node(out)], e, k}, cut, longest);
      }
    }
  }

  // The cheapest of them there that takes no longer, from its end back; whether there is one.
  bool found(Node target, double bound, double& cost, std::vector<Link>& path) const {
    for (std::size_t k : first_[node(target)]) {
      if (label_[k].latency > bound) continue;
      cost = label_[k].cost;
      path.clear();
      for (; label_[k].from != NONE; k = label_[k].from) path.push_back(label_[k].by);
      return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t NONE = static_cast<std::size_t>(-1);
  static constexpr double SAME = 1e-12;

  struct Label {
    double cost, latency;
    Node node;
    Link by;
    std::size_t from;
  };

  static std::size_t node(Node v) { return static_cast<std::size_t>(v); }

  void push(const Label& one, double cut, double longest) {
    if (one.cost > cut || one.latency > longest || one.latency >= fastest_[node(one.node)] * (1 - SAME)) return;
    next_.emplace(one.cost, one.latency, label_.size());
    label_.push_back(one);
  }

  void forget() {
    for (const Node v : seen_) first_[node(v)].clear(), fastest_[node(v)] = UNREACHED;
    seen_.clear();
    label_.clear();
  }

  using Place = std::tuple<double, double, std::size_t>;

  std::vector<double> latency_;
  std::vector<std::vector<std::size_t>> first_;  // By node its labels, the cheapest first.
  std::vector<double> fastest_;                  // By node what the last of them takes.
  std::vector<Label> label_;
  std::vector<Node> seen_;
  std::priority_queue<Place, std::vector<Place>, std::greater<Place>> next_;
};

}  // namespace highroad
