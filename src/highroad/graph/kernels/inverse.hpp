// The inverse of a matrix, by Gauss and Jordan, with the largest of each column as pivot.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace highroad {

// Rows of twice as many columns, the second half those of the unit matrix: they become those of the inverse.
inline void inverted(std::vector<std::vector<double>>& matrix) {
  const std::size_t m = matrix.size();
  for (std::size_t j = 0; j < m; ++j) {
    std::size_t best = j;
    for (std::size_t i = j; i < m; ++i)
      if (std::abs(matrix[i][j]) > std::abs(matrix[best][j])) best = i;
    std::swap(matrix[j], matrix[best]);
    const double pivot = matrix[j][j];
    for (std::size_t k = j; k < 2 * m; ++k) matrix[j][k] /= pivot;
    for (std::size_t i = 0; i < m; ++i) {
      const double by = matrix[i][j];
      if (i == j || by == 0) continue;
      for (std::size_t k = j; k < 2 * m; ++k) matrix[i][k] -= by * matrix[j][k];
    }
  }
}

}  // namespace highroad
