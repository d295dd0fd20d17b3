// Weighted max-min shares, exactly: all that may still rise do so together, until what is in the way proves who cannot.
//
// At level t demand d has min(weight t, most), or what it was held at, on a few paths; as t grows, a basis of the linear
// program over all paths tells how flows change (parametric simplex: Gass and Saaty 1955). Demands are rows that each have
// a path of their own in the basis, its key, so that what has to be inverted is only as large as there are full links
// (generalized upper bounds: Dantzig and Van Slyke 1967). Where a link is full, or a path empty, the row of the basis is
// prices y: a cheaper path, or a link whose price is negative, takes the place of what is in the way. Where there is
// neither, the prices prove that who crosses them cannot rise:
//
//     sum_e C_e y_e = sum_d x_d(t) dist_y(d)        y >= 0
//
// Where demands have bounds of latency, theirs is the distance over paths inside them (`bounded.hpp`).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "basis.hpp"
#include "bounded.hpp"
#include "cheapest.hpp"
#include "flows.hpp"
#include "network.hpp"
#include "tree.hpp"

namespace highroad {

class Levels : private Basis {
 public:
  Levels(const Network& network, std::vector<double> capacity, Demands demands, std::vector<double> weight,
         std::vector<double> latency, std::vector<double> bound, std::uint64_t seed)
      : Basis(demands.target.size(), network.links()),
        network_(network),
        capacity_(std::move(capacity)),
        demands_(std::move(demands)),
        weight_(std::move(weight)),
        bound_(std::move(bound)),
        inside_(std::move(latency), network.nodes),
        held_(count(), 0.0),
        rising_(count(), 1),
        set_of_(count()),
        by_content_(count()),
        load_(links(), 0.0),
        rate_(links(), 0.0),
        change_(links()),
        price_(links(), 0.0),
        tree_(network.nodes),
        dice_(seed) {
    // No two things are in the way at once where no two links are alike.
    for (double& one : capacity_) one *= 1 - ALIKE * (1 + static_cast<double>(dice_() % 1000) / 1000);
    std::iota(by_content_.begin(), by_content_.end(), std::size_t{0});
    std::stable_sort(by_content_.begin(), by_content_.end(),
                     [&](std::size_t one, std::size_t other) { return content(one) < content(other); });
    for (std::size_t g = 0; g < demands_.sets(); ++g)
      for (std::size_t d = first(g); d < first(g + 1); ++d) set_of_[d] = g;
    left_ = count();
  }

  // Whether there is a way for every demand; has to be asked first.
  bool begin() {
    key_flow_.resize(count());
    const std::vector<double> hops(links(), 1.0);
    for (std::size_t g = 0; g < demands_.sets(); ++g) {
      grow(g, hops, UNREACHED);
      for (std::size_t d = first(g); d < first(g + 1); ++d) {
        if (tree_.distance(demands_.target[d]) == UNREACHED) return false;
        key_[d] = walked(g, demands_.target[d]);
        if (!fits(d, key_[d])) late_.push_back(d);
      }
      tree_.forget();
      if (!fast(g)) return false;
      for (std::size_t d = first(g); d < first(g + 1); ++d)
        for (const Link e : key_[d]) rate_[at(e)] += weight_[d];
    }
    return true;
  }

  // At most so many steps; whether nobody rises any more.
  bool rise(std::int64_t steps) {
    for (; left_ > 0 && steps > 0; --steps) step();
    refresh();
    return left_ == 0;
  }

  std::size_t links() const { return network_.links(); }
  double level() const { return level_; }
  std::int64_t levels() const { return levels_; }
  std::int64_t steps() const { return steps_; }
  // What first proved that somebody cannot rise.
  const std::vector<double>& price() const { return price_; }

  std::vector<double> served() const {
    std::vector<double> amount(count());
    for (std::size_t d = 0; d < count(); ++d) amount[d] = has(d);
    return amount;
  }

