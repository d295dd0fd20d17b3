// Prices that rise exponentially with the load, how far along a way they can be told by their slopes, and what is nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "network.hpp"

namespace highroad {

inline constexpr double STEEPEST = 3.0;  // A price is at most e^3 of its weight: what is far over is not more urgent.

inline const double STEEPEST_FACTOR = std::exp(STEEPEST) * (1 - 1e-12);

// price = weight * exp(min(STEEPEST, slope * (load / (capacity * unit) - 1)))
struct Pricing {
  std::span<const double> weight, capacity;
  double slope, unit;
  std::vector<double> rate;  // What it is multiplied by is faster than what it is divided by: prices are asked for often.

  Pricing(std::span<const double> weight_, std::span<const double> capacity_, double slope_, double unit_)
      : weight(weight_), capacity(capacity_), slope(slope_), unit(unit_), rate(capacity_.size()) {
    for (std::size_t e = 0; e < rate.size(); ++e) rate[e] = std::min(1e300, slope / (capacity[e] * unit));
  }

  double at(Link e, double load) const {
    const auto k = static_cast<std::size_t>(e);
    return weight[k] * std::exp(std::min(STEEPEST, rate[k] * load - slope));
  }

  // What a link carries when it costs so much.
  double load_at(Link e, double price) const {
    const auto k = static_cast<std::size_t>(e);
    return capacity[k] * unit * (1 + std::log(price / std::max(weight[k], 1e-300)) / slope);
  }

  // Whether the price of a link so large rises by no more than a factor e: about as its slope has it.
  bool bears(double size, double step, double weighs) const { return step * slope * weighs <= size * unit; }

  // Of a step along a way that is to cost `most` in the end, what a link of it bears that counts changes `weighs` times:
  // a step that follows from the slopes alone is far too long where a small link, still cheap, is beside large ones.
  double bearable(Link e, double load, double step, double most, double weighs) const {
    const auto k = static_cast<std::size_t>(e);
    if (bears(capacity[k], step, weighs)) return step;
    return std::clamp((load_at(e, most) - load) / weighs, 0.0, step);
  }

  // How much is over the load from which on the price rises no more.
  double past(Link e, double load, double price) const {
    const auto k = static_cast<std::size_t>(e);
    if (price < weight[k] * STEEPEST_FACTOR) return 0;
    return std::max(0.0, load - capacity[k] * unit * (1 + STEEPEST / slope));
  }
};

// Less than this share of what can flow anywhere is a rounding error.
inline constexpr double NOTHING = 1e-13;

// No link carries more than all demands together, nor, unless demands must be carried, than the largest link: one link
// without a limit, or one demand, does not make small ones nothing.
inline double most_flow(const std::vector<double>& capacity, const std::vector<double>& amount,
                        const std::vector<double>& worth) {
  double all = 0, most = 0;
  bool must = false;
  for (std::size_t d = 0; d < amount.size(); ++d) all += amount[d], must = must || std::isinf(worth[d]);
  for (const double one : capacity) most = std::max(most, one);
  return must ? all : std::min(all, most);
}

}  // namespace highroad
