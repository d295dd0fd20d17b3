// Flows on paths that are given: each demand is shared out among its own few, at prices that rise exponentially with the
// load (as in flows.hpp, where paths are free).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "flows.hpp"
#include "network.hpp"

namespace highroad {

// Demand d has the paths [first[d], first[d + 1]); path p goes the way way[p], and way w is the links link[start[w]], ...
// before link[start[w + 1]]: several may go one way, whose links are held once. worth is what a unit may cost at most,
// infinity where all of it must be carried.
struct Offered {
  std::vector<double> amount, worth;
  std::vector<std::int64_t> first, way, start;
  std::vector<Link> link;

  std::size_t demands() const { return amount.size(); }
  std::size_t paths() const { return way.size(); }
};

class PathFlows {
 public:
  PathFlows(std::vector<double> capacity, Offered offered)
      : capacity_(std::move(capacity)),
        shared_(std::make_shared<const Offered>(std::move(offered))),
        flow_(shared_->paths(), 0.0),
        load_(capacity_.size(), 0.0) {
    nothing_ = NOTHING * most_flow(capacity_, shared_->amount, shared_->worth);
  }

  const Offered& offered() const { return *shared_; }
  const std::vector<double>& load() const { return load_; }
  const std::vector<double>& flow() const { return flow_; }

  void set(std::vector<double> flow) {
    flow_ = std::move(flow);
    add_up();
  }