  // What a unit of each demand costs at least.
  std::vector<double> distances(const std::vector<double>& price) {
    std::vector<double> found(count());
    for (std::size_t g = 0; g < demands_.sets(); ++g) {
      grow(g, price, UNREACHED);
      for (std::size_t d = first(g); d < first(g + 1); ++d) {
        const std::vector<Link> path = walked(g, demands_.target[d]);
        found[d] = cost(path, price);
        if (!fits(d, path)) late_.push_back(d);
      }
      tree_.forget();
      within(g, price, UNREACHED, [&](std::size_t d, double least, const std::vector<Link>&) { found[d] = least; });
    }
    return found;
  }

  // Row after row what each set puts on every link.
  std::vector<double> flow() const {
    std::vector<double> flow(demands_.sets() * links(), 0.0);
    each_path([&](std::size_t d, const std::vector<Link>& path, double amount) {
      for (const Link e : path) flow[set_of_[d] * links() + at(e)] += amount;
    });
    return flow;
  }

  // Path after path: whose it is, what it carries, and its links from the end back at [start[k], start[k + 1]).
  struct Paths {
    std::vector<std::int64_t> demand, start{0};
    std::vector<Link> link;
    std::vector<double> amount;
  };

  Paths paths() const {
    Paths found;
    each_path([&](std::size_t d, const std::vector<Link>& path, double amount) {
      if (amount <= 0) return;
      found.demand.push_back(static_cast<std::int64_t>(d));
      found.link.insert(found.link.end(), path.begin(), path.end());
      found.start.push_back(static_cast<std::int64_t>(found.link.size()));
      found.amount.push_back(amount);
    });
    return found;
  }

 private:
  static constexpr double ALIKE = 1e-7, NOTHING_COSTS = 1e-9, STILL = 1e-11;
  // Less is saved by no path.
  static constexpr double LITTLE = 1e-7;
  static constexpr std::int64_t REFRESHED = 500;
  // A path that carries so much less than nothing, as a share of what its demand has, and a link that is so far over.
  static constexpr double BELOW = 1e-5, OVER = 1e-6, UNSURE = 1e-3;
  static constexpr int MENDED = 100;

  std::size_t count() const { return demands_.target.size(); }
  std::size_t first(std::size_t g) const { return static_cast<std::size_t>(demands_.start[g]); }
  double content(std::size_t d) const { return demands_.amount[d] / weight_[d]; }
  double has(std::size_t d) const { return rising_[d] ? weight_[d] * level_ : held_[d]; }

  template <class Put>
  void each_path(Put put) const {
    std::vector<double> left = served();
    for (const Column& one : column_) {
      const double amount = std::clamp(one.flow, 0.0, left[one.demand]);
      left[one.demand] -= amount;
      put(one.demand, one.path, amount);
    }
    for (std::size_t d = 0; d < count(); ++d) put(d, key_[d], left[d]);
  }

  bool is_bound(std::size_t d) const { return !bound_.empty() && bound_[d] != UNREACHED; }
  bool fits(std::size_t d, const std::vector<Link>& path) const {
    return !is_bound(d) || inside_.latency(path) <= bound_[d];
  }

  // Of those of a set whose key is too long the fastest path becomes it; false where that is too long as well.
  bool fast(std::size_t g) {
    if (late_.empty()) return true;
    grow(g, inside_.latency(), UNREACHED);
    bool all = true;
    for (const std::size_t d : late_) {
      key_[d] = walked(g, demands_.target[d]);
      all = all && fits(d, key_[d]);
    }
    late_.clear();
    tree_.forget();
    return all;
  }

  // What the cheapest path inside their bound costs those of a set whose cheapest path is too long, up to a cost.
  template <class Tell>
  void within(std::size_t g, const std::vector<double>& price, double cut, Tell tell) {
    if (late_.empty()) return;
    double longest = 0;
    for (const std::size_t d : late_) longest = std::max(longest, bound_[d]);
    inside_.grow(network_, demands_.source[g], may(g), price, cut, longest);
    double least = 0;
    for (const std::size_t d : late_)
      if (inside_.found(demands_.target[d], bound_[d], least, path_)) tell(d, least, path_);
    late_.clear();
  }

