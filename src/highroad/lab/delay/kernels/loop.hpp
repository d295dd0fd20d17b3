// The loop that lets packets go in time: it looks at all queues of a lab, and is asleep when nothing is on its way.
#pragma once

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace highroad {

using Time = std::int64_t;  // nanoseconds of the monotonic clock, or between two of its readings

// What it takes until a process that sleeps is awake, because a packet came or because one is due.
inline constexpr Time WAKE_NS = 25'000;

// What it takes from a verdict until the packet is on its way. Both are measured by `bench`; what is left of them is what a
// link is too long or too short.
inline constexpr Time SEND_NS = 10'000;

// Who is woken again so soon is busy, and looks no more often: then many packets cost little more than one. Each is taken
// to have come half way between two looks, and is let go at that look which is nearest to its time.
inline constexpr Time TICK_NS = 200'000;

inline constexpr Time NEVER = std::numeric_limits<Time>::max();

inline Time now() {
  timespec read;
  clock_gettime(CLOCK_MONOTONIC, &read);
  return static_cast<Time>(read.tv_sec) * 1'000'000'000 + read.tv_nsec;
}

inline timespec span_of(Time ns) { return {ns / 1'000'000'000, ns % 1'000'000'000}; }

// One queue, as it was opened: a netlink socket that does not block, and how long what arrives is kept.
struct Line {
  int descriptor;
  std::uint16_t queue;
  Time delay_ns;
};

// What is on its way over a line: packets that came together, by the number of the last of them, in network order. Room is
// made once, for as much as there can be at one time.
class Way {
 public:
  explicit Way(Time delay_ns) : batches_(std::bit_ceil(static_cast<std::size_t>(2 * (delay_ns / TICK_NS) + 64))) {}

  Time due() const { return count_ == 0 ? NEVER : batches_[first_].due; }

  // Where there is no room, which is not to be, packets go with those before them: too early, and none is lost.
  void push(Time due, std::uint32_t last) {
    if (count_ == batches_.size())
      batches_[place(count_ - 1)].last = last;
    else
      batches_[place(count_++)] = {due, last};
  }

  // Takes what is due by then, which is something, and says the number of the last packet.
  std::uint32_t pop(Time by) {
    std::uint32_t last = 0;
    do {
      last = batches_[first_].last;
      first_ = place(1);
      --count_;
    } while (due() <= by);
    return last;
  }

 private:
  struct Batch {
    Time due;
    std::uint32_t last;
  };

  std::size_t place(std::size_t after) const { return (first_ + after) & (batches_.size() - 1); }

  std::vector<Batch> batches_;
  std::size_t first_ = 0, count_ = 0;
};

// Room for many messages of a queue, filled by one system call.
class Inbox {
 public:
  Inbox() {
    for (std::size_t k = 0; k < AT_ONCE; ++k) {
      parts_[k] = {&room_[k], sizeof room_[k]};
      headers_[k].msg_hdr.msg_iov = &parts_[k];
      headers_[k].msg_hdr.msg_iovlen = 1;
    }
  }

  // Not copied: its headers point into it.
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // The number of the last packet that came, in network order. What else comes is a verdict that was of no use any more.
  std::optional<std::uint32_t> read(int descriptor) {
    std::optional<std::uint32_t> last;
    int count;
    do {
      count = recvmmsg(descriptor, headers_.data(), AT_ONCE, MSG_DONTWAIT, nullptr);
      if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        throw std::system_error(errno, std::generic_category());
      for (int k = count - 1; k >= 0; --k) {
        const Packet& packet = room_[static_cast<std::size_t>(k)];
        if (headers_[static_cast<std::size_t>(k)].msg_len < sizeof packet || packet.header.nlmsg_type != PACKET) continue;
        last = packet.number;
        break;
      }
    } while (count == AT_ONCE);
    return last;
  }

 private:
  static constexpr int AT_ONCE = 64;
  static constexpr std::uint16_t PACKET = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET;

  // The beginning of a message, of which no more is read.
  struct Packet {
    nlmsghdr header;
    nfgenmsg about;
    nlattr attribute;  // NFQA_PACKET_HDR is the first
    std::uint32_t number;
  };

  std::array<Packet, AT_ONCE> room_{};
  std::array<iovec, AT_ONCE> parts_{};
  std::array<mmsghdr, AT_ONCE> headers_{};
};

// The loop. All room is made with it; nothing is allocated while it runs.
class Loop {
 public:
  explicit Loop(std::span<const Line> lines) : lines_(lines.begin(), lines.end()), events_(lines.size() + 1) {
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) fail();
    due_.assign(lines.size(), NEVER);
    for (std::size_t k = 0; k < lines.size(); ++k) {
      ways_.emplace_back(lines_[k].delay_ns);
      verdicts_.push_back({
          .header = {sizeof(Verdict), NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH, NLM_F_REQUEST, 0, 0},
          .about = {AF_UNSPEC, NFNETLINK_V0, htons(lines_[k].queue)},
          .attribute = {sizeof(nlattr) + sizeof(nfqnl_msg_verdict_hdr), NFQA_VERDICT_HDR},
          .verdict = {htonl(NF_ACCEPT), 0},
      });
      epoll_event asked{.events = EPOLLIN, .data = {.u64 = k}};
      if (epoll_ctl(poll_, EPOLL_CTL_ADD, lines_[k].descriptor, &asked) < 0) {
        const int code = errno;
        close(poll_);
        throw std::system_error(code, std::generic_category());
      }
    }
  }

  ~Loop() { close(poll_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Until a signal comes; what is on its way stays so, and it may run again.
  void run() {
    prctl(PR_SET_TIMERSLACK, 1UL);  // for where no priority is allowed: an alarm that may be late will be
    for (;;) {
      const Time slept = now();
      if (busy_) {
        const timespec tick = span_of(TICK_NS);
        if (clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, nullptr) != 0) return;
      }
      const int found = busy_ ? look(0) : look(next() == NEVER ? NEVER : std::max<Time>(0, next() - WAKE_NS - slept));
      if (found < 0) return;
      const Time woken = now();
      const bool came = take(found, busy_ ? std::min((woken - looked_) / 2, TICK_NS) : WAKE_NS);
      looked_ = woken;
      const bool went = let_go(busy_ ? TICK_NS / 2 : WAKE_NS);
      if (went) {
        // Where packets have gone is, as a rule, another queue: they are there now, and not when it is looked at next.
        const int onward = look(0);
        looked_ = now();
        take(std::max(0, onward), 0);
      }
      busy_ = (came || went) && (busy_ || woken - slept < TICK_NS);
    }
  }

 private:
  struct Verdict {
    nlmsghdr header;
    nfgenmsg about;
    nlattr attribute;
    nfqnl_msg_verdict_hdr verdict;
  };

  [[noreturn]] static void fail() { throw std::system_error(errno, std::generic_category()); }

  Time next() const { return due_.empty() ? NEVER : *std::min_element(due_.begin(), due_.end()); }

  // How many lines have something to be read, waiting so long for the first; below 0 when a signal came.
  int look(Time wait_ns) {
    const timespec wait = span_of(wait_ns == NEVER ? 0 : wait_ns);
    const int found = epoll_pwait2(poll_, events_.data(), static_cast<int>(events_.size()),
                                   wait_ns == NEVER ? nullptr : &wait, nullptr);
    if (found < 0 && errno != EINTR) fail();
    return found;
  }

  // Reads what came, so long ago as is said. Says whether there was a packet. The clock is read after a packet: one that
  // came while this process was held up is to be late, and not early.
  bool take(int found, Time ago_ns) {
    bool any = false;
    for (int e = 0; e < found; ++e) {
      const auto k = static_cast<std::size_t>(events_[static_cast<std::size_t>(e)].data.u64);
      const auto last = inbox_.read(lines_[k].descriptor);
      if (!last) continue;
      any = true;
      ways_[k].push(now() - ago_ns + std::max<Time>(0, lines_[k].delay_ns - SEND_NS), *last);
      due_[k] = ways_[k].due();
    }
    return any;
  }

  // Lets go of what is due, or will be so soon, the first first. Says whether there was anything.
  bool let_go(Time ahead_ns) {
    bool any = false;
    for (;;) {
      const auto first = std::min_element(due_.begin(), due_.end());
      const Time by = now() + ahead_ns;
      if (first == due_.end() || *first > by) return any;
      const auto k = static_cast<std::size_t>(first - due_.begin());
      verdicts_[k].verdict.id = ways_[k].pop(by);
      due_[k] = ways_[k].due();
      // Refused when an interface went down: its packets are lost already.
      static_cast<void>(send(lines_[k].descriptor, &verdicts_[k], sizeof verdicts_[k], MSG_DONTWAIT | MSG_NOSIGNAL));
      any = true;
    }
  }

  std::vector<Line> lines_;
  std::vector<Time> due_;
  std::vector<Way> ways_;
  std::vector<Verdict> verdicts_;
  std::vector<epoll_event> events_;
  Inbox inbox_;
  int poll_ = -1;
  Time looked_ = 0;
  bool busy_ = false;
};

}  // namespace highroad
