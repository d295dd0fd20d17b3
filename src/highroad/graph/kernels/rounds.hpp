// Work that is split among threads in rounds: each hears of what the others have done a few rounds later, always as many,
// so what comes out depends on how many they are and not on how fast each of them is.
#pragma once

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crew.hpp"
#include "network.hpp"
#include "pricing.hpp"

namespace highroad {

inline constexpr std::size_t LAG = 1;  // In each round one hears of the one before: of two, sweeps take a tenth more.

// `all` pieces of work for `jobs`: in rounds of one each (of more where there are thousands), if there are so many that
// what others do in the meantime is little beside all; with four a round no plan came to rest. Else all are one round, in
// which what each does weighs as if all did the same.
struct Rounds {
  static constexpr std::size_t FEWEST = 16, MOST = 1000;

  std::size_t count = 1, all;
  int jobs, weighs;

  Rounds(int jobs_, std::size_t all_) : all(all_), jobs(jobs_), weighs(jobs_) {
    const std::size_t mine = (all + static_cast<std::size_t>(jobs) - 1) / static_cast<std::size_t>(jobs);
    if (jobs < 2 || mine < FEWEST) return;
    weighs = 1;
    count = std::min(mine, MOST);
  }

  // Where in all the work of a job in a round begins; that of the next job of this round is behind it.
  std::size_t first(int job, std::size_t round) const {
    const auto of = static_cast<std::size_t>(jobs), mine = static_cast<std::size_t>(job);
    return (mine * count + round) * all / (of * count);
  }
};

// Links whose load a thread has changed in a round, and by how much: what it tells the others.
class Changes {
 public:
  struct Told {
    std::vector<Link> link;
    std::vector<double> change;
  };

  void begin(std::size_t links, std::size_t rounds) {
    if (told_.size() < rounds) told_.resize(rounds);
    before_.resize(links);
    is_changed_.assign(links, 0);
    changed_.clear();
  }

  // The load of a link is about to change.
  void note(std::size_t e, double load) {
    if (is_changed_[e]) return;
    is_changed_[e] = 1;
    before_[e] = load;
    changed_.push_back(static_cast<Link>(e));
  }

  void tell(std::size_t round, const std::vector<double>& load) {
    Told& told = told_[round];
    told.link.assign(changed_.begin(), changed_.end());
    told.change.clear();
    for (const Link link : changed_) {
      const auto e = static_cast<std::size_t>(link);
      told.change.push_back(load[e] - before_[e]);
      is_changed_[e] = 0;
    }
    changed_.clear();
  }

  const Told& told(std::size_t round) const { return told_[round]; }

 private:
  std::vector<Told> told_;
  std::vector<double> before_;
  std::vector<std::uint8_t> is_changed_;
  std::vector<Link> changed_;
};

// What another thread has told: loads and prices are as if it had been done here.
inline void hear(const Changes::Told& told, const Pricing& pricing, std::vector<double>& load, std::vector<double>& price) {
  for (std::size_t k = 0; k < told.link.size(); ++k) {
    const auto e = static_cast<std::size_t>(told.link[k]);
    load[e] += told.change[k];
    price[e] = pricing.at(told.link[k], load[e]);
  }
}

// begin(job) once, then work(job, round) for each round in order, when all others have done the round `lag` before it.
template <class Begin, class Work>
void in_rounds(int jobs, std::size_t rounds, std::size_t lag, const Begin& begin, const Work& work) {
  std::vector<std::atomic<int>> done(static_cast<std::size_t>(jobs));
  const auto wait = [&](std::size_t other, std::size_t round) {
    if (round < lag) return true;
    const int needed = static_cast<int>(round - lag) + 1;
    for (int seen = done[other].load(std::memory_order_acquire); seen < needed;
         seen = done[other].load(std::memory_order_acquire)) {
      if (seen < 0) return false;
      done[other].wait(seen, std::memory_order_acquire);
    }
    return true;
  };
  const auto leave = [&](std::size_t mine, int at) {
    done[mine].store(at, std::memory_order_release);
    done[mine].notify_all();
  };
  const auto job = [&](int k) {
    const auto mine = static_cast<std::size_t>(k);
    try {
      begin(k);
      for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t other = 0; other < done.size(); ++other)
          if (other != mine && !wait(other, round)) return leave(mine, -1);
        work(k, round);
        leave(mine, static_cast<int>(round) + 1);
      }
    } catch (...) {
      leave(mine, -1);
      throw;
    }
  };
  if (jobs > 1 && Crew::ours().run_abreast(jobs, job)) return;
  for (int k = 0; k < jobs; ++k) begin(k);
  for (std::size_t round = 0; round < rounds; ++round)
    for (int k = 0; k < jobs; ++k) work(k, round);
}

}  // namespace highroad
