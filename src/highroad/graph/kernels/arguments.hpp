// What Python hands over, looked at before a kernel relies on it: each thing that is wrong is a ValueError of one sentence.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "network.hpp"

namespace highroad {

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::string said;
  const auto add = [&said](const auto& part) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(part)>>)
      said += std::to_string(part);
    else
      said += part;
  };
  (add(parts), ...);
  throw nanobind::value_error(said.c_str());
}

template <class T>
inline constexpr const char* name_of = nullptr;
template <>
inline constexpr const char* name_of<double> = "float64";
template <>
inline constexpr const char* name_of<std::int32_t> = "int32";

template <>
inline constexpr const char* name_of<std::int64_t> = "int64";
template <>
inline constexpr const char* name_of<std::uint8_t> = "uint8";

// A copy of an array of one dimension: kernels run without the GIL, and what was looked at must not change meanwhile.
template <class T>
std::vector<T> numbers(nanobind::handle given, const char* name) {
  nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::device::cpu> array;
  if (!nanobind::ndarray_check(given) || !nanobind::try_cast(given, array, false))
    refuse(name, " has to be an array of one dimension and of type ", name_of<T>);
  std::vector<T> copy(array.shape(0));
  const auto view = array.view();
  for (std::size_t k = 0; k < copy.size(); ++k) copy[k] = view(k);
  return copy;
}

inline void check_nodes(std::span<const Node> given, Node nodes, const char* name) {
  for (std::size_t k = 0; k < given.size(); ++k)
    if (given[k] < 0 || given[k] >= nodes)
      refuse(name, "[", k, "] is ", given[k], ", and nodes are numbered from 0 to below ", nodes);
}

inline void check_prices(std::span<const double> given, std::size_t links) {
  if (given.size() != links) refuse("prices has ", given.size(), " elements, and there are ", links, " links");
  for (std::size_t e = 0; e < given.size(); ++e)
    if (!(given[e] >= 0)) refuse("prices[", e, "] is negative or not a number");
}

inline constexpr int MOST_THREADS = 1024;

inline int threads_of(int threads) {
  if (threads < 0 || threads > MOST_THREADS) refuse("threads is ", threads, ", and has to be between 0 and ", MOST_THREADS);
  return threads == 0 ? Crew::count() : threads;
}

// An array for Python that owns its numbers.
template <class T>
nanobind::object array_of(std::unique_ptr<T[]> numbers, std::size_t rows, std::size_t columns) {
  nanobind::capsule owner(numbers.get(), [](void* held) noexcept { delete[] static_cast<T*>(held); });
  T* data = numbers.release();
  return nanobind::cast(
      nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<2>>(data, {rows, columns}, owner));
}

template <class T>
nanobind::object array_of(const std::vector<T>& numbers) {
  auto copy = std::make_unique_for_overwrite<T[]>(numbers.size());
  std::copy(numbers.begin(), numbers.end(), copy.get());
  nanobind::capsule owner(copy.get(), [](void* held) noexcept { delete[] static_cast<T*>(held); });
  T* data = copy.release();
  return nanobind::cast(nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<1>>(data, {numbers.size()}, owner));
}

// What is given away is not copied.
template <class T>
nanobind::object array_of(std::vector<T>&& numbers) {
  if (numbers.empty()) return array_of(std::as_const(numbers));
  auto held = std::make_unique<std::vector<T>>(std::move(numbers));
  nanobind::capsule owner(held.get(), [](void* given) noexcept { delete static_cast<std::vector<T>*>(given); });
  std::vector<T>* data = held.release();
  return nanobind::cast(nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<1>>(data->data(), {data->size()}, owner));
}

}  // namespace highroad
