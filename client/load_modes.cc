// create, share and wait of tripoint-load: closed loops over unary calls. See load.h. Batches:
// load_batches.cc.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

constexpr int kPollMs = 10;

// One call under way, with everything that must outlive it.
template <typename Request, typename Response>
struct Slot {
  std::unique_ptr<grpc::ClientContext> context;
  Request request;
  Response response;

  void Reset() {
    context = std::make_unique<grpc::ClientContext>();
    SetDeadline(*context);
    response.Clear();
  }
};

template <typename Stub, typename Service>
std::vector<std::unique_ptr<Stub>> StubsOf(
    const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
  std::vector<std::unique_ptr<Stub>> stubs;
  for (const auto& channel : channels) stubs.push_back(Service::NewStub(channel));
  return stubs;
}

v1::Peer GetPeer(v1::NodeService::Stub& stub, const std::string& unit) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetPeerRequest request;
  request.set_unit(unit);
  v1::Peer peer;
  const grpc::Status status = stub.GetPeer(&context, request, &peer);
  if (!status.ok()) {
    std::fprintf(stderr, "tripoint-load: GetPeer: %s\n", status.error_message().c_str());
    std::exit(1);
  }
  return peer;
}

struct Channels {
  std::uint64_t size = 0;
  std::uint64_t receipted = 0;
  // Since the first receipt that was seen while waiting: what was receipted, and in which time.
  std::uint64_t flowed = 0;
  double flowed_ms = 0;
};

Channels OutboundOf(const v1::Peer& peer) {
  Channels sum;
  for (const v1::ChannelStatus& channel : peer.channels()) {
    if (!channel.outbound()) continue;
    sum.size += channel.size();
    sum.receipted += channel.receipted();
  }
  return sum;
}

// Waits until the peer's receipts cover everything. Gives up when nothing moved for 60 s.
Channels WaitReceipted(v1::NodeService::Stub& stub, const std::string& unit) {
  std::mutex mutex;
  std::condition_variable never;
  const std::uint64_t before = OutboundOf(GetPeer(stub, unit)).receipted;
  std::uint64_t last = before;
  std::uint64_t flow_from = before;
  SteadyTime flow_start;
  SteadyTime moved = Now();
  while (true) {
    Channels now = OutboundOf(GetPeer(stub, unit));
    if (now.receipted != last) {
      moved = Now();
      if (last == before) {
        flow_from = now.receipted;
        flow_start = moved;
      }
      last = now.receipted;
    }
    if (now.receipted >= now.size) {
      if (last != before) {
        now.flowed = now.receipted - flow_from;
        now.flowed_ms = MsBetween(flow_start, Now());
      }
      return now;
    }
    if (MsBetween(moved, Now()) > 60'000) {
      std::fprintf(stderr, "tripoint-load: %llu of %llu receipted, and nothing moves\n",
                   static_cast<unsigned long long>(now.receipted),
                   static_cast<unsigned long long>(now.size));
      std::exit(1);
    }
    std::unique_lock lock(mutex);
    never.wait_for(lock, std::chrono::milliseconds(kPollMs));
  }
}

}  // namespace

void WaitReceipted(const Endpoint& node, const std::vector<std::string>& units) {
  const auto stub = v1::NodeService::NewStub(Connect(node));
  for (const std::string& unit : units) WaitReceipted(*stub, unit);
}

std::string RunCreate(const Options& options) {
  const Records records(options.record_bytes);
  const auto channels = ConnectAll(options);
  const auto stubs = StubsOf<v1::IncidentService::Stub, v1::IncidentService>(channels);
  std::vector<Slot<v1::CreateIncidentRequest, v1::Incident>> slots(
      static_cast<std::size_t>(options.in_flight));
  std::atomic<std::uint64_t> number{0};
  Crowd crowd(options, [&](int chain, Crowd::Done done) {
    auto& slot = slots[static_cast<std::size_t>(chain)];
    slot.Reset();
    *slot.request.mutable_incident()->mutable_facts() = records.Facts(number.fetch_add(1));
    slot.request.set_request_id(NewRequestId());
    stubs[static_cast<std::size_t>(chain) % stubs.size()]->async()->CreateIncident(
        slot.context.get(), &slot.request, &slot.response, std::move(done));
  });
  return Members(crowd.Run());
}

