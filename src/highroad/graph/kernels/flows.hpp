// Flows from many sources at once, each kept as what it puts on every link, not as paths (origin-based assignment: Bar-Gera
// 2002; Dial 2006, "Algorithm B"), moved towards the cheapest ways at prices that rise exponentially with the load.
//
// A `Flows` holds the state and the moves; who sets prices and how long it goes on is the caller's business.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "cheapest.hpp"
#include "crew.hpp"
#include "network.hpp"
#include "pricing.hpp"

namespace highroad {

inline constexpr int REPEATS = 12;

inline constexpr double LOOKED = 1.1;  // Room is given along ways that cost little more than it is worth.

// What is to be carried: sets of demands from one source over the links that the set may use. Those of set g are
// [start[g], start[g + 1]), each to a node of its own; worth is what a unit may cost at most, infinity where all of it
// must be carried. allowed has a row of links for each fence; fence[g] is a row, or -1.
struct Demands {
  std::vector<Node> source;
  std::vector<std::int32_t> fence;
  std::vector<std::int64_t> start;
  std::vector<Node> target;
  std::vector<double> amount, worth;
  std::vector<std::uint8_t> allowed;

  std::size_t sets() const { return source.size(); }
};

class Flows {
 public:
  Flows(const Network& network, std::span<const double> capacity, Demands demands)
      : given_(network.in.link),
        network_(network.nodes, inside(std::span<const Node>(network.tail)), inside(std::span<const Node>(network.head))),
        capacity_(inside(capacity)),
        demands_(std::move(demands)),
        flow_(demands_.sets() * network.links(), 0.0),
        served_(demands_.target.size(), 0.0),
        load_(network.links(), 0.0) {
    for (std::size_t row = 0; row < demands_.allowed.size(); row += links()) {
      const auto turned = inside(std::span<const std::uint8_t>(demands_.allowed).subspan(row, links()));
      std::copy(turned.begin(), turned.end(), demands_.allowed.begin() + static_cast<std::ptrdiff_t>(row));
    }
    nothing_ = NOTHING * most_flow(capacity_, demands_.amount, demands_.worth);
  }

  const Demands& demands() const { return demands_; }
  std::size_t links() const { return network_.links(); }
  std::vector<double> load() const { return outside(load_); }
  const std::vector<double>& served() const { return served_; }
  // Row after row what each set puts on every link.
  std::vector<double> flow() const { return outside(flow_); }

  // Takes over flows from elsewhere (a plan of before), which are what they say: conserved, and served what arrives.
  void set(std::span<const double> flow, std::vector<double> served) {
    for (std::size_t g = 0; g < demands_.sets(); ++g) {
      const auto row = inside(flow.subspan(g * links(), links()));
      std::copy(row.begin(), row.end(), of(g));
    }
    served_ = std::move(served);
    add_up();
  }

  // For each that took part (a set, or a demand) what cheapest ways at the prices met would have cost less, or earned
  // more; and how often flow was moved.
  struct Sweep {
    std::vector<double> regret;
    std::int64_t moves = 0;
  };

