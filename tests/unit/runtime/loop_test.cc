// Goal: pool and loop run what they accepted, refuse what is too much, and end cleanly. Waits are
// on events.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "proto/contract/error.h"
#include "server/runtime/event_loop.h"
#include "server/runtime/file_watch.h"
#include "server/runtime/random.h"
#include "server/runtime/signals.h"
#include "server/runtime/worker_pool.h"

namespace tripoint::runtime {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);

TEST(WorkerPool, FullQueueRefusesWithAHintAndRunsWhatItTook) {
  WorkerPool pool("read", 1, 2);
  absl::Notification started;
  absl::Notification release;
  std::atomic<int> ran = 0;
  ASSERT_TRUE(pool.Run([&] {
                    started.Notify();
                    release.WaitForNotification();
                    ++ran;
                  })
                  .ok());
  ASSERT_TRUE(started.WaitForNotificationWithTimeout(kDeadline));  // the queue is empty again
  ASSERT_TRUE(pool.Run([&] { ++ran; }).ok());
  ASSERT_TRUE(pool.Run([&] { ++ran; }).ok());
  const absl::Status refused = pool.Run([&] { ++ran; });
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(contract::ReasonOf(refused), contract::Reason::kQueueFull);
  EXPECT_GT(contract::ProblemOf(refused).retry_after_ms, 0);
  release.Notify();
  pool.Stop();
  EXPECT_EQ(ran, 3);
  EXPECT_EQ(contract::ReasonOf(pool.Run([] {})), contract::Reason::kShuttingDown);
}

TEST(WorkerPool, ThreadsWorkAtTheSameTime) {
  WorkerPool pool("read", 2, 8);
  absl::Notification first;
  absl::Notification second;
  // Each waits for the other: with one thread this would not end.
  ASSERT_TRUE(pool.Run([&] {
                    first.Notify();
                    EXPECT_TRUE(second.WaitForNotificationWithTimeout(kDeadline));
                  })
                  .ok());
  ASSERT_TRUE(pool.Run([&] {
                    second.Notify();
                    EXPECT_TRUE(first.WaitForNotificationWithTimeout(kDeadline));
                  })
                  .ok());
  pool.Stop();
}

TEST(EventLoop, TasksRunInOrderAndAllBeforeTheEnd) {
  SystemClock clock;
  EventLoop loop("loop", clock);
  loop.Start();
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(loop.Post([&order, i] { order.push_back(i); }));
  loop.Stop();
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_FALSE(loop.Post([] {}));
}

TEST(EventLoop, QueueIsBounded) {
  SystemClock clock;
  EventLoop loop("loop", clock, 2);
  EXPECT_TRUE(loop.Post([] {}));
  EXPECT_TRUE(loop.Post([] {}));
  EXPECT_FALSE(loop.Post([] {}));
}

TEST(EventLoop, TimersTickAtTheStartAndAgain) {
  SystemClock clock;
  EventLoop loop("loop", clock);
  absl::Notification third;
  int ticks = 0;
  loop.Every(1, [&] {
    if (++ticks == 3) third.Notify();
  });
  loop.Start();
  EXPECT_TRUE(third.WaitForNotificationWithTimeout(kDeadline));
  loop.Stop();
}

TEST(Random, EpochsArePositiveAndDiffer) {
  SystemRandom random;
  const std::uint64_t first = random.Epoch();
  const std::uint64_t second = random.Epoch();
  EXPECT_NE(first, second);
  EXPECT_NE(first, 0U);
  EXPECT_EQ(first >> 63, 0U);
  EXPECT_EQ(random.Bytes(16).size(), 16U);
  EXPECT_NE(random.Bytes(16), random.Bytes(16));
}

TEST(Signals, SignalsAndWakesBecomeEvents) {
  // The child thread holds the blocked mask, so that the test's own process keeps its handlers.
  std::thread([] {
    Signals signals;
    EXPECT_EQ(signals.Wait(0), Signals::Event::kNone);
    signals.Wake();
    EXPECT_EQ(signals.Wait(1000), Signals::Event::kWake);
    (void)pthread_kill(pthread_self(), SIGHUP);
    EXPECT_EQ(signals.Wait(1000), Signals::Event::kReload);
    (void)pthread_kill(pthread_self(), SIGTERM);
    EXPECT_EQ(signals.Wait(1000), Signals::Event::kStop);
  }).join();
}

TEST(FileWatch, ChangeIsToldOnceItIsQuiet) {
  const std::string folder = testing::TempDir() + "/watch";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/tls.pem") << "one";
  FileWatch watch({folder, folder + "/missing"});
  EXPECT_FALSE(watch.ChangedAndQuiet());
  std::ofstream(folder + "/tls.pem") << "other";
  EXPECT_FALSE(watch.ChangedAndQuiet());  // seen just now: it may still be being written
  EXPECT_TRUE(watch.ChangedAndQuiet());
  EXPECT_FALSE(watch.ChangedAndQuiet());
  std::filesystem::remove(folder + "/tls.pem");
  EXPECT_FALSE(watch.ChangedAndQuiet());
  EXPECT_TRUE(watch.ChangedAndQuiet());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tripoint::runtime