  void step() {
    ++steps_;
    if (!directed_) direct();
    directed_ = false;
    for (const Column& one : column_) key_flow_[one.demand] = has(one.demand);
    for (const Column& one : column_) key_flow_[one.demand] -= one.flow;
    while (next_ < count() && !rising_[by_content_[next_]]) ++next_;
    double far = next_ < count() ? content(by_content_[next_]) - level_ : UNREACHED;
    std::size_t link = NONE, column = NONE, key = NONE;
    for (std::size_t e = 0; e < links(); ++e) {
      if (row_of_[e] != NONE || change_[e] <= STILL * most_rate_) continue;
      const double until = (capacity_[e] - load_[e]) / change_[e];
      if (until < far) far = until, link = e;
    }
    for (std::size_t j = 0; j < column_.size(); ++j) {
      if (column_[j].change >= -STILL * most_rate_) continue;
      const double until = column_[j].flow / -column_[j].change;
      if (until < far) far = until, link = NONE, column = j;
    }
    for (std::size_t j = 0; j < column_.size(); ++j) {
      const std::size_t d = column_[j].demand;
      if (key_change_[d] >= -STILL * most_rate_) continue;
      const double until = key_flow_[d] / -key_change_[d];
      if (until < far) far = until, link = NONE, column = NONE, key = d;
    }
    far = std::max(0.0, far);
    still_ = far > STILL * level_ ? 0 : still_ + 1;
    level_ += far;
    for (std::size_t e = 0; e < links(); ++e) load_[e] += far * change_[e];
    for (Column& one : column_) one.flow += far * one.change;
    if (still_ > static_cast<std::int64_t>(8 * (links() + column_.size()) + count())) return part();
    if (key != NONE) column = swapped(key);
    if (link != NONE) {
      if (!relieve_link(link)) capacity_[link] *= 1 + ALIKE;
    } else if (column != NONE) {
      if (!relieve_column(column)) column_[column].flow += ALIKE * has(column_[column].demand);
    } else {
      complete(by_content_[next_]);
    }
  }

  // Several things are in the way at once and take turns: what is on an edge is moved off it a little, each by its own.
  void part() {
    still_ = 0;
    const auto little = [&] { return ALIKE * static_cast<double>(1 + dice_() % 1000) / 1000; };
    for (std::size_t e = 0; e < links(); ++e)
      if (row_of_[e] == NONE) capacity_[e] *= 1 + little();
    for (Column& one : column_) one.flow += little() * has(one.demand);
  }

  // A demand has all that it may have: nothing else changes.
  void complete(std::size_t d) {
    hold(d, demands_.amount[d]);
    for (const Link e : key_[d]) change_[at(e)] -= weight_[d];
    std::vector<double> more(column_.size(), 0.0);
    for (const Link e : key_[d]) {
      const std::size_t i = row_of_[at(e)];
      if (i == NONE) continue;
      for (std::size_t j = 0; j < column_.size(); ++j) more[j] += inverse_[j][i];
    }
    key_change_[d] -= weight_[d];
    for (std::size_t j = 0; j < column_.size(); ++j)
      if (more[j] != 0) changed(column_[j], weight_[d] * more[j]);
    directed_ = true;
  }

  void changed(Column& one, double more) {
    one.change += more;
    key_change_[one.demand] -= more;
    for (const Link e : one.path) change_[at(e)] += more;
    for (const Link e : key_[one.demand]) change_[at(e)] -= more;
  }

  // How flows change as the level rises.
  void direct() {
    change_ = rate_;
    most_rate_ = *std::max_element(rate_.begin(), rate_.end());
    key_change_.resize(count());
    for (Column& one : column_) {
      one.change = 0;
      key_change_[one.demand] = rising_[one.demand] ? weight_[one.demand] : 0;
    }
    for (std::size_t j = 0; j < column_.size(); ++j) {
      double sum = 0;
      const double* inverse = inverse_[j].data();
      for (std::size_t i = 0; i < row_.size(); ++i) sum -= inverse[i] * rate_[row_[i]];
      if (sum != 0) changed(column_[j], sum);
    }
  }