namespace {

// Drafts and shares one after the other: two calls a notice.
Outcome ShareOneByOne(const Options& options, const Records& records,
                      const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
  const auto stubs = StubsOf<v1::NoticeService::Stub, v1::NoticeService>(channels);
  struct Pair {
    Slot<v1::CreateNoticeRequest, v1::Notice> draft;
    Slot<v1::ShareNoticeRequest, v1::ShareNoticeResponse> share;
  };
  std::vector<Pair> pairs(static_cast<std::size_t>(options.in_flight));
  std::atomic<std::uint64_t> number{0};
  Crowd crowd(options, [&](int chain, Crowd::Done done) {
    Pair& pair = pairs[static_cast<std::size_t>(chain)];
    v1::NoticeService::Stub& stub = *stubs[static_cast<std::size_t>(chain) % stubs.size()];
    pair.draft.Reset();
    *pair.draft.request.mutable_notice() = NoticeOf(records.Facts(number.fetch_add(1)));
    pair.draft.request.set_request_id(NewRequestId());
    stub.async()->CreateNotice(
        pair.draft.context.get(), &pair.draft.request, &pair.draft.response,
        [&pair, &stub, &options, done = std::move(done)](const grpc::Status& status) {
          if (!status.ok()) return done(status);
          pair.share.Reset();
          pair.share.request.Clear();
          pair.share.request.set_name(pair.draft.response.name());
          pair.share.request.set_etag(pair.draft.response.etag());
          pair.share.request.add_units(options.peer);
          pair.share.request.set_request_id(NewRequestId());
          stub.async()->ShareNotice(pair.share.context.get(), &pair.share.request,
                                    &pair.share.response, done);
        });
  });
  return crowd.Run();
}

}  // namespace

std::string RunShare(const Options& options) {
  const Records records(options.record_bytes);
  const auto channels = ConnectAll(options);
  const SteadyTime start = Now();
  BatchOutcome outcome;
  if (options.batch > 0) {
    outcome = ShareBatches(options, records, channels);
  } else {
    outcome.batches = ShareOneByOne(options, records, channels);
  }
  const double batch = std::max(options.batch, 1);
  const auto notices = static_cast<double>(outcome.batches.total - outcome.batches.errors) * batch;
  std::string members =
      Members(outcome.batches) +
      fmt::format(
          ", \"envelope_bytes\": {:.1f}, \"refused\": {}, \"notices\": {:.0f}, "
          "\"notices_per_second\": {:.1f}",
          records.EnvelopeBytes(options.node.unit, options.peer), outcome.refused, notices,
          static_cast<double>(outcome.batches.measured) * batch / outcome.batches.seconds);
  if (options.wait_receipted) {
    const auto node = v1::NodeService::NewStub(channels.front());
    const Channels channels_now = WaitReceipted(*node, options.peer);
    const double seconds = MsBetween(start, Now()) / 1000;
    members += fmt::format(
        ", \"receipted\": {}, \"seconds_receipted\": {:.3f}, \"rate_receipted\": {:.1f}",
        channels_now.receipted, seconds, notices / seconds);
  }
  return members;
}

std::string RunWait(const Options& options) {
  const auto channel = Connect(options.node);
  const auto node = v1::NodeService::NewStub(channel);
  const Channels before = OutboundOf(GetPeer(*node, options.peer));
  const SteadyTime start = Now();
  const Channels after = WaitReceipted(*node, options.peer);
  return fmt::format(
      "\"size\": {}, \"receipted_before\": {}, \"receipted\": {}, \"seconds\": {:.3f}, \"rate\": "
      "{:.1f}",
      after.size, before.receipted, after.receipted, MsBetween(start, Now()) / 1000,
      after.flowed_ms > 0 ? static_cast<double>(after.flowed) / after.flowed_ms * 1000 : 0);
}

}  // namespace tripoint::client::load
