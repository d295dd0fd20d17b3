// A basis of flows on paths: of every demand a key, and as many paths beside them as there are full links.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "inverse.hpp"
#include "network.hpp"

namespace highroad {

class Basis {
 protected:
  static constexpr std::size_t NONE = std::numeric_limits<std::size_t>::max();

  // A path in the basis besides the key of its demand.
  struct Column {
    std::size_t demand;
    std::vector<Link> path;
    double flow, change;
  };

  static std::size_t at(Link e) { return static_cast<std::size_t>(e); }

  Basis(std::size_t demands, std::size_t links) : key_(demands), row_of_(links, NONE) {}

  // By how much every column would have to give way to a unit of this one.
  std::vector<double> solved(const Column& fresh) const {
    std::vector<double> by(row_.size(), 0.0);
    for (const Link e : fresh.path)
      if (row_of_[at(e)] != NONE) by[row_of_[at(e)]] += 1;
    for (const Link e : key_[fresh.demand])
      if (row_of_[at(e)] != NONE) by[row_of_[at(e)]] -= 1;
    std::vector<double> after(column_.size(), 0.0);
    for (std::size_t i = 0; i < row_.size(); ++i) {
      if (by[i] == 0) continue;
      for (std::size_t j = 0; j < column_.size(); ++j) after[j] += by[i] * inverse_[j][i];
    }
    return after;
  }

  void invert() {
    const std::size_t m = row_.size();
    std::vector<std::vector<double>> matrix(m, std::vector<double>(2 * m, 0.0));
    for (std::size_t j = 0; j < m; ++j) {
      for (const Link e : column_[j].path)
        if (row_of_[at(e)] != NONE) matrix[row_of_[at(e)]][j] += 1;
      for (const Link e : key_[column_[j].demand])
        if (row_of_[at(e)] != NONE) matrix[row_of_[at(e)]][j] -= 1;
      matrix[j][m + j] = 1;
    }
    inverted(matrix);
    for (std::size_t j = 0; j < m; ++j) inverse_[j].assign(matrix[j].begin() + static_cast<std::ptrdiff_t>(m), matrix[j].end());
  }

  std::vector<std::vector<Link>> key_;
  std::vector<std::size_t> row_of_, row_;     // The full links of the basis.
  std::vector<Column> column_;                // As many paths.
  std::vector<std::vector<double>> inverse_;  // By column and row.
};

}  // namespace highroad