  // The key of a demand is empty: the path of it that carries most becomes the key, and what was it a column.
  std::size_t swapped(std::size_t d) {
    std::size_t best = NONE;
    for (std::size_t j = 0; j < column_.size(); ++j)
      if (column_[j].demand == d && (best == NONE || column_[j].flow > column_[best].flow)) best = j;
    std::vector<double> sum(row_.size(), 0.0);
    for (std::size_t j = 0; j < column_.size(); ++j)
      if (column_[j].demand == d)
        for (std::size_t i = 0; i < row_.size(); ++i) sum[i] -= inverse_[j][i];
    inverse_[best] = std::move(sum);
    if (rising_[d]) {
      for (const Link e : key_[d]) rate_[at(e)] -= weight_[d];
      for (const Link e : column_[best].path) rate_[at(e)] += weight_[d];
    }
    std::swap(key_[d], column_[best].path);
    column_[best].flow = 0;
    return best;
  }

  // A link is full. False where that turns out to be a rounding error, as for `relieve_column`.
  bool relieve_link(std::size_t link) {
    load_[link] = capacity_[link];
    const std::size_t m = row_.size();
    std::vector<double> before(m, 0.0);
    for (std::size_t j = 0; j < column_.size(); ++j) {
      const double by = crosses(column_[j].path, link) - crosses(key_[column_[j].demand], link);
      if (by == 0) continue;
      for (std::size_t i = 0; i < m; ++i) before[i] += by * inverse_[j][i];
    }
    std::vector<double> price(links(), 0.0);
    price[link] = 1;
    for (std::size_t i = 0; i < m; ++i) price[row_[i]] = -before[i];
    const std::size_t row = lowest(price);
    if (row != NONE) {
      const double pivot = before[row];
      if (made_surer(pivot)) return true;
      for (auto& one : inverse_) {
        const double by = one[row] / pivot;
        for (std::size_t i = 0; i < m; ++i) one[i] -= by * before[i];
        one[row] = by;
      }
      row_of_[row_[row]] = NONE;
      row_[row] = link;
      row_of_[link] = row;
      return true;
    }
    Column fresh{NONE, {}, 0, 0};
    if (!cheaper(price, fresh)) return hold(price);
    const std::vector<double> after = solved(fresh);
    double pivot = crosses(fresh.path, link) - crosses(key_[fresh.demand], link);
    for (std::size_t j = 0; j < column_.size(); ++j)
      pivot -= (crosses(column_[j].path, link) - crosses(key_[column_[j].demand], link)) * after[j];
    if (made_surer(pivot)) return true;
    for (std::size_t j = 0; j < column_.size(); ++j) {
      const double by = after[j] / pivot;
      for (std::size_t i = 0; i < m; ++i) inverse_[j][i] += by * before[i];
      inverse_[j].push_back(-by);
    }
    std::vector<double> last(m + 1);
    for (std::size_t i = 0; i < m; ++i) last[i] = -before[i] / pivot;
    last[m] = 1 / pivot;
    inverse_.push_back(std::move(last));
    row_of_[link] = m;
    row_.push_back(link);
    column_.push_back(std::move(fresh));
    return true;
  }