  // Every set of `order` once, side by side on `threads`. At first (`together`) demands are added along a whole tree.
  // Sets whose regret is at most `enough` are left as they are.
  Sweep sweep(std::span<const double> weight_given, double slope, double unit, double tolerance, double enough,
              double again, std::span<const std::int32_t> order, int threads, bool together) {
    const std::vector<double> weight = inside(weight_given);
    const Pricing pricing{weight, capacity_, slope, unit};
    const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), order.size())));
    while (hands_.size() < static_cast<std::size_t>(jobs)) hands_.emplace_back(network_);
    Sweep sum;
    sum.regret.resize(order.size());
    Crew::ours().run(jobs, [&](int job) {
      Hand& hand = hands_[static_cast<std::size_t>(job)];
      hand.load = load_;
      hand.price.resize(load_.size());
      for (std::size_t e = 0; e < load_.size(); ++e) hand.price[e] = pricing.at(static_cast<Link>(e), load_[e]);
      hand.weighs = jobs;
      hand.moves = 0;
      for (auto k = static_cast<std::size_t>(job); k < order.size(); k += static_cast<std::size_t>(jobs))
        {
        const auto g = static_cast<std::size_t>(order[k]);
        double regret = improve(g, pricing, tolerance, enough, together, hand);
        sum.regret[k] = regret;
        for (int times = 1; times < REPEATS && regret > again; ++times)
          regret = improve(g, pricing, tolerance, enough, together, hand);
      }
    });
    for (int job = 0; job < jobs; ++job) sum.moves += hands_[static_cast<std::size_t>(job)].moves;
    add_up();
    return sum;
  }

  // At these prices: what all demands together earn at most, sum of amount * max(0, worth - distance), and what those
  // cost that must be carried, sum of amount * distance.
  std::pair<double, double> at(std::span<const double> price_given, int threads) const {
    const std::vector<double> price = inside(price_given);
    const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), demands_.sets())));
    std::vector<double> earned(demands_.sets(), 0.0), cost(demands_.sets(), 0.0);
    Crew::ours().run(jobs, [&](int job) {
      Hand hand(network_);
      hand.price = price;
      for (auto g = static_cast<std::size_t>(job); g < demands_.sets(); g += static_cast<std::size_t>(jobs)) {
        grow(g, cut(g), hand);
        for (auto d = first(g); d < first(g + 1); ++d) {
          const double distance = hand.distance[node(demands_.target[d])];
          if (std::isinf(demands_.worth[d])) {
            if (demands_.amount[d] > 0) cost[g] += demands_.amount[d] * distance;
          } else if (distance < demands_.worth[d]) {
            earned[g] += demands_.amount[d] * (demands_.worth[d] - distance);
          }
        }
      }
    });
    return {std::accumulate(earned.begin(), earned.end(), 0.0), std::accumulate(cost.begin(), cost.end(), 0.0)};
  }

  // Makes it fit: takes what is too much off the links that carry too much (not of demands that must be carried), and
  // gives what room there is to what is not carried yet, along cheapest ways at these prices.
  void fit(std::span<const double> price, int threads) {
    Hand hand(network_);
    hand.price = inside(price);
    clean(threads);
    // What is far over leaves rounding errors of its own size when it is taken off: loads are added up anew, and looked at
    // again.
    for (int round = 0; round < 4; ++round) {
      add_up();
      trim(hand);
      if (!relieve(hand)) break;
    }
    bool given = false;
    for (int round = 0; round < 3 && fill(hand); ++round) given = true;
    if (given) clean(threads);
    settle();
    add_up();
  }

  // Paths that add up to (nearly) the flow, which has no cycles: of demand d those in [first[d], first[d + 1]), at most
  // `most`, each the links link[start[p]], ..., and how much of the demand each takes.
  struct Paths {
    std::vector<std::int64_t> first{0}, start{0};
    std::vector<double> amount;
    std::vector<Link> link;
  };
  Paths paths(int most) const;

  // Gives up every path over these links (the caller's numbers), and what arrives by it.
  void clear(std::span<const Link> given);

  // Takes cycles out of every set's flow, and what is not conserved.
  void tidy(int threads) {
    clean(threads);
    settle();
    add_up();
  }

 private:
  template <class T>
  std::vector<T> inside(std::span<const T> values) const {
    std::vector<T> turned(values.size());
    for (std::size_t e = 0; e < turned.size(); ++e) turned[e] = values[at(given_[e])];
    return turned;
  }

  template <class T>
  std::vector<T> outside(const std::vector<T>& rows) const {
    std::vector<T> turned(rows.size());
    for (std::size_t row = 0; row < rows.size(); row += links())
      for (std::size_t e = 0; e < links(); ++e) turned[row + at(given_[e])] = rows[row + e];
    return turned;
  }

  // What a thread works with. Loads and prices are its own: what it changes counts `weighs` times there, as if the
  // others did the same; else all together would do too much.
  struct Hand {
    explicit Hand(const Network& network)
        : heap(network.nodes),
          distance(count(network)),
          into(count(network)),
          stamp(count(network), 0),
          longest(count(network)),
          share(count(network)) {}

    static std::size_t count(const Network& network) { return static_cast<std::size_t>(network.nodes); }

    Heap heap;
    std::vector<double> distance;
    std::vector<Link> into;
    std::vector<std::int64_t> stamp;
    std::vector<double> longest, share;
    std::vector<Node> settled;
    std::vector<double> load, price;
    std::vector<Link> walked;
    std::int64_t stamps = 0;
    std::int64_t moves = 0;
    int weighs = 1;
  };

  static std::size_t node(Node v) { return static_cast<std::size_t>(v); }
  static std::size_t at(Link e) { return static_cast<std::size_t>(e); }
  std::size_t first(std::size_t g) const { return static_cast<std::size_t>(demands_.start[g]); }
  Node tail(Link e) const { return network_.tail[at(e)]; }
  Node head(Link e) const { return network_.head[at(e)]; }
  double* of(std::size_t g) { return flow_.data() + g * links(); }
  const double* of(std::size_t g) const { return flow_.data() + g * links(); }
  bool must(std::size_t d) const { return std::isinf(demands_.worth[d]); }

  double cut(std::size_t g) const {
    double most = 0;
    for (auto d = first(g); d < first(g + 1); ++d) most = std::max(most, demands_.worth[d]);
    return most;
  }

  const std::uint8_t* allowed(std::size_t g) const {
    return demands_.fence[g] < 0 ? nullptr : demands_.allowed.data() + node(demands_.fence[g]) * links();
  }

  // The tree of a set at the hand's prices, and in which order its nodes were reached for good.
  void grow(std::size_t g, double cut, Hand& hand) const {
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

  void put(double* flow, Link e, double amount, const Pricing& pricing, Hand& hand) const {
    double& now = flow[e];
    now += amount;
    hand.load[at(e)] += hand.weighs * amount;
    if (amount < 0 && now <= nothing_) {
      hand.load[at(e)] -= hand.weighs * now;
      now = 0;
    }
    hand.price[at(e)] = pricing.at(e, hand.load[at(e)]);
  }

  // One set: ways that cost more than the tree's are left for it, what earns is added, what costs too much taken off.
  double improve(std::size_t g, const Pricing& pricing, double tolerance, double enough, bool together, Hand& hand) {
    if (first(g) == first(g + 1)) return 0;
    grow(g, cut(g) * (1 + tolerance), hand);
    double* flow = of(g);
    const double regret = account(g, flow, hand);
    if (regret <= enough) return regret;
    shift(flow, pricing, tolerance, hand);
    remove(g, flow, pricing, tolerance, hand);
    if (together)
      add_together(g, flow, pricing, hand);
    else
      add(g, flow, pricing, hand);
    return regret;
  }

  double account(std::size_t g, const double* flow, const Hand& hand) const {
    double regret = 0;
    for (std::size_t e = 0; e < links(); ++e)
      if (flow[e] > 0) regret += flow[e] * hand.price[e];
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

  void shift(double* flow, const Pricing& pricing, double tolerance, Hand& hand) const {
    const Rows& in = network_.in;
    for (std::size_t place = hand.settled.size(); place-- > 1;) {
      const Node v = hand.settled[place];
      for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e) {
        if (flow[e] <= 0 || e == hand.into[node(v)]) continue;
        const double reached = hand.distance[node(tail(e))] + hand.price[at(e)];
        if (reached <= hand.distance[node(v)] * (1 + tolerance)) continue;
        move(v, e, flow, pricing, tolerance, hand);
      }
    }
  }

  // From the way on which e comes to v to the tree's.
  void move(Node v, Link e, double* flow, const Pricing& pricing, double tolerance, Hand& hand) const {
    for (int attempt = 0; attempt < 3 && flow[e] > 0; ++attempt) {
      const std::int64_t above = ++hand.stamps;
      for (Node u = v;; u = tail(hand.into[node(u)])) {
        hand.stamp[node(u)] = above;
        if (hand.into[node(u)] == NO_LINK) break;
      }
      const std::int64_t seen = ++hand.stamps;
      hand.walked.clear();
      hand.walked.push_back(e);
      double dear = hand.price[at(e)], dear_slope = dear / capacity_[at(e)], most = flow[e];
      Node meet = tail(e);
      bool cycle = meet == v;
      while (!cycle && hand.stamp[node(meet)] != above) {
        if (hand.stamp[node(meet)] == seen) {
          cycle = true;
          break;
        }
        hand.stamp[node(meet)] = seen;
        const Link back = largest_into(meet, flow);
        if (back == NO_LINK) return;  // less than nothing was left of it
        hand.walked.push_back(back);
        dear += hand.price[at(back)];
        dear_slope += hand.price[at(back)] / capacity_[at(back)];
        most = std::min(most, flow[back]);
        meet = tail(back);
      }
      if (cycle) {
        cancel(meet, flow, pricing, hand);
        continue;
      }
      double cheap = 0, cheap_slope = 0, smallest = UNREACHED;
      for (Node u = v; u != meet; u = tail(hand.into[node(u)])) {
        const Link on = hand.into[node(u)];
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
        for (Node u = v; u != meet; u = tail(hand.into[node(u)])) {
          const Link on = hand.into[node(u)];
          step = pricing.bearable(on, hand.load[at(on)], step, dear, hand.weighs);
        }
      for (const Link on : hand.walked) put(flow, on, -step, pricing, hand);
      for (Node u = v; u != meet; u = tail(hand.into[node(u)])) put(flow, hand.into[node(u)], step, pricing, hand);
      ++hand.moves;
      return;
    }
  }

  // The way that was walked came back to a node of its own.
  void cancel(Node again, double* flow, const Pricing& pricing, Hand& hand) const {
    double most = std::numeric_limits<double>::infinity();
    std::size_t from = hand.walked.size();
    do {
      --from;
      most = std::min(most, flow[hand.walked[from]]);
    } while (from > 0 && head(hand.walked[from]) != again);
    for (std::size_t k = from; k < hand.walked.size(); ++k) put(flow, hand.walked[k], -most, pricing, hand);
  }

  Link largest_into(Node v, const double* flow) const {
    const Rows& in = network_.in;
    Link best = NO_LINK;
    double most = 0;
    for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e) {
      if (flow[e] > most) most = flow[e], best = e;
    }
    return best;
  }

  Link largest_from(Node v, const double* flow) const {
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
  void remove(std::size_t g, double* flow, const Pricing& pricing, double tolerance, Hand& hand) {
    const Rows& in = network_.in;
    std::fill(hand.longest.begin(), hand.longest.end(), -1.0);
    hand.longest[node(demands_.source[g])] = 0;
    for (std::size_t place = 1; place < hand.settled.size(); ++place) {
      const Node v = hand.settled[place];
      double most = hand.distance[node(v)];
      for (Link e = in.start[node(v)]; e < in.start[node(v) + 1]; ++e) {
        if (flow[e] <= 0) continue;
        const Node u = tail(e);
        const double to = hand.longest[node(u)] >= 0 ? hand.longest[node(u)] : hand.distance[node(u)];
        most = std::max(most, to + hand.price[at(e)]);
      }
      hand.longest[node(v)] = most;
    }
    for (auto d = first(g); d < first(g + 1); ++d) {
      if (served_[d] <= 0 || must(d)) continue;
      const double worth = demands_.worth[d];
      const Node v = demands_.target[d];
      const double known = hand.longest[node(v)];
      if (known >= 0 && known <= worth * (1 + tolerance)) continue;
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
  bool walk_dearest(Node v, Node source, double* flow, const Pricing& pricing, Hand& hand, double& cost, double& slope,
                    double& most) const {
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
          const double to = (known >= 0 ? known : 1e30 + flow[e]) + hand.price[at(e)];
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

  void add(std::size_t g, double* flow, const Pricing& pricing, Hand& hand) {
    for (auto d = first(g); d < first(g + 1); ++d) {
      const double left = demands_.amount[d] - served_[d], worth = demands_.worth[d];
      const Node v = demands_.target[d];
      if (left <= nothing_ || hand.distance[node(v)] >= worth) continue;
      double step = left;
      if (!must(d)) {
        double cost = 0, slope = 0, smallest = UNREACHED;
        for (Node u = v; hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)])) {
          const Link on = hand.into[node(u)];
          smallest = std::min(smallest, capacity_[at(on)]);
          cost += hand.price[at(on)];
          slope += hand.price[at(on)] / capacity_[at(on)];
        }
        if (cost >= worth) continue;
        step = std::min(left, std::log(worth / cost) * cost / (slope * pricing.slope / pricing.unit * hand.weighs));
        if (!pricing.bears(smallest, step, hand.weighs))
          for (Node u = v; hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)])) {
            const Link on = hand.into[node(u)];
            step = pricing.bearable(on, hand.load[at(on)], step, worth, hand.weighs);
          }
      }
      for (Node u = v; hand.into[node(u)] != NO_LINK; u = tail(hand.into[node(u)]))
        put(flow, hand.into[node(u)], step, pricing, hand);
      served_[d] += step;
      ++hand.moves;
    }
  }

  // All demands along the tree at once: of what is wanted behind a link as much as brings its price to what it is worth.
  void add_together(std::size_t g, double* flow, const Pricing& pricing, Hand& hand) {
    std::vector<double>&want = hand.longest, &share = hand.share;
    for (const Node v : hand.settled) want[node(v)] = share[node(v)] = 0;
    for (auto d = first(g); d < first(g + 1); ++d) {
      const Node v = demands_.target[d];
      if (hand.distance[node(v)] < demands_.worth[d]) want[node(v)] += demands_.amount[d] - served_[d];
    }
    const double worth = cut(g);
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
      const Node v = demands_.target[d];
      if (hand.distance[node(v)] < demands_.worth[d])
        served_[d] += (demands_.amount[d] - served_[d]) * share[node(v)];
    }
    ++hand.moves;
  }

  void add_up() {
    std::fill(load_.begin(), load_.end(), 0.0);
    for (std::size_t g = 0; g < demands_.sets(); ++g) {
      const double* flow = of(g);
      for (std::size_t e = 0; e < links(); ++e) load_[e] += flow[e];
    }
  }

  // In flows_fit.hpp.
  void trim(Hand& hand);
  bool relieve(Hand& hand);
  void take(double* flow, double amount, Hand& hand);
  bool peel(Link e, double most, Node source, double* flow, const std::vector<std::int64_t>& demand, Hand& hand);
  bool fill(Hand& hand);
  void settle();
  void clean(int threads);
  void clean_set(std::size_t g, std::vector<std::int32_t>& next, std::vector<std::uint8_t>& state,
                 std::vector<Link>& walked);

  std::vector<Link> given_;  // By our number of a link, which goes by heads, its caller's.
  Network network_;
  std::vector<double> capacity_;
  Demands demands_;
  std::vector<double> flow_, served_, load_;
  std::vector<Hand> hands_;
  double nothing_ = 0;
};

}  // namespace highroad