  // Every demand once, block by block in an order that `turn` changes, side by side on `threads`.
  std::pair<double, std::int64_t> sweep(std::span<const double> weight, double slope, double unit, double tolerance, std::int64_t turn,
                     int threads) {
    const Pricing pricing(weight, capacity_, slope, unit);
    const std::size_t blocks = (offered().demands() + BLOCK - 1) / BLOCK;
    const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), blocks)));
    while (hands_.size() < static_cast<std::size_t>(jobs)) hands_.emplace_back();
    const std::size_t stride = stride_of(blocks);
    Crew::ours().run(jobs, [&](int job) {
      Hand& hand = hands_[static_cast<std::size_t>(job)];
      hand.load = load_;
      hand.price.resize(load_.size());
      hand.stamp.resize(load_.size());
      for (std::size_t e = 0; e < load_.size(); ++e) hand.price[e] = pricing.at(static_cast<Link>(e), load_[e]);
      hand.weighs = jobs;
      hand.regret = 0;
      hand.moves = 0;
      for (auto k = static_cast<std::size_t>(job); k < blocks; k += static_cast<std::size_t>(jobs)) {
        const std::size_t block = (k * stride + static_cast<std::size_t>(turn)) % blocks;
        const std::size_t end = std::min(offered().demands(), (block + 1) * BLOCK);
        for (std::size_t d = block * BLOCK; d < end; ++d) improve(d, pricing, tolerance, hand);
      }
    });
    std::pair<double, std::int64_t> sum{0, 0};
    for (int job = 0; job < jobs; ++job) {
      sum.first += hands_[static_cast<std::size_t>(job)].regret;
      sum.second += hands_[static_cast<std::size_t>(job)].moves;
    }
    add_up();
    return sum;
  }

  // At these prices, over these paths: sum of amount * max(0, worth - least cost), and of amount * least cost for what
  // must be carried.
  std::pair<double, double> at(std::span<const double> price, int threads) const {
    const std::size_t blocks = (offered().demands() + BLOCK - 1) / BLOCK;
    std::vector<double> earned(blocks, 0.0), cost(blocks, 0.0);
    const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), blocks)));
    Crew::ours().run(jobs, [&](int job) {
      for (auto block = static_cast<std::size_t>(job); block < blocks; block += static_cast<std::size_t>(jobs)) {
        const std::size_t end = std::min(offered().demands(), (block + 1) * BLOCK);
        for (std::size_t d = block * BLOCK; d < end; ++d) {
          double least = UNREACHED;
          for (std::size_t p = from(d); p < from(d + 1); ++p) {
            double sum = 0;
            for (const Link on : links_of(p)) sum += price[at(on)];
            least = std::min(least, sum);
          }
          if (std::isinf(offered().worth[d])) {
            if (offered().amount[d] > 0) cost[block] += offered().amount[d] * least;
          } else if (least < offered().worth[d]) {
            earned[block] += offered().amount[d] * (offered().worth[d] - least);
          }
        }
      }
    });
    return {std::accumulate(earned.begin(), earned.end(), 0.0), std::accumulate(cost.begin(), cost.end(), 0.0)};
  }

  // What the cheapest path of each demand costs, infinity where it has none.
  std::vector<double> least(std::span<const double> price, int threads) const {
    const Offered& of = offered();
    std::vector<double> cost(of.start.size() - 1), found(of.demands(), UNREACHED);
    const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), cost.size())));
    const auto part = [&](std::size_t all, int job) { return all * static_cast<std::size_t>(job) / static_cast<std::size_t>(jobs); };
    Crew::ours().run(jobs, [&](int job) {
      for (std::size_t w = part(cost.size(), job); w < part(cost.size(), job + 1); ++w) {
        double sum = 0;
        for (std::int64_t k = of.start[w]; k < of.start[w + 1]; ++k) sum += price[at(of.link[static_cast<std::size_t>(k)])];
        cost[w] = sum;
      }
    });
    for (std::size_t d = 0; d < of.demands(); ++d)
      for (std::size_t p = from(d); p < from(d + 1); ++p)
        found[d] = std::min(found[d], cost[static_cast<std::size_t>(of.way[p])]);
    return found;
  }

  // Makes it fit, as `Flows::fit` does: who is worth least loses first, and who is worth most is given room first.
  void fit(std::span<const double> price) {
    std::vector<std::size_t> order(offered().demands());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto& worth = offered().worth;
    const bool alike = std::adjacent_find(worth.begin(), worth.end(), std::not_equal_to<>{}) == worth.end();
    if (!alike)
      std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) { return worth[one] < worth[other]; });
    trim();
    add_up();
    // Twice, as what is far over leaves rounding errors of its own size.
    for (int round = 0; round < 2 && is_over(); ++round) {
      relieve(order);
      add_up();
    }
    if (!alike)
      std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
        return worth[one] != worth[other] ? worth[one] > worth[other] : one < other;
      });
    fill(price, order);
    add_up();
  }

 private:
  // Demands that get more than they ask for, as they may in a plan of before: the last paths carry less.
  void trim() {
    for (std::size_t d = 0; d < offered().demands(); ++d) {
      double left = offered().amount[d];
      for (std::size_t p = from(d); p < from(d + 1); ++p) {
        flow_[p] = std::min(flow_[p], left);
        left = std::max(0.0, left - flow_[p]);
      }
    }
  }

  bool is_over() const {
    for (std::size_t e = 0; e < load_.size(); ++e)
      if (load_[e] > capacity_[e]) return true;
    return false;
  }

  void relieve(const std::vector<std::size_t>& order) {
    for (const std::size_t d : order) {
      if (std::isinf(offered().worth[d])) continue;
      for (std::size_t p = from(d); p < from(d + 1); ++p) {
        if (flow_[p] <= 0) continue;
        double over = 0;
        for (const Link on : links_of(p)) over = std::max(over, load_[at(on)] - capacity_[at(on)]);
        if (over > 0) put(p, -std::min(flow_[p], std::nextafter(over, std::numeric_limits<double>::max())));
      }
    }
  }

  void fill(std::span<const double> price, const std::vector<std::size_t>& order) {
    const double little = 1e3 * nothing_;
    for (const std::size_t d : order) {
      if (offered().worth[d] <= 0) continue;
      double left = offered().amount[d];
      for (std::size_t p = from(d); p < from(d + 1); ++p) left -= flow_[p];
      while (left > little) {
        std::size_t best = from(d + 1);
        double least = UNREACHED, most = 0;
        for (std::size_t p = from(d); p < from(d + 1); ++p) {
          double cost = 0, room = left;
          for (const Link on : links_of(p)) {
            const std::size_t e = at(on);
            room = std::min(room, (capacity_[e] - load_[e]) * (1 - 1e-12));
            cost += price[e];
          }
          if (room > little && cost < least) least = cost, best = p, most = room;
        }
        if (best == from(d + 1)) break;
        put(best, most);
        left -= most;
      }
    }
  }

  static constexpr std::size_t BLOCK = 64, PART = 50'000, PARTS = 8;

  struct Hand {
    std::vector<double> load, price;
    std::vector<std::int64_t> stamp;
    std::vector<double> cost;
    std::int64_t stamps = 0;
    double regret = 0;
    std::int64_t moves = 0;
    int weighs = 1;
  };

  static std::size_t at(Link e) { return static_cast<std::size_t>(e); }
  std::size_t from(std::size_t d) const { return static_cast<std::size_t>(offered().first[d]); }
  std::span<const Link> links_of(std::size_t p) const {
    const Offered& of = *shared_;
    const std::int64_t* start = of.start.data() + of.way[p];
    return {of.link.data() + start[0], of.link.data() + start[1]};
  }

  // About the golden section of the blocks, and prime to them: neighbours are far apart in time.
  static std::size_t stride_of(std::size_t blocks) {
    auto stride = static_cast<std::size_t>(0.618 * static_cast<double>(blocks));
    while (stride > 1 && std::gcd(stride, blocks) != 1) --stride;
    return std::max<std::size_t>(1, stride);
  }

  void put(std::size_t p, double amount) {
    flow_[p] += amount;
    for (const Link on : links_of(p)) load_[at(on)] += amount;
  }

  void put(std::size_t p, double amount, const Pricing& pricing, Hand& hand) {
    flow_[p] = flow_[p] + amount <= nothing_ ? 0 : flow_[p] + amount;
    for (const Link on : links_of(p)) {
      const std::size_t e = at(on);
      hand.load[e] += hand.weighs * amount;
      hand.price[e] = pricing.at(on, hand.load[e]);
    }
  }

  double cost_of(std::size_t p, const Hand& hand) const {
    double sum = 0;
    for (const Link on : links_of(p)) sum += hand.price[at(on)];
    return sum;
  }

  double slope_of(std::size_t p, const Hand& hand) const {
    double sum = 0;
    for (const Link on : links_of(p)) sum += hand.price[at(on)] / capacity_[at(on)];
    return sum;
  }

  void improve(std::size_t d, const Pricing& pricing, double tolerance, Hand& hand) {
    const std::size_t a = from(d), b = from(d + 1);
    if (a == b || offered().amount[d] <= 0) return;
    const double worth = offered().worth[d], amount = offered().amount[d];
    if (worth <= 0 && std::all_of(flow_.begin() + static_cast<std::ptrdiff_t>(a),
                                  flow_.begin() + static_cast<std::ptrdiff_t>(b), [](double f) { return f <= 0; }))
      return;
    hand.cost.resize(b - a);
    std::size_t best = a;
    double carried = 0, paid = 0;
    for (std::size_t p = a; p < b; ++p) {
      hand.cost[p - a] = cost_of(p, hand);
      if (hand.cost[p - a] < hand.cost[best - a]) best = p;
      carried += flow_[p];
      paid += flow_[p] * hand.cost[p - a];
    }
    const double least = hand.cost[best - a];
    const bool must = std::isinf(worth);
    hand.regret += must ? paid - carried * least : paid - worth * carried + amount * std::max(0.0, worth - least);
    for (std::size_t p = a; p < b; ++p) {
      if (p == best || flow_[p] <= 0 || hand.cost[p - a] <= least * (1 + tolerance)) continue;
      move(p, best, pricing, tolerance, hand);
    }
    if (must) {
      if (amount - carried > nothing_) put(best, amount - carried, pricing, hand), ++hand.moves;
      return;
    }
    const double rate = pricing.slope / pricing.unit * hand.weighs;
    for (std::size_t p = a; p < b; ++p) {
      if (flow_[p] <= 0) continue;
      const double cost = cost_of(p, hand);
      if (cost <= worth * (1 + tolerance)) continue;
      double step = std::log(cost / worth) * cost / (slope_of(p, hand) * rate);
      for (const Link on : links_of(p)) {
        if (hand.price[at(on)] > worth)
          step = std::max(step, (hand.load[at(on)] - pricing.load_at(on, worth)) / hand.weighs);
      }
      step = std::min(flow_[p], step);
      put(p, -step, pricing, hand);
      carried -= step;
      ++hand.moves;
    }
    const double left = amount - carried;
    if (left <= nothing_) return;
    const double cost = cost_of(best, hand);
    if (cost >= worth) return;
    double step = std::min(left, std::log(worth / cost) * cost / (slope_of(best, hand) * rate));
    for (const Link on : links_of(best)) step = pricing.bearable(on, hand.load[at(on)], step, worth, hand.weighs);
    put(best, step, pricing, hand);
    ++hand.moves;
  }

  // From one path to another of the same demand; what they share does not change.
  void move(std::size_t p, std::size_t to, const Pricing& pricing, double tolerance, Hand& hand) {
    const std::int64_t ours = ++hand.stamps, shared = ++hand.stamps;
    for (const Link on : links_of(to)) hand.stamp[at(on)] = ours;
    double dear = 0, dear_slope = 0, cheap = 0, cheap_slope = 0, past = 0;
    for (const Link on : links_of(p)) {
      const std::size_t e = at(on);
      if (hand.stamp[e] == ours) {
        hand.stamp[e] = shared;
      } else {
        dear += hand.price[e];
        dear_slope += hand.price[e] / capacity_[e];
        past = std::max(past, pricing.past(on, hand.load[e], hand.price[e]));
      }
    }
    for (const Link on : links_of(to)) {
      const std::size_t e = at(on);
      if (hand.stamp[e] == shared) continue;
      cheap += hand.price[e];
      cheap_slope += hand.price[e] / capacity_[e];
    }
    if (dear <= cheap * (1 + tolerance)) return;
    double step = flow_[p];
    if (cheap > 0) {
      const double slope = pricing.slope / pricing.unit * hand.weighs * (dear_slope / dear + cheap_slope / cheap);
      step = std::min(step, past / hand.weighs + std::log(dear / cheap) / slope);
    }
    for (const Link on : links_of(to)) {
      if (hand.stamp[at(on)] != shared) step = pricing.bearable(on, hand.load[at(on)], step, dear, hand.weighs);
    }
    put(p, -step, pricing, hand);
    put(to, step, pricing, hand);
    ++hand.moves;
  }

  // Part by part, as many as there are paths for: the same whatever threads there are.
  void add_up() {
    const std::size_t parts = std::clamp<std::size_t>(offered().paths() / PART, 1, PARTS);
    std::vector<std::vector<double>> load(parts, std::vector<double>(load_.size(), 0.0));
    Crew::ours().run(static_cast<int>(parts), [&](int part) {
      const auto mine = static_cast<std::size_t>(part);
      std::vector<double>& sum = load[mine];
      for (std::size_t p = offered().paths() * mine / parts; p < offered().paths() * (mine + 1) / parts; ++p)
        if (flow_[p] > 0)
          for (const Link on : links_of(p)) sum[at(on)] += flow_[p];
    });
    load_ = std::move(load.front());
    for (std::size_t part = 1; part < parts; ++part)
      for (std::size_t e = 0; e < load_.size(); ++e) load_[e] += load[part][e];
  }

  std::vector<double> capacity_;
  std::shared_ptr<const Offered> shared_;  // Never changed: copies have the same.
  std::vector<double> flow_, load_;
  std::vector<Hand> hands_;
  double nothing_ = 0;
};

}  // namespace highroad
