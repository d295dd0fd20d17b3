// A directed network as arrays, in rows by tail and by head, and the heap that searches on it share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace highroad {

using Node = std::int32_t;
using Link = std::int32_t;

inline constexpr Link NO_LINK = -1;

// Links of one direction in rows (compressed sparse rows): those of node v are at [start[v], start[v + 1]), in the order
// of their numbers; far is the other end.
struct Rows {
  std::vector<std::int32_t> start;
  std::vector<Link> link;
  std::vector<Node> far;

  Rows(Node nodes, std::span<const Node> near_end, std::span<const Node> far_end)
      : start(static_cast<std::size_t>(nodes) + 1, 0), link(near_end.size()), far(near_end.size()) {
    for (const Node v : near_end) ++start[static_cast<std::size_t>(v) + 1];
    for (std::size_t v = 1; v < start.size(); ++v) start[v] += start[v - 1];
    std::vector<std::int32_t> next(start.begin(), start.end() - 1);
    for (std::size_t e = 0; e < near_end.size(); ++e) {
      const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(near_end[e])]++);
      link[at] = static_cast<Link>(e);
      far[at] = far_end[e];
    }
  }
};

// Nodes [0, nodes) and links [0, links), each from its tail to its head. Parallel links are normal; that every end is a
// node, and no link a loop, is the caller's word.
struct Network {
  Node nodes;
  std::vector<Node> tail, head;
  Rows out, in;

  Network(Node nodes_, std::span<const Node> tail_, std::span<const Node> head_)
      : nodes(nodes_),
        tail(tail_.begin(), tail_.end()),
        head(head_.begin(), head_.end()),
        out(nodes, tail, head),
        in(nodes, head, tail) {}

  std::size_t links() const { return tail.size(); }
};

// Nodes by their keys, least first: a heap of four children a node, which knows where each node is, so that a key can be
// lowered. The keys are the caller's: key[v] is set before v is pushed or lowered, and not changed otherwise.
class Heap {
 public:
  explicit Heap(Node nodes) : node_(static_cast<std::size_t>(nodes)), place_(static_cast<std::size_t>(nodes), OUT) {}

  bool empty() const { return size_ == 0; }

  // v is put in, or moved up if it is in already.
  void push_or_lower(Node v, const double* key) { rise(place_[v] == OUT ? size_++ : place_[v], v, key); }

  void clear() {
    while (size_ > 0) place_[node_[--size_]] = OUT;
  }

  Node pop(const double* key) {
    const Node least = node_[0];
    place_[least] = OUT;
    if (--size_ > 0) sink(node_[size_], key);
    return least;
  }

 private:
  static constexpr std::int32_t OUT = -1;

  void put(std::int32_t at, Node v) {
    node_[at] = v;
    place_[v] = at;
  }

  void rise(std::int32_t at, Node v, const double* key) {
    while (at > 0) {
      const std::int32_t parent = (at - 1) / 4;
      if (key[node_[parent]] <= key[v]) break;
      put(at, node_[parent]);
      at = parent;
    }
    put(at, v);
  }

  // v goes down from the top, which is free.
  void sink(Node v, const double* key) {
    std::int32_t at = 0;
    for (;;) {
      const std::int64_t first = std::int64_t{at} * 4 + 1;
      if (first >= size_) break;
      const auto end = static_cast<std::int32_t>(std::min<std::int64_t>(first + 4, size_));
      auto least = static_cast<std::int32_t>(first);
      for (std::int32_t child = least + 1; child < end; ++child)
        if (key[node_[child]] < key[node_[least]]) least = child;
      if (key[node_[least]] >= key[v]) break;
      put(at, node_[least]);
      at = least;
    }
    put(at, v);
  }

  // By place in the heap, the node; by node, its place.
  struct Numbers : std::vector<std::int32_t> {
    using std::vector<std::int32_t>::vector;
    std::int32_t& operator[](std::int32_t at) { return data()[at]; }
    std::int32_t operator[](std::int32_t at) const { return data()[at]; }
  };
  Numbers node_, place_;
  std::int32_t size_ = 0;
};

}  // namespace highroad