  // A path is empty.
  bool relieve_column(std::size_t column) {
    column_[column].flow = 0;
    const std::size_t m = row_.size();
    const std::vector<double> before = inverse_[column];
    std::vector<double> price(links(), 0.0);
    for (std::size_t i = 0; i < m; ++i) price[row_[i]] = before[i];
    const std::size_t row = lowest(price);
    if (row != NONE) {
      if (made_surer(before[row])) return true;
      for (std::size_t j = 0; j < column_.size(); ++j) {
        if (j == column) continue;
        const double by = inverse_[j][row] / before[row];
        if (by != 0)
          for (std::size_t i = 0; i < m; ++i) inverse_[j][i] -= by * before[i];
      }
      row_of_[row_[row]] = NONE;
      if (row + 1 < m) {
        row_[row] = row_.back();
        row_of_[row_[row]] = row;
        for (auto& one : inverse_) one[row] = one[m - 1];
      }
      row_.pop_back();
      for (auto& one : inverse_) one.pop_back();
      if (column + 1 < column_.size()) {
        std::swap(column_[column], column_.back());
        std::swap(inverse_[column], inverse_.back());
      }
      column_.pop_back();
      inverse_.pop_back();
      return true;
    }
    Column fresh{NONE, {}, 0, 0};
    if (!cheaper(price, fresh)) return hold(price);
    const std::vector<double> after = solved(fresh);
    if (made_surer(after[column])) return true;
    for (double& one : inverse_[column]) one /= after[column];
    for (std::size_t j = 0; j < column_.size(); ++j) {
      if (j == column || after[j] == 0) continue;
      for (std::size_t i = 0; i < m; ++i) inverse_[j][i] -= after[j] * inverse_[column][i];
    }
    column_[column] = std::move(fresh);
    return true;
  }

  // The row whose price is the lowest below 0. Rounding errors become 0.
  std::size_t lowest(std::vector<double>& price) const {
    std::size_t best = NONE;
    double least = -NOTHING_COSTS;
    for (std::size_t i = 0; i < row_.size(); ++i) {
      double& one = price[row_[i]];
      if (one < least) least = one, best = i;
      if (one < NOTHING_COSTS) one = std::min(one, 0.0);
    }
    if (best == NONE)
      for (const std::size_t e : row_) price[e] = std::max(0.0, price[e]);
    return best;
  }

  // The path that is cheaper than its demand's key by most, of the first set that has one.
  bool cheaper(const std::vector<double>& price, Column& found) {
    for (std::size_t turn = 0; turn < demands_.sets(); ++turn) {
      const std::size_t g = (turn_ + turn) % demands_.sets();
      double most = 0;
      cost_.resize(count());
      for (std::size_t d = first(g); d < first(g + 1); ++d) {
        cost_[d] = cost(key_[d], price);
        most = std::max(most, cost_[d]);
      }
      if (most <= LITTLE) continue;
      grow(g, price, most + LITTLE);
      double saved = LITTLE;
      for (std::size_t d = first(g); d < first(g + 1); ++d) {
        const double less = cost_[d] - tree_.distance(demands_.target[d]);
        if (less <= LITTLE) continue;
        if (is_bound(d) && !fits(d, walked(g, demands_.target[d])))
          late_.push_back(d);
        else if (less > saved)
          saved = less, found.demand = d;
      }
      if (found.demand != NONE) found.path = walked(g, demands_.target[found.demand]), late_.clear();
      tree_.forget();
      within(g, price, most, [&](std::size_t d, double least, const std::vector<Link>& path) {
        if (cost_[d] - least > saved) saved = cost_[d] - least, found.demand = d, found.path = path;
      });
      if (found.demand != NONE) {
        turn_ = g;
        return true;
      }
    }
    return false;
  }

  // Who crosses what these prices say is full stays where he is.
  bool hold(const std::vector<double>& price) {
    bool any = false;
    for (std::size_t d = 0; d < count(); ++d) {
      if (!rising_[d] || cost(key_[d], price) <= NOTHING_COSTS) continue;
      hold(d, std::min(weight_[d] * level_, demands_.amount[d]));
      any = true;
    }
    if (any && levels_++ == 0) price_ = price;
    return any;
  }

  void hold(std::size_t d, double amount) {
    rising_[d] = 0;
    held_[d] = amount;
    --left_;
    for (const Link e : key_[d]) rate_[at(e)] -= weight_[d];
  }

  // What is divided by may be small by rounding errors alone: the step is done again without them.
  bool made_surer(double pivot) {
    if (std::abs(pivot) >= UNSURE || pivots_ == 0) return ++pivots_, false;
    refresh();
    return true;
  }

