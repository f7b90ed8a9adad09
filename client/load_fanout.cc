// fanout of tripoint-load: shares of one notice to several units. See load.h.
//
// Drafts are made before, so that the CPU of the node named by --process is that of the shares
// alone. Whether a unit is there does not matter: its channel grows all the same. With
// --wait-receipted all of them are there, and what it costs to send is told too.
#include <fmt/format.h>

#include <atomic>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

struct Call {
  std::unique_ptr<grpc::ClientContext> context;
  v1::CreateNoticeRequest draft_request;
  v1::Notice draft;
  v1::ShareNoticeRequest share_request;
  v1::ShareNoticeResponse share;

  void Begin() {
    context = std::make_unique<grpc::ClientContext>();
    SetDeadline(*context);
  }
};

}  // namespace

std::string RunFanout(const Options& options) {
  const Records records(options.record_bytes);
  const auto stub = v1::NoticeService::NewStub(Connect(options.node));
  std::vector<Call> calls(static_cast<std::size_t>(options.in_flight));
  std::vector<v1::Notice> drafts;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{0};
  Crowd drafting(options, [&](int chain, Crowd::Done done) {
    Call& call = calls[static_cast<std::size_t>(chain)];
    call.Begin();
    *call.draft_request.mutable_notice() = NoticeOf(records.Facts(next.fetch_add(1)));
    call.draft_request.set_request_id(NewRequestId());
    stub->async()->CreateNotice(
        call.context.get(), &call.draft_request, &call.draft,
        [&call, &drafts, &mutex, done = std::move(done)](const grpc::Status& status) {
          if (status.ok()) {
            const std::lock_guard lock(mutex);
            drafts.push_back(call.draft);
          }
          done(status);
        });
  });
  const Outcome drafted = drafting.Run();

  Options sharing = options;
  sharing.count = drafts.size();
  next = 0;
  const double cpu_before = ProcessCpuSeconds(options.process);
  Crowd crowd(sharing, [&](int chain, Crowd::Done done) {
    Call& call = calls[static_cast<std::size_t>(chain)];
    call.Begin();
    const v1::Notice& draft = drafts[next.fetch_add(1)];
    call.share_request.Clear();
    call.share_request.set_name(draft.name());
    call.share_request.set_etag(draft.etag());
    for (const std::string& unit : options.units) call.share_request.add_units(unit);
    call.share_request.set_request_id(NewRequestId());
    stub->async()->ShareNotice(call.context.get(), &call.share_request, &call.share,
                               std::move(done));
  });
  Outcome outcome = crowd.Run();
  const double shared_cpu_s = ProcessCpuSeconds(options.process) - cpu_before;
  if (options.wait_receipted) WaitReceipted(options.node, options.units);
  const double whole_cpu_s = ProcessCpuSeconds(options.process) - cpu_before;
  outcome.errors += drafted.errors;
  if (outcome.first_error.empty()) outcome.first_error = drafted.first_error;
  const double count = static_cast<double>(std::max<std::uint64_t>(outcome.total, 1));
  return Members(outcome) + fmt::format(", \"share_cpu_us\": {:.2f}, \"whole_cpu_us\": {:.2f}",
                                        1e6 * shared_cpu_s / count, 1e6 * whole_cpu_s / count);
}

}  // namespace tripoint::client::load
