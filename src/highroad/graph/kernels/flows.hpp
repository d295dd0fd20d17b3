// Flows from many sources at once, each kept as what it puts on every link, not as paths (origin-based assignment: Bar-Gera
// 2002; Dial 2006, "Algorithm B"), moved towards the cheapest ways at prices that rise exponentially with the load.
//
// A `Flows` holds the state and the moves; who sets prices and how long it goes on is the caller's business.
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

#include "cheapest.hpp"
#include "crew.hpp"
#include "network.hpp"
#include "pricing.hpp"

namespace highroad {

inline constexpr int REPEATS = 12;

// So often threads hear of each other in a sweep at most, after sets of so many links each together at least. Where it is
// seldom, each expects of the others that they do what it does; the more often than so, the less.
inline constexpr std::size_t BATCHES = 400, WORK = 60'000;
inline constexpr double UNHEARD = 16;

inline constexpr std::size_t FEW = 100'000;  // So many sums are not worth a thread of their own.

inline constexpr std::size_t LEVELS = 16;

inline constexpr double MUCH = 0.01;  // Of a set's regret: who has more goes other ways than the cheapest too.

inline constexpr double LARGE = 1e300;  // More than anything costs or carries.

inline constexpr double LOOKED = 1.1;  // Room is given along ways that cost little more than it is worth.

// What is to be carried: sets of demands from one source over the links that the set may use. Those of set g are
// [start[g], start[g + 1]), those to one node side by side, who is worth most first; worth is what a unit may cost at
// most, infinity where all of it must be carried. allowed has a row of links for each fence; fence[g] is a row, or -1.
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
        held_(std::make_shared<Demands>(std::move(demands))),
        demands_(*held_),
        flow_(demands_.sets() * network.links(), 0.0),
        served_(demands_.target.size(), 0.0),
        load_(network.links(), 0.0),
        has_(demands_.sets(), Has::OFFERED),
        is_tidy_(demands_.sets(), 1),
        orders_(demands_.sets()) {
    for (std::size_t row = 0; row < demands_.allowed.size(); row += links()) {
      const auto turned = inside(std::span<const std::uint8_t>(demands_.allowed).subspan(row, links()));
      std::copy(turned.begin(), turned.end(), held_->allowed.begin() + static_cast<std::ptrdiff_t>(row));
    }
    for (std::size_t g = 0; g < demands_.sets(); ++g) {
      std::size_t musts = 0;
      for (auto d = first(g); d < first(g + 1); ++d) musts += must(d);
      if (musts > 0) has_[g] = musts == first(g + 1) - first(g) ? Has::MUST : Has::BOTH;
    }
    for (std::size_t g = 0; g < demands_.sets(); ++g)
      for (auto d = first(g) + 1; d < first(g + 1); ++d) is_shared_ = is_shared_ || demands_.target[d] == demands_.target[d - 1];
    for (const double worth : demands_.worth) {
      if (levels_.size() <= LEVELS && std::find(levels_.begin(), levels_.end(), worth) == levels_.end())
        levels_.push_back(worth);
    }
    std::sort(levels_.begin(), levels_.end(), std::greater<>{});
    if (levels_.size() > LEVELS) levels_.assign(1, 0.0);
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
    is_tidy_.assign(demands_.sets(), 0);
    add_up(1);
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
    const Pricing pricing(weight, capacity_, slope, unit);
    const auto jobs = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), order.size())));
    while (hands_.size() < static_cast<std::size_t>(jobs)) hands_.emplace_back(network_);
    Sweep sum;
    sum.regret.resize(order.size());
    const std::size_t fewest = std::max<std::size_t>(1, WORK / std::max<std::size_t>(1, links())) * at(jobs);
    const std::size_t batches = jobs == 1 ? 1 : std::clamp<std::size_t>(order.size() / fewest, 1, BATCHES);
    const double weighs = 1 + (jobs - 1) * std::min(1.0, UNHEARD / static_cast<double>(batches));
    std::vector<double> now = load_, price(links());
    for (std::size_t e = 0; e < links(); ++e) price[e] = pricing.at(static_cast<Link>(e), now[e]);
    for (int job = 0; job < jobs; ++job) {
      Hand& hand = hands_[at(job)];
      hand.load = now;
      hand.price = price;
      hand.weighs = weighs;
      hand.moves = 0;
    }
    for (std::size_t batch = 0; batch < batches; ++batch) {
      const std::size_t begin = order.size() * batch / batches, end = order.size() * (batch + 1) / batches;
      Crew::ours().run(jobs, [&](int job) {
        Hand& hand = hands_[at(job)];
        for (auto k = begin + at(job); k < end; k += at(jobs)) {
          const auto g = static_cast<std::size_t>(order[k]);
          double regret = improve(g, pricing, tolerance, enough, together, hand);
          sum.regret[k] = regret;
          for (int times = 1; times < REPEATS && regret > again; ++times)
            regret = improve(g, pricing, tolerance, enough, together, hand);
        }
      });
      if (batch + 1 == batches) break;
      for (std::size_t e = 0; e < links(); ++e) {
        double more = 0;
        for (int job = 0; job < jobs; ++job) more += (hands_[at(job)].load[e] - now[e]) / hands_[at(job)].weighs;
        if (more == 0) continue;
        now[e] += more;
        price[e] = pricing.at(static_cast<Link>(e), now[e]);
      }
      for (int job = 0; job < jobs; ++job) hands_[at(job)].load = now, hands_[at(job)].price = price;
    }
    for (int job = 0; job < jobs; ++job) sum.moves += hands_[at(job)].moves;
    add_up(threads);
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
        reach(g, cut(g), hand);
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
    clean(untidy(), threads);
    // What is far over leaves rounding errors of its own size when it is taken off: loads are added up anew, and looked at
    // again.
    std::vector<std::int32_t> demand;  // By set and node, once it is needed.
    for (int round = 0; round < 4; ++round) {
      add_up(threads);
      trim(hand);
      if (!relieve(demand, hand)) break;
    }
    if (is_shared_)
      for (std::size_t g = 0; g < demands_.sets(); ++g) prefer(g);
    for (const double least : levels_) {  // Who is worth most is given room first.
      std::vector<std::size_t> sets(demands_.sets());
      std::iota(sets.begin(), sets.end(), std::size_t{0});
      sets = fill(sets, least, hand, threads);
      const std::vector<std::size_t> given = sets;
      for (int round = 1; round < 3 && !sets.empty(); ++round) sets = fill(sets, least, hand, threads);
      clean(given, threads);
    }
    settle(threads);
    add_up(threads);
  }

  // Paths that add up to (nearly) the flow, which has no cycles: of demand d those in [first[d], first[d + 1]), at most
  // `most`, each the links link[start[p]], ..., and how much of the demand each takes.
  struct Paths {
    std::vector<std::int64_t> first{0}, start{0};
    std::vector<double> amount;
    std::vector<Link> link;
  };
  Paths paths(int most, int threads) const;

  // Gives up every path over these links (the caller's numbers), and what arrives by it.
  void clear(std::span<const Link> given, int threads);

  // Takes cycles out of every set's flow, and what is not conserved.
  void tidy(int threads) {
    clean(untidy(), threads);
    settle(threads);
    add_up(threads);
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

  // What a thread works with. Loads and prices are its own: it hears of what the others do some sets of demands later.
  // Until then what it changes counts `weighs` times, as if the others did the same or a part of it; else all together
  // would do too much.
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
    std::vector<Link> beside, around;
    std::vector<double> load, price;
    std::vector<Link> walked;
    std::int64_t stamps = 0;
    std::int64_t moves = 0;
    double weighs = 1;
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

  void put(double* flow, Link e, double amount, const Pricing& pricing, Hand& hand) const {
    double& now = flow[e];
    const double was = now;
    now += amount;
    if (amount < 0 && now <= nothing_) now = 0;
    hand.load[at(e)] += hand.weighs * (now - was);
    hand.price[at(e)] = pricing.at(e, hand.load[at(e)]);
  }

  // Link by link in the order of sets, on however many threads.
  void add_up(int threads) {
    const auto parts = std::max(1, static_cast<int>(std::min(static_cast<std::size_t>(threads), flow_.size() / FEW)));
    Crew::ours().run(parts, [&](int part) {
      const auto mine = static_cast<std::size_t>(part), of_all = static_cast<std::size_t>(parts);
      const std::size_t begin = mine * links() / of_all, end = (mine + 1) * links() / of_all;
      std::fill(load_.data() + begin, load_.data() + end, 0.0);
      for (std::size_t g = 0; g < demands_.sets(); ++g) {
        const double* flow = of(g);
        for (std::size_t e = begin; e < end; ++e) load_[e] += flow[e];
      }
    });
  }

  // In flows_tree.hpp.
  void grow(std::size_t g, double cut, Hand& hand) const;
  void mend(std::size_t g, double cut, const std::vector<Node>& order, Hand& hand) const;
  void reach(std::size_t g, double cut, Hand& hand) const;
  void grow_again(std::size_t g, double cut, Hand& hand);
  // In flows_move.hpp.
  double improve(std::size_t g, const Pricing& pricing, double tolerance, double enough, bool together, Hand& hand);
  double account(std::size_t g, const double* flow, const Hand& hand) const;
  void shift(std::size_t g, double* flow, const Pricing& pricing, double tolerance, double much, Hand& hand) const;
  void move(Link e, Link by, double* flow, const Pricing& pricing, double tolerance, Hand& hand) const;
  void look_around(std::size_t g, Node v, double most, Hand& hand) const;
  void cancel(Node again, double* flow, const Pricing& pricing, Hand& hand) const;
  Link largest_into(Node v, const double* flow) const;
  Link largest_from(Node v, const double* flow) const;
  void remove(std::size_t g, double* flow, const Pricing& pricing, double tolerance, Hand& hand);
  bool walk_dearest(Node v, Node source, double* flow, const Pricing& pricing, Hand& hand, double& cost, double& slope,
                    double& most) const;
  void add(std::size_t g, double* flow, const Pricing& pricing, double much, Hand& hand);
  double add_by(Link by, double worth, double left, double* flow, const Pricing& pricing, Hand& hand) const;
  void add_together(std::size_t g, double least, double above, double* flow, const Pricing& pricing, Hand& hand);
  void prefer(std::size_t g);
  // In flows_fit.hpp.
  void trim(Hand& hand);
  bool relieve(std::vector<std::int32_t>& demand, Hand& hand);
  void take(double* flow, std::vector<double>& load, double amount, Hand& hand);
  bool peel(Link e, double most, std::size_t g, double dearest, double* flow, std::vector<double>& load,
            std::span<const std::int32_t> demand, Hand& hand);
  void note(std::size_t g, std::span<std::int32_t> demand) const;
  std::vector<std::size_t> fill(const std::vector<std::size_t>& sets, double least, Hand& hand, int threads);
  bool give(std::size_t g, double least, double little, Hand& hand);
  bool has_room(std::size_t g, double least, double little, Hand& hand) const;
  void settle(int threads);
  void settle_set(std::size_t g, std::vector<std::int32_t>& comes, std::vector<std::int32_t>& demand,
                  std::vector<Node>& order);
  std::vector<std::size_t> untidy() const;
  void clean(const std::vector<std::size_t>& sets, int threads);
  void clean_set(std::size_t g, std::vector<std::int32_t>& next, std::vector<std::uint8_t>& state,
                 std::vector<Link>& walked);

  std::vector<Link> given_;  // By our number of a link, which goes by heads, its caller's.
  Network network_;
  std::vector<double> capacity_;
  std::shared_ptr<Demands> held_;  // Never changed once it is made: copies have the same.
  const Demands& demands_;
  std::vector<double> flow_, served_, load_;
  std::vector<Hand> hands_;
  double nothing_ = 0;
  bool is_shared_ = false;      // Several demands of a set are to one node.
  std::vector<double> levels_;  // What demands are worth, the most first; 0 alone where that is much.

  enum class Has : std::uint8_t { OFFERED, MUST, BOTH };
  std::vector<Has> has_;                // By set: demands that may be carried, that must be, or both.
  std::vector<std::uint8_t> is_tidy_;  // By set: it has no cycles, and what rounding errors left is gone.
  std::vector<std::vector<Node>> orders_;  // By set in which order nodes were reached last.
};

}  // namespace highroad