  // Rounding errors are left behind, and what they led beyond an edge is brought back.
  void refresh() {
    directed_ = false;
    reckon();
    if (edges().empty()) return;
    const Basis before = *this;
    int turn = 0;
    for (; turn < MENDED && !edges().empty(); ++turn, reckon())
      if (!mend(edges())) turn = MENDED;
    if (turn >= MENDED) static_cast<Basis&>(*this) = before, reckon();
    for (Column& one : column_) one.flow = std::max(0.0, one.flow);
  }

  // What is beyond an edge: links, and demands of which the key (NONE) or another path carries less than nothing.
  struct Edge {
    std::size_t link, demand, column;
  };

  std::vector<Edge> edges() {
    std::vector<Edge> found;
    for (const Column& one : column_) key_flow_[one.demand] = has(one.demand);
    for (const Column& one : column_) key_flow_[one.demand] -= one.flow;
    for (std::size_t j = 0; j < column_.size(); ++j) {
      const std::size_t d = column_[j].demand;
      if (column_[j].flow < -BELOW * has(d)) found.push_back({NONE, d, j});
      if (key_flow_[d] < -BELOW * has(d)) found.push_back({NONE, d, NONE});
    }
    for (std::size_t e = 0; e < links(); ++e)
      if (row_of_[e] == NONE && load_[e] > capacity_[e] * (1 + OVER)) found.push_back({e, NONE, NONE});
    return found;
  }

  // Takes one of them out of the basis, or into it, any: in an order they could go round. False where that is no use.
  bool mend(const std::vector<Edge>& all) {
    const Edge one = all[dice_() % all.size()];
    if (one.link != NONE) return relieve_link(one.link);
    return relieve_column(one.column == NONE ? swapped(one.demand) : one.column);
  }

  void reckon() {
    pivots_ = 0;
    std::fill(rate_.begin(), rate_.end(), 0.0);
    std::fill(load_.begin(), load_.end(), 0.0);
    for (std::size_t d = 0; d < count(); ++d)
      for (const Link e : key_[d]) {
        load_[at(e)] += has(d);
        if (rising_[d]) rate_[at(e)] += weight_[d];
      }
    const std::size_t m = row_.size();
    invert();
    for (std::size_t j = 0; j < m; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < m; ++i) sum += inverse_[j][i] * (capacity_[row_[i]] - load_[row_[i]]);
      change_of_.push_back(sum);
    }
    for (std::size_t j = 0; j < m; ++j) {
      column_[j].flow = change_of_[j];
      for (const Link e : column_[j].path) load_[at(e)] += column_[j].flow;
      for (const Link e : key_[column_[j].demand]) load_[at(e)] -= column_[j].flow;
    }
    change_of_.clear();
  }

  const std::uint8_t* may(std::size_t g) const {
    return demands_.fence[g] < 0 ? nullptr : demands_.allowed.data() + at(demands_.fence[g]) * links();
  }

  void grow(std::size_t g, const std::vector<double>& price, double cut) {
    tree_.grow(network_, demands_.source[g], may(g), price, cut);
  }

  std::vector<Link> walked(std::size_t g, Node target) const {
    return tree_.walked(network_, demands_.source[g], target);
  }

  const Network network_;
  std::vector<double> capacity_;
  Demands demands_;
  std::vector<double> weight_, bound_;
  Bounded inside_;
  std::vector<double> held_;
  std::vector<std::uint8_t> rising_;
  std::vector<std::size_t> late_;  // Whose path is too long, for a while.
  std::vector<Link> path_;
  std::vector<std::size_t> set_of_, by_content_;
  std::vector<double> load_, rate_, change_;  // By link: what it carries, what of keys comes with the level, all that does.
  std::vector<double> price_, cost_, key_change_, key_flow_, change_of_;
  Tree tree_;
  std::mt19937_64 dice_;
  double level_ = 0, most_rate_ = 0;
  std::size_t next_ = 0, left_ = 0, turn_ = 0;
  std::int64_t levels_ = 0, steps_ = 0, still_ = 0, pivots_ = 0;
  bool directed_ = false;
};

}  // namespace highroad
