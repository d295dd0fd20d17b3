// highroad.lab.delay._loop: what of the loop Python sees. Its types are in _loop.pyi, which `make format` writes.
#include <nanobind/nanobind.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include "loop.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace highroad {
namespace {

using Given = std::tuple<int, std::int64_t, std::int64_t>;

constexpr std::int64_t LONGEST_NS = 10'000'000'000;

std::vector<Line> lines_of(const std::vector<Given>& given) {
  std::vector<Line> lines;
  for (const auto& [descriptor, queue, delay_ns] : given) {
    const std::string which = "line " + std::to_string(lines.size());
    if (queue < 0 || queue > 0xffff)
      throw nb::value_error((which + " is of queue " + std::to_string(queue) + ", and they are below 65536").c_str());
    if (delay_ns < 0 || delay_ns > LONGEST_NS)
      throw nb::value_error((which + " takes " + std::to_string(delay_ns) + " ns, and not 0 to 10 s").c_str());
    lines.push_back({descriptor, static_cast<std::uint16_t>(queue), delay_ns});
  }
  return lines;
}

void run(const std::vector<Given>& given) {
  try {
    Loop loop(lines_of(given));
    for (;;) {
      {
        nb::gil_scoped_release released;
        loop.run();
      }
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
    }
  } catch (const std::system_error& error) {
    errno = error.code().value();
    PyErr_SetFromErrno(PyExc_OSError);
    throw nb::python_error();
  }
}

}  // namespace
}  // namespace highroad

NB_MODULE(_loop, module) {
  module.doc() = "The compiled loop of the process that delays. Sources in kernels/, by `make`.";

  module.def("run", &highroad::run, "lines"_a,
             nb::sig("def run(lines: collections.abc.Sequence[tuple[int, int, int]]) -> typing.NoReturn"),
             R"(Lets packets go in time, for ever: each line is the descriptor of a netlink socket that has a queue and does
not block, the number of the queue, and how long what arrives waits, in ns.

Other threads run meanwhile; a signal is seen to by Python. Raises OSError when a line cannot be read, and
ValueError for what is no line.)");
}
